"""How these tests make inwise's deliveries."""

from __future__ import annotations

from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

import msgspec

from aftersend.providers.inwise import Inwise
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Reading

INWISE = Inwise()
SOURCE = Source(name="acme", provider="inwise")
RECEIVED = 1_742_310_000_000
"""2025-03-18T15:00:00Z, 17:00 in Jerusalem (winter time, +02:00)."""


def fixture(name: str) -> bytes:
    return files("aftersend.providers.inwise").joinpath("fixtures", name).read_bytes()


def hook(body: bytes | dict[str, Any], received_at: int = RECEIVED) -> Reading:
    """What a webhook says; a dictionary is sent as a form."""
    if isinstance(body, dict):
        body = urlencode(body).encode()
    return INWISE.read(Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=body), SOURCE)


def page(feed: str, body: Any, **context: str) -> Reading:
    """What a page of a feed says; anything but bytes is sent as JSON."""
    if not isinstance(body, bytes):
        body = msgspec.json.encode(body)
    return INWISE.read(
        Delivery(source="acme", door=Door.FEED, feed=feed, received_at=RECEIVED, body=body, context=context),
        SOURCE,
    )
