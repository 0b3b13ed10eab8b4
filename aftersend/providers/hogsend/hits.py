"""Hits: every open, click and reply, one row each, with an id (provider file, section 2.7).

Clicks of known bots are left out of this list, though not out of webhooks and ``clickedAt``; opens of bots are in it.
The row's ``contactId`` is kept aside: no other list has it, so that it can't say who a contact is.
"""

from __future__ import annotations

import re
from typing import Any

from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.hogsend.identity import HITS as LIST
from aftersend.providers.hogsend.identity import alone, of_send
from aftersend.providers.hogsend.lists import last_of, listed, row_id
from aftersend.providers.hogsend.values import external_id
from aftersend.providers.hogsend.words import HITS
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.values import known, stamp, text
from aftersend.vocabulary import BadInput, Delivery, Event, Kind, Reading

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def read(delivery: Delivery, source: str) -> Reading:
    """The events of a page."""
    try:
        rows, _ = listed(delivery.body, "events")
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, row in enumerate(rows):
        try:
            reading.events.append(_event(row, source))
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    return reading


def look(answer: Answer) -> Page:
    """A page in falling order of ``occurredAt``."""
    rows, total = listed(answer.body, "events")
    return Page(ids=[row_id(row) for row in rows], total=total, newest=last_of(rows, "occurredAt", falling=True))


def campaigns(answer: Answer) -> set[str]:
    """Ids of Hogsend's own campaigns that the hits of a page name. What is no UUID would be answered with 500 (2.7)."""
    rows, _ = listed(answer.body, "events")
    named = {text(_properties(row).get("campaignId")) for row in rows if isinstance(row, dict)}
    return {name for name in named if name and _UUID.fullmatch(name)}


def _properties(row: dict[str, Any]) -> dict[str, Any]:
    found = row.get("properties")
    return found if isinstance(found, dict) else {}


def _event(row: Any, source: str) -> Event:
    if not isinstance(row, dict):
        raise BadInput("A row must be an object.")
    word, own = text(row.get("event")), text(row.get("id"))
    if not word:
        raise BadInput("event is missing.", "event")
    if not own:
        raise BadInput("id is missing.", "id")
    at = stamp(row.get("occurredAt"), "occurredAt")
    if at is None:
        raise BadInput("occurredAt is missing.", "occurredAt")
    properties, user = _properties(row), text(row.get("userId"))
    # Without a known user the address stands in its place (3.1).
    email = text(row.get("userEmail")) or (user if user and "@" in user else None)
    send, template = text(properties.get("emailSendId")), text(properties.get("templateKey"))
    kind = HITS.get(word, Kind.OTHER)
    place: dict[str, Any]
    if send and kind is Kind.OTHER:
        # An answered link happens to a send once (section 7).
        place = {"slot": of_send(source, kind, send, word)}
    elif send:
        place = {"slot": of_send(source, kind, send), "list": LIST, "row": own}
    else:
        place = {"slot": alone(source, kind, text(properties.get("messageId")) or own)}
    return Event(
        **place,
        kind=kind,
        word=word,
        occurred_at=at.at,
        precision=at.precision,
        clock=at.clock,
        row_id=own,
        message_id=send,
        by_message=bool(send),
        campaign_id=template,
        template=template,
        email=email,
        external_id=external_id(user, email),
        url=text(properties.get("linkUrl")),
        metadata=known(
            campaign=text(properties.get("campaignId")),
            contact=text(row.get("contactId")),
            journey_id=text(properties.get("journeyId")),
            link_id=text(properties.get("linkId")),
        ),
    )
