"""What SES publishes: one event a post, of one email to one or more recipients (provider file, "Events").

It is JSON within JSON. An event is told apart for each recipient it names; what one person did with an email to several
(an open, a click, a change of subscriptions) is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parseaddr
from typing import Any, NamedTuple

from aftersend.providers import marks, sns
from aftersend.providers.agents import agent
from aftersend.providers.amazon_ses.identity import of_email, of_envelope
from aftersend.providers.amazon_ses.words import (
    BOUNCE_TYPES,
    BOUNCES,
    INBOUND,
    NO_SPAM,
    OPT_IN,
    OPT_OUT,
    SUPPRESSED,
    TEST,
    WORDS,
    Word,
)
from aftersend.providers.contract import Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.values import Stamp, first_time, known, text
from aftersend.vocabulary import BadInput, BounceClass, Delivery, Event, Kind, Reading

_SMTP = re.compile(r"(?:^|;\s*)([245]\d\d)\b")


class Options(sns.Options, frozen=True, kw_only=True):
    """Amazon SES's own options of a source. Marks are message tags and headers."""

    campaign_id: str = "campaign_id, campaign, X-Campaign-Id"
    """The mark that holds the campaign."""


def read(delivery: Delivery, options: Options) -> Reading:
    """The events of a post, one for each recipient."""
    try:
        told = sns.opened(delivery.body)
        if told["Type"] == sns.UNSUBSCRIBED:
            return Reading(events=[sns.unsubscribed(told, delivery)])
        if told["Type"] == sns.CONFIRMATION or told["Message"].startswith(TEST):
            return Reading()
        call = _call(told, delivery, options)
    except (BadInput, Malformed) as error:
        return unreadable(delivery, error)
    return Reading() if call.word == INBOUND else _read(call)


class _Call(NamedTuple):
    """An event, opened."""

    source: str
    envelope: str
    word: str
    meaning: Word
    detail: dict[str, Any]
    mail: dict[str, Any]
    at: Stamp
    """When it happened, as far as anything tells."""
    timed: bool
    """Whether the event itself told it."""
    common: dict[str, Any]
    """Fields of all its events."""

    def text(self, name: str) -> str | None:
        """A field of the detail."""
        return text(self.detail.get(name))


class _Who(NamedTuple):
    """A recipient as an event names it."""

    email: str | None
    told: dict[str, Any]
    """What is told of this recipient alone."""


