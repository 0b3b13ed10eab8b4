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
        # A day of any zone is longer than half of one, also when clocks change.
        long = all(end - start > QUARTERS_OF_DAY // 2 for start, end in pairwise(quarters))
        add_slots = self._add_days if long else self._add_buckets
        for place in self._places:
            add_slots(tallies, place, kinds, quarters)
        return tallies

    def _add_buckets(self, tallies: list[Tally], place: Place, kinds: Sequence[int], edges: Sequence[int]) -> None:
        """Buckets one by one, each put into its slot; the edges are buckets too."""
        for bucket, kind, *counts in self._c.execute(
            f"SELECT quarter, kind, {self._columns} {self._rows(kinds)}", (*place, *kinds, edges[0], edges[-1])
        ):
            add(tallies[bisect_right(edges, bucket) - 1], kind, counts)

    def _add_days(self, tallies: list[Tally], place: Place, kinds: Sequence[int], quarters: Sequence[int]) -> None:
        """UTC days, put into slots as if these were cut at the midnight that is nearest to each edge; then what lies
        between an edge and its midnight moves from one slot to its neighbour."""
        midnights = [(quarter + QUARTERS_OF_DAY // 2) // QUARTERS_OF_DAY * QUARTERS_OF_DAY for quarter in quarters]
        if len(tallies) == 1:
            self._add_sums(tallies[0], place, kinds, day(midnights[1]) + 1, day(midnights[0]) + 1)
        else:
            # Days count downwards.
            days = [day(midnight) + 1 for midnight in reversed(midnights)]
            self._add_buckets(tallies[::-1], place, kinds, days)
        if midnights == quarters:
            return
        present = self._present(place, kinds)
        for slot, (quarter, midnight) in enumerate(zip(quarters, midnights, strict=True)):
            between = empty()
            self._add_sums(between, place, present, min(quarter, midnight), max(quarter, midnight))
            sign = 1 if midnight < quarter else -1
            for kind, counts in between.items():
                moved = [sign * count for count in counts]
                if slot > 0:
                    add(tallies[slot - 1], kind, moved)
                if slot < len(tallies):
                    add(tallies[slot], kind, [-count for count in moved])

    def _present(self, place: Place, kinds: Sequence[int]) -> list[int]:
        """Those of these kinds that ever occurred, so that no index is asked in vain."""
        return [
            kind
            for (kind,) in self._c.execute(
                f"SELECT DISTINCT kind {self._rows(kinds)}", (*place, *kinds, LIFETIME, LIFETIME + 1)
            )
        ]

    def _add_sums(self, tally: Tally, place: Place, kinds: Sequence[int], first: int, last: int) -> None:
        if first >= last:
            return
        for kind, *counts in self._c.execute(
            f"SELECT kind, {self._sums} {self._rows(kinds)} GROUP BY kind", (*place, *kinds, first, last)
        ):
            add(tally, kind, counts)

    def _rows(self, kinds: Sequence[int]) -> str:
        return f"FROM {self._table} AND kind IN ({marks(len(kinds))}) AND quarter >= ? AND quarter < ?"


def empty() -> Tally:
    return defaultdict(lambda: [0, 0, 0])


def add(tally: Tally, kind: int, counts: Sequence[int]) -> None:
    one, two, three = counts
    sums = tally[kind]
    sums[0] += one
    sums[1] += two
    sums[2] += three
