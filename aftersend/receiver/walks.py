"""Walks through lists of any length, oldest row first, a page at a time and in constant memory.

A walk moves a window of time along the list, narrow where the list is dense and wide where it is sparse, so that a page
costs the store about what it shows. It ends with the row that was the last when it began. A row that is there
all the time is shown once: what arrives meanwhile is shown if it lies ahead, and a row that moves ahead, because a more
precise time of it was told, isn't shown again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

import msgspec

from aftersend.storage.contract import EventRow, Filter, LogFilter, MessageRow, Order, Store
from aftersend.vocabulary import Instant

PAGE = 2_000
"""Rows of a page, at most."""
FIRST_WINDOW = 60_000
REMEMBERED = 4
"""Pages whose rows are known again. A row moves by less than its platform's least precise list can tell, a minute as a
rule."""


class Numbered(Protocol):
    @property
    def number(self) -> int: ...


Row = TypeVar("Row", bound=Numbered)
Place = TypeVar("Place", bound=tuple[Instant, int] | tuple[Instant, str])


def events(store: Store, which: Filter) -> Iterator[list[EventRow]]:
    """Events by time, then id. A page is never empty."""

    def read(since: Instant, until: Instant, after: tuple[Instant, str] | None) -> list[EventRow]:
        window = msgspec.structs.replace(which, since=since, until=until)
        return store.events(window, "oldest", limit=PAGE, after=after)

    ends = [row.occurred_at for order in _ENDS for row in store.events(which, order, limit=1)]
    return _once(_pages(read, lambda row: (row.occurred_at, row.id), ends))


def messages(store: Store, filters: Sequence[LogFilter]) -> Iterator[list[MessageRow]]:
    """Messages by creation, then number, of all these filters together. A page is never empty."""

    def read(since: Instant, until: Instant, after: tuple[Instant, int] | None) -> list[MessageRow]:
        windows = [msgspec.structs.replace(which, since=since, until=until) for which in filters]
        found = [row for window in windows for row in store.log(window, descending=False, limit=PAGE, after=after)]
        return sorted(found, key=place)[:PAGE]

    def place(row: MessageRow) -> tuple[Instant, int]:
        return row.created_at, row.number

    ends = [
        row.created_at
        for which in filters
        for descending in (False, True)
        for row in store.log(which, descending=descending, limit=1)
    ]
    return _once(_pages(read, place, ends))


_ENDS: tuple[Order, ...] = ("oldest", "newest")


def _pages(
    read: Callable[[Instant, Instant, Place | None], list[Row]],
    place: Callable[[Row], Place],
    ends: Sequence[Instant],
) -> Iterator[list[Row]]:
    if not ends:
        return
    since, last = min(ends), max(ends) + 1
    after: Place | None = None
    width = FIRST_WINDOW
    while since < last:
        until = min(since + width, last)
        page = read(since, until, after)
        if page:
            yield page
        if len(page) == PAGE:
            after = place(page[-1])
            since, width = after[0], max(1, width // 2)
        else:
            since, after = until, None
            width *= 2 if len(page) < PAGE // 2 else 1


def _once(pages: Iterator[list[Row]]) -> Iterator[list[Row]]:
    """The pages without the rows that the ones before them had."""
    known: deque[set[int]] = deque(maxlen=REMEMBERED)
    for page in pages:
        seen = set[int]().union(*known)
        fresh = [row for row in page if row.number not in seen]
        known.append({row.number for row in page})
        if fresh:
            yield fresh
