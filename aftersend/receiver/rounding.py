"""Rates from whole counts, without a float in between that could put an exact half on the wrong side."""

from __future__ import annotations


def ratio(part: int, base: int, digits: int) -> float | None:
    """``part / base`` rounded to that many decimals, halves away from zero; ``None`` where the base is 0."""
    if base == 0:
        return None
    scale: int = 10**digits
    sign = -1 if (part < 0) != (base < 0) else 1
    part, base = abs(part), abs(base)
    scaled: int = (2 * part * scale + base) // (2 * base)
    answer: float = sign * scaled / scale
    return answer


def percent(part: int, base: int, digits: int) -> float | None:
    """``100 · part / base`` rounded likewise."""
    return ratio(100 * part, base, digits)
