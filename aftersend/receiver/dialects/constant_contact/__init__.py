"""Reports as Constant Contact's V3 API answers them, about any source (providers/constant-contact.md).

Section 3 has the shapes, 5 the errors and limits, 7 the formulas, and section 11, the serving checklist, everything
the platform leaves open. Here are the doors; :mod:`.statistics`, :mod:`.tracking` and :mod:`.contacts` have the
reports, :mod:`.desk` what an id means.

``source``, which is ours, narrows every endpoint; one that doesn't exist, or not for the caller, is a 404. Where
the file is silent: 429 is a single object, as 401 and 403 are, since the same gateway answers; ``activity_summary``
counts all that ever came of the activities sent in the window.
"""

from __future__ import annotations

from typing import Any, TypedDict

import msgspec
from flask import Blueprint, Flask, Response

from aftersend.receiver import errors
from aftersend.receiver.auth import CONTACTS, REPORTS
from aftersend.receiver.dialects.constant_contact import contacts, statistics, tracking
from aftersend.receiver.dialects.constant_contact.desk import LIMITS, NAME, PREFIX, SCOPES, Unknown, enter
from aftersend.receiver.dialects.endpoint import Endpoint
from aftersend.receiver.gate import LimitReached, ScopeMissing
from aftersend.vocabulary import BadInput

__all__ = ["ENDPOINTS", "LIMITS", "NAME", "PREFIX", "SCHEME", "SCOPES", "register"]

SCHEME = "bearer"


class Error(TypedDict):
    error_key: str
    error_message: str


_TEXT: dict[str, Any] = {"type": "string"}
_OURS = {"source": _TEXT, "next": {"type": "string", "description": "Opaque, from _links.next.href."}}
_TIME = {"type": "string", "description": "ISO 8601 with Z or an offset."}
_ERRORS: dict[int, Any] = {
    400: list[Error],
    401: Error,
    403: Error,
    404: list[Error],
    429: Error,
    503: list[Error],
}


