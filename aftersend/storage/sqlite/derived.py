"""The derived tables: outcomes per message and pair, buckets per campaign and source, spans of campaigns.

They are kept up to date in the transaction that writes the events, in two ways that must agree:

* **added** events are counted on top of what is stored (the fast way, nearly always);
* the messages of **changed or removed** events are counted anew from the events (:meth:`Derived.recount`).

:func:`rebuild` computes them from nothing but the events, and :func:`differences` compares.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from aftersend.storage.contract import Difference
from aftersend.storage.sqlite.codes import ACTED_BY_MACHINE, KIND, LIFETIME, QUARTER, RETURNED
from aftersend.storage.sqlite.statements import batched, marks
from aftersend.vocabulary import Instant, Kind


class Fact(NamedTuple):
    """What the derived tables need to know of an event."""

    message: int
    pair: int
    campaign: int
    channel: int
    kind: int
    machine: int
    at: Instant


Outcome = list[int | None]
"""n, first_at, last_at, human_n, human_first_at, human_last_at."""

_SENT, _BOUNCED = KIND[Kind.SENT], KIND[Kind.BOUNCED]

_UPSERT_BUCKET = """
    INSERT INTO buckets VALUES (?,?,?,?,?,?,?,?)
    ON CONFLICT DO UPDATE SET n = n + excluded.n, uniq = uniq + excluded.uniq,
        human_n = human_n + excluded.human_n, human_uniq = human_uniq + excluded.human_uniq
"""
_MEASURES = f"""
    count(*), min(e.at), max(e.at), sum(e.machine != {ACTED_BY_MACHINE}),
    min(CASE WHEN e.machine != {ACTED_BY_MACHINE} THEN e.at END),
    max(CASE WHEN e.machine != {ACTED_BY_MACHINE} THEN e.at END)
