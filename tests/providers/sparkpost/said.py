"""How these tests make SparkPost's deliveries."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec

from aftersend.providers.sparkpost import SparkPost
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading
from aftersend.zones import parse

SPARKPOST = SparkPost()
SOURCE = Source(name="acme", provider="sparkpost", api_key="0" * 40)
RECEIVED = parse("2026-01-02T00:00:00Z", "received")


def fixture(name: str) -> bytes:
    return files("aftersend.providers.sparkpost").joinpath("fixtures", name).read_bytes()


def payload(name: str) -> dict[str, Any]:
    """The fields of the one event in a webhook's fixture."""
    (item,) = msgspec.json.decode(fixture(f"webhook_{name}.json"))
    (fields,) = item["msys"].values()
    return fields


def wrapped(*events: Any) -> list[Any]:
    """A batch of events."""
    return [{"msys": {"message_event": event}} for event in events]


def raw(body: Any) -> bytes:
    return body if isinstance(body, bytes) else msgspec.json.encode(body)


def hook(body: Any, source: Source = SOURCE, received_at: Instant = RECEIVED) -> Reading:
    """What a webhook says; anything but bytes is sent as JSON."""
    delivery = Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=raw(body))
    return SPARKPOST.read(delivery, source)


def page(body: Any, source: Source = SOURCE) -> Reading:
    """What a page of the list says."""
    delivery = Delivery(source="acme", door=Door.FEED, feed="events", received_at=RECEIVED, body=raw(body))
    return SPARKPOST.read(delivery, source)
