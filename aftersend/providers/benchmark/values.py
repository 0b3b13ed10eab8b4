"""Values as Benchmark writes them: JSON, text, times, figures."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from hashlib import blake2b
from typing import Any

from aftersend.providers import values
from aftersend.providers.values import Figure, figure, first_time, rows_of, text
from aftersend.vocabulary import Instant

decoded = partial(values.decoded, errors="strict")
"""The JSON value of a body. Raises Malformed for what is none: errors of 5xx may be no JSON (section 9)."""
_NAMES = ("_id", "id", "date")
"""What names an item of a list in a report."""


def listed(body: bytes) -> tuple[list[Any], int | None]:
    """The rows of ``{"total": n, "records": […]}`` (2.6, 2.8) and the total, where it is told. Raises Malformed."""
    said = decoded(body)
    return rows_of(said, "records"), count(said.get("total"))


def instant_of(value: Any) -> Instant | None:
    """A time, ``None`` for anything else."""
    found = first_time(value)
    return found.at if found else None


def count(value: Any) -> int | None:
    """A count, ``None`` for anything else."""
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    return whole if type(whole) is int and 0 <= whole < 2**63 else None


def flattened(said: Any) -> dict[str, Figure]:
    """A report's names and figures: ``stats.opens.rate``. Items of a list are named by their own id or date, else by
    their place."""
    found: dict[str, Figure] = {}
    waiting = [("", said)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            below: Iterable[tuple[str, Any]] = ((text(key) or "", inner) for key, inner in value.items())
        elif isinstance(value, list):
            below = ((_name_of(item) or str(place), item) for place, item in enumerate(value))
        else:
            found[name] = figure(value)
            continue
        waiting += reversed([(f"{name}.{key}" if name else key, inner) for key, inner in below])
    return found


def _name_of(item: Any) -> str | None:
    return next((name for key in _NAMES if (name := text(item.get(key)))), None) if isinstance(item, dict) else None


def digest(row: Any) -> str:
    """32 hexadecimal digits over everything a row says."""
    return blake2b(repr(row).encode("utf-8", "replace"), digest_size=16).hexdigest()
