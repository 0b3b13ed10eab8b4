"""Slots as they stand in the store: their events, each with all its sightings."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from aftersend.storage.sqlite import facts, rows
from aftersend.storage.sqlite.facts import Fact, Places
from aftersend.storage.sqlite.fold import Folded, Sight, fold
from aftersend.storage.sqlite.statements import batched, marks
from aftersend.vocabulary import Event

_event = msgspec.json.Decoder(Event)

_EVENTS = (
    "SELECT e.slot, e.id, e.source, e.campaign, g.campaign_id, e.message, m.pair, m.key, e.contact, c.key, "
    + ", ".join(f"e.{name}" for name in [*rows.WEIGHT, *rows.ACCOUNT])
    + " FROM events e JOIN campaigns g ON g.id = e.campaign JOIN contacts c ON c.id = e.contact "
    "JOIN messages m ON m.id = e.message"
)


class Stored(NamedTuple):
    """An event as it stands in the table."""

    id: int
    source: int
    fact: Fact
    folded: Folded


def stored(c: sqlite3.Connection, slots: Sequence[bytes]) -> dict[bytes, list[Stored]]:
    """The events of these slots, by ordinal. An event with one sighting is its own record; the sightings of any
    other are kept beside it."""
    found: dict[bytes, list[Stored]] = {}
    places = Places(c)
    for chunk in batched(slots):
        for slot, id, source, campaign, campaign_id, message, pair, key, contact, contact_key, *rest in c.execute(
            f"{_EVENTS} WHERE e.slot IN ({marks(len(chunk))}) ORDER BY e.slot, e.n", chunk
        ).fetchall():
            (door, sightings, delivery, received_at, digest), values = rest[:5], rest[5:]
            contact_id = contact_key[2:] if contact_key.startswith("i:") else None
            event = rows.event(slot, campaign_id, contact_id, values)
            own = [Sight(event, digest, source, door, delivery, received_at)] if sightings == 1 else []
            activity = places.activity(campaign, facts.activity_of(key))
            fact = facts.fact(event, values, message, pair, source, campaign, activity, contact, door)
            found.setdefault(slot, []).append(Stored(id, source, fact, Folded(event, own)))
    for slot, sights in _kept(c, slots, found).items():
        # Folding all of them says which is whose: what stands in the store is the fold of its sightings.
        alone = [s for standing in found[slot] for s in standing.folded.sights]
        for standing, folded in zip(found[slot], fold([*alone, *sights]), strict=True):
            standing.folded.sights[:] = folded.sights
    return found


def _kept(c: sqlite3.Connection, slots: Sequence[bytes], found: dict[bytes, list[Stored]]) -> dict[bytes, list[Sight]]:
    kept: dict[bytes, list[Sight]] = {}
    for chunk in batched(slots):
        for slot, digest, door, delivery, received_at, event in c.execute(
            "SELECT slot, digest, door, delivery, received_at, event FROM sightings "
            f"WHERE slot IN ({marks(len(chunk))})",
            chunk,
        ):
            source = found[slot][0].source
            kept.setdefault(slot, []).append(Sight(_event.decode(event), digest, source, door, delivery, received_at))
    return kept
