"""A send as Hogsend shows it: one row for each message (providers/hogsend.md §7, "Details for serving")."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

from msgspec.structs import replace

from aftersend.receiver.dialects.hogsend.answers import Email, Send
from aftersend.receiver.dialects.hogsend.buckets import Window
from aftersend.storage.contract import Filter, LogFilter, MessageRow, Store
from aftersend.vocabulary import Bounce, Instant, Kind, Status
from aftersend.zones import moment

STATUSES = ("queued", "rendered", "sent", "delivered", "opened", "clicked", "bounced", "complained", "failed")
"""The statuses the send log knows (2.4); nothing is ever ``rendered`` (§6)."""

ENGAGEMENTS = {
    "opened": Kind.OPENED,
    "clicked": Kind.CLICKED,
    "bounced": Kind.BOUNCED,
    "complained": Kind.COMPLAINED,
}

BOUNCE_TYPES = {
    Bounce.HARD: "permanent",
    Bounce.SUPPRESSED: "permanent",
    Bounce.BLOCK: "transient",
    Bounce.MAILBOX_FULL: "transient",
    Bounce.SOFT: "transient",
    Bounce.UNDETERMINED: "unknown",
}

_SEND, _HIT = "61667465-7273-8000", "61667465-7273-8001"
"""Our numbers follow these in UUIDs of version 8; that they increase keeps the order of ids that of numbers."""
_FREE = 1 << 62


def send_id(number: int) -> str:
    """The id of a message, a UUID; :func:`number_of` turns it back."""
    return _uuid(_SEND, number)


def hit_id(number: int) -> str:
    """The id of an event, a UUID."""
    return _uuid(_HIT, number)


def link_id(number: int, url: str) -> str:
    """The id of a link in a message, a UUID."""
    digest = blake2b(f"{number} {url}".encode("utf-8", "replace"), digest_size=16).digest()
    return str(UUID(bytes=digest, version=5))


def number_of(id: str) -> int | None:
    """The number of the message with that id; ``None`` for a UUID that isn't ours."""
    found = re.fullmatch(f"{_SEND}-([89ab][0-9a-f]{{3}})-([0-9a-f]{{12}})", id.lower())
    return int("".join(found.groups()), 16) % _FREE if found else None


def _uuid(prefix: str, number: int) -> str:
    tail = f"{2 * _FREE + number:016x}"
    return f"{prefix}-{tail[:4]}-{tail[4:]}"


def stamp(at: Instant) -> str:
    """``2026-06-02T08:15:25.771Z``."""
    minute, rest = divmod(at, 60_000)
    return f"{_minute(minute)}{rest // 1000:02d}.{rest % 1000:03d}Z"


@lru_cache(maxsize=4096)
def _minute(number: int) -> str:
    # isoformat writes years before 1000 with four digits, strftime doesn't.
    return moment(number * 60_000).isoformat()[:17]


def first(row: MessageRow, kind: Kind) -> str | None:
    """When a kind first happened to a message."""
    outcome = row.outcomes.get(kind)
    return stamp(outcome.first_at) if outcome else None


def updated_at(row: MessageRow) -> Instant:
    """When anything last happened to a message."""
    return max([row.created_at, *(outcome.last_at for outcome in row.outcomes.values())])


def template_key(row: MessageRow) -> str | None:
    return row.template or row.campaign_id


def as_activity(row: MessageRow) -> Send:
    """A message among a contact's sends (2.2)."""
    return {
        "id": send_id(row.number),
        "templateKey": template_key(row),
        "subject": row.subject or "",
        "status": row.status,
        "sentAt": first(row, Kind.SENT),
        "deliveredAt": first(row, Kind.DELIVERED),
        "openedAt": first(row, Kind.OPENED),
        "clickedAt": first(row, Kind.CLICKED),
        "bouncedAt": first(row, Kind.BOUNCED),
        "complainedAt": first(row, Kind.COMPLAINED),
        "bounceType": BOUNCE_TYPES[row.bounce] if row.bounce else None,
        "createdAt": stamp(row.created_at),
    }


def as_email(row: MessageRow) -> Email:
    """A message in the send log (2.4)."""
    return {
        "id": send_id(row.number),
        "journeyStateId": None,
        "templateKey": template_key(row),
        "messageId": row.message_id,
        "resendId": row.message_id,
        "fromEmail": "",
        "toEmail": row.email or "",
        "subject": row.subject or "",
        "category": None,
        "status": row.status,
        "userId": row.external_id or row.contact_id,
        "journeyId": None,
        "sentAt": first(row, Kind.SENT),
        "deliveredAt": first(row, Kind.DELIVERED),
        "openedAt": first(row, Kind.OPENED),
        "clickedAt": first(row, Kind.CLICKED),
        "bouncedAt": first(row, Kind.BOUNCED),
        "complainedAt": first(row, Kind.COMPLAINED),
        "createdAt": stamp(row.created_at),
        "updatedAt": stamp(updated_at(row)),
    }


def matching(store: Store, which: LogFilter, status: str | None, user_id: str | None) -> LogFilter | None:
    """A filter with what ``status`` and ``userId`` mean; ``None`` where nothing can match."""
    # To the store an empty text means messages without one; a caller who gives it means nothing we have.
    if status == "rendered" or "" in (which.template, which.campaign_id):
        return None
    if status is not None:
        which = replace(which, status=Status(status))
    owner = owner_of(store, which.sources, user_id)
    return None if owner is None else replace(which, **owner)


def owner_of(store: Store, sources: tuple[str, ...] | None, key: str | None) -> dict[str, str] | None:
    """What ``userId`` asks of a filter: the customer's own id, else the platform's (2.4); nothing where it isn't given.
    ``None`` if nobody has that id."""
    if key is None:
        return {}
    if store.contacts(Filter(sources=sources, external_id=key), limit=1):
        return {"external_id": key}
    # An address stands in for an id elsewhere in the store, but is no user's here.
    known = any(row.contact_id == key for row in store.contacts(Filter(sources=sources, contact_id=key)))
    return {"contact_id": key} if known else None


def extent(store: Store, which: LogFilter, window: Window) -> tuple[Instant, Instant] | None:
    """When the first and the last message of a window was created."""
    within = replace(which, since=window[0], until=window[1])
    ends = [store.log(within, descending=newest, limit=1) for newest in (False, True)]
    return (ends[0][0].created_at, ends[1][0].created_at) if all(ends) else None
