"""Sends: one row each, with one time per outcome. Both lists of them have the same columns, but for a few.

The **log** (2.4, JSON) has the email provider's message id, category and journey, and when a row changed; the
**export** (2.3, CSV) has the class of a bounce, and 50,000 rows for one request. The row is the truth (there is no log
of events), and each column that is set is an event.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.hogsend.identity import BOUNCES as BOUNCE_LIST
from aftersend.providers.hogsend.identity import COLUMNS, FIRST, of_send
from aftersend.providers.hogsend.lists import last_of, listed, row_id
from aftersend.providers.hogsend.values import external_id
from aftersend.providers.hogsend.words import BOUNCES, COMPLAINT, DELIVERED, FAILED, REJECTED, SUPPRESSED
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.values import Stamp, known, stamp, text
from aftersend.vocabulary import (
    BadInput,
    BounceClass,
    CampaignInfo,
    Clock,
    Delivery,
    Event,
    Kind,
    Precision,
    Reading,
)

CELLS = (
    *("id", "createdAt", "templateKey", "status", "toEmail", "userId", "subject", "sentAt", "deliveredAt", "openedAt"),
    *("clickedAt", "bouncedAt", "complainedAt", "bounceType"),
)
"""Columns of the export, 2.3."""
TRUNCATED = "x-hogsend-export-truncated"
TEMPLATE = "Template"
"""What a campaign is here: Hogsend's own campaigns show in few lists, templates in all of them (section 7)."""

Row = dict[str, Any]
"""A send as the list shows it, by the names of the columns; in CSV an absent value is an empty text."""


def read_log(delivery: Delivery, source: str, *, bounces: bool) -> Reading:
    """The events of a page of the log. ``bounces``: whether its bounces, which have no class here, are wanted; they
    aren't where the export tells them with their class."""
    try:
        rows, _ = _emails(delivery.body)
    except Malformed as error:
        return unreadable(delivery, error)
    return _reading(rows, source, bounces=bounces)


def read_export(delivery: Delivery, source: str) -> Reading:
    """The events of an export."""
    rows: list[Any] = []
    problems = []
    try:
        for row in _lines(delivery.body):
            rows.append(row)
    except Malformed as error:
        problems.append(problem(len(rows), delivery.body, error))
    reading = _reading(rows, source, bounces=True)
    reading.problems += problems
    return reading


def look_at_log(answer: Answer) -> Page:
    """A page of the log in ascending order of ``createdAt``. Where the order is another, no time is told: then it
    can't be gone on from."""
    rows, total = _emails(answer.body)
    return Page(ids=[row_id(row) for row in rows], total=total, newest=last_of(rows, "createdAt", falling=False))


def look_at_export(answer: Answer) -> Page:
    """An export; ``deep`` where it was truncated, or was just as long as it may be (2.3). Its last cell is a word or
    empty, which tells half an export nearly always."""
    rows = list(_lines(answer.body))
    if rows and (not isinstance(rows[-1], dict) or _is_half_a_word(rows[-1]["bounceType"])):
        raise Malformed("The export ends before its last row does.")
    return Page(ids=[row_id(row) for row in rows], deep=answer.headers.get(TRUNCATED, "").lower() == "true")


# -- lists ---------------------------------------------------------------------------------------------------


def _emails(body: bytes) -> tuple[list[Any], int | None]:
    return listed(body, "emails")


def _lines(body: bytes) -> Iterator[Row | list[str]]:
    """The rows of an export; one with too few or too many cells as these alone. Raises Malformed for what is none."""
    try:
        lines = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        names = next(lines, [])
        if missing := [name for name in CELLS if name not in names]:
            raise Malformed(f"The export has no column '{missing[0]}'.")
        for cells in lines:
            yield dict(zip(names, cells, strict=True)) if len(cells) == len(names) else cells
    except (csv.Error, UnicodeDecodeError) as error:
        raise Malformed(f"The export is no CSV: {type(error).__name__}.") from None


def _is_half_a_word(cell: str) -> bool:
    return bool(cell) and any(word != cell and word.startswith(cell) for word in (*BOUNCES, COMPLAINT))


# -- rows ----------------------------------------------------------------------------------------------------


def _reading(rows: list[Any], source: str, *, bounces: bool) -> Reading:
    reading = Reading()
    newest: dict[str, _Send] = {}
    for number, row in enumerate(rows):
        try:
            send = _Send(row, source)
            found = send.events(bounces=bounces)
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
            continue
        reading.events += found
        if send.template and send.created.at >= newest.get(send.template, send).created.at:
            newest[send.template] = send
    reading.campaigns = [send.campaign() for _, send in sorted(newest.items())]
    return reading


