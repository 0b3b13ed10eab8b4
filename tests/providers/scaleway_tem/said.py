"""How these tests make Scaleway's deliveries."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec

from aftersend.providers.scaleway_tem import ScalewayTEM
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading
from aftersend.zones import parse
from tests.providers import topics

TEM = ScalewayTEM()
TOPIC = "arn:scw:sns:fr-par:project-11111111-2222-4333-8444-555555555555:tem-events"
CERTIFICATE = "https://messaging.s3.fr-par.scw.cloud/fr-par/sns/cert-EXAMPLE.pem"
SOURCE = Source(name="acme", provider="scaleway_tem", options={"topics": [TOPIC]})
RECEIVED = parse("2026-03-02T00:00:00Z", "received")


def fixture(name: str) -> bytes:
    return files("aftersend.providers.scaleway_tem").joinpath("fixtures", f"{name}.json").read_bytes()


def event_of(name: str) -> dict[str, Any]:
    """The event in a fixture's envelope."""
    return msgspec.json.decode(msgspec.json.decode(fixture(f"webhook_{name}"))["Message"])


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a fixture's page."""
    said = msgspec.json.decode(fixture(f"feed_{name}"))
    return said["emails" if name == "emails" else "webhook_events"]


def at(time: str) -> Instant:
    """A time of 2026-03-01, UTC."""
    return parse(f"2026-03-01T{time}Z", "test")


def hook(body: Any, source: Source = SOURCE) -> Reading:
    """What a post says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return TEM.read(Delivery(source="acme", door=Door.WEBHOOK, received_at=RECEIVED, body=raw), source)


def told(event: Any, source: Source = SOURCE, **fields: Any) -> Reading:
    """What an event says in an envelope of its own."""
    fields = {"Timestamp": "2026-03-01T10:00:36Z", "Signature": "AA=="} | fields
    return hook(topics.envelope(event, TOPIC, CERTIFICATE, **fields), source)


def page(feed: str, body: Any) -> Reading:
    """What a page of a feed says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return TEM.read(Delivery(source="acme", door=Door.FEED, feed=feed, received_at=RECEIVED, body=raw), SOURCE)