def _call(told: sns.Told, delivery: Delivery, options: Options) -> _Call:
    event = sns.said(told)
    if not isinstance(event, dict):
        raise BadInput("The message must be an object.")
    word = text(event.get("eventType")) or text(event.get("notificationType"))
    if not word:
        raise BadInput("eventType is missing.", "eventType")
    meaning = WORDS.get(word) or Word(Kind.OTHER, word[0].lower() + word[1:].replace(" ", ""))
    mail, detail = _object(event.get("mail")), _object(event.get(meaning.detail))
    at = first_time(detail.get("timestamp"))
    if at is None and meaning.detail in ("send", "reject", "failure"):
        at = first_time(mail.get("timestamp"))
    found = at or (sns.published(told) or Stamp(delivery.received_at)).about()
    return _Call(
        delivery.source,
        text(told["MessageId"]) or "",
        word,
        meaning,
        detail,
        mail,
        found,
        at is not None,
        _common(mail, options),
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _common(mail: dict[str, Any], options: Options) -> dict[str, Any]:
    """What every event of an email has."""
    headers = {
        name: value
        for header in _list(mail.get("headers"))
        if isinstance(header, dict) and (name := text(header.get("name"))) and (value := text(header.get("value")))
    }
    lower = {name.lower(): value for name, value in headers.items()}
    # Identity notifications have no tags, only the header that set them.
    tags = marks.flat(mail.get("tags")) or dict(_tags(lower.get("x-ses-message-tags", "")))
    message = text(mail.get("messageId"))
    return {
        "message_id": message,
        "by_message": bool(message),
        "campaign_id": marks.told(tags, options.campaign_id) or marks.told(headers, options.campaign_id),
        "external_id": marks.told(tags, options.external_id) or marks.told(headers, options.external_id),
        "metadata": tags
        | known(
            subject=text(_object(mail.get("commonHeaders")).get("subject")) or lower.get("subject"),
            rfc_message_id=lower.get("message-id"),
            **{"from": text(mail.get("source"))},
        ),
    }


def _tags(header: str) -> Iterator[tuple[str, str]]:
    for pair in header.split(","):
        name, _, value = (part.strip() for part in pair.partition("="))
        if name and value:
            yield name, value


def _read(call: _Call) -> Reading:
    reading = Reading()
    seen: set[bytes] = set()
    for number, who in enumerate(_recipients(call)):
        if who is None:
            reason = f"Recipient {number} of {call.word} has no address."
            reading.problems.append(problem(number, call.detail, reason))
            continue
        for event in _events(call, who):
            if event.slot not in seen:
                seen.add(event.slot)
                reading.events.append(event)
    return reading


def _recipients(call: _Call) -> list[_Who | None]:
    """Those an event concerns; ``None`` for one that can't be understood."""
    listed = call.detail.get(call.meaning.recipients) if call.meaning.recipients else None
    if isinstance(listed, list) and listed:
        return [_who(one) for one in listed]
    destinations = [_who(one) for one in _list(call.mail.get("destination"))]
    if not destinations or (call.meaning.personal and len(destinations) > 1):
        return [_Who(None, {})]
    return destinations


def _who(value: Any) -> _Who | None:
    told = _object(value)
    written = text(told.get("emailAddress") if told else value)
    if not written:
        return None
    return _Who((parseaddr(written)[1] if "<" in written else "") or written, told)


def _events(call: _Call, who: _Who) -> list[Event]:
    """What happened to one recipient: one event, unless some subscriptions ended and others began."""
    match call.word:
        case "Bounce":
            return [_bounced(call, who)]
        case "Complaint":
            return [_complained(call, who)]
        case "DeliveryDelay":
            reason = text(who.told.get("diagnosticCode")) or call.text("delayType")
            more = ("delayType", "expirationTime", "reportingMTA")
            return [_event(call, who, Kind.DEFERRED, reason=reason, smtp_code=_smtp(who), **_more(call, who, *more))]
        case "Delivery":
            answer = call.text("smtpResponse")
            found = _SMTP.search(answer or "")
            more = ("smtpResponse", "reportingMTA", "processingTimeMillis")
            return [_event(call, who, Kind.DELIVERED, smtp_code=found and found[1], **_more(call, who, *more))]
        case "Open" | "Click":
            return [_acted(call, who)]
        case "Subscription":
            return _subscription(call, who)
        case "Rendering Failure":
            reason = call.text("errorMessage")
            return [_event(call, who, Kind.DROPPED, reason=reason, template=call.text("templateName"))]
    return [_event(call, who, call.meaning.kind, reason=call.text("reason"))]


def _event(call: _Call, who: _Who, kind: Kind, *more: str | None, **fields: Any) -> Event:
    """An event of a recipient; ``more`` is what else its identity has."""
    message = call.common["message_id"]
    if message and call.timed:
        slot = of_email(call.source, kind, call.word, message, who.email, call.at.at, *more)
    else:
        slot = of_envelope(call.source, kind, call.word, call.envelope, who.email)
    metadata = call.common["metadata"] | fields.pop("metadata", {})
    return Event(
        slot=slot,
        kind=kind,
        word=call.word,
        occurred_at=call.at.at,
        precision=call.at.precision,
        clock=call.at.clock,
        email=who.email,
        **(call.common | {"metadata": metadata} | fields),
    )


def _more(call: _Call, who: _Who, *names: str) -> dict[str, dict[str, str]]:
    """Details that have no field, as metadata under names like our own."""
    found = {_snake(name): call.text(name) for name in names}
    return {"metadata": known(**found, action=text(who.told.get("action")), status=text(who.told.get("status")))}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _smtp(who: _Who) -> str | None:
    """The code in a diagnosis, as in ``smtp; 550 5.1.1 user unknown``."""
    found = _SMTP.search(text(who.told.get("diagnosticCode")) or "")
    return found[1] if found else None


def _bounced(call: _Call, who: _Who) -> Event:
    kind_of_bounce, subtype = call.text("bounceType") or "", call.text("bounceSubType") or ""
    fields = {
        "reason": text(who.told.get("diagnosticCode")) or subtype or None,
        "smtp_code": _smtp(who),
        **_more(call, who, "bounceType", "bounceSubType", "reportingMTA", "feedbackId"),
    }
    feedback = call.text("feedbackId")
    if subtype in SUPPRESSED:
        return _event(call, who, Kind.DROPPED, feedback, **fields)
    found = BOUNCES.get((kind_of_bounce, subtype)) or BOUNCE_TYPES.get(kind_of_bounce, BounceClass.UNDETERMINED)
    return _event(call, who, Kind.BOUNCED, feedback, bounce_class=found, **fields)


def _complained(call: _Call, who: _Who) -> Event:
    """Who complained is known only where a single recipient is named: else it is one of them."""
    feedback, subtype, meant = (
        call.text("feedbackId"),
        call.text("complaintSubType"),
        call.text("complaintFeedbackType"),
    )
    fields = _more(call, who, "complaintFeedbackType", "complaintSubType", "feedbackId", "userAgent", "arrivalDate")
    if len(_list(call.detail.get("complainedRecipients"))) > 1:
        fields["metadata"]["complainant"] = "possible"
    if subtype in SUPPRESSED:
        return _event(call, who, Kind.DROPPED, feedback, reason=subtype, **fields)
    kind = Kind.OTHER if meant == NO_SPAM else Kind.COMPLAINED
    return _event(call, who, kind, feedback, reason=meant, **fields)


def _acted(call: _Call, who: _Who) -> Event:
    program, address = call.text("userAgent"), call.text("ipAddress")
    found = agent(program)
    first = (address or "").partition(",")[0].strip() or None
    url = call.text("link")
    return _event(
        call,
        who,
        call.meaning.kind,
        url,
        url=url,
        ip=first,
        ip_chain=address if address != first else None,
        user_agent=program,
        device=found.device,
        machine=found.machine,
        machine_reason=found.machine_reason,
        metadata=marks.flat(call.detail.get("linkTags"), "link_tags"),
    )


def _subscription(call: _Call, who: _Who) -> list[Event]:
    """What differs between the old and the new preferences."""
    told = _more(call, who, "contactList", "source")["metadata"]
    old, new = (_object(call.detail.get(f"{age}TopicPreferences")) for age in ("old", "new"))
    everything = new.get("unsubscribeAll") is True
    if everything != (old.get("unsubscribeAll") is True):
        kind = Kind.UNSUBSCRIBED if everything else Kind.RESUBSCRIBED
        return [_event(call, who, kind, metadata=told | {"scope": "all"})]
    before, after = _statuses(old), _statuses(new)
    events = []
    for kind, status in ((Kind.UNSUBSCRIBED, OPT_OUT), (Kind.RESUBSCRIBED, OPT_IN)):
        topics = [name for name, now in after.items() if now == status and before.get(name) != status]
        if topics:
            events.append(_event(call, who, kind, metadata=told | {"scope": "topics", "topics": ", ".join(topics)}))
    return events or [_event(call, who, Kind.OTHER, metadata=told)]


def _statuses(preferences: dict[str, Any]) -> dict[str, str]:
    """Topic → status."""
    return {
        name: status
        for one in _list(preferences.get("topicSubscriptionStatus"))
        if (name := text(_object(one).get("topicName"))) and (status := text(_object(one).get("subscriptionStatus")))
    }
