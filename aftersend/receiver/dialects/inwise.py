"""Reports as inwise answers them: five endpoints, about any source.

From the provider file (providers/inwise.md): section 2 for shapes and parameters; section 7, "Emulation
checklist" and "Details for serving", for everything inwise leaves open. What it doesn't settle either:

* lists are ordered by (time, our own id) rather than (time, printed id), so that rows of the same instant
  keep their places from page to page, also where two sources number their rows alike;
* ``contact_id`` falls back to the lower-cased address; an id that isn't known at all is omitted;
* the summary's ``onsite`` counts visits of every channel, since inwise's own come through the site;
* ``source``, which is ours, may narrow every endpoint. The read position is then one per key and source asked,
  so that reading one source takes nothing away from another.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, NotRequired, TypedDict

import msgspec
from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import NotFound

from aftersend import zones
from aftersend.providers import PROVIDERS, provider_of
from aftersend.receiver import errors, readers, reports
from aftersend.receiver.auth import CONTACTS, REPORTS, Caller
from aftersend.receiver.dialects.endpoint import Endpoint
from aftersend.receiver.gate import Gate, KeyExpired, KeyMissing, KeyUnknown, ScopeMissing, from_key_header
from aftersend.receiver.installation import installation
from aftersend.receiver.reports import Reports
from aftersend.settings import Settings
from aftersend.storage.contract import EventRow, Filter, Funnel, Store
from aftersend.vocabulary import BadInput, Channel, Instant, Kind, now

PREFIX = "/rest/v1"
BASE = f"{PREFIX}/campaigns/email"
NAME = "inwise"
SCHEME = "key"
LIMITS = "off"
"""inwise documents no limit (section 8)."""
SCOPES: dict[str, tuple[str, ...]] = {}
"""inwise has no scopes (section 1)."""
WEEK = 7 * 86_400_000
DEFAULT_PAGE, LARGEST_PAGE = 100, 1000
READ_AHEAD = 1000

WORDS: dict[str, tuple[Kind, bool | None]] = {
    "emailOpened": (Kind.OPENED, None),
    "emailClicked": (Kind.CLICKED, None),
    "emailBounced": (Kind.BOUNCED, None),
    "emailUnsubscribed": (Kind.UNSUBSCRIBED, None),
    "emailWebVersion": (Kind.WEB_VIEWED, False),
    "emailPublicWebVersion": (Kind.WEB_VIEWED, True),
    "emailPrinted": (Kind.PRINTED, None),
}
"""``action_type`` (2.2) → our kind, and whether the event must (not) be public."""
PRINTED = {kind: word for word, (kind, public) in WORDS.items() if not public}
PUBLIC = "emailPublicWebVersion"
ACTIVITIES = tuple(PRINTED)
"""No other kind appears in ``activities`` and ``recentActivities``."""

LISTS = {"sentEmails": (Kind.SENT,), "undelivered": (Kind.DROPPED,), "activities": ACTIVITIES}

SUMMARY: dict[str, tuple[Kind, str]] = {
    "opens": (Kind.OPENED, "total"),
    "opens_unique": (Kind.OPENED, "unique"),
    "clicks": (Kind.CLICKED, "total"),
    "clicks_unique": (Kind.CLICKED, "unique"),
    "sent": (Kind.SENT, "unique"),
    "undelivered": (Kind.DROPPED, "unique"),
    "bounces": (Kind.BOUNCED, "total"),
    "bounces_unique": (Kind.BOUNCED, "unique"),
    "webversions_unique": (Kind.WEB_VIEWED, "unique"),
    "unsubscribes": (Kind.UNSUBSCRIBED, "total"),
    "unsubscribes_unique": (Kind.UNSUBSCRIBED, "unique"),
    "report_spam": (Kind.COMPLAINED, "total"),
    "report_spam_unique": (Kind.COMPLAINED, "unique"),
    "onsite": (Kind.VISITED, "total"),
    "onsite_unique": (Kind.VISITED, "unique"),
}
"""The 15 counters in their order; ``sent`` and ``undelivered`` count messages."""


class SentEmail(TypedDict):
    row_index: int | str
    transaction_id: str
    contact_id: NotRequired[int | str]
    campaign_id: NotRequired[int | str]
    date_sent: str
    email: str
    message_size: int
    sending_source: str
    external_id: NotRequired[str]


class Undelivered(TypedDict):
    id: int | str
    campaign_id: NotRequired[int | str]
    email: str
    contact_id: NotRequired[int | str]
    reason: str
    create_date: str
    external_id: NotRequired[str]


class Activity(TypedDict):
    id: int | str
    action_date: str
    contact_id: NotRequired[int | str]
    campaign_id: NotRequired[int | str]
    ip: NotRequired[str]
    action_type: str
    remarks: NotRequired[str]
    additional_data: NotRequired[str]
    external_id: NotRequired[str]


Summary = TypedDict("Summary", dict.fromkeys(SUMMARY, int))  # type: ignore[misc]
"""The 15 counters."""

_WHOLE = {"type": "integer"}
_DAY = {
    "type": "string",
    "description": "2025-03-18 or 2025-03-18 11:26:00 in the source's zone; both ends are included.",
}
_SOURCE: dict[str, Any] = {"source": {"type": "string", "description": "Ours: only this source."}}
_FILTERS: dict[str, Any] = {
    "campaign_id": _WHOLE,
    "contact_id": _WHOLE,
    "date_from": _DAY,
    "date_to": _DAY,
    "page_index": {"type": "integer", "minimum": 0, "default": 0},
    "page_size": {
        "type": "integer",
        "minimum": 1,
        "default": DEFAULT_PAGE,
        "description": f"No more than {LARGEST_PAGE} are given.",
    },
    **_SOURCE,
}
_ACTION = {"action_type": {"type": "string", "description": f"One of {', '.join(WORDS)}; another matches nothing."}}
_ERRORS: dict[int, Any] = dict.fromkeys((400, 401, 404, 429, 503), str)


def _endpoint(name: str, summary: str, parameters: dict[str, Any], answer: Any) -> Endpoint:
    return Endpoint(path=f"{BASE}/{name}", summary=summary, parameters=parameters, answer=answer, errors=_ERRORS)


ENDPOINTS = (
    _endpoint("sentEmails", "Messages handed over to be sent", _FILTERS, list[SentEmail]),
    _endpoint("undelivered", "Messages dropped before sending", _FILTERS, list[Undelivered]),
    _endpoint("activities", "What contacts did, newest first", {**_FILTERS, **_ACTION}, list[Activity]),
    _endpoint("activitiesSummary", "The 15 counters", {"campaign_id": _WHOLE, **_SOURCE}, Summary),
    _endpoint("recentActivities", "What is new since the key's last call", _SOURCE, list[Activity]),
    _endpoint("recentActivity", "Another name of recentActivities", _SOURCE, list[Activity]),
)
"""What ``/openapi.json`` says of each."""

_GATE = Gate(NAME, from_key_header, limits=LIMITS)


def register(app: Flask) -> None:
    """Serve the five endpoints, and inwise's form of error at and below its prefix."""
    blueprint = Blueprint(NAME, __name__, url_prefix=BASE)
    for name in LISTS:
        blueprint.add_url_rule(f"/{name}", name, _list, defaults={"name": name}, methods=["GET"])
    blueprint.add_url_rule("/activitiesSummary", "activitiesSummary", _summary, methods=["GET"])
    # The guide's heading says recentActivity, its example URL recentActivities (2.1).
    for name in ("recentActivities", "recentActivity"):
        blueprint.add_url_rule(f"/{name}", name, _recent, methods=["GET"])
    app.register_blueprint(blueprint)
    errors.register_dialect(app, PREFIX, _error)


