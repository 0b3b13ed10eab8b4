"""Records: what Postmark tells of one fact, alike in a webhook and in a row of a list (provider file, Events).

One record has one event. The address stands under ``Email`` in bounces and complaints, under ``Recipient`` elsewhere.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from aftersend.providers import marks
from aftersend.providers.agents import Agent, agent
from aftersend.providers.postmark.identity import BOUNCES as BOUNCE_LIST
from aftersend.providers.postmark.identity import (
    CHANGES,
    alone,
    digest,
    of_act,
    of_bounce,
    of_change,
    of_contact,
    of_message,
)
from aftersend.providers.postmark.options import Options, several
from aftersend.providers.postmark.values import When, named, smtp_code, when
from aftersend.providers.postmark.words import BOUNCES, CODES, COMPLAINT, DEVICES, INBOUND, MANUAL, RECIPIENT
from aftersend.providers.values import Stamp, known, text
from aftersend.vocabulary import BadInput, Event, Instant, Kind, Precision

_SENT_BY_POSTMARK = re.compile(r"<?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@", re.IGNORECASE)


class Record(NamedTuple):
    """One record, and what is needed to read it."""

    said: dict[str, Any]
    source: str
    options: Options
    received_at: Instant

    def text(self, name: str) -> str | None:
        return text(self.said.get(name))

    def needed(self, name: str) -> str:
        if found := self.text(name):
            return found
        raise BadInput(f"{name} is missing.", name)

    def when(self, name: str) -> When:
        if found := when(self.said.get(name), name):
            return found
        raise BadInput(f"{name} is missing.", name)

    def when_or_received(self, name: str) -> Stamp:
        found = when(self.said.get(name), name)
        return found.stamp if found else Stamp(self.received_at).about(Precision.SECOND)

    def object(self, name: str) -> dict[str, Any]:
        found = self.said.get(name)
        return found if isinstance(found, dict) else {}


def event(record: Record) -> Event:
    """The event of a record. Raises BadInput naming what it lacks."""
    match record.text("RecordType"):
        case "Delivery":
            return _delivery(record)
        case "Bounce":
            return _bounce(record)
        case "SpamComplaint":
            return _complaint(record, "SpamComplaint")
        case "Open":
            return _act(record, Kind.OPENED)
        case "Click":
            return _act(record, Kind.CLICKED)
        case "SubscriptionChange":
            return _change(record)
        case None if record.object("FromFull"):
            return _inbound(record)
        case None if "ID" in record.said and ("Type" in record.said or "TypeCode" in record.said):
            # Bounces by mail (Quirks) and older ones come without.
            return _bounce(record)
        case None:
            raise BadInput("RecordType is missing.", "RecordType")
        case word:
            return _other(record, word)


def _event(record: Record, kind: Kind, word: str, at: Stamp, **fields: Any) -> Event:
    sender, message, tag = record.object("Metadata"), record.text("MessageID"), record.text("Tag")
    stream = record.text("MessageStream")
    told = {"Tag": tag, "MessageStream": stream} | sender
    metadata = known(
        message_stream=stream,
        server_id=record.text("ServerID") or record.text("ServerId"),
        tag=tag,
        **fields.pop("metadata", {}),
    )
    common = {
        "message_id": message,
        "by_message": bool(message),
        "email": record.text("Recipient") or record.text("Email"),
        "campaign_id": marks.told(told, record.options.campaign_id),
        "external_id": marks.told(told, record.options.external_id),
    }
    return Event(
        kind=kind,
        word=word,
        occurred_at=at.at,
        precision=at.precision,
        clock=at.clock,
        # The sender's own names win over ours.
        metadata=metadata | marks.flat(sender),
        **(common | fields),
    )


def _delivery(record: Record) -> Event:
    message, recipient = record.needed("MessageID"), record.needed("Recipient")
    return _event(
        record,
        Kind.DELIVERED,
        "Delivery",
        record.when_or_received("DeliveredAt"),
        slot=of_message(record.source, Kind.DELIVERED, message, recipient),
        smtp_code=smtp_code(record.said.get("Details")),
        metadata={"details": record.text("Details")},
    )


def _bounce(record: Record) -> Event:
    code = record.said.get("TypeCode")
    word = record.text("Type") or (CODES.get(code) if type(code) is int else None) or "Bounce"
    kind, bounce_class = BOUNCES.get(word, (Kind.OTHER, None))
    if kind is Kind.COMPLAINED:
        return _complaint(record, word)
    own = record.needed("ID")
    return _returned(record, kind, word, slot=of_bounce(record.source, own), row_id=own, bounce_class=bounce_class)


def _complaint(record: Record, word: str) -> Event:
    own, message, recipient = record.needed("ID"), record.text("MessageID"), record.text("Email")
    if message and recipient:
        slot = of_message(record.source, Kind.COMPLAINED, message, recipient)
        return _returned(record, Kind.COMPLAINED, word, slot=slot, list=BOUNCE_LIST, row=own, row_id=own)
    return _returned(record, Kind.COMPLAINED, word, slot=of_bounce(record.source, own), row_id=own)


def _returned(record: Record, kind: Kind, word: str, **fields: Any) -> Event:
    """What is in the list of bounces. Its mail's ``Content`` is left where it is."""
    description, details = record.text("Description"), record.text("Details")
    return _event(
        record,
        kind,
        word,
        record.when_or_received("BouncedAt"),
        reason=description or details or record.text("Name"),
        smtp_code=smtp_code(details),
        metadata={
            "can_activate": _flag(record, "CanActivate"),
            "details": details,
            "dump_available": _flag(record, "DumpAvailable"),
            "from": record.text("From"),
            "inactive": _flag(record, "Inactive"),
            "name": record.text("Name"),
            "subject": record.text("Subject"),
            "type_code": record.text("TypeCode"),
        },
        **fields,
    )


