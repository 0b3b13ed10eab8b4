"""The columns of exported files: their names, and what an event or a message has in each.

Cells are what JSON can hold; times are UTC in ISO form, absent is ``None``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from aftersend.receiver.answers import Row
from aftersend.storage.contract import EventRow, MessageRow, Outcome
from aftersend.vocabulary import Kind
from aftersend.zones import isoformat

EVENT = tuple(Row.__annotations__)
"""Of an event: the keys that it has in every list."""

_OF_MESSAGE = (
    *("source", "campaign_id", "activity_id", "message_id", "contact_id", "external_id", "email", "channel"),
    *("template", "subject", "created_at", "status", "bounce"),
)


_OF_OUTCOME: dict[str, Callable[[Outcome], Any]] = {
    "": lambda outcome: outcome.count,
    "_first_at": lambda outcome: isoformat(outcome.first_at),
    "_last_at": lambda outcome: isoformat(outcome.last_at),
}

MESSAGE = (*_OF_MESSAGE, *(f"{kind}{what}" for kind in Kind for what in _OF_OUTCOME))
"""Of a message: what it is, and for each kind how often it happened (0 for never), when first and when last."""

Cells = Callable[[Any], list[Any]]
"""What a row has in the columns asked for, in their order."""


def event_cells(columns: Sequence[str]) -> Cells:
    """The cells of an event."""
    # One attribute more makes a tuple also of a single column.
    get = attrgetter(*columns, "number")
    times = [place for place, name in enumerate(columns) if name.endswith("_at")]

    def cells(row: EventRow) -> list[Any]:
        *made, _ = get(row)
        for place in times:
            made[place] = isoformat(made[place])
        return made

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
    return (lambda row: isoformat(get(row))) if name.endswith("_at") else get
