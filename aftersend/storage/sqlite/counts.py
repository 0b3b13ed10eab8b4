"""Counts: the funnel of anything, at once or slot by slot, and of campaigns.

They come from the derived tables and cost the same at ten million events as at ten thousand; only the edges of
a window that don't lie on a quarter hour are counted from events.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec

from aftersend.storage.contract import CampaignRow, Count, Filter, Funnel
from aftersend.storage.metrics import CHANNEL_OF_SNAPSHOT
from aftersend.storage.sqlite.codes import ACTED_BY_MACHINE, CHANNEL, KIND, KINDS, LIFETIME, QUARTER, RETURNED
from aftersend.storage.sqlite.selection import campaigns_of, channels_of, sources_of, window_of
from aftersend.storage.sqlite.statements import marks
from aftersend.vocabulary import BadInput, Channel, Instant, Kind

Tally = dict[int, list[int]]
"""Kind → total, unique."""

EVERY_KIND = tuple(range(len(KINDS)))
"""Named one by one in conditions, so that the key (scope, channel, kind, quarter) is used whole."""


def funnel(c: sqlite3.Connection, which: Filter) -> Funnel:
    counts = Counts(c, which)
    return counts.lifetime() if which.since is None and which.until is None else counts.between(*window_of(which))


def timeline(c: sqlite3.Connection, which: Filter, edges: Sequence[Instant]) -> list[Funnel]:
    counts = Counts(c, which)
    if any(edge % QUARTER for edge in edges):
        return [counts.between(*slot) for slot in pairwise(edges)]
    return counts.slots([edge // QUARTER for edge in edges])


def returns(c: sqlite3.Connection, which: Filter, edges: Sequence[Instant] | None) -> list[Count]:
    counts = Counts(c, which)
    if edges is None and which.since is None and which.until is None:
        return [counts.returned(LIFETIME, LIFETIME + 1)]
    return [counts.returned_between(*slot) for slot in pairwise(edges or window_of(which))]


class Counts:
    """Counting what one filter asks for."""

    def __init__(self, c: sqlite3.Connection, which: Filter):
        """Raises BadInput for a filter by something that isn't counted."""
        for field in ("contact_id", "external_id", "email", "message_id", "kinds", "word"):
            if getattr(which, field) is not None:
                raise BadInput(f"This report counts whole campaigns and sources; it can't be asked by {field}.", field)
        self._c = c
        self._which = which
        # The buckets' scopes that add up to the filter: campaigns, or sources as negative numbers.
        self._scopes = campaigns_of(c, which) if which.campaign_id is not None else [-id for id in sources_of(c, which)]
        self._channels = channels_of(which)
        self._human = which.machine == "exclude"
        self._n, self._uniq = ("human_n", "human_uniq") if self._human else ("n", "uniq")

    def lifetime(self) -> Funnel:
        """Everything there is, with what platforms give only as totals."""
        tally = _tally()
        self._add_buckets(tally, LIFETIME, LIFETIME + 1)
        self._add_snapshots(tally)
        return _funnel(tally)

    def between(self, since: Instant, until: Instant) -> Funnel:
        """Whole quarter hours from the buckets, what sticks out at the edges from the events."""
        tally = _tally()
        whole, edges = _parts(since, until)
        if whole:
            self._add_buckets(tally, *whole)
        for edge in edges:
            self._add_events(tally, *edge)
        return _funnel(tally)

    def slots(self, quarters: Sequence[int]) -> list[Funnel]:
        """One pass over the buckets, each put into its slot."""
        tallies = [_tally() for _ in quarters[1:]]
        for scope in self._scopes:
            slot = 0
            for quarter, kind, total, unique in self._c.execute(
                f"SELECT quarter, kind, sum({self._n}), sum({self._uniq}) {self._buckets(EVERY_KIND)} "
                "GROUP BY quarter, kind ORDER BY quarter",
                (scope, *self._channels, *EVERY_KIND, quarters[0], quarters[-1]),
            ):
                while quarter >= quarters[slot + 1]:
                    slot += 1
                _add(tallies[slot], kind, total, unique)
        return [_funnel(tally) for tally in tallies]

    def returned(self, first: int, last: int) -> Count:
        """What was sent in these quarters and came back."""
        found = [
            self._c.execute(
                f"SELECT coalesce(sum(n), 0), coalesce(sum(uniq), 0) {self._buckets((RETURNED,))}",
                (scope, *self._channels, RETURNED, first, last),
            ).fetchone()
            for scope in self._scopes
        ]
        return Count(sum(total for total, _ in found), sum(unique for _, unique in found))

    def returned_between(self, since: Instant, until: Instant) -> Count:
        """The same between any two instants."""
        whole, edges = _parts(since, until)
        inside = self.returned(*whole) if whole else Count()
        total, unique = inside.total, inside.unique
        for start, end in edges:
            for scope in self._scopes:
                found = self._c.execute(
                    f"""
                    SELECT coalesce(sum(undone), 0), count(*) FROM (
                        SELECT DISTINCT m.pair, min(s.n, b.n) AS undone
                        FROM events e JOIN messages m ON m.id = e.message
                        JOIN outcomes s ON s.message = m.pair AND s.kind = e.kind AND s.first_at = e.at
                        JOIN outcomes b ON b.message = m.pair AND b.kind = ?
                        WHERE {_home(scope)} = ? AND e.kind = ? AND e.at >= ? AND e.at < ?
                          AND e.channel IN ({marks(len(self._channels))})
                    )
                    """,
                    (KIND[Kind.BOUNCED], abs(scope), KIND[Kind.SENT], start, end, *self._channels),
                ).fetchone()
                total, unique = total + found[0], unique + found[1]
        return Count(total, unique)

    def _buckets(self, kinds: Sequence[int]) -> str:
        return (
            f"FROM buckets WHERE scope = ? AND channel IN ({marks(len(self._channels))}) "
            f"AND kind IN ({marks(len(kinds))}) AND quarter >= ? AND quarter < ?"
        )

    def _add_buckets(self, tally: Tally, first: int, last: int) -> None:
        for scope in self._scopes:
            for row in self._c.execute(
                f"SELECT kind, sum({self._n}), sum({self._uniq}) {self._buckets(EVERY_KIND)} GROUP BY kind",
                (scope, *self._channels, *EVERY_KIND, first, last),
            ):
                _add(tally, *row)

    def _add_events(self, tally: Tally, since: Instant, until: Instant) -> None:
        first = "o.human_first_at" if self._human else "o.first_at"
        human = f"AND e.machine != {ACTED_BY_MACHINE}" if self._human else ""
        for scope in self._scopes:
            for row in self._c.execute(
                f"""
                SELECT e.kind, count(*), count(DISTINCT CASE WHEN {first} = e.at THEN m.pair END)
                FROM events e JOIN messages m ON m.id = e.message
                JOIN outcomes o ON o.message = m.pair AND o.kind = e.kind
                WHERE {_home(scope)} = ? AND e.kind IN ({marks(len(KINDS))}) AND e.at >= ? AND e.at < ?
                  AND e.channel IN ({marks(len(self._channels))}) {human}
                GROUP BY e.kind
                """,
                (abs(scope), *EVERY_KIND, since, until, *self._channels),
            ):
                _add(tally, *row)

    def _add_snapshots(self, tally: Tally) -> None:
        """Kinds that a platform gives only as totals: per campaign the greater of its snapshot and its events."""
        sources = list(sources_of(self._c, self._which))
        campaign_id = self._which.campaign_id
        named, values = ("", []) if campaign_id is None else ("AND campaign_id = ?", [campaign_id])
        for source, campaign, kind, total, unique in self._c.execute(
            "SELECT source, campaign_id, kind, max(total), max(uniq) FROM totals "
            f"WHERE source IN ({marks(len(sources))}) AND campaign_id != '' {named} GROUP BY 1, 2, 3",
            (*sources, *values),
        ):
            if CHANNEL[CHANNEL_OF_SNAPSHOT.get(KINDS[kind], Channel.EMAIL)] in self._channels:
                ours = self._itemised(source, campaign, kind)
                _add(tally, kind, max(0, total - ours.total), max(0, unique - ours.unique))

    def _itemised(self, source: int, campaign_id: str, kind: int) -> Count:
        """What the campaign's events say of one kind."""
        row = self._c.execute(
            f"SELECT coalesce(sum(b.{self._n}), 0), coalesce(sum(b.{self._uniq}), 0) "
            "FROM campaigns g JOIN buckets b ON b.scope = g.id WHERE g.source = ? AND g.campaign_id = ? "
            f"AND b.channel IN ({marks(len(self._channels))}) AND b.kind = ? AND b.quarter = ?",
            (source, campaign_id, *self._channels, kind, LIFETIME),
        ).fetchone()
        return Count(*row)