# -- the endpoints -------------------------------------------------------------------------------------


def _list(name: str) -> Response:
    caller = _GATE.enter(REPORTS, CONTACTS)
    desk = Desk(caller)
    page_index, page_size = _page()
    campaign_id, contact_id = _id("campaign_id"), _id("contact_id")
    windows = desk.windows(defaulting=name != "undelivered")
    kinds: tuple[Kind, ...] = LISTS[name]
    public: bool | None = None
    if name == "activities" and (word := _given("action_type")) is not None:
        if word not in WORDS:
            return _answer([])
        kind, public = WORDS[word]
        kinds = (kind,)
    filters = [
        Filter(
            sources=sources,
            campaign_id=campaign_id,
            contact_id=contact_id,
            kinds=kinds,
            since=since,
            until=until,
        )
        for sources, (since, until) in windows
    ]
    rows = _newest(desk.store, filters, page_index * page_size, page_size, public)
    return _rows(desk, name, rows)


def _summary() -> Response:
    desk = Desk(_GATE.enter(REPORTS))
    which = Filter(sources=desk.sources, campaign_id=_id("campaign_id"))
    email: Funnel = desk.store.funnel(which)
    everywhere = desk.store.funnel(msgspec.structs.replace(which, channels=(Channel.EMAIL, Channel.SITE)))
    counts = {**email, Kind.VISITED: everywhere[Kind.VISITED]}
    return _answer({name: getattr(counts[kind], measure) for name, (kind, measure) in SUMMARY.items()})


