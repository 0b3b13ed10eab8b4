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
from werkzeug.exceptions import Forbidden, HTTPException, NotFound, Unauthorized

from aftersend.receiver import answers, auth, params, questions, reports
from aftersend.receiver.auth import CONTACTS, REPORTS, Caller
from aftersend.receiver.installation import installation
from aftersend.receiver.reports import Reports


class Route(msgspec.Struct, frozen=True):
    """One report at one address."""

    path: str
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
        "/v1/campaigns",
        questions.CampaignsQuestion,
        answers.CampaignsAnswer,
        Reports.campaigns,
        _COUNTS,
        "Campaigns with their lifetime counts, newest first",
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
        "/v1/events/<id>",
        questions.EventQuestion,
        answers.EventAnswer,
        Reports.event,
        _ROWS,
        "One event, with every delivery that told of it",
    ),
)


def register(app: Flask) -> None:
    """Serve every route of the table."""
    blueprint = Blueprint("v1", __name__)
    for route in ROUTES:
        blueprint.add_url_rule(route.path, route.path, _view(route), methods=["GET"])
    app.register_blueprint(blueprint)


def _view(route: Route) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        caller = _caller(route.scopes)
        question = params.decode(MultiDict([*request.args.items(multi=True), *path.items()]), route.question)
        here = installation()
        desk = Reports(here.store, here.settings, caller.sources, caller.key.id)
        try:
            answer = route.report(desk, question)
        except reports.NotFound as error:
            raise _refused(NotFound, str(error), error.field) from error
        return Response(msgspec.json.encode(answer), content_type="application/json")

    return view


def _caller(scopes: tuple[str, ...]) -> Caller:
    """Who asks. Raises 401 without a valid key, 403 where the key lacks one of the scopes."""
    secret = auth.secret_of(request.headers)
    if not secret:
        raise Unauthorized("Give an API key in X-API-Key, or in Authorization: Bearer.")
    caller = auth.authenticate(installation().store, secret)
    if caller is None:
        raise Unauthorized("This API key is unknown, expired or revoked.")
    if lacking := caller.lacks(*scopes):
        raise Forbidden(f"This API key lacks the scope {lacking}.")
    return caller


def _refused(kind: type[HTTPException], message: str, field: str | None) -> HTTPException:
    """An HTTP error that names the field it speaks of, as the error envelope does."""
    error = kind(message)
    error.field = field  # type: ignore[attr-defined]
    return error
