"""How these tests make ColdSend's deliveries."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec

from aftersend.providers.coldsend import ColdSend
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Reading
from aftersend.zones import parse

COLDSEND = ColdSend()
SOURCE = Source(name="acme", provider="coldsend")
RECEIVED = parse("2025-03-06T12:00:00Z", "test") + 345
"""With milliseconds, which no time of ColdSend's has."""
SEEN = RECEIVED - 345
"""The time of receipt as an observed event has it."""
CAMPAIGN = "11111111-2222-4333-8444-555555555555"
LEE = "aaaaaaaa-0000-4000-8000-000000000001"
THREAD = "dddddddd-0000-4000-8000-000000000001"


def at(text: str) -> int:
    """A time of March 2025, as ``01T14:00:00``."""
    return parse(f"2025-03-{text}Z", "test")


def fixture(name: str) -> Any:
    """The decoded content of a fixture."""
    return msgspec.json.decode(files("aftersend.providers.coldsend").joinpath("fixtures", name).read_bytes())


def hook(body: Any, received_at: int = RECEIVED) -> Reading:
    """What a webhook says; anything but bytes is sent as JSON."""
    body = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return COLDSEND.read(Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=body), SOURCE)


def page(feed: str, body: Any, received_at: int = RECEIVED, zone: str = "", **context: str) -> Reading:
    """What a page of a feed says; anything but bytes is sent as JSON."""
    body = body if isinstance(body, bytes) else msgspec.json.encode(body)
    source = msgspec.structs.replace(SOURCE, time_zone=zone)
    return COLDSEND.read(
        Delivery(source="acme", door=Door.FEED, feed=feed, received_at=received_at, body=body, context=context),
        source,
    )


def lead(body: Any, **how: Any) -> Reading:
    """What a single lead says."""
    return page("leads", body, **({"part": "lead", "campaign": CAMPAIGN, "lead": LEE} | how))


def leads(*rows: Any, **how: Any) -> Reading:
    """What a page of leads says."""
    return page("leads", {"leads": list(rows), "pagination": {}}, **({"part": "leads", "campaign": CAMPAIGN} | how))


def messages(*rows: Any, **how: Any) -> Reading:
    """What the messages of a thread say."""
    about = {"part": "messages", "lead": LEE, "campaign": CAMPAIGN, "email": "lee@example.com", "thread": THREAD}
    return page("replies", {"messages": list(rows), "has_next": False}, **(about | how))
