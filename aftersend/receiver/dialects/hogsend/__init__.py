"""Reports as Hogsend answers them, about any source: everything below ``/v1/admin``.

From the provider file (providers/hogsend.md): §2 for parameters and shapes, §4 for errors, §5 for formulas, §7
"Details for serving" for what the platform's own rows don't settle. What that doesn't settle either:

* ``fromEmail`` is empty, since no other platform tells it; ``campaignId`` takes the platform's own id, not only a UUID;
* a ``userId``, ``campaignId`` or ``templateKey`` that is given but empty matches nothing;
* ids are UUIDs made of our numbers: a message's is the same in every list;
* ``source``, which is ours, may narrow every report.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import msgspec
from flask import Flask, Response, request
from werkzeug.routing import PathConverter

from aftersend.receiver import errors
from aftersend.receiver.auth import CONTACTS, REPORTS
from aftersend.receiver.dialects.endpoint import Endpoint
from aftersend.receiver.dialects.hogsend import answers, emails, export, metrics, reporting, sends, tracking
from aftersend.receiver.dialects.hogsend.desk import LIMITS, NAME, PREFIX, Unknown
from aftersend.receiver.dialects.hogsend.questions import LARGEST_SAFE, Invalid
from aftersend.receiver.gate import KeyExpired, LimitReached, quota
from aftersend.vocabulary import BadInput

__all__ = ["ENDPOINTS", "LIMITS", "NAME", "PREFIX", "SCHEME", "SCOPES", "register"]

SCHEME = "bearer"
SCOPES = {"full-admin": (REPORTS, CONTACTS)}
"""The one scope of the platform that opens its reports (§1) → ours."""

ERRORS = {
    400: answers.Validation,
    401: answers.Refusal,
    403: answers.Refusal,
    404: answers.Refusal,
    429: answers.Refusal,
    503: answers.Refusal,
}
SENTENCES = {
    401: "Unauthorized",
    403: "Forbidden: insufficient scope",
    404: "Not Found",
    429: "Rate limit exceeded",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time", "description": "UTC, with Z; inclusive"}
_SOURCE = {"source": {"type": "string", "description": "Ours: only this source"}}
_WINDOW = {"from": _TIME, "to": _TIME}
_PAGE = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
    "offset": {"type": "integer", "minimum": 0, "maximum": LARGEST_SAFE, "default": 0},
}


def _option(options: Any, default: str | None = None) -> dict[str, Any]:
    return {"type": "string", "enum": list(options), **({"default": default} if default else {})}


VIEWS: tuple[tuple[Callable[..., Any], Endpoint], ...] = (
    (
        reporting.template,
        Endpoint(
            path=f"{PREFIX}/reporting/templates/{{templateKey}}",
            summary="Totals and series of one template, by the time its sends were created",
            parameters={
                "templateKey": _TEXT,
                **_WINDOW,
                "granularity": _option(reporting.UNITS, "day"),
                **_SOURCE,
            },
            answer=answers.TemplateReport,
            errors=ERRORS,
        ),
    ),
    (
        reporting.activity,
        Endpoint(
            path=f"{PREFIX}/reporting/contacts/{{id}}/activity",
            summary="A contact's sends, newest first",
            parameters={
                "id": {"type": "string", "description": "External id, contact id or email address"},
                **_PAGE,
                **_SOURCE,
            },
            answer=answers.ContactActivity,
            errors=ERRORS,
        ),
    ),
    (
        export.export,
        Endpoint(
            path=f"{PREFIX}/reporting/sends/export",
            summary="The send log as CSV, newest first, at most 50,000 rows",
            parameters={
                "templateKey": _TEXT,
                "category": _TEXT,
                "status": _option((*sends.STATUSES, "suppressed")),
                "userId": _TEXT,
                "engagement": {"type": "string", "description": f"{', '.join(sends.ENGAGEMENTS)}; others are ignored"},
                "from": {"type": "string", "description": "A date or time; inclusive"},
                "to": {"type": "string", "description": "A date or time; inclusive"},
                **_SOURCE,
            },
            answer=str,
            media="text/csv",
            errors=ERRORS,
        ),
    ),
    (
        emails.log,
        Endpoint(
            path=f"{PREFIX}/emails",
            summary="The send log",
            parameters={
                **_PAGE,
                "toEmail": _TEXT,
                "templateKey": _TEXT,
                "category": _TEXT,
                "status": _option(sends.STATUSES),
                "journeyId": _TEXT,
                "campaignId": _TEXT,
                "userId": _TEXT,
                "engagement": _option(sends.ENGAGEMENTS),
                "sort": _option(emails.SORTS, "createdAt"),
                "order": _option(emails.ORDERS, "desc"),
                **_WINDOW,
                **_SOURCE,
            },
            answer=answers.EmailLog,
            errors=ERRORS,
        ),
    ),
    (
        emails.one,
        Endpoint(
            path=f"{PREFIX}/emails/{{id}}",
            summary="One send, with its timeline and links",
            parameters={"id": {"type": "string", "format": "uuid"}, **_SOURCE},
            answer=answers.EmailDetail,
            errors=ERRORS,
        ),
    ),
    (
        metrics.overview,
        Endpoint(
            path=f"{PREFIX}/metrics/overview",
            summary="Contacts, sends and rates of the last days",
            parameters=_SOURCE,
            answer=answers.Overview,
            errors=ERRORS,
        ),
    ),
    (
        metrics.templates,
        Endpoint(
            path=f"{PREFIX}/metrics/emails",
            summary="Every template's figures",
            parameters={**_WINDOW, "includeUntemplated": _option(("true", "false"), "false"), **_SOURCE},
            answer=answers.TemplateMetrics,
            errors=ERRORS,
        ),
    ),
    (
        metrics.deliverability,
        Endpoint(
            path=f"{PREFIX}/metrics/emails/deliverability",
            summary="Deliveries, bounces and complaints by the time sends were created; default: the last 30 days",
            parameters={"period": _option(metrics.PERIODS, "day"), **_WINDOW, **_SOURCE},
            answer=answers.Deliverability,
            errors=ERRORS,
        ),
    ),
    (
        metrics.events,
        Endpoint(
            path=f"{PREFIX}/metrics/events",
            summary="Opens, clicks and replies by their own time; default: the last 30 days",
            parameters={"granularity": _option(metrics.GRANULARITIES, "day"), **_WINDOW, **_SOURCE},
            answer=answers.EventMetrics,
            errors=ERRORS,
        ),
    ),
    (
        metrics.journeys,
        Endpoint(
            path=f"{PREFIX}/metrics/journeys",
            summary="Journeys: none",
            parameters=_SOURCE,
            answer=answers.Journeys,
            errors=ERRORS,
        ),
    ),
    (
        metrics.journey,
        Endpoint(
            path=f"{PREFIX}/metrics/journeys/{{id}}",
            summary="A journey's funnel: there is none",
            parameters={"id": _TEXT, **_SOURCE},
            answer=answers.JourneyFunnel,
            errors=ERRORS,
        ),
    ),
    (
        metrics.campaign,
        Endpoint(
            path=f"{PREFIX}/campaigns/{{id}}/stats",
            summary="What became of a campaign's sends",
            parameters={"id": {"type": "string", "description": "The platform's id of the campaign"}, **_SOURCE},
            answer=answers.CampaignStats,
            errors=ERRORS,
        ),
    ),
    (
        tracking.hits,
        Endpoint(
            path=f"{PREFIX}/events",
            summary="Every open, click and reply, newest first",
            parameters={
                **_PAGE,
                "userId": _TEXT,
                "event": _TEXT,
                "source": {"type": "string", "description": "tracking, or one of ours"},
                **_WINDOW,
            },
            answer=answers.Hits,
            errors=ERRORS,
        ),
    ),
)
ENDPOINTS = tuple(endpoint for _, endpoint in VIEWS)


class Key(PathConverter):
    """An id in a path: any text, with slashes anywhere."""

    part_isolating = False
    regex = "(?s:.+?)"


def register(app: Flask) -> None:
    """Serve the reports, and Hogsend's form of error at and below its prefix."""
    app.url_map.converters[f"{NAME}_key"] = Key
    for view, endpoint in VIEWS:
        app.add_url_rule(
            re.sub(r"{(\w+)}", rf"<{NAME}_key:\1>", endpoint.path),
            f"{NAME}.{view.__module__.rpartition('.')[2]}.{view.__name__}",
            _answering(view),
            methods=["GET"],
            provide_automatic_options=False,
            merge_slashes=False,
        )
    app.after_request(_finish)
    errors.register_dialect(app, PREFIX, _error)


