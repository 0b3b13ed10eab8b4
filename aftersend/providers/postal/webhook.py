"""What Postal's webhooks say: one event each, in an envelope (provider file, "Webhook", "Events").

Mail that Postal received is reported with the same words; its direction tells, and it passes by.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from email.utils import parseaddr
from typing import Any, NamedTuple

from aftersend.providers.agents import agent
from aftersend.providers.contract import Malformed
from aftersend.providers.items import unreadable
from aftersend.providers.marks import flat, told
from aftersend.providers.postal.identity import of_body, of_webhook
from aftersend.providers.postal.options import Options
from aftersend.providers.postal.words import (
    INCOMING,
    OF_NO_MESSAGE,
    STATUSES,
    WEBHOOKS,
    bounce_class,
    smtp_code,
)
from aftersend.providers.values import Stamp, decoded, known, text
from aftersend.vocabulary import BadInput, Delivery, Event, Kind, Precision, Reading


class _Call(NamedTuple):
    """An envelope, opened."""

    word: str
    kind: Kind
    uuid: str | None
    payload: dict[str, Any]
    message: dict[str, Any]
    """The message that it happened to."""
    at: Stamp
    source: str
    body: bytes

    def text(self, name: str) -> str | None:
        return text(self.payload.get(name))


def read(delivery: Delivery, source: str, options: Options) -> Reading:
    """The event of a call; nothing for received mail and for notices about the mail server."""
    try:
        call = _call(delivery, source)
        return Reading(events=[_event(call, options)] if call else [])
    except (BadInput, Malformed) as error:
        return unreadable(delivery, error)


def _call(delivery: Delivery, source: str) -> _Call | None:
    envelope = decoded(delivery.body, what="The webhook")
    if not isinstance(envelope, dict):
        raise BadInput("A webhook's JSON must be an object.")
    word, payload = text(envelope.get("event")), envelope.get("payload")
    if not word:
        raise BadInput("event is missing.", "event")
    if word in OF_NO_MESSAGE:
        return None
    if not isinstance(payload, dict):
        raise BadInput("payload must be an object.", "payload")
    original, bounce = _object(payload, "original_message"), _object(payload, "bounce")
    came_back = bool(original and bounce)
    message = original if came_back else _object(payload, "message") or original
    if (text(message.get("direction")) or "").lower() == INCOMING:
        return None
    # A bounce may come under another name; else the event's name counts before the status.
    kind = Kind.BOUNCED if came_back else WEBHOOKS.get(word) or STATUSES.get(text(payload.get("status")) or "")
    at = _time(payload.get("timestamp")) or _time(envelope.get("timestamp"))
    if at is None:
        raise BadInput("timestamp is missing, or is not a time in Unix seconds.", "timestamp")
    return _Call(word, kind or Kind.OTHER, text(envelope.get("uuid")), payload, message, at, source, delivery.body)


def _event(call: _Call, options: Options) -> Event:
    email, own = _address(call.message.get("to")), (text(call.message.get("message_id")) or "").strip("<> ") or None
    if not email and call.kind is not Kind.OTHER:
        raise BadInput("to is missing.", "to")
    details, output, client = call.text("details"), call.text("output"), call.text("user_agent")
    marks, who = {"tag": call.message.get("tag"), "message_id": own}, agent(client)
    delivered = call.kind is Kind.DELIVERED
    at = call.at.at
    return Event(
        slot=of_webhook(call.source, at, call.uuid) if call.uuid else of_body(call.source, at, call.body),
        row_id=call.uuid,
        kind=call.kind,
        word=call.word,
        occurred_at=at,
        precision=call.at.precision,
        campaign_id=told(marks, options.campaign_id),
        message_id=own,
        by_message=bool(own),
        external_id=told(marks, options.external_id),
        email=email,
        url=call.text("url"),
        ip=call.text("ip_address"),
        user_agent=client,
        device=who.device,
        machine=who.machine,
        machine_reason=who.machine_reason,
        bounce_class=bounce_class(output, details) if call.kind is Kind.BOUNCED else None,
        reason=None if delivered else output or details,
        smtp_code=smtp_code(output, details),
        metadata=_metadata(call)
        | known(details=details if delivered or output else None, output=output if delivered else None),
    )


def _metadata(call: _Call) -> dict[str, str]:
    message, bounce = call.message, _object(call.payload, "bounce")
    return flat(
        {
            **{name: message.get(name) for name in ("id", "token", "from", "subject", "spam_status", "tag")},
            **{name: call.payload.get(name) for name in ("status", "sent_with_ssl", "time")},
            "link_token": call.payload.get("token"),
            "bounce": {name: bounce.get(name) for name in ("id", "token", "message_id", "subject")},
        }
    )


def _object(payload: dict[str, Any], name: str) -> dict[str, Any]:
    found = payload.get(name)
    return found if isinstance(found, dict) else {}


def _address(header: Any) -> str | None:
    """The address of a header, which may have a display name beside it."""
    said = text(header)
    return (text(parseaddr(said)[1]) or said) if said else None


def _time(value: Any) -> Stamp | None:
    """Unix seconds with a fraction, cut to the millisecond; ``None`` for what is no time."""
    said = text(value)
    try:
        found = Decimal(said) if said and len(said) < 40 else None
    except InvalidOperation:
        return None
    if found is None or not found.is_finite() or not 0 <= found < 10**11:
        return None
    return Stamp(int(found * 1000), Precision.MILLISECOND if "." in str(said) else Precision.SECOND)
