"""Values as Constant Contact writes them: JSON, text, counts, times (sections 3.1 and 6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aftersend.providers.contract import Malformed
from aftersend.providers.values import FIRST, LAST, Stamp, decoded
from aftersend.vocabulary import BadInput, Clock, Instant, Precision
from aftersend.zones import from_wall, instant, moment

_MOST = 2**63


def opened(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. Raises Malformed for what is none."""
    said = decoded(body)
    if not isinstance(said, dict):
        raise Malformed("The answer is not an object.")
    return said


def next_of(said: dict[str, Any]) -> str | None:
    """The address of the next page. Everything else is the end: ``_links`` absent, null or empty, ``next`` likewise,
    ``href`` null or empty (section 2)."""
    at: Any = said
    for name in ("_links", "next", "href"):
        at = at.get(name) if isinstance(at, dict) else None
    return at.strip() or None if isinstance(at, str) else None


def count(value: Any) -> int | None:
    """A counter, as a number or, as one page of the guide has them (3.1), as a text; ``None`` for anything else."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal() and len(value) < 19:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value < _MOST else None


def stamp(value: Any, name: str, zone: str = "UTC") -> Stamp | None:
    """An ISO 8601 time (section 6), cut to the millisecond; ``None`` where there is none. Rows print milliseconds that
    are always 000: then it is precise to the second. One without a zone is of ``zone``. Raises BadInput naming the
    field."""
    if value is None or value == "":
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        at, clock = (instant(found), Clock.STATED) if found.tzinfo else from_wall(found, zone)
        if not FIRST <= moment(at) <= LAST:
            raise ValueError
    except (AttributeError, ValueError, TypeError, OverflowError):
        raise BadInput(f"{name} is not a time.", name) from None
    if len(value.strip()) == len("2026-05-04"):
        return Stamp(at, Precision.DAY, clock)
    return Stamp(at, Precision.MILLISECOND if at % 1000 else Precision.SECOND, clock)


def when(value: Any) -> Instant | None:
    """A time that nothing depends on; ``None`` for anything that is none."""
    try:
        found = stamp(value, "")
    except BadInput:
        return None
    return found.at if found else None


def written(at: Instant) -> str:
    """An instant as parameters want it: ``2026-05-04T13:00:07Z``, in whole seconds."""
    return moment(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def instants(rows: Sequence[Any], name: str) -> list[Instant]:
    """The times of those rows that have one."""
    found = [when(row.get(name)) if isinstance(row, dict) else None for row in rows]
    return [at for at in found if at is not None]
