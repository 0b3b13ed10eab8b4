"""Counts: the funnel and the marks of anything, at once or slot by slot.

They come from the derived tables and cost the same at ten million events as at ten thousand: whole UTC days and
quarter hours from the buckets, and only the edges of a window that don't lie on a quarter hour from events.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from aftersend.storage import metrics
from aftersend.storage.contract import Count, Filter, Funnel, Mark, Marks
from aftersend.storage.metrics import CHANNEL_OF_SNAPSHOT
from aftersend.storage.sqlite.codes import (
    ACTED_BY_MACHINE,
    CHANNEL,
    EMAIL,
    KINDS,
    KNOWN,
    LIFETIME,
    MARK,
    QUARTER,
    QUARTERS_OF_DAY,
    WORDS,
    day,
)
from aftersend.storage.sqlite.selection import Scope, channels_of, scopes_of, sources_of, window_of
from aftersend.storage.sqlite.statements import batched, marks
from aftersend.vocabulary import BadInput, Channel, Instant

Tally = dict[int, list[int]]
"""Kind or mark → total, unique, messages."""

EVERY_KIND = tuple(range(len(KINDS)))
"""Named one by one in conditions, so that the key (scope, channel, kind, quarter) is used whole."""
EVERY_MARK = tuple(MARK.values())


def funnel(c: sqlite3.Connection, which: Filter) -> Funnel:
    counts = Counts(c, which)
    if which.since is not None or which.until is not None:
        return _funnel(counts.between(EVERY_KIND, *window_of(which)))
    tally = counts.lifetime(EVERY_KIND)
    counts.add_snapshots(tally)
    return _funnel(tally)


def timeline(c: sqlite3.Connection, which: Filter, edges: Sequence[Instant]) -> list[Funnel]:
    return [_funnel(tally) for tally in Counts(c, which).slots(EVERY_KIND, edges)]


def marked(c: sqlite3.Connection, which: Filter, edges: Sequence[Instant] | None) -> list[Marks]:
    counts = Counts(c, which)
    if edges is not None:
        return [_marks(tally) for tally in counts.slots(EVERY_MARK, edges)]
    if which.since is None and which.until is None:
        return [_marks(counts.lifetime(EVERY_MARK))]
    return [_marks(counts.between(EVERY_MARK, *window_of(which)))]


def known(c: sqlite3.Connection, which: Filter, instants: Sequence[Instant]) -> list[int]:
    """How many contacts had been seen before each instant."""
    answer = [0] * len(instants)
    for source in sources_of(c, which):
        # Whole days and quarter hours before the instant; contacts first seen in its own quarter hour one by one.
        for place, at in enumerate(instants):
            quarter = min(max(at, 0), 1 << 52) // QUARTER
            answer[place] += sum(
                c.execute(
                    "SELECT coalesce(sum(uniq), 0) FROM buckets "
                    "WHERE scope = ? AND channel = ? AND kind = ? AND quarter >= ? AND quarter < ?",
                    (-source, EMAIL, KNOWN, first, last),
                ).fetchone()[0]
                for first, last in (
                    (day(quarter) + 1, LIFETIME),
                    (quarter // QUARTERS_OF_DAY * QUARTERS_OF_DAY, quarter),
                )
            )
            if at > quarter * QUARTER:
                answer[place] += c.execute(
                    f"SELECT count(DISTINCT c.id) FROM events e JOIN contacts c ON c.id = e.contact WHERE e.source = ? "
                    f"AND e.kind IN ({marks(len(EVERY_KIND))}) AND e.at >= ? AND e.at < ? AND c.first_at = e.at",
                    (source, *EVERY_KIND, quarter * QUARTER, at),
                ).fetchone()[0]
    return answer


class Counts:
    """Counting what one filter asks for."""

    def __init__(self, c: sqlite3.Connection, which: Filter):
        """Raises BadInput for a filter by something that isn't counted."""
        refuse(which, "contact_id", "external_id", "email", "message_id", "kinds", "word")
        self._c = c
        self._which = which
        self._scopes = scopes_of(c, which)
        self._channels = channels_of(which)
        self._human = which.machine == "exclude"
        names = ("human_n", "human_uniq", "human_msgs") if self._human else ("n", "uniq", "msgs")
        self._sums = ", ".join(f"sum({name})" for name in names)
        self._columns = ", ".join(names)

    def lifetime(self, kinds: Sequence[int]) -> Tally:
        """Everything there is."""
        tally = _tally()
        for scope in self._scopes:
            self._add_sums(tally, scope, kinds, LIFETIME, LIFETIME + 1)
        return tally

    def between(self, kinds: Sequence[int], since: Instant, until: Instant) -> Tally:
        """Whole quarter hours from the buckets, what sticks out at the edges from the events."""
        first, last = -(-since // QUARTER), until // QUARTER
        if first > last:
            tally = _tally()
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

    # -- whole quarter hours --

    def _whole(self, kinds: Sequence[int], quarters: Sequence[int]) -> list[Tally]:
        tallies = [_tally() for _ in quarters[1:]]
        long = all(end - start >= QUARTERS_OF_DAY for start, end in pairwise(quarters))
        for scope in self._scopes:
            present = self._present(scope, kinds)
            if not present:
                continue
            if long:
                self._add_days(tallies, scope, present, quarters)
            else:
                self._add_quarters(tallies, scope, present, quarters)
        return tallies

    def _present(self, scope: Scope, kinds: Sequence[int]) -> list[int]:
        """Those of these kinds that ever occurred, so that no index is asked in vain."""
        return [
            kind
            for (kind,) in self._c.execute(
                f"SELECT DISTINCT kind {self._buckets(kinds)}",
                (scope.number, *self._channels, *kinds, LIFETIME, LIFETIME + 1),
            )
        ]

    def _add_quarters(self, tallies: list[Tally], scope: Scope, kinds: Sequence[int], quarters: Sequence[int]) -> None:
        """One pass over the quarter hours, each put into its slot."""
        slot = 0
        for quarter, kind, *counts in self._c.execute(
            f"SELECT quarter, kind, {self._sums} {self._buckets(kinds)} GROUP BY quarter, kind ORDER BY quarter",
            (scope.number, *self._channels, *kinds, quarters[0], quarters[-1]),
        ):
            while quarter >= quarters[slot + 1]:
                slot += 1
            _add(tallies[slot], kind, counts)

    def _add_days(self, tallies: list[Tally], scope: Scope, kinds: Sequence[int], quarters: Sequence[int]) -> None:
        """Slots of a day and more: whole UTC days, and at each edge the part of its UTC day before it, which one slot
        gains and the next one loses. That part is summed from its shorter side."""
        edges = [quarter // QUARTERS_OF_DAY for quarter in quarters]
        if len(edges) == 2:
            self._add_sums(tallies[0], scope, kinds, day(quarters[1]) + 1, day(quarters[0]) + 1)
        else:
            for bucket, kind, *counts in self._c.execute(
                f"SELECT quarter, kind, {self._columns} {self._buckets(kinds)}",
                (scope.number, *self._channels, *kinds, day(quarters[-1]) + 1, day(quarters[0]) + 1),
            ):
                _add(tallies[bisect_right(edges, -2 - bucket) - 1], kind, counts)
        parts = [self._part_before(scope, kinds, quarter) for quarter in quarters]
        for tally, (before, after) in zip(tallies, pairwise(parts), strict=True):
            _add_all(tally, _difference(after, before))

    def _part_before(self, scope: Scope, kinds: Sequence[int], edge: int) -> Tally:
        """What its UTC day holds before a quarter hour."""
        part = _tally()
        morning = edge // QUARTERS_OF_DAY * QUARTERS_OF_DAY
        if edge - morning <= QUARTERS_OF_DAY // 2:
            if edge > morning:
                self._add_sums(part, scope, kinds, morning, edge)
            return part
        self._add_sums(part, scope, kinds, edge, morning + QUARTERS_OF_DAY)
        whole = _tally()
        self._add_sums(whole, scope, kinds, day(edge), day(edge) + 1)
        return _difference(whole, part)

    def _add_sums(self, tally: Tally, scope: Scope, kinds: Sequence[int], first: int, last: int) -> None:
        for kind, *counts in self._c.execute(
            f"SELECT kind, {self._sums} {self._buckets(kinds)} GROUP BY kind",
            (scope.number, *self._channels, *kinds, first, last),
        ):
            _add(tally, kind, counts)

    def _buckets(self, kinds: Sequence[int]) -> str:
        return (
            f"FROM buckets WHERE scope = ? AND channel IN ({marks(len(self._channels))}) "
            f"AND kind IN ({marks(len(kinds))}) AND quarter >= ? AND quarter < ?"
        )

    # -- less than a quarter hour --

    def _add_edge(self, tally: Tally, kinds: Sequence[int], since: Instant, until: Instant) -> None:
        for scope in self._scopes:
            if kinds is EVERY_KIND:
                self._add_events(tally, scope, since, until)
            else:
                self._add_marks(tally, scope, since, until)

    def _add_events(self, tally: Tally, scope: Scope, since: Instant, until: Instant) -> None:
        first = "human_first_at" if self._human else "first_at"
        human = f"AND e.machine != {ACTED_BY_MACHINE}" if self._human else ""
        for kind, *counts in self._c.execute(
            f"""
            SELECT e.kind, count(*), count(DISTINCT CASE WHEN o.{first} = e.at THEN {scope.gatherer} END),
                   count(DISTINCT CASE WHEN om.{first} = e.at AND s.alone THEN m.id END)
            FROM events e JOIN messages m ON m.id = e.message JOIN standings s ON s.message = m.id
            JOIN outcomes o ON o.message = {scope.gatherer} AND o.kind = e.kind
            JOIN outcomes om ON om.message = m.id AND om.kind = e.kind
            WHERE {scope.condition} AND e.kind IN ({marks(len(KINDS))}) AND e.at >= ? AND e.at < ?
              AND e.channel IN ({marks(len(self._channels))}) {human}
            GROUP BY e.kind
            """,
            (*scope.values, *EVERY_KIND, since, until, *self._channels),
        ):
            _add(tally, kind, counts)

    def _add_marks(self, tally: Tally, scope: Scope, since: Instant, until: Instant) -> None:
        """The marks of all to whom anything happened then; a mark lies at an event's instant."""
        uniques, messages = set(), set()
        for pair, message, alone in self._c.execute(
            f"""
            SELECT DISTINCT {scope.gatherer}, m.id, s.alone
            FROM events e JOIN messages m ON m.id = e.message JOIN standings s ON s.message = m.id
            WHERE {scope.condition} AND e.kind IN ({marks(len(KINDS))}) AND e.at >= ? AND e.at < ?
              AND e.channel IN ({marks(len(self._channels))})
            """,
            (*scope.values, *EVERY_KIND, since, until, *self._channels),
        ):
            uniques.add(pair)
            if alone:
                messages.add(message)
        for gatherers, place in ((uniques, 1), (messages, 2)):
            for found in self._marks_of(sorted(gatherers)):
                for mark, (at, total) in found.items():
                    if since <= at < until:
                        counts = tally[MARK[mark]]
                        counts[place] += 1
                        if place == 1:
                            counts[0] += total

    def _marks_of(self, gatherers: Sequence[int]) -> Iterable[dict[Mark, tuple[Instant, int]]]:
        n, first, last = ("human_n", "human_first_at", "human_last_at") if self._human else ("n", "first_at", "last_at")
        for chunk in batched(gatherers):
            happened: dict[int, dict[metrics.Word, metrics.Span]] = defaultdict(dict)
            for message, kind, *span in self._c.execute(
                f"SELECT message, kind, {n}, {first}, {last} FROM outcomes "
                f"WHERE message IN ({marks(len(chunk))}) AND {n} > 0",
                chunk,
            ):
                happened[message][WORDS[kind]] = metrics.Span(*span)
            for facts in happened.values():
                yield metrics.marks(facts)

    # -- what platforms give only as totals --

    def add_snapshots(self, tally: Tally) -> None:
        """Kinds that a platform gives only as totals: per campaign the greater of its snapshot and its events."""
        if self._which.activity_id is not None:
            return
        sources = list(sources_of(self._c, self._which))
        campaign_id = self._which.campaign_id
        named, values = ("", []) if campaign_id is None else ("AND campaign_id = ?", [campaign_id])
        for source, campaign, kind, total, unique in self._c.execute(
            "SELECT source, campaign_id, kind, max(total), max(uniq) FROM totals "
            f"WHERE source IN ({marks(len(sources))}) AND campaign_id != '' {named} GROUP BY 1, 2, 3",
            (*sources, *values),
        ):
            if CHANNEL[CHANNEL_OF_SNAPSHOT.get(KINDS[kind], Channel.EMAIL)] in self._channels:
                n, uniq, messages = self._itemised(source, campaign, kind)
                _add(tally, kind, [max(0, total - n), max(0, unique - uniq), max(0, unique - messages)])

    def _itemised(self, source: int, campaign_id: str, kind: int) -> Sequence[int]:
        """What the campaign's events say of one kind."""
        sums = ", ".join(f"coalesce(sum(b.{name}), 0)" for name in self._columns.split(", "))
        row: Sequence[int] = self._c.execute(
            f"SELECT {sums} FROM campaigns g JOIN buckets b ON b.scope = g.id "
            "WHERE g.source = ? AND g.campaign_id = ? AND g.activity_id = '' "
            f"AND b.channel IN ({marks(len(self._channels))}) AND b.kind = ? AND b.quarter = ?",
            (source, campaign_id, *self._channels, kind, LIFETIME),
        ).fetchone()
        return row


def refuse(which: Filter, *fields: str) -> None:
    """Raise BadInput for a filter by one of these fields."""
    for field in fields:
        if getattr(which, field) is not None:
            raise BadInput(f"This report counts whole campaigns and sources; it can't be asked by {field}.", field)


def _tally() -> Tally:
    return defaultdict(lambda: [0, 0, 0])


def _add(tally: Tally, kind: int, counts: Sequence[int]) -> None:
    sums = tally[kind]
    for place, count in enumerate(counts):
        sums[place] += count


def _add_all(tally: Tally, more: Tally) -> None:
    for kind, counts in more.items():
        _add(tally, kind, counts)


def _difference(one: Tally, other: Tally) -> Tally:
    less = _tally()
    _add_all(less, one)
    for kind, counts in other.items():
        _add(less, kind, [-count for count in counts])
    return less


def _funnel(tally: Tally) -> Funnel:
    return {word: Count(*tally[number]) if number in tally else Count() for number, word in enumerate(KINDS)}


def _marks(tally: Tally) -> Marks:
    return {mark: Count(*tally[number]) if number in tally else Count() for mark, number in MARK.items()}


def lifetimes(
    c: sqlite3.Connection, scopes: Sequence[int], channels: Sequence[int], *, human: bool
) -> dict[int, tuple[Funnel, Marks]]:
    """The counts of many scopes, over all time."""
    names = ("human_n", "human_uniq", "human_msgs") if human else ("n", "uniq", "msgs")
    tallies: dict[int, Tally] = defaultdict(_tally)
    kinds = (*EVERY_KIND, *EVERY_MARK)
    for chunk in batched(scopes):
        for scope, kind, *counts in c.execute(
            f"SELECT scope, kind, {', '.join(names)} FROM buckets WHERE scope IN ({marks(len(chunk))}) "
            f"AND channel IN ({marks(len(channels))}) AND kind IN ({marks(len(kinds))}) AND quarter = ?",
            (*chunk, *channels, *kinds, LIFETIME),
        ):
            _add(tallies[scope], kind, counts)
    return {scope: (_funnel(tallies[scope]), _marks(tallies[scope])) for scope in scopes}
