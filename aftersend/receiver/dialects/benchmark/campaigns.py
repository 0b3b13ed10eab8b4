"""Campaigns: the report and the engagement of one, the comparison of a period's, and the list of all
(providers/benchmark-email.md §2.2, §2.4, §2.5, §2.8).

What the provider file doesn't settle:

* where several sources have a campaign of one id, its report counts them together; the list shows each, and asking
  the list for that id gives the one that began last;
* the engagement of a campaign that was never sent begins with what else is known first of it, and last of all now;
* the platform's ``from``, ``previewText`` and reasons aren't known here: they are empty, or null where it has nulls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import count, pairwise
from typing import Any

import msgspec
from werkzeug.exceptions import NotFound

from aftersend.receiver import slots
from aftersend.receiver.dialects.benchmark.answers import (
    Campaign,
    CampaignList,
    CampaignReport,
    ComparedCampaign,
    Dated,
    Engagement,
    EngagementBucket,
    LinkActivity,
    ListedCampaign,
    ReactionDetail,
    Reactions,
    Scheduled,
)
from aftersend.receiver.dialects.benchmark.desk import Desk, Tally
from aftersend.receiver.dialects.benchmark.histograms import peak_of
from aftersend.receiver.dialects.benchmark.period import Period, stamp
from aftersend.receiver.dialects.benchmark.shares import printed
from aftersend.receiver.slots import Unit
from aftersend.storage.contract import CampaignRow, Filter, Link, Mark, Store
from aftersend.vocabulary import Instant, Kind, now

UNKNOWN = "Campaign not found"
MOST_COMPARED = 10
"""Campaigns of a period (§9)."""
READ_AHEAD = 1000
WINDOWS: dict[str, tuple[int, Unit]] = {"24hours": (24, "hour"), "week": (7, "day"), "month": (30, "day")}
"""``period`` of the engagement → how many buckets of what width (§2.5)."""

STATUSES = ("scheduled", "sent", "draft", "sending", "paused", "failed", "cancelled")
SAME_STATUS = {
    "done": "sent",
    "completed": "sent",
    "finished": "sent",
    "executing": "sending",
    "active": "sending",
    "running": "sending",
    "error": "failed",
    "canceled": "cancelled",
    "removed": "cancelled",
    "archived": "cancelled",
    "stopped": "cancelled",
}
"""Other platforms' words → Benchmark's."""


class Listing(msgspec.Struct, frozen=True):
    """Which campaigns are listed, and which page of them."""

    page: int
    """From 1."""
    size: int
    sort: str
    """One of :data:`SORTS`."""
    descending: bool
    status: str | None
    """One of :data:`STATUSES`."""
    criteria: str
    """Text that the name or the subject has in it."""


def report(desk: Desk, campaign_id: str) -> CampaignReport:
    """A campaign's whole life. Raises NotFound."""
    which = _named(desk, campaign_id)
    _rows_of(desk, campaign_id)
    tally = desk.lifetime(campaign_id)
    last = desk.store.latest(which)
    opens: Reactions = {"unique": tally.opens, "rate": printed(tally.open_rate)}
    clicks: Reactions = {"unique": tally.clicks, "rate": printed(tally.click_rate)}
    if Kind.OPENED in last:
        opens["last"] = stamp(last[Kind.OPENED])
    if Kind.CLICKED in last:
        clicks["last"] = stamp(last[Kind.CLICKED])
    return {
        "stats": {
            "sent": tally.sent,
            "delivered": tally.delivered,
            "opens": opens,
            "clicks": clicks,
            "totalBounces": {"count": tally.bounces, "rate": printed(tally.bounce_rate(tally.bounces))},
            "hardBounces": {"count": tally.hard, "rate": printed(tally.bounce_rate(tally.hard))},
            "softBounces": {"count": tally.soft, "rate": printed(tally.bounce_rate(tally.soft))},
            "unsubscribes": tally.unsubscribes,
            "complaints": tally.complaints,
        },
        "linkActivity": [_link(link) for link in desk.store.facets(which).links if link.url],
    }