_BEGINNINGS = (Kind.SENT, Kind.DROPPED)


class _Fact(NamedTuple):
    """What a row says happened."""

    kind: Kind
    word: str
    at: Stamp
    fields: Mapping[str, Any] = MappingProxyType({})


class _Send:
    """A row, understood."""

    def __init__(self, row: Any, source: str):
        """Raises BadInput naming the field."""
        if not isinstance(row, dict):
            raise BadInput("A row must be an object, or a line with a cell for each column.")
        send = text(row.get("id"))
        if send is None:
            raise BadInput("id is missing.", "id")
        self.id, self._source, self._row = send, source, row
        self.template, self.email = text(row.get("templateKey")), text(row.get("toEmail"))
        self.status = (text(row.get("status")) or "").lower()
        created = stamp(row.get("createdAt"), "createdAt")
        if created is None:
            raise BadInput("createdAt is missing.", "createdAt")
        self.created = created

    def campaign(self) -> CampaignInfo:
        subject = text(self._row.get("subject"))
        return CampaignInfo(
            campaign_id=self.template or "", name=self.template, type=TEMPLATE, subject=subject, template=self.template
        )

    def events(self, *, bounces: bool) -> list[Event]:
        """Raises BadInput naming the field."""
        email = self.email
        common: dict[str, Any] = {
            "message_id": self.id,
            "by_message": True,
            "campaign_id": self.template,
            "template": self.template,
            "email": email,
            "external_id": external_id(self._row.get("userId"), email),
        }
        # Told once, with what a send has one of: else every event would have an account from each list, and they would
        # differ in nothing but this.
        about = known(
            category=text(self._row.get("category")),
            journey_id=text(self._row.get("journeyId")),
            journey_state_id=text(self._row.get("journeyStateId")),
            provider_message_id=text(self._row.get("messageId")),
            subject=text(self._row.get("subject")),
        )
        return [
            Event(
                slot=of_send(self._source, fact.kind, self.id),
                kind=fact.kind,
                word=fact.word,
                occurred_at=fact.at.at,
                precision=fact.at.precision,
                clock=fact.at.clock,
                metadata=about if fact.kind in _BEGINNINGS else {},
                **common,
                **fact.fields,
            )
            for fact in self._facts(bounces)
        ]

    def _facts(self, bounces: bool) -> Iterator[_Fact]:
        sent = self._time("sentAt")
        if sent:
            yield _Fact(Kind.SENT, "sent", sent)
        if delivered := self._time("deliveredAt"):
            yield _Fact(Kind.DELIVERED, "delivered", delivered)
        elif self.status == DELIVERED:
            yield _Fact(Kind.DELIVERED, "delivered", self._changed(sent or self.created)._replace(clock=Clock.RECEIVED))
        for kind in (Kind.OPENED, Kind.CLICKED):
            if first := self._time(f"{kind}At"):
                yield _Fact(kind, kind, first, {"list": COLUMNS, "row": FIRST})
        if bounced := self._time("bouncedAt"):
            yield from self._bounce(bounced, bounces)
        if complained := self._time("complainedAt"):
            yield _Fact(Kind.COMPLAINED, "complained", complained)
        if self.status == SUPPRESSED:
            yield _Fact(Kind.DROPPED, SUPPRESSED, self.created, {"reason": SUPPRESSED})
        elif self.status == FAILED and sent:
            yield _Fact(Kind.FAILED, FAILED, self._changed(sent), {"reason": REJECTED})
        elif self.status == FAILED:
            yield _Fact(Kind.DROPPED, FAILED, self._changed(self.created), {"reason": FAILED})

    def _bounce(self, at: Stamp, wanted: bool) -> Iterator[_Fact]:
        word = (text(self._row.get("bounceType")) or "").lower()
        if not word:
            if wanted or "bounceType" in self._row:
                fields = {"list": COLUMNS, "row": FIRST, "bounce_class": BounceClass.UNDETERMINED}
                yield _Fact(Kind.BOUNCED, "bounced", at, fields)
            return
        if word == COMPLAINT:
            yield _Fact(Kind.COMPLAINED, "bounced", at)
            return
        found = BOUNCES.get(word, BounceClass.UNDETERMINED)
        yield _Fact(Kind.BOUNCED, "bounced", at, {"list": BOUNCE_LIST, "row": found, "bounce_class": found})

    def _changed(self, otherwise: Stamp) -> Stamp:
        """When the row changed last. The export doesn't say: then another time of the row stands in, and so coarsely
        that any that is told comes before it."""
        return self._time("updatedAt") or otherwise.about(Precision.DAY)

    def _time(self, name: str) -> Stamp | None:
        return stamp(self._row.get(name), name)
