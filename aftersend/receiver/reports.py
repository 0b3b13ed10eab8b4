"""Every report of our own, as plain JSON-able dictionaries: behind ``/v1``, the dashboard and the console.

A report is a method of :class:`Reports`. It takes a struct of :mod:`~aftersend.receiver.questions` and
returns a TypedDict of :mod:`~aftersend.receiver.answers`.

The metrics, defined here and nowhere else:

* counts come from the store: ``total`` events, ``unique`` pairs of recipient and campaign;
* ``delivered`` is explicit for a source that reports it; for one that never does it is what was sent and never
  bounced, at the time it was sent, and the answer names it under ``derived``;
* rates are of unique counts: open and click per delivered, bounce per sent, rounded half up to 4 decimals;
  ``null`` where there is nothing to divide by.

Answers depend on what is known, not on the order in which it came (law 2): lists carry nothing that tells of
arrival. Dates in a question are whole days, both included; a time of day ends its range exclusively.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from aftersend import zones
from aftersend.providers import PROVIDERS
from aftersend.providers.contract import Feed
from aftersend.receiver import cursors, readers, slots
from aftersend.receiver.answers import (
    CampaignAnswer,
    CampaignsAnswer,
    ContactAnswer,
    ContactsAnswer,
    Currency,
    EventAnswer,
    FeedAnswer,
    FunnelAnswer,
    ListAnswer,
    Rates,
    RecentAnswer,
    Row,
    SourceAnswer,
    SourcesAnswer,
    TimelineAnswer,
    Total,
)
from aftersend.receiver.questions import (
    ActivitiesQuestion,
    CampaignsQuestion,
    ContactsQuestion,
    EventQuestion,
    FunnelQuestion,
    ListQuestion,
    RecentQuestion,
    Selection,
    TimelineQuestion,
    UndeliveredQuestion,
)
from aftersend.settings import Settings, Source
from aftersend.storage.contract import (
    ContactRow,
    Count,
    EventRow,
    FeedRow,
    Filter,
    Funnel,
    MessageRow,
    Store,
)
from aftersend.vocabulary import BadInput, Channel, Instant, Kind, now
from aftersend.zones import isoformat

UNDELIVERED = (Kind.BOUNCED, Kind.DROPPED, Kind.FAILED)
MOST_MESSAGES = 10_000
_EVENT_ID = r"([0-9a-f]{2}){1,32}(-[0-9]{1,9})?"
_BOOKMARK = tuple[cursors.Whole, Annotated[str, Meta(pattern=f"^{_EVENT_ID}$")]]
_FARTHEST = 2**62
"""An offset that lies beyond the end of any store and inside any store's integers."""


class NotFound(BadInput):
    """What was asked for doesn't exist, or not for this caller: both get the same sentence."""


