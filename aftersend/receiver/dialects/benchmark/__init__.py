"""Reports as Benchmark Email's v1 answers them, about any source (providers/benchmark-email.md).

Section 2 has shapes and parameters, section 4 errors and limits, section 6 the formulas, and section 10, the serving
checklist, everything the platform leaves open. Here are the doors; :mod:`.account` and :mod:`.campaigns` have the
reports, :mod:`.desk` what is counted, :mod:`.period` the calendar, :mod:`.shares` the percentages.

``source``, which is ours, narrows every endpoint. One that doesn't exist, or not for the caller, is a 404.
"""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Flask, Response
from werkzeug.exceptions import NotFound

from aftersend.receiver import errors, reports
from aftersend.receiver.auth import CONTACTS, REPORTS, Caller
from aftersend.receiver.dialects.benchmark import account, answers, campaigns
from aftersend.receiver.dialects.benchmark.desk import Desk
from aftersend.receiver.dialects.benchmark.period import Period, past
from aftersend.receiver.dialects.benchmark.questions import choice, given, time_zone, whole
from aftersend.receiver.dialects.endpoint import Endpoint
from aftersend.receiver.figures import configured
from aftersend.receiver.gate import Gate, KeyExpired, LimitReached, ScopeMissing, from_key_header, quota
from aftersend.receiver.installation import installation
from aftersend.receiver.reports import Reports
from aftersend.vocabulary import BadInput, now

NAME = "benchmark"
PREFIX = "/api/reports"
CAMPAIGNS = "/api/email"
"""Where campaigns are listed; errors at and below both prefixes are Benchmark's."""
SCHEME = "key"
LIMITS = "3600/hour"
"""The platform's (§4.2), which counts per account what is counted per key here."""
SCOPES = {"reports:read": (REPORTS,), "campaigns:read": (REPORTS,), "contacts:read": (CONTACTS,)}
"""The platform's scopes that reports need (§1) → ours."""

_REPORTS = Gate(NAME, from_key_header, {REPORTS: "reports:read"}, limits=LIMITS)
_CAMPAIGNS = Gate(NAME, from_key_header, {REPORTS: "campaigns:read"}, limits=LIMITS)
"""Benchmark has a scope of its own for the list (§1); both gates count together."""

LONGEST = 90
"""Days that a report looks back (§2)."""
DEFAULT_PAGE, LARGEST_PAGE = 25, 100
LONGEST_CRITERIA = 50
ERROR_TYPES = {
    400: "ValidationError",
    401: "UnauthorizedError",
    403: "ForbiddenError",
    404: "RecordNotFound",
    405: "MethodNotAllowedError",
    429: "TooManyRequestsError",
    503: "ServiceUnavailableError",
}
"""Those up to 429 but 405 are the platform's (§4.1)."""


def register(app: Flask) -> None:
    """Serve the five reports and the list, and Benchmark's form of error at and below both prefixes."""
    blueprint = Blueprint(NAME, __name__)
    for path, view in (
        (f"{PREFIX}/dashboard", _dashboard),
        (f"{PREFIX}/email/overall", _overall),
        (f"{PREFIX}/email/overall/histogram", _histogram),
        (f"{PREFIX}/email/<path:campaign_id>", _report),
        (f"{PREFIX}/email/<path:campaign_id>/engagement", _engagement),
        (f"{CAMPAIGNS}/campaign", _list),
        (f"{CAMPAIGNS}/campaign/<path:campaign_id>", _campaign),
    ):
        # Ids of other platforms may hold slashes, also two in a row.
        blueprint.add_url_rule(path, view_func=view, methods=["GET"], merge_slashes=False)
    blueprint.after_request(_with_quota)
    app.register_blueprint(blueprint)
    errors.register_dialect(app, PREFIX, _error)
    errors.register_dialect(app, CAMPAIGNS, _error)


# -- the endpoints -------------------------------------------------------------------------------------


