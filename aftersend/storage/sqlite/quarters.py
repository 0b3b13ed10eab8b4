"""Counting over any time from a table of quarter hours, whole UTC days and all time.

It costs the same at ten million events as at ten thousand: only what sticks out at the edges of a window, where that
isn't cut along quarter hours, is counted from events.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from aftersend.storage.sqlite.codes import LIFETIME, QUARTER, QUARTERS_OF_DAY, day
from aftersend.storage.sqlite.statements import marks
from aftersend.vocabulary import Instant

Tally = dict[int, list[int]]
"""Kind or mark → three counts."""
Place = tuple[int, ...]
"""What leads the key of a table: the values of its condition."""


class Quarters(ABC):
    """Tallies from one table, of all its ``places`` together. ``table`` names it with the condition on what leads its
    key, as ``doors WHERE source = ?``; ``columns`` are the three that are summed."""

    def __init__(self, c: sqlite3.Connection, table: str, columns: Sequence[str], places: Sequence[Place]):
        self._c = c
        self._table = table
        self._columns = ", ".join(columns)
        self._sums = ", ".join(f"sum({name})" for name in columns)
        self._places = places

    @abstractmethod
    def _add_edge(self, tally: Tally, kinds: Sequence[int], since: Instant, until: Instant) -> None:
        """Count the events of less than a quarter hour."""

    def lifetime(self, kinds: Sequence[int]) -> Tally:
        """Everything there is."""
        tally = empty()
        for place in self._places:
            self._add_sums(tally, place, kinds, LIFETIME, LIFETIME + 1)
        return tally

    def between(self, kinds: Sequence[int], since: Instant, until: Instant) -> Tally:
        """Whole quarter hours from the table, what sticks out at the edges from the events."""
        first, last = -(-since // QUARTER), until // QUARTER
        if first > last:
            tally = empty()
            self._add_edge(tally, kinds, since, until)
            return tally
        (tally,) = self._whole(kinds, [first, last])
        for start, end in ((since, first * QUARTER), (last * QUARTER, until)):
            if start < end:
                self._add_edge(tally, kinds, start, end)
        return tally

    def slots(self, kinds: Sequence[int], edges: Sequence[Instant]) -> list[Tally]:
        """A tally for each slot between neighbouring edges. Nothing happened before 1970."""
        edges = [max(0, edge) for edge in edges]
        if any(edge % QUARTER for edge in edges):
            return [self.between(kinds, *slot) for slot in pairwise(edges)]
        return self._whole(kinds, [edge // QUARTER for edge in edges])

    def _whole(self, kinds: Sequence[int], quarters: Sequence[int]) -> list[Tally]:
        tallies = [empty() for _ in quarters[1:]]
        long = all(end - start >= QUARTERS_OF_DAY for start, end in pairwise(quarters))
        for place in self._places:
            present = self._present(place, kinds)
            if not present:
                continue
            if long:
                self._add_days(tallies, place, present, quarters)
            else:
                self._add_quarters(tallies, place, present, quarters)
        return tallies

    def _present(self, place: Place, kinds: Sequence[int]) -> list[int]:
        """Those of these kinds that ever occurred, so that no index is asked in vain."""
        return [
            kind
            for (kind,) in self._c.execute(
                f"SELECT DISTINCT kind {self._rows(kinds)}", (*place, *kinds, LIFETIME, LIFETIME + 1)
            )
        ]

    def _add_quarters(self, tallies: list[Tally], place: Place, kinds: Sequence[int], quarters: Sequence[int]) -> None:
        """One pass over the quarter hours, each put into its slot."""
        slot = 0
        for quarter, kind, *counts in self._c.execute(
            f"SELECT quarter, kind, {self._sums} {self._rows(kinds)} GROUP BY quarter, kind ORDER BY quarter",
            (*place, *kinds, quarters[0], quarters[-1]),
        ):
            while quarter >= quarters[slot + 1]:
                slot += 1
            add(tallies[slot], kind, counts)

    def _add_days(self, tallies: list[Tally], place: Place, kinds: Sequence[int], quarters: Sequence[int]) -> None:
        """Slots of a day and more: whole UTC days, and at each edge the part of its UTC day before it, which one slot
        gains and the next one loses. That part is summed from its shorter side."""
        edges = [quarter // QUARTERS_OF_DAY for quarter in quarters]
        if len(edges) == 2:
            self._add_sums(tallies[0], place, kinds, day(quarters[1]) + 1, day(quarters[0]) + 1)
        else:
            for bucket, kind, *counts in self._c.execute(
                f"SELECT quarter, kind, {self._columns} {self._rows(kinds)}",
                (*place, *kinds, day(quarters[-1]) + 1, day(quarters[0]) + 1),
            ):
                add(tallies[bisect_right(edges, -2 - bucket) - 1], kind, counts)
        parts = [self._part_before(place, kinds, quarter) for quarter in quarters]
        for tally, (before, after) in zip(tallies, pairwise(parts), strict=True):
            add_all(tally, _difference(after, before))

    def _part_before(self, place: Place, kinds: Sequence[int], edge: int) -> Tally:
        """What its UTC day holds before a quarter hour."""
        part = empty()
        morning = edge // QUARTERS_OF_DAY * QUARTERS_OF_DAY
        if edge - morning <= QUARTERS_OF_DAY // 2:
            if edge > morning:
                self._add_sums(part, place, kinds, morning, edge)
            return part
        self._add_sums(part, place, kinds, edge, morning + QUARTERS_OF_DAY)
        whole = empty()
        self._add_sums(whole, place, kinds, day(edge), day(edge) + 1)
        return _difference(whole, part)

    def _add_sums(self, tally: Tally, place: Place, kinds: Sequence[int], first: int, last: int) -> None:
        for kind, *counts in self._c.execute(
            f"SELECT kind, {self._sums} {self._rows(kinds)} GROUP BY kind", (*place, *kinds, first, last)
        ):
            add(tally, kind, counts)

    def _rows(self, kinds: Sequence[int]) -> str:
        return f"FROM {self._table} AND kind IN ({marks(len(kinds))}) AND quarter >= ? AND quarter < ?"


def empty() -> Tally:
    return defaultdict(lambda: [0, 0, 0])


def add(tally: Tally, kind: int, counts: Sequence[int]) -> None:
    sums = tally[kind]
    for place, count in enumerate(counts):
        sums[place] += count


def add_all(tally: Tally, more: Tally) -> None:
    for kind, counts in more.items():
        add(tally, kind, counts)


def _difference(one: Tally, other: Tally) -> Tally:
    less = empty()
    add_all(less, one)
    for kind, counts in other.items():
        add(less, kind, [-count for count in counts])
    return less