def engagement(desk: Desk, campaign_id: str, period: str, zone: str) -> Engagement:
    """First opens and first clicks in the hours or days from the campaign's first send on. Raises NotFound."""
    begins = _beginning(_rows_of(desk, campaign_id))
    edges = slots.following(begins, *WINDOWS[period], zone)
    which = msgspec.structs.replace(_named(desk, campaign_id), since=edges[0], until=edges[-1])
    buckets: list[EngagementBucket] = []
    for (start, _), funnel in zip(pairwise(edges), desk.store.timeline(which, edges), strict=True):
        opens, clicks = funnel[Kind.OPENED].unique, funnel[Kind.CLICKED].unique
        detail: ReactionDetail = {"uniqueOpens": opens, "uniqueClicks": clicks}
        buckets.append({"date": stamp(start), "total": opens + clicks, "detail": detail})
    return {"start": stamp(edges[0]), "end": stamp(edges[-1]), "histogram": buckets, "peak": peak_of(buckets)}


def comparison(desk: Desk, period: Period) -> list[ComparedCampaign]:
    """The newest campaigns whose first send lies in the period, with the rates of their whole life."""
    which = Filter(sources=desk.sources, since=period.start, until=period.end)
    begun = [
        (row.scheduled_at or row.first_sent_at, row)
        for row in _all(desk.store, which)
        if row.first_sent_at is not None and period.start <= row.first_sent_at < period.end
    ]
    begun.sort(key=lambda found: (-found[0], found[1].campaign_id or "", found[1].source))
    return [_compared(row, scheduled_at, desk.of_row(row)) for scheduled_at, row in begun[:MOST_COMPARED]]


def listing(desk: Desk, question: Listing) -> CampaignList:
    """A page of the campaigns that fit, and how many there are."""
    fitting = [row for row in _all(desk.store, Filter(sources=desk.sources)) if _fits(row, question)]
    fitting.sort(key=SORTS[question.sort], reverse=question.descending)
    first = (question.page - 1) * question.size
    return {"total": len(fitting), "records": [_listed(desk, row) for row in fitting[first : first + question.size]]}


def one(desk: Desk, campaign_id: str) -> Campaign:
    """What the platform tells of a single campaign. Raises NotFound."""
    rows = desk.store.campaigns(_named(desk, campaign_id))
    if not rows:
        raise NotFound(UNKNOWN)
    return _told(rows[0])


def _named(desk: Desk, campaign_id: str) -> Filter:
    return Filter(sources=desk.sources, campaign_id=campaign_id)


def _rows_of(desk: Desk, campaign_id: str) -> list[CampaignRow]:
    """The campaigns of that id. Raises NotFound where no event and no record of the store names it."""
    rows = desk.store.campaigns(msgspec.structs.replace(_named(desk, campaign_id), channels=None))
    visible = desk.configured.names if desk.sources is None else desk.sources
    if not rows and not any(desk.store.snapshots(source, campaign_id) for source in visible):
        raise NotFound(UNKNOWN)
    return rows


def _all(store: Store, which: Filter) -> Iterator[CampaignRow]:
    """Every campaign that has an id, the last created first."""
    for page in count():
        rows = store.campaigns(which, "created", limit=READ_AHEAD, offset=page * READ_AHEAD)
        yield from (row for row in rows if row.campaign_id is not None)
        if len(rows) < READ_AHEAD:
            return


def _beginning(rows: Sequence[CampaignRow]) -> Instant:
    """When the campaign was first sent; where it wasn't, the best that is known."""
    known = ("first_sent_at", "first_at", "scheduled_at", "created_at")
    found = [[at for row in rows if (at := getattr(row, name)) is not None] for name in known]
    return next((min(instants) for instants in found if instants), now())


