"""Hogsend: a self-hosted engine for lifecycle emails. Signed webhooks, and lists to be polled.

``words`` maps its vocabulary to ours, ``values`` reads its times and texts, ``identity`` says what is the same fact;
``webhook``, ``sends``, ``hits``, ``suppressions`` and ``totals`` read deliveries, ``feeds`` knows the lists. Sections
named in comments are those of the provider file.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from aftersend.providers.contract import Ask, Feed, Handshake, Provider, Request, Webhooks, checked_key
from aftersend.providers.hogsend import feeds, hits, sends, suppressions, totals, webhook, words
from aftersend.providers.items import unreadable
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Heard, Instant, Kind, Rate, Reading

MINUTE = 60_000


class Hogsend(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "hogsend"
    title: ClassVar[str] = "Hogsend"
    base_url: ClassVar[str] = "http://localhost:3002"
    signed: ClassVar[bool] = True
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="Standard Webhooks (HMAC-SHA256), 5 minutes",
        kinds=frozenset(words.WEBHOOKS.values()) - {Kind.OTHER},
        bounce_classes=frozenset(words.BOUNCES.values()),
        external_id="`userId`",
    )
    options: ClassVar[type[msgspec.Struct]] = feeds.Options
    rates: ClassVar[tuple[Rate, ...]] = (Rate(100, MINUTE),)

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return webhook.verify(request, source)

    def read(self, delivery: Delivery, source: Source) -> Reading:
        if delivery.door is Door.WEBHOOK:
            return webhook.read(delivery, source.name)
        match delivery.feed:
            case "export":
                return sends.read_export(delivery, source.name)
            case "sends":
                exported = source.feeds is None or "export" in source.feeds
                return sends.read_log(delivery, source.name, bounces=not exported)
            case "hits":
                return hits.read(delivery, source.name)
            case "metrics":
                return totals.read_metrics(delivery)
            case "campaigns":
                return totals.read_campaign(delivery)
            case "suppressions":
                return suppressions.read(delivery, source.name)
        reason = f"Hogsend has no list '{delivery.feed}'."
        return unreadable(delivery, reason)

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source))

    def credentials(self, source: Source) -> dict[str, str]:
        """The word ``Bearer`` and its one space are case-sensitive (section 1)."""
        key = checked_key(source, "Hogsend's ADMIN_API_KEY, or a key with scope full-admin")
        return {self.auth_header: f"Bearer {key}", "Accept": "application/json, text/csv"}

    def heard(self, headers: dict[str, str]) -> list[Heard]:
        most, left = headers.get("x-ratelimit-limit", ""), headers.get("x-ratelimit-remaining", "")
        if not all(text.isascii() and text.isdecimal() and len(text) < 10 for text in (most, left)):
            return []
        return [Heard(MINUTE, int(most), int(left))]

    def not_before(self, status: int, headers: dict[str, str], body: bytes, at: Instant) -> Instant | None:  # noqa: ARG002
        """Refused requests count too (section 1): where no ``Retry-After`` is understood, silence for a minute."""
        return at + MINUTE if status == 429 else None

    def probe(self, source: Source) -> Ask:  # noqa: ARG002
        return feeds.probe()