def _dashboard() -> Response:
    caller = _REPORTS.enter(REPORTS)
    period = _period()
    return _answer(account.dashboard(_desk(caller), period))


def _overall() -> Response:
    caller = _REPORTS.enter(REPORTS)
    period = _period()
    return _answer(account.overall(_desk(caller), period))


def _histogram() -> Response:
    caller = _REPORTS.enter(REPORTS)
    period = _period()
    event_type = choice("eventType", account.EVENT_TYPES)
    return _answer(account.histogram(_desk(caller), period, event_type))


def _report(campaign_id: str) -> Response:
    caller = _REPORTS.enter(REPORTS)
    return _answer(campaigns.report(_desk(caller), campaign_id))


def _engagement(campaign_id: str) -> Response:
    caller = _REPORTS.enter(REPORTS)
    window = choice("period", campaigns.WINDOWS, "24hours")
    zone = time_zone()
    return _answer(campaigns.engagement(_desk(caller), campaign_id, window, zone))


def _list() -> Response:
    caller = _CAMPAIGNS.enter(REPORTS)
    question = _listing()
    return _answer(campaigns.listing(_desk(caller), question))


def _campaign(campaign_id: str) -> Response:
    caller = _CAMPAIGNS.enter(REPORTS)
    return _answer(campaigns.one(_desk(caller), campaign_id))


# -- what is asked -------------------------------------------------------------------------------------


def _period() -> Period:
    return past(whole("pastDays", 1, LONGEST), time_zone(), now())


def _listing() -> campaigns.Listing:
    page, size = whole("page", 1, default=1), whole("size", 1, LARGEST_PAGE, DEFAULT_PAGE)
    status = None if given("statuses") is None else choice("statuses", campaigns.STATUSES)
    field, _, direction = _sort().partition(":")
    criteria = given("criteria") or ""
    if len(criteria) > LONGEST_CRITERIA:
        raise BadInput(f"criteria must have at most {LONGEST_CRITERIA} characters", "criteria")
    return campaigns.Listing(page, size, field, direction == "desc", status, criteria)


def _sort() -> str:
    return choice("sort", [f"{field}:{way}" for field in campaigns.SORTS for way in ("asc", "desc")], "createdAt:desc")


def _desk(caller: Caller) -> Desk:
    """After the parameters of the platform: a 400 comes before a 404 (§10)."""
    here = installation()
    name = given("source")
    try:
        sources = Reports(here.store, here.settings, caller.sources).visible(name)
    except reports.NotFound as error:
        raise NotFound("Source not found") from error
    return Desk(here.store, configured(here.settings.sources), sources)


# -- what is answered ----------------------------------------------------------------------------------


def _answer(body: Any) -> Response:
    return Response(msgspec.json.encode(body), content_type="application/json; charset=utf-8")


def _with_quota(response: Response) -> Response:
    left = quota()
    if left is not None:
        response.headers["X-RateLimit-Limit"] = str(left.limit)
        response.headers["X-RateLimit-Remaining"] = str(left.remaining)
        response.headers["X-RateLimit-Reset"] = str(left.reset_s)
    return response


def _error(status: int, message: str, exception: Exception) -> Response:
    error: answers.Error = {
        "errorType": ERROR_TYPES.get(status, "InternalServerError" if status >= 500 else "ValidationError"),
        "message": _sentence(status, message, exception),
    }
    if isinstance(exception, BadInput) and exception.field is not None:
        error["field"] = exception.field
    body: answers.Errors = {"errors": [error]}
    return Response(msgspec.json.encode(body), status, content_type="application/json; charset=utf-8")


def _sentence(status: int, message: str, exception: Exception) -> str:
    """The platform's words (§4.1), which don't tell a missing key from an unknown one."""
    match exception:
        case KeyExpired():
            return "API key expired"
        case ScopeMissing():
            return f"API key missing required scope: {exception.lacking}"
        case LimitReached():
            return f"Rate limit exceeded. Retry after {exception.seconds} seconds."
    return "Invalid API key" if status == 401 else message


