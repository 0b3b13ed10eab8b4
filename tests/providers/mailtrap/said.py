"""How these tests make Mailtrap's deliveries."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec

from aftersend.providers.mailtrap import Mailtrap
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading, slot_key
from aftersend.zones import parse

MAILTRAP = Mailtrap()
SOURCE = Source(name="acme", provider="mailtrap")
RECEIVED = parse("2026-03-02T00:00:00Z", "received")
MESSAGE = "0a8d2f6c-1b7e-4c39-8f21-aabbccddeeff"


def fixture(name: str) -> bytes:
    return files("aftersend.providers.mailtrap").joinpath("fixtures", name).read_bytes()


def at(time: str) -> Instant:
    """A time of 2026-03-01, UTC."""
    return parse(f"2026-03-01T{time}Z", "test")


def slot(word: str, message: str, time: str, url: str | None = None) -> bytes:
    return slot_key(at(time), "acme", word, message, url)


def hook(body: Any, source: Source = SOURCE, content_type: str = "application/json") -> Reading:
    """What a webhook says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    delivery = Delivery(source="acme", door=Door.WEBHOOK, received_at=RECEIVED, body=raw, content_type=content_type)
    return MAILTRAP.read(delivery, source)


def event(source: Source = SOURCE, **fields: Any) -> Any:
    """The one event of a batch of one: a click, with some fields changed; ``None`` takes a field away."""
    whole = msgspec.json.decode(fixture("webhook_engagement.json"))["events"][1] | fields
    (found,) = hook({"events": [{name: value for name, value in whole.items() if value is not None}]}, source).events
    return found


def page(part: str, body: Any, source: Source = SOURCE) -> Reading:
    """What a page of the list or one email says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    delivery = Delivery(
        source="acme", door=Door.FEED, feed="messages", received_at=RECEIVED, body=raw, context={"part": part}
    )
    return MAILTRAP.read(delivery, source)


def email(*events: Any, **fields: Any) -> Any:
    """One email of the log with these events."""
    return msgspec.json.decode(fixture("feed_messages_one.json")) | {"events": list(events)} | fields
