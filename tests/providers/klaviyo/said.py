"""How these tests make Klaviyo's deliveries."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec

from aftersend.providers.klaviyo import Klaviyo
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading
from aftersend.zones import parse

KLAVIYO = Klaviyo()
SOURCE = Source(name="acme", provider="klaviyo", api_key="pk_00000000")
RECEIVED = parse("2026-03-02T00:00:00Z", "received")
WEBHOOK = "01JEXAMPLEWEBHOOK0000000001"
META = {
    "klaviyo_webhook_id": WEBHOOK,
    "klaviyo_account_id": "AbC123",
    "timestamp": "2026-03-01T10:01:00.123456+00:00",
    "version": "2026-01-15",
}


def fixture(name: str) -> bytes:
    return files("aftersend.providers.klaviyo").joinpath("fixtures", name).read_bytes()


def items(name: str) -> list[dict[str, Any]]:
    """The items of a webhook's fixture."""
    found: list[dict[str, Any]] = msgspec.json.decode(fixture(name))["data"]
    return found


def at(time: str) -> Instant:
    """A time of 2026-03-01, UTC."""
    return parse(f"2026-03-01T{time}Z", "test")


def hook(body: Any, source: Source = SOURCE, received_at: Instant = RECEIVED) -> Reading:
    """What a webhook says: bytes, a list of items, or anything else as JSON."""
    said = {"data": body, "meta": META} if isinstance(body, list) else body
    raw = said if isinstance(said, bytes) else msgspec.json.encode(said)
    return KLAVIYO.read(Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=raw), source)


def page(feed: str, body: Any, source: Source = SOURCE, **context: str) -> Reading:
    """What a page of a feed says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    delivery = Delivery(source="acme", door=Door.FEED, feed=feed, received_at=RECEIVED, body=raw, context=context)
    return KLAVIYO.read(delivery, source)