# -- what /openapi.json says ---------------------------------------------------------------------------

_TEXT = {"type": "string"}
_ID = {"campaign_id": {"type": "string", "minLength": 1, "description": "The platform's id of the campaign"}}
_SOURCE = {"source": {"type": "string", "description": "Only this source"}}
_ZONE = {"timezone": {"type": "string", "default": "UTC", "description": "IANA name of a time zone"}}
_DAYS = {"pastDays": {"type": "integer", "minimum": 1, "maximum": LONGEST, "description": "Today and days before it"}}
_ERRORS = dict.fromkeys((400, 401, 403, 404, 429, 503), answers.Errors)
_HEADERS = {
    "X-RateLimit-Limit": "Calls that the key may make in an hour",
    "X-RateLimit-Remaining": "How many of them are left",
    "X-RateLimit-Reset": "When the oldest call leaves the hour, in Unix seconds",
}

ENDPOINTS = (
    Endpoint(
        path=f"{PREFIX}/dashboard",
        summary="What was mailed, beside the period before, and how many contacts are known",
        parameters={**_DAYS, **_ZONE, **_SOURCE},
        required=("pastDays",),
        answer=answers.Dashboard,
        errors=_ERRORS,
        headers=_HEADERS,
    ),
    Endpoint(
        path=f"{PREFIX}/email/overall",
        summary="Every figure of a period, beside the period before",
        parameters={**_DAYS, **_ZONE, **_SOURCE},
        required=("pastDays",),
        answer=answers.Overall,
        errors=_ERRORS,
        headers=_HEADERS,
    ),
    Endpoint(
        path=f"{PREFIX}/email/overall/histogram",
        summary="One type of event, day by day",
        parameters={**_DAYS, "eventType": {**_TEXT, "enum": [*account.EVENT_TYPES]}, **_ZONE, **_SOURCE},
        required=("pastDays", "eventType"),
        answer=answers.Histogram,
        errors=_ERRORS,
        headers=_HEADERS,
    ),
    Endpoint(
        path=f"{PREFIX}/email/{{campaign_id}}",
        summary="A campaign's whole life, with its links",
        parameters={**_ID, **_SOURCE},
        answer=answers.CampaignReport,
        errors=_ERRORS,
        headers=_HEADERS,
    ),
    Endpoint(
        path=f"{PREFIX}/email/{{campaign_id}}/engagement",
        summary="First opens and clicks from a campaign's first send on",
        parameters={
            **_ID,
            "period": {**_TEXT, "enum": [*campaigns.WINDOWS], "default": "24hours"},
            **_ZONE,
            **_SOURCE,
        },
        answer=answers.Engagement,
        errors=_ERRORS,
        headers=_HEADERS,
    ),
    Endpoint(
        path=f"{CAMPAIGNS}/campaign",
        summary="The campaigns there are, with their ids",
        parameters={
            "page": {"type": "integer", "minimum": 1, "default": 1},
            "size": {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": DEFAULT_PAGE},
            "statuses": {**_TEXT, "enum": [*campaigns.STATUSES]},
            "sort": {
                **_TEXT,
                "pattern": f"^({'|'.join(campaigns.SORTS)}):(asc|desc)$",
                "default": "createdAt:desc",
            },
            "criteria": {**_TEXT, "maxLength": LONGEST_CRITERIA, "description": "Text in the name or the subject"},
            **_SOURCE,
        },
        answer=answers.CampaignList,
        errors=_ERRORS,
        headers=_HEADERS,
    ),
    Endpoint(
        path=f"{CAMPAIGNS}/campaign/{{campaign_id}}",
        summary="One campaign",
        parameters={**_ID, **_SOURCE},
        answer=answers.Campaign,
        errors=_ERRORS,
        headers=_HEADERS,
    ),
)
