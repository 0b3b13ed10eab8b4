"""How these tests make Unisender Go's deliveries."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec

from aftersend.providers.unisender_go import UnisenderGo
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading
from aftersend.zones import parse

UNISENDER = UnisenderGo()
SOURCE = Source(name="acme", provider="unisender_go", api_key="ug-00000000")
RECEIVED = parse("2026-03-02T00:00:00Z", "received")
HEAD = (
    b"project_id,event_time,job_id,from_email,email,status,delivery_status,metadata,"
    b"destination_response,user_agent,url,ip,tags\n"
)


def fixture(name: str) -> bytes:
    return files("aftersend.providers.unisender_go").joinpath("fixtures", name).read_bytes()


def events(name: str) -> list[dict[str, Any]]:
    """The events of a webhook's fixture."""
    found: list[dict[str, Any]] = msgspec.json.decode(fixture(name))["events_by_user"][0]["events"]
    return found


def at(time: str) -> Instant:
    """A time of 2026-03-01, UTC."""
    return parse(f"2026-03-01T{time}Z", "test")


def hook(body: Any, source: Source = SOURCE, received_at: Instant = RECEIVED) -> Reading:
    """What a webhook says: bytes, a list of events, or anything else as JSON."""
    said = {"auth": "0" * 32, "events_by_user": [{"user_id": 456, "events": body}]} if isinstance(body, list) else body
    raw = said if isinstance(said, bytes) else msgspec.json.encode(said)
    return UNISENDER.read(Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=raw), source)


def file(body: bytes, source: Source = SOURCE, step: str = "file") -> Reading:
    """What a file of a dump says."""
    context = {"step": step}
    delivery = Delivery(source="acme", door=Door.FEED, feed="events", received_at=RECEIVED, body=body, context=context)
    return UNISENDER.read(delivery, source)