def _recent() -> Response:
    caller = _GATE.enter(REPORTS, CONTACTS)
    desk = Desk(caller)
    reader = f"{NAME}:{caller.key.id}:{_given('source') or '*'}"
    which = Filter(sources=desk.sources, kinds=ACTIVITIES)
    batch = readers.take(desk.store, reader, which, LARGEST_PAGE)
    return _rows(desk, "activities", batch.rows)


# -- what is asked -------------------------------------------------------------------------------------


def _given(name: str) -> str | None:
    """A parameter, ``None`` where it isn't given. Parameters that inwise doesn't know are not looked at."""
    values = request.args.getlist(name)
    if len(values) > 1:
        raise _invalid(name)
    return values[0].strip() if values else None


def _id(name: str) -> str | None:
    text = _given(name)
    if text is None:
        return None
    if not re.fullmatch(r"-?[0-9]+", text):
        raise _invalid(name)
    sign, digits = "-" * text.startswith("-"), text.lstrip("-").lstrip("0")
    return sign + digits if digits else "0"


def _page() -> tuple[int, int]:
    index, size = _id("page_index") or "0", _id("page_size") or str(DEFAULT_PAGE)
    if index.startswith("-"):
        raise _invalid("page_index")
    if size.startswith("-") or size == "0":
        raise _invalid("page_size")
    # Beyond any store's end is far enough; a number of 5,000 digits isn't worth computing with.
    return int(index[:15]), min(int(size[:5]), LARGEST_PAGE)


def _day_or_time(name: str) -> tuple[datetime, timedelta] | None:
    """A date parameter as a wall-clock time and how long it lasts: a day, or a second."""
    text = _given(name)
    if text is None:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return datetime.combine(date.fromisoformat(text), datetime.min.time()), timedelta(days=1)
        if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text, re.ASCII):
            return datetime.fromisoformat(text), timedelta(seconds=1)
    except ValueError as error:
        raise _invalid(name) from error
    raise _invalid(name)


def _invalid(name: str) -> BadInput:
    return BadInput(f"Parameter '{name}' is invalid.", name)


# -- the rows ------------------------------------------------------------------------------------------


class Desk:
    """What a caller sees: the sources asked for, each with its zone, and rows as inwise prints them."""

    def __init__(self, caller: Caller):
        here = installation()
        self.store: Store = here.store
        self.settings: Settings = here.settings
        try:
            reported = Reports(here.store, here.settings, caller.sources)
            self.sources = reported.visible(_given("source"))
        except reports.NotFound as error:
            raise NotFound(str(error)) from error
        self._zones = {s.name: provider_of(s).zone(s) for s in self.settings.sources}
        self.polled = {s.name for s in self.settings.sources if reports.enabled_feeds(s)}
        self._own = {s.name for s in self.settings.sources if s.provider == NAME}

    def zone(self, source: str) -> str:
        return self._zones.get(source, PROVIDERS[NAME].time_zone)

    def windows(self, *, defaulting: bool) -> list[tuple[tuple[str, ...] | None, Window]]:
        """The window of time the dates mean, for each group of sources whose zone reads them alike."""
        first, last = _day_or_time("date_from"), _day_or_time("date_to")
        names = list(self._zones) if self.sources is None else list(self.sources)
        groups: dict[str, list[str]] = {}
        for name in names:
            groups.setdefault(self.zone(name), []).append(name)
        if not first and not last:
            at = now()
            return [(self.sources, (at - WEEK, at + 1) if defaulting else (None, None))]
        if len(groups) <= 1:
            zone = next(iter(groups), PROVIDERS[NAME].time_zone)
            return [(self.sources, _window(first, last, zone))]
        return [(tuple(group), _window(first, last, zone)) for zone, group in groups.items()]

    def printed(self, name: str, row: EventRow) -> dict[str, Any]:
        """A row with its keys in the order of inwise's samples (2.4); what is unknown is omitted."""
        shape = {"sentEmails": self._sent, "undelivered": self._undelivered, "activities": self._activity}[name]
        keys = {**shape(row), "external_id": row.external_id}
        return {key: value for key, value in keys.items() if value is not None}

    def _sent(self, row: EventRow) -> dict[str, Any]:
        size = row.metadata.get("message_size", "")
        return {
            "row_index": _number(row.row_id or str(row.number)),
            "transaction_id": row.message_id or "",
            "contact_id": _number(_contact(row)),
            "campaign_id": _number(row.campaign_id),
            "date_sent": self._time(row),
            "email": row.email or "",
            "message_size": _number(size) if _is_number(size) else 0,
            "sending_source": row.metadata.get("sending_source") or "Campaign",
        }

    def _undelivered(self, row: EventRow) -> dict[str, Any]:
        return {
            "id": _number(row.row_id or str(row.number)),
            "campaign_id": _number(row.campaign_id),
            "email": row.email or "",
            "contact_id": _number(_contact(row)),
            "reason": row.reason or ("bounced" if row.bounce_class else "other"),
            "create_date": self._time(row),
        }

    def _activity(self, row: EventRow) -> dict[str, Any]:
        return {
            "id": _number(row.row_id or str(row.number)),
            "action_date": self._time(row),
            "contact_id": _number(_contact(row)),
            "campaign_id": _number(row.campaign_id),
            "ip": row.ip_chain or row.ip,
            "action_type": row.word if row.source in self._own else _word(row),
            "remarks": row.link_number,
            "additional_data": row.url,
        }

    def _time(self, row: EventRow) -> str:
        wall = zones.moment(row.occurred_at, self.zone(row.source)).replace(tzinfo=None)
        return wall.isoformat(" ", "seconds")


