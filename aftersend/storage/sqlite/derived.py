"""The derived tables: what the events come to, per message and pair, per quarter hour, per door, per facet.

They are kept up to date in the transaction that writes the events, in two ways that must agree:

* **added** events are counted on top of what is stored (the fast way, nearly always);
* the messages of **changed or removed** events are counted anew from the events (:meth:`Derived.recount`).

Both end in :meth:`Derived._settle`: what a message or pair counted for before is taken away, what it counts for
now is added. :func:`rebuild` computes everything from nothing but the events, by the same code, and
:func:`differences` compares.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from aftersend.storage import metrics
from aftersend.storage.contract import Difference
from aftersend.storage.metrics import Happened, Span
from aftersend.storage.sqlite import totals
from aftersend.storage.sqlite.codes import (
    ACTED_BY_MACHINE,
    AUTO_REPLIED,
    BOUNCES,
    EMAIL,
    KIND,
    KNOWN,
    LIFETIME,
    LINKS,
    MARK,
    QUARTER,
    SORTS,
    STATUS,
    WORDS,
    day,
)
from aftersend.storage.sqlite.facts import Fact, Places, facts_of
from aftersend.storage.sqlite.statements import batched, marks
from aftersend.vocabulary import Bounce, Instant, Kind

Outcome = list[Any]
"""n, first_at, last_at, human_n, human_first_at, human_last_at."""
Outcomes = dict[int, Outcome]
"""By kind, and by the sort of a bounce or drop (:data:`codes.SORT`)."""

_AUTO_REPLIED, _BOUNCED = KIND[Kind.AUTO_REPLIED], KIND[Kind.BOUNCED]
_COHORT = [(KIND[kind], place) for place, kind in enumerate(metrics.COHORT, 1)]
_MAIL = {KIND[kind] for kind in metrics.MAIL}
_BOUNCE = {bounce: n for n, bounce in enumerate(Bounce)}

N, UNIQUE, MESSAGES, HUMAN = 0, 1, 2, 3
"""Places in a bucket: events, pairs, messages; three further on the same without machines."""
ALL, PEOPLE, BOTH = 0, 1, 2
_OFFSETS = ((0,), (HUMAN,), (0, HUMAN))
Entry = tuple[int, int, int, int]
"""Kind or mark, quarter, ALL or PEOPLE or BOTH, and what it adds to the total."""
Spots = tuple[tuple[int, tuple[int, ...]], ...]
"""Scopes, each with the places in its buckets."""
Standing = tuple[int, int, int, int, int, int | None, int | None]
"""A row of the table ``standings``."""


class State(NamedTuple):
    """What is known of a message or pair."""

    outcomes: Outcomes
    alone: bool
    """It is a message itself, not only the pair of several."""
    template: int
    stated: bool
    """An event told the template; else the campaign stands in for it."""


NOTHING = State({}, False, 0, False)


class Worth(NamedTuple):
    """What a state counts for."""

    entries: frozenset[Entry]
    bounce: int | None
    """In the facet of bounces."""
    standing: tuple[int, ...] | None
    """created_at, status, and the places in a cohort of what happened; ``None`` for what is no email message."""


WORTHLESS = Worth(frozenset(), None, None)


class Derived:
    """The changes that one batch makes to the derived tables. ``into`` is where they are kept: the store's own
    tables, or temporary ones beside them."""

    def __init__(self, c: sqlite3.Connection, into: str = "main."):
        self._c = c
        self._into = into
        self.places = Places(c)
        self._buckets: dict[tuple[int, int, int, int], list[int]] = defaultdict(lambda: [0] * 6)
        self._entries: dict[tuple[int, Spots, frozenset[Entry]], int] = defaultdict(int)
        self._worths: dict[tuple[Any, ...], Worth] = {}
        self._known: dict[tuple[int, int], int] = defaultdict(int)
        self._cohorts: dict[tuple[int, int, int, int], list[int]] = defaultdict(lambda: [0] * 7)
        self._facets: dict[tuple[int, int, int, int], list[int]] = defaultdict(lambda: [0] * 4)
        self._doors: dict[tuple[int, int, int], list[int]] = defaultdict(lambda: [0] * 3)
        self._spans: dict[int, tuple[Instant, Instant]] = {}
        self._numbers: dict[tuple[int, str, str], int] = defaultdict(int)
        self._outcomes: list[tuple[int | None, ...]] = []
        self._standings: list[Standing] = []
        self.touched: set[int] = set()
        """Campaigns and activities of which something was written."""

    # -- the fast way ------------------------------------------------------------------------------

    def add(self, facts: Sequence[Fact], new_messages: set[int] | None = None) -> None:
        """Count events that were not there before. ``new_messages`` can't have outcomes yet (``None``: none can)."""
        times = Counter([fact.pair for fact in facts])
        shared = {fact.pair for fact in facts if fact.message != fact.pair}
        others: list[Fact] = []
        for alike in _alike(facts):
            home = alike[0]
            self._count(home, len(alike))
            instants = [fact.at for fact in alike]
            self._span(home.campaign, min(instants), max(instants))
            if home.url is not None:
                others += alike
                continue
            firsts: list[Fact] = []
            for fact in alike:
                pair = fact.pair
                # A new pair has no messages but new ones.
                first = times[pair] == 1 and (new_messages is None or pair in new_messages)
                (firsts if first else others).append(fact)
            if firsts:
                self._add_firsts(firsts, [fact.message for fact in firsts], alone=True)
                if home.message != home.pair:
                    self._add_firsts(firsts, [fact.pair for fact in firsts], alone=False)
        self._add_others(others, shared, new_messages)
        self._write_messages()

    def _add_firsts(self, alike: Sequence[Fact], gatherers: Sequence[int], *, alone: bool) -> None:
        """Of each of these messages or pairs the first event, and the only one so far: they count as one, so many
        times."""
        home = alike[0]
        outcomes: Outcomes = {kind: _once(home) for kind in ((home.kind, home.sort) if home.sort else (home.kind,))}
        # A pair of messages has no template of its own: they may have several.
        state = State(outcomes, alone, *self._template(home, home.template if alone else None, NOTHING))
        standing = self._settle(gatherers[0], home, NOTHING, state, len(alike))
        assert standing is not None
        _, source, counts, template, stated, created_at, status = standing
        for gatherer, fact in zip(gatherers, alike, strict=True):
            at = None if created_at is None else fact.at
            self._standings.append((gatherer, source, counts, template, stated, at, status))
            for kind in outcomes:
                self._outcomes.append((gatherer, kind, *_once(fact)))

    def _add_others(self, facts: Sequence[Fact], shared: set[int], new_messages: set[int] | None) -> None:
        gathered: dict[int, Outcomes] = {}
        homes: dict[int, Fact] = {}
        templates: dict[int, str] = {}
        clicks: dict[tuple[int, int], list[int]] = {}
        for fact in facts:
            message, pair = fact.message, fact.pair
            if fact.template is not None and fact.template < templates.get(message, fact.template + "\0"):
                templates[message] = fact.template
            for gatherer in (message,) if message == pair else (message, pair):
                outcomes = gathered.get(gatherer)
                if outcomes is None:
                    outcomes = gathered[gatherer] = {}
                    homes[gatherer] = fact
                for kind in (fact.kind, fact.sort) if fact.sort else (fact.kind,):
                    once = _once(fact)
                    outcome = outcomes.setdefault(kind, once)
                    if outcome is not once:
                        _join(outcome, once)
            for gatherer, link in self._clicked(fact):
                both = clicks.setdefault((gatherer, link), [0, 0])
                both[0] += 1
                both[1] += fact.machine != ACTED_BY_MACHINE
        old_ones = [] if new_messages is None else sorted(gathered.keys() - new_messages)
        before = self._stored(old_ones)
        for gatherer, news in gathered.items():
            home, was = homes[gatherer], before.get(gatherer, NOTHING)
            after = _joined(was.outcomes, news)
            alone = gatherer not in shared and (was.alone or was is NOTHING)
            is_ = State(after, alone, *self._template(home, templates.get(gatherer), was))
            standing = self._settle(gatherer, home, was, is_)
            if standing is not None:
                self._standings.append(standing)
            self._outcomes += [(gatherer, kind, *outcome) for kind, outcome in news.items()]
        self._add_clicks(clicks, homes, set(old_ones))

    def _template(self, home: Fact, told: str | None, was: State) -> tuple[int, bool]:
        """The template with the smallest name that any event told; the campaign where none did."""
        if told is None:
            return (was.template, was.stated) if was.stated else (self.places.fallback(home.campaign), False)
        if was.stated:
            told = min(told, self.places.template_name(was.template))
        return self.places.template(home.source, told), True

    def _add_clicks(
        self, clicks: Mapping[tuple[int, int], list[int]], homes: Mapping[int, Fact], old: set[int]
    ) -> None:
        stored = self._stored_clicks(sorted({gatherer for gatherer, _ in clicks if gatherer in old}))
        self._move_clicks(
            homes,
            {key: stored.get(key, [0, 0]) for key in clicks},
            {key: [a + b for a, b in zip(stored.get(key, [0, 0]), more, strict=True)] for key, more in clicks.items()},
        )

    # -- the slow way ------------------------------------------------------------------------------

    def take_away(self, fact: Fact) -> None:
        """An event is no longer as it was; its messages must be recounted."""
        self._count(fact, -1)
        self._number(fact, -1)

    def put_back(self, fact: Fact) -> None:
        """An event as it is now; its messages must be recounted."""
        self._count(fact, 1)
        self._number(fact, 1)

    def _number(self, fact: Fact, by: int) -> None:
        """Keep in mind which link's number an event no longer tells."""
        if fact.url is not None and fact.number is not None:
            self._numbers[fact.campaign, fact.url, fact.number] += by
            if fact.activity:
                self._numbers[fact.activity, fact.url, fact.number] += by

    def recount(self, touched: Sequence[Fact]) -> dict[int, Instant | None]:
        """Compute what these facts' messages, pairs, contacts and campaigns come to from the events, after the
        events were written. Returns since when each contact is known."""
        homes = {gatherer: fact for fact in touched for gatherer in (fact.message, fact.pair)}
        gatherers = sorted(homes)
        pairs = [g for g in gatherers if g == homes[g].pair]
        before, after = self._stored(gatherers), self._computed(gatherers, pairs, homes)
        settled = [self._settle(g, homes[g], before.get(g, NOTHING), after[g]) for g in gatherers]
        for chunk in batched(gatherers):
            self._c.execute(f"DELETE FROM outcomes WHERE message IN ({marks(len(chunk))})", chunk)
        self._outcomes += [
            (g, kind, *outcome) for g, state in after.items() for kind, outcome in state.outcomes.items()
        ]
        self._standings += [standing for standing in settled if standing is not None]
        self._write_messages()
        self._recount_clicks(gatherers, pairs, homes)
        for scope, url in {(scope, url) for (scope, url, _), told in self._numbers.items() if told < 0}:
            self.places.renumber(scope, url)
        for campaign in {fact.campaign for fact in touched}:
            self._c.execute(
                "UPDATE campaigns SET (first_at, last_at) = "
                "(SELECT min(at), max(at) FROM events INDEXED BY events_campaign WHERE campaign = ?) WHERE id = ?",
                (campaign, campaign),
            )
        known: dict[int, Instant | None] = {}
        for contact in {fact.contact for fact in touched}:
            (first_at,) = self._c.execute(
                "SELECT min(e.at) FROM messages m JOIN events e ON e.message = m.id WHERE m.contact = ?", (contact,)
            ).fetchone()
            source, was = self._c.execute("SELECT source, first_at FROM contacts WHERE id = ?", (contact,)).fetchone()
            self.see(source, was, first_at)
            self._c.execute("UPDATE contacts SET first_at = ? WHERE id = ?", (first_at, contact))
            known[contact] = first_at
        return known

    def _computed(self, gatherers: Sequence[int], pairs: Sequence[int], homes: Mapping[int, Fact]) -> dict[int, State]:
        outcomes: dict[int, Outcomes] = {g: {} for g in gatherers}
        templates: dict[int, str] = {}
        shared: set[int] = set()
        for chunk in batched(pairs):
            for pair, kind, *outcome in self._c.execute(_OUTCOMES_OF_PAIRS.format(marks(len(chunk))), (*chunk, *chunk)):
                outcomes[pair][kind] = outcome
            shared |= {
                pair
                for (pair,) in self._c.execute(
                    f"SELECT DISTINCT pair FROM messages m WHERE pair IN ({marks(len(chunk))}) AND pair != id "
                    "AND EXISTS (SELECT 1 FROM events e WHERE e.message = m.id)",
                    chunk,
                )
            }
        for chunk in batched([g for g in gatherers if g != homes[g].pair]):
            for message, kind, *outcome in self._c.execute(
                _OUTCOMES_OF_MESSAGES.format(marks(len(chunk))), (*chunk, *chunk)
            ):
                outcomes[message][kind] = outcome
        for chunk in batched(gatherers):
            templates |= dict(
                self._c.execute(
                    "SELECT message, min(template) FROM events "
                    f"WHERE message IN ({marks(len(chunk))}) AND template IS NOT NULL GROUP BY 1",
                    chunk,
                )
            )
        return {
            g: State(outcomes[g], g not in shared, *self._template(homes[g], templates.get(g), NOTHING))
            for g in gatherers
        }

    def _recount_clicks(self, gatherers: Sequence[int], pairs: Sequence[int], homes: Mapping[int, Fact]) -> None:
        before = self._stored_clicks(gatherers)
        after: dict[tuple[int, int], list[int]] = {}
        single = [g for g in gatherers if g != homes[g].pair and homes[g].activity]
        for ids, statement in ((pairs, _CLICKS_OF_PAIRS), (single, _CLICKS_OF_MESSAGES)):
            for chunk in batched(ids):
                for gatherer, url, n, human in self._c.execute(statement.format(marks(len(chunk))), chunk):
                    home = homes[gatherer]
                    scope = home.campaign if gatherer == home.pair else home.activity
                    after[gatherer, self.places.link(scope, url, None)] = [n, human]
        gone = before.keys() - after.keys()
        self._move_clicks(homes, before, {**after, **{key: [0, 0] for key in gone}})

    # -- what both do ------------------------------------------------------------------------------

    def _count(self, fact: Fact, by: int) -> None:
        """What an event counts for by itself."""
        human = fact.machine != ACTED_BY_MACHINE
        places = (N, N + HUMAN) if human else (N,)
        self._doors[fact.source, fact.kind, fact.at // QUARTER][fact.doors - 1] += by
        for scope in (fact.campaign, fact.activity) if fact.activity else (fact.campaign,):
            bucket = self._buckets[scope, fact.channel, fact.kind, fact.at // QUARTER]
            for place in places:
                bucket[place] += by
            if fact.device >= 0:
                facet = self._facets[scope, fact.channel, fact.kind, fact.device]
                facet[0] += by
                facet[2] += by * human
            if fact.url is not None:
                facet = self._facets[scope, fact.channel, LINKS, self.places.link(scope, fact.url, fact.number)]
                facet[0] += by
                facet[2] += by * human

    def _clicked(self, fact: Fact) -> Iterator[tuple[int, int]]:
        if fact.url is not None:
            yield fact.pair, self.places.link(fact.campaign, fact.url, fact.number)
            if fact.activity:
                yield fact.message, self.places.link(fact.activity, fact.url, fact.number)

    def _span(self, campaign: int, first: Instant, last: Instant) -> None:
        known = self._spans.get(campaign, (first, last))
        self._spans[campaign] = (min(known[0], first), max(known[1], last))

    def see(self, source: int, was: Instant | None, first_at: Instant | None) -> None:
        """A contact of a source was known from one instant on, and is now from another."""
        if was is not None:
            self._known[source, was // QUARTER] -= 1
        if first_at is not None:
            self._known[source, first_at // QUARTER] += 1

    def _settle(self, gatherer: int, home: Fact, was: State, is_: State, times: int = 1) -> Standing | None:
        """Take away what a message or pair counted for, and add what it counts for now (law 2), as often as others are
        like it. Returns its row where that is new or changed."""
        before, now = self._worth(home, was), self._worth(home, is_)
        spots_before, spots = _spots(gatherer, home, was.alone), _spots(gatherer, home, is_.alone)
        if before.entries != now.entries or spots_before != spots:
            if before.entries:
                self._entries[home.channel, spots_before, before.entries] -= times
            self._entries[home.channel, spots, now.entries] += times
        if before.bounce != now.bounce:
            self._count_bounce(gatherer, home, before.bounce, -times)
            self._count_bounce(gatherer, home, now.bounce, times)
        moved = before.standing != now.standing or was.template != is_.template
        if moved:
            self._count_standing(home, was.template, before.standing, -times)
            self._count_standing(home, is_.template, now.standing, times)
        elif was is not NOTHING and was[1:] == is_[1:]:
            return None
        created_at, status = now.standing[:2] if now.standing else (None, None)
        return (gatherer, home.source, int(is_.alone), is_.template, int(is_.stated), created_at, status)

    def _worth(self, home: Fact, state: State) -> Worth:
        outcomes = state.outcomes
        if not outcomes or _BOUNCED in outcomes:  # whether a bounce was the last that happened is no matter of quarters
            return _worth(home.channel, state)
        # In a batch, to thousands the same happened in the same quarter hours: only the instants differ.
        shape = (home.channel, state.alone, *[_shape(kind, outcome) for kind, outcome in outcomes.items()])
        worth = self._worths.get(shape)
        if worth is None:
            worth = self._worths[shape] = _worth(home.channel, state)
        if worth.standing is None:
            return worth
        return Worth(worth.entries, worth.bounce, (_created_at(outcomes), *worth.standing[1:]))

    def _expand(self) -> None:
        """Count entries into the buckets. Many messages have the same: they are counted once for all."""
        for (channel, spots, entries), times in self._entries.items():
            for kind, quarter, whose, total in entries if times else ():
                for scope, places in spots:
                    bucket = self._buckets[scope, channel, kind, quarter]
                    for offset in _OFFSETS[whose]:
                        for place in places:
                            bucket[place + offset] += times
                        if total and UNIQUE in places:
                            bucket[N + offset] += times * total
        self._entries.clear()

    def _count_bounce(self, gatherer: int, home: Fact, bounce: int | None, by: int) -> None:
        if bounce is not None:
            for scope, places in _spots(gatherer, home, True):
                if UNIQUE in places:
                    facet = self._facets[scope, home.channel, BOUNCES, bounce]
                    facet[1] += by
                    facet[3] += by

    def _count_standing(self, home: Fact, template: int, standing: tuple[int, ...] | None, by: int) -> None:
        if standing is not None:
            created_at, status, *places = standing
            cohort = self._cohorts[template, home.source, status, created_at // QUARTER]
            cohort[0] += by
            for place in places:
                cohort[place] += by

    def _move_clicks(
        self,
        homes: Mapping[int, Fact],
        before: Mapping[tuple[int, int], list[int]],
        after: Mapping[tuple[int, int], list[int]],
    ) -> None:
        for (gatherer, link), (n, human) in after.items():
            n_before, human_before = before.get((gatherer, link), (0, 0))
            home = homes[gatherer]
            scope = home.campaign if gatherer == home.pair else home.activity
            facet = self._facets[scope, home.channel, LINKS, link]
            facet[1] += (n > 0) - (n_before > 0)
            facet[3] += (human > 0) - (human_before > 0)
        self._c.executemany(
            f"DELETE FROM {self._into}clicks WHERE message = ? AND link = ?",
            [key for key, counts in after.items() if counts[0] == 0],
        )
        self._c.executemany(
            f"INSERT OR REPLACE INTO {self._into}clicks VALUES (?,?,?,?)",
            sorted((*key, *counts) for key, counts in after.items() if counts[0]),
        )

    def _stored(self, gatherers: Sequence[int]) -> dict[int, State]:
        found: dict[int, State] = {}
        for chunk in batched(gatherers):
            among = f"WHERE message IN ({marks(len(chunk))})"
            for message, alone, template, stated in self._c.execute(
                f"SELECT message, alone, template, stated FROM standings {among}", chunk
            ):
                found[message] = State({}, bool(alone), template, bool(stated))
            for message, kind, *outcome in self._c.execute(f"SELECT * FROM outcomes {among}", chunk):
                found[message].outcomes[kind] = outcome
        return found

    def _stored_clicks(self, gatherers: Sequence[int]) -> dict[tuple[int, int], list[int]]:
        return {
            (message, link): [n, human]
            for chunk in batched(gatherers)
            for message, link, n, human in self._c.execute(
                f"SELECT * FROM clicks WHERE message IN ({marks(len(chunk))})", chunk
            )
        }

    def _write_messages(self) -> None:
        """Write what messages and pairs come to."""
        self._c.executemany(
            f"INSERT OR REPLACE INTO {self._into}outcomes VALUES (?,?,?,?,?,?,?,?)", sorted(self._outcomes)
        )
        key, names = _TABLES["standings"]
        self._c.executemany(
            f"INSERT INTO {self._into}standings VALUES ({marks(len(key) + len(names))}) "
            f"ON CONFLICT DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in names)}",
            sorted(self._standings),
        )
        self._outcomes.clear()
        self._standings.clear()

    def write(self) -> None:
        """Add the counted differences to buckets, doors, cohorts and facets: of campaigns and of sources, by quarter
        hour, by UTC day and for all time."""
        self._expand()
        buckets: dict[tuple[int, int, int, int], list[int]] = defaultdict(lambda: [0] * 6)
        for (campaign, channel, kind, quarter), counts in self._buckets.items():
            self.touched.add(campaign)
            home = self.places.source(campaign)
            for scope in (campaign,) if self.places.is_activity(campaign) else (campaign, -home):
                for time in (quarter, day(quarter), LIFETIME):
                    _sum(buckets[scope, channel, kind, time], counts)
        for (source, quarter), count in self._known.items():
            for time in (quarter, day(quarter), LIFETIME):
                buckets[-source, EMAIL, KNOWN, time][UNIQUE] += count
        cohorts: dict[tuple[int, int, int], list[int]] = defaultdict(lambda: [0] * 7)
        for (template, home, status, quarter), counts in self._cohorts.items():
            for scope in (template, -home):
                for time in (quarter, day(quarter), LIFETIME):
                    _sum(cohorts[scope, status, time], counts)
        doors: dict[tuple[int, int, int], list[int]] = defaultdict(lambda: [0] * 3)
        for (source, kind, quarter), counts in self._doors.items():
            for time in (quarter, day(quarter), LIFETIME):
                _sum(doors[source, kind, time], counts)
        counted: Mapping[str, Mapping[Any, list[int]]] = {
            "buckets": buckets,
            "doors": doors,
            "cohorts": cohorts,
            "facets": self._facets,
        }
        for table, rows in counted.items():
            key, names = _COUNTERS[table]
            self._c.executemany(
                f"INSERT INTO {self._into}{table} VALUES ({marks(len(key) + len(names))}) "
                f"ON CONFLICT DO UPDATE SET {', '.join(f'{name} = {name} + excluded.{name}' for name in names)}",
                [(*place, *counts) for place, counts in sorted(rows.items()) if any(counts)],
            )
        if self._into == "main.":
            self._c.executemany(
                "UPDATE campaigns SET first_at = min(coalesce(first_at, ?), ?), "
                "last_at = max(coalesce(last_at, ?), ?) WHERE id = ?",
                [(first, first, last, last, campaign) for campaign, (first, last) in self._spans.items()],
            )


_COUNTERS = {
    "buckets": (
        ("scope", "channel", "kind", "quarter"),
        ("n", "uniq", "msgs", "human_n", "human_uniq", "human_msgs"),
    ),
    "doors": (("source", "kind", "quarter"), ("webhook", "feed", "both")),
    "cohorts": (
        ("scope", "status", "quarter"),
        ("n", "sent", "delivered", "opened", "clicked", "bounced", "complained"),
    ),
    "facets": (("campaign", "channel", "facet", "value"), ("n", "uniq", "human_n", "human_uniq")),
}


def _sum(sums: list[int], more: Sequence[int]) -> None:
    for place, count in enumerate(more):
        if count:
            sums[place] += count


def _alike(facts: Iterable[Fact]) -> Iterable[list[Fact]]:
    """Together those that differ in nothing but recipient, message and the instant within a quarter hour. Either all of
    their messages are pairs, or none is."""
    found: dict[tuple[Any, ...], list[Fact]] = defaultdict(list)
    for fact in facts:
        message, pair, source, campaign, activity, _, channel, kind, sort, machine, at, *rest = fact
        like = (source, campaign, activity, channel, kind, sort, machine, at // QUARTER, *rest, message == pair)
        found[like].append(fact)
    return found.values()


def _shape(kind: int, outcome: Outcome) -> tuple[int, ...]:
    """What of an outcome matters to what it counts for, if no bounce does."""
    n, first_at, _, human_n, human_first_at, _ = outcome
    if n == human_n:
        return (kind, n, first_at // QUARTER)
    return (kind, n, first_at // QUARTER, human_n, human_first_at // QUARTER if human_first_at else 0)


def _created_at(outcomes: Outcomes) -> Instant:
    return metrics.created_at({WORDS[kind]: outcome[1] for kind, outcome in outcomes.items()})


def _once(fact: Fact) -> Outcome:
    at = fact.at
    return [1, at, at, 0, None, None] if fact.machine == ACTED_BY_MACHINE else [1, at, at, 1, at, at]


def _joined(stored: Outcomes, news: Outcomes) -> Outcomes:
    """Both together; ``news`` become what is to be stored of the kinds they name."""
    if not stored:
        return news
    after = dict(stored)
    for kind, outcome in news.items():
        if kind in after:
            _join(outcome, after[kind])
        after[kind] = outcome
    return after


def _join(outcome: Outcome, other: Outcome) -> None:
    """Both together, in place."""
    for place in (0, 3):
        outcome[place] = (outcome[place] or 0) + (other[place] or 0)
    for place, choose in ((1, min), (2, max), (4, min), (5, max)):
        mine, theirs = outcome[place], other[place]
        if theirs is not None:
            outcome[place] = theirs if mine is None else choose(mine, theirs)


def happened(outcomes: Outcomes) -> Happened:
    """Outcomes in the words of the metrics."""
    return {WORDS[kind]: Span(o[0], o[1], o[2]) for kind, o in outcomes.items()}


def _happened_to_people(outcomes: Outcomes) -> Happened:
    return {WORDS[kind]: Span(o[3], o[4], o[5]) for kind, o in outcomes.items() if o[3]}


def _worth(channel: int, state: State) -> Worth:
    outcomes = state.outcomes
    if not outcomes:
        return WORTHLESS
    facts = happened(outcomes)
    bounce = None
    if _BOUNCED in outcomes or _AUTO_REPLIED in outcomes:
        worst = metrics.worst(facts)
        bounce = AUTO_REPLIED if worst is None else _BOUNCE[worst]
    standing: tuple[int, ...] | None = None
    if state.alone and channel == EMAIL and not outcomes.keys().isdisjoint(_MAIL):
        places = [place for kind, place in _COHORT if kind in outcomes]
        standing = (_created_at(outcomes), STATUS[metrics.status(facts)], *places)
    return Worth(_entries(outcomes, facts), bounce, standing)


def _entries(outcomes: Outcomes, facts: Happened) -> frozenset[Entry]:
    found = []
    machines = False
    for kind, (n, first_at, _, human_n, human_first_at, _) in outcomes.items():
        machines = machines or n != human_n
        if kind >= SORTS:
            continue
        if first_at == human_first_at:
            found.append((kind, first_at // QUARTER, BOTH, 0))
            continue
        found.append((kind, first_at // QUARTER, ALL, 0))
        if human_first_at is not None:
            found.append((kind, human_first_at // QUARTER, PEOPLE, 0))
    whose = ((ALL, facts), (PEOPLE, _happened_to_people(outcomes))) if machines else ((BOTH, facts),)
    for who, happened_to in whose:
        if happened_to:
            for mark, (at, total) in metrics.marks(happened_to).items():
                found.append((MARK[mark], at // QUARTER, who, total))
    return frozenset(found)


def _spots(gatherer: int, home: Fact, alone: bool) -> Spots:
    """The scopes in which it counts, and as what."""
    if gatherer == home.pair:
        return ((home.campaign, (UNIQUE, MESSAGES) if alone else (UNIQUE,)),)
    if home.activity:
        return ((home.campaign, (MESSAGES,)), (home.activity, (UNIQUE, MESSAGES)))
    return ((home.campaign, (MESSAGES,)),)


_MEASURES = f"""
    count(*), min(e.at), max(e.at), sum(e.machine != {ACTED_BY_MACHINE}),
    min(CASE WHEN e.machine != {ACTED_BY_MACHINE} THEN e.at END),
    max(CASE WHEN e.machine != {ACTED_BY_MACHINE} THEN e.at END)
"""


def _outcomes_of(gatherer: str, source: str) -> str:
    """By kind, and once more by the sort of bounces and drops."""
    return f"""
    SELECT {gatherer}, e.kind, {_MEASURES} FROM {source} GROUP BY 1, 2
    UNION ALL
    SELECT {gatherer}, e.sort, {_MEASURES} FROM {source} AND e.sort != 0 GROUP BY 1, 2
    """


_OUTCOMES_OF_PAIRS = _outcomes_of("m.pair", "messages m CROSS JOIN events e ON e.message = m.id WHERE m.pair IN ({0})")
_OUTCOMES_OF_MESSAGES = _outcomes_of("e.message", "events e WHERE e.message IN ({0})")
_CLICKS = (
    f"coalesce(e.url, ''), count(*), sum(e.machine != {ACTED_BY_MACHINE}) FROM {{0}} AND e.kind = {KIND[Kind.CLICKED]} "
    "GROUP BY 1, 2"
)
_CLICKS_OF_PAIRS = "SELECT m.pair, " + _CLICKS.format(
    "messages m CROSS JOIN events e ON e.message = m.id WHERE m.pair IN ({0})"
)
_CLICKS_OF_MESSAGES = "SELECT e.message, " + _CLICKS.format("events e WHERE e.message IN ({0})")

# -- from nothing but the events -------------------------------------------------------------------

_TABLES = {
    "outcomes": (("message", "kind"), ("n", "first_at", "last_at", "human_n", "human_first_at", "human_last_at")),
    "standings": (("message",), ("source", "alone", "template", "stated", "created_at", "status")),
    "clicks": (("message", "link"), ("n", "human_n")),
    "totals": (("source", "campaign", "kind"), ("channel", "total", "uniq", "eventless")),
    **_COUNTERS,
}


def compute(c: sqlite3.Connection) -> None:
    """Fill the temporary tables ``fresh_…`` from the events."""
    for table, (key, _) in _TABLES.items():
        c.execute(f"DROP TABLE IF EXISTS temp.fresh_{table}")
        c.execute(f"CREATE TEMP TABLE fresh_{table} AS SELECT * FROM main.{table} WHERE false")
        c.execute(f"CREATE UNIQUE INDEX temp.fresh_{table}_key ON fresh_{table} ({', '.join(key)})")
    for table, statement in (
        ("spans", "SELECT campaign AS id, min(at) AS first_at, max(at) AS last_at FROM events GROUP BY 1"),
        (
            "seen",
            "SELECT contact AS id, min(at) AS first_at FROM events GROUP BY 1",
        ),
    ):
        c.execute(f"DROP TABLE IF EXISTS temp.fresh_{table}")
        c.execute(f"CREATE TEMP TABLE fresh_{table} AS {statement}")
    for (campaign,) in c.execute("SELECT id FROM temp.fresh_spans ORDER BY id").fetchall():
        for facts in _whole_pairs(facts_of(c, campaign)):
            derived = Derived(c, "temp.fresh_")
            derived.add(facts)
            derived.write()
    derived = Derived(c, "temp.fresh_")
    for source, first_at in c.execute(
        "SELECT c.source, s.first_at FROM temp.fresh_seen s JOIN contacts c ON c.id = s.id"
    ):
        derived.see(source, None, first_at)
    derived.write()
    totals.compute(c, "temp.fresh_")


def _whole_pairs(facts: Iterable[Fact], size: int = 20_000) -> Iterator[list[Fact]]:
    """Facts in pieces, those of a pair together."""
    piece: list[Fact] = []
    for _, some in groupby(facts, key=lambda fact: fact.pair):
        piece += some
        if len(piece) >= size:
            yield piece
            piece = []
    if piece:
        yield piece


def rebuild(c: sqlite3.Connection) -> None:
    """Replace the derived tables by what the events say."""
    compute(c)
    for table in _TABLES:
        c.execute(f"DELETE FROM {table}")
        c.execute(f"INSERT INTO {table} SELECT * FROM temp.fresh_{table}")
    c.execute("UPDATE campaigns SET first_at = NULL, last_at = NULL")
    c.execute(
        "UPDATE campaigns SET first_at = s.first_at, last_at = s.last_at "
        "FROM temp.fresh_spans s WHERE s.id = campaigns.id"
    )
    c.execute("UPDATE contacts SET first_at = NULL")
    c.execute("UPDATE contacts SET first_at = s.first_at FROM temp.fresh_seen s WHERE s.id = contacts.id")


def differences(c: sqlite3.Connection, limit: int) -> list[Difference]:
    """Where the stored derived tables differ from what the events say now."""
    compute(c)
    found: list[Difference] = []
    for table, (names, values) in _TABLES.items():
        key, said = ", ".join(names), ", ".join(values)
        # A counter of nothing but zeros is as good as none.
        kept = f"({' OR '.join(f'{name} != 0' for name in values)})" if table in _COUNTERS else "true"
        if table == "standings":
            # A pair without events is nothing.
            kept = "EXISTS (SELECT 1 FROM main.outcomes o WHERE o.message = main.standings.message)"
        stored = f"SELECT {key}, {said} FROM main.{table} WHERE {kept}"
        fresh = f"SELECT {key}, {said} FROM temp.fresh_{table}"
        keys = c.execute(
            f"SELECT DISTINCT {key} FROM (SELECT * FROM ({stored} EXCEPT {fresh}) "
            f"UNION ALL SELECT * FROM ({fresh} EXCEPT {stored})) ORDER BY {key} LIMIT ?",
            (limit - len(found),),
        ).fetchall()
        for row in keys:
            where = " AND ".join(f"{name} = ?" for name in names)
            says = [
                str(c.execute(f"SELECT {said} FROM {place} WHERE {where}", row).fetchone())
                for place in (f"main.{table}", f"temp.fresh_{table}")
            ]
            at = " ".join(f"{name}={value}" for name, value in zip(names, row, strict=True))
            found.append(Difference(table=table, key=at, stored=says[0], computed=says[1]))
    for table, fresh, values in (
        ("campaigns", "spans", ("first_at", "last_at")),
        ("contacts", "seen", ("first_at",)),
    ):
        differs = " OR ".join(f"t.{name} IS NOT f.{name}" for name in values)
        both = ", ".join([f"t.{name}" for name in values] + [f"f.{name}" for name in values])
        rows = c.execute(
            f"SELECT t.id, {both} FROM {table} t LEFT JOIN temp.fresh_{fresh} f ON f.id = t.id WHERE {differs} LIMIT ?",
            (max(0, limit - len(found)),),
        )
        found += [
            Difference(
                table=table,
                key=f"id={row[0]}",
                stored=str(row[1 : 1 + len(values)]),
                computed=str(row[1 + len(values) :]),
            )
            for row in rows
        ]
    return found
