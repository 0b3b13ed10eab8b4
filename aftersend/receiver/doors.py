"""Doors: what webhooks and feeds each brought, and what one of them lost.

A door can only lose what it tells at all: a kind that it never told of a source is left out of its loss, and so is what
happened before the first event that it told. And what is newer than a source's feeds have been read
(``complete_until``) isn't lost to them yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from itertools import pairwise

import msgspec

from aftersend.receiver.answers import DoorDay, DoorFigures, DoorSource
from aftersend.receiver.rounding import percent, ratio
from aftersend.storage.contract import Filter, Seen, Store
from aftersend.vocabulary import Door, Instant, Kind

Events = Mapping[Kind, Seen]
NOTHING = Seen()


class Loss(msgspec.Struct, frozen=True):
    """How many of those events that the other door had, in kinds that this one tells, this one had not."""

    lost: int
    of: int

    @property
    def rate(self) -> float | None:
        """4 decimals, half up; ``None`` where there is nothing to lose."""
        return ratio(self.lost, self.of, 4)


class Told(msgspec.Struct, frozen=True):
    """The kinds that each door of a source ever told."""

    by_webhook: frozenset[Kind]
    by_feed: frozenset[Kind]

    @classmethod
    def of(cls, ever: Events) -> Told:
        return cls(
            frozenset(kind for kind, seen in ever.items() if seen.webhook_only or seen.both),
            frozenset(kind for kind, seen in ever.items() if seen.feed_only or seen.both),
        )

    @property
    def doors(self) -> list[Door]:
        return [door for door, kinds in ((Door.FEED, self.by_feed), (Door.WEBHOOK, self.by_webhook)) if kinds]

    def lost_by_webhooks(self, events: Events) -> Loss:
        some = [seen for kind, seen in events.items() if kind in self.by_webhook]
        return Loss(sum(seen.feed_only for seen in some), sum(seen.feed_only + seen.both for seen in some))

    def lost_by_feeds(self, settled: Events) -> Loss:
        some = [seen for kind, seen in settled.items() if kind in self.by_feed]
        return Loss(sum(seen.webhook_only for seen in some), sum(seen.webhook_only + seen.both for seen in some))


class Slot(msgspec.Struct, frozen=True):
    """What happened in some time, and the parts of it that each door could have told."""

    events: Events
    pushed: Events
    """Since webhooks came at all."""
    settled: Events
    """Since the feeds show anything, and up to where they have been read."""
    whole: bool
    """The feeds have been read beyond all of it."""


def of_source(
    store: Store,
    source: str,
    ever: Events,
    kinds: tuple[Kind, ...] | None,
    edges: Sequence[Instant],
    days: Sequence[str],
    complete_until: Instant | None,
) -> tuple[list[DoorDay], DoorSource]:
    """The days between neighbouring ``edges``, and all of them together. ``ever`` is what was told in all time."""
    which, told = Filter(sources=(source,), kinds=kinds), Told.of(ever)
    began = store.doors_began(source)
    found = [slot.get(source, {}) for slot in store.doors(which, edges)]
    slots = [
        _slot(store, msgspec.structs.replace(which, since=since, until=until), events, began, complete_until)
        for events, (since, until) in zip(found, pairwise(edges), strict=True)
    ]
    rows: list[DoorDay] = [
        {"source": source, "day": day, **_figures(told, slot)} for day, slot in zip(days, slots, strict=True)
    ]
    everything = Slot(
        _sum(slot.events for slot in slots),
        _sum(slot.pushed for slot in slots),
        _sum(slot.settled for slot in slots),
        all(slot.whole for slot in slots),
    )
    summary: DoorSource = {
        "source": source,
        "doors": told.doors,
        **_figures(told, everything),
        "sentence": _sentence(told, everything),
        "kinds": [
            {"kind": kind, **_figures(told, _only(kind, everything))} for kind in Kind if kind in everything.events
        ],
    }
    return rows, summary


def _slot(
    store: Store, which: Filter, events: Events, began: Mapping[Door, Instant], complete_until: Instant | None
) -> Slot:
    since, until = which.since or 0, which.until or 0
    read = since if complete_until is None else min(complete_until, until)
    return Slot(
        events,
        _part(store, which, events, began.get(Door.WEBHOOK, until), until),
        _part(store, which, events, began.get(Door.FEED, until), read),
        whole=read >= until,
    )


def _part(store: Store, which: Filter, events: Events, since: Instant, until: Instant) -> Events:
    """What of the events of the filter's time lies in another time too."""
    some = msgspec.structs.replace(which, since=max(since, which.since or 0), until=until)
    if some == which:
        return events
    if (some.since or 0) >= until:
        return {}
    (found,) = store.doors(some)
    return _sum(found.values())


def _sum(some: Iterable[Events]) -> dict[Kind, Seen]:
    together: dict[Kind, Seen] = {}
    for events in some:
        for kind, seen in events.items():
            together[kind] = _both(together.get(kind, NOTHING), seen)
    return together


def _both(one: Seen, other: Seen) -> Seen:
    return Seen(one.webhook_only + other.webhook_only, one.feed_only + other.feed_only, one.both + other.both)


def _only(kind: Kind, slot: Slot) -> Slot:
    return Slot(
        {kind: slot.events[kind]},
        {kind: slot.pushed.get(kind, NOTHING)},
        {kind: slot.settled.get(kind, NOTHING)},
        slot.whole,
    )


def _figures(told: Told, slot: Slot) -> DoorFigures:
    everything = reduce(_both, slot.events.values(), NOTHING)
    return {
        "both": everything.both,
        "webhook_only": everything.webhook_only,
        "feed_only": everything.feed_only,
        "webhook": everything.both + everything.webhook_only,
        "feed": everything.both + everything.feed_only,
        "webhooks_lost": told.lost_by_webhooks(slot.pushed).rate,
        "feeds_lost": told.lost_by_feeds(slot.settled).rate,
        "settled": slot.whole,
    }


def _sentence(told: Told, slot: Slot) -> str | None:
    """What a source with two doors lost at each; ``None`` where there is only one, or nothing to lose."""
    if len(told.doors) < 2:
        return None
    losses = (("webhooks", told.lost_by_webhooks(slot.pushed)), ("feeds", told.lost_by_feeds(slot.settled)))
    return " ".join(_lost(name, loss) for name, loss in losses if loss.of) or None


def _lost(name: str, loss: Loss) -> str:
    events = f"{loss.of:,} event{'' if loss.of == 1 else 's'}"
    if not loss.lost:
        return f"Your {name} lost nothing (of {events})."
    share = percent(loss.lost, loss.of, 1)
    return f"Your {name} lost {f'{share:.1f}' if share else 'less than 0.1'} % ({loss.lost:,} of {events})."
