"""How these tests make Mailchimp's deliveries."""

from __future__ import annotations

from hashlib import md5
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

import msgspec

from aftersend.providers.mailchimp import Mailchimp
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading
from aftersend.zones import parse

MAILCHIMP = Mailchimp()
SOURCE = Source(name="acme", provider="mailchimp", api_key="0123456789abcdef-us21")
RECEIVED: Instant = 1_772_500_000_000
CAMPAIGN, AUDIENCE = "c0ffee1234", "a1b2c3d4e5"
SENT = {"campaign": CAMPAIGN, "send_time": "2026-03-01T10:00:00+00:00"}


def fixture(name: str) -> bytes:
    return files("aftersend.providers.mailchimp").joinpath("fixtures", name).read_bytes()


def at(time: str) -> Instant:
    """A time of 2026-03-01, UTC."""
    return parse(f"2026-03-01T{time}Z", "test")


def id_of(email: str) -> str:
    return md5(email.lower().encode()).hexdigest()


def hook(body: bytes | dict[str, str], source: Source = SOURCE, received_at: Instant = RECEIVED) -> Reading:
    """What a webhook says; fields are sent as a form."""
    raw = body if isinstance(body, bytes) else urlencode(body).encode()
    form = "application/x-www-form-urlencoded"
    delivery = Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=raw, content_type=form)
    return MAILCHIMP.read(delivery, source)


def page(feed: str, body: Any, source: Source = SOURCE, context: dict[str, str] = SENT) -> Reading:
    """What a page of a feed says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    delivery = Delivery(source="acme", door=Door.FEED, feed=feed, received_at=RECEIVED, body=raw, context=context)
    return MAILCHIMP.read(delivery, source)


def places(reading: Reading) -> list[tuple[bytes, str, str]]:
    """The identities of what was read."""
    return [(event.slot, event.list, event.row) for event in reading.events]
