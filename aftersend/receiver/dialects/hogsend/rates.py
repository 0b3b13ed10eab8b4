"""Rates as Hogsend computes and prints them (providers/hogsend.md §5)."""

from __future__ import annotations

import math

from aftersend.storage.contract import Cohort
from aftersend.vocabulary import Kind


def rate(part: int, base: int) -> float:
    """A fraction of 4 decimals, never null; a whole one is an ``int``, which JSON prints without decimals.

    Half up *on the binary float*, as the engine does: 3 of 20,000 is 0.0001 there, since 0.00015 · 10,000 is a little
    less than 1.5.
    """
    if base <= 0:
        return 0
    value = math.floor(part / base * 10_000 + 0.5) / 10_000
    return int(value) if value.is_integer() else value


def delivery_rate(cohort: Cohort) -> float:
    return rate(cohort.happened[Kind.DELIVERED], cohort.happened[Kind.SENT])


def open_rate(cohort: Cohort) -> float:
    """Of what was delivered; of what was sent where nothing was."""
    return rate(cohort.happened[Kind.OPENED], cohort.happened[Kind.DELIVERED] or cohort.happened[Kind.SENT])


def click_rate(cohort: Cohort) -> float:
    """Of what was opened."""
    return rate(cohort.happened[Kind.CLICKED], cohort.happened[Kind.OPENED])


def click_to_delivery_rate(cohort: Cohort) -> float:
    return rate(cohort.happened[Kind.CLICKED], cohort.happened[Kind.DELIVERED])
