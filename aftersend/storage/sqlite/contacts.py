"""Contacts: who an event is about, and the names they are known by.

A contact is keyed by the platform's id where the event has one, else by address, phone or external id. Every
sighting may tell a name (address, external id, phone). Where several are told, the one that was told of
*first at the latest time* is current: a pure function of the sightings, and one that needs no write when a
known name is told again later.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from aftersend.storage.sqlite.statements import batched, marks, values
from aftersend.storage.sqlite.told import joined, known
from aftersend.vocabulary import ContactInfo, Event, Instant

_MOST_CACHED = 30_000


def contact_key(event: Event | ContactInfo) -> str:
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

    __slots__ = (
        *("about", "earlier", "email", "email_at", "external_id", "external_id_at", "first_at", "id"),
        *("key", "phone", "phone_at", "source"),
    )

    def __init__(self, id: int, source: int, key: str, stored: Sequence[Any] = (None,) * 9):
        self.id, self.source, self.key = id, source, key
        *names, earlier, self.first_at, self.about = stored
        self.email, self.email_at, self.external_id, self.external_id_at, self.phone, self.phone_at = names
        self.earlier: dict[str, dict[str, Instant]] = msgspec.json.decode(earlier) if earlier else {}

    def learn(self, field: str, value: str, at: Instant) -> bool:
        """Take in that the contact had this name at that time; whether anything changed."""
        current, since = getattr(self, field), getattr(self, f"{field}_at")
        if current is None and not self.earlier:  # the common case of a new contact, which nothing competes with
            setattr(self, field, value)
            setattr(self, f"{field}_at", at)
            return True
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
        """As :data:`_VALUES` takes them: the empty text stands for NULL."""
        earlier = msgspec.json.encode(dict(sorted(self.earlier.items()))).decode() if self.earlier else ""
        email_at, external_id_at, phone_at, first_at = self.email_at, self.external_id_at, self.phone_at, self.first_at
        return (
            self.email or "",
            "" if email_at is None else email_at,
            self.external_id or "",
            "" if external_id_at is None else external_id_at,
            self.phone or "",
            "" if phone_at is None else phone_at,
            earlier,
            "" if first_at is None else first_at,
            self.about or "",
        )


_NAMES = ("email", "email_at", "external_id", "external_id_at", "phone", "phone_at", "earlier", "first_at", "about")
"""The values of :meth:`Contact.values`."""
_COLUMNS, _VALUES = ", ".join(_NAMES), values(_NAMES, _NAMES)


class Contacts:
    """The contacts of the batch at hand, with a cache that outlives it. What changes is written by :meth:`flush`."""

    def __init__(self) -> None:
        self._cache: dict[tuple[int, str], Contact] = {}
        self._by_id: dict[int, Contact] = {}
        self._made: dict[int, Contact] = {}
        self._changed: dict[int, Contact] = {}

    def forget(self) -> None:
        """Drop the cache: somebody else wrote, or what we wrote was undone."""
        for remembered in (self._cache, self._by_id, self._made, self._changed):
            remembered.clear()

    def ids(self, c: sqlite3.Connection, events: Sequence[tuple[int, Event]]) -> list[int]:
        """The contact of each (source, event), made where it is new."""
        return [contact.id for contact in self._of(c, [(source, contact_key(event)) for source, event in events])[0]]

    def learn(self, c: sqlite3.Connection, sightings: Sequence[tuple[int, Event]]) -> tuple[list[int], set[int]]:
        """Keep the names that sightings tell of their own contacts. Returns the contacts' ids, and which are new."""
        contacts, made = self._of(c, [(source, contact_key(event)) for source, event in sightings])
        for contact, (_, event) in zip(contacts, sightings, strict=True):
            self._learn(contact, event.email, event.external_id, event.phone, event.occurred_at)
        return [contact.id for contact in contacts], made

    def tell(self, c: sqlite3.Connection, source: int, info: ContactInfo, at: Instant) -> bool:
        """Keep what is told about a contact. Returns whether it was news."""
        ((contact,), made) = self._of(c, [(source, contact_key(info))])
        news = self._learn(contact, info.email, info.external_id, info.phone, at)
        facts = {"first_name": info.first_name, "last_name": info.last_name, "deleted_at": info.deleted_at}
        before, contact.about = contact.about, joined(contact.about, facts, at)
        if contact.about != before:
            self._changed[contact.id] = contact
        return news or bool(made) or known(contact.about) != known(before)

    def _learn(
        self, contact: Contact, email: str | None, external_id: str | None, phone: str | None, at: Instant
    ) -> bool:
        news = False
        if email is not None and (email != contact.email or at < contact.email_at):
            news = contact.learn("email", email, at)
        if external_id is not None and (external_id != contact.external_id or at < contact.external_id_at):
            news = contact.learn("external_id", external_id, at) or news
        if phone is not None and (phone != contact.phone or at < contact.phone_at):
            news = contact.learn("phone", phone, at) or news
        if news:
            self._changed[contact.id] = contact
        return news

    def see(self, contact_id: int, at: Instant) -> Instant | Literal[False] | None:
        """Something happened to a contact. If it was known only from later on: the instant it was known from
        (``None``: never). Else False."""
        contact = self._by_id[contact_id]
        was: Instant | None = contact.first_at
        if was is not None and was <= at:
            return False
        contact.first_at = at
        self._changed[contact_id] = contact
        return was

    def correct(self, contact_id: int, first_at: Instant | None) -> None:
        """The store knows since when a contact is known."""
        if contact := self._by_id.get(contact_id):
            contact.first_at = first_at

    def flush(self, c: sqlite3.Connection) -> None:
        """Write what was made and changed."""
        c.executemany(
            f"INSERT INTO contacts (id, source, key, {_COLUMNS}) VALUES (?,?,?,{_VALUES})",
            [(contact.id, contact.source, contact.key, *contact.values()) for contact in self._made.values()],
        )
        c.executemany(
            f"UPDATE contacts SET ({_COLUMNS}) = ({_VALUES}) WHERE id = ?",
            [(*contact.values(), id) for id, contact in sorted(self._changed.items()) if id not in self._made],
        )
        self._made.clear()
        self._changed.clear()

    def _of(self, c: sqlite3.Connection, keys: Sequence[tuple[int, str]]) -> tuple[list[Contact], set[int]]:
        """The contact of each key, and the ids of those that are new."""
        cache = self._cache
        if len(cache) > _MOST_CACHED and not self._made and not self._changed:
            self.forget()
        missing = {key for key in keys if key not in cache}
        made = self._load(c, missing) if missing else set()
        return [cache[key] for key in keys], made

    def _load(self, c: sqlite3.Connection, missing: set[tuple[int, str]]) -> set[int]:
        """Fill the cache for these keys; returns the ids of those that had to be made."""
        by_source: dict[int, list[str]] = {}
        for source, key in sorted(missing):
            by_source.setdefault(source, []).append(key)
        for source, keys in by_source.items():
            for chunk in batched(keys, 500):
                rows = c.execute(
                    f"SELECT key, id, {_COLUMNS} FROM contacts WHERE source = ? AND key IN ({marks(len(chunk))})",
                    (source, *chunk),
                )
                for key, id, *stored in rows:
                    self._keep(Contact(id, source, key, stored))
        last: int = c.execute("SELECT coalesce(max(id), 0) FROM contacts").fetchone()[0]
        number = max(last, *self._made, 0)
        made = set()
        for source, key in sorted(missing):
            if (source, key) not in self._cache:
                number += 1
                made.add(number)
                self._made[number] = self._keep(Contact(number, source, key))
        return made

    def _keep(self, contact: Contact) -> Contact:
        self._cache[contact.source, contact.key] = self._by_id[contact.id] = contact
        return contact
