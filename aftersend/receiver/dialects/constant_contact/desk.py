"""Who asks Constant Contact's reports, and what an id means here (providers/constant-contact.md, section 11).

A source that has campaign activities is asked by their ids; in any other a campaign is its own only activity. An id
may be known in several sources: they are reported together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256

import msgspec
from flask import request
from werkzeug.exceptions import NotFound

from aftersend.receiver import cursors, reports
from aftersend.receiver.auth import CONTACTS, REPORTS, Caller
from aftersend.receiver.gate import Gate, from_bearer
from aftersend.receiver.installation import installation
from aftersend.receiver.reports import Reports
from aftersend.storage.contract import CampaignRow, EventRow, Filter, Store
from aftersend.storage.metrics import bounce_of, device_of
from aftersend.vocabulary import BadInput, Bounce, Instant, Kind
from aftersend.zones import moment

NAME = "constant_contact"
PREFIX = "/v3/reports"
LIMITS = "240/minute;10000/day"
"""The platform's 4 a second (5.2), on average over a minute: a client that asks for eight lists at once is welcome."""
SCOPES = {"campaign_data": (REPORTS,), "contact_data": (CONTACTS,)}
GATE = Gate(NAME, from_bearer, {REPORTS: "campaign_data", CONTACTS: "contact_data"}, limits=LIMITS)

CODES = {
    Bounce.HARD: "B",
    Bounce.SUPPRESSED: "S",
    Bounce.BLOCK: "Z",
    Bounce.MAILBOX_FULL: "F",
    Bounce.SOFT: "D",
    Bounce.UNDETERMINED: "X",
}
"""Section 11; an auto-reply is ``V``."""
VACATION = "V"
BOUNCES = (Kind.BOUNCED, Kind.AUTO_REPLIED)


class Unknown(NotFound):
    """There is nothing of that id here, or not for this caller. ``key`` is the platform's error_key."""

    def __init__(self, key: str, message: str):
        super().__init__(message)
        self.key = key


class Desk:
    """What one caller sees."""

    def __init__(self, caller: Caller, source: str | None):
        """Raises Unknown for a source that isn't there."""
        here = installation()
        self.store: Store = here.store
        self.caller = caller
        try:
            self.sources = Reports(here.store, here.settings, caller.sources).visible(source)
        except reports.NotFound as error:
            raise Unknown("reportingsvc.not_found.invalid_query_param.source.", str(error)) from error

    def campaign(self, campaign_id: str) -> CampaignRow | None:
        """The campaign of that id, the first where several sources have one."""
        rows = self.store.campaigns(Filter(sources=self.sources, campaign_id=campaign_id), limit=1)
        return rows[0] if rows and campaign_id else None

    def activity(self, activity_id: str) -> Filter | None:
        """What an activity's id selects; ``None`` for an unknown one."""
        which = Filter(sources=self.sources, activity_id=activity_id)
        if self.store.activities(which):
            return which
        which = Filter(sources=self.sources, campaign_id=activity_id)
        if not self.campaign(activity_id) or self.store.activities(which):
            return None
        return which

    def known_activity(self, activity_id: str) -> Filter:
        """The same. Raises Unknown."""
        which = self.activity(activity_id)
        if which is None:
            raise Unknown(
                "reportingsvc.not_found.invalid_path_param.campaign_activity_id.",
                f"There is no campaign activity {activity_id[:200]}.",
            )
        return which

    def campaign_of(self, which: Filter) -> str | None:
        """The id of the campaign that an activity belongs to."""
        if which.activity_id is None:
            return which.campaign_id
        return self.store.activities(which)[0].campaign_id

    def links(self, which: Filter) -> dict[str, tuple[str, int]]:
        """URL → its url_id and how many clicked it, of the links that were clicked: most first, then by URL."""
        return {
            link.url: (url_id(link.url, link.number), link.unique)
            for link in self.store.facets(which).links
            if link.unique
        }


def enter(*scopes: str) -> Desk:
    """Who asks; raises what :meth:`Gate.enter` does, and Unknown."""
    return Desk(GATE.enter(*scopes), given("source"))


def given(name: str) -> str | None:
    """A parameter as it was sent, ``None`` where it wasn't. Raises BadInput where it was sent twice."""
    values = request.args.getlist(name)
    if len(values) > 1:
        raise BadInput(f"{name} must be given once.", name)
    return values[0] if values else None


def limited(default: int, most: int) -> int:
    """``limit``, a text that holds a whole number (section 2)."""
    text = given("limit")
    if text is None:
        return default
    if not re.fullmatch("[0-9]{1,6}", text, re.ASCII) or not 1 <= int(text) <= most:
        raise BadInput(f"limit must be a whole number between 1 and {most}.", "limit")
    return int(text)


def url_id(url: str, number: str | None) -> str:
    """The platform's number of a link, else 15 hexadecimal digits of its URL's SHA-256, as a decimal number."""
    if not url:
        return "0"
    if number is not None and number.isascii() and number.isdecimal():
        return number
    return str(int(sha256(url.encode("utf-8", "replace")).hexdigest()[:15], 16))


def code_of(row: EventRow) -> str:
    """The letter of a bounce."""
    return VACATION if row.kind is Kind.AUTO_REPLIED else CODES[bounce_of(row.bounce_class, row.reason)]


def device_type(row: EventRow) -> str | None:
    """``computer mobile tablet other``; ``None`` where nothing was told of it."""
    device = device_of(row.device, row.user_agent)
    return None if device == "none" else device


def contact_of(row: EventRow) -> str:
    """A source without ids of contacts names them by address."""
    return row.contact_id or (row.email or "").lower()


def time(at: Instant) -> str:
    """``2026-05-04T13:22:41.000Z``."""
    return moment(at).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


def pages(store: Store, which: Filter, after: tuple[Instant, str] | None, size: int) -> Iterator[EventRow]:
    """Events newest first, behind a place."""
    while rows := store.events(which, "newest", limit=size, after=after):
        yield from rows
        after = (rows[-1].occurred_at, rows[-1].id)


def next_link(path: str, cursor: str) -> dict[str, dict[str, str]]:
    """``_links`` that lead on: the path alone and an opaque ``next`` (section 2)."""
    return {"next": {"href": f"{path}?next={cursor}"}}


def asked(desk: Desk, *parts: object) -> bytes:
    """The digest of a list and of what its caller may see."""
    return cursors.question(desk.caller.sources, *parts)


def omitted(row: dict[str, object]) -> dict[str, object]:
    """Optional fields that are null are left out (3.5)."""
    return {name: value for name, value in row.items() if value is not None}


def one_decimal(value: float) -> msgspec.Raw:
    """A percentage as the platform prints it (section 11): ``40.0``."""
    return msgspec.Raw(f"{value:.1f}".encode())
