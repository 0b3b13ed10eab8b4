"""How these tests make Mailgun's deliveries."""

from __future__ import annotations

import hmac
from importlib.resources import files
from typing import Any

import msgspec

from aftersend.providers.mailgun import Mailgun
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading, slot_key
from aftersend.zones import parse

MAILGUN = Mailgun()
SOURCE = Source(name="acme", provider="mailgun")
RECEIVED = parse("2026-01-01T13:00:00Z", "received")
DAY = parse("2026-01-01T00:00:00Z", "day")
KEY = "key-test-0123456789abcdef0123456789abcdef"
PARENT = "key-parent-fedcba9876543210fedcba9876543210"
TOKEN = "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334455667788a"


def fixture(name: str) -> bytes:
    return files("aftersend.providers.mailgun").joinpath("fixtures", name).read_bytes()


def told(name: str) -> dict[str, Any]:
    """The event of a webhook's fixture."""
    data: dict[str, Any] = msgspec.json.decode(fixture(f"webhook_{name}.json"))["event-data"]
    return data


def at(time: str) -> Instant:
    """A time of 2026-01-01, UTC."""
    return parse(f"2026-01-01T{time}Z", "test")


def slot(word: str, own: str, domain: str = "mg.example.com", day: Instant = DAY) -> bytes:
    return slot_key(day, "acme", word, domain, own)


def hook(body: Any, source: Source = SOURCE) -> Reading:
    """What a webhook says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return MAILGUN.read(Delivery(source="acme", door=Door.WEBHOOK, received_at=RECEIVED, body=raw), source)


def event(data: dict[str, Any], source: Source = SOURCE) -> Any:
    """The one event that this ``event-data`` is."""
    (found,) = hook({"signature": {}, "event-data": data}, source).events
    return found


def page(feed: str, body: Any, source: Source = SOURCE, **context: str) -> Reading:
    """What a page of a feed says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    delivery = Delivery(source="acme", door=Door.FEED, feed=feed, received_at=RECEIVED, body=raw, context=context)
    return MAILGUN.read(delivery, source)


def signature(key: str, timestamp: int | str, token: str = TOKEN, name: str = "signature") -> dict[str, str]:
    """``signature`` of a webhook, made as the provider file says."""
    made = hmac.new(key.encode(), f"{timestamp}{token}".encode(), "sha256").hexdigest()
    return {"timestamp": str(timestamp), "token": token, name: made}
