"""How these tests make MailerSend's deliveries."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from aftersend.providers.mailersend import MailerSend
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading
from aftersend.zones import parse

MAILERSEND = MailerSend()
SOURCE = Source(name="acme", provider="mailersend", api_key="mlsn.00000000")
RECEIVED = parse("2026-03-02T00:00:00Z", "received")
DOMAIN = "yv69oxl5kl785kw2"


def fixture(name: str) -> bytes:
    return files("aftersend.providers.mailersend").joinpath("fixtures", name).read_bytes()


def call(name: str, data: dict[str, Any] | None = None, **changed: Any) -> dict[str, Any]:
    """The body of a webhook's fixture, it and its data changed; ``None`` takes a field away."""
    told = json.loads(fixture(f"webhook_{name}.json")) | changed
    if data:
        told["data"] = {key: value for key, value in (told["data"] | data).items() if value is not None}
    return {key: value for key, value in told.items() if value is not None}


def at(time: str) -> Instant:
    """A time of 2026-03-01, UTC."""
    return parse(f"2026-03-01T{time}Z", "test")


def raw(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def hook(body: Any, received_at: Instant = RECEIVED, source: Source = SOURCE) -> Reading:
    """What a webhook says; anything but bytes is sent as JSON."""
    delivery = Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=raw(body))
    return MAILERSEND.read(delivery, source)


def page(body: Any, feed: str = "activity", source: Source = SOURCE, **context: str) -> Reading:
    """What a page of a list says, of which the worker keeps what may be kept; anything but bytes is sent as JSON."""
    told = {"domain": DOMAIN} | context
    body = MAILERSEND.kept(raw(body))
    delivery = Delivery(source="acme", door=Door.FEED, feed=feed, received_at=RECEIVED, body=body, context=told)
    return MAILERSEND.read(delivery, source)


def identities(*readings: Reading) -> set[tuple[bytes, str, str]]:
    return {(event.slot, event.list, event.row) for reading in readings for event in reading.events}
