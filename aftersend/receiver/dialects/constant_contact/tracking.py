"""The eight tracking lists and the links of an activity: providers/constant-contact.md 3.5 and 3.6.

``next`` holds the limit, the filters and the place of the last row, so that pages stay true while rows arrive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NotRequired, TypedDict
from urllib.parse import quote

import msgspec
from flask import request

from aftersend.receiver import cursors
from aftersend.receiver.dialects.constant_contact.desk import (
    BOUNCES,
    CODES,
    PREFIX,
    VACATION,
    Desk,
    asked,
    code_of,
    contact_of,
    device_type,
    given,
    limited,
    next_link,
    omitted,
    pages,
    time,
)
from aftersend.storage.contract import EventRow, Filter
from aftersend.vocabulary import BadInput, Instant, Kind

LISTS: dict[str, tuple[str, tuple[Kind, ...]]] = {
    "sends": ("em_sends", (Kind.SENT,)),
    "opens": ("em_opens", (Kind.OPENED,)),
    "unique_opens": ("em_opens", (Kind.OPENED,)),
    "didnotopens": ("em_didnotopens", (Kind.SENT,)),
    "forwards": ("em_forwards", (Kind.FORWARDED,)),
    "clicks": ("em_clicks", (Kind.CLICKED,)),
    "optouts": ("em_optouts", (Kind.UNSUBSCRIBED,)),
    "bounces": ("em_bounces", BOUNCES),
}
"""List → its tracking_activity_type and what it is of."""
_SILENT = (Kind.OPENED, *BOUNCES)
_MARK = tuple[cursors.Whole, cursors.Whole, str, str, str, str]
_AHEAD = 1000

Place = tuple[Instant, str]


class TrackingActivity(TypedDict):
    contact_id: str
    campaign_activity_id: str
    tracking_activity_type: str
    email_address: str
    first_name: NotRequired[str]
    last_name: NotRequired[str]
    device_type: NotRequired[str]
    url_id: NotRequired[str]
    link_url: NotRequired[str]
    opt_out_reason: NotRequired[str]
    bounce_code: NotRequired[str]
    current_email_address: NotRequired[str]
    created_time: str
    deleted_at: NotRequired[str]


class TrackingActivities(TypedDict, total=False):
    tracking_activities: list[TrackingActivity]
    _links: dict[str, Any]


class LinkCount(TypedDict):
    link_url: str
    url_id: str
    unique_clicks: int


class LinkCounts(TypedDict):
    campaign_activity_id: str
    link_click_counts: list[LinkCount]


class _Asked:
    """What a page is asked for: by parameters, or by ``next`` alone."""

    def __init__(self, desk: Desk, activity_id: str, name: str):
        self.digest = asked(desk, "tracking", name, activity_id)
        self.after: Place | None = None
        self.limit = limited(500, 500)
        self.source = given("source") or ""
        self.codes = tuple(request.args.getlist("bounce_code")) if name == "bounces" else ()
        self.url_id = given("url_id") if name == "clicks" else None
        if (cursor := given("next")) is not None:
            self.limit, at, id, codes, url, self.source = cursors.read(cursor, f"tracking/{name}", self.digest, _MARK)
            self.codes, self.url_id = tuple(codes), url or None
            self.after = (at, id)
        for code in self.codes:
            if code not in (*CODES.values(), VACATION):
                raise BadInput("bounce_code must be one of B, D, F, S, V, X, Z.", "bounce_code")
        if self.url_id is not None and not re.fullmatch(r"-?[0-9]{1,400}", self.url_id, re.ASCII):
            raise BadInput("url_id must be a whole number.", "url_id")

    def cursor(self, name: str, last: EventRow) -> str:
        codes = "".join(self.codes)
        mark = (self.limit, last.occurred_at, last.id, codes, self.url_id or "", self.source)
        return cursors.write(f"tracking/{name}", self.digest, mark)


def tracking(desk: Desk, activity_id: str, name: str) -> dict[str, Any]:
    """A page of one of :data:`LISTS`. Raises Unknown and BadInput."""
    question = _Asked(desk, activity_id, name)
    desk = Desk(desk.caller, question.source or None)
    which = desk.known_activity(activity_id)
    links = desk.links(which) if name == "clicks" else {}
    rows = list(islice(_rows(desk, name, which, question, links), question.limit + 1))
    page = rows[: question.limit]
    answer: dict[str, Any] = {
        "tracking_activities": [_row(activity_id, name, row, links) for row in page],
    }
    if len(rows) > question.limit:
        path = f"{PREFIX}/email_reports/{quote(activity_id, safe='')}/tracking/{name}"
        answer["_links"] = next_link(path, question.cursor(name, page[-1]))
    elif name in ("bounces", "optouts"):
        answer["_links"] = {}
    return answer


def _rows(
    desk: Desk, name: str, which: Filter, question: _Asked, links: dict[str, tuple[str, int]]
) -> Iterator[EventRow]:
    if name in ("unique_opens", "didnotopens"):
        without = _SILENT if name == "didnotopens" else ()
        (kind,) = LISTS[name][1]
        yield from desk.store.last_events(which, kind, without, limit=question.limit + 1, after=question.after)
        return
    of = msgspec.structs.replace(which, kinds=LISTS[name][1])
    for row in pages(desk.store, of, question.after, min(question.limit + 1, _AHEAD)):
        if question.codes and code_of(row) not in question.codes:
            continue
        if question.url_id is not None and _link(row, links)[0] != question.url_id:
            continue
        yield row


def _link(row: EventRow, links: dict[str, tuple[str, int]]) -> tuple[str, str]:
    """url_id and URL of a click."""
    url = row.url or ""
    return (links[url][0] if url in links else "0"), url


def _row(activity_id: str, name: str, row: EventRow, links: dict[str, tuple[str, int]]) -> dict[str, object]:
    number, url = _link(row, links) if name == "clicks" else (None, None)
    return omitted(
        {
            "contact_id": contact_of(row),
            "campaign_activity_id": activity_id,
            "tracking_activity_type": LISTS[name][0],
            "email_address": row.email or "",
            "first_name": row.first_name,
            "last_name": row.last_name,
            "device_type": device_type(row) if name in ("opens", "unique_opens", "clicks") else None,
            "url_id": number,
            "link_url": url,
            "opt_out_reason": row.reason if name == "optouts" else None,
            "bounce_code": code_of(row) if name == "bounces" else None,
            "current_email_address": row.current_email if name == "bounces" else None,
            "created_time": time(row.occurred_at),
            "deleted_at": None if row.deleted_at is None else time(row.deleted_at)[:10],
        }
    )


def links(desk: Desk, activity_id: str) -> dict[str, Any]:
    """The links that were clicked; no others are known, so ``no_clicks`` changes nothing. Raises Unknown."""
    if given("no_clicks") not in (None, "true", "false"):
        raise BadInput("no_clicks must be true or false.", "no_clicks")
    which = desk.known_activity(activity_id)
    return {
        "campaign_activity_id": activity_id,
        "link_click_counts": [
            {"link_url": url, "url_id": number, "unique_clicks": unique}
            for url, (number, unique) in desk.links(which).items()
            if url
        ],
    }
