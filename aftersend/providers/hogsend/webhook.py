"""Hogsend's outbound webhooks: who may call, and what a call says (provider file, section 3.1).

One event a call, in an envelope ``{id, type, timestamp, data}``, signed as Standard Webhooks are. ``userId`` and times
are not what they seem: see :func:`~aftersend.providers.hogsend.values.external_id` and
:mod:`~aftersend.providers.hogsend.identity`.
"""

from __future__ import annotations

from email.utils import parseaddr
from typing import Any, NamedTuple

from aftersend.providers.contract import Handshake, Malformed, Request, check_address, check_method
from aftersend.providers.hogsend.identity import BOUNCES as BOUNCE_LIST
from aftersend.providers.hogsend.identity import WEBHOOK, alone, digest, of_contact, of_send
from aftersend.providers.hogsend.values import external_id
from aftersend.providers.hogsend.words import BOUNCES, COMPLAINT, EMAIL, GONE, TOLD, WEBHOOKS
from aftersend.providers.items import unreadable
from aftersend.providers.standard import check_signature
from aftersend.providers.values import Stamp, decoded, first_time, known, text
from aftersend.settings import Source
from aftersend.vocabulary import (
    BadInput,
    BounceClass,
    ContactInfo,
    Delivery,
    Event,
    Kind,
    Reading,
)


def verify(request: Request, source: Source) -> Handshake | None:
    """The signature over the raw bytes must be one of the source's secrets', and at most 300 seconds old or ahead."""
    check_method(request, "Hogsend")
    check_address(request, source)
    if request.method != "POST":
        return Handshake()
    check_signature(request, source, "Hogsend shows it (whsec_…) once, when the webhook is made or its secret rotated")
    return None


class _Call(NamedTuple):
    """An envelope, opened."""

    id: str
    word: str
    data: dict[str, Any]
    at: Stamp
    """When it happened, as far as the envelope tells."""
    source: str

    def text(self, name: str) -> str | None:
        return text(self.data.get(name))


def read(delivery: Delivery, source: str) -> Reading:
    """The event of a call, or what it tells about a contact. Events of other things than emails pass by."""
    try:
        call = _call(delivery, source)
        if call is None:
            return Reading()
        if call.word in TOLD or call.word == GONE:
            return Reading(contacts=_contact(call))
        return Reading(events=[_event(call)])
    except (BadInput, Malformed) as error:
        return unreadable(delivery, error)


def _call(delivery: Delivery, source: str) -> _Call | None:
    envelope = decoded(delivery.body)
    if not isinstance(envelope, dict):
        raise BadInput("A webhook's JSON must be an object.")
    word, data = text(envelope.get("type")), envelope.get("data")
    if not word:
        raise BadInput("type is missing.", "type")
    if not (word in WEBHOOKS or word in TOLD or word == GONE or word.startswith(EMAIL)):
        return None
    if not isinstance(data, dict):
        raise BadInput("data must be an object.", "data")
    at = (
        first_time(data.get("at"), data.get("sentAt"), envelope.get("timestamp")) or Stamp(delivery.received_at).about()
    )
    return _Call(text(envelope.get("id")) or digest(delivery.body), word, data, at, source)


def _event(call: _Call) -> Event:
    match WEBHOOKS.get(call.word):
        case Kind.OPENED | Kind.CLICKED as kind:
            return _of_send(call, kind, list=WEBHOOK, row=call.id, url=call.text("linkUrl"))
        case Kind.BOUNCED:
            return _bounced(call)
        case Kind.REPLIED:
            return _replied(call)
        case Kind.UNSUBSCRIBED | Kind.RESUBSCRIBED as kind:
            return _of_contact(call, kind)
        case Kind.OTHER:
            return _of_send(call, Kind.OTHER, call.text("event") or "", url=call.text("linkUrl"))
        case None:
            return _of_send(call, Kind.OTHER, call.word, list=WEBHOOK, row=call.id)
        case kind:
            return _of_send(call, kind)


def _of_send(call: _Call, kind: Kind, fact: str = "", **fields: Any) -> Event:
    """An event of one send. Without the send's id, which calls have but nobody promises, it stands alone."""
    send, email, template = call.text("emailSendId"), call.text("to"), call.text("templateKey")
    event = {
        "slot": of_send(call.source, kind, send, fact) if send else alone(call.source, kind, call.id),
        "message_id": send,
        "by_message": bool(send),
        "campaign_id": template,
        "template": template,
        "email": email,
        "external_id": external_id(call.data.get("userId"), email),
        "metadata": known(
            action=call.text("event"),
            category=call.text("category"),
            journey_state_id=call.text("journeyStateId"),
            link_id=call.text("linkId"),
            provider_message_id=call.text("messageId"),
            subject=call.text("subject"),
        ),
    }
    return _at(call, kind, **(event | fields))


def _at(call: _Call, kind: Kind, **fields: Any) -> Event:
    return Event(
        kind=kind,
        word=call.word,
        occurred_at=call.at.at,
        precision=call.at.precision,
        clock=call.at.clock,
        **fields,
    )


def _bounced(call: _Call) -> Event:
    word, reason = (call.text("bounceType") or "").lower(), call.text("bounceReason")
    if word == COMPLAINT:
        return _of_send(call, Kind.COMPLAINED, reason=reason)
    found = BOUNCES.get(word, BounceClass.UNDETERMINED)
    return _of_send(call, Kind.BOUNCED, list=BOUNCE_LIST, row=found, bounce_class=found, reason=reason)


def _replied(call: _Call) -> Event:
    """A reply is known by its own message id. One to no known send is its writer's."""
    own = call.text("messageId") or call.id
    metadata = known(reply_id=call.text("messageId"), in_reply_to=call.text("inReplyTo"), subject=call.text("subject"))
    if call.text("emailSendId"):
        return _of_send(call, Kind.REPLIED, list=WEBHOOK, row=own, metadata=metadata)
    writer = text(parseaddr(call.text("from") or "")[1])
    key = alone(call.source, Kind.REPLIED, own)
    return _of_send(call, Kind.REPLIED, slot=key, email=writer, external_id=None, metadata=metadata)


def _of_contact(call: _Call, kind: Kind) -> Event:
    email, own, category = call.text("email"), call.text("externalId"), call.text("category")
    who = email or own
    if not who:
        raise BadInput("email is missing.", "email")
    scope = call.text("scope")
    return _at(
        call,
        kind,
        slot=of_contact(call.source, kind, who, category if scope == "category" else None),
        list=WEBHOOK,
        row=call.id,
        email=email,
        external_id=external_id(own, email),
        metadata=known(scope=scope, category=category, source=call.text("source")),
    )


def _contact(call: _Call) -> list[ContactInfo]:
    """What is told about a contact; nothing where nobody is named."""
    email = call.text("email")
    own = external_id(call.data.get("externalId"), email)
    if not (email or own):
        return []
    return [ContactInfo(email=email, external_id=own, deleted_at=call.at.at if call.word == GONE else None)]
