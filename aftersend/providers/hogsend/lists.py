"""Lists as Hogsend answers them: ``{"<name>": […], "total": n, …}`` (sections 2.4 and 2.7)."""

from __future__ import annotations

from typing import Any

from aftersend.providers.contract import Malformed
from aftersend.providers.hogsend.identity import digest
from aftersend.providers.values import decoded, rows_of, stamp, text
from aftersend.vocabulary import BadInput, Instant


def listed(body: bytes, name: str) -> tuple[list[Any], int | None]:
    """The rows of a list, and how many there are in all, where that is said. Raises Malformed for what is none."""
    said = decoded(body)
    rows = rows_of(said, name)
    total, offset = _number(said.get("total")), _number(said.get("offset"))
    if not rows and total is not None and offset is not None and offset < total:
        raise Malformed(f"The answer has none of the {total} rows of '{name}' it speaks of.")
    return rows, total


def _number(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def row_id(row: Any) -> str:
    """The row's id, or a digest of all of it where it has none."""
    return (text(row.get("id")) if isinstance(row, dict) else None) or digest(repr(row).encode("utf-8", "replace"))


def last_of(rows: list[Any], name: str, *, falling: bool) -> Instant | None:
    """The time of the last row of a page, where all its rows have one and stand in the order that was asked for: only
    then it can be gone on from."""
    times = []
    for row in rows:
        try:
            found = stamp(row.get(name), name) if isinstance(row, dict) else None
        except BadInput:
            return None
        if found is None:
            return None
        times.append(found.at)
    return times[-1] if times and times == sorted(times, reverse=falling) else None
