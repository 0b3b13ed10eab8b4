"""How these tests make SendGrid's deliveries."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec

from aftersend.providers.sendgrid import SendGrid
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading

SENDGRID = SendGrid()
SOURCE = Source(name="acme", provider="sendgrid", api_key="SG.0000")
RECEIVED: Instant = 1_767_700_000_000
MESSAGE = "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0"


def fixture(name: str) -> bytes:
    return files("aftersend.providers.sendgrid").joinpath("fixtures", name).read_bytes()


def hook(body: Any, received_at: Instant = RECEIVED, **options: Any) -> Reading:
    """What a webhook says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    source = msgspec.structs.replace(SOURCE, options=options)
    return SENDGRID.read(Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=raw), source)


def page(feed: str, body: Any, **options: Any) -> Reading:
    """What a page of a feed says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    source = msgspec.structs.replace(SOURCE, options=options)
    return SENDGRID.read(Delivery(source="acme", door=Door.FEED, feed=feed, received_at=RECEIVED, body=raw), source)


def places(reading: Reading) -> set[tuple[bytes, str, str]]:
    """Slots with their lists and rows: what the events are counted by."""
    return {(event.slot, event.list, event.row) for event in reading.events}
