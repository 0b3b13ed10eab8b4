"""Percentages and changes: exact fractions until they are printed (providers/benchmark-email.md §6)."""

from __future__ import annotations

from fractions import Fraction

from aftersend.receiver.dialects.benchmark.answers import Number
from aftersend.receiver.rounding import ratio


def share(part: int, base: int) -> Fraction:
    """``part`` of ``base`` in percent; 0 of nothing."""
    return Fraction(100 * part, base) if base else Fraction(0)


def diff(value: Fraction | int, prev: Fraction | int) -> Number:
    """By how many percent a count or a rate changed; from nothing to something it is 100."""
    if prev == 0:
        return 100 if value else 0
    return printed(100 * (Fraction(value) - prev) / prev)


def printed(exact: Fraction) -> Number:
    """Two decimals, halves away from zero, without trailing zeros: ``4``, ``25.8``, never ``-0``."""
    found = ratio(exact.numerator, exact.denominator, 2) or 0.0
    return int(found) if found.is_integer() else found
