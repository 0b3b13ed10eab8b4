"""The six lists of an activity that show events (provider file, 3.5)."""

from __future__ import annotations

from typing import Any, NamedTuple

from aftersend.providers.constant_contact.identity import numbered, of_optout, of_row
from aftersend.providers.constant_contact.values import instants, next_of, opened, stamp
from aftersend.providers.constant_contact.words import BOUNCES, KINDS, LISTS, NEVER_ATTEMPTED, UNKNOWN_BOUNCE, Returned
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.values import Stamp, rows_of, text
from aftersend.vocabulary import BadInput, Clock, ContactInfo, Delivery, Event, Instant, Kind, Reading

ROWS = "tracking_activities"
CAMPAIGN, ACTIVITY = "campaign", "activity"
"""What a page doesn't say itself: whose list it is, in the delivery's context."""


def look(answer: Answer) -> Page:
    """A page. Times are told where its rows stand newest first, as they should: only then it can be concluded what
    follows."""
    said = opened(answer.body)
    rows = rows_of(said, ROWS)
    times = instants(rows, "created_time")
    ordered = len(times) == len(rows) > 0 and times == sorted(times, reverse=True)
    keys = [_key(row) for row in rows]
    return Page(
        ids=[f"{key}\x1f{number}" for key, number in zip(keys, numbered(keys), strict=True)],
        next=next_of(said),
        oldest=times[-1] if ordered else None,
        newest=times[0] if ordered else None,
    )


def times(answer: Answer) -> list[Instant]:
    """When what the rows of a page show happened. Raises Malformed."""
    return instants(rows_of(opened(answer.body), ROWS), "created_time")


def read(delivery: Delivery, source: str, zone: str) -> Reading:
    """The events of a page, one for each row, and what it tells about contacts."""
    try:
        rows = rows_of(opened(delivery.body), ROWS)
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    understood: list[_Row] = []
    for number, row in enumerate(rows):
        try:
            understood.append(_Row(row, number, delivery, zone))
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    numbers = _numbers(understood)
    reading.events = [row.event(source, delivery, numbers[row.place]) for row in understood]
    told = {row.who: info for row in understood if (info := row.contact()) is not None}
    reading.contacts = list(told.values())
    return reading


def _key(row: Any) -> str:
    """What tells rows apart, as far as paging needs it."""
    if not isinstance(row, dict):
        return repr(row)
    told = [text(row.get(name)) or "" for name in ("tracking_activity_type", "contact_id", "created_time", "url_id")]
    return "\x1f".join([*told, text(row.get("bounce_code")) or ""])


def _numbers(rows: list[_Row]) -> dict[int, int]:
    """Place of each row → how many of the same identity come before it."""
    ordered = sorted(rows, key=lambda row: (row.identity, row.rest, row.place))
    found = numbered(repr(row.identity) for row in ordered)
    return {row.place: number for row, number in zip(ordered, found, strict=True)}


class _Identity(NamedTuple):
    word: str
    activity: str
    who: str
    at: Instant
    url_id: str
    code: str


class _Row:
    """A row, understood."""

    def __init__(self, row: Any, place: int, delivery: Delivery, zone: str):
        """Raises BadInput naming the field."""
        if not isinstance(row, dict):
            raise BadInput("A row must be an object.")
        created = stamp(row.get("created_time"), "created_time", zone)
        if created is None:
            raise BadInput("created_time is missing.", "created_time")
        self.contact_id, self.email = text(row.get("contact_id")), text(row.get("email_address"))
        who = self.contact_id or (self.email or "").lower()
        if not who:
            raise BadInput("contact_id is missing.", "contact_id")
        usual = LISTS[delivery.feed].word if delivery.feed in LISTS else ""
        self.word = text(row.get("tracking_activity_type")) or usual or "unknown"
        activity = text(row.get("campaign_activity_id")) or delivery.context.get(ACTIVITY)
        self.row, self.place, self.who, self.created = row, place, who, created
        self.activity = activity
        kind = KINDS.get(self.word, Kind.OTHER)
        url_id, code = text(row.get("url_id")), (text(row.get("bounce_code")) or "").upper()
        self.returned = BOUNCES.get(code, UNKNOWN_BOUNCE) if kind is Kind.BOUNCED else Returned(kind, None, None)
        self.url_id, self.code = url_id, code
        # One word for what is written in two ways.
        same = "em_forwards" if kind is Kind.FORWARDED else self.word
        self.identity = _Identity(same, activity or "", who, created.at, url_id or "", code)
        self.rest = (text(row.get("device_type")) or "", text(row.get("link_url")) or "")

    def event(self, source: str, delivery: Delivery, number: int) -> Event:
        kind, bounce_class, reason = self.returned
        at, row = self.created.at, str(number)
        if kind is Kind.UNSUBSCRIBED:
            slot = of_optout(source, self.who, at)
            row = f"{self.activity or ''}/{at}/{number}"
            reason = text(self.row.get("opt_out_reason"))
        else:
            slot = of_row(source, *self.identity)
        return Event(
            slot=slot,
            kind=kind,
            word=self.word,
            occurred_at=at,
            precision=self.created.precision,
            clock=self.created.clock,
            list=delivery.feed,
            row=row,
            campaign_id=delivery.context.get(CAMPAIGN) or None,
            activity_id=self.activity,
            contact_id=self.contact_id,
            email=self.email,
            url=text(self.row.get("link_url")),
            link_number=self.url_id,
            device=text(self.row.get("device_type")),
            bounce_class=bounce_class,
            reason=reason,
            metadata=self._metadata(),
        )

    def contact(self) -> ContactInfo | None:
        """What the row tells about its contact, if anything."""
        gone = self._gone()
        about = {
            "first_name": text(self.row.get("first_name")),
            "last_name": text(self.row.get("last_name")),
            # The address the mail went to may be an old one; only bounces tell the present one.
            "email": text(self.row.get("current_email_address")),
        }
        if self.contact_id is None or not (gone or any(about.values())):
            return None
        return ContactInfo(contact_id=self.contact_id, deleted_at=gone.at if gone else None, **about)

    def _gone(self) -> Stamp | None:
        """``deleted_at``, a bare date; one that is none says nothing, and spoils nothing."""
        try:
            found = stamp(self.row.get("deleted_at"), "deleted_at")
        except BadInput:
            return None
        return found._replace(clock=Clock.STATED) if found else None

    def _metadata(self) -> dict[str, str]:
        if not self.code:
            return {}
        return {"bounce_code": self.code} | ({"attempted": "false"} if self.code == NEVER_ATTEMPTED else {})
