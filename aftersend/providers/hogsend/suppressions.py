"""Suppressions: who has opted out of everything (provider file, section 2.7).

The list is a state: it says who, not when. So an opt-out counts from when it was first seen here, unless a webhook told
of it; then its time stands. That somebody is back is told by webhooks alone. Rows that changed last come first: those
from the first one on that was on top before (``known``) have been read, and reading them again would only say a later
time.
"""

from __future__ import annotations

from typing import Any

from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.hogsend.identity import FIRST, SUPPRESSIONS, digest, of_contact
from aftersend.providers.hogsend.lists import listed
from aftersend.providers.hogsend.values import external_id
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.values import decoded, text
from aftersend.vocabulary import BadInput, Clock, Delivery, Event, Kind, Reading


def read(delivery: Delivery, source: str) -> Reading:
    """An opt-out for each row that has one and is not known yet."""
    try:
        rows, _ = _rows(delivery.body)
    except Malformed as error:
        return unreadable(delivery, error)
    known = set(delivery.context.get("known", "").split())
    reading = Reading()
    for number, row in enumerate(rows):
        if _digest(row) in known:
            break
        try:
            if event := _event(row, delivery, source):
                reading.events.append(event)
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    return reading


def look(answer: Answer) -> Page:
    """A page; its ids are of all a row says, so that one that changed is another."""
    rows, total = _rows(answer.body)
    return Page(ids=[_digest(row) for row in rows], total=total)


def _digest(row: Any) -> str:
    return digest(repr(row).encode("utf-8", "replace"))[:16]


def _rows(body: bytes) -> tuple[list[Any], int | None]:
    """The rows, and how many there are in all, where that is said. What the answer calls them is not documented: they
    are its only list. Raises Malformed."""
    said = decoded(body)
    lists = [name for name, value in said.items() if isinstance(value, list)] if isinstance(said, dict) else []
    if len(lists) != 1:
        raise Malformed("The answer has no list of suppressions.")
    return listed(body, lists[0])


def _event(row: Any, delivery: Delivery, source: str) -> Event | None:
    if not isinstance(row, dict):
        raise BadInput("A row must be an object.")
    email = text(row.get("email"))
    own = external_id(row.get("userId"), email)
    who = email or own
    if not who:
        raise BadInput("email is missing.", "email")
    if row.get("unsubscribedAll") is not True:
        return None
    return Event(
        slot=of_contact(source, Kind.UNSUBSCRIBED, who),
        kind=Kind.UNSUBSCRIBED,
        word="unsubscribedAll",
        occurred_at=delivery.received_at,
        clock=Clock.RECEIVED,
        list=SUPPRESSIONS,
        row=FIRST,
        email=email,
        external_id=own,
    )