class Reports:
    """The reports of one installation, as somebody limited to ``sources`` may see them (``None``: all).

    Every method raises BadInput naming the field for a question that can't be answered, and NotFound for a
    source or event that doesn't exist here.
    """

    def __init__(self, store: Store, settings: Settings, sources: Sequence[str] | None = None, owner: str = ""):
        """``owner`` is the id of the key that asks: named readers are each key's own."""
        self.store = store
        self.settings = settings
        self.owner = owner
        self.sources = None if sources is None else tuple(sources)

    # Aggregates.

    def funnel(self, question: FunnelQuestion) -> FunnelAnswer:
        """Counts per kind, every kind there, and rates."""
        which = self._filter(question)
        (counts,), derived = self._delivered(which, None)
        return {
            "source": _only(which.sources),
            "campaign_id": question.campaign_id,
            "from": question.from_,
            "to": question.to,
            "counts": _counts(counts),
            "rates": _rates(counts),
            "derived": derived,
            **self._currency(which.sources),
        }

    def timeline(self, question: TimelineQuestion) -> TimelineAnswer:
        """The funnel of every slot from ``from`` to ``to``, empty ones too, cut along the zone's calendar.
        The range is widened to whole slots. Default: the 30 slots up to now."""
        zone = question.time_zone
        which = self._filter(question)
        edges = slots.edges(which.since, which.until, question.unit, zone)
        which = msgspec.structs.replace(which, since=edges[0], until=edges[-1])
        funnels, derived = self._delivered(which, edges)
        walls = [zones.moment(edge, zone).isoformat(timespec="seconds") for edge in edges]
        return {
            "source": _only(which.sources),
            "campaign_id": question.campaign_id,
            "from": walls[0],
            "to": walls[-1],
            "time_zone": zone,
            "unit": question.unit,
            "slots": [
                {"start": start, "end": end, "counts": _counts(counts), "rates": _rates(counts)}
                for start, end, counts in zip(walls, walls[1:], funnels, strict=False)
            ],
            "derived": derived,
            **self._currency(which.sources),
        }

    def campaigns(self, question: CampaignsQuestion) -> CampaignsAnswer:
        """Campaigns with something in the time asked, newest first, each with its lifetime counts."""
        which, size = self._filter(question), _size(question)
        offset = min(question.page_index * size, _FARTHEST)
        rows = self.store.campaigns(which, limit=size + 1, offset=offset)
        explicit = self._explicit(tuple({row.source for row in rows}))
        campaigns: list[CampaignAnswer] = []
        for row in rows[:size]:
            derived = row.source not in explicit
            counts = _derived(row.counts, _NONE, row.returned) if derived else row.counts
            campaigns.append(
                {
                    "source": row.source,
                    "campaign_id": row.campaign_id,
                    "first_at": isoformat(row.first_at),
                    "last_at": isoformat(row.last_at),
                    "counts": _counts(counts),
                    "rates": _rates(counts),
                    "derived": [Kind.DELIVERED] if derived else [],
                }
            )
        return {
            "campaigns": campaigns,
            "next_page_index": question.page_index + 1 if len(rows) > size else None,
            **self._currency(which.sources),
        }

    def list_sources(self) -> SourcesAnswer:
        """The configured sources with their feeds: how far each has been read, and what is wrong with it."""
        return {
            "sources": [self._source(source) for source in self._configured(self.sources)],
            "as_of": isoformat(self.store.as_of()),
        }

    # Lists of events.

    def sent(self, question: ListQuestion) -> ListAnswer:
        """What was handed over to be sent, later bounces included, newest first."""
        return self._page("sent", question, (Kind.SENT,))

    def undelivered(self, question: UndeliveredQuestion) -> ListAnswer:
        """What never arrived: dropped before sending, bounced, or given up; newest first."""
        kinds = UNDELIVERED if question.kind is None else tuple(Kind(kind) for kind in question.kind)
        return self._page("undelivered", question, kinds)

    def activities(self, question: ActivitiesQuestion) -> ListAnswer:
        """Everything that happened, newest first."""
        return self._page("activities", question, question.kind, question.channel)

    def recent(self, question: RecentQuestion) -> RecentAnswer:
        """What was stored since the last call, each row once, oldest first; at first, the last seven days.

        ``reader`` names whose place is kept (one for every key and set of filters); without it
        nothing is kept. ``next_cursor`` is the place behind the answer and ``cursor`` the one before it: an
        answer that was lost is read again by giving the ``next_cursor`` of the answer before.
        """
        which = self._filter(question, kinds=question.kind, channels=(question.channel,))
        asked = self._asked(question, reader=None, cursor=None)
        size = _size(question)
        if question.cursor is not None:
            shape = tuple[cursors.Whole, cursors.Whole, cursors.Whole]
            place = readers.Place(*cursors.read(question.cursor, "recent", asked, shape))
            batch = readers.read(self.store, which, place, size)
        elif question.reader is not None:
            name = f"recent:{self.owner}:{asked.hex()}:{question.reader}"
            batch = readers.take(self.store, name, which, size)
        else:
            batch = readers.read(self.store, which, readers.Place.beginning(self.store), size)
        return {
            "rows": [row_answer(row) for row in batch.rows],
            "cursor": cursors.write("recent", asked, msgspec.structs.astuple(batch.before)),
            "next_cursor": cursors.write("recent", asked, msgspec.structs.astuple(batch.after)),
            "more": batch.more,
            **self._currency(which.sources),
        }

    def event(self, question: EventQuestion) -> EventAnswer:
        """One event with every delivery that told of it. Raises NotFound."""
        found = self.store.event(question.id) if re.fullmatch(_EVENT_ID, question.id) else None
        if found is None or (self.sources is not None and found[0].source not in self.sources):
            raise NotFound("There is no such event.", "id")
        row, sightings = found
        return {
            "event": row_answer(row),
            "sightings": [
                {
                    "door": sighting.door,
                    "list": sighting.list,
                    "row": sighting.row,
                    "delivery_id": sighting.delivery_id,
                    "received_at": isoformat(sighting.received_at),
                    "word": sighting.event.word,
                    "occurred_at": isoformat(sighting.event.occurred_at),
                    "precision": sighting.event.precision,
                    "clock": sighting.event.clock,
                    "row_id": sighting.event.row_id,
                }
                for sighting in sightings
            ],
        }

    # Contacts.

    def contacts(self, question: ContactsQuestion) -> ContactsAnswer:
        """Contacts by your own id, the platform's, or address: what happened, in all and per message."""
        given = {
            "contact_id": question.contact_id,
            "external_id": question.external_id,
            "email": question.email,
        }
        if not any(given.values()):
            raise BadInput("Give 'contact_id', 'external_id' or 'email'.", "contact_id")
        which = self._filter(question, **given)
        found = self.store.contacts(which, limit=_size(question))
        return {
            "contacts": [self._contact(row, which) for row in found],
            **self._currency(which.sources),
        }

    def _contact(self, row: ContactRow, which: Filter) -> ContactAnswer:
        # Where a platform has no id of a contact, the address stands in for it (docs/interfaces).
        contact_id = row.contact_id or row.email
        own = msgspec.structs.replace(
            which,
            sources=(row.source,),
            contact_id=contact_id,
            external_id=None if contact_id else row.external_id,
            email=None,
        )
        messages = self.store.messages(own, limit=MOST_MESSAGES)
        return {
            "source": row.source,
            "contact_id": row.contact_id,
            "external_id": row.external_id,
            "email": row.email,
            "phone": row.phone,
            "first_at": isoformat(row.first_at),
            "last_at": isoformat(row.last_at),
            "counts": _counts(_of_messages(messages)),
            "messages": [
                {
                    "campaign_id": message.campaign_id,
                    "message_id": message.message_id,
                    "template": message.template,
                    "channel": message.channel,
                    "outcomes": {
                        kind: {
                            "count": outcome.count,
                            "first_at": isoformat(outcome.first_at),
                            "last_at": isoformat(outcome.last_at),
                        }
                        for kind, outcome in sorted(message.outcomes.items(), key=_by_kind)
                    },
                }
                for message in messages
            ],
        }

    # What they share.

    def visible(self, source: str | None) -> tuple[str, ...] | None:
        """The sources a question speaks of: the one asked, or all the caller may see (``None``: no limit).
        Raises NotFound for one that doesn't exist or may not be seen."""
        if source is None:
            return self.sources
        if self.sources is None or source in self.sources:
            # A source that is no longer configured can still be reported.
            which = Filter(sources=(source,), channels=None)
            if self._configured((source,)) or self.store.events(which, "newest", limit=1):
                return (source,)
        raise NotFound("There is no such source.", "source")

    def _filter(self, question: Selection, **more: Any) -> Filter:
        zones.zone(question.time_zone)
        since = None if question.from_ is None else zones.parse(question.from_, "from", question.time_zone)
        until = None if question.to is None else zones.parse(question.to, "to", question.time_zone, end=True)
        if since is not None and until is not None and since >= until:
            raise BadInput("'from' must lie before the end of 'to'.", "from")
        return Filter(
            sources=self.visible(question.source),
            campaign_id=question.campaign_id,
            since=since,
            until=until,
            machine=question.machine,
            **more,
        )

    def _page(
        self,
        name: str,
        question: ListQuestion,
        kinds: tuple[Kind, ...] | None,
        channel: Channel = Channel.EMAIL,
    ) -> ListAnswer:
        """A page of events. One row more than asked decides whether there is a next."""
        which = self._filter(
            question,
            kinds=kinds,
            channels=(channel,),
            contact_id=question.contact_id,
            external_id=question.external_id,
            email=question.email,
            message_id=question.message_id,
        )
        asked, size = self._asked(question, cursor=None, page_index=0), _size(question)
        if question.cursor is None:
            offset, after = min(question.page_index * size, _FARTHEST), None
        elif question.page_index:
            raise BadInput("Give 'cursor' or 'page_index', not both.", "page_index")
        else:
            offset, after = 0, cursors.read(question.cursor, name, asked, _BOOKMARK)
        rows = self.store.events(which, "newest", limit=size + 1, offset=offset, after=after)
        last = rows[size - 1] if len(rows) > size else None
        return {
            "rows": [row_answer(row) for row in rows[:size]],
            "next_cursor": cursors.write(name, asked, (last.occurred_at, last.id)) if last else None,
            **self._currency(which.sources),
        }

    def _asked(self, question: Selection, **place: Any) -> bytes:
        """The digest of a question and of what its caller may see, not of the place and size of a page."""
        same = msgspec.structs.replace(question, page_size=100, limit=None, **place)
        return cursors.question(self.sources, same)

    def _currency(self, sources: tuple[str, ...] | None) -> Currency:
        return {
            "as_of": isoformat(self.store.as_of()),
            "complete_until": isoformat(self._complete_until(sources)),
        }

    def _complete_until(self, sources: tuple[str, ...] | None) -> Instant | None:
        """The instant before which everything that happened has been read by every feed that lists events by
        date. A read-once feed, which can't be asked what it missed, counts only where there is no other."""
        lists: list[FeedRow | None] = []
        for source in self._configured(sources):
            rows = {row.feed: row for row in self.store.feeds(source.name) if row.lane == "live"}
            feeds = enabled_feeds(source).values()
            dated = [feed for feed in feeds if feed.windowed] or [feed for feed in feeds if feed.read_once]
            lists += [rows.get(feed.name) for feed in dated] or [None]
        instants = [row.complete_until if row else None for row in lists]
        known = [instant for instant in instants if instant is not None]
        return min(known) if known and len(known) == len(instants) else None

    def _configured(self, names: Sequence[str] | None) -> list[Source]:
        return [source for source in self.settings.sources if names is None or source.name in names]

    def _explicit(self, names: Sequence[str]) -> tuple[str, ...]:
        """Which of these sources ever reported a delivery."""
        return tuple(name for name in names if self.store.funnel(Filter(sources=(name,)))[Kind.DELIVERED].total)

    def _delivered(self, which: Filter, edges: Sequence[Instant] | None) -> tuple[list[Funnel], list[Kind]]:
        """Funnels in which ``delivered`` is explicit or derived, source by source; and the kinds derived."""

        def funnels(part: Filter) -> list[Funnel]:
            return [self.store.funnel(part)] if edges is None else self.store.timeline(part, edges)

        names = which.sources
        if names is None:
            names = tuple(source.name for source in self.settings.sources)
        whole, explicit = funnels(which), self._explicit(names)
        if names and len(explicit) == len(names):
            return whole, []
        # What is explicit is taken from all, so that a source that is no longer configured counts as derived.
        reporting = msgspec.structs.replace(which, sources=explicit)
        returned = [
            Count(all_.total - own.total, all_.unique - own.unique)
            for all_, own in zip(self.store.returns(which, edges), self.store.returns(reporting, edges), strict=True)
        ]
        reported = funnels(reporting)
        return [_derived(*parts) for parts in zip(whole, reported, returned, strict=True)], [Kind.DELIVERED]

    def _source(self, source: Source) -> SourceAnswer:
        provider = PROVIDERS.get(source.provider)
        enabled = enabled_feeds(source)
        return {
            "name": source.name,
            "provider": source.provider,
            "time_zone": provider.zone(source) if provider else source.time_zone,
            "feeds": [_feed(row, row.feed in enabled) for row in self.store.feeds(source.name)],
        }


