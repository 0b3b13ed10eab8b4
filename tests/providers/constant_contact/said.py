"""How these tests make Constant Contact's deliveries."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec

from aftersend.providers.constant_contact import ConstantContact
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading
from aftersend.zones import parse

PROVIDER = ConstantContact()
SOURCE = Source(name="acme", provider="constant_contact", options={"client_id": "0a1b", "client_secret": "s3cret"})
RECEIVED = parse("2026-05-06T00:00:00Z", "received")
CAMPAIGN = "7d1f0c52-3b64-4e0a-9a11-5c2e8f4b6a10"
ACTIVITY, RESEND = "2b9e6f7a-81c4-4d0f-b7a3-0e6d5c4f3a21", "9c1d2e3f-0a1b-4c2d-8e3f-4a5b6c7d8e9f"
WHOSE = {"campaign": CAMPAIGN, "activity": ACTIVITY}


def fixture(name: str) -> bytes:
    return files("aftersend.providers.constant_contact").joinpath("fixtures", f"{name}.json").read_bytes()


def contact(number: int) -> str:
    return f"a1c40000-5b89-11e7-ba80-{number:012d}"


def at(time: str) -> Instant:
    """A time of May 2026, as ``04T13:00:07``, UTC."""
    return parse(f"2026-05-{time}Z", "test")


def page(feed: str, body: Any, source: Source = SOURCE, received_at: Instant = RECEIVED, **context: str) -> Reading:
    """What a page of a feed says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    told = WHOSE | context
    delivery = Delivery(source="acme", door=Door.FEED, feed=feed, received_at=received_at, body=raw, context=told)
    return PROVIDER.read(delivery, source)
