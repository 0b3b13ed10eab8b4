"""The words of the product as types. A leaf: it imports nothing of ours.

Everything that crosses a border between packages is one of these. A provider builds
:class:`Event`, :class:`Snapshot` and :class:`Problem`; the store keeps them; reports
count them. No other module invents a kind, a class or an error family.

**Instants.** Inside, a point in time is an :data:`Instant`: whole milliseconds since
1970-01-01T00:00Z. It is as explicit as an aware datetime, has no zone to forget, sorts,
and costs nothing to store (docs/architecture.md says why this departs from aware
datetimes). Zones exist only at the edges: :mod:`aftersend.zones` turns a source's wall
clock into instants and instants into a caller's wall clock.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping
from enum import StrEnum
from hashlib import blake2b

import msgspec

Instant = int
"""Milliseconds since 1970-01-01T00:00:00Z."""


def now() -> Instant:
    """The present instant, from the system clock."""
    return time.time_ns() // 1_000_000


class Kind(StrEnum):
    """What happened. The order is the order of every table we print."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    DROPPED = "dropped"
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"
    RESUBSCRIBED = "resubscribed"
    COMPLAINED = "complained"
    REPLIED = "replied"
    FORWARDED = "forwarded"
    WEB_VIEWED = "web_viewed"
    PRINTED = "printed"
    VISITED = "visited"
    AUTO_REPLIED = "auto_replied"
    FAILED = "failed"
    OTHER = "other"


class Channel(StrEnum):
    """Through what the message went. Only ``email`` enters email reports."""

    EMAIL = "email"
    SMS = "sms"
    FORM = "form"
    SITE = "site"


class BounceClass(StrEnum):
    """Why a bounce happened, as far as the platform says."""

    HARD = "hard"
    SOFT = "soft"
    BLOCK = "block"
    UNDETERMINED = "undetermined"


class Bounce(StrEnum):
    """Why a message came back, finer than its class where the platform's reason says so.

    In this order the first that applies stands for a recipient who has several (providers/constant-contact.md §11).
    """

    HARD = "hard"
    SUPPRESSED = "suppressed"
    """The platform withheld the send and counts it among its bounces."""
    BLOCK = "block"
    MAILBOX_FULL = "mailbox_full"
    SOFT = "soft"
    UNDETERMINED = "undetermined"


class Status(StrEnum):
    """Where a message stands, by the rank of what happened to it and never by what came last
    (:func:`aftersend.storage.metrics.status`)."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


class Machine(StrEnum):
    """Who acted: a person, a machine (prefetch, link scanner), or nobody can tell."""

    HUMAN = "human"
    MACHINE = "machine"
    UNKNOWN = "unknown"


class Door(StrEnum):
    """How a delivery came in."""

    WEBHOOK = "webhook"
    FEED = "feed"


class Precision(StrEnum):
    """To what unit a platform stated a time. Ordered from coarse to fine by :data:`FINENESS`."""

    DAY = "day"
    MINUTE = "minute"
    SECOND = "second"
    MILLISECOND = "millisecond"


FINENESS: Mapping[Precision, int] = {p: n for n, p in enumerate(Precision)}


class Clock(StrEnum):
    """How the zone of an event's time was found.

    ``stated``: the platform said it. ``assumed``: the source's configured zone.
    ``doubled``: assumed, and the wall time occurred twice (the first was taken).
    ``missing``: assumed, and the wall time never occurred (shifted forward).
    ``received``: the platform's time could not be trusted; the time of receipt stands in.
    """

    STATED = "stated"
    ASSUMED = "assumed"
    DOUBLED = "doubled"
    MISSING = "missing"
    RECEIVED = "received"


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One sighting's account of one fact: what it says happened, to whom, when.

    Identity is ``(slot, list, row)``, see :func:`slot_key`. Sightings with the same slot may be the
    same fact. The store keeps as many events in a slot as the list that shows most of them has
    distinct rows (law 3). A platform whose own event id can be trusted through every door puts that
    id into the slot and leaves ``list`` and ``row`` empty: one slot, one event.

    Times are instants (UTC milliseconds). Text is as the platform wrote it, trimmed, never empty: absent
    is ``None``. Ids are text, also where the platform has numbers.
    """

    slot: bytes
    """16 bytes from :func:`slot_key`."""
    kind: Kind
    word: str
    """The provider's own word for the kind."""
    occurred_at: Instant
    list: str = ""
    """Which list showed the row. Where two lists disagree on a field and are equally precise in time,
    the list that is first in alphabetical order wins."""
    row: str = ""
    """What tells two rows of one list apart: the list's own id, or a digest of all its fields."""
    row_id: str | None = None
    """The platform's own id of this row, as reports print it."""
    precision: Precision = Precision.SECOND
    clock: Clock = Clock.STATED
    channel: Channel = Channel.EMAIL
    campaign_id: str | None = None
    activity_id: str | None = None
    """Constant Contact's campaign activity, and its like."""
    message_id: str | None = None
    """The platform's id of the message, as printed. Not by itself the key of the message, see ``by_message``."""
    by_message: bool = False
    """True where the platform puts ``message_id`` on *every* event of a message, so that it can key the
    message. Otherwise messages are keyed by (campaign or activity, recipient)."""
    template: str | None = None
    contact_id: str | None = None
    external_id: str | None = None
    """The customer's own id of the contact."""
    email: str | None = None
    phone: str | None = None
    url: str | None = None
    link_number: str | None = None
    ip: str | None = None
    """First address of the chain."""
    ip_chain: str | None = None
    """The whole chain as the platform wrote it, where it has more than one address."""
    user_agent: str | None = None
    device: str | None = None
    machine: Machine = Machine.UNKNOWN
    machine_reason: str | None = None
    bounce_class: BounceClass | None = None
    reason: str | None = None
    """The platform's own reason of a drop, bounce, complaint or failure."""
    smtp_code: str | None = None
    metadata: dict[str, str] = {}


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Totals that a platform itself claims, with the time they were read."""

    list: str
    """The feed or report they came from."""
    campaign_id: str | None
    read_at: Instant
    counts: dict[Kind, tuple[int, int | None]]
    """Kind → (total, unique), in our vocabulary. ``None``: the platform doesn't say."""
    raw: dict[str, int | float | str | None]
    """The platform's own names and figures."""
    stands_for: tuple[Kind, ...] = ()
    """Kinds the platform gives only as totals: reports take them from here (law 2)."""


class CampaignInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is told *about* a campaign, so that reports can name it. Of each field, what was told last stands."""

    campaign_id: str
    name: str | None = None
    status: str | None = None
    """The platform's own word."""
    type: str | None = None
    """The platform's own name of the type, as ``Newsletter``."""
    subject: str | None = None
    template: str | None = None
    created_at: Instant | None = None
    scheduled_at: Instant | None = None
    """When it is or was to be launched."""


class ContactInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is told *about* a contact. At least one of ``contact_id``, ``email``, ``phone``, ``external_id`` is given;
    the first of them that is says which contact is meant. Of each field, what was told last stands."""

    contact_id: str | None = None
    email: str | None = None
    phone: str | None = None
    external_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    deleted_at: Instant | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An item of a delivery that could not be understood. It goes to quarantine, never away."""

    item: int
    """Position in the delivery, from 0."""
    reason: str
    """One sentence without secrets and addresses."""
    raw: bytes = b""
    """The item, at most its first 2,000 bytes; the delivery has it all."""


class Reading(msgspec.Struct):
    """What a provider understood of one delivery."""

    events: list[Event] = []
    snapshots: list[Snapshot] = []
    problems: list[Problem] = []
    campaigns: list[CampaignInfo] = []
    contacts: list[ContactInfo] = []


class Once(msgspec.Struct, frozen=True):
    """A token that proves one fact and no other (:func:`aftersend.providers.proofs.once`)."""

    token: bytes
    """16 bytes: a digest of the source and the token."""
    fact: bytes
    """16 bytes: a digest of what it proves."""
    until: Instant
    """From then on the token is refused for its age, and needn't be remembered."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One raw thing taken in: the bytes of a webhook request, or of one page of a feed."""

    source: str
    door: Door
    received_at: Instant
    body: bytes
    id: int = 0
    """The inbox's increasing number; 0 before it is stored."""
    feed: str = ""
    """Name of the feed; empty for a webhook."""
    content_type: str = ""
    context: dict[str, str] = {}
    """Webhook: ``path`` (without secrets), ``query``, ``address``. Feed: the parameters asked, and
    ``cut`` = ``yes`` where the connection ended before the whole answer had come."""
    once: Once | None = None
    """A token the delivery used up. Not kept with it."""


def slot_key(at: Instant | None, *parts: str | None) -> bytes:
    """The 16-byte slot of an event: a natural key, or the provider's own id where it can be trusted.

    ``parts`` begins with the source's name and the kind. ``at`` is the time *cut to the coarsest precision
    any door has*; it leads the key, so that keys arrive in order and the index stays fast. Give ``None``
    where a platform doesn't repeat the time on redelivery: then the key is all hash, and slower.
    """
    digest = blake2b("\x1f".join([p or "" for p in parts]).encode(), digest_size=11 if at is not None else 16)
    if at is None:
        return digest.digest()
    # Seconds in five bytes reach the year 36812; before 1970 cannot be and is clamped.
    return struct.pack(">Q", max(0, at // 1000))[3:] + digest.digest()


class Rate(msgspec.Struct, frozen=True):
    """A platform's limit: at most so many ``calls`` in any stretch of ``period`` milliseconds. A period of a day or
    longer is that of the calendar, in UTC."""

    calls: int
    period: int


class Heard(msgspec.Struct, frozen=True):
    """What a platform says about a budget: of ``most`` calls in a window of ``period`` milliseconds, ``left`` are left
    ``until`` it ends (``None``: not said)."""

    period: int
    most: int
    left: int
    until: Instant | None = None


class AftersendError(Exception):
    """Root of every error we raise. The message is one sentence, without secrets and full addresses."""


class PermanentError(AftersendError):
    """Trying again will not help."""


class BadInput(PermanentError):
    """What a caller sent cannot be understood; names the field."""

    def __init__(self, message: str, field: str | None = None):
        super().__init__(message)
        self.field = field


class TemporaryError(AftersendError):
    """Try again, but not before an instant."""

    def __init__(self, message: str, not_before: Instant | None = None):
        super().__init__(message)
        self.not_before = not_before


class ConfigurationError(AftersendError):
    """The operator must change something; the message is the sentence that fixes it."""


class Rejected(AftersendError):
    """A webhook whose signature, token or address is wrong."""
