"""Delta lists: each event once, in the order in which it was stored.

A reader begins with what happened in the last seven days and goes on with whatever is stored from then on,
late events included. Where it stands is a :class:`Place`; a named reader's place is kept in the store and
moves by compare-and-set, so that two calls at the same instant never get the same row.
"""

from __future__ import annotations

import msgspec

from aftersend.storage.contract import EventRow, Filter, Store
from aftersend.vocabulary import Instant, now

FIRST_READ = 7 * 86_400_000


class Place(msgspec.Struct, frozen=True):
    """Everything up to number ``position`` has been read. Up to number ``start``, where the store ended when
    the reader began, only events since ``since`` are read; behind it, all."""

    position: int
    start: int
    since: Instant

    @staticmethod
    def beginning(store: Store) -> Place:
        """The place of a reader that begins now."""
        return Place(0, store.last_number(), now() - FIRST_READ)


class Batch(msgspec.Struct, frozen=True):
    """What one reading brought, oldest event first, and the place before and after it."""

    rows: list[EventRow]
    before: Place
    after: Place
    more: bool


def read(store: Store, which: Filter, place: Place, limit: int) -> Batch:
    """The next events behind a place. Reads only: the same place gives the same rows again."""
    position, rows = place.position, list[EventRow]()
    if position < place.start:
        early = msgspec.structs.replace(which, since=max(place.since, which.since or place.since))
        rows = store.events(early, "arrival", limit=limit + 1, after=(position,))
        rows = [row for row in rows if row.number <= place.start]
        if len(rows) <= limit:
            position = place.start
    if len(rows) <= limit:
        rows += store.events(which, "arrival", limit=limit + 1 - len(rows), after=(position,))
    more, rows = len(rows) > limit, rows[:limit]
    if rows:
        position = rows[-1].number if more else max(position, rows[-1].number)
    after = msgspec.structs.replace(place, position=position)
    # Stored order decides what belongs to the batch; inside it, time does, as a reader expects.
    return Batch(sorted(rows, key=lambda row: (row.occurred_at, row.id)), place, after, more)


def take(store: Store, reader: str, which: Filter, limit: int) -> Batch:
    """The next events for a named reader, each handed out once whoever calls at the same time."""
    while True:
        seen = store.reader_position(reader)
        place = _begun(store, reader) if seen is None else _kept(store, reader, seen)
        batch = read(store, which, place, limit)
        if batch.after.position == seen or store.move_reader(reader, seen, batch.after.position):
            return batch


def _begun(store: Store, reader: str) -> Place:
    """The beginning of a new reader, the same one for all who call at the same time."""
    first = Place.beginning(store)
    store.move_reader(f"{reader} start", None, first.start)
    store.move_reader(f"{reader} since", None, first.since)
    return _kept(store, reader, 0)


def _kept(store: Store, reader: str, position: int) -> Place:
    return Place(position, store.reader_position(f"{reader} start") or 0, store.reader_position(f"{reader} since") or 0)
