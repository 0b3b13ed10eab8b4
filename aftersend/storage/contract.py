"""What a store must be able to do, in the words of the design and without a word of SQL.

The docstrings are the contract; ``tests/conformance`` is its proof, and every store passes the same suite.

A store has two halves, because taking in must never wait for working off:

* the **inbox** half, written by receivers, pollers, schedulers and the console: deliveries, feeds with their
  positions and claims, budgets, API keys, readers' positions;
* the **events** half, written by the normalizer alone: events, sightings, snapshots, quarantine, and
  everything derived from them.

All methods may be called from any thread. Instants are UTC milliseconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal

import msgspec

from aftersend.vocabulary import (
    AftersendError,
    Bounce,
    Channel,
    Clock,
    Delivery,
    Door,
    Event,
    Heard,
    Instant,
    Kind,
    Machine,
    Precision,
    Rate,
    Reading,
    Snapshot,
    Status,
)


class ClaimLost(AftersendError):
    """Somebody else holds the feed now: this worker was away for longer than its claim."""


class Backlog(msgspec.Struct, frozen=True):
    """What has been taken in but not worked off."""

    deliveries: int
    oldest_received_at: Instant | None


class FeedRow(msgspec.Struct, kw_only=True):
    """A feed of a source as the store knows it.

    ``lane`` is ``live``, or names a backfill of a range (``since`` inclusive, ``until`` exclusive), which has
    a position of its own and ends (``finished``).
    """

    source: str
    feed: str
    lane: str = "live"
    resource: str
    """What only one may use at a time: the feed itself, or for a read-once feed its credential."""
    position: dict[str, Any] = {}
    since: Instant | None = None
    until: Instant | None = None
    due_at: Instant = 0
    owner: str | None = None
    claimed_until: Instant | None = None
    last_run_at: Instant | None = None
    last_success_at: Instant | None = None
    complete_until: Instant | None = None
    """Everything that happened before this instant has been read."""
    last_rows: int | None = None
    """Rows the last finished run brought."""
    quiet_runs: int = 0
    """Finished runs in a row without a row, after runs that had some."""
    parked_until: Instant | None = None
    failures: int = 0
    """Failed runs in a row."""
    stopped: bool = False
    """Stopped until the operator changes something: the credentials were refused."""
    finished: bool = False
    problem: str | None = None
    problem_body: str | None = None
    """At most the first 2,000 characters of what the platform answered."""
    fingerprint: str = ""
    """Of the credentials, so that changed ones start a stopped source again."""

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.source, self.feed, self.lane)


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of one window of a budget: what we counted ourselves, or what the platform said where that is
    less."""

    period: int
    """Milliseconds."""
    most: int
    left: int
    until: Instant | None
    """When the window ends, if anybody knows."""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What opens a platform's API for an account that was connected by OAuth. Never printed, never logged."""

    account: str
    """A digest of whose it is."""
    access: str
    refresh: str = ""
    """Empty: there is none, and after ``expires_at`` the operator must connect again."""
    expires_at: Instant
    scope: str = ""
    generation: int = 0
    """Rises with every new token, so that a stale one is known for what it is."""

    def __repr__(self) -> str:
        return f"Token(account={self.account!r}, generation={self.generation})"


class Read(msgspec.Struct, frozen=True):
    """A delivery with what its provider understood of it."""

    delivery: Delivery
    reading: Reading


class Applied(msgspec.Struct):
    """What one ``apply`` changed."""

    events_added: int = 0
    events_changed: int = 0
    events_removed: int = 0
    sightings: int = 0
    snapshots: int = 0
    problems: int = 0

    def __add__(self, other: Applied) -> Applied:
        """What both changed together."""
        return Applied(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))


