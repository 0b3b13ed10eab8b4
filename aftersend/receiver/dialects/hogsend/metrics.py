"""``metrics/…`` and ``campaigns/{id}/stats`` (providers/hogsend.md 2.6, 2.7).

What no other platform has (journeys, buckets of contacts) is there, and empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from msgspec.structs import replace

from aftersend.receiver.auth import REPORTS
from aftersend.receiver.dialects.hogsend import buckets, rates, sends
from aftersend.receiver.dialects.hogsend.answers import (
    CampaignStats,
    Deliverability,
    EventCount,
    EventMetrics,
    JourneyFunnel,
    Journeys,
    Overview,
    Point,
    TemplateFigures,
    TemplateMetrics,
)
from aftersend.receiver.dialects.hogsend.buckets import Window
from aftersend.receiver.dialects.hogsend.desk import Desk, Unknown
from aftersend.receiver.slots import Unit
from aftersend.storage.contract import Cohort, Filter, Funnel, LogFilter, Store
from aftersend.vocabulary import Instant, Kind, Status, now

DAY = 86_400_000
PERIODS = ("day", "week", "month")
GRANULARITIES = ("hour", "day", "week")
MOST_EVENTS = 10_000
UNTEMPLATED = "(none)"

EVENTS = {"email.link_clicked": Kind.CLICKED, "email.opened": Kind.OPENED, "email.replied": Kind.REPLIED}
"""Event → our kind, by name: what the platform's list of events holds of emails (2.7)."""


def overview() -> Overview:
    desk = Desk(REPORTS)
    sources, at = desk.sources(), now()
    store, everything = desk.store, Filter(sources=sources)
    sent = [store.funnel(replace(everything, since=at - days * DAY))[Kind.SENT].messages for days in (1, 7, 30)]
    (month,) = store.cohorts(LogFilter(sources=sources, since=at - 30 * DAY))
    (contacts,) = store.known(everything, [at])
    # The platform divides contacts by contacts. Who unsubscribed twice, or came back, would take a walk over all
    # contacts to find out; unsubscribes per recipient and campaign come close.
    unsubscribed = store.funnel(everything)[Kind.UNSUBSCRIBED].unique
    return {
        "totalContacts": contacts,
        "activeJourneys": 0,
        "activeBuckets": 0,
        "bucketMembers": 0,
        "emailsSent24h": sent[0],
        "emailsSent7d": sent[1],
        "emailsSent30d": sent[2],
        "bounceRate30d": rates.rate(month.statuses[Status.BOUNCED], sent[2]),
        "unsubscribeRate": rates.rate(unsubscribed, contacts),
    }


def templates() -> TemplateMetrics:
    """Every template with a message in the window, by name."""
    desk = Desk(REPORTS)
    window = desk.query.window()
    untemplated = desk.query.option("includeUntemplated", ("true", "false")) == "true"
    cohorts = _by_template(desk.store, desk.sources(), window)
    return {
        "templates": [
            _figures(key or UNTEMPLATED, cohort)
            for key, cohort in sorted(cohorts.items())
            if cohort.messages and (key or untemplated)
        ]
    }


def _by_template(store: Store, sources: tuple[str, ...] | None, window: Window) -> dict[str, Cohort]:
    """Template → its messages of the window; ``""`` for those without one."""
    lifetimes: dict[str, list[Cohort]] = {}
    for row in store.templates(sources):
        lifetimes.setdefault(row.template, []).append(row.cohort)
    if window == (None, None):
        return {key: _together(cohorts) for key, cohorts in lifetimes.items()}
    asked = LogFilter(sources=sources, since=window[0], until=window[1])
    return {key: store.cohorts(replace(asked, template=key))[0] for key in lifetimes}


def _together(cohorts: Sequence[Cohort]) -> Cohort:
    return Cohort(
        messages=sum(cohort.messages for cohort in cohorts),
        happened={kind: sum(cohort.happened[kind] for cohort in cohorts) for kind in cohorts[0].happened},
        statuses={status: sum(cohort.statuses[status] for cohort in cohorts) for status in Status},
    )


