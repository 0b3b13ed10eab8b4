"""Mailtrap's log of emails: a list that shows how each stands, and each one with its events (provider file, "Pull
feed").

The list alone tells no event: it says *that* something has happened to an email, by its status and counters.
"""

from __future__ import annotations

from collections import Counter
from email.utils import parseaddr
from typing import Any

import msgspec

from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.mailtrap.identity import LOGS, digest, of_message
from aftersend.providers.mailtrap.values import record
from aftersend.providers.mailtrap.words import CLICK, KINDS, bounce_class, plain
from aftersend.providers.marks import Options, flat, told
from aftersend.providers.paging import Page
from aftersend.providers.values import decoded, first_time, known, rows_of, stamp, text
from aftersend.vocabulary import BadInput, Delivery, Event, Instant, Kind, Reading

ENQUEUED = "enqueued"
PART, LIST, ONE = "part", "list", "one"
"""What a delivery of these feeds is: a page of the list, or one email."""


def read(delivery: Delivery, source: str, options: Options) -> Reading:
    """The events of one email; a page of the list has none."""
    try:
        if delivery.context.get(PART) == LIST:
            rows_of(decoded(delivery.body), "messages")
            return Reading()
        message, events = _opened(delivery.body)
    except (BadInput, Malformed) as error:
        return unreadable(delivery, error)
    reading, alike = Reading(), Counter[bytes]()
    for number, item in enumerate(events):
        try:
            event = _event(item, message, source, options)
        except BadInput as error:
            reading.problems.append(problem(number, item, error))
            continue
        alike[event.slot] += 1
        reading.events.append(msgspec.structs.replace(event, row=str(alike[event.slot])))
    return reading


def look(answer: Answer) -> Page:
    """A page of the list."""
    said = decoded(answer.body)
    rows = rows_of(said, "messages")
    return Page(ids=[id_of(row) or digest(row) for row in rows], next=text(said.get("next_page_cursor")))


def rows(answer: Answer) -> list[dict[str, Any]]:
    """The emails of a page that have an id."""
    return [row for row in rows_of(decoded(answer.body), "messages") if id_of(row)]


def id_of(row: Any) -> str | None:
    return text(row.get("message_id")) if isinstance(row, dict) else None


def standing(row: dict[str, Any]) -> list[str | None]:
    """How an email stands: this changes with nearly everything that happens to it."""
    return [text(row.get(name)) for name in ("status", "opens_count", "clicks_count")]


def is_pending(row: dict[str, Any]) -> bool:
    """Whether it is still being tried: further soft bounces and suspensions don't change how it stands."""
    return text(row.get("status")) == ENQUEUED


def sent_at(row: dict[str, Any], default: Instant) -> Instant:
    """When an email was sent, as far as that is told."""
    found = first_time(row.get("sent_at"))
    return found.at if found else default


def _opened(body: bytes) -> tuple[dict[str, Any], list[Any]]:
    said = decoded(body)
    events = rows_of(said, "events")
    if not id_of(said):
        raise BadInput("message_id is missing.", "message_id")
    return said, events


def _event(item: Any, message: dict[str, Any], source: str, options: Options) -> Event:
    if not isinstance(item, dict):
        raise BadInput("An event must be an object.")
    told_word = text(item.get("event_type"))
    if not told_word:
        raise BadInput("event_type is missing.", "event_type")
    at = stamp(item.get("created_at"), "created_at")
    if at is None:
        raise BadInput("created_at is missing.", "created_at")
    word, own, details = plain(told_word), text(message.get("message_id")) or "", record(item.get("details"))
    kind = KINDS.get(word, Kind.OTHER)
    url = text(details.get("click_url")) if word == CLICK else None
    attached, category = flat(record(message.get("custom_variables"))), text(message.get("category"))
    bounce = text(details.get("bounce_category"))
    reasons = ("email_service_provider_response", "reject_reason", "spam_feedback_type")
    return Event(
        slot=of_message(source, word, own, at.at, url),
        list=LOGS,
        kind=kind,
        word=told_word,
        occurred_at=at.at,
        precision=at.precision,
        clock=at.clock,
        message_id=own,
        by_message=True,
        campaign_id=told(attached, options.campaign_id) or category,
        template=text(message.get("template_id")),
        external_id=told(attached, options.external_id),
        email=_address(message.get("to")),
        url=url,
        ip=text(details.get("web_ip_address")),
        bounce_class=bounce_class(bounce) if kind is Kind.BOUNCED else None,
        reason=next(filter(None, (text(details.get(name)) for name in reasons)), None),
        smtp_code=text(details.get("email_service_provider_status")),
        metadata=attached
        | known(
            bounce_category=bounce,
            category=category,
            domain_id=text(message.get("domain_id")),
            email_service_provider=text(details.get("email_service_provider")),
            recipient_mx=text(details.get("recipient_mx")),
            sender=_address(message.get("from")),
            sending_ip=text(details.get("sending_ip")),
            sending_stream=text(message.get("sending_stream")),
            subject=text(message.get("subject")),
        ),
    )


def _address(value: Any) -> str | None:
    """An address, without the name that may stand beside it."""
    header = text(value)
    return (text(parseaddr(header)[1]) or header) if header else None
