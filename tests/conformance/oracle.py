"""The plainest way to count: from a list of all events, in Python, sharing no code with any store.

It is the yardstick for what stores keep in derived tables. Slow, obvious, and written from the definitions in
:mod:`aftersend.storage.metrics` and the contract's docstrings alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from aftersend.storage.contract import (
    Cohort,
    Count,
    Doors,
    EventRow,
    Filter,
    Funnel,
    LogFilter,
    Mark,
    Marks,
    Seen,
    Store,
)
from aftersend.vocabulary import Bounce, BounceClass, Channel, Instant, Kind, Machine, Status

ALWAYS = (0, 1 << 52)
NEVER_MAIL = {Kind.UNSUBSCRIBED, Kind.RESUBSCRIBED, Kind.VISITED, Kind.OTHER}


class Group:
    """The events of one message, or of one pair of recipient and campaign."""

    def __init__(self, events: Sequence[EventRow]):
        self.events = events

    def first(self, *kinds: Kind, only: Callable[[EventRow], bool] = lambda _: True) -> Instant | None:
        return min((e.occurred_at for e in self.events if e.kind in kinds and only(e)), default=None)

    def last(self, *kinds: Kind) -> Instant | None:
        return max((e.occurred_at for e in self.events if e.kind in kinds), default=None)

    def times(self, kind: Kind) -> int:
        return sum(e.kind is kind for e in self.events)

    def has(self, kind: Kind) -> bool:
        return self.times(kind) > 0

    @property
    def bounces(self) -> set[Bounce]:
        return {bounce(e) for e in self.events if e.kind is Kind.BOUNCED}

    def marks(self) -> dict[Mark, tuple[Instant, int]]:
        found = {Mark.TOUCHED: (min(e.occurred_at for e in self.events), 0)}
        sent, bounced, delivered = self.first(Kind.SENT), self.first(Kind.BOUNCED), self.first(Kind.DELIVERED)
        for_good = self.first(Kind.BOUNCED, only=lambda e: bounce(e) in (Bounce.HARD, Bounce.SUPPRESSED))
        if sent is not None and bounced is not None:
            found[Mark.RETURNED] = (sent, min(self.times(Kind.SENT), self.times(Kind.BOUNCED)))
        if for_good is not None:
            found[Mark.HARD] = (for_good, 0)
        elif bounced is not None:
            found[Mark.SOFT] = (bounced, 0)
        if self.has(Kind.OPENED):
            if delivered is not None:
                found[Mark.DELIVERED_OPENED] = (delivered, 0)
            if sent is not None and bounced is None:
                found[Mark.KEPT_OPENED] = (sent, 0)
        if sent is None:
            waiting = self.times(Kind.QUEUED) - self.times(Kind.DROPPED)
            queued, ended = self.first(Kind.QUEUED), self.first(Kind.DELIVERED, Kind.BOUNCED)
            if queued is not None and waiting > 0:
                found[Mark.HANDED] = (queued, waiting)
            elif ended is not None:
                found[Mark.HANDED] = (ended, self.times(Kind.DELIVERED) + self.times(Kind.BOUNCED))
        return found

    def created_at(self) -> Instant:
        begun = self.first(Kind.QUEUED, Kind.DROPPED)
        return min(e.occurred_at for e in self.events) if begun is None else begun

    def status(self) -> Status:
        if self.has(Kind.COMPLAINED):
            return Status.COMPLAINED
        if self.has(Kind.BOUNCED):
            sign, back = self.last(Kind.DELIVERED, Kind.OPENED, Kind.CLICKED), self.last(Kind.BOUNCED)
            if self.bounces & {Bounce.HARD, Bounce.SUPPRESSED} or sign is None or back is None or sign <= back:
                return Status.BOUNCED
        for kind in (Kind.CLICKED, Kind.OPENED, Kind.DELIVERED, Kind.FAILED, Kind.SENT):
            if self.has(kind):
                return Status(kind.value)
        if self.has(Kind.DEFERRED):
            return Status.SENT
        if self.has(Kind.DROPPED):
            refused = any(e.kind is Kind.DROPPED and e.reason in ("suppressed", "unsubscribed") for e in self.events)
            return Status.SUPPRESSED if refused else Status.FAILED
        return Status.QUEUED


def bounce(event: EventRow) -> Bounce:
    if event.bounce_class == BounceClass.HARD:
        return Bounce.SUPPRESSED if event.reason == "suppressed" else Bounce.HARD
    if event.bounce_class == BounceClass.SOFT:
        return Bounce.MAILBOX_FULL if event.reason == "mailbox_full" else Bounce.SOFT
    return Bounce.BLOCK if event.bounce_class == BounceClass.BLOCK else Bounce.UNDETERMINED


class Oracle:
    """Everything a store knows, counted anew. ``by_message`` names message ids that key messages."""

    def __init__(self, store: Store, by_message: Callable[[EventRow], bool]):
        self.events = store.events(Filter(channels=None), "oldest", limit=100_000)
        self.by_message = by_message

    def some(self, which: Filter) -> list[EventRow]:
        return [
            e
            for e in self.events
            if (which.channels is None or e.channel in which.channels)
            and which.campaign_id in (None, e.campaign_id)
            and which.activity_id in (None, self.activity(e))
            and not (which.machine == "exclude" and e.machine is Machine.MACHINE)
        ]

    def activity(self, event: EventRow) -> str | None:
        return None if self.by_message(event) else event.activity_id

    def _who(self, event: EventRow) -> tuple[object, ...]:
        who = event.contact_id or (event.email or "").lower()
        return (event.source, event.campaign_id, event.channel, event.contact_id is not None, who)

    def _message(self, event: EventRow) -> tuple[object, ...]:
        key = ("id", event.message_id) if self.by_message(event) else ("activity", event.activity_id)
        return (*self._who(event), *(key if key[1] else ("pair", "")))

    def groups(self, events: Iterable[EventRow], key: Callable[[EventRow], tuple[object, ...]]) -> list[Group]:
        found: dict[tuple[object, ...], list[EventRow]] = defaultdict(list)
        for event in events:
            found[key(event)].append(event)
        return [Group(some) for some in found.values()]

    def pairs(self, which: Filter) -> list[Group]:
        # Within an activity what is counted once is the message.
        return self.groups(self.some(which), self._message if which.activity_id else self._who)

    def messages(self, which: Filter) -> list[Group]:
        """A recipient's events that name no message are one only where no other event of the pair names one."""
        shared = {self._who(e) for e in self.events if self._message(e)[-2] != "pair"}
        some = [e for e in self.some(which) if self._message(e)[-2] != "pair" or self._who(e) not in shared]
        return self.groups(some, self._message)

    def funnel(self, which: Filter, window: tuple[Instant, Instant] = ALWAYS) -> Funnel:
        counts = {}
        for kind in Kind:
            total = sum(e.kind is kind and _in(e.occurred_at, window) for e in self.some(which))
            unique, messages = (
                sum(_in(group.first(kind), window) for group in groups)
                for groups in (self.pairs(which), self.messages(which))
            )
            counts[kind] = Count(total, unique, messages)
        return counts

    def marks(self, which: Filter, window: tuple[Instant, Instant] = ALWAYS) -> Marks:
        pairs = [group.marks() for group in self.pairs(which)]
        messages = [group.marks() for group in self.messages(which)]
        return {
            mark: Count(
                sum(found[mark][1] for found in pairs if mark in found and _in(found[mark][0], window)),
                *(sum(mark in found and _in(found[mark][0], window) for found in some) for some in (pairs, messages)),
            )
            for mark in Mark
        }

    def doors(self, window: tuple[Instant, Instant] = ALWAYS) -> Doors:
        some = [e for e in self.events if _in(e.occurred_at, window)]

        def seen(source: str, kind: Kind) -> Seen:
            doors = [e.doors for e in some if (e.source, e.kind) == (source, kind)]
            return Seen(doors.count(["webhook"]), doors.count(["feed"]), doors.count(["feed", "webhook"]))

        return {
            source: {kind: seen(source, kind) for kind in Kind if seen(source, kind) != Seen()}
            for source in {e.source for e in self.events}
        }

    def bounces(self, which: Filter) -> tuple[dict[Bounce, int], int]:
        groups = self.pairs(which)
        worst = [next((b for b in Bounce if b in group.bounces), None) for group in groups]
        replied = sum(group.has(Kind.AUTO_REPLIED) and not group.bounces for group in groups)
        return {bounce: worst.count(bounce) for bounce in Bounce}, replied

    def links(self, which: Filter) -> set[tuple[str, str | None, int, int]]:
        clicks = [e for e in self.some(which) if e.kind is Kind.CLICKED]
        found = set()
        for url in {e.url or "" for e in clicks}:
            numbers = {
                e.link_number
                for e in self.some(_of_any_channel(which))
                if e.kind is Kind.CLICKED and (e.url or "") == url and e.link_number is not None
            }
            total = sum((e.url or "") == url for e in clicks)
            groups = self.pairs(which)
            unique = sum(any(e.kind is Kind.CLICKED and (e.url or "") == url for e in g.events) for g in groups)
            found.add((url, min(numbers, key=lambda n: (len(n), n), default=None), total, unique))
        return found

    def devices(self, which: Filter, kind: Kind) -> dict[str, int]:
        words = {"desktop": "computer", "computer": "computer", "mobile": "mobile", "tablet": "tablet"}
        found = dict.fromkeys(("computer", "mobile", "tablet", "other", "none"), 0)
        for e in self.some(which):
            if e.kind is kind:
                found[words.get(e.device, "other") if e.device else "other" if e.user_agent else "none"] += 1
        return found

    def log(self, which: LogFilter) -> list[Group]:
        found = []
        for group in self.messages(Filter(channels=(Channel.EMAIL,))):
            if not {e.kind for e in group.events} - NEVER_MAIL:
                continue
            if which.template is not None and self.template(group) != which.template:
                continue
            if which.status is not None and group.status() is not which.status:
                continue
            if which.happened is not None and not group.has(which.happened):
                continue
            if which.campaign_id is not None and group.events[0].campaign_id != which.campaign_id:
                continue
            if not _in(group.created_at(), (which.since or ALWAYS[0], which.until or ALWAYS[1])):
                continue
            found.append(group)
        return found

    def template(self, group: Group) -> str:
        told = sorted(e.template for e in group.events if e.template is not None)
        return told[0] if told else group.events[0].campaign_id or ""

    def cohort(self, which: LogFilter) -> Cohort:
        groups = self.log(which)
        kinds = (Kind.SENT, Kind.DELIVERED, Kind.OPENED, Kind.CLICKED, Kind.BOUNCED, Kind.COMPLAINED)
        return Cohort(
            messages=len(groups),
            happened={kind: sum(group.has(kind) for group in groups) for kind in kinds},
            statuses={status: sum(group.status() is status for group in groups) for status in Status},
        )

    def last_events(self, which: Filter, kind: Kind, without: Sequence[Kind]) -> list[str]:
        found = []
        for group in self.pairs(which):
            events = sorted((e for e in group.events if e.kind is kind), key=lambda e: (e.occurred_at, e.id))
            if events and not any(group.has(other) for other in without):
                found.append(events[-1])
        return [e.id for e in sorted(found, key=lambda e: (e.occurred_at, e.id), reverse=True)]

    def known(self, at: Instant) -> int:
        people = self.groups(self.events, lambda e: (e.source, e.contact_id is not None, self._who(e)[-1]))
        return sum(min(e.occurred_at for e in group.events) < at for group in people)


def _of_any_channel(which: Filter) -> Filter:
    """The same campaign, machines included: a link has one number, whoever tells it."""
    return Filter(channels=None, campaign_id=which.campaign_id, activity_id=which.activity_id)


def _in(at: Instant | None, window: tuple[Instant, Instant]) -> bool:
    return at is not None and window[0] <= at < window[1]
