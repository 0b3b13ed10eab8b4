"""Messages: one send of one email to one recipient, the row that gathers its events.

Where a platform puts its message id on every event, that id keys the message, and the message belongs to the
**pair** of its campaign and recipient, which has a row of its own: unique counts collapse messages per pair.
Everywhere else the pair is the message.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aftersend.storage.sqlite.statements import batched, marks

_MOST_CACHED = 60_000

Key = tuple[int, int, int, str]
"""Campaign, contact, channel, message id (empty for a pair)."""


class Message(NamedTuple):
    id: int
    pair: int


class Messages:
    """The messages of the batch at hand, with a cache that outlives it."""

    def __init__(self) -> None:
        self._cache: dict[Key, Message] = {}

    def forget(self) -> None:
        """Drop the cache: somebody else wrote, or what we wrote was undone."""
        self._cache.clear()

    def resolve(
        self, c: sqlite3.Connection, keys: Sequence[Key], new_contacts: set[int]
    ) -> tuple[list[Message], set[int]]:
        """The message of each key, made where it is new. Returns them in the order asked, and the ids of the
        new ones. Contacts that are new can't have messages yet, so these are not looked up."""
        cache = self._cache
        if len(cache) > _MOST_CACHED:
            cache.clear()
        # In the order of arrival, so that neighbours in time are neighbours on disk; pairs before their messages.
        unknown = [key for key in keys if key not in cache]
        missing = dict.fromkeys(key for asked in unknown for key in (_pair_of(asked), asked) if key not in cache)
        if missing:
            self._load(c, missing, new_contacts)
        number: int = c.execute("SELECT coalesce(max(id), 0) FROM messages").fetchone()[0]
        rows = []
        for key in missing:
            if key in cache:
                continue
            number += 1
            pair = number if key[3] == "" else cache[_pair_of(key)].id
            cache[key] = Message(number, pair)
            rows.append((number, *key, pair))
        c.executemany("INSERT INTO messages VALUES (?,?,?,?,?,?)", rows)
        return [cache[key] for key in keys], {row[0] for row in rows}

    def _load(self, c: sqlite3.Connection, missing: Iterable[Key], new_contacts: set[int]) -> None:
        pairs: dict[tuple[int, int], list[int]] = {}
        for key in missing:
            campaign, contact, channel, message_id = key
            if contact in new_contacts:
                continue
            if message_id == "":
                pairs.setdefault((campaign, channel), []).append(contact)
            # One by one: a recipient may have thousands of messages, of which a batch names one.
            elif row := c.execute(
                f"{_SELECT} AND contact = ? AND key = ?", (campaign, channel, contact, message_id)
            ).fetchone():
                self._cache[key] = Message(row[1], row[2])
        for (campaign, channel), contacts in pairs.items():
            for chunk in batched(sorted(contacts)):
                rows = c.execute(
                    f"{_SELECT} AND contact IN ({marks(len(chunk))}) AND key = ''",
                    (campaign, channel, *chunk),
                )
                for contact, id, pair in rows:
                    self._cache[campaign, contact, channel, ""] = Message(id, pair)


_SELECT = "SELECT contact, id, pair FROM messages WHERE campaign = ? AND channel = ?"


def _pair_of(key: Key) -> Key:
    return key if key[3] == "" else (*key[:3], "")
