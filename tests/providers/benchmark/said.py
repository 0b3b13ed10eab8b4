"""How these tests make Benchmark's deliveries."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec

from aftersend.providers.benchmark import Benchmark
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading
from aftersend.zones import parse

BENCHMARK = Benchmark()
SOURCE = Source(
    name="acme", provider="benchmark", api_key="bme_00000000", base_url="https://api-us-west-2-c1.example.com"
)
RECEIVED = parse("2026-05-06T00:00:00Z", "received")
MAY = "66f1a6e4698f1bca60426002"
DRAFT = "66f1a6e4698f1bca60426001"


def fixture(name: str) -> bytes:
    return files("aftersend.providers.benchmark").joinpath("fixtures", name).read_bytes()


def page(feed: str, body: Any, source: Source = SOURCE, received_at: Instant = RECEIVED, **context: str) -> Reading:
    """What a page of a feed says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    delivery = Delivery(source="acme", door=Door.FEED, feed=feed, received_at=received_at, body=raw, context=context)
    return BENCHMARK.read(delivery, source)
