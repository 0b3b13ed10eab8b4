"""Mailjet's Event API: who may call, and what a call says (provider file, Webhook).

Nothing is signed: a secret in the address or basic auth proves the call. Version 1 sends one event as an object,
version 2 an array of them; the outermost value tells which.
"""

from __future__ import annotations

from typing import Any

from aftersend.providers import marks
from aftersend.providers.agents import agent
from aftersend.providers.contract import Handshake, Malformed, Request
from aftersend.providers.items import problem, unreadable
from aftersend.providers.mailjet.identity import WEBHOOK, digest, of_event
from aftersend.providers.mailjet.options import Options
from aftersend.providers.mailjet.values import own_id, payload, seconds, smtp_code, truth
from aftersend.providers.mailjet.words import ERRORS, EVENTS, GREYLISTED, LIST_UNSUBSCRIBE
from aftersend.providers.proofs import verify_shared
from aftersend.providers.values import decoded, known, text
from aftersend.settings import Source
from aftersend.vocabulary import (
    BadInput,
    BounceClass,
    CampaignInfo,
    Delivery,
    Event,
    Kind,
    Reading,
)


def verify(request: Request, source: Source) -> Handshake | None:
    """A live secret must be shown."""
    return verify_shared(request, source, "Mailjet")


def read(delivery: Delivery, source: Source, options: Options) -> Reading:
    """The events of a call, and the names of their campaigns. An empty array says nothing."""
    try:
        said = decoded(delivery.body, what="The webhook")
        if not isinstance(said, (dict, list)):
            raise BadInput("A webhook's JSON must be an object or an array.")
    except (BadInput, Malformed) as error:
        return unreadable(delivery, error)
    reading, names = Reading(), dict[str, str]()
    for number, item in enumerate(said if isinstance(said, list) else [said]):
        try:
            event = _event(item, source.name, options)
        except BadInput as error:
            reading.problems.append(problem(number, item, error))
            continue
        reading.events.append(event)
        campaign, name = own_id(item.get("mj_campaign_id")), text(item.get("customcampaign"))
        if campaign and name:
            names[campaign] = name
    reading.campaigns = [CampaignInfo(campaign_id=campaign, name=name) for campaign, name in names.items()]
    return reading


def _event(item: Any, source: str, options: Options) -> Event:
    if not isinstance(item, dict):
        raise BadInput("An event must be an object.")
    word = text(item.get("event"))
    if not word:
        raise BadInput("event is missing.", "event")
    at = seconds(item.get("time"), "time")
    kind, bounce_class = _kind(word, item)
    email, url = text(item.get("email")), text(item.get("url"))
    message = own_id(item.get("MessageID")) or own_id(item.get("mj_message_id"))
    if not (message or email):
        raise BadInput("MessageID and email are missing.", "MessageID")
    fields, plain = payload(item.get("Payload"))
    custom_id = text(item.get("CustomID"))
    # The list of messages knows this one alone, so that it wins over a namesake in the payload.
    told = fields | known(CustomID=custom_id)
    chain = text(item.get("ip"))
    user_agent = text(item.get("agent"))
    header = user_agent == LIST_UNSUBSCRIBE
    acted = agent(None if header else user_agent)
    error, comment = text(item.get("error")), text(item.get("comment"))
    reply = text(item.get("smtp_reply"))
    return Event(
        slot=of_event(source, kind, word, message, email, at.at),
        list=WEBHOOK,
        row=digest(email and email.lower(), url, chain, error),
        kind=kind,
        word=word,
        occurred_at=at.at,
        precision=at.precision,
        clock=at.clock,
        message_id=message,
        by_message=bool(message),
        campaign_id=own_id(item.get("mj_campaign_id")) or marks.told(told, options.campaign_id),
        contact_id=own_id(item.get("mj_contact_id")),
        external_id=marks.told(told, options.external_id),
        email=email,
        url=url if kind is Kind.CLICKED else None,
        ip=chain.partition(",")[0].strip() or None if chain else None,
        ip_chain=chain if chain and "," in chain else None,
        user_agent=None if header else user_agent,
        device=acted.device,
        machine=acted.machine,
        machine_reason=acted.machine_reason,
        bounce_class=bounce_class,
        reason=error or comment,
        smtp_code=smtp_code(reply) or smtp_code(comment),
        metadata=known(
            blocked=_flag(item.get("blocked")),
            comment=comment,
            country=text(item.get("geo")),
            custom_campaign=text(item.get("customcampaign")),
            custom_id=custom_id,
            error_related_to=text(item.get("error_related_to")),
            list_id=own_id(item.get("mj_list_id")),
            message_guid=text(item.get("Message_GUID")),
            payload=plain,
            smtp_reply=reply,
            source=text(item.get("source")),
            unsubscribed_by=LIST_UNSUBSCRIBE if header else None,
        )
        | marks.flat(fields),
    )


def _kind(word: str, item: dict[str, Any]) -> tuple[Kind, BounceClass | None]:
    """The error comes before ``blocked``, which may be true where mail is only greylisted."""
    kind = EVENTS.get(word, Kind.OTHER)
    if kind is not Kind.BOUNCED:
        return kind, None
    error, hard = (text(item.get("error")) or "").lower(), truth(item.get("hard_bounce"))
    if hard:
        return kind, BounceClass.HARD
    if error == GREYLISTED:
        return Kind.DEFERRED, None
    found = ERRORS.get(error, BounceClass.UNDETERMINED)
    if hard is None or found is BounceClass.BLOCK:
        return kind, found
    return kind, BounceClass.SOFT


def _flag(value: Any) -> str | None:
    found = truth(value)
    return None if found is None else str(found).lower()
