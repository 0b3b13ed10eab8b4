"""How these tests make the posts of Amazon's topics."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec

from aftersend.providers.amazon_ses import AmazonSES
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading
from aftersend.zones import parse
from tests.providers import topics

SES = AmazonSES()
TOPIC = "arn:aws:sns:us-east-1:123456789012:ses-events"
CERTIFICATE = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
CONFIRM = f"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37fbtest"
SOURCE = Source(name="acme", provider="amazon_ses", options={"topics": [TOPIC]})
RECEIVED = parse("2026-01-02T00:00:00Z", "received")
MAIL = "0100019b00000004-44444444-0000-4000-8000-000000000004-000000"


def fixture(name: str) -> bytes:
    return files("aftersend.providers.amazon_ses").joinpath("fixtures", f"webhook_{name}.json").read_bytes()


def event_of(name: str) -> dict[str, Any]:
    """The event in a fixture's envelope."""
    return msgspec.json.decode(msgspec.json.decode(fixture(name))["Message"])


def at(time: str) -> Instant:
    """A time of 2026-01-01, UTC."""
    return parse(f"2026-01-01T{time}Z", "test")


def hook(body: Any, source: Source = SOURCE, received_at: Instant = RECEIVED) -> Reading:
    """What a post says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return SES.read(Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=raw), source)


def told(event: Any, source: Source = SOURCE, **fields: Any) -> Reading:
    """What an event says in an envelope of its own."""
    fields = {"Timestamp": "2026-01-01T12:30:00.000Z", "Signature": "AA=="} | fields
    return hook(topics.envelope(event, TOPIC, CERTIFICATE, **fields), source)
