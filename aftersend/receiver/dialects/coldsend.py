"""Reports as ColdSend answers them, about any source: its two analytics endpoints.

From the provider file (providers/coldsend.md): 2.2 and 2.3 for the shapes, section 4 for errors and limits, and
"Details for serving" in section 5 for everything ColdSend leaves open. ``source``, which is ours, narrows both;
one that doesn't exist, or not for the caller, is a 404.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypedDict

import msgspec
from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import NotFound

from aftersend.receiver import errors, reports
from aftersend.receiver.auth import REPORTS
from aftersend.receiver.dialects.endpoint import Endpoint
from aftersend.receiver.gate import Gate, KeyMissing, LimitReached, ScopeMissing, from_key_header, quota
from aftersend.receiver.installation import installation
from aftersend.receiver.reports import Reports
from aftersend.receiver.rounding import ratio
from aftersend.storage.contract import CampaignRow, Filter, Mark
from aftersend.vocabulary import BadInput, Instant, Kind, now
from aftersend.zones import instant, moment

NAME = "coldsend"
PREFIX = "/api/public/v1"
SCHEME = "key"
LIMITS = "100/minute;1000/hour"
"""The platform's (section 4)."""
SCOPES = {"campaigns:read": (REPORTS,), "campaigns:all": (REPORTS,), "*": (REPORTS,)}
"""Each of the platform's scopes that opens analytics (section 1) → ours."""

STATUSES = ("DRAFT", "ACTIVE", "PAUSED", "COMPLETED", "FAILED")
DAY = timedelta(days=1)
DEFAULT_DAYS, MOST_YEARS = 90, 10
MOST_CAMPAIGNS = 1_000_000
_GATE = Gate(NAME, from_key_header, {REPORTS: "campaigns:read"}, limits=LIMITS)


class Kpis(TypedDict):
    total_campaigns: int
    total_sends: int
    avg_open_rate: float
    avg_reply_rate: float
    avg_bounce_rate: float


class Campaign(TypedDict):
    campaign_id: str
    campaign_name: str
    status: str
    total_leads: int
    total_sent: int
    total_opened: int
    total_replied: int
    total_bounced: int
    open_rate: float
    reply_rate: float
    bounce_rate: float
    created_at: str | None


class Campaigns(TypedDict):
    workspace_kpis: Kpis
    campaigns: list[Campaign]


class Day(TypedDict):
    date: str
    sent: int
    opened: int
    replied: int
    bounced: int
    open_rate: float
    reply_rate: float
    bounce_rate: float


class Timeline(TypedDict):
    timeline: list[Day]
    from_date: str
    to_date: str


class Detail(TypedDict):
    detail: str


class Lacking(TypedDict):
    detail: str
    error: str
    required: list[str]
    granted: list[str]


class Invalid(TypedDict):
    loc: list[str]
    msg: str
    type: str


class Unprocessable(TypedDict):
    detail: list[Invalid]


_DAY = {"type": "string", "description": "A UTC day, 2026-11-21; a time is cut to its day."}
_WINDOW = {"from_date": _DAY, "to_date": _DAY, "source": {"type": "string"}}
_ERRORS: dict[int, Any] = {
    400: Detail,
    401: Detail,
    403: Lacking,
    404: Detail,
    422: Unprocessable,
    429: Detail,
    503: Detail,
}
ENDPOINTS = (
    Endpoint(
        path=f"{PREFIX}/analytics/campaigns",
        summary="Campaigns and the workspace's rates, newest first",
        parameters={"status": {"type": "string", "enum": list(STATUSES)}, **_WINDOW},
        answer=Campaigns,
        errors=_ERRORS,
    ),
    Endpoint(
        path=f"{PREFIX}/analytics/campaigns/timeline",
        summary="What happened on each UTC day",
        parameters=_WINDOW,
        answer=Timeline,
        errors=_ERRORS,
    ),
)


class _Unprocessable(BadInput):
    """A parameter that is no date, or no status."""


def register(app: Flask) -> None:
    """Serve both endpoints, and ColdSend's form of error at and below its prefix."""
    blueprint = Blueprint(NAME, __name__, url_prefix=f"{PREFIX}/analytics")
    blueprint.add_url_rule("/campaigns", "campaigns", _campaigns, methods=["GET"])
    blueprint.add_url_rule("/campaigns/timeline", "timeline", _timeline, methods=["GET"])
    blueprint.after_request(_with_quota)
    app.register_blueprint(blueprint)
    errors.register_dialect(app, PREFIX, _error)


