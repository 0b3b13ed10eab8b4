"""Values as ColdSend writes them: JSON, text, times, pages (provider file, sections 2.9 and 6)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple

from aftersend.providers import values
from aftersend.providers.paging import Page
from aftersend.providers.values import rows_of, text
from aftersend.vocabulary import BadInput, Clock, Instant
from aftersend.zones import from_wall, instant

Fields = dict[str, Any]
"""A JSON object."""

decoded = partial(values.decoded, what="This")
"""The JSON value of a body. Raises Malformed for what is none."""
_FIRST, _LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


class Stamp(NamedTuple):
    """A time to the second, and how its zone was found."""

    at: Instant
    clock: Clock


def listed(body: bytes, name: str) -> tuple[Fields, list[Any]]:
    """An answer and the rows of its list. Raises Malformed where it has no such list."""
    said = decoded(body)
    return said, rows_of(said, name)


def page(said: Fields, ids: list[str]) -> Page:
    """What an answer says about going on: in ``pagination``, or flat beside the rows (2.9)."""
    told = said.get("pagination")
    told = told if isinstance(told, dict) else said
    more, total = told.get("has_next"), told.get("total", told.get("total_count"))
    return Page(
        ids=ids,
        more=more if isinstance(more, bool) else None,
        total=total if type(total) is int and total >= 0 else None,
    )


def stamp(value: Any, name: str, zone: str) -> Stamp | None:
    """An ISO 8601 time, cut to the second, because a fraction of zero is not printed; ``None`` where there is none. One
    without a zone is a wall time of ``zone`` (6). Raises BadInput naming the field."""
    if value is None or value == "":
        return None
    try:
        found = datetime.fromisoformat(value.strip()).replace(microsecond=0)
        if not _FIRST <= (found if found.tzinfo else found.replace(tzinfo=UTC)) <= _LAST:
            raise ValueError
        return Stamp(instant(found), Clock.STATED) if found.tzinfo else Stamp(*from_wall(found, zone))
    except (AttributeError, ValueError, TypeError, OverflowError):
        raise BadInput(f"{name} is not a time.", name) from None


def plain(fields: Fields) -> dict[str, int | float | str | None]:
    """The figures and texts of an object under their own names, without what lies deeper."""
    return {text(name) or "": _figure(value) for name, value in fields.items() if not isinstance(value, (dict, list))}


def digest(*values: Any) -> str:
    """What tells something without an id from others: 24 hexadecimal digits over these values."""
    return blake2b(json.dumps(values, sort_keys=True).encode("utf-8", "replace"), digest_size=12).hexdigest()


def _figure(value: Any) -> int | float | str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    return (text(value) or "")[:200]
