"""What Resend's webhooks tell of contacts and their choices (Events)."""

from __future__ import annotations

from typing import Any

from aftersend.providers.items import problem
from aftersend.providers.resend.calls import Call
from aftersend.providers.resend.identity import WEBHOOK, alone, of_contact
from aftersend.providers.resend.words import CHOICES, CREATED, DELETED, TOPICS, UPDATED
from aftersend.providers.values import known, text
from aftersend.vocabulary import BadInput, ContactInfo, Event, Kind, Reading


def read(call: Call) -> Reading:
    """Who a contact is, and what it chose, as far as a call tells. Raises BadInput."""
    email = call.text("email")
    if call.word not in (CREATED, UPDATED, DELETED, TOPICS):
        return Reading(events=[_event(call, Kind.OTHER, email, alone(call.source, call.word, call.id))])
    if not email:
        raise BadInput("email is missing.", "email")
    if call.word == TOPICS:
        return _topics(call, email)
    gone = (call.at or call.received).at if call.word == DELETED else None
    info = ContactInfo(
        email=email, first_name=call.text("first_name"), last_name=call.text("last_name"), deleted_at=gone
    )
    reading, unsubscribed, who = Reading(contacts=[info]), call.data.get("unsubscribed"), call.text("id") or email
    if call.word == CREATED and unsubscribed is False:
        slot = of_contact(call.source, call.word, who)
        reading.events.append(_event(call, Kind.RESUBSCRIBED, email, slot))
    if call.word == UPDATED and unsubscribed is True:
        slot = of_contact(call.source, call.word, who)
        reading.events.append(_event(call, Kind.UNSUBSCRIBED, email, slot))
    return reading


def _topics(call: Call, email: str) -> Reading:
    """One choice for each topic."""
    topics = call.data.get("topics")
    if not isinstance(topics, list):
        raise BadInput("topics must be a list.", "topics")
    reading = Reading()
    for number, topic in enumerate(topics):
        try:
            reading.events.append(_choice(call, email, topic))
        except BadInput as error:
            reading.problems.append(problem(number, topic, error))
    return reading


def _choice(call: Call, email: str, topic: Any) -> Event:
    own = text(topic.get("id")) if isinstance(topic, dict) else None
    if not own:
        raise BadInput("A topic must be an object with 'id'.", "id")
    chosen = text(topic.get("subscription"))
    kind = CHOICES.get(chosen or "", Kind.OTHER)
    slot = of_contact(call.source, f"{kind} {chosen}", email, own)
    row = str(call.at.at) if call.at else call.id
    return _event(call, kind, email, slot, row, scope="topic", topic_id=own, subscription=chosen)


def _event(call: Call, kind: Kind, email: str | None, slot: bytes, row: str = "", **more: str | None) -> Event:
    at, segments = call.at or call.received, call.data.get("segment_ids")
    listed = ", ".join(filter(None, map(text, segments))) if isinstance(segments, list) else None
    own = {"contact_id": call.text("id"), "audience_id": call.text("audience_id"), "segment_ids": listed}
    return Event(
        slot=slot,
        list=WEBHOOK if row else "",
        row=row,
        kind=kind,
        word=call.word,
        row_id=call.own_id,
        occurred_at=at.at,
        precision=at.precision,
        clock=at.clock,
        email=email,
        metadata=known(**own, **more),
    )
