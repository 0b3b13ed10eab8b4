"""Rows of the list of transactional events (provider file, "Pull feed"): without ids, and without
``X-Mailin-custom``."""

from __future__ import annotations

from collections import Counter
from typing import Any

from aftersend.providers.agents import Agent
from aftersend.providers.brevo.identity import ROWS, digest, slot
from aftersend.providers.brevo.marks import marked
from aftersend.providers.brevo.options import Options
from aftersend.providers.brevo.values import message_id, smtp_code
from aftersend.providers.brevo.words import INVALID, meaning
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.values import decoded, known, rows_of, stamp, text
from aftersend.vocabulary import BadInput, Delivery, Event, Kind, Machine, Reading

LIST = "events"


def read(delivery: Delivery, source: str, options: Options) -> Reading:
    """The events of a page."""
    try:
        rows = _rows(delivery.body)
    except Malformed as error:
        return unreadable(delivery, error)
    reading, met = Reading(), Counter[bytes]()
    for number, row in enumerate(rows):
        try:
            reading.events.append(_event(row, source, options, met))
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    return reading


def look(answer: Answer) -> Page:
    """A page. A short one ends nothing, since how many rows Brevo gives at most isn't documented well; an empty one
    does."""
    rows, met, ids = _rows(answer.body), Counter[str](), []
    for row in rows:
        own = digest(row) if isinstance(row, dict) else repr(row)
        ids.append(f"{own}/{met[own]}")
        met[own] += 1
    return Page(ids=ids, more=bool(rows))


def _rows(body: bytes) -> list[Any]:
    """The rows of an answer; an empty one may be ``{}``. Raises Malformed."""
    said = decoded(body)
    return [] if said == {} else rows_of(said, LIST)


def _event(row: Any, source: str, options: Options, met: Counter[bytes]) -> Event:
    if not isinstance(row, dict):
        raise BadInput("A row must be an object.")
    said = {name: text(row.get(name)) for name in ("event", "email", "from", "ip", "reason", "subject")}
    word, email, message = said["event"], said["email"], message_id(row.get("messageId"))
    if not word:
        raise BadInput("event is missing.", "event")
    if not email:
        raise BadInput("email is missing.", "email")
    at = stamp(row.get("date"), "date")
    if at is None:
        raise BadInput("date is missing.", "date")
    means, marks = meaning(word), marked(row, options)
    link = text(row.get("link")) if means.kind is Kind.CLICKED else None
    own = slot(at, source, means.fact, message, None, email, link, row)
    ordinal, met[own] = met[own], met[own] + 1
    acted = means.kind in (Kind.OPENED, Kind.CLICKED)
    actor = Agent(None, Machine.MACHINE, "loaded by a privacy proxy") if means.proxied else Agent()
    return Event(
        slot=own,
        list=ROWS,
        row=str(ordinal),
        kind=means.kind,
        word=word,
        occurred_at=at.at,
        precision=at.precision,
        clock=at.clock,
        message_id=message,
        by_message=bool(message),
        campaign_id=marks.campaign_id,
        external_id=marks.external_id,
        template=text(row.get("templateId")),
        email=email,
        url=link,
        # Inferred: of who opened or clicked; of all other events it is the one the email was sent from (the sample).
        ip=said["ip"] if acted else None,
        machine=actor.machine,
        machine_reason=actor.machine_reason,
        bounce_class=means.bounce_class,
        reason=said["reason"] or (INVALID if means.fact == INVALID else None),
        smtp_code=smtp_code(said["reason"]) if means.kind in (Kind.BOUNCED, Kind.DEFERRED, Kind.DROPPED) else None,
        metadata=marks.told
        | known(sender=said["from"], sending_ip=None if acted else said["ip"], subject=said["subject"]),
    )
