"""ColdSend: cold e-mail in sequences. No list of events and no webhooks worth the name: what happened to a lead is read
off the lead, whenever the counters of its campaign move.

``words`` maps its vocabulary to ours, ``values`` reads its times and texts, ``identity`` says what is the same fact;
``leads``, ``replies``, ``totals`` and ``webhook`` read deliveries, ``feeds`` knows the lists, ``changes`` is the walk
that finds what has changed. Sections named in comments are those of the provider file.
"""

from __future__ import annotations

import re
from typing import ClassVar

import msgspec

from aftersend import zones
from aftersend.providers.coldsend import feeds, leads, replies, totals, webhook, words
from aftersend.providers.contract import Ask, Feed, Handshake, Provider, Request, Webhooks, checked_key
from aftersend.providers.items import unreadable
from aftersend.settings import Source
from aftersend.vocabulary import (
    BadInput,
    BounceClass,
    ConfigurationError,
    Delivery,
    Door,
    Heard,
    Instant,
    Rate,
    Reading,
)

MINUTE, HOUR = 60_000, 3_600_000
EXHAUSTED = 10 * MINUTE
"""How long to be silent when it can only be the hour's limit that was met (4)."""
_IN_WORDS = re.compile(rb"retry after (\d{1,6}) seconds", re.IGNORECASE)


class ColdSend(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "coldsend"
    title: ClassVar[str] = "ColdSend"
    base_url: ClassVar[str] = "https://api.coldsend.pro/api/public/v1"
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="token in the address",
        kinds=frozenset(words.WEBHOOKS.values()),
        bounce_classes=frozenset({BounceClass.UNDETERMINED}),
    )
    options: ClassVar[type[msgspec.Struct]] = feeds.Options
    auth_header: ClassVar[str] = "X-API-Key"
    rates: ClassVar[tuple[Rate, ...]] = (Rate(100, MINUTE), Rate(900, HOUR))
    """1,000 an hour, of which some are left to others: that limit is told by no header (4)."""

    def takes_webhooks(self, source: Source) -> bool:
        """ColdSend documents none (3)."""
        return bool(self.configured(source).webhook)

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return webhook.verify(request, source, taken=self.takes_webhooks(source))

    def read(self, delivery: Delivery, source: Source) -> Reading:
        zone = self.zone(source)
        if delivery.door is Door.WEBHOOK:
            return webhook.read(delivery, source.name, zone)
        match delivery.feed, delivery.context.get("part"):
            case "campaigns", _:
                return totals.read_campaigns(delivery, zone)
            case "leads", "lead":
                return leads.read_lead(delivery, source.name, zone)
            case "leads", _:
                return leads.read_page(delivery, source.name, zone)
            case "replies", _:
                return replies.read(delivery, source.name, zone)
            case "analytics", _:
                return totals.read_analytics(delivery, zone)
            case "timeline", _:
                return totals.read_timeline(delivery)
            case "details", _:
                return totals.read_details(delivery, zone)
        return unreadable(delivery, f"ColdSend has no list '{delivery.feed}'.")

    def feeds(self, source: Source) -> list[Feed]:
        try:
            zones.zone(self.zone(source))
        except BadInput as error:
            raise ConfigurationError(f"Source '{source.name}', time_zone: {error}") from None
        return feeds.feeds(self.configured(source))

    def credentials(self, source: Source) -> dict[str, str]:
        key = checked_key(source, "in ColdSend, Settings, then API Keys; it begins with cs_live_")
        return {self.auth_header: key, "Accept": "application/json"}

    def heard(self, headers: dict[str, str]) -> list[Heard]:
        """The minute's window (4); what is no plain number is passed over."""
        most, left = _number(headers.get("x-ratelimit-limit")), _number(headers.get("x-ratelimit-remaining"))
        if most is None or left is None:
            return []
        return [Heard(MINUTE, most, left, _reset(headers))]

    def not_before(self, status: int, headers: dict[str, str], body: bytes, at: Instant) -> Instant | None:
        """After a 429 that leaves some of the minute, the hour must be used up. Else the minute's end, or what the text
        says, whichever is later (4)."""
        if status != 429:
            return None
        if _number(headers.get("x-ratelimit-remaining")):
            return at + EXHAUSTED
        told = _IN_WORDS.search(body[:2000])
        stated = [at + int(told[1]) * 1000 if told else at, _reset(headers) or at]
        # No limit of ColdSend's is of more than an hour: beyond that lies nonsense, or another clock.
        return max([one for one in stated if at < one <= at + HOUR], default=None)

    def probe(self, source: Source) -> Ask:  # noqa: ARG002
        return feeds.probe()


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 11 else None


def _reset(headers: dict[str, str]) -> Instant | None:
    """When the window ends, told in seconds since 1970."""
    seconds = _number(headers.get("x-ratelimit-reset"))
    return None if seconds is None else seconds * 1000