def _answering(view: Callable[..., Any]) -> Callable[..., Response]:
    def answer(**path: str) -> Response:
        told = view(*path.values())
        return told if isinstance(told, Response) else _json(told)

    return answer


def _json(body: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, content_type="application/json")


def _error(status: int, message: str, exception: Exception) -> Response:
    match exception:
        case Invalid():
            return _json(exception.body(), 400)
        case KeyExpired():
            return _json({"error": "API key expired"}, 401)
        case Unknown():
            return _json({"error": exception.description}, 404)
        case LimitReached():
            answer = _json({"error": SENTENCES[429]}, 429)
            answer.headers["Retry-After"] = str(exception.seconds)
            return answer
        case BadInput():
            issue = {"code": "custom", "path": [exception.field or ""], "message": message}
            return _json(Invalid([issue]).body(), 400)
    if status == 405:
        # There is no 405 here (§1).
        status = 404
    return _json({"error": SENTENCES.get(status, message)}, status)


def _finish(response: Response) -> Response:
    """The headers that stand on every answer (§1)."""
    if request.path != PREFIX and not request.path.startswith(f"{PREFIX}/"):
        return response
    response.headers["X-Request-Id"] = str(uuid4())
    response.headers.pop("Allow", None)
    if left := quota():
        response.headers["X-RateLimit-Limit"] = str(left.limit)
        response.headers["X-RateLimit-Remaining"] = str(left.remaining)
    return response
