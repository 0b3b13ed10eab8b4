"""Benchmark Email, API v1: everything is polled. One list of events, reports that are totals, no webhooks.

``words`` maps its vocabulary to ours, ``values`` reads its texts, times and figures; ``events`` and ``reports`` read
deliveries; ``feeds`` knows the lists, ``looks`` how the list of events is read and ``pages`` how pages are asked for.
Sections named in comments are those of the provider file.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from aftersend.providers.benchmark import events, feeds, reports
from aftersend.providers.contract import Ask, Feed, Handshake, Provider, Request, checked_key
from aftersend.providers.items import unreadable
from aftersend.settings import Source
from aftersend.vocabulary import ConfigurationError, Delivery, Door, Heard, Instant, Rate, Reading, Rejected

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
MONTH = 30 * DAY


class Benchmark(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "benchmark"
    title: ClassVar[str] = "Benchmark Email"
    base_url: ClassVar[str] = ""
    pushes: ClassVar[bool] = False
    auth_header: ClassVar[str] = "X-API-Key"
    options: ClassVar[type[msgspec.Struct]] = feeds.Options
    rates: ClassVar[tuple[Rate, ...]] = (Rate(60, MINUTE), Rate(3600, HOUR))
    """Section 4.2 has both, and to obey both."""

    def verify(self, request: Request, source: Source) -> Handshake | None:  # noqa: ARG002
        raise Rejected(f"Benchmark Email sends no webhooks: source '{source.name}' is polled.")

    def read(self, delivery: Delivery, source: Source) -> Reading:
        if delivery.door is Door.FEED:
            match delivery.feed:
                case "events":
                    names = source.feeds is not None and "campaigns" not in source.feeds
                    return events.read(delivery, source.name, names=names)
                case "campaigns":
                    return reports.read_list(delivery)
                case "reports":
                    return reports.read_campaign(delivery)
                case feed if feed in reports.PERIODS:
                    return reports.read_period(delivery)
        reason = f"Benchmark Email has no list '{delivery.feed}'." if delivery.feed else "There are no webhooks."
        return unreadable(delivery, reason)

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source), self.zone(source))

    def credentials(self, source: Source) -> dict[str, str]:
        key = checked_key(
            source,
            "a key of Benchmark Email (Settings, API Keys) with the scopes reports:read, "
            "contacts:read and campaigns:read",
        )
        return {self.auth_header: key}

    def url(self, source: Source) -> str:
        """Each account has its own (section 1). Raises ConfigurationError where it is missing."""
        if not source.base_url.strip():
            raise ConfigurationError(
                f"Source '{source.name}' needs base_url: the address of your account's API, as Benchmark Email shows "
                "it under Settings, API Keys."
            )
        return source.base_url.strip().rstrip("/").removesuffix("/api")

    def heard(self, headers: dict[str, str]) -> list[Heard]:
        """Two budgets: of the hour, with its end, and of the month, without (section 4.2)."""
        most, left, until = (_number(headers, f"x-ratelimit-{name}") for name in ("limit", "remaining", "reset"))
        found = []
        if most is not None and left is not None:
            found.append(Heard(HOUR, most, left, None if until is None else until * 1000))
        most, left = (_number(headers, f"x-monthly-{name}") for name in ("limit", "remaining"))
        if most is not None and left is not None:
            found.append(Heard(MONTH, most, left))
        return found

    def not_before(self, status: int, headers: dict[str, str], body: bytes, at: Instant) -> Instant | None:
        """A 429 without ``Retry-After``, by its message (section 4.2): a month's quota is tried once a day, an address
        that was blocked for bad keys every hour; else the end of the hour that is named."""
        if status != 429:
            return None
        if b"onthly" in body:
            return at + DAY
        if b"failed authentication" in body:
            return at + HOUR
        until = _number(headers, "x-ratelimit-reset")
        return None if until is None else max(at, min(until * 1000, at + HOUR))

    def probe(self, source: Source) -> Ask:  # noqa: ARG002
        return feeds.probe()

    def setup_values(self, source: Source) -> dict[str, str]:
        return {"api": source.base_url.strip() or "not set"}


def _number(headers: dict[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else None
