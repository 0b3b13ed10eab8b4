"""Contacts: who an event is about, and the names they are known by.

A contact is keyed by the platform's id where the event has one, else by address, phone or external id. Every
sighting may tell a name (address, external id, phone). Where several are told, the one that was told of
*first at the latest time* is current: a pure function of the sightings, and one that needs no write when a
known name is told again later.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from aftersend.storage.sqlite.statements import batched, marks
from aftersend.vocabulary import Event, Instant

_MOST_CACHED = 200_000


def contact_key(event: Event) -> str:
    """What a contact is known by within its source; empty where an event names nobody."""
    if event.contact_id is not None:
        return f"i:{event.contact_id}"
    if event.email is not None:
        return f"e:{event.email.lower()}"
    if event.phone is not None:
        return f"p:{event.phone}"
    if event.external_id is not None:
        return f"x:{event.external_id}"
    return ""


class Contact:
    """A contact's row in memory."""

    __slots__ = ("earlier", "email", "email_at", "external_id", "external_id_at", "id", "phone", "phone_at")

    def __init__(self, id: int, names: Sequence[Any] = (None,) * 6, earlier: str | None = None):
        self.id = id
        self.email, self.email_at, self.external_id, self.external_id_at, self.phone, self.phone_at = names
        self.earlier: dict[str, dict[str, Instant]] = msgspec.json.decode(earlier) if earlier else {}

    def learn(self, field: str, value: str, at: Instant) -> bool:
        """Take in that the contact had this name at that time; whether anything changed."""
        current, since = getattr(self, field), getattr(self, f"{field}_at")
        if current == value:
            if at >= since:
                return False
            told = {**self.earlier.get(field, {}), value: at}
        else:
            told = self.earlier.get(field, {})
            if at >= told.get(value, at + 1):
                return False
            told = {**told, value: at}
            if current is not None:
                told[current] = since
        # Newest first-told name wins; the greater one where two were told at once.
        winner = max(told, key=lambda name: (told[name], name))
        setattr(self, field, winner)
        setattr(self, f"{field}_at", told.pop(winner))
        if told:
            self.earlier[field] = dict(sorted(told.items()))
        else:
            self.earlier.pop(field, None)
        return True

    def values(self) -> tuple[Any, ...]:
        earlier = msgspec.json.encode(dict(sorted(self.earlier.items()))).decode() if self.earlier else None
        return (
            self.email,
            self.email_at,
            self.external_id,
            self.external_id_at,
            self.phone,
            self.phone_at,
            earlier,
        )


class Contacts:
    """The contacts of the batch at hand, with a cache that outlives it."""

    def __init__(self) -> None:
        self._cache: dict[tuple[int, str], Contact] = {}

    def forget(self) -> None:
        """Drop the cache: somebody else wrote, or what we wrote was undone."""
        self._cache.clear()

    def ids(self, c: sqlite3.Connection, events: Sequence[tuple[int, Event]]) -> list[int]:
        """The contact of each (source, event), made where it is new."""
        if len(self._cache) > _MOST_CACHED:
            self._cache.clear()
        keys = [(source, contact_key(event)) for source, event in events]
        made = self._load(c, {key for key in keys if key not in self._cache})
        c.executemany("INSERT INTO contacts (id, source, key) VALUES (?,?,?)", [(made[key].id, *key) for key in made])
        return [self._cache[key].id for key in keys]

    def learn(self, c: sqlite3.Connection, sightings: Sequence[tuple[int, Event]]) -> tuple[list[int], set[int]]:
        """Keep the names that sightings tell of their own contacts. Returns the contacts' ids, and which are new."""
        if len(self._cache) > _MOST_CACHED:
            self._cache.clear()
        cache = self._cache
        keys = [(source, contact_key(event)) for source, event in sightings]
        made = self._load(c, {key for key in keys if key not in cache})
        changed: dict[tuple[int, str], Contact] = {}
        ids = []
        for key, (_, event) in zip(keys, sightings, strict=True):
            contact = cache[key]
            ids.append(contact.id)
            at = event.occurred_at
            news = False
            if (email := event.email) is not None and (email != contact.email or at < contact.email_at):
                news = contact.learn("email", email, at)
            if (ext := event.external_id) is not None and (ext != contact.external_id or at < contact.external_id_at):
                news = contact.learn("external_id", ext, at) or news
            if (phone := event.phone) is not None and (phone != contact.phone or at < contact.phone_at):
                news = contact.learn("phone", phone, at) or news
            if news:
                changed[key] = contact
        c.executemany(
            "INSERT INTO contacts VALUES (?,?,?,?,?,?,?,?,?,?)",
            [(contact.id, *key, *contact.values()) for key, contact in made.items()],
        )
        c.executemany(
            "UPDATE contacts SET email=?, email_at=?, external_id=?, external_id_at=?, phone=?, phone_at=?, "
            "earlier=? WHERE id=?",
            [(*contact.values(), contact.id) for key, contact in changed.items() if key not in made],
        )
        return ids, {contact.id for contact in made.values()}

    def _load(self, c: sqlite3.Connection, missing: set[tuple[int, str]]) -> dict[tuple[int, str], Contact]:
        """Fill the cache for these keys; returns those that had to be made, not yet written."""
        if not missing:
            return {}
        by_source: dict[int, list[str]] = {}
        for source, key in sorted(missing):
            by_source.setdefault(source, []).append(key)
        for source, keys in by_source.items():
            for chunk in batched(keys, 500):
                rows = c.execute(
                    "SELECT key, id, email, email_at, external_id, external_id_at, phone, phone_at, earlier "
                    f"FROM contacts WHERE source = ? AND key IN ({marks(len(chunk))})",
                    (source, *chunk),
                )
                for key, id, *names, earlier in rows:
                    self._cache[source, key] = Contact(id, names, earlier)
        number: int = c.execute("SELECT coalesce(max(id), 0) FROM contacts").fetchone()[0]
        made = {}
        for wanted in sorted(missing):
            if wanted not in self._cache:
                number += 1
                made[wanted] = self._cache[wanted] = Contact(number)
        return made
