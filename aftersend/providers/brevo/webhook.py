"""Brevo's webhooks: who may call, and what a call says (provider file, "Webhook" and "Example payloads").

Nothing is signed. A call tells one event, or, from a webhook made with ``batched``, up to 500; in which shape isn't
documented, so several are understood.
"""

from __future__ import annotations

from typing import Any

from aftersend.providers.agents import Agent, agent
from aftersend.providers.brevo.identity import CALLS, slot
from aftersend.providers.brevo.marks import Marks, marked
from aftersend.providers.brevo.options import Options
from aftersend.providers.brevo.values import happened, message_id, smtp_code
from aftersend.providers.brevo.words import DELETED, DEVICES, INVALID, Word, meaning, plain
from aftersend.providers.contract import Handshake, Malformed, Request
from aftersend.providers.items import problem, unreadable
from aftersend.providers.proofs import verify_shared
from aftersend.providers.values import Stamp, decoded, known, text
from aftersend.settings import Source
from aftersend.vocabulary import (
    BadInput,
    CampaignInfo,
    ContactInfo,
    Delivery,
    Event,
    Kind,
    Machine,
    Reading,
)

INBOUND = "items"
"""The only member of what the webhook of inbound emails sends."""


def verify(request: Request, source: Source, options: Options) -> Handshake | None:
    """One of the source's secrets must come along: in the path, by basic auth, as bearer token, or in the header that
    the source names."""
    return verify_shared(request, source, "Brevo", headers=(options.secret_header.strip().lower(),))


def read(delivery: Delivery, source: str, options: Options) -> Reading:
    """The events of a call, what it tells about campaigns, and which contacts are gone."""
    try:
        items = _items(decoded(delivery.body, what="The webhook"))
    except (BadInput, Malformed) as error:
        return unreadable(delivery, error)
    reading, campaigns = Reading(), dict[str, CampaignInfo]()
    for number, item in enumerate(items):
        try:
            event = _event(item, delivery, source, options)
        except BadInput as error:
            reading.problems.append(problem(number, item, error))
            continue
        reading.events.append(event)
        campaign, name = text(item.get("camp_id")), text(item.get("campaign name"))
        if campaign and name:
            campaigns[campaign] = CampaignInfo(campaign_id=campaign, name=name)
        if plain(event.word) == DELETED and event.email:
            reading.contacts.append(ContactInfo(email=event.email, deleted_at=event.occurred_at))
    reading.campaigns = list(campaigns.values())
    return reading


def _items(said: Any) -> list[Any]:
    """The events of a body: a list of them, an object that holds nothing else but one, or one event."""
    if isinstance(said, list):
        return said
    if not isinstance(said, dict):
        raise BadInput("A webhook's JSON must be an object or a list.")
    if "event" in said:
        return [said]
    if isinstance(said.get(INBOUND), list):
        raise BadInput("This is the webhook of inbound emails, which tells nothing of those that were sent.", INBOUND)
    lists = [value for value in said.values() if isinstance(value, list)]
    if len(lists) == 1 and any(isinstance(item, dict) for item in lists[0]):
        return lists[0]
    raise BadInput("event is missing.", "event")


def _event(item: Any, delivery: Delivery, source: str, options: Options) -> Event:
    if not isinstance(item, dict):
        raise BadInput("An event must be an object.")
    word, email = text(item.get("event")), text(item.get("email"))
    if not word:
        raise BadInput("event is missing.", "event")
    means = meaning(word)
    if not email and means.kind is not Kind.OTHER:
        raise BadInput("email is missing.", "email")
    marks = marked(item, options)
    message, campaign = message_id(item.get("message-id")), text(item.get("camp_id"))
    link = (text(item.get("link")) or text(item.get("URL"))) if means.kind is Kind.CLICKED else None
    at = happened(item)
    told = at or Stamp(delivery.received_at).about()
    user_agent, reason = text(item.get("user_agent")), text(item.get("reason"))
    actor = _actor(means, user_agent)
    return Event(
        slot=slot(at, source, means.fact, message, campaign, email, link, item),
        list=CALLS,
        kind=means.kind,
        word=word,
        occurred_at=told.at,
        precision=told.precision,
        clock=told.clock,
        message_id=message,
        by_message=bool(message),
        campaign_id=campaign or marks.campaign_id,
        template=_number(item.get("template_id")),
        external_id=marks.external_id,
        email=email,
        url=link,
        user_agent=user_agent,
        device=DEVICES.get((text(item.get("device_used")) or "").lower()) or actor.device,
        machine=actor.machine,
        machine_reason=actor.machine_reason,
        bounce_class=means.bounce_class,
        reason=reason or (INVALID if means.fact == INVALID else None),
        smtp_code=smtp_code(reason) if means.kind in (Kind.BOUNCED, Kind.DEFERRED, Kind.DROPPED) else None,
        metadata=_metadata(item, marks),
    )


def _actor(means: Word, user_agent: str | None) -> Agent:
    found = agent(user_agent)
    if means.proxied:
        return Agent(found.device, Machine.MACHINE, "loaded by a privacy proxy")
    return found


def _metadata(item: dict[str, Any], marks: Marks) -> dict[str, str]:
    segments = item.get("segment_ids")
    return marks.told | known(
        contact=_number(item.get("contact_id")),
        mirror_link=text(item.get("mirror_link")),
        segments=", ".join(filter(None, map(text, segments))) if isinstance(segments, list) else None,
        sender=text(item.get("sender_email")),
        sending_ip=text(item.get("sending_ip")),
        subject=text(item.get("subject")),
    )


def _number(value: Any) -> str | None:
    """An id, of which 0 is none."""
    said = text(value)
    return None if said == "0" else said
