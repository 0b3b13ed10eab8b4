"""Our own API, ``/v1/…``: one table of routes, from which the views and ``/openapi.json`` are made.

``reports:read`` opens aggregates; rows with addresses also need ``contacts:read``. For a key that is limited
to sources the others don't exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound
from werkzeug.routing import BaseConverter

from aftersend.receiver import answers, auth, params, questions, reports
from aftersend.receiver.auth import CONTACTS, REPORTS
from aftersend.receiver.gate import Gate
from aftersend.receiver.installation import installation
from aftersend.receiver.reports import Reports


class Route(msgspec.Struct, frozen=True):
    """One report at one address."""

    path: str
    """As OpenAPI writes it: ``/v1/events/{id}``."""
    question: type[msgspec.Struct]
    answer: Any
    """A TypedDict."""
    report: Callable[[Reports, Any], Any]
    scopes: tuple[str, ...]
    summary: str


_COUNTS, _ROWS = (REPORTS,), (REPORTS, CONTACTS)

ROUTES = (
    Route(
        "/v1/funnel",
        questions.FunnelQuestion,
        answers.FunnelAnswer,
        Reports.funnel,
        _COUNTS,
        "Counts per kind, and rates",
    ),
    Route(
        "/v1/timeline",
        questions.TimelineQuestion,
        answers.TimelineAnswer,
        Reports.timeline,
        _COUNTS,
        "The funnel of every hour, day, week or month",
    ),
    Route(
        "/v1/dashboard",
        questions.DashboardQuestion,
        answers.DashboardAnswer,
        Reports.dashboard,
        _COUNTS,
        "A range of days beside the one before it, and what changed",
    ),
    Route(
        "/v1/campaigns",
        questions.CampaignsQuestion,
        answers.CampaignsAnswer,
        Reports.campaigns,
        _COUNTS,
        "Campaigns with their lifetime counts, newest first",
    ),
    Route(
        "/v1/campaigns/{campaign_id}",
        questions.CampaignQuestion,
        answers.CampaignDetailAnswer,
        Reports.campaign,
        _COUNTS,
        "One campaign: links, devices, bounces, engagement, and what its platform claims",
    ),
    Route(
        "/v1/campaign",
        questions.CampaignQuestion,
        answers.CampaignDetailAnswer,
        Reports.campaign,
        _COUNTS,
        "The same, for an id that a path can't carry",
    ),
    Route(
        "/v1/templates",
        questions.TemplatesQuestion,
        answers.TemplatesAnswer,
        Reports.templates,
        _COUNTS,
        "Templates, with what became of the messages made of them",
    ),
    Route(
        "/v1/doors",
        questions.DoorsQuestion,
        answers.DoorsAnswer,
        Reports.doors,
        _COUNTS,
        "What webhooks and feeds each brought, by source and day, and what one of them lost",
    ),
    Route(
        "/v1/snapshots",
        questions.SnapshotsQuestion,
        answers.SnapshotsAnswer,
        Reports.snapshots,
        _COUNTS,
        "What platforms claim of each campaign, beside what we know",
    ),
    Route(
        "/v1/sources",
        questions.SourcesQuestion,
        answers.SourcesAnswer,
        lambda desk, _question: desk.list_sources(),
        _COUNTS,
        "Sources and feeds: how far read, and what is wrong",
    ),
    Route(
        "/v1/sent",
        questions.ListQuestion,
        answers.ListAnswer,
        Reports.sent,
        _ROWS,
        "What was sent, newest first",
    ),
    Route(
        "/v1/undelivered",
        questions.UndeliveredQuestion,
        answers.ListAnswer,
        Reports.undelivered,
        _ROWS,
        "What never arrived: dropped, bounced or failed, newest first",
    ),
    Route(
        "/v1/activities",
        questions.ActivitiesQuestion,
        answers.ListAnswer,
        Reports.activities,
        _ROWS,
        "Everything that happened, newest first",
    ),
    Route(
        "/v1/recent",
        questions.RecentQuestion,
        answers.RecentAnswer,
        Reports.recent,
        _ROWS,
        "What was stored since the last call, each row once; at first, the last seven days",
    ),
    Route(
        "/v1/contacts",
        questions.ContactsQuestion,
        answers.ContactsAnswer,
        Reports.contacts,
        _ROWS,
        "Contacts by external id, contact id or address, with what happened to each",
    ),
    Route(
        "/v1/events/{id}",
        questions.EventQuestion,
        answers.EventAnswer,
        Reports.event,
        _ROWS,
        "One event, with every delivery that told of it",
    ),
)


class _AnyId(BaseConverter):
    """An id of a platform's in a path: whatever it holds, slashes too."""

    regex = ".+"
    part_isolating = False


_GATE = Gate("v1", auth.secret_of)


def register(app: Flask) -> None:
    """Serve every route of the table."""
    app.url_map.converters["any_id"] = _AnyId
    blueprint = Blueprint("v1", __name__)
    for route in ROUTES:
        rule = route.path.replace("{", "<any_id:").replace("}", ">")
        blueprint.add_url_rule(rule, route.path, _view(route), methods=["GET"])
    app.register_blueprint(blueprint)


def _view(route: Route) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        caller = _GATE.enter(*route.scopes)
        question = params.decode(MultiDict([*request.args.items(multi=True), *path.items()]), route.question)
        here = installation()
        desk = Reports(here.store, here.settings, caller.sources, caller.key.id)
        try:
            answer = route.report(desk, question)
        except reports.NotFound as error:
            raise _not_found(error) from error
        return Response(msgspec.json.encode(answer), content_type="application/json")

    return view


def _not_found(error: reports.NotFound) -> NotFound:
    """A 404 that names the field it speaks of, as the error envelope does."""
    found = NotFound(str(error))
    found.field = error.field  # type: ignore[attr-defined]
    return found