_NONE: Funnel = {kind: Count() for kind in Kind}


def _derived(whole: Funnel, reported: Funnel, returned: Count) -> Funnel:
    """A funnel whose deliveries are those reported and, for what ``reported`` lacks, sent − returned."""

    def delivered(measure: Callable[[Count], int]) -> int:
        sent = measure(whole[Kind.SENT]) - measure(reported[Kind.SENT])
        return measure(whole[Kind.DELIVERED]) + max(0, sent - measure(returned))

    count = Count(delivered(lambda count: count.total), delivered(lambda count: count.unique))
    return {**whole, Kind.DELIVERED: count}


def _counts(funnel: Funnel) -> dict[Kind, Total]:
    return {kind: {"total": funnel[kind].total, "unique": funnel[kind].unique} for kind in Kind}


def _rates(funnel: Funnel) -> Rates:
    unique = {kind: count.unique for kind, count in funnel.items()}
    return {
        "open": rate(unique[Kind.OPENED], unique[Kind.DELIVERED]),
        "click": rate(unique[Kind.CLICKED], unique[Kind.DELIVERED]),
        "bounce": rate(unique[Kind.BOUNCED], unique[Kind.SENT]),
    }


def rate(part: int, base: int) -> float | None:
    """``part / base`` rounded half up to 4 decimals; ``None`` where the base is 0."""
    # In whole numbers: a float would sometimes put an exact half on the wrong side.
    return (part * 20_000 + base) // (2 * base) / 10_000 if base else None


