"""Mailtrap's webhooks: who may call, and what a batch says (provider file, "Webhook")."""

from __future__ import annotations

from typing import Any

from aftersend.providers import proofs
from aftersend.providers.agents import agent
from aftersend.providers.contract import Handshake, Malformed, Request, check_address, check_method
from aftersend.providers.items import problem, unreadable
from aftersend.providers.mailtrap.identity import WEBHOOK, alone, digest, of_message
from aftersend.providers.mailtrap.values import record, unix
from aftersend.providers.mailtrap.words import CLICK, KINDS, PASSED_BY, bounce_class, plain
from aftersend.providers.marks import Options, flat, told
from aftersend.providers.values import decoded, known, text
from aftersend.settings import Source
from aftersend.vocabulary import BadInput, Delivery, Event, Kind, Reading

SIGNATURE = "mailtrap-signature"


def verify(request: Request, source: Source) -> Handshake | None:
    """The signature must be that of the raw body by one of the source's secrets, which are keys as they stand: they
    look like hex, but are text. It holds no time, so that only the identity of events protects from replays."""
    check_method(request, "Mailtrap")
    check_address(request, source)
    if request.method != "POST":
        return Handshake()
    given = request.headers.get(SIGNATURE, "").strip()
    proofs.accept(
        source,
        lambda secret: proofs.same(given, proofs.mac(secret, request.body)),
        "Mailtrap shows the signing secret of a webhook once, when it is made",
    )
    return None


def read(delivery: Delivery, source: str, options: Options) -> Reading:
    """The events of a batch: an object with ``events``, or one event a line."""
    try:
        items = _items(delivery)
    except (BadInput, Malformed) as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, item in enumerate(items):
        try:
            event = _event(item, source, options)
        except BadInput as error:
            reading.problems.append(problem(number, item, error))
            continue
        if event:
            reading.events.append(event)
    return reading


def _items(delivery: Delivery) -> list[Any]:
    """The items of a batch; a line that is no JSON as its bytes. Raises BadInput and Malformed."""
    try:
        return _listed(decoded(delivery.body, what="The webhook"))
    except Malformed:
        lines = [_line(line) for line in delivery.body.splitlines() if line.strip()]
        # Half an object, with all its events in one line or printed over many, isn't one event a line.
        if not (lines and ("jsonl" in delivery.content_type.lower() or isinstance(lines[0], dict))):
            raise
        return [item for line in lines for item in _held(line)]


def _listed(said: Any) -> list[Any]:
    if not isinstance(said, dict):
        raise BadInput("A webhook's JSON must be an object.")
    if "events" not in said:
        return [said]
    events = said["events"]
    if not isinstance(events, list):
        raise BadInput("events must be a list.", "events")
    return events


def _held(line: Any) -> list[Any]:
    """What a line holds: an event, or several."""
    events = line.get("events") if isinstance(line, dict) else None
    return events if isinstance(events, list) else [line]


def _line(line: bytes) -> Any:
    try:
        return decoded(line)
    except Malformed:
        return line


def _event(item: Any, source: str, options: Options) -> Event | None:
    if not isinstance(item, dict):
        raise BadInput("A line is not JSON." if isinstance(item, bytes) else "An event must be an object.")
    told_word = text(item.get("event"))
    if not told_word:
        raise BadInput("event is missing.", "event")
    word = plain(told_word)
    if word.startswith(PASSED_BY):
        return None
    at, kind = unix(item.get("timestamp")), KINDS.get(word, Kind.OTHER)
    own, message = text(item.get("event_id")), text(item.get("message_id"))
    url = text(item.get("url")) if word == CLICK else None
    attached, category = flat(record(item.get("custom_variables"))), text(item.get("category"))
    bounce, who = text(item.get("bounce_category")), agent(text(item.get("user_agent")))
    return Event(
        slot=of_message(source, word, message, at.at, url)
        if message
        else alone(source, word, own or digest(item), at.at),
        list=WEBHOOK,
        row=own or "",
        row_id=own,
        kind=kind,
        word=told_word,
        occurred_at=at.at,
        precision=at.precision,
        message_id=message,
        by_message=bool(message),
        campaign_id=told(attached, options.campaign_id) or category,
        external_id=told(attached, options.external_id),
        email=text(item.get("email")),
        url=url,
        ip=text(item.get("ip")),
        user_agent=text(item.get("user_agent")),
        device=who.device,
        machine=who.machine,
        machine_reason=who.machine_reason,
        bounce_class=bounce_class(bounce) if kind is Kind.BOUNCED else None,
        reason=text(item.get("response")) or text(item.get("reason")),
        smtp_code=text(item.get("response_code")),
        metadata=attached
        | known(
            bounce_category=bounce,
            category=category,
            sending_domain=text(item.get("sending_domain_name")),
            sending_stream=text(item.get("sending_stream")),
        ),
    )