# -- the endpoints -------------------------------------------------------------------------------------


def _campaigns() -> Response:
    sources = _enter()
    status, first, last = _given("status"), _day("from_date"), _day("to_date")
    if status is not None and status not in STATUSES:
        raise _Unprocessable("invalid status", "status")
    _in_order(first, last)
    listed = [
        row
        for row in installation().store.campaigns(Filter(sources=sources), "created", limit=MOST_CAMPAIGNS)
        # What was sent outside of any campaign is none (section 5: ignored for campaign metrics).
        if row.campaign_id is not None and status in (None, _status(row)) and _launched(row, first, last)
    ]
    # By what is printed: campaigns of one second stand by their ids.
    listed.sort(key=lambda row: (-((_created_at(row) or 0) // 1000), row.campaign_id, row.source))
    campaigns = [_campaign(row) for row in listed]
    sent, opened, replied, bounced = (
        sum(campaign[name] for campaign in campaigns)
        for name in ("total_sent", "total_opened", "total_replied", "total_bounced")
    )
    kpis: Kpis = {
        "total_campaigns": len(campaigns),
        "total_sends": sent,
        "avg_open_rate": _rate(opened, sent),
        "avg_reply_rate": _rate(replied, sent),
        "avg_bounce_rate": _rate(bounced, sent),
    }
    return _answer({"workspace_kpis": kpis, "campaigns": campaigns})


def _timeline() -> Response:
    sources = _enter()
    first, last = _day("from_date"), _day("to_date")
    if last is None:
        last = _today()
    if first is None:
        first = last - DEFAULT_DAYS * DAY if last - date.min > DEFAULT_DAYS * DAY else date.min
    _in_order(first, last)
    if (last.year - MOST_YEARS, last.month, last.day) > (first.year, first.month, first.day):
        raise BadInput(f"the range must not be longer than {MOST_YEARS} years", "from_date")
    days = [first + n * DAY for n in range((last - first).days + 1)]
    edges = [_midnight(day) for day in days]
    edges.append(edges[-1] + int(DAY.total_seconds()) * 1000)
    funnels = installation().store.timeline(Filter(sources=sources), edges)
    timeline: list[Day] = []
    for day, funnel in zip(days, funnels, strict=True):
        sent = funnel[Kind.SENT].messages
        opened, replied, bounced = (funnel[kind].unique for kind in (Kind.OPENED, Kind.REPLIED, Kind.BOUNCED))
        timeline.append(
            {
                "date": day.isoformat(),
                "sent": sent,
                "opened": opened,
                "replied": replied,
                "bounced": bounced,
                "open_rate": _rate(opened, sent),
                "reply_rate": _rate(replied, sent),
                "bounce_rate": _rate(bounced, sent),
            }
        )
    return _answer({"timeline": timeline, "from_date": first.isoformat(), "to_date": last.isoformat()})


# -- who asks, and what --------------------------------------------------------------------------------


def _enter() -> tuple[str, ...] | None:
    """The sources the question speaks of."""
    caller = _GATE.enter(REPORTS)
    here = installation()
    try:
        return Reports(here.store, here.settings, caller.sources).visible(_given("source"))
    except reports.NotFound as error:
        raise NotFound(str(error)) from error


def _given(name: str) -> str | None:
    """A parameter, the last where it is given twice; ``None`` where it isn't given. Others are not looked at."""
    values = request.args.getlist(name)
    return values[-1] if values else None


def _day(name: str) -> date | None:
    """A date parameter; of an ISO time its UTC day."""
    text = _given(name)
    if text is None:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return date.fromisoformat(text)
        if re.match(r"\d{4}-\d\d-\d\d[T ]", text, re.ASCII):
            # A query string turns the plus of an offset into a space.
            at = datetime.fromisoformat(text[:11] + text[11:].replace(" ", "+"))
            return at.astimezone(UTC).date() if at.tzinfo else at.date()
    except (ValueError, OverflowError):
        pass
    raise _Unprocessable("invalid date", name)


def _in_order(first: date | None, last: date | None) -> None:
    if first is not None and last is not None and first > last:
        raise BadInput("from_date must not be after to_date", "from_date")


# -- the rows ------------------------------------------------------------------------------------------


def _campaign(row: CampaignRow) -> Campaign:
    sent, opened, replied, bounced = (
        row.counts[kind].unique for kind in (Kind.SENT, Kind.OPENED, Kind.REPLIED, Kind.BOUNCED)
    )
    return {
        "campaign_id": row.campaign_id or "",
        "campaign_name": row.name or row.campaign_id or "",
        "status": _status(row),
        "total_leads": _leads(row),
        "total_sent": sent,
        "total_opened": opened,
        "total_replied": replied,
        "total_bounced": bounced,
        "open_rate": _rate(opened, sent),
        "reply_rate": _rate(replied, sent),
        "bounce_rate": _rate(bounced, sent),
        "created_at": _whole_second(_created_at(row)),
    }


def _leads(row: CampaignRow) -> int:
    """Recipients to whom anything happened. ColdSend itself knows of leads to whom nothing happened yet: for a source
    of its own, its latest total stands."""
    here = installation()
    if any(source.name == row.source and source.provider == NAME for source in here.settings.sources):
        claimed = [
            (snapshot.read_at, leads)
            for snapshot in here.store.snapshots(row.source, row.campaign_id)
            if isinstance(leads := snapshot.raw.get("total_leads"), int)
        ]
        if claimed:
            return max(claimed)[1]
    return row.marks[Mark.TOUCHED].unique


def _status(row: CampaignRow) -> str:
    """The platform's if it is one of the five words, else by when something was last sent."""
    if row.status in STATUSES:
        return str(row.status)
    if row.last_sent_at is None:
        return "DRAFT"
    return "ACTIVE" if now() - row.last_sent_at <= DAY.total_seconds() * 1000 else "COMPLETED"


def _launched(row: CampaignRow, first: date | None, last: date | None) -> bool:
    """Whether the UTC day of the first send lies between both; one that never was sent is outside of any."""
    if first is None and last is None:
        return True
    if row.first_sent_at is None:
        return False
    day = moment(row.first_sent_at).date()
    return (first is None or first <= day) and (last is None or day <= last)


def _created_at(row: CampaignRow) -> Instant | None:
    return row.first_at if row.created_at is None else row.created_at


def _whole_second(at: Instant | None) -> str | None:
    return None if at is None else moment(at).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _midnight(day: date) -> Instant:
    return instant(datetime.combine(day, datetime.min.time(), UTC))


def _today() -> date:
    return moment(now()).date()


def _rate(part: int, base: int) -> float:
    """A fraction with 4 decimals, ``0.0`` where there is nothing to divide by; always printed with a fraction."""
    return ratio(part, base, 4) or 0.0


# -- the answers ---------------------------------------------------------------------------------------


def _answer(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, content_type="application/json")


def _error(status: int, message: str, exception: Exception) -> Response:
    """The bodies of section 4."""
    match exception:
        case KeyMissing():
            return _answer({"detail": "API key required. Include your API key in X-API-Key header."}, 401)
        case ScopeMissing():
            return _lacking(exception.required, exception.granted)
        case LimitReached():
            answer = _answer({"detail": f"Rate limit exceeded. Retry after {exception.seconds} seconds."}, 429)
            answer.headers["Retry-After"] = str(exception.seconds)
            return answer
        case _Unprocessable():
            said = {"loc": ["query", exception.field], "msg": str(exception), "type": "value_error"}
            return _answer({"detail": [said]}, 422)
    if status == 401:
        return _answer({"detail": "Invalid or revoked API key"}, 401)
    return _answer({"detail": message}, status)


def _lacking(required: Sequence[str], granted: Sequence[str]) -> Response:
    detail: Lacking = {
        "detail": f"Missing required scopes: {', '.join(required)}",
        "error": "insufficient_scopes",
        "required": list(required),
        "granted": list(granted),
    }
    return _answer(detail, 403)


def _with_quota(answer: Response) -> Response:
    if (left := quota()) is not None:
        answer.headers["X-RateLimit-Limit"] = str(left.limit)
        answer.headers["X-RateLimit-Remaining"] = str(left.remaining)
        answer.headers["X-RateLimit-Reset"] = str(left.reset_s)
    return answer
