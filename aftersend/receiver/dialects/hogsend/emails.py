"""The send log: ``emails`` and ``emails/{id}`` (providers/hogsend.md 2.4, 2.5)."""

from __future__ import annotations

import re
from collections import defaultdict

from aftersend.receiver.auth import CONTACTS, REPORTS
from aftersend.receiver.dialects.hogsend import sends
from aftersend.receiver.dialects.hogsend.answers import EmailDetail, EmailLog, Moment, TrackedLink
from aftersend.receiver.dialects.hogsend.desk import Desk, Unknown
from aftersend.receiver.dialects.hogsend.questions import Invalid, format_issue
from aftersend.receiver.dialects.hogsend.sends import stamp
from aftersend.storage.contract import EventRow, Filter, LogFilter, LogOrder, MessageRow, Store
from aftersend.vocabulary import Instant, Kind, Status

SORTS: dict[str, LogOrder] = {"createdAt": "created", "sentAt": "sent", "openedAt": "opened", "clickedAt": "clicked"}
ORDERS = ("asc", "desc")
MOST_CLICKS = 10_000

_UUID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|0{8}-(0{4}-){3}0{12}|f{8}-(f{4}-){3}f{12}",
    re.ASCII | re.IGNORECASE,
)

TIMELINE = {
    "sent": Kind.SENT,
    "delivered": Kind.DELIVERED,
    "opened": Kind.OPENED,
    "bounced": Kind.BOUNCED,
    "complained": Kind.COMPLAINED,
}


def log() -> EmailLog:
    """``campaignId`` is the platform's own id of a campaign, in any form; nobody here has journeys or categories."""
    desk = Desk(REPORTS, CONTACTS)
    query = desk.query
    limit, offset = query.page()
    to_email, template, campaign = query.text("toEmail"), query.text("templateKey"), query.text("campaignId")
    unknown = [query.text(name) for name in ("category", "journeyId")]
    status, user = query.option("status", sends.STATUSES), query.text("userId")
    engagement = query.option("engagement", tuple(sends.ENGAGEMENTS))
    sort, order = query.option("sort", tuple(SORTS)), query.option("order", ORDERS)
    since, until = query.window()
    asked = LogFilter(
        sources=desk.sources(),
        email=to_email,
        template=template,
        campaign_id=campaign,
        happened=sends.ENGAGEMENTS[engagement] if engagement else None,
        since=since,
        until=until,
    )
    which = None if any(name is not None for name in unknown) else sends.matching(desk.store, asked, status, user)
    rows = (
        desk.store.log(which, SORTS[sort or "createdAt"], descending=order != "asc", limit=limit, offset=offset)
        if which
        else []
    )
    return {
        "emails": [sends.as_email(row) for row in rows],
        "total": desk.store.log_size(which) if which else 0,
        "limit": limit,
        "offset": offset,
    }


def one(key: str) -> EmailDetail:
    """One send with what happened to it. The timeline is computed: every click on a link, everything else once."""
    desk = Desk(REPORTS, CONTACTS)
    if not _UUID.fullmatch(key):
        raise Invalid([format_issue("id", "uuid", "Invalid UUID")])
    number = sends.number_of(key)
    sources = desk.sources()
    rows = desk.store.log(LogFilter(sources=sources, number=number), limit=1) if number is not None else []
    if not rows:
        raise Unknown("Email not found")
    clicks = _clicks(desk.store, rows[0])
    return {
        "email": sends.as_email(rows[0]),
        "events": _timeline(rows[0], clicks),
        "trackedLinks": _links(rows[0], clicks),
        "journeyContext": None,
    }


def _clicks(store: Store, row: MessageRow) -> list[EventRow]:
    """Every click on a link of the message, oldest first. One that names no link yields no entry (2.5)."""
    outcome = row.outcomes.get(Kind.CLICKED)
    who = {"contact_id": row.contact_id} if row.contact_id is not None else {"email": row.email}
    if outcome is None or not any(who.values()):
        return []
    which = Filter(
        sources=(row.source,),
        campaign_id=row.campaign_id,
        activity_id=row.activity_id,
        kinds=(Kind.CLICKED,),
        **who,
    )
    found = [
        click
        for click in store.events(which, "oldest", limit=MOST_CLICKS)
        if (click.campaign_id, click.contact_id) == (row.campaign_id, row.contact_id)
    ]
    if len(found) != outcome.count:
        # The recipient has several messages of this campaign; then its clicks name theirs.
        found = [click for click in found if click.message_id == row.message_id]
    return [click for click in found if click.url]


def _timeline(row: MessageRow, clicks: list[EventRow]) -> list[Moment]:
    entries: list[tuple[Instant, Moment]] = [_entry("queued", row.created_at)]
    entries += [_entry(name, row.outcomes[kind].first_at) for name, kind in TIMELINE.items() if kind in row.outcomes]
    for click in clicks:
        entry: Moment = {
            "type": "clicked",
            "timestamp": stamp(click.occurred_at),
            "url": click.url or "",
            "ipAddress": click.ip,
            "userAgent": click.user_agent,
        }
        entries.append((click.occurred_at, entry))
    if row.status is Status.FAILED:
        entries.append(_entry("failed", sends.updated_at(row)))
    return [entry for _, entry in sorted(entries, key=lambda pair: pair[0])]


def _entry(name: str, at: Instant) -> tuple[Instant, Moment]:
    return at, {"type": name, "timestamp": stamp(at)}


def _links(row: MessageRow, clicks: list[EventRow]) -> list[TrackedLink]:
    by_url: dict[str, list[EventRow]] = defaultdict(list)
    for click in clicks:
        by_url[click.url or ""].append(click)
    return [
        {
            "id": sends.link_id(row.number, url),
            "originalUrl": url,
            "clickCount": len(hits),
            "clicks": [
                {
                    "id": sends.hit_id(hit.number),
                    "clickedAt": stamp(hit.occurred_at),
                    "ipAddress": hit.ip,
                    "userAgent": hit.user_agent,
                }
                for hit in hits
            ],
        }
        for url, hits in by_url.items()
    ]
