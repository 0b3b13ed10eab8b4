"""Counts: the funnel and the marks of anything, at once or slot by slot.

They come from the buckets; a funnel of all time also has what snapshots stand for (:mod:`totals`).
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence

from aftersend.storage import metrics
from aftersend.storage.contract import NO_CLAIMS, Claims, Count, Filter, Funnel, Mark, Marks
from aftersend.storage.sqlite import totals
from aftersend.storage.sqlite.codes import (
    ACTED_BY_MACHINE,
    EMAIL,
    KIND,
    KINDS,
    KNOWN,
    LIFETIME,
    MARK,
    QUARTER,
    QUARTERS_OF_DAY,
    WORDS,
    day,
)
from aftersend.storage.sqlite.quarters import Quarters, Tally, add, empty
from aftersend.storage.sqlite.selection import Scope, channels_of, scopes_of, sources_of, window_of
from aftersend.storage.sqlite.statements import batched, marks
from aftersend.vocabulary import BadInput, Instant, Kind

EVERY_KIND = tuple(range(len(KINDS)))
"""Named one by one in conditions, so that the key (scope, channel, kind, quarter) is used whole."""
EVERY_MARK = tuple(MARK.values())
_NOTHING = Count()


def funnel(c: sqlite3.Connection, which: Filter) -> Funnel:
    counts = Counts(c, which)
    if which.since is not None or which.until is not None:
        return _funnel(counts.between(EVERY_KIND, *window_of(which)))
    return with_claims(_funnel(counts.lifetime(EVERY_KIND)), totals.claims(c, which))


def telling(c: sqlite3.Connection, kind: Kind) -> dict[str, bool]:
    statement = f"""
        SELECT s.name, EXISTS (SELECT 1 FROM buckets b WHERE b.scope = -s.id AND b.channel = {EMAIL} AND b.kind = ?
                               AND b.quarter = {LIFETIME} AND b.n > 0) FROM sources s
    """
    return {name: bool(told) for name, told in c.execute(statement, (KIND[kind],))}


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


class Counts(Quarters):
    """Counting what one filter asks for."""

    def __init__(self, c: sqlite3.Connection, which: Filter):
        """Raises BadInput for a filter by something that isn't counted."""
        refuse(which, "contact_id", "external_id", "email", "message_id", "kinds", "word")
        self._scopes = scopes_of(c, which)
        self._channels = channels_of(which)
        self._human = which.machine == "exclude"
        names = ("human_n", "human_uniq", "human_msgs") if self._human else ("n", "uniq", "msgs")
        table = f"buckets WHERE scope = ? AND channel IN ({marks(len(self._channels))})"
        super().__init__(c, table, names, [(scope.number, *self._channels) for scope in self._scopes])

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
            add(tally, kind, counts)

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


def refuse(which: Filter, *fields: str) -> None:
    """Raise BadInput for a filter by one of these fields."""
    for field in fields:
        if getattr(which, field) is not None:
            raise BadInput(f"This report counts whole campaigns and sources; it can't be asked by {field}.", field)


def with_claims(funnel: Funnel, claims: Claims) -> Funnel:
    """What events say together with what snapshots give."""
    if claims is NO_CLAIMS:
        return funnel
    return {
        kind: Count(count.total + more.total, count.unique + more.unique, count.messages + more.messages)
        for (kind, count), more in zip(funnel.items(), claims.counts.values(), strict=True)
    }


def _funnel(tally: Tally) -> Funnel:
    return {word: Count(*tally[number]) if number in tally else _NOTHING for number, word in enumerate(KINDS)}


def _marks(tally: Tally) -> Marks:
    return {mark: Count(*tally[number]) if number in tally else _NOTHING for mark, number in MARK.items()}


def lifetimes(
    c: sqlite3.Connection, scopes: Sequence[int], channels: Sequence[int], *, human: bool
) -> dict[int, tuple[Funnel, Marks]]:
    """The counts of many scopes, over all time."""
    names = ("human_n", "human_uniq", "human_msgs") if human else ("n", "uniq", "msgs")
    tallies: dict[int, Tally] = defaultdict(empty)
    kinds = (*EVERY_KIND, *EVERY_MARK)
    for chunk in batched(scopes):
        for scope, kind, *counts in c.execute(
            f"SELECT scope, kind, {', '.join(names)} FROM buckets WHERE scope IN ({marks(len(chunk))}) "
            f"AND channel IN ({marks(len(channels))}) AND kind IN ({marks(len(kinds))}) AND quarter = ?",
            (*chunk, *channels, *kinds, LIFETIME),
        ):
            add(tallies[scope], kind, counts)
    return {scope: (_funnel(tallies[scope]), _marks(tallies[scope])) for scope in scopes}
