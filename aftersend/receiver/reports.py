"""Every report of our own, as plain JSON-able dictionaries: behind ``/v1``, the dashboard and the console.

A report is a method of :class:`Reports`. It takes a struct of :mod:`~aftersend.receiver.questions` and
returns a TypedDict of :mod:`~aftersend.receiver.answers`, put together by :mod:`~aftersend.receiver.shown`.

What a count means stands in :mod:`aftersend.storage.metrics`, how deliveries are settled in
:mod:`aftersend.receiver.figures`, and what a rate is of in :data:`aftersend.receiver.shown.RATES`.

Answers depend on what is known, not on the order in which it came (law 2): lists carry nothing that tells of
arrival. Dates in a question are whole days, both included; a time of day ends its range exclusively.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from aftersend import zones
from aftersend.providers import budgets, provider_named
from aftersend.providers.contract import Feed
from aftersend.receiver import cursors, doors, gaps, readers, shown, slots
from aftersend.receiver.answers import (
    BudgetAnswer,
    CampaignAnswer,
    CampaignDetailAnswer,
    CampaignsAnswer,
    ContactAnswer,
    ContactsAnswer,
    Currency,
    DashboardAnswer,
    DoorsAnswer,
    Engagement,
    EngagementSlot,
    EventAnswer,
    FunnelAnswer,
    Known,
    ListAnswer,
    RecentAnswer,
    SnapshotsAnswer,
    SourceAnswer,
    SourcesAnswer,
    TemplateAnswer,
    TemplatesAnswer,
    TimelineAnswer,
)
from aftersend.receiver.figures import Configured, Figures, configured, figures, of_campaigns, reporting_deliveries
from aftersend.receiver.questions import (
    ActivitiesQuestion,
    CampaignQuestion,
    CampaignsQuestion,
    ContactsQuestion,
    DashboardQuestion,
    DoorsQuestion,
    EventQuestion,
    FunnelQuestion,
    ListQuestion,
    Ranged,
    RecentQuestion,
    Selection,
    SnapshotsQuestion,
    TemplatesQuestion,
    TimelineQuestion,
    UndeliveredQuestion,
)
from aftersend.settings import DAY, Settings, Source
from aftersend.storage.contract import (
    Budget,
    CampaignRow,
    ContactRow,
    Count,
    EventRow,
    FeedRow,
    Filter,
    Funnel,
    LogFilter,
    MessageRow,
    Store,
    TemplateRow,
)
from aftersend.storage.metrics import COHORT
from aftersend.vocabulary import BadInput, Channel, ConfigurationError, Instant, Kind, now
from aftersend.zones import isoformat

UNDELIVERED = (Kind.BOUNCED, Kind.DROPPED, Kind.FAILED)
TOP_CAMPAIGNS = 10
"""Campaigns on a dashboard."""
MOST_CAMPAIGNS = 1000
"""Campaigns among which the top ones are looked for: the latest with something in the time asked."""
MOST_MESSAGES = 10_000
"""Of one contact; likewise its events."""
DAYS_OF_DOORS = 7
HOURS, DAYS = 24, 30
USUAL_DAYS = 5
"""Of the seven days before the last: where something happened on so many of them, a day without anything is told of."""
"""How far a campaign's engagement is followed, by the hour and by the day."""
_EVENT_ID = r"([0-9a-f]{2}){1,32}(-[0-9]{1,9})?"
_BOOKMARK = tuple[cursors.Whole, Annotated[str, Meta(pattern=f"^{_EVENT_ID}$")]]
_OF_TEMPLATES = tuple(kind for kind in Kind if kind in COHORT)
_FARTHEST = 2**62
"""An offset that lies beyond the end of any store and inside any store's integers."""
_V = TypeVar("_V")


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

    @cached_property
    def _known(self) -> Configured:
        return configured(self.settings.sources)

    # Aggregates.

    def funnel(self, question: FunnelQuestion) -> FunnelAnswer:
        """Counts per kind, every kind there, and rates."""
        which = self._filter(question)
        (settled,), derived = self._figures(which)
        return {
            "source": _only(which.sources),
            "campaign_id": question.campaign_id,
            "from": question.from_,
            "to": question.to,
            "counts": shown.counts(settled.counts),
            "rates": shown.rates(shown.unique(settled.counts)),
            "derived": derived,
            "from_snapshot": settled.from_snapshot,
            **self._currency(which.sources),
        }

    def timeline(self, question: TimelineQuestion) -> TimelineAnswer:
        """The funnel of every slot from ``from`` to ``to``, empty ones too, cut along the zone's calendar.
        The range is widened to whole slots. Default: the 30 slots up to now."""
        zone = question.time_zone
        which = self._filter(question)
        edges = slots.edges(which.since, which.until, question.unit, zone)
        found, derived = self._figures(_within(which, edges), edges)
        walls = _walls(edges, zone)
        return {
            "source": _only(which.sources),
            "campaign_id": question.campaign_id,
            "from": walls[0],
            "to": walls[-1],
            "time_zone": zone,
            "unit": question.unit,
            "slots": shown.slots(walls, found),
            "derived": derived,
            **self._currency(which.sources),
        }

    def dashboard(self, question: DashboardQuestion) -> DashboardAnswer:
        """A range of whole days beside the equally many days before it: figures, what changed, every day, the
        campaigns that were opened most, and how many contacts are known. Default: the 30 days up to today."""
        if question.days is not None and (question.from_ is not None or question.to is not None):
            raise BadInput("Give 'days', or 'from' and 'to', not both.", "days")
        zone = question.time_zone
        which = self._filter(question)
        edges = slots.edges(which.since, which.until, "day", zone, question.days or slots.DEFAULT)
        days = len(edges) - 1
        both = [slots.before(edges[0], days, "day", zone), edges[0], edges[-1]]
        (old, new), derived = self._figures(_within(which, both), both)
        old_contacts, new_contacts = _growth(self.store.known(which, both))
        daily, _ = self._figures(_within(which, edges), edges)
        walls, before = _walls(edges, zone), _walls(both[:1], zone)[0]
        return {
            "source": _only(which.sources),
            "campaign_id": question.campaign_id,
            "from": walls[0],
            "to": walls[-1],
            "time_zone": zone,
            "days": days,
            "counts": shown.counts(new.counts),
            "rates": shown.rates(shown.unique(new.counts)),
            "contacts": new_contacts,
            "previous": {
                "from": before,
                "to": walls[0],
                "counts": shown.counts(old.counts),
                "rates": shown.rates(shown.unique(old.counts)),
                "contacts": old_contacts,
            },
            "diff": shown.change(old.counts, new.counts, old_contacts, new_contacts),
            "slots": shown.slots(walls, daily),
            "campaigns": self._campaigns(self._top(which, edges)),
            "derived": derived,
            **self._currency(which.sources),
        }

    def campaigns(self, question: CampaignsQuestion) -> CampaignsAnswer:
        """Campaigns with something in the time asked, the latest first, each with its lifetime counts. Where no
        time is asked for, those of which only a name is known too."""
        which, size = self._filter(question), _size(question)
        rows = self.store.campaigns(which, question.order, limit=size + 1, offset=_offset(question, size))
        return {
            "campaigns": self._campaigns(rows[:size]),
            "next_page_index": question.page_index + 1 if len(rows) > size else None,
            **self._currency(which.sources),
        }

    def campaign(self, question: CampaignQuestion) -> CampaignDetailAnswer:
        """One campaign over its whole life. Where several sources have one of that id, they are counted together,
        and what they don't agree on is ``None``. Raises NotFound."""
        which = Filter(
            sources=self._visible(question.source), campaign_id=question.campaign_id, machine=question.machine
        )
        zones.zone(question.time_zone)
        rows = self.store.campaigns(which, limit=MOST_CAMPAIGNS)
        if not rows:
            raise NotFound("There is no such campaign.", "campaign_id")
        which = msgspec.structs.replace(which, sources=tuple(row.source for row in rows))
        (settled,), derived = self._figures(which)
        facets = self.store.facets(which)
        return {
            "source": _agreed(row.source for row in rows),
            "campaign_id": question.campaign_id,
            "name": _agreed(row.name for row in rows),
            "status": _agreed(row.status for row in rows),
            "type": _agreed(row.type for row in rows),
            "subject": _agreed(row.subject for row in rows),
            "template": _agreed(row.template for row in rows),
            "created_at": isoformat(_earliest(row.created_at for row in rows)),
            "scheduled_at": isoformat(_earliest(row.scheduled_at for row in rows)),
            "first_at": isoformat(_earliest(row.first_at for row in rows)),
            "last_at": isoformat(_latest(row.last_at for row in rows)),
            "first_sent_at": isoformat(_earliest(row.first_sent_at for row in rows)),
            "last_sent_at": isoformat(_latest(row.last_sent_at for row in rows)),
            "counts": shown.counts(settled.counts),
            "rates": shown.rates(shown.unique(settled.counts)),
            "derived": derived,
            "from_snapshot": settled.from_snapshot,
            "links": [shown.link(link) for link in facets.links],
            "devices": facets.devices,
            "bounces": facets.bounces,
            "auto_replied": facets.auto_replied,
            "engagement": self._engagement(which, _earliest(row.first_sent_at for row in rows), question.time_zone),
            "snapshots": [
                snapshot
                for row in sorted(rows, key=lambda row: row.source)
                for snapshot in gaps.snapshots(self.store, self._known, row.source, question.campaign_id)
            ],
            **self._currency(which.sources),
        }

    def templates(self, question: TemplatesQuestion) -> TemplatesAnswer:
        """Templates by source and name: the messages made of each, created in the time asked, and to how many of
        them something ever happened, whenever that was. Machines are included."""
        since, until = _range(question)
        sources, size = self._visible(question.source), _size(question)
        offset = _offset(question, size)
        found = self.store.templates(sources)
        explicit = reporting_deliveries(self.store)
        rows = [row for row in found if question.template is None or row.template == question.template]
        return {
            "from": question.from_,
            "to": question.to,
            "templates": [
                self._template(row, since, until, derived=row.source not in explicit)
                for row in rows[offset : offset + size]
            ],
            "next_page_index": question.page_index + 1 if len(rows) > offset + size else None,
            **self._currency(sources),
        }

    def doors(self, question: DoorsQuestion) -> DoorsAnswer:
        """What each door of each source brought, day by day and together, and what only one of them had. Channels of
        every sort count. Default: the seven days up to today."""
        since, until = _range(question)
        edges = slots.edges(since, until, "day", question.time_zone, DAYS_OF_DOORS)
        sources = self._visible(question.source)
        (ever,) = self.store.doors(Filter(sources=sources))
        walls = _walls(edges, question.time_zone)
        days = [wall[:10] for wall in walls[:-1]]
        found = [
            doors.of_source(
                self.store, name, ever.get(name, {}), question.kind, edges, days, self._complete_until((name,))
            )
            for name in sorted({source.name for source in self._configured(sources)} | ever.keys())
        ]
        return {
            "from": walls[0],
            "to": walls[-1],
            "time_zone": question.time_zone,
            "sources": [summary for _, summary in found],
            "rows": [row for rows, _ in found for row in rows],
            **self._currency(sources),
        }

    def snapshots(self, question: SnapshotsQuestion) -> SnapshotsAnswer:
        """What platforms claim of every campaign, and of the whole account where they do, beside what we know, by
        source, campaign and list."""
        sources, size = self._visible(question.source), _size(question)
        which = Filter(sources=sources, campaign_id=question.campaign_id)
        rows = self.store.latest_snapshots(which, question.list_, limit=size + 1, offset=_offset(question, size))
        return {
            "snapshots": gaps.rows(self.store, self._known, rows[:size], history=question.history == "all"),
            "next_page_index": question.page_index + 1 if len(rows) > size else None,
            **self._currency(sources),
        }

    def list_sources(self) -> SourcesAnswer:
        """The configured sources with their feeds: how far each has been read, and what is wrong with it."""
        return {
            "sources": [self._source(source) for source in self._configured(self.sources)],
            **self._currency(self.sources),
        }

    def _figures(self, which: Filter, edges: Sequence[Instant] | None = None) -> tuple[list[Figures], list[Kind]]:
        return figures(self.store, self._known, which, edges)

    def _campaigns(self, rows: Sequence[CampaignRow]) -> list[CampaignAnswer]:
        counted = of_campaigns(self.store, self._known, rows)
        return [shown.campaign(row, *figured) for row, figured in zip(rows, counted, strict=True)]

    def _top(self, which: Filter, edges: Sequence[Instant]) -> list[CampaignRow]:
        """The campaigns with something in this time whose lifetime opens are the most."""
        rows = self.store.campaigns(_within(which, edges), limit=MOST_CAMPAIGNS)
        rows.sort(key=lambda row: row.counts[Kind.OPENED].unique, reverse=True)
        return rows[:TOP_CAMPAIGNS]

    def _engagement(self, which: Filter, first_sent_at: Instant | None, zone: str) -> Engagement:
        """Opens and clicks of the first hours and days, counted from the hour and the day of the first send."""

        def followed(count: int, unit: slots.Unit) -> list[EngagementSlot]:
            if first_sent_at is None:
                return []
            edges = slots.following(first_sent_at, count, unit, zone)
            funnels = [shown.counts(funnel) for funnel in self.store.timeline(_within(which, edges), edges)]
            return [
                {"start": start, "end": end, "opened": counts[Kind.OPENED], "clicked": counts[Kind.CLICKED]}
                for (start, end), counts in zip(pairwise(_walls(edges, zone)), funnels, strict=True)
            ]

        return {"time_zone": zone, "hours": followed(HOURS, "hour"), "days": followed(DAYS, "day")}

    def _template(
        self, row: TemplateRow, since: Instant | None, until: Instant | None, *, derived: bool
    ) -> TemplateAnswer:
        cohort = row.cohort
        if since is not None or until is not None:
            which = LogFilter(sources=(row.source,), template=row.template, since=since, until=until)
            (cohort,) = self.store.cohorts(which)
        happened = dict(cohort.happened)
        if derived:
            happened[Kind.DELIVERED] = max(0, happened[Kind.SENT] - happened[Kind.BOUNCED])
        return {
            "source": row.source,
            "template": row.template or None,
            "messages": cohort.messages,
            "counts": {kind: happened[kind] for kind in _OF_TEMPLATES},
            "statuses": cohort.statuses,
            "rates": shown.rates(happened),
            "derived": [Kind.DELIVERED] if derived else [],
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
            "rows": [shown.event(row) for row in batch.rows],
            "cursor": cursors.write("recent", asked, msgspec.structs.astuple(batch.before)),
            "next_cursor": cursors.write("recent", asked, msgspec.structs.astuple(batch.after)),
            "more": batch.more,
            **self._currency(which.sources),
        }

    def event(self, question: EventQuestion) -> EventAnswer:
        """One event with every delivery that told of it, down to the bytes where they are still kept. Raises
        NotFound."""
        found = self.store.event(question.id) if re.fullmatch(_EVENT_ID, question.id) else None
        if found is None or (self.sources is not None and found[0].source not in self.sources):
            raise NotFound("There is no such event.", "id")
        row, sightings = found
        return {
            "event": shown.event(row),
            "sightings": [shown.sighting(told, self.store.delivery(told.delivery_id)) for told in sightings],
            **self._currency((row.source,)),
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
        behind = _behind(messages, self.store.events(own, "oldest", limit=MOST_MESSAGES))
        names = self._names(row.source, {message.campaign_id for message in messages})
        return {
            "source": row.source,
            "contact_id": row.contact_id,
            "external_id": row.external_id,
            "email": row.email,
            "phone": row.phone,
            "first_name": row.first_name,
            "last_name": row.last_name,
            "deleted_at": isoformat(row.deleted_at),
            "first_at": isoformat(row.first_at),
            "last_at": isoformat(row.last_at),
            "counts": shown.counts(_of_messages(messages)),
            "messages": [
                shown.message(message, names.get(message.campaign_id), behind[message.number]) for message in messages
            ],
        }

    def _names(self, source: str, campaign_ids: set[str | None]) -> dict[str | None, str | None]:
        """What the campaigns of a source are called."""
        named = [Filter(sources=(source,), campaign_id=id, channels=None) for id in campaign_ids if id is not None]
        return {row.campaign_id: row.name for which in named for row in self.store.campaigns(which, limit=1)}

    # What they share.

    def visible(self, source: str | None) -> tuple[str, ...] | None:
        """The sources a question speaks of: the one asked, or all the caller may see (``None``: no limit).
        Raises NotFound for one that doesn't exist or may not be seen."""
        return self._visible(None if source is None else (source,))

    def _visible(self, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """The same for any number of sources."""
        if names is None:
            return self.sources
        asked = tuple(dict.fromkeys(names))
        if not all(map(self._exists, asked)):
            raise NotFound("There is no such source.", "source")
        return asked

    def _exists(self, source: str) -> bool:
        if self.sources is not None and source not in self.sources:
            return False
        # A source that is no longer configured can still be reported.
        which = Filter(sources=(source,), channels=None)
        return bool(self._configured((source,)) or self.store.events(which, "newest", limit=1))

    def _filter(self, question: Selection, **more: Any) -> Filter:
        since, until = _range(question)
        return Filter(
            sources=self._visible(question.source),
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
            offset, after = _offset(question, size), None
        elif question.page_index:
            raise BadInput("Give 'cursor' or 'page_index', not both.", "page_index")
        else:
            offset, after = 0, cursors.read(question.cursor, name, asked, _BOOKMARK)
        rows = self.store.events(which, "newest", limit=size + 1, offset=offset, after=after)
        last = rows[size - 1] if len(rows) > size else None
        return {
            "rows": [shown.event(row) for row in rows[:size]],
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
        """The instant before which everything that happened has been read by every feed that shows all of its kind.
        A read-once feed, which can't be asked what it missed, counts only where there is no other."""
        live = {(row.source, row.feed): row for row in self.store.feeds(_only(sources)) if row.lane == "live"}
        lists: list[FeedRow | None] = []
        for source in self._configured(sources):
            feeds = enabled_feeds(source).values()
            whole = [feed for feed in feeds if feed.complete] or [feed for feed in feeds if feed.read_once]
            lists += [live.get((source.name, feed.name)) for feed in whole] or [None]
        instants = [row.complete_until if row else None for row in lists]
        known = [instant for instant in instants if instant is not None]
        return min(known) if known and len(known) == len(instants) else None

    def _configured(self, names: Sequence[str] | None) -> list[Source]:
        return [source for source in self.settings.sources if names is None or source.name in names]

    def _source(self, source: Source) -> SourceAnswer:
        provider = provider_named(source.provider)
        enabled = enabled_feeds(source)
        return {
            "name": source.name,
            "provider": source.provider,
            "time_zone": provider.zone(source) if provider else source.time_zone,
            "complete_until": isoformat(self._complete_until((source.name,))),
            "last_event_at": isoformat(self._last_event_at(source)),
            "quiet": self._is_quiet(source),
            "budget": self._budget(source),
            "feeds": [shown.feed(row, row.feed in enabled) for row in self.store.feeds(source.name)],
        }

    def _last_event_at(self, source: Source) -> Instant | None:
        newest = self.store.events(Filter(sources=(source.name,)), "newest", limit=1)
        return newest[0].occurred_at if newest else None

    def _is_quiet(self, source: Source) -> bool:
        """Whether nothing has happened for a day, where something did on most days of the week before."""
        at = now()
        edges = [at - days * DAY for days in range(8, -1, -1)]
        funnels = self.store.timeline(Filter(sources=(source.name,)), edges)
        *week, today = [any(count.total for count in funnel.values()) for funnel in funnels]
        return not today and sum(week) >= USUAL_DAYS

    def _budget(self, source: Source) -> list[BudgetAnswer]:
        """What is left of the requests that the platform allows; nothing where that isn't known."""
        try:
            name, rates = budgets.budget(source), budgets.rates(source)
        except ConfigurationError:
            return []
        left = {found.period: found for found in self.store.left(name, now())}
        unused = [
            Budget(period=r.period, most=r.calls, left=r.calls, until=None) for r in rates if r.period not in left
        ]
        return [shown.budget(found) for found in sorted([*left.values(), *unused], key=lambda found: found.period)]


def _of_messages(messages: Sequence[MessageRow]) -> Funnel:
    """The funnel of one contact: unique counts collapse its messages per campaign."""
    totals, campaigns = dict.fromkeys(Kind, 0), {kind: set[str | None]() for kind in Kind}
    for message in messages:
        for kind, outcome in message.outcomes.items():
            totals[kind] += outcome.count
            campaigns[kind].add(message.campaign_id)
    return {kind: Count(totals[kind], len(campaigns[kind])) for kind in Kind}


def _behind(messages: Sequence[MessageRow], events: Sequence[EventRow]) -> dict[int, list[str]]:
    """The ids of the events behind each message, oldest first, by the message's number. An event belongs to the
    message of its own id, else to that of its campaign and activity."""
    by_id = {(m.channel, m.message_id): m.number for m in messages if m.message_id}
    by_campaign = {(m.channel, m.campaign_id, m.activity_id): m.number for m in messages}
    behind: dict[int, list[str]] = {message.number: [] for message in messages}
    for event in events:
        number = by_id.get((event.channel, event.message_id or ""))
        if number is None:
            number = by_campaign.get((event.channel, event.campaign_id, event.activity_id))
        if number is not None:
            behind[number].append(event.id)
    return behind


def enabled_feeds(source: Source) -> dict[str, Feed]:
    """The feeds of a source that are switched on; none where its provider isn't known."""
    provider = provider_named(source.provider)
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


def _range(question: Ranged) -> tuple[Instant | None, Instant | None]:
    """The window a question's days or times mean. Raises BadInput naming the field."""
    zones.zone(question.time_zone)
    since = None if question.from_ is None else zones.parse(question.from_, "from", question.time_zone)
    until = None if question.to is None else zones.parse(question.to, "to", question.time_zone, end=True)
    if since is not None and until is not None and since >= until:
        raise BadInput("'from' must lie before the end of 'to'.", "from")
    return since, until


def _offset(question: Any, size: int) -> int:
    """How many rows the pages before have."""
    return min(int(question.page_index) * size, _FARTHEST)


def _within(which: Filter, edges: Sequence[Instant]) -> Filter:
    return msgspec.structs.replace(which, since=edges[0], until=edges[-1])


def _walls(edges: Sequence[Instant], zone: str) -> list[str]:
    """Edges as they stand on the zone's wall clock, with its offset."""
    return [zones.moment(edge, zone).isoformat(timespec="seconds") for edge in edges]


def _growth(known: Sequence[int]) -> list[Known]:
    """Contacts known at the end of each slot, and how many of them are new."""
    return [{"known": end, "new": end - start} for start, end in pairwise(known)]


def _agreed(values: Iterable[_V | None]) -> _V | None:
    """The one value that is said; ``None`` where nothing is, or several things are."""
    said = {value for value in values if value is not None}
    return said.pop() if len(said) == 1 else None


def _earliest(instants: Iterable[Instant | None]) -> Instant | None:
    return min((instant for instant in instants if instant is not None), default=None)


def _latest(instants: Iterable[Instant | None]) -> Instant | None:
    return max((instant for instant in instants if instant is not None), default=None)