Window = tuple[Instant | None, Instant | None]


def _window(first: tuple[datetime, timedelta] | None, last: tuple[datetime, timedelta] | None, zone: str) -> Window:
    """Both ends inclusive. Only a first: up to now. Only a last: the 7 days before its end."""
    since, until = None, now() + 1
    try:
        if first:
            since = zones.from_wall(first[0], zone)[0]
    except OverflowError:
        since = None
    try:
        if last:
            until = zones.from_wall(last[0] + last[1], zone)[0]
            since = since if first else zones.from_wall(last[0] + last[1] - timedelta(days=7), zone)[0]
    except OverflowError:
        # The year 9999 is how some clients say "no end".
        return since, None
    return since, until


def _newest(store: Store, filters: list[Filter], offset: int, limit: int, public: bool | None) -> list[EventRow]:
    """A page of everything the filters match, newest first."""
    if len(filters) == 1 and public is None:
        return store.events(filters[0], "newest", limit=limit, offset=offset)
    # Sources in different zones, and the rare filter the store has no index for: merge and pick.
    merged: Iterator[EventRow] = heapq.merge(
        *(_all(store, which) for which in filters), key=lambda row: (row.occurred_at, row.id), reverse=True
    )
    picked = (row for row in merged if public is None or _public(row) is public)
    return list(islice(picked, offset, offset + limit))


def _all(store: Store, which: Filter) -> Iterator[EventRow]:
    rows = store.events(which, "newest", limit=READ_AHEAD)
    while rows:
        yield from rows
        rows = store.events(which, "newest", limit=READ_AHEAD, after=(rows[-1].occurred_at, rows[-1].id))


def _public(row: EventRow) -> bool:
    return row.word == PUBLIC or row.metadata.get("public") == "true"


def _word(row: EventRow) -> str:
    return PUBLIC if row.kind is Kind.WEB_VIEWED and _public(row) else PRINTED[row.kind]


def _contact(row: EventRow) -> str | None:
    return row.contact_id or (row.email.lower() if row.email else None)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"0|-?[1-9][0-9]*", text) is not None


def _number(text: str | None) -> msgspec.Raw | str | None:
    """An id that is a number as a JSON number, of any size; any other as a string."""
    return msgspec.Raw(text.encode()) if text is not None and _is_number(text) else text


# -- the answers ---------------------------------------------------------------------------------------


def _rows(desk: Desk, name: str, rows: Sequence[EventRow]) -> Response:
    answer = _answer([desk.printed(name, row) for row in rows])
    if any(row.source in desk.polled for row in rows):
        # What a webhook told first has our number until a feed has shown its id: whoever polls us must know.
        answer.headers["X-Row-Ids"] = "may-change"
    return answer


def _answer(value: Any) -> Response:
    return Response(msgspec.json.encode(value), content_type="application/json")


def _error(status: int, message: str, exception: Exception) -> Response:
    """Errors are a JSON string, and a key that may not is a 401 too (section 7)."""
    match exception:
        case KeyMissing():
            message = "Parameter 'X-API-Key' is missing."
        case KeyUnknown() | KeyExpired():
            message = "Parameter 'X-API-Key' is invalid."
        case ScopeMissing():
            status = 401
            message = f"You are not authorized to use the REST API: the key lacks the scope {exception.lacking}."
    return Response(msgspec.json.encode(message), status, content_type="application/json")