def _figures(key: str, cohort: Cohort) -> TemplateFigures:
    """Bounced are those that stand as bounced now, unlike in ``reporting`` (§5)."""
    return {
        "templateKey": key,
        "sent": cohort.happened[Kind.SENT],
        "delivered": cohort.happened[Kind.DELIVERED],
        "opened": cohort.happened[Kind.OPENED],
        "clicked": cohort.happened[Kind.CLICKED],
        "bounced": cohort.statuses[Status.BOUNCED],
        "deliveryRate": rates.delivery_rate(cohort),
        "openRate": rates.open_rate(cohort),
        "clickRate": rates.click_rate(cohort),
        "clickToDeliveryRate": rates.click_to_delivery_rate(cohort),
    }


def deliverability() -> Deliverability:
    desk = Desk(REPORTS)
    window = _last_month(desk.query.window())
    unit = cast(Unit, desk.query.option("period", PERIODS) or "day")
    which = LogFilter(sources=desk.sources())
    found = buckets.filled(
        unit,
        window,
        lambda window: sends.extent(desk.store, which, window),
        lambda edges: desk.store.cohorts(which, edges),
    )
    return {"points": [_point(date, cohort) for date, cohort in found if cohort.messages]}


def _point(date: str, cohort: Cohort) -> Point:
    """Of every message, those never sent too (§5)."""
    return {
        "date": date,
        "total": cohort.messages,
        "delivered": cohort.happened[Kind.DELIVERED],
        "bounced": cohort.statuses[Status.BOUNCED],
        "complained": cohort.statuses[Status.COMPLAINED],
        "deliveryRate": rates.rate(cohort.happened[Kind.DELIVERED], cohort.messages),
    }


def events() -> EventMetrics:
    """Events by their own time. Clicks by machines are left out, as in the platform's list of events (2.7)."""
    desk = Desk(REPORTS)
    window = _last_month(desk.query.window())
    unit = cast(Unit, desk.query.option("granularity", GRANULARITIES) or "day")
    store, sources = desk.store, desk.sources()
    everybody, people = Filter(sources=sources), Filter(sources=sources, machine="exclude")

    def extent(window: Window) -> tuple[Instant, Instant] | None:
        within = replace(everybody, kinds=tuple(EVENTS.values()), since=window[0], until=window[1])
        oldest, newest = store.events(within, "oldest", limit=1), store.events(within, "newest", limit=1)
        return (oldest[0].occurred_at, newest[0].occurred_at) if oldest and newest else None

    def count(edges: list[Instant]) -> list[Funnel]:
        human = store.timeline(people, edges)
        return [
            {**every, Kind.CLICKED: clicked[Kind.CLICKED]}
            for every, clicked in zip(store.timeline(everybody, edges), human, strict=True)
        ]

    rows: list[EventCount] = []
    for date, funnel in buckets.filled(unit, window, extent, count):
        rows += [
            {"event": name, "date": date, "count": funnel[kind].total}
            for name, kind in EVENTS.items()
            if funnel[kind].total
        ]
        if len(rows) >= MOST_EVENTS:
            break
    return {"events": rows[:MOST_EVENTS]}


def _last_month(window: Window) -> Window:
    """The last 30 days where a bound isn't given."""
    at = now()
    since, until = window
    return at - 30 * DAY if since is None else since, at + 1 if until is None else until


def journeys() -> Journeys:
    Desk(REPORTS).sources()
    return {"journeys": []}


def journey(key: str) -> JourneyFunnel:  # noqa: ARG001 - whichever it is, we have none
    Desk(REPORTS).sources()
    raise Unknown("Journey not found")


def campaign(key: str) -> CampaignStats:
    """The messages of a campaign, by the platform's own id of it, whatever its form."""
    desk = Desk(REPORTS)
    sources = desk.sources()
    which = Filter(sources=sources, campaign_id=key)
    if not desk.store.campaigns(which, limit=1):
        raise Unknown("Campaign not found")
    log = LogFilter(sources=sources, campaign_id=key)
    skipped = desk.store.log_size(replace(log, status=Status.SUPPRESSED))
    funnel = desk.store.funnel(which)
    last_sent = desk.store.latest(which).get(Kind.SENT)
    return {
        "sends": desk.store.log_size(log) - skipped,
        "delivered": funnel[Kind.DELIVERED].messages,
        "opened": funnel[Kind.OPENED].messages,
        "clicked": funnel[Kind.CLICKED].messages,
        "bounced": funnel[Kind.BOUNCED].messages,
        "complained": funnel[Kind.COMPLAINED].messages,
        "failed": desk.store.log_size(replace(log, status=Status.FAILED)),
        "skipped": skipped,
        "lastSentAt": None if last_sent is None else sends.stamp(last_sent),
    }