"""


class Derived:
    """The changes that one batch makes to the derived tables."""

    def __init__(self, c: sqlite3.Connection, source_of: Mapping[int, int]):
        self._c = c
        self._source_of = source_of  # campaign → source
        self._buckets: dict[tuple[int, int, int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        self._spans: dict[int, tuple[Instant, Instant]] = {}
        self._homes: dict[int, tuple[int, int]] = {}  # pair → campaign, channel

    def add(self, facts: Iterable[tuple[int, int, int, int, int, int, Instant]], new_messages: set[int]) -> None:
        """Count events that were not there before, given as the fields of a :class:`Fact`. ``new_messages`` can't
        have outcomes yet."""
        gathered: dict[tuple[int, int], Outcome] = {}
        spans, homes, buckets = self._spans, self._homes, self._buckets
        for message, pair, campaign, channel, kind, machine, at in facts:
            human = machine != ACTED_BY_MACHINE
            bucket = buckets[campaign, channel, kind, at // QUARTER]
            bucket[0] += 1
            if human:
                bucket[2] += 1
            span = spans.get(campaign)
            if span is None:
                spans[campaign] = (at, at)
            elif at < span[0]:
                spans[campaign] = (at, span[1])
            elif at > span[1]:
                spans[campaign] = (span[0], at)
            homes[pair] = (campaign, channel)
            for gatherer in (message,) if message == pair else (message, pair):
                key = (gatherer, kind)
                once: Outcome = [1, at, at, 1, at, at] if human else [1, at, at, 0, None, None]
                outcome = gathered.setdefault(key, once)
                if outcome is not once:
                    _join(outcome, once)
        stored = self._stored(sorted({m for m, _ in gathered} - new_messages))
        for key, outcome in gathered.items():
            before = stored.get(key)
            if before is not None:
                _join(outcome, before)
            if key[0] in homes:
                self._first(key, before, outcome)
        self._move_returns(stored, stored | gathered)
        self._write_outcomes(gathered)

    def take_away(self, fact: Fact) -> None:
        """An event is no longer as it was; its messages must be recounted."""
        self._bucket(fact, -1)

    def put_back(self, fact: Fact) -> None:
        """An event as it is now; its messages must be recounted."""
        self._bucket(fact, +1)

    def _bucket(self, fact: Fact, by: int) -> None:
        bucket = self._buckets[fact.campaign, fact.channel, fact.kind, fact.at // QUARTER]
        bucket[0] += by
        if fact.machine != ACTED_BY_MACHINE:
            bucket[2] += by

    def recount(self, touched: Sequence[Fact]) -> None:
        """Compute the outcomes of these facts' messages and pairs, and their campaigns' spans, from the events,
        after the events were written."""
        self._homes |= {fact.pair: (fact.campaign, fact.channel) for fact in touched}
        pairs = sorted({fact.pair for fact in touched})
        messages = sorted({fact.message for fact in touched if fact.message != fact.pair})
        before = self._stored(pairs + messages)
        after: dict[tuple[int, int], Outcome] = {}
        for chunk in batched(pairs):
            for message, kind, *outcome in self._c.execute(
                _PAIR_OUTCOMES.format(f"AND m.pair IN ({marks(len(chunk))})"), chunk
            ):
                after[message, kind] = outcome
        for chunk in batched(messages):
            for message, kind, *outcome in self._c.execute(
                _MESSAGE_OUTCOMES.format(f"AND e.message IN ({marks(len(chunk))})"), chunk
            ):
                after[message, kind] = outcome
        for key in before.keys() | after.keys():
            if key[0] in self._homes:
                self._first(key, before.get(key), after.get(key))
        self._move_returns(before, after)
        self._c.executemany("DELETE FROM outcomes WHERE message = ? AND kind = ?", sorted(before.keys() - after.keys()))
        self._write_outcomes(after)
        for campaign in {fact.campaign for fact in touched}:
            self._c.execute(
                "UPDATE campaigns SET (first_at, last_at) = "
                "(SELECT min(at), max(at) FROM events INDEXED BY events_campaign WHERE campaign = ?) WHERE id = ?",
                (campaign, campaign),
            )

    def write(self) -> None:
        """Add the counted differences to the buckets, of campaigns and sources, by quarter hour and for all time."""
        total: dict[tuple[int, int, int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for (campaign, channel, kind, quarter), counts in self._buckets.items():
            source = -self._source_of[campaign]
            for key in (
                (campaign, channel, kind, quarter),
                (campaign, channel, kind, LIFETIME),
                (source, channel, kind, quarter),
                (source, channel, kind, LIFETIME),
            ):
                sums = total[key]
                for place in range(4):
                    sums[place] += counts[place]
        self._c.executemany(_UPSERT_BUCKET, [(*key, *counts) for key, counts in sorted(total.items()) if any(counts)])
        self._c.executemany(
            "UPDATE campaigns SET first_at = min(coalesce(first_at, ?), ?), last_at = max(coalesce(last_at, ?), ?) "
            "WHERE id = ?",
            [(first, first, last, last, campaign) for campaign, (first, last) in self._spans.items()],
        )

    def _stored(self, messages: Sequence[int]) -> dict[tuple[int, int], Outcome]:
        stored: dict[tuple[int, int], Outcome] = {}
        for chunk in batched(messages):
            for message, kind, *outcome in self._c.execute(
                f"SELECT * FROM outcomes WHERE message IN ({marks(len(chunk))})", chunk
            ):
                stored[message, kind] = outcome
        return stored

    def _first(self, key: tuple[int, int], before: Outcome | None, after: Outcome | None) -> None:
        """A unique occurrence is counted where it was first; move it when that changes (law 2)."""
        campaign, channel = self._homes[key[0]]
        for place, first in ((1, 1), (3, 4)):  # all activity, likely human activity
            old = before[first] if before else None
            new = after[first] if after else None
            if old == new:
                continue
            if old is not None:
                self._buckets[campaign, channel, key[1], old // QUARTER][place] -= 1
            if new is not None:
                self._buckets[campaign, channel, key[1], new // QUARTER][place] += 1

    def _move_returns(
        self, before: Mapping[tuple[int, int], Outcome], after: Mapping[tuple[int, int], Outcome]
    ) -> None:
        """Sends that bounced are counted at the pair's first send; move that when either changes."""
        for pair in {message for message, kind in (*before, *after) if kind == _BOUNCED}:
            if pair not in self._homes:
                continue
            for outcomes, by in ((before, -1), (after, 1)):
                sent, bounced = outcomes.get((pair, _SENT)), outcomes.get((pair, _BOUNCED))
                if sent and bounced:
                    bucket = self._buckets[*self._homes[pair], RETURNED, (sent[1] or 0) // QUARTER]
                    undone = min(sent[0] or 0, bounced[0] or 0)
                    for place, more in ((0, undone), (1, 1), (2, undone), (3, 1)):
                        bucket[place] += by * more

    def _write_outcomes(self, outcomes: Mapping[tuple[int, int], Outcome]) -> None:
        self._c.executemany(
            "INSERT OR REPLACE INTO outcomes VALUES (?,?,?,?,?,?,?,?)",
            sorted((*key, *outcome) for key, outcome in outcomes.items()),
        )


def _join(outcome: Outcome, other: Outcome) -> None:
    """Both together, in place."""
    for place in (0, 3):
        outcome[place] = (outcome[place] or 0) + (other[place] or 0)
    for place, choose in ((1, min), (2, max), (4, min), (5, max)):
        mine, theirs = outcome[place], other[place]
        if theirs is not None:
            outcome[place] = theirs if mine is None else choose(mine, theirs)


_PAIR_OUTCOMES = f"""
    SELECT m.pair, e.kind, {_MEASURES} FROM messages m CROSS JOIN events e ON e.message = m.id
    WHERE true {{0}} GROUP BY 1, 2
"""
_MESSAGE_OUTCOMES = f"""
    SELECT e.message, e.kind, {_MEASURES} FROM events e WHERE true {{0}} GROUP BY 1, 2
"""

# The definitions in SQL, from nothing but events and messages. {home} is a campaign, or a source's negative.
_OUTCOMES = f"""
    SELECT m.pair, e.kind, {_MEASURES} FROM events e JOIN messages m ON m.id = e.message GROUP BY 1, 2
    UNION ALL
    SELECT e.message, e.kind, {_MEASURES} FROM events e JOIN messages m ON m.id = e.message
    WHERE m.pair != m.id GROUP BY 1, 2
"""


def _buckets(home: str, quarter: str) -> str:
    return f"""
    SELECT scope, channel, kind, quarter, sum(n), sum(uniq), sum(human_n), sum(human_uniq) FROM (
        SELECT {home} AS scope, e.channel, e.kind, {quarter.format("e.at")} AS quarter,
               1 AS n, 0 AS uniq, e.machine != {ACTED_BY_MACHINE} AS human_n, 0 AS human_uniq
        FROM events e JOIN campaigns c ON c.id = e.campaign
        UNION ALL
        SELECT {home}, m.channel, o.kind, {quarter.format("o.first_at")}, 0, 1, 0, 0
        FROM fresh_outcomes o JOIN messages m ON m.id = o.message AND m.pair = m.id
            JOIN campaigns c ON c.id = m.campaign
        UNION ALL
        SELECT {home}, m.channel, o.kind, {quarter.format("o.human_first_at")}, 0, 0, 0, 1
        FROM fresh_outcomes o JOIN messages m ON m.id = o.message AND m.pair = m.id
            JOIN campaigns c ON c.id = m.campaign
        WHERE o.human_first_at IS NOT NULL
        UNION ALL
        SELECT {home}, m.channel, {RETURNED}, {quarter.format("s.first_at")}, min(s.n, b.n), 1, min(s.n, b.n), 1
        FROM fresh_outcomes s JOIN fresh_outcomes b ON b.message = s.message AND b.kind = {_BOUNCED}
            JOIN messages m ON m.id = s.message AND m.pair = m.id JOIN campaigns c ON c.id = m.campaign
        WHERE s.kind = {_SENT}
    ) GROUP BY 1, 2, 3, 4
    """


_SPANS = "SELECT campaign, min(at), max(at) FROM events GROUP BY 1"
_TABLES = {
    "outcomes": ("message, kind", "n, first_at, last_at, human_n, human_first_at, human_last_at"),
    "buckets": ("scope, channel, kind, quarter", "n, uniq, human_n, human_uniq"),
}


def compute(c: sqlite3.Connection) -> None:
    """Fill the temporary tables ``fresh_outcomes``, ``fresh_buckets`` and ``fresh_spans`` from the events."""
    for table in ("outcomes", "buckets", "spans"):
        c.execute(f"DROP TABLE IF EXISTS temp.fresh_{table}")
    c.execute("CREATE TEMP TABLE fresh_outcomes AS SELECT * FROM outcomes WHERE false")
    c.execute(f"INSERT INTO fresh_outcomes {_OUTCOMES}")
    c.execute("CREATE INDEX temp.fresh_outcomes_key ON fresh_outcomes (message, kind)")
    c.execute("CREATE TEMP TABLE fresh_buckets AS SELECT * FROM buckets WHERE false")
    for home in ("c.id", "-c.source"):
        for quarter in (f"{{0}} / {QUARTER}", str(LIFETIME)):
            c.execute(f"INSERT INTO fresh_buckets {_buckets(home, quarter)}")
    c.execute(f"CREATE TEMP TABLE fresh_spans AS {_SPANS}")


def rebuild(c: sqlite3.Connection) -> None:
    """Replace the derived tables by what the events say."""
    compute(c)
    for table in _TABLES:
        c.execute(f"DELETE FROM {table}")
        c.execute(f"INSERT INTO {table} SELECT * FROM temp.fresh_{table}")
    c.execute("UPDATE campaigns SET first_at = NULL, last_at = NULL")
    c.execute(
        'UPDATE campaigns SET first_at = s."min(at)", last_at = s."max(at)" '
        "FROM temp.fresh_spans s WHERE s.campaign = campaigns.id"
    )


def differences(c: sqlite3.Connection, limit: int) -> list[Difference]:
    """Where the stored derived tables differ from what the events say now."""
    compute(c)
    found: list[Difference] = []
    for table, (key, values) in _TABLES.items():
        names = [name.strip() for name in key.split(",")]
        # A bucket of nothing but zeros is as good as none.
        kept = "(n != 0 OR uniq != 0 OR human_n != 0 OR human_uniq != 0)" if table == "buckets" else "true"
        stored = f"SELECT {key}, {values} FROM main.{table} WHERE {kept}"
        fresh = f"SELECT {key}, {values} FROM temp.fresh_{table}"
        keys = c.execute(
            f"SELECT DISTINCT {key} FROM (SELECT * FROM ({stored} EXCEPT {fresh}) "
            f"UNION ALL SELECT * FROM ({fresh} EXCEPT {stored})) ORDER BY {key} LIMIT ?",
            (limit - len(found),),
        ).fetchall()
        for row in keys:
            where = " AND ".join(f"{name} = ?" for name in names)
            says = [
                str(c.execute(f"SELECT {values} FROM {place} WHERE {where}", row).fetchone())
                for place in (f"main.{table}", f"temp.fresh_{table}")
            ]
            at = " ".join(f"{name}={value}" for name, value in zip(names, row, strict=True))
            found.append(Difference(table=table, key=at, stored=says[0], computed=says[1]))
    spans = c.execute(
        'SELECT c.id, c.first_at, c.last_at, s."min(at)", s."max(at)" FROM campaigns c '
        "LEFT JOIN temp.fresh_spans s ON s.campaign = c.id "
        'WHERE c.first_at IS NOT s."min(at)" OR c.last_at IS NOT s."max(at)" LIMIT ?',
        (max(0, limit - len(found)),),
    )
    found += [
        Difference(table="campaigns", key=f"id={row[0]}", stored=str(row[1:3]), computed=str(row[3:5])) for row in spans
    ]
    return found
