"""How these tests make Postmark's deliveries."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import msgspec

from aftersend.providers.postmark import Postmark
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading
from aftersend.zones import parse

POSTMARK = Postmark()
SOURCE = Source(name="acme", provider="postmark", api_key="token-0000", webhook_secrets=["s3cret"])
RECEIVED = parse("2026-03-03T00:00:00Z", "received")
MESSAGE = "7d3f1c55-2b1e-4a63-9a58-0c3a8f4f6b01"
BOUNCED = "5b0f9f0e-6f5a-4f7b-8a43-3f1f7b0a2c02"


def fixture(name: str) -> bytes:
    return files("aftersend.providers.postmark").joinpath("fixtures", f"{name}.json").read_bytes()


def told(name: str, **changed: Any) -> dict[str, Any]:
    """A fixture with some of its fields changed; those that are ``...`` are taken out."""
    body = msgspec.json.decode(fixture(name)) | changed
    return {field: value for field, value in body.items() if value is not ...}


def at(time: str) -> Instant:
    """A time of 2026-03-01, UTC."""
    return parse(f"2026-03-01T{time}Z", "test")


def hook(body: Any, received_at: Instant = RECEIVED, source: Source = SOURCE) -> Reading:
    """What a webhook says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return POSTMARK.read(Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=raw), source)


def page(feed: str, body: Any, source: Source = SOURCE, **context: str) -> Reading:
    """What a page of a feed says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    delivery = Delivery(source="acme", door=Door.FEED, feed=feed, received_at=RECEIVED, body=raw, context=context)
    return POSTMARK.read(delivery, source)


def identities(*readings: Reading) -> list[tuple[bytes, str, str]]:
    """What the events of readings are told apart by."""
    return [(event.slot, event.list, event.row) for reading in readings for event in reading.events]
