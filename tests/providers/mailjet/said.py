"""How these tests make Mailjet's deliveries."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import msgspec

from aftersend.providers.mailjet import Mailjet
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading
from aftersend.zones import parse

MAILJET = Mailjet()
SOURCE = Source(name="acme", provider="mailjet", api_key="key-0000:secret-0000", webhook_secrets=["s3cret"])
RECEIVED = parse("2026-03-03T00:00:00Z", "received")
MESSAGE, BOUNCED, BLOCKED = "1152921510234567890", "1152921510234567891", "1152921510234567892"
ABOUT = {
    "message": MESSAGE,
    "email": "ana@example.com",
    "custom_id": "order-4711",
    "campaign": "7257",
    "contact": "4",
    "guid": "2a6f41d0-7c55-4f0e-9d3e-1b2c3d4e5f60",
}
"""What the walk of histories passes on."""


def fixture(name: str) -> bytes:
    return files("aftersend.providers.mailjet").joinpath("fixtures", f"{name}.json").read_bytes()


def told(name: str, **changed: Any) -> dict[str, Any]:
    """A fixture with some of its fields changed; those that are ``...`` are taken out."""
    body = msgspec.json.decode(fixture(name)) | changed
    return {field: value for field, value in body.items() if value is not ...}


def hook(body: Any, received_at: Instant = RECEIVED, source: Source = SOURCE) -> Reading:
    """What a webhook says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return MAILJET.read(Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=raw), source)


def page(feed: str, body: Any, source: Source = SOURCE, **context: str) -> Reading:
    """What a page of a feed says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    delivery = Delivery(source="acme", door=Door.FEED, feed=feed, received_at=RECEIVED, body=raw, context=context)
    return MAILJET.read(delivery, source)


def identities(*readings: Reading) -> list[tuple[bytes, str, str]]:
    """What the events of readings are told apart by."""
    return [(event.slot, event.list, event.row) for reading in readings for event in reading.events]