def _link(link: Link) -> LinkActivity:
    return {
        "id": link.number or sha256(link.url.encode()).hexdigest()[:24],
        "path": link.url,
        "clicks": {"unique": link.unique, "total": link.total},
    }


def _compared(row: CampaignRow, scheduled_at: Instant, tally: Tally) -> ComparedCampaign:
    return {
        "_id": row.campaign_id or "",
        "name": _name(row),
        "rates": {"opens": printed(tally.open_rate), "clicks": printed(tally.click_rate)},
        "scheduledAt": stamp(scheduled_at),
    }


# -- the list ------------------------------------------------------------------------------------------


def _fits(row: CampaignRow, question: Listing) -> bool:
    if question.status is not None and _status(row) != question.status:
        return False
    wanted = question.criteria.casefold()
    return wanted in _name(row).casefold() or wanted in (row.subject or "").casefold()


def _name(row: CampaignRow) -> str:
    return row.name or row.campaign_id or ""


def _status(row: CampaignRow) -> str:
    """The platform's word where it is one of Benchmark's or means one of them; else what follows from its events."""
    word = (row.status or "").strip().lower()
    word = SAME_STATUS.get(word, word)
    if word in STATUSES:
        return word
    if row.first_at is not None:
        return "sent"
    return "draft" if row.scheduled_at is None else "scheduled"


def _created_at(row: CampaignRow) -> Instant | None:
    return row.first_at if row.created_at is None else row.created_at


def _updated_at(row: CampaignRow) -> Instant | None:
    return max((at for at in (_created_at(row), row.last_at) if at is not None), default=None)


def _scheduled_at(row: CampaignRow) -> Instant | None:
    return row.first_sent_at if row.scheduled_at is None else row.scheduled_at


SORTS: dict[str, Callable[[CampaignRow], Any]] = {
    "name": lambda row: (_name(row).casefold(), _name(row)),
    "createdAt": lambda row: _created_at(row) or 0,
    "updatedAt": lambda row: _updated_at(row) or 0,
    "scheduledAt": lambda row: _scheduled_at(row) or 0,
}
"""Field → what the list is sorted by; a campaign without the date counts as the oldest."""


def _listed(desk: Desk, row: CampaignRow) -> ListedCampaign:
    told = _told(row)
    if told["status"] == "draft":
        draft: ListedCampaign = {
            "_id": told["_id"],
            "name": _name(row),
            "from": "",
            "subject": row.subject or "",
            "status": told["status"],
        }
        if "createdAt" in told and "updatedAt" in told:
            draft["createdAt"], draft["updatedAt"] = told["createdAt"], told["updatedAt"]
        return draft
    tally = desk.of_row(row)
    return {
        "_id": told["_id"],
        "name": _name(row),
        "from": "",
        "subject": row.subject or "",
        "previewText": "",
        **told,
        "stats": {
            "sent": tally.sent,
            "delivered": tally.delivered,
            "opens": {"unique": tally.opens, "rate": printed(tally.open_rate)},
            "clicks": {"unique": tally.clicks, "rate": printed(tally.click_rate)},
        },
    }


def _told(row: CampaignRow) -> Campaign:
    at = _scheduled_at(row)
    scheduled: Scheduled = {} if at is None else {"scheduledAt": stamp(at)}
    return {
        "_id": row.campaign_id or "",
        "status": _status(row),
        "subStatus": None,
        **scheduled,
        "cancelledAt": None,
        **_dated(row),
        "totalRecipients": row.marks[Mark.TOUCHED].unique,
        "sentCount": row.counts[Kind.SENT].messages,
        "failedCount": row.counts[Kind.DROPPED].messages + row.counts[Kind.FAILED].messages,
    }


def _dated(row: CampaignRow) -> Dated:
    created_at, updated_at = _created_at(row), _updated_at(row)
    if created_at is None or updated_at is None:
        return {}
    return {"createdAt": stamp(created_at), "updatedAt": stamp(updated_at)}
