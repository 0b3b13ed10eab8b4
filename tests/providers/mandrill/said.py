"""How these tests make Mandrill's deliveries."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlencode

import msgspec

from aftersend.providers.mandrill import Mandrill
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading

MANDRILL = Mandrill()
SOURCE = Source(name="acme", provider="mandrill", api_key="md-0000000000000000")
RECEIVED: Instant = 1_772_500_000_000
FORM = "application/x-www-form-urlencoded"


def fixture(name: str) -> bytes:
    return files("aftersend.providers.mandrill").joinpath("fixtures", name).read_bytes()


def form(events: Any) -> bytes:
    """A batch as it is sent; text is taken as the field's value."""
    value = events if isinstance(events, (str, bytes)) else json.dumps(events)
    return urlencode({"mandrill_events": value}).encode()


def hook(body: Any, source: Source = SOURCE, received_at: Instant = RECEIVED) -> Reading:
    """What a webhook says; anything but bytes is sent as a batch."""
    raw = body if isinstance(body, bytes) else form(body)
    delivery = Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=raw, content_type=FORM)
    return MANDRILL.read(delivery, source)


def page(feed: str, body: Any, source: Source = SOURCE, received_at: Instant = RECEIVED) -> Reading:
    """What a page of a feed says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    delivery = Delivery(source="acme", door=Door.FEED, feed=feed, received_at=received_at, body=raw)
    return MANDRILL.read(delivery, source)


def told(name: str) -> dict[str, Any]:
    """The event of a webhook's fixture as Mandrill says it, to be changed."""
    found: dict[str, Any] = json.loads(parse_qs(fixture(f"webhook_{name}.form").decode())["mandrill_events"][0])[0]
    return found


def places(reading: Reading) -> list[tuple[bytes, str, str]]:
    """The identities of what was read."""
    return [(event.slot, event.list, event.row) for event in reading.events]
