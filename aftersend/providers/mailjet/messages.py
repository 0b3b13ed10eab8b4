"""Pages of messages and of their histories (provider file, Pull feed).

A row of the list of messages tells that a message was sent (or is queued) and where it stands now; its history tells
what happened, without links, addresses of the network and ids. So a history is read for each message whose status
changed, and what it is about is taken from the row: the walk passes it on (:class:`About`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from aftersend.providers import marks
from aftersend.providers.agents import agent
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.mailjet.identity import HISTORY as LIST
from aftersend.providers.mailjet.identity import digest, of_event, of_message
from aftersend.providers.mailjet.options import Options
from aftersend.providers.mailjet.values import own_id, seconds, smtp_code
from aftersend.providers.mailjet.words import ERRORS, GREYLISTED, HISTORY, STATES, STATUSES
from aftersend.providers.paging import Page
from aftersend.providers.values import decoded, known, rows_of, stamp, text
from aftersend.settings import Source
from aftersend.vocabulary import BadInput, BounceClass, Delivery, Event, Instant, Kind, Reading

NAME = "Data"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a message's row says of it and its history doesn't."""

    message: str
    email: str | None = None
    custom_id: str | None = None
    campaign: str | None = None
    contact: str | None = None
    guid: str | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the list of messages."""

    about: About
    arrived: Instant
    status: str
    """As Mailjet writes it, in lower case."""
    state: str
    """The number of what is behind the status."""
    subject: str | None


def read(delivery: Delivery, source: Source, options: Options) -> Reading:
    """The events of a page of messages, or of a history."""
    try:
        rows = rows_of(decoded(delivery.body), NAME)
    except Malformed as error:
        return unreadable(delivery, error)
    if delivery.feed == "histories":
        return _history(rows, delivery, source, options)
    reading = Reading()
    for number, row in enumerate(rows):
        try:
            reading.events.extend(_sent(message(row), source, options))
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    return reading


def look(answer: Answer) -> Page:
    """A page. ``Total`` may count the page alone: the list ends with an empty page."""
    rows = rows_of(decoded(answer.body), NAME)
    ids = [(own_id(row.get("ID")) if isinstance(row, dict) else None) or digest(repr(row)) for row in rows]
    return Page(ids=ids, more=bool(rows))


def messages(answer: Answer) -> Iterable[Row]:
    """The rows of a page that can be understood."""
    for row in rows_of(decoded(answer.body), NAME):
        try:
            yield message(row)
        except BadInput:
            continue


def message(row: Any) -> Row:
    """A row of the list of messages. Raises BadInput."""
    if not isinstance(row, dict):
        raise BadInput("A row must be an object.")
    own, arrived = own_id(row.get("ID")), stamp(row.get("ArrivedAt"), "ArrivedAt")
    if not own:
        raise BadInput("ID is missing.", "ID")
    if arrived is None:
        raise BadInput("ArrivedAt is missing.", "ArrivedAt")
    about = About(
        message=own,
        email=text(row.get("ContactAlt")),
        custom_id=text(row.get("CustomID")),
        campaign=own_id(row.get("CampaignID")),
        contact=own_id(row.get("ContactID")),
        guid=text(row.get("UUID")),
    )
    status, state = (text(row.get("Status")) or "").lower(), text(row.get("StateID")) or ""
    return Row(
        about=about, arrived=arrived.at // 1000 * 1000, status=status, state=state, subject=text(row.get("Subject"))
    )


def _sent(row: Row, source: Source, options: Options) -> list[Event]:
    kind = STATUSES.get(row.status)
    if kind is None:
        return []
    # The present status is no word for what happened then, and would be another account with each reading.
    word = "queued" if kind is Kind.QUEUED else "message"
    slot = of_message(source.name, kind, row.about.message)
    return [_of(row.about, options, kind, slot=slot, word=word, occurred_at=row.arrived, subject=row.subject)]


def _history(rows: list[Any], delivery: Delivery, source: Source, options: Options) -> Reading:
    reading, alike = Reading(), Counter[bytes]()
    try:
        about = msgspec.convert(delivery.context, About)
    except msgspec.ValidationError:
        reason = "It isn't known whose history this is."
        return unreadable(delivery, reason)
    for number, row in enumerate(rows):
        try:
            event = _happened(row, about, source.name, options)
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
            continue
        reading.events.append(msgspec.structs.replace(event, row=str(alike[event.slot])))
        alike[event.slot] += 1
    return reading


def _happened(row: Any, about: About, source: str, options: Options) -> Event:
    if not isinstance(row, dict):
        raise BadInput("A row must be an object.")
    word = text(row.get("EventType"))
    if not word:
        raise BadInput("EventType is missing.", "EventType")
    at = seconds(row.get("EventAt"), "EventAt").at
    kind, bounce_class = HISTORY.get(re.sub(r"[^a-z]", "", word.lower()), (Kind.OTHER, None))
    state, comment = _state(row.get("State")), text(row.get("Comment"))
    if kind is Kind.BOUNCED and state == GREYLISTED and bounce_class is not BounceClass.HARD:
        kind, bounce_class = Kind.DEFERRED, None
    elif bounce_class and bounce_class is not BounceClass.HARD:
        told = ERRORS.get(state or "", bounce_class)
        bounce_class = told if told is BounceClass.BLOCK or bounce_class is BounceClass.UNDETERMINED else bounce_class
    user_agent = text(row.get("Useragent"))
    acted = agent(user_agent)
    return _of(
        about,
        options,
        kind,
        slot=of_event(source, kind, word, about.message, about.email, at),
        list=LIST,
        word=word,
        occurred_at=at,
        user_agent=user_agent,
        device=acted.device,
        machine=acted.machine,
        machine_reason=acted.machine_reason,
        bounce_class=bounce_class,
        reason=state or comment,
        smtp_code=smtp_code(comment),
        comment=comment,
    )


def _state(value: Any) -> str | None:
    found = own_id(value)
    if found and found.isascii() and found.isdecimal() and len(found) < 4:
        return STATES.get(int(found), found)
    return found


def _of(
    about: About,
    options: Options,
    kind: Kind,
    *,
    subject: str | None = None,
    comment: str | None = None,
    **fields: Any,
) -> Event:
    told = {"CustomID": about.custom_id}
    return Event(
        kind=kind,
        message_id=about.message,
        by_message=True,
        campaign_id=about.campaign or marks.told(told, options.campaign_id),
        contact_id=about.contact,
        external_id=marks.told(told, options.external_id),
        email=about.email,
        metadata=known(comment=comment, custom_id=about.custom_id, message_guid=about.guid, subject=subject),
        **fields,
    )
