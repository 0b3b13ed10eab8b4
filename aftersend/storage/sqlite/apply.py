"""From readings to events: one batch, set-based, in the transaction of its caller.

1. Sightings the store has already are dropped: a redelivery costs one look-up.
2. A slot nobody has seen, named once in the batch: its event is the sighting (nearly all).
3. Any other slot is folded anew from all its sightings (:mod:`fold`), and its events corrected.
4. New events are inserted and counted; the messages of corrected ones are recounted (:mod:`derived`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from aftersend.storage.contract import Applied, Read
from aftersend.storage.sqlite import facts, rows, snapshots, told, totals
from aftersend.storage.sqlite.codes import CHANNEL, DOOR
from aftersend.storage.sqlite.contacts import Contacts
from aftersend.storage.sqlite.derived import Derived
from aftersend.storage.sqlite.facts import Fact
from aftersend.storage.sqlite.fold import Folded, Sight, digest, fold
from aftersend.storage.sqlite.messages import Key, Messages
from aftersend.storage.sqlite.slots import Stored, stored
from aftersend.storage.sqlite.statements import batched, marks
from aftersend.vocabulary import Event

_json = msgspec.json.Encoder(order="deterministic")


class Known(NamedTuple):
    """The little of a stored event that tells a repeated sighting."""

    list: str
    row: str
    digest: int
    sightings: int


class Head(NamedTuple):
    """An event to be inserted."""

    event: Event
    source: int
    n: int
    weight: tuple[int, int, int, int, int]
    """The values of :data:`rows.WEIGHT`."""


Slots = dict[bytes, list[Sight]]


class Applier:
    """Applies readings. Keeps caches between batches; :meth:`forget` them when a transaction was undone."""

    def __init__(self) -> None:
        self._contacts = Contacts()
        self._messages = Messages()
        self._sources: dict[str, int] = {}
        self._campaigns: dict[tuple[int, str], int] = {}
        self._version = -1
        self.news: set[int] = set()
        """Deliveries of the last batch that told something new."""

    def forget(self) -> None:
        """Drop what is remembered of the store."""
        self._contacts.forget()
        self._messages.forget()
        self._sources.clear()
        self._campaigns.clear()

    def begin(self, c: sqlite3.Connection) -> None:
        """At the start of a transaction: if somebody else wrote since the last one, remember nothing."""
        version: int = c.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self.forget()
            self._version = version

    def apply(self, c: sqlite3.Connection, reads: Sequence[Read]) -> Applied:
        """Apply a batch. The caller holds the write transaction and has called :meth:`begin`."""
        applied = Applied()
        self.news = {read.delivery.id for read in reads if read.reading.problems}
        claimed = self._keep_snapshots(c, reads, applied)
        self._keep_told(c, reads)
        keep_problems(c, reads, applied)
        alone, contended = self._gather(c, reads)
        self._drop_repeated(c, alone, contended)
        self.news.update(sight.delivery for sight in alone.values())
        self.news.update(sight.delivery for sights in contended.values() for sight in sights)
        applied.sightings = len(alone) + sum(len(sights) for sights in contended.values())
        derived = Derived(c)
        self._add(c, alone, contended, derived, applied)
        self._contacts.flush(c)
        derived.write()
        totals.settle(c, claimed, derived.touched)
        return applied

    def told_by(self, c: sqlite3.Connection, deliveries: Sequence[int]) -> set[bytes]:
        """The slots of which these deliveries told first. Walks all events: no index serves it."""
        slots: set[bytes] = set()
        for chunk in batched(deliveries):
            for table in ("events", "sightings"):
                found = c.execute(f"SELECT slot FROM {table} WHERE delivery IN ({marks(len(chunk))})", chunk)
                slots |= {slot for (slot,) in found}
        return slots

    def withdraw(self, c: sqlite3.Connection, deliveries: Sequence[int], slots: set[bytes]) -> None:
        """Take back what these deliveries told first of these slots."""
        gone = set(deliveries)
        before = stored(c, sorted(slots))
        derived = Derived(c)
        desired: dict[bytes, list[Folded]] = {}
        for slot, events in before.items():
            desired[slot] = fold(s for event in events for s in event.folded.sights if s.delivery not in gone)
        self._settle(c, before, desired, derived, Applied())
        self._contacts.flush(c)
        derived.write()
        totals.settle(c, set(), derived.touched)

    # -- what is new in the batch ------------------------------------------------------------------

    def _gather(self, c: sqlite3.Connection, reads: Sequence[Read]) -> tuple[dict[bytes, Sight], Slots]:
        """The batch's sightings by slot, repetitions within the batch dropped: those alone, and the others."""
        alone: dict[bytes, Sight] = {}
        contended: Slots = {}
        for read in reads:
            delivery = read.delivery
            source, door = self._source(c, delivery.source), DOOR[delivery.door]
            for event in read.reading.events:
                sight = Sight(event, digest(event, door), source, door, delivery.id, delivery.received_at)
                other = alone.setdefault(event.slot, sight)
                if other is sight:
                    continue
                rivals = contended.setdefault(event.slot, [other])
                if not any(_same(sight, rival) for rival in rivals):
                    rivals.append(sight)
        for slot, rivals in list(contended.items()):
            if len(rivals) == 1:
                del contended[slot]
            else:
                del alone[slot]
        return alone, contended

    def _drop_repeated(self, c: sqlite3.Connection, alone: dict[bytes, Sight], contended: Slots) -> None:
        """Leave in ``alone`` only slots nobody has seen; move others that say something new to ``contended``."""
        known: dict[bytes, list[Known]] = {}
        for chunk in batched([*alone, *contended]):
            for slot, *rest in c.execute(
                f"SELECT slot, list, row, digest, sightings FROM events WHERE slot IN ({marks(len(chunk))})",
                chunk,
            ):
                known.setdefault(slot, []).append(Known(*rest))
        open_slots = []
        for slot, events in known.items():
            if slot in alone:
                contended[slot] = [alone.pop(slot)]
            told = {(k.list, k.row, k.digest) for k in events if k.sightings == 1}
            contended[slot] = [s for s in contended[slot] if (s.event.list, s.event.row, s.digest) not in told]
            if not contended[slot]:
                del contended[slot]
            elif any(k.sightings > 1 for k in events):
                open_slots.append(slot)
        for chunk in batched(open_slots):
            for slot, *told_before in c.execute(
                f"SELECT slot, list, row, digest FROM sightings WHERE slot IN ({marks(len(chunk))})", chunk
            ):
                if slot in contended:
                    contended[slot] = [
                        s for s in contended[slot] if [s.event.list, s.event.row, s.digest] != told_before
                    ]
                    if not contended[slot]:
                        del contended[slot]

    # -- from sightings to events ------------------------------------------------------------------

    def _add(
        self,
        c: sqlite3.Connection,
        alone: dict[bytes, Sight],
        contended: Slots,
        derived: Derived,
        applied: Applied,
    ) -> None:
        desired: dict[bytes, list[Folded]] = {}
        before: dict[bytes, list[Stored]] = {}
        if contended:
            self._contacts.learn(c, [(s.source, s.event) for sights in contended.values() for s in sights])
            before = stored(c, list(contended))
            for slot, sights in contended.items():
                told = [s for event in before.get(slot, ()) for s in event.folded.sights]
                desired[slot] = fold([*told, *sights])
        if alone:
            self._insert_alone(c, list(alone.values()), derived)
            applied.events_added += len(alone)
        if desired:
            self._settle(c, before, desired, derived, applied)

    def _insert_alone(self, c: sqlite3.Connection, sights: list[Sight], derived: Derived) -> None:
        """The fast way: every sighting is a new event."""
        contacts, new_contacts = self._contacts.learn(c, [(s.source, s.event) for s in sights])
        heads = [Head(s.event, s.source, 0, (s.door, 1, s.delivery, s.received_at, s.digest)) for s in sights]
        self._insert(c, heads, contacts, new_contacts, derived)

    def _insert(
        self, c: sqlite3.Connection, heads: list[Head], contacts: list[int], new_contacts: set[int], derived: Derived
    ) -> None:
        keys = self._keys(c, [(head.source, head.event) for head in heads], contacts)
        messages, new_messages = self._messages.resolve(c, keys, new_contacts)
        number: int = c.execute("SELECT last_number FROM state").fetchone()[0]
        values = []
        added = []
        for (event, source, n, weight), (campaign, contact, _, key), (message, pair) in zip(
            heads, keys, messages, strict=True
        ):
            number += 1
            account = rows.account(event)
            values.append((number, event.slot, n, source, campaign, contact, message, *weight, *account))
            activity = derived.places.activity(campaign, facts.activity_of(key)) if key else 0
            added.append(facts.fact(event, account, message, pair, source, campaign, activity, contact, weight[0]))
            if (was := self._contacts.see(contact, event.occurred_at)) is not False:
                derived.see(source, was, event.occurred_at)
        c.executemany(rows.INSERT, values)
        c.execute("UPDATE state SET last_number = ?", (number,))
        derived.add(added, new_messages)

    def _settle(
        self,
        c: sqlite3.Connection,
        standing: dict[bytes, list[Stored]],
        desired: dict[bytes, list[Folded]],
        derived: Derived,
        applied: Applied,
    ) -> None:
        """The slow way: make the events of these slots what their sightings say, and recount their messages."""
        touched: list[Fact] = []
        added: list[Head] = []
        changed: list[tuple[Stored, int, Folded]] = []
        for slot, events in desired.items():
            before = standing.get(slot, [])
            for n, folded in enumerate(events):
                if n >= len(before):
                    added.append(Head(folded.event, folded.sights[0].source, n, _weight(folded.sights)))
                elif before[n].folded != folded:
                    changed.append((before[n], n, folded))
            for gone in before[len(events) :]:
                derived.take_away(gone.fact)
                touched.append(gone.fact)
                c.execute("DELETE FROM events WHERE id = ?", (gone.id,))
                applied.events_removed += 1
        if added:
            contacts = self._contacts.ids(c, [(head.source, head.event) for head in added])
            self._insert(c, added, contacts, set(), derived)
            applied.events_added += len(added)
        if changed:
            touched += self._update(c, changed, derived)
            applied.events_changed += len(changed)
        self._keep_sightings(c, desired)
        if touched:
            self._contacts.flush(c)
            for contact, first_at in derived.recount(touched).items():
                self._contacts.correct(contact, first_at)

    def _keys(self, c: sqlite3.Connection, events: Sequence[tuple[int, Event]], contacts: list[int]) -> list[Key]:
        """The message that each (source, event) belongs to."""
        return [
            (
                self._campaign(c, source, event.campaign_id),
                contact,
                CHANNEL[event.channel],
                facts.message_key(event.by_message, event.message_id, event.activity_id),
            )
            for (source, event), contact in zip(events, contacts, strict=True)
        ]

    def _update(self, c: sqlite3.Connection, changed: list[tuple[Stored, int, Folded]], derived: Derived) -> list[Fact]:
        """Write the new accounts of events; returns the facts, before and after, of those that count differently."""
        events = [(folded.sights[0].source, folded.event) for _, _, folded in changed]
        keys = self._keys(c, events, self._contacts.ids(c, events))
        messages, _ = self._messages.resolve(c, keys, set())
        values = []
        touched = []
        for (before, n, folded), (source, event), (campaign, contact, _, key), (message, pair) in zip(
            changed, events, keys, messages, strict=True
        ):
            account, weight = rows.account(event), _weight(folded.sights)
            values.append((event.slot, n, source, campaign, contact, message, *weight, *account, before.id))
            activity = derived.places.activity(campaign, facts.activity_of(key))
            fact = facts.fact(event, account, message, pair, source, campaign, activity, contact, weight[0])
            if fact != before.fact:
                derived.take_away(before.fact)
                derived.put_back(fact)
            if not fact.counts_as(before.fact):
                touched += [before.fact, fact]
        c.executemany(rows.UPDATE, values)
        return touched

    def _keep_sightings(self, c: sqlite3.Connection, desired: dict[bytes, list[Folded]]) -> None:
        """An event with one sighting is its own record; the sightings of any other are kept beside it."""
        c.executemany("DELETE FROM sightings WHERE slot = ?", [(slot,) for slot in desired])
        c.executemany(
            "INSERT INTO sightings VALUES (?,?,?,?,?,?,?,?)",
            [
                (
                    slot,
                    s.event.list,
                    s.event.row,
                    s.digest,
                    s.door,
                    s.delivery,
                    s.received_at,
                    _json.encode(s.event),
                )
                for slot, events in sorted(desired.items())
                for folded in events
                if len(folded.sights) > 1
                for s in folded.sights
            ],
        )

    # -- the rest of a reading ---------------------------------------------------------------------

    def _keep_snapshots(self, c: sqlite3.Connection, reads: Sequence[Read], applied: Applied) -> set[int]:
        """Returns the campaigns that were told of."""
        claimed = set()
        for read in reads:
            for snapshot in read.reading.snapshots:
                source = self._source(c, read.delivery.source)
                if snapshots.keep(c, source, snapshot):
                    self.news.add(read.delivery.id)
                if snapshot.campaign_id is not None:
                    claimed.add(self._campaign(c, source, snapshot.campaign_id))
                applied.snapshots += 1
        return claimed

    def _keep_told(self, c: sqlite3.Connection, reads: Sequence[Read]) -> None:
        for read in reads:
            source, at = self._source(c, read.delivery.source), read.delivery.received_at
            for campaign in read.reading.campaigns:
                if told.of_campaign(c, self._campaign(c, source, campaign.campaign_id), campaign, at):
                    self.news.add(read.delivery.id)
            for contact in read.reading.contacts:
                if self._contacts.tell(c, source, contact, at):
                    self.news.add(read.delivery.id)

    def _source(self, c: sqlite3.Connection, name: str) -> int:
        if name not in self._sources:
            c.execute("INSERT OR IGNORE INTO sources (name) VALUES (?)", (name,))
            self._sources[name] = c.execute("SELECT id FROM sources WHERE name = ?", (name,)).fetchone()[0]
        return self._sources[name]

    def _campaign(self, c: sqlite3.Connection, source: int, campaign_id: str | None) -> int:
        key = (source, campaign_id or "")
        campaign = self._campaigns.get(key)
        if campaign is None:
            c.execute("INSERT OR IGNORE INTO campaigns (source, campaign_id) VALUES (?,?)", key)
            campaign = c.execute(
                "SELECT id FROM campaigns WHERE source = ? AND campaign_id = ? AND activity_id = ''", key
            ).fetchone()[0]
            self._campaigns[key] = campaign
        return campaign


def _same(one: Sight, other: Sight) -> bool:
    return one.digest == other.digest and one.event == other.event


def _weight(sights: list[Sight]) -> tuple[int, int, int, int, int]:
    """The values of :data:`rows.WEIGHT`."""
    if len(sights) == 1:
        only = sights[0]
        return (only.door, 1, only.delivery, only.received_at, only.digest)
    doors = 0
    for sight in sights:
        doors |= sight.door
    return (
        doors,
        len(sights),
        min(s.delivery for s in sights),
        min(s.received_at for s in sights),
        sights[0].digest,
    )


def keep_problems(c: sqlite3.Connection, reads: Sequence[Read], applied: Applied) -> None:
    """Put what could not be understood into quarantine."""
    values: list[tuple[Any, ...]] = []
    for read in reads:
        d = read.delivery
        values += [
            (d.id, p.item, d.source, d.door, d.feed, d.received_at, p.reason, p.raw[:2000])
            for p in read.reading.problems
        ]
    c.executemany("INSERT OR REPLACE INTO quarantine VALUES (?,?,?,?,?,?,?,?)", values)
    applied.problems += len(values)
