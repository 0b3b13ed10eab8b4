"""SendGrid's suppression lists: whom it sends nothing more, since when, and why (provider file, "Pull feed", B).

A row has an address and the second it was put on the list, which is that of the event that put it there; so a list
fills in what a webhook didn't tell. It can't tell of which message, nor who was put there and taken off again between
two readings, nor that somebody is back.
"""

from __future__ import annotations

from typing import Any

from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.sendgrid.identity import SUPPRESSIONS, digest, of_address
from aftersend.providers.sendgrid.values import reply_code, seconds
from aftersend.providers.sendgrid.words import SUPPRESSIONS as KINDS
from aftersend.providers.sendgrid.words import bounce_class
from aftersend.providers.values import decoded, text
from aftersend.vocabulary import BadInput, BounceClass, Delivery, Event, Kind, Reading

BLOCKS = "blocks"


def read(delivery: Delivery, source: str) -> Reading:
    """The event of each row."""
    try:
        rows = _rows(delivery.body)
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, row in enumerate(rows):
        try:
            reading.events.append(_event(row, source, delivery.feed))
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    return reading


def look(answer: Answer) -> Page:
    """A page. Only an empty one is the end: the platform may give shorter ones than it was asked for."""
    rows = _rows(answer.body)
    return Page(ids=[digest(repr(row).encode("utf-8", "replace").decode()) for row in rows], more=bool(rows))


def _rows(body: bytes) -> list[Any]:
    rows = decoded(body)
    if not isinstance(rows, list):
        raise Malformed("The answer is no list of suppressions.")
    return rows


def _event(row: Any, source: str, feed: str) -> Event:
    if not isinstance(row, dict):
        raise BadInput("A row must be an object.")
    email, at = text(row.get("email")), seconds(row.get("created"), "created")
    if not email:
        raise BadInput("email is missing.", "email")
    kind, status, reason = KINDS[feed], text(row.get("status")), text(row.get("reason"))
    return Event(
        slot=of_address(source, kind, at, email),
        list=SUPPRESSIONS,
        row=feed,
        kind=kind,
        word=feed,
        occurred_at=at,
        email=email,
        ip=text(row.get("ip")),
        bounce_class=_class(feed, status) if kind is Kind.BOUNCED else None,
        reason=reason,
        smtp_code=status or reply_code(reason),
    )


def _class(feed: str, status: str | None) -> BounceClass:
    return bounce_class("blocked" if feed == BLOCKS else "bounce", None, status)