def _of_messages(messages: Sequence[MessageRow]) -> Funnel:
    """The funnel of one contact: unique counts collapse its messages per campaign."""
    totals, campaigns = dict.fromkeys(Kind, 0), {kind: set[str | None]() for kind in Kind}
    for message in messages:
        for kind, outcome in message.outcomes.items():
            totals[kind] += outcome.count
            campaigns[kind].add(message.campaign_id)
    return {kind: Count(totals[kind], len(campaigns[kind])) for kind in Kind}


def _by_kind(item: tuple[Kind, Any]) -> int:
    return list(Kind).index(item[0])


def row_answer(row: EventRow) -> Row:
    """An event as every list shows it: all keys always there, nothing that tells when it came in."""
    return {
        "source": row.source,
        "id": row.id,
        "kind": row.kind,
        "word": row.word,
        "channel": row.channel,
        "occurred_at": isoformat(row.occurred_at),
        "precision": row.precision,
        "clock": row.clock,
        "campaign_id": row.campaign_id,
        "activity_id": row.activity_id,
        "template": row.template,
        "contact_id": row.contact_id,
        "external_id": row.external_id,
        "email": row.email,
        "phone": row.phone,
        "message_id": row.message_id,
        "url": row.url,
        "link_number": row.link_number,
        "ip": row.ip,
        "ip_chain": row.ip_chain,
        "user_agent": row.user_agent,
        "device": row.device,
        "machine": row.machine,
        "machine_reason": row.machine_reason,
        "bounce_class": row.bounce_class,
        "reason": row.reason,
        "smtp_code": row.smtp_code,
        "row_id": row.row_id,
        "doors": row.doors,
        "metadata": row.metadata,
    }