def _tally() -> Tally:
    return defaultdict(lambda: [0, 0])


def _add(tally: Tally, kind: int, total: int, unique: int) -> None:
    both = tally[kind]
    both[0] += total
    both[1] += unique


def _funnel(tally: Tally) -> Funnel:
    return {word: Count(*tally[number]) if number in tally else Count() for number, word in enumerate(KINDS)}


def _home(scope: int) -> str:
    return "e.campaign" if scope > 0 else "e.source"


def _parts(since: Instant, until: Instant) -> tuple[tuple[int, int] | None, list[tuple[Instant, Instant]]]:
    """A window as whole quarter hours (first, behind the last) and what sticks out at its edges."""
    first, last = -(-since // QUARTER), until // QUARTER
    if first > last:
        return None, [(since, until)]
    return (first, last), [
        (start, end) for start, end in ((since, first * QUARTER), (last * QUARTER, until)) if start < end
    ]


def campaigns(c: sqlite3.Connection, which: Filter, limit: int, offset: int) -> list[CampaignRow]:
    sources = sources_of(c, which)
    channels = channels_of(which)
    # A campaign of text messages alone is none of an email report.
    seen = (
        f"EXISTS (SELECT 1 FROM buckets b WHERE b.scope = campaigns.id AND b.channel IN ({marks(len(channels))}) "
        f"AND b.kind IN ({marks(len(KINDS))}) AND b.quarter = ? AND b.n > 0)"
    )
    conditions = [f"source IN ({marks(len(sources))})", seen]
    values: list[Any] = [*sources, *channels, *range(len(KINDS)), LIFETIME]
    if which.campaign_id is not None:
        conditions.append("campaign_id = ?")
        values.append(which.campaign_id)
    if which.since is not None:
        conditions.append("last_at >= ?")
        values.append(which.since)
    if which.until is not None:
        conditions.append("first_at < ?")
        values.append(which.until)
    found = c.execute(
        f"SELECT id, source, campaign_id, first_at, last_at FROM campaigns WHERE {' AND '.join(conditions)} "
        "ORDER BY first_at DESC, source, campaign_id LIMIT ? OFFSET ?",
        (*values, limit, offset),
    ).fetchall()
    lifetime = msgspec.structs.replace(which, since=None, until=None)
    answer = []
    for _, source, campaign_id, first_at, last_at in found:
        one = msgspec.structs.replace(lifetime, sources=(sources[source],), campaign_id=campaign_id)
        answer.append(
            CampaignRow(
                source=sources[source],
                campaign_id=campaign_id or None,
                first_at=first_at,
                last_at=last_at,
                counts=funnel(c, one),
                returned=returns(c, one, None)[0],
            )
        )
    return answer