def _act(record: Record, kind: Kind) -> Event:
    recipient, at = record.needed("Recipient"), record.when("ReceivedAt")
    url = record.text("OriginalLink") if kind is Kind.CLICKED else None
    user_agent, geo = record.text("UserAgent"), record.object("Geo")
    platform = record.text("Platform")
    guessed: Agent = agent(user_agent)
    return _event(
        record,
        kind,
        record.needed("RecordType"),
        at.stamp,
        slot=of_act(record.source, kind, record.text("MessageID"), recipient, at, url),
        url=url,
        ip=named(geo, "IP"),
        user_agent=user_agent,
        device=DEVICES.get(platform or "", guessed.device),
        machine=guessed.machine,
        machine_reason=guessed.machine_reason,
        metadata={
            "city": named(geo, "City"),
            "click_location": record.text("ClickLocation"),
            "coords": named(geo, "Coords"),
            "client": named(record.said.get("Client")),
            "country": named(geo, "CountryISOCode"),
            "first_open": _flag(record, "FirstOpen"),
            "os": named(record.said.get("OS")),
            "platform": None if platform == "Unknown" else platform,
            "read_seconds": record.text("ReadSeconds") if record.said.get("ReadSeconds") != 0 else None,
            "region": named(geo, "Region"),
            "zip": named(geo, "Zip"),
        },
    )


def _change(record: Record) -> Event:
    recipient, at, stream = record.needed("Recipient"), record.when("ChangedAt"), record.text("MessageStream")
    kind = _changed(record)
    message = record.text("MessageID")
    place: dict[str, Any]
    if kind is Kind.OTHER:
        place = {"slot": of_change(record.source, stream, recipient, at, record.text("SuppressionReason"))}
    elif kind is Kind.COMPLAINED and message:
        place = {"slot": of_message(record.source, kind, message, recipient), "list": CHANGES}
    else:
        place = {"slot": of_contact(record.source, kind, stream, recipient), "list": CHANGES, "row": at.exact}
    return _event(
        record,
        kind,
        "SubscriptionChange",
        at.stamp,
        **place,
        metadata={
            "origin": record.text("Origin"),
            "suppress_sending": _flag(record, "SuppressSending"),
            "suppression_reason": record.text("SuppressionReason"),
        },
    )


def _changed(record: Record) -> Kind:
    """The reason comes before the origin, which may be ``Recipient`` for a hard bounce as well."""
    suppressed = record.said.get("SuppressSending")
    if suppressed is False:
        return Kind.RESUBSCRIBED
    if suppressed is not True:
        raise BadInput("SuppressSending must be true or false.", "SuppressSending")
    reason = record.text("SuppressionReason")
    if reason == COMPLAINT and record.text("MessageStream") not in several(record.options.transactional_streams):
        return Kind.COMPLAINED
    if reason == MANUAL and record.text("Origin") == RECIPIENT:
        return Kind.UNSUBSCRIBED
    return Kind.OTHER


def _inbound(record: Record) -> Event:
    """A mail that came in; a reply if it says that it is one. Its own date is its writer's, and not believed."""
    answered = _header(record, "in-reply-to")
    sent = _SENT_BY_POSTMARK.match(answered or "")
    kind = Kind.REPLIED if answered else Kind.OTHER
    own = record.text("MessageID") or digest(record.said)
    return _event(
        record,
        kind,
        INBOUND,
        Stamp(record.received_at).about(Precision.SECOND),
        slot=alone(record.source, kind, INBOUND, own),
        row_id=record.text("MessageID"),
        message_id=sent[1].lower() if sent else None,
        by_message=bool(sent),
        email=named(record.said.get("FromFull"), "Email"),
        metadata={"in_reply_to": answered, "subject": record.text("Subject")},
    )


def _header(record: Record, name: str) -> str | None:
    headers = record.said.get("Headers")
    for header in headers if isinstance(headers, list) else []:
        if isinstance(header, dict) and (text(header.get("Name")) or "").lower() == name:
            return text(header.get("Value"))
    return None


def _other(record: Record, word: str) -> Event:
    at = next((found for name in ("ReceivedAt", "ChangedAt", "BouncedAt") if (found := _any_time(record, name))), None)
    return _event(
        record,
        Kind.OTHER,
        word,
        at or Stamp(record.received_at).about(Precision.SECOND),
        slot=alone(record.source, Kind.OTHER, word, digest(record.said)),
    )


def _any_time(record: Record, name: str) -> Stamp | None:
    try:
        found = when(record.said.get(name), name)
    except BadInput:
        return None
    return found.stamp if found else None


def _flag(record: Record, name: str) -> str | None:
    found = record.said.get(name)
    return str(found).lower() if isinstance(found, bool) else None
