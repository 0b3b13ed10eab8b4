"""Klaviyo's system webhooks: who may call, and what a call says (provider file, "Webhook").

Up to 1,000 events a call, in an envelope ``{data: [{external_id, topic, payload}], meta}``. Flow webhooks, whose JSON a
user writes, are not signed and never taken.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aftersend.providers.contract import Handshake, Malformed, Request, check_address, check_method
from aftersend.providers.items import problem, unreadable
from aftersend.providers.klaviyo import events
from aftersend.providers.klaviyo.events import fields
from aftersend.providers.klaviyo.feeds import Options
from aftersend.providers.klaviyo.words import ELSEWHERE, EVENTS, OWN
from aftersend.providers.proofs import accept, mac, same
from aftersend.providers.values import decoded, first_time, text
from aftersend.settings import Source
from aftersend.vocabulary import BadInput, Delivery, Reading, Rejected, now

SHOWN = "it is the secret_key that you chose when you made the webhook"


class _Meta(msgspec.Struct):
    klaviyo_webhook_id: str = ""
    timestamp: str | int | float | None = None


class _Envelope(msgspec.Struct):
    meta: _Meta


def verify(request: Request, source: Source, options: Options) -> Handshake | None:
    """The signature over the raw bytes and the time in the header must be one of the source's secrets', and the
    envelope's webhook that of the header. How old a call is, is looked at only where ``tolerance`` asks for it."""
    check_method(request, "Klaviyo")
    check_address(request, source)
    if request.method != "POST":
        return Handshake()
    given, time, webhook = (
        request.headers.get(f"klaviyo-{name}", "") for name in ("signature", "timestamp", "webhook-id")
    )
    signed = request.body + time.encode("latin-1", "replace")
    accept(source, lambda secret: same(given, mac(secret, signed)), SHOWN)
    # Body and time are signed without a border between them: only a whole envelope of that webhook is one.
    meta = _meta(request.body, source)
    if not (webhook and time and same(webhook, meta.klaviyo_webhook_id)):
        raise Rejected(f"The body of this call to source '{source.name}' is not of the webhook its header names.")
    if options.tolerance_ms is not None:
        _check_age(meta.timestamp, source, options.tolerance_ms)
    return None


def _meta(body: bytes, source: Source) -> _Meta:
    try:
        return msgspec.json.decode(body, type=_Envelope).meta
    except (ValueError, RecursionError):
        pass
    try:
        return msgspec.convert(decoded(body), _Envelope).meta
    except (ValueError, RecursionError, Malformed):
        raise Rejected(
            f"The body of this call to source '{source.name}' does not say which webhook it is of."
        ) from None


def _check_age(time: Any, source: Source, tolerance: int) -> None:
    said = first_time(time)
    if said is None or abs(now() - said.at) > tolerance:
        raise Rejected(
            f"The call to source '{source.name}' was made further from now than its option 'tolerance' "
            "allows: it is a replay, or a clock is wrong."
        )


def read(delivery: Delivery, options: Options) -> Reading:
    """The events of a call. Those of other things than emails pass by."""
    try:
        envelope = decoded(delivery.body, what="The webhook")
        items = envelope.get("data") if isinstance(envelope, dict) else None
        if not isinstance(items, list):
            raise Malformed("A webhook must be an object with a list 'data'.")
    except Malformed as error:
        return unreadable(delivery, error)
    account = text(fields(envelope.get("meta")).get("klaviyo_account_id"))
    reading = Reading()
    for number, item in enumerate(items):
        try:
            _read(item, account, delivery.source, options, reading)
        except BadInput as error:
            reading.problems.append(problem(number, item, error))
    reading.campaigns = list(dict.fromkeys(reading.campaigns))
    return reading


def _read(item: Any, account: str | None, source: str, options: Options, reading: Reading) -> None:
    if not isinstance(item, dict):
        raise BadInput("An item must be an object.")
    topic = text(item.get("topic"))
    if not topic:
        raise BadInput("topic is missing.", "topic")
    word = topic.removeprefix(OWN)
    if topic.startswith(OWN) and word not in EVENTS and not ELSEWHERE.isdisjoint(word.split("_")):
        return
    payload = item.get("payload")
    if not isinstance(payload, dict):
        raise BadInput("payload must be an object.", "payload")
    people = events.profiles(payload.get("included"))
    resource = payload.get("data")
    reading.events.append(
        events.event(
            resource, word, source, options, people, fallback=text(item.get("external_id")), account_id=account
        )
    )
    if about := events.campaign(fields(resource)):
        reading.campaigns.append(about)
    reading.contacts.extend(events.contacts(people, options))
