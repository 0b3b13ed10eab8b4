"""The reports of one contact: providers/constant-contact.md 3.7."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from itertools import islice
from typing import Any, NotRequired, TypedDict
from urllib.parse import quote

import msgspec
from flask import request

from aftersend.receiver import cursors
from aftersend.receiver.dialects.constant_contact.desk import (
    BOUNCES,
    PREFIX,
    Desk,
    Unknown,
    asked,
    given,
    limited,
    next_link,
    omitted,
    pages,
    time,
)
from aftersend.receiver.rounding import ratio
from aftersend.storage.contract import EventRow, Filter, MessageRow
from aftersend.vocabulary import BadInput, Instant, Kind
from aftersend.zones import instant

TYPES: dict[str, tuple[Kind, ...]] = {
    "em_sends": (Kind.SENT,),
    "em_opens": (Kind.OPENED,),
    "em_clicks": (Kind.CLICKED,),
    "em_bounces": BOUNCES,
    "em_optouts": (Kind.UNSUBSCRIBED,),
    "em_forwards": (Kind.FORWARDED,),
    # Landing pages: known words, of which nothing is known here.
    "p_contact_open": (),
    "p_contact_click": (),
    "p_contact_add": (),
    "p_contact_update": (),
}
_WORD = {kind: word for word, kinds in TYPES.items() for kind in kinds}
SUMMARY_PAGE, MOST_MESSAGES, FIVE_YEARS = 200, 100_000, 5 * 366 * 86_400_000
_MARK = tuple[cursors.Whole, cursors.Whole, str, str, str, str]
_START, _END = "start", "end"


class Detail(TypedDict):
    contact_id: str
    campaign_activity_id: str
    created_time: str
    tracking_activity_type: str
    campaign_activity_name: NotRequired[str]


class Details(TypedDict, total=False):
    tracking_activities: list[Detail]
    _links: dict[str, Any]


class ActivityCounts(TypedDict):
    campaign_activity_id: str
    start_on: str
    em_sends: int
    em_opens: int
    em_clicks: int
    em_bounces: int
    em_forwards: int
    em_unsubscribes: int


class ContactSummary(TypedDict):
    contact_id: str
    campaign_activities: list[ActivityCounts]
    _links: dict[str, Any]


class ContactRates(TypedDict):
    contact_id: str
    included_activities_count: int
    average_open_rate: float
    average_click_rate: float


def _contact(desk: Desk, contact_id: str) -> Filter:
    which = Filter(sources=desk.sources, contact_id=contact_id)
    if not contact_id or not desk.store.contacts(which, limit=1):
        raise Unknown(
            "reportingsvc.not_found.invalid_path_param.contact_id.", f"There is no contact {contact_id[:200]}."
        )
    return which


def details(desk: Desk, contact_id: str) -> dict[str, Any]:
    """All that happened to a contact, newest first. Raises Unknown and BadInput."""
    digest = asked(desk, "activity_details", contact_id)
    if (cursor := given("next")) is not None:
        mark = cursors.read(cursor, "activity_details", digest, _MARK)
        limit, at, id, listed, names, source = mark
        words, after = tuple(listed.split(",")), (at, id)
    else:
        limit, words, after = limited(100, 100), _words(), None
        names, source = _named(), given("source") or ""
    desk = Desk(desk.caller, source or None)
    kinds = tuple(kind for word in words for kind in TYPES.get(word, ()))
    which = msgspec.structs.replace(_contact(desk, contact_id), kinds=kinds)
    # What happened outside any campaign has no activity to be listed under.
    happened = (row for row in pages(desk.store, which, after, limit + 1) if row.campaign_id) if kinds else iter(())
    rows = list(islice(happened, limit + 1))
    page = rows[:limit]
    shown = _names_of(desk, page) if names == "true" else {}
    answer: dict[str, Any] = {"tracking_activities": [_detail(contact_id, row, shown) for row in page]}
    if len(rows) > limit:
        last = page[-1]
        path = f"{PREFIX}/contact_reports/{quote(contact_id, safe='')}/activity_details"
        following = (limit, last.occurred_at, last.id, ",".join(words), names, source)
        answer["_links"] = next_link(path, cursors.write("activity_details", digest, following))
    return answer


def _words() -> tuple[str, ...]:
    """One of two parameters must be given, and they exclude each other."""
    listed, each = given("tracking_activities_list"), request.args.getlist("tracking_activity_type")
    if (listed is None) == (not each):
        raise BadInput("Give either tracking_activities_list or tracking_activity_type.", "tracking_activities_list")
    words = each if listed is None else [word.strip() for word in listed.split(",")]
    for word in words:
        if word not in TYPES:
            field = "tracking_activity_type" if listed is None else "tracking_activities_list"
            raise BadInput(f"{field} must be of {', '.join(TYPES)}.", field)
    return tuple(dict.fromkeys(words))


def _named() -> str:
    text = given("include_campaign_activity_names")
    if text not in (None, "true", "false"):
        raise BadInput("include_campaign_activity_names must be true or false.", "include_campaign_activity_names")
    return text or "true"


def _names_of(desk: Desk, rows: list[EventRow]) -> dict[tuple[str, str], str]:
    names = {}
    for source, campaign_id in {(row.source, row.campaign_id or "") for row in rows}:
        found = desk.store.campaigns(Filter(sources=(source,), campaign_id=campaign_id), limit=1)
        if found and found[0].name:
            names[source, campaign_id] = found[0].name
    return names


def _detail(contact_id: str, row: EventRow, names: dict[tuple[str, str], str]) -> dict[str, object]:
    return omitted(
        {
            "contact_id": contact_id,
            "campaign_activity_id": row.activity_id or row.campaign_id or "",
            "created_time": time(row.occurred_at),
            "tracking_activity_type": _WORD[row.kind],
            "campaign_activity_name": names.get((row.source, row.campaign_id or "")),
        }
    )


def summary(desk: Desk, contact_id: str) -> dict[str, Any]:
    """The activities sent to a contact in a window, the latest first, with all that ever came of each. Raises Unknown
    and BadInput."""
    digest = asked(desk, "activity_summary", contact_id)
    skip = 0
    if (cursor := given("next")) is not None:
        since, until, source, skip = cursors.read(
            cursor, "activity_summary", digest, tuple[cursors.Whole, cursors.Whole, str, cursors.Whole]
        )
        desk = Desk(desk.caller, source or None)
    else:
        since, until = _window()
        source = given("source") or ""
    rows = [_counts(*sent) for sent in _sent(desk, contact_id, since, until)]
    page = rows[skip : skip + SUMMARY_PAGE]
    answer: dict[str, Any] = {"contact_id": contact_id, "campaign_activities": page, "_links": {}}
    if len(rows) > skip + SUMMARY_PAGE:
        path = f"{PREFIX}/contact_reports/{quote(contact_id, safe='')}/activity_summary"
        mark = (since, until, source, skip + SUMMARY_PAGE)
        answer["_links"] = next_link(path, cursors.write("activity_summary", digest, mark))
    return answer


def rates(desk: Desk, contact_id: str) -> dict[str, Any]:
    """Of the activities sent to a contact in a window, how many were opened and clicked. Raises Unknown, BadInput."""
    since, until = _window()
    if until - since > FIVE_YEARS:
        raise BadInput("start and end must not be more than five years apart.", "start")
    sent = _sent(desk, contact_id, since, until)
    opened, clicked = (
        sum(any(kind in message.outcomes for message in messages) for _, _, messages in sent)
        for kind in (Kind.OPENED, Kind.CLICKED)
    )
    return {
        "contact_id": contact_id,
        "included_activities_count": len(sent),
        "average_open_rate": ratio(opened, len(sent), 4) or 0.0,
        "average_click_rate": ratio(clicked, len(sent), 4) or 0.0,
    }


def _sent(desk: Desk, contact_id: str, since: Instant, until: Instant) -> list[tuple[str, Instant, list[MessageRow]]]:
    """Activity, when it was last sent to the contact, and its messages: those sent in the window, latest first."""
    which = _contact(desk, contact_id)
    within = msgspec.structs.replace(which, since=since, until=until)
    numbers = {
        message.number for message in desk.store.messages(within, limit=MOST_MESSAGES) if Kind.SENT in message.outcomes
    }
    activities: dict[tuple[str, str], list[MessageRow]] = defaultdict(list)
    for message in desk.store.messages(which, limit=MOST_MESSAGES):
        activities[message.source, message.activity_id or message.campaign_id or ""].append(message)
    found = [
        (id, max(m.outcomes[Kind.SENT].last_at for m in messages if Kind.SENT in m.outcomes), messages)
        for (_, id), messages in activities.items()
        if any(message.number in numbers for message in messages)
    ]
    return sorted(found, key=lambda sent: (-sent[1], sent[0]))


def _counts(activity_id: str, last_sent_at: Instant, messages: list[MessageRow]) -> ActivityCounts:
    def times(*kinds: Kind) -> int:
        return sum(m.outcomes[kind].count for m in messages for kind in kinds if kind in m.outcomes)

    return {
        "campaign_activity_id": activity_id,
        "start_on": time(last_sent_at),
        "em_sends": times(Kind.SENT),
        "em_opens": times(Kind.OPENED),
        "em_clicks": times(Kind.CLICKED),
        "em_bounces": times(*BOUNCES),
        "em_forwards": times(Kind.FORWARDED),
        "em_unsubscribes": times(Kind.UNSUBSCRIBED),
    }


def _window() -> tuple[Instant, Instant]:
    """``start`` and ``end``, both required and included."""
    start, end = _instant(_START), _instant(_END)
    if start > end:
        raise BadInput("start must not be after end.", _START)
    return start, end + 1


def _instant(name: str) -> Instant:
    text = given(name)
    try:
        # A query string turns the plus of an offset into a space.
        at = datetime.fromisoformat((text or "").replace(" ", "+"))
        if at.tzinfo is not None:
            return instant(at)
    except (ValueError, OverflowError):
        pass
    raise BadInput(f"{name} must be a time as 2026-01-01T00:00:00Z or with an offset.", name)
