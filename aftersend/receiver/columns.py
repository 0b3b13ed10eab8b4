"""The columns of exported files: their names, and what an event or a message has in each.

Cells are what JSON can hold; times are UTC in ISO form, absent is ``None``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

from aftersend import zones
from aftersend.receiver.answers import Row
from aftersend.storage.contract import EventRow, MessageRow, Outcome
from aftersend.vocabulary import Instant, Kind

EVENT = tuple(Row.__annotations__)
"""Of an event: the keys that it has in every list."""

_OF_MESSAGE = (
    *("source", "campaign_id", "activity_id", "message_id", "contact_id", "external_id", "email", "channel"),
    *("template", "subject", "created_at", "status", "bounce"),
)


def _isoformat(at: Instant) -> str | None:
    """As :func:`aftersend.zones.isoformat`, four times as fast for rows that lie close together in time."""
    minute, rest = divmod(at, 60_000)
    return zones.isoformat(at) if rest % 1000 else f"{_minute(minute)}{rest // 1000:02d}Z"


@lru_cache(maxsize=1000)
def _minute(minute: int) -> str:
    """``2026-11-21T10:00:``"""
    return str(zones.isoformat(minute * 60_000)).removesuffix("00Z")


_OF_OUTCOME: dict[str, Callable[[Outcome], Any]] = {
    "": lambda outcome: outcome.count,
    "_first_at": lambda outcome: _isoformat(outcome.first_at),
    "_last_at": lambda outcome: _isoformat(outcome.last_at),
}

MESSAGE = (*_OF_MESSAGE, *(f"{kind}{what}" for kind in Kind for what in _OF_OUTCOME))
"""Of a message: what it is, and for each kind how often it happened (0 for never), when first and when last."""

Cells = Callable[[Any], list[Any]]
"""What a row has in the columns asked for, in their order."""


def event_cells(columns: Sequence[str]) -> Cells:
    """The cells of an event."""
    getters = [_of_row(name) for name in columns]

    def cells(row: EventRow) -> list[Any]:
        return [get(row) for get in getters]

    return cells


def message_cells(columns: Sequence[str]) -> Cells:
    """The cells of a message."""
    blank: list[Any] = [0 if name in set(Kind) else None for name in columns]
    getters = [(place, _of_row(name)) for place, name in enumerate(columns) if name in _OF_MESSAGE]
    happened = {
        kind: [
            (columns.index(f"{kind}{what}"), show) for what, show in _OF_OUTCOME.items() if f"{kind}{what}" in columns
        ]
        for kind in Kind
    }

    def cells(row: MessageRow) -> list[Any]:
        made = blank.copy()
        for place, get in getters:
            made[place] = get(row)
        for kind, outcome in row.outcomes.items():
            for place, show in happened[kind]:
                made[place] = show(outcome)
        return made

    return cells


def _of_row(name: str) -> Callable[[Any], Any]:
    get = attrgetter(name)
    return (lambda row: _isoformat(get(row))) if name.endswith("_at") else get
