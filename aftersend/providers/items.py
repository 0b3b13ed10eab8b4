"""What can't be understood: kept for quarantine with its reason, never dropped (law 6)."""

from __future__ import annotations

from typing import Any

import msgspec

from aftersend.vocabulary import Delivery, Problem, Reading

MOST = 2_000
"""Bytes of an item that are kept with a problem; the delivery has it all."""


def unreadable(delivery: Delivery, why: Exception | str) -> Reading:
    """Of a delivery that is as a whole not what was promised; ``why`` is a sentence without secrets and addresses."""
    return Reading(problems=[Problem(item=0, reason=str(why), raw=delivery.body[:MOST])])


def problem(number: int, item: Any, why: Exception | str) -> Problem:
    """Of one item, by its place in the delivery; kept as JSON, or as it came where it could not be decoded."""
    return Problem(item=number, reason=str(why), raw=_shown(item)[:MOST])


def _shown(item: Any) -> bytes:
    if isinstance(item, bytes):
        return item
    try:
        return msgspec.json.encode(item)
    except (ValueError, TypeError, RecursionError):  # halves of characters; too deep
        return repr(item).encode("utf-8", "replace")