def _limit(most: int, default: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": most, "default": default}


def _tracking(name: str) -> Endpoint:
    more: dict[str, Any] = {}
    if name == "bounces":
        more["bounce_code"] = {"type": "array", "items": {"type": "string", "enum": list("BDFSVXZ")}}
    if name == "clicks":
        more["url_id"] = {"type": "string", "pattern": "^-?[0-9]{1,400}$"}
    return Endpoint(
        path=f"{PREFIX}/email_reports/{{campaign_activity_id}}/tracking/{name}",
        summary=f"The list of {name}, most recent first",
        parameters={"campaign_activity_id": _TEXT, "limit": _limit(500, 500), **more, **_OURS},
        answer=tracking.TrackingActivities,
        errors=_ERRORS,
    )


ENDPOINTS = (
    Endpoint(
        path=statistics.SUMMARIES,
        summary="Unique counts of campaigns, the last sent first",
        parameters={"limit": _limit(500, 50), **_OURS},
        answer=statistics.Summaries,
        errors=_ERRORS,
    ),
    Endpoint(
        path=f"{PREFIX}/stats/email_campaigns/{{campaign_ids}}",
        summary="Statistics of up to 150 campaigns",
        parameters={"campaign_ids": _TEXT, "source": _TEXT},
        answer=statistics.CampaignsStats,
        errors=_ERRORS,
    ),
    Endpoint(
        path=f"{PREFIX}/stats/email_campaign_activities/{{campaign_activity_ids}}",
        summary="Statistics of up to 10 campaign activities",
        parameters={"campaign_activity_ids": _TEXT, "source": _TEXT},
        answer=statistics.ActivitiesStats,
        errors=_ERRORS,
    ),
    *(_tracking(name) for name in tracking.LISTS),
    Endpoint(
        path=f"{PREFIX}/email_reports/{{campaign_activity_id}}/links",
        summary="The links of an activity that were clicked",
        parameters={
            "campaign_activity_id": _TEXT,
            "no_clicks": {"type": "string", "enum": ["true", "false"], "default": "false"},
            "source": _TEXT,
        },
        answer=tracking.LinkCounts,
        errors=_ERRORS,
    ),
    Endpoint(
        path=f"{PREFIX}/contact_reports/{{contact_id}}/activity_details",
        summary="What happened to a contact, most recent first",
        parameters={
            "contact_id": _TEXT,
            "tracking_activities_list": {"type": "string", "description": "Between commas."},
            "tracking_activity_type": {"type": "array", "items": {"type": "string", "enum": list(contacts.TYPES)}},
            "include_campaign_activity_names": {"type": "string", "enum": ["true", "false"], "default": "true"},
            "limit": _limit(100, 100),
            **_OURS,
        },
        answer=contacts.Details,
        errors=_ERRORS,
    ),
    Endpoint(
        path=f"{PREFIX}/contact_reports/{{contact_id}}/activity_summary",
        summary="The activities sent to a contact, with what came of each",
        parameters={"contact_id": _TEXT, "start": _TIME, "end": _TIME, **_OURS},
        answer=contacts.ContactSummary,
        errors=_ERRORS,
    ),
    Endpoint(
        path=f"{PREFIX}/contact_reports/{{contact_id}}/open_and_click_rates",
        summary="How many activities a contact opened and clicked",
        parameters={"contact_id": _TEXT, "start": _TIME, "end": _TIME, "source": _TEXT},
        required=("start", "end"),
        answer=contacts.ContactRates,
        errors=_ERRORS,
    ),
)


def register(app: Flask) -> None:
    """Serve the reports, and Constant Contact's form of error at and below its prefix."""
    blueprint = Blueprint(NAME, __name__)
    activity = f"{PREFIX}/email_reports/<path:campaign_activity_id>"
    contact = f"{PREFIX}/contact_reports/<path:contact_id>"
    # Ids of other platforms may hold slashes, also two in a row.
    for path, view in (
        (statistics.SUMMARIES, _summaries),
        (f"{PREFIX}/stats/email_campaigns/<path:campaign_ids>", _campaigns),
        (f"{PREFIX}/stats/email_campaign_activities/<path:campaign_activity_ids>", _activities),
        (f"{activity}/links", _links),
        (f"{contact}/activity_details", _details),
        (f"{contact}/activity_summary", _summary),
        (f"{contact}/open_and_click_rates", _rates),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=["GET"], merge_slashes=False)
    for name in tracking.LISTS:
        blueprint.add_url_rule(
            f"{activity}/tracking/{name}", name, _tracked, defaults={"name": name}, methods=["GET"], merge_slashes=False
        )
    app.register_blueprint(blueprint)
    errors.register_dialect(app, PREFIX, _error)


def _summaries() -> Response:
    return _answer(statistics.summaries(enter(REPORTS)))


def _campaigns(campaign_ids: str) -> Response:
    return _answer(statistics.of_campaigns(enter(REPORTS), campaign_ids))


def _activities(campaign_activity_ids: str) -> Response:
    return _answer(statistics.of_activities(enter(REPORTS), campaign_activity_ids))


def _tracked(campaign_activity_id: str, name: str) -> Response:
    return _answer(tracking.tracking(enter(REPORTS, CONTACTS), campaign_activity_id, name))


def _links(campaign_activity_id: str) -> Response:
    return _answer(tracking.links(enter(REPORTS), campaign_activity_id))


def _details(contact_id: str) -> Response:
    return _answer(contacts.details(enter(REPORTS, CONTACTS), contact_id))


def _summary(contact_id: str) -> Response:
    return _answer(contacts.summary(enter(REPORTS, CONTACTS), contact_id))


def _rates(contact_id: str) -> Response:
    return _answer(contacts.rates(enter(REPORTS, CONTACTS), contact_id))


def _answer(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, content_type="application/json")


_KEYS = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 503: "service_unavailable"}


def _error(status: int, message: str, exception: Exception) -> Response:
    """Single objects for what the gateway refuses, arrays of one for the rest (5.1)."""
    match exception:
        case ScopeMissing():
            return _answer({"error_key": "forbidden", "error_message": str(exception.description)}, 403)
        case LimitReached():
            daily = exception.window == "day"
            key, said = ("quota_exceeded", "Limit Exceeded") if daily else ("throttled", "Too Many Requests")
            return _answer({"error_key": key, "error_message": said}, 429)
        case Unknown():
            return _answer([{"error_key": exception.key, "error_message": message}], status)
        case BadInput():
            key = f"reportingsvc.bad_request.invalid_param.{exception.field}."
            return _answer([{"error_key": key, "error_message": message}], status)
    if status == 401:
        return _answer({"error_key": "unauthorized", "error_message": "Unauthorized"}, 401)
    key = f"reportingsvc.{_KEYS.get(status, 'internal_error')}."
    return _answer([{"error_key": key, "error_message": message}], status)