def _feed(row: FeedRow, enabled: bool) -> FeedAnswer:
    lag = None if row.complete_until is None else (now() - row.complete_until) / 1000
    return {
        "feed": row.feed,
        "lane": row.lane,
        "enabled": enabled,
        "position": row.position,
        "complete_until": isoformat(row.complete_until),
        "lag_seconds": lag,
        "last_run_at": isoformat(row.last_run_at),
        "last_success_at": isoformat(row.last_success_at),
        "last_rows": row.last_rows,
        "quiet_runs": row.quiet_runs,
        "due_at": isoformat(row.due_at),
        "parked_until": isoformat(row.parked_until),
        "failures": row.failures,
        "stopped": row.stopped,
        "finished": row.finished,
        "problem": row.problem,
    }


def enabled_feeds(source: Source) -> dict[str, Feed]:
    """The feeds of a source that are switched on; none where its provider isn't known."""
    provider = PROVIDERS.get(source.provider)
    return provider.enabled(source) if provider else {}


def _only(sources: tuple[str, ...] | None) -> str | None:
    return sources[0] if sources is not None and len(sources) == 1 else None


def _size(question: Any) -> int:
    """The size of a page under either of its names. Raises BadInput where both are given and differ."""
    if question.limit is None:
        return int(question.page_size)
    if question.page_size not in (100, question.limit):
        raise BadInput("Give 'page_size' or 'limit', not both.", "limit")
    return int(question.limit)
