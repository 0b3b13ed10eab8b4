"""Values as Benchmark writes them: JSON, text, times, figures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from aftersend.providers.contract import Malformed
from aftersend.vocabulary import BadInput, Clock, Instant, Precision, Problem
from aftersend.zones import instant

Figure = int | float | str | None
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
_NAMES = ("_id", "id", "date")
"""What names an item of a list in a report."""


class Stamp(NamedTuple):
    """A time, and how far it can be trusted."""

    at: Instant
    precision: Precision
    clock: Clock


def decoded(body: bytes) -> Any:
    """The JSON value of a body. Raises Malformed for what is none: errors of 5xx may be no JSON (section 9)."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(body.decode("utf-8-sig"), strict=False)
    except (ValueError, RecursionError):
        raise Malformed("The answer is not JSON.") from None


def listed(body: bytes) -> tuple[list[Any], int | None]:
    """The rows of ``{"total": n, "records": […]}`` (2.6, 2.8) and the total, where it is told. Raises Malformed."""
    said = decoded(body)
    rows = said.get("records") if isinstance(said, dict) else None
    if not isinstance(rows, list):
        raise Malformed("The answer has no list 'records'.")
    return rows, count(said.get("total"))


def text(value: Any) -> str | None:
    """A value as the vocabulary has it: text, trimmed, never empty, without what no store holds; ``None`` for anything
    that is neither text nor a number."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return _UNSTORABLE.sub("\ufffd", str(value)).strip() or None


def stamp(value: Any, name: str) -> Stamp | None:
    """An ISO 8601 time, UTC with milliseconds and ``Z`` by example (section 5); one without a zone is taken as UTC.
    ``None`` where there is none. Raises BadInput naming the field."""
    if value is None or value == "":
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        if not _FIRST <= aware <= _LAST:
            raise ValueError
    except (AttributeError, ValueError, TypeError, OverflowError):
        raise BadInput(f"{name} is not a time.", name) from None
    return Stamp(
        instant(aware),
        Precision.MILLISECOND if "." in value else Precision.SECOND,
        Clock.STATED if found.tzinfo else Clock.ASSUMED,
    )


def instant_of(value: Any) -> Instant | None:
    """The same, ``None`` also for what is no time."""
    try:
        found = stamp(value, "")
    except BadInput:
        return None
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
            found[name] = _figure(value)
            continue
        waiting += reversed([(f"{name}.{key}" if name else key, inner) for key, inner in below])
    return found


def _name_of(item: Any) -> str | None:
    return next((name for key in _NAMES if (name := text(item.get(key)))), None) if isinstance(item, dict) else None


def _figure(value: Any) -> Figure:
    if value is None or isinstance(value, float) or (type(value) is int and abs(value) < 2**63):
        return value
    return (text(str(value)) or "")[:200]


def known(**values: str | None) -> dict[str, str]:
    """Those that say something."""
    return {name: value for name, value in values.items() if value}


def digest(row: Any) -> str:
    """32 hexadecimal digits over everything a row says."""
    return blake2b(repr(row).encode("utf-8", "replace"), digest_size=16).hexdigest()


def problem(item: int, reason: str, raw: Any) -> Problem:
    """An item that can't be understood."""
    shown = raw if isinstance(raw, bytes) else repr(raw).encode("utf-8", "replace")
    return Problem(item=item, reason=reason, raw=shown[:2000])
