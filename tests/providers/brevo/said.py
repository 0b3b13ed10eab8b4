"""How these tests make Brevo's deliveries."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec

from aftersend.providers.brevo import Brevo
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading
from aftersend.zones import parse

BREVO = Brevo()
SOURCE = Source(name="acme", provider="brevo", api_key="xkeysib-00000000")
RECEIVED = parse("2026-01-02T00:00:00Z", "received")


def fixture(name: str) -> bytes:
    return files("aftersend.providers.brevo").joinpath("fixtures", name).read_bytes()


def item(name: str, **changed: Any) -> dict[str, Any]:
    """The event of a webhook's fixture, changed; ``None`` takes a field away."""
    told = msgspec.json.decode(fixture(f"webhook_{name}.json")) | changed
    return {key: value for key, value in told.items() if value is not None}


def at(time: str) -> Instant:
    """A time of 2026-01-01, UTC."""
    return parse(f"2026-01-01T{time}Z", "test")


def raw(body: Any) -> bytes:
    return body if isinstance(body, bytes) else msgspec.json.encode(body)


def hook(body: Any, received_at: Instant = RECEIVED, source: Source = SOURCE) -> Reading:
    """What a webhook says; anything but bytes is sent as JSON."""
    return BREVO.read(Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=raw(body)), source)


def page(body: Any, feed: str = "events", source: Source = SOURCE) -> Reading:
    """What a page of a list says; anything but bytes is sent as JSON."""
    delivery = Delivery(source="acme", door=Door.FEED, feed=feed, received_at=RECEIVED, body=raw(body))
    return BREVO.read(delivery, source)


def identities(reading: Reading) -> list[tuple[bytes, str, str]]:
    return [(event.slot, event.list, event.row) for event in reading.events]
