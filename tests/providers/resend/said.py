"""How these tests make Resend's deliveries."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec

from aftersend.providers.resend import Resend
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading
from aftersend.zones import parse

RESEND = Resend()
SOURCE = Source(name="acme", provider="resend", api_key="re_00000000")
RECEIVED = parse("2026-01-02T00:00:00Z", "received")
CALL = "msg_2test0000000000000000001"


def fixture(name: str) -> bytes:
    return files("aftersend.providers.resend").joinpath("fixtures", name).read_bytes()


def payload(name: str, **data: Any) -> dict[str, Any]:
    """A webhook's fixture, with other fields in its data."""
    said = msgspec.json.decode(fixture(f"webhook_{name}.json"))
    return said | {"data": said["data"] | data}


def raw(body: Any) -> bytes:
    return body if isinstance(body, bytes) else msgspec.json.encode(body)


def hook(body: Any, own: str = CALL, source: Source = SOURCE, received_at: Instant = RECEIVED) -> Reading:
    """What a webhook says; anything but bytes is sent as JSON."""
    context = {"header.svix-id": own} if own else {}
    delivery = Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=raw(body), context=context)
    return RESEND.read(delivery, source)


def page(body: Any) -> Reading:
    """What a page of the list says."""
    delivery = Delivery(source="acme", door=Door.FEED, feed="emails", received_at=RECEIVED, body=raw(body))
    return RESEND.read(delivery, SOURCE)
