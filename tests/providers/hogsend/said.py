"""How these tests make Hogsend's deliveries."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec

from aftersend.providers.hogsend import Hogsend
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading
from aftersend.zones import parse

HOGSEND = Hogsend()
SOURCE = Source(name="acme", provider="hogsend", api_key="hsk_00000000")
RECEIVED = parse("2026-06-03T00:00:00Z", "received")
SEND = "5d2f6c1e-0a1b-4c3d-8e4f-5a6b7c8d9e0f"


def fixture(name: str) -> bytes:
    return files("aftersend.providers.hogsend").joinpath("fixtures", name).read_bytes()


def at(time: str) -> Instant:
    """A time of 2026-06-02, UTC."""
    return parse(f"2026-06-02T{time}Z", "test")


def hook(body: Any, received_at: Instant = RECEIVED, source: Source = SOURCE) -> Reading:
    """What a webhook says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return HOGSEND.read(Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=raw), source)


def page(feed: str, body: Any, source: Source = SOURCE, received_at: Instant = RECEIVED, **context: str) -> Reading:
    """What a page of a feed says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    delivery = Delivery(source="acme", door=Door.FEED, feed=feed, received_at=received_at, body=raw, context=context)
    return HOGSEND.read(delivery, source)