class QuarantineRow(msgspec.Struct, frozen=True, kw_only=True):
    """An item that could not be understood."""

    delivery_id: int
    item: int
    source: str
    door: str
    feed: str
    received_at: Instant
    reason: str
    raw: bytes


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events a report speaks of. All conditions hold together; ``None`` means any.

    ``since`` is inclusive, ``until`` exclusive. ``sources`` lists names: an empty tuple matches nothing.
    Ids are the platforms' own; ``email`` is compared without regard to case.
    """

    sources: tuple[str, ...] | None = None
    campaign_id: str | None = None
    activity_id: str | None = None
    """Constant Contact's campaign activity; only sources that have activities know any."""
    contact_id: str | None = None
    external_id: str | None = None
    email: str | None = None
    message_id: str | None = None
    kinds: tuple[Kind, ...] | None = None
    word: str | None = None
    channels: tuple[Channel, ...] | None = (Channel.EMAIL,)
    since: Instant | None = None
    until: Instant | None = None
    machine: Literal["include", "exclude"] = "include"
    """``exclude`` leaves out what a machine did; what nobody can tell stays in."""


class EventRow(msgspec.Struct, gc=False):
    """An event as a report shows it: what all its sightings say together, and what is known of its contact
    (address and external id, from whichever sighting of whichever event told us, earlier or later)."""

    id: str
    """Ours; the same whatever the order of arrival."""
    number: int
    """Ours; increases with arrival and never changes."""
    source: str
    kind: Kind
    word: str
    channel: Channel
    occurred_at: Instant
    precision: Precision
    clock: Clock
    received_at: Instant
    """Of the first sighting."""
    row_id: str | None
    campaign_id: str | None
    activity_id: str | None
    message_id: str | None
    template: str | None
    contact_id: str | None
    external_id: str | None
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    current_email: str | None
    """The contact's address today; ``email`` is the event's own where it tells one."""
    deleted_at: Instant | None
    """When the contact was deleted."""
    url: str | None
    link_number: str | None
    ip: str | None
    ip_chain: str | None
    user_agent: str | None
    device: str | None
    machine: Machine
    machine_reason: str | None
    bounce_class: str | None
    reason: str | None
    smtp_code: str | None
    metadata: dict[str, str]
    doors: list[str]


class Count(msgspec.Struct, frozen=True, gc=False):
    """``total`` events; ``unique`` pairs of recipient and campaign; ``messages`` messages. In a window of time:
    pairs, and messages, whose first ever occurrence lies in it. ``messages`` differs from ``unique`` only where a
    recipient gets several messages of one campaign."""

    total: int = 0
    unique: int = 0
    messages: int = 0


Funnel = dict[Kind, Count]
"""Every kind of the vocabulary, in its order, zero where nothing happened."""


class Mark(StrEnum):
    """What became of a message or of a pair of recipient and campaign, counted at one instant each, so that
    neighbouring windows add up."""

    TOUCHED = "touched"
    """Anything at all happened; at the first event."""
    RETURNED = "returned"
    """Sent and bounced; at the first send. ``total``: sends undone, at most one by each bounce."""
    HARD = "hard"
    """Bounced, at least once for good (``hard`` or ``suppressed``); at the first such bounce."""
    SOFT = "soft"
    """Bounced, but never for good; at the first bounce."""
    DELIVERED_OPENED = "delivered_opened"
    """Delivered, and opened whenever; at the first delivery."""
    KEPT_OPENED = "kept_opened"
    """Sent, never bounced, and opened whenever; at the first send."""
    HANDED = "handed"
    """Not told as sent, but queued and not dropped; at the first queuing. Else, where it was delivered or bounced: at
    the first of these. ``total``: as often as it was queued and not dropped, else delivered or bounced."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What of a lifetime funnel comes from snapshots: kinds that a platform gives only as totals, and every kind of
    campaigns of which there is no email event."""

    counts: Funnel
    """By how much snapshots exceed what events say."""
    received: Count
    """Sends less bounces of those campaigns without events for which no deliveries are claimed."""


NO_CLAIMS = Claims(counts={kind: Count() for kind in Kind}, received=Count())
"""No snapshot stands for anything."""


class Seen(msgspec.Struct, frozen=True):
    """Events by the doors through which they were seen."""

    webhook_only: int = 0
    feed_only: int = 0
    both: int = 0


Doors = dict[str, dict[Kind, Seen]]
"""Of every source that ever told anything, kinds in the vocabulary's order; those of which there is nothing are left
out."""


class SnapshotRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a source claimed."""

    source: str
    snapshot: Snapshot


Marks = dict[Mark, Count]
"""Every mark, zero where there is none. ``total`` is counted for ``RETURNED`` and ``HANDED`` alone."""


class CampaignRow(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign with its lifetime counts and what is known about it. Instants are ``None`` where nothing of the
    sort has happened (a draft that is only known by name)."""

    source: str
    campaign_id: str | None
    name: str | None
    status: str | None
    type: str | None
    subject: str | None
    template: str | None
    created_at: Instant | None
    scheduled_at: Instant | None
    first_at: Instant | None
    last_at: Instant | None
    first_sent_at: Instant | None
    last_sent_at: Instant | None
    counts: Funnel
    """With what its snapshots stand for."""
    marks: Marks
    claims: Claims


class ActivityRow(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign activity that a source told of."""

    source: str
    campaign_id: str | None
    activity_id: str


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was clicked. ``total`` clicks, ``unique`` recipients."""

    url: str
    """Empty for clicks without one."""
    number: str | None
    """The platform's number or id of it; the shortest, then smallest, where it told several."""
    total: int
    unique: int


class Facets(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign's events are made of, over all time."""

    devices: dict[Kind, dict[str, int]]
    """For ``opened`` and ``clicked``: events by device, ``computer mobile tablet other none``, zeros included, in
    this order. ``other``: a device or user agent that is none of the three; ``none``: nothing was told of either."""
    bounces: dict[Bounce, int]
    """Recipients who bounced, each under the first :class:`Bounce` that applies; every one, zeros included."""
    auto_replied: int
    """Recipients who bounced in no way but for whom an auto-reply came."""
    links: list[Link]
    """Most recipients first, then by URL."""


class ContactRow(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    contact_id: str | None
    external_id: str | None
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    deleted_at: Instant | None
    first_at: Instant | None
    last_at: Instant | None
    """``None`` for a contact that is only known by what was told about it."""


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One message with everything that happened to it, per kind."""

    number: int
    """Ours; never changes."""
    source: str
    campaign_id: str | None
    activity_id: str | None
    message_id: str | None
    contact_id: str | None
    external_id: str | None
    email: str | None
    channel: Channel
    template: str | None
    """As the platform tells it; the campaign's own where no event says one."""
    subject: str | None
    """The campaign's."""
    created_at: Instant
    """When it was queued or dropped, else the earliest time known of it."""
    status: Status
    bounce: Bounce | None
    outcomes: dict[Kind, Outcome]


class Outcome(msgspec.Struct, frozen=True):
    count: int
    first_at: Instant
    last_at: Instant


class LogFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages of the send log. All conditions hold together; ``None`` means any. Only email is in the log,
    and only what is a message: an unsubscribe outside any campaign makes none.

    ``since`` (inclusive) and ``until`` (exclusive) bound ``created_at``.
    """

    sources: tuple[str, ...] | None = None
    template: str | None = None
    """The message's template, else its campaign's id; ``""`` for messages that have neither."""
    campaign_id: str | None = None
    email: str | None = None
    """Exactly so written."""
    contact_id: str | None = None
    external_id: str | None = None
    status: Status | None = None
    happened: Kind | None = None
    """A kind that happened to the message at least once."""
    since: Instant | None = None
    until: Instant | None = None
    number: int | None = None


class Cohort(msgspec.Struct, frozen=True, kw_only=True):
    """Messages by the time of their creation: how many there are, to how many a kind ever happened, and where they
    stand now."""

    messages: int
    happened: dict[Kind, int]
    """``sent delivered opened clicked bounced complained``, zeros included."""
    statuses: dict[Status, int]
    """Every status, zeros included."""


class TemplateRow(msgspec.Struct, frozen=True, kw_only=True):
    """A template that messages were made of, with all of them."""

    source: str
    template: str
    """The platform's, else the campaign's id; ``""`` for messages that have neither."""
    cohort: Cohort


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """An API key; the secret itself is not kept."""

    id: str
    name: str
    scopes: tuple[str, ...]
    sources: tuple[str, ...] | None
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None


Order = Literal["newest", "oldest", "arrival"]
CampaignOrder = Literal["first", "sent", "created"]
LogOrder = Literal["created", "sent", "opened", "clicked"]
Bookmark = tuple[int, ...] | tuple[int, str]
"""Where a page ended: for ``newest`` and ``oldest`` (occurred_at, id of the event), for ``arrival`` (number,)."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a derived table is not what the events say."""

    table: str
    key: str
    stored: str
    computed: str


class Store(ABC):
    """One installation's memory. Open it with :func:`aftersend.storage.open_store`."""

    # -- schema ------------------------------------------------------------------------------------

    @abstractmethod
    def migrate(self) -> list[str]:
        """Bring the schema to the current version; returns the names of the steps taken. Each step and the
        note that it was taken are one transaction, so an interrupted migration is repeated safely."""

    @abstractmethod
    def ready(self) -> None:
        """Return when the store can be read and its schema is current. Raises ConfigurationError
        ("run `aftersend migrate`") or TemporaryError."""

    @abstractmethod
    def check_room(self) -> None:
        """Return when there is room to take something in; cheap, and waits for nobody. Raises TemporaryError with the
        reason: the disk is full, or a quota."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections. The store can't be used afterwards."""

    # -- inbox -------------------------------------------------------------------------------------

    @abstractmethod
    def append(self, deliveries: Sequence[Delivery]) -> list[int]:
        """Put deliveries into the inbox, all or none, and return their increasing ids. On return they are
        on disk (fsync): they may be acknowledged. Raises TemporaryError when that isn't possible now.

        One whose :attr:`~aftersend.vocabulary.Delivery.once` has proved another fact before is not taken; its id is 0.
        """

    @abstractmethod
    def append_page(
        self,
        feed: FeedRow,
        delivery: Delivery,
        position: dict[str, Any] | None,
        claimed_until: Instant,
        notes: Mapping[str, Any] | None = None,
    ) -> int:
        """Put a page into the inbox and, in the same transaction, the feed's position after it (``None``: leave
        it), the notes made of it, and a longer claim. Raises :class:`ClaimLost` if ``feed.owner`` doesn't hold the
        feed any more; then the position is untouched and the page is stored only if ``position`` is ``None`` (a
        read-once row must not be lost even then)."""

    @abstractmethod
    def move_feed(
        self, feed: FeedRow, position: dict[str, Any], claimed_until: Instant, notes: Mapping[str, Any] | None = None
    ) -> None:
        """The same without a page. Raises :class:`ClaimLost`."""

    @abstractmethod
    def notes(self, source: str, prefix: str = "") -> dict[str, Any]:
        """The notes of a source's feeds whose names begin with a prefix, by name. A note that was made as ``None`` is
        forgotten."""

    @abstractmethod
    def backlog(self) -> Backlog:
        """What has not been worked off."""

    @abstractmethod
    def delivery(self, delivery_id: int) -> Delivery | None:
        """A raw delivery, or ``None`` once it is pruned."""

    @abstractmethod
    def deliveries(self, first: int, last: int | None = None, source: str | None = None) -> Iterator[Delivery]:
        """Raw deliveries by id, both ends included, in order, without holding a transaction open."""

    @abstractmethod
    def prune(self, before: Instant) -> int:
        """Remove worked-off deliveries received before an instant, but none with an item in quarantine.
        Returns how many."""

    # -- normalizing -------------------------------------------------------------------------------

    @abstractmethod
    def work_off(
        self, read: Callable[[Delivery], Reading], most_deliveries: int = 5_000, most_events: int = 10_000
    ) -> Applied | None:
        """Take the next deliveries of the inbox through ``read`` and apply them, together with the new
        position in the inbox, in one transaction. Returns ``None`` when there was nothing to do. Any number
        of processes may call it; they take turns. If ``read`` raises, the delivery goes to quarantine
        whole. A feed's page that told nothing new doesn't stay in the inbox: an earlier delivery told it all,
        and a list that is read again and again would fill the disk."""

    @abstractmethod
    def apply(self, reads: Sequence[Read]) -> Applied:
        """Add sightings, snapshots and problems to what is known. In one transaction; idempotent; the result
        is a pure function of everything ever applied, whatever the order (laws 2 and 3)."""

    @abstractmethod
    def reapply(
        self, deliveries: Sequence[Delivery], read: Callable[[Delivery], Reading], *, dry_run: bool = False
    ) -> Applied:
        """Forget what these deliveries said and apply them anew, after a mapping was mended. With
        ``dry_run`` nothing is kept, only counted. Their items in quarantine that are understood now leave it."""

    @abstractmethod
    def quarantine(self, source: str | None = None, limit: int = 1000) -> list[QuarantineRow]:
        """Items that could not be understood, newest delivery first."""

    @abstractmethod
    def quarantined(self) -> int:
        """How many items are in quarantine."""

    @abstractmethod
    def rebuild(self) -> None:
        """Recompute every derived table from the events, in one transaction (law 7)."""

    @abstractmethod
    def differences(self, limit: int = 100) -> list[Difference]:
        """Where the derived tables are not what the events say. Empty is the only good answer."""

    # -- feeds, claims, budgets --------------------------------------------------------------------

    @abstractmethod
    def ensure_feeds(self, rows: Sequence[FeedRow]) -> None:
        """Make sure these feeds exist. One that exists keeps its position and due time; if its fingerprint
        differs, it takes the new one and is no longer stopped."""

    @abstractmethod
    def feeds(self, source: str | None = None) -> list[FeedRow]:
        """All feeds, ordered by source, feed, lane."""

    @abstractmethod
    def due_feeds(self, at: Instant) -> list[FeedRow]:
        """Feeds that are due, not finished, not stopped, not parked, and whose resource nobody claims, the
        longest overdue first. A hint: :meth:`claim` decides.

        A row whose last run began well after ``at`` was run before the clock was set back: it is due, and nobody's,
        here as for :meth:`claim`."""

    @abstractmethod
    def claim(
        self, key: tuple[str, str, str], owner: str, until: Instant, *, at: Instant, force: bool = False
    ) -> FeedRow | None:
        """Claim a feed, if its resource is free and it is due (``force``: due or not, parked or not, stopped or
        not; a free resource is still needed). ``owner`` must be unique to this run. Returns the feed as
        claimed, or ``None``: somebody was faster, and that is fine."""

    @abstractmethod
    def finish(
        self,
        feed: FeedRow,
        *,
        due_at: Instant,
        rows: int | None,
        complete_until: Instant | None,
        finished: bool = False,
    ) -> None:
        """The run succeeded: release the claim, clear problem, parking and failures. ``rows`` that it brought, ``None``
        where there was nothing to ask for: that is no quiet run. ``complete_until`` never
        goes back. Does nothing if the claim was lost."""

    @abstractmethod
    def park(self, feed: FeedRow, until: Instant, problem: str, body: str = "") -> None:
        """The run failed for now: release the claim, not due before ``until``, one more failure."""

    @abstractmethod
    def stop_source(self, feed: FeedRow, problem: str, body: str = "") -> None:
        """The credentials were refused: release the claim and stop every feed of the source."""

    @abstractmethod
    def release(self, feed: FeedRow) -> None:
        """The claimant is known to be dead: release its claim; nothing else changes. Does nothing if the claim
        is somebody else's by now."""

    @abstractmethod
    def reserve(
        self,
        budget: str,
        interval_ms: int,
        at: Instant,
        rates: Sequence[Rate] = (),
        patience_ms: int | None = None,
    ) -> Instant:
        """Reserve the next turn of a budget shared by everyone who names it, turns being ``interval_ms`` apart and
        within ``rates`` and what was :meth:`learned`. Returns the instant of the turn, ``at`` or later; the caller
        waits for it. One that is more than ``patience_ms`` away is not reserved: ask again then. Turns and silence
        left behind by a clock that was set back since are void."""

    @abstractmethod
    def learned(self, budget: str, heard: Sequence[Heard], at: Instant) -> None:
        """Heed what the platform says of a budget, where that is less than we counted. A window longer than a day,
        whose end nobody knows, is as the platform said last; when it is used up, a turn a day finds out whether that
        is over."""

    @abstractmethod
    def silence(self, budget: str, until: Instant | None) -> None:
        """No turn of the budget before an instant; ``None`` ends a silence."""

    @abstractmethod
    def left(self, budget: str, at: Instant) -> list[Budget]:
        """What is left of every window of a budget that was used or heard of, the shortest first."""

    # -- tokens --------------------------------------------------------------------------------------

    @abstractmethod
    def token(self, account: str) -> Token | None:
        """The account's token, ``None`` if it was never connected."""

    @abstractmethod
    def keep_token(self, token: Token) -> None:
        """Keep a token in place of the account's last one; its generation is one higher than that, whatever the token
        says. Nobody is refreshing it any more."""

    @abstractmethod
    def lock_token(self, account: str, generation: int, at: Instant, until: Instant) -> bool:
        """Take the right to refresh a token of that generation, for a time. False: somebody else has it, or the token
        was refreshed already. A right that would last longer than this one by as long again was taken before the clock
        was set back, and is void."""

    @abstractmethod
    def unlock_token(self, account: str) -> None:
        """Give back the right to refresh without a new token."""

    # -- keys and readers --------------------------------------------------------------------------

    @abstractmethod
    def add_key(self, row: KeyRow, digest: bytes) -> None:
        """Keep a key under the digest of its secret. The same id again replaces it."""

    @abstractmethod
    def key(self, digest: bytes) -> KeyRow | None:
        """The key with that digest, revoked and expired ones too."""

    @abstractmethod
    def keys(self) -> list[KeyRow]:
        """All keys, oldest first."""

    @abstractmethod
    def revoke_key(self, key_id: str, at: Instant) -> bool:
        """Revoke a key at once. False if there is none of that id."""

    @abstractmethod
    def reader_position(self, reader: str) -> int | None:
        """The number up to which a named reader has been given events, ``None`` if it never read."""

    @abstractmethod
    def move_reader(self, reader: str, seen: int | None, position: int) -> bool:
        """Move a reader from the position it was seen at. False: another call was faster, nothing moved."""

    # -- reports -----------------------------------------------------------------------------------

    @abstractmethod
    def funnel(self, which: Filter) -> Funnel:
        """Counts per kind, of everything or of one campaign or activity. ``kinds``, ``word``, contact and message
        conditions are refused with BadInput,
        except by :meth:`events`. When no time is asked for, the latest snapshots stand for kinds that a source never
        itemises, and in a campaign of which there is no email event for every kind they have."""

    @abstractmethod
    def claims(self, which: Filter) -> Claims:
        """What of :meth:`funnel` comes from snapshots; nothing when a time or an activity is asked for."""

    @abstractmethod
    def telling(self, kind: Kind) -> dict[str, bool]:
        """Every source of which anything is stored, and whether any of its events by email is of that kind."""

    @abstractmethod
    def timeline(self, which: Filter, edges: Sequence[Instant]) -> list[Funnel]:
        """A funnel for each slot between two neighbouring edges (ascending), empty ones too."""

    @abstractmethod
    def marks(self, which: Filter, edges: Sequence[Instant] | None = None) -> list[Marks]:
        """Every mark, for the filter's time, or with ``edges`` one for each slot. ``sent − returned`` is what was
        delivered where a platform reports no deliveries, and slots add up. With ``machine=exclude`` what machines
        opened doesn't make anything opened. Refuses what :meth:`funnel` refuses."""

    @abstractmethod
    def facets(self, which: Filter) -> Facets:
        """Devices, bounces and links of a campaign or activity (one of the two ids must be given), over all time;
        a window is refused with BadInput, as what :meth:`funnel` refuses is."""

    @abstractmethod
    def known(self, which: Filter, instants: Sequence[Instant]) -> list[int]:
        """How many contacts of the filter's sources had been seen before each instant, in any event. Only
        ``sources`` is looked at."""

    @abstractmethod
    def campaigns(
        self, which: Filter, order: CampaignOrder = "first", limit: int = 1000, offset: int = 0
    ) -> list[CampaignRow]:
        """Campaigns with an event in the filter's time and channels, and, where no time is asked for, those only told
        of; each with its lifetime counts. The one with the latest ``first_at`` first (``sent``: only campaigns with
        a send, by ``last_sent_at``; ``created``: by ``created_at``, else ``first_at``), those without last, then by
        source and id."""

    @abstractmethod
    def activities(self, which: Filter) -> list[ActivityRow]:
        """The activities of a campaign, or the one of an ``activity_id``, ordered by source and id. Only sources
        and these ids are looked at."""

    @abstractmethod
    def latest(self, which: Filter) -> dict[Kind, Instant]:
        """When each kind that happened last did. Asked for one campaign or activity."""

    @abstractmethod
    def events(
        self, which: Filter, order: Order, *, limit: int, offset: int = 0, after: Bookmark | None = None
    ) -> list[EventRow]:
        """Events in order: ``newest`` or ``oldest`` by (occurred_at, id), ``arrival`` by number. ``after`` goes
        on behind a bookmark, exclusive."""

    @abstractmethod
    def last_events(
        self,
        which: Filter,
        kind: Kind,
        without: Sequence[Kind] = (),
        *,
        limit: int,
        after: Bookmark | None = None,
    ) -> list[EventRow]:
        """For each recipient of a campaign (of an activity, where ``activity_id`` is given) the last event of a
        kind, newest first, leaving out recipients to whom one of ``without`` ever happened. ``campaign_id`` or
        ``activity_id`` must be given; windows and contacts are refused with BadInput."""

    @abstractmethod
    def event(self, event_id: str) -> tuple[EventRow, list[Sighting]] | None:
        """One event with its sightings, oldest received first."""

    @abstractmethod
    def contacts(self, which: Filter, limit: int = 100) -> list[ContactRow]:
        """Contacts by ``contact_id``, ``external_id`` or ``email``, ordered by source and id."""

    @abstractmethod
    def messages(self, which: Filter, limit: int = 1000) -> list[MessageRow]:
        """Messages of a contact (``contact_id``, ``external_id`` or ``email`` must be given), the latest
        first occurrence first. ``outcomes`` are those of the filter's time; everything else is of all time."""

    @abstractmethod
    def log(
        self,
        which: LogFilter,
        order: LogOrder = "created",
        *,
        descending: bool = True,
        limit: int,
        offset: int = 0,
        after: tuple[Instant, int] | None = None,
    ) -> list[MessageRow]:
        """The send log, ordered by ``created_at`` or by the first time of a kind, then by ``number``, both in the
        same direction. Where nothing of the kind happened the message comes first when descending, last when
        ascending. ``after`` goes on behind the (created_at, number) of a row; only with ``created``."""

    @abstractmethod
    def log_size(self, which: LogFilter) -> int:
        """How many messages :meth:`log` has."""

    @abstractmethod
    def cohorts(self, which: LogFilter, edges: Sequence[Instant] | None = None) -> list[Cohort]:
        """Messages by the time of their creation: one cohort for the filter's time, or with ``edges`` one for each
        slot. Only ``sources``, ``template`` and the time are looked at; other conditions are refused with
        BadInput."""

    @abstractmethod
    def templates(self, sources: Sequence[str] | None = None) -> list[TemplateRow]:
        """Every template with its lifetime cohort, ordered by source and template."""

    @abstractmethod
    def doors(self, which: Filter, edges: Sequence[Instant] | None = None) -> list[Doors]:
        """Through which doors events of every channel were seen: for the filter's time, or with ``edges`` one for each
        slot. Sources, kinds and time are looked at; other conditions are refused with BadInput."""

    @abstractmethod
    def doors_began(self, source: str) -> dict[Door, Instant]:
        """For each door of a source through which an event was ever seen, the beginning of the quarter hour (UTC) of
        the earliest such event."""

    @abstractmethod
    def snapshots(self, source: str, campaign_id: str | None = None) -> list[Snapshot]:
        """The latest snapshot of a source per campaign and list, ordered by both, those of no campaign first."""

    @abstractmethod
    def latest_snapshots(
        self, which: Filter, list_: str | None = None, *, limit: int, offset: int = 0
    ) -> list[SnapshotRow]:
        """The same of several sources, ordered by source first. Only sources and ``campaign_id`` are looked at."""

    @abstractmethod
    def snapshot_history(self, source: str, campaign_id: str | None, list_: str) -> list[Snapshot]:
        """The snapshots of one campaign (``None``: of none) and list, oldest first, without those that repeat the
        figures of the one before. Where one came after a later one was applied, a return to earlier figures behind it
        may be missing or dated later: reads that bring nothing new aren't kept."""

    @abstractmethod
    def last_number(self) -> int:
        """The highest event number; 0 when there is none."""

    @abstractmethod
    def as_of(self) -> Instant | None:
        """When the last worked-off delivery was received: reports contain everything up to it."""


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery saying that an event happened."""

    door: str
    list: str
    row: str
    delivery_id: int
    received_at: Instant
    event: Event
