"""SendGrid (Twilio). Signed webhooks in batches; suppression lists, and the email activity where it was bought.

``words`` maps its vocabulary to ours, ``identity`` says what is the same fact, ``proof`` who may call; ``webhook``,
``suppressions`` and ``activity`` read deliveries, ``feeds`` knows the lists. Sections named in comments are those of
the provider file.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from aftersend.providers.contract import Ask, Feed, Handshake, Provider, Request, Webhooks, checked_key
from aftersend.providers.items import unreadable
from aftersend.providers.sendgrid import activity, feeds, proof, suppressions, webhook
from aftersend.providers.sendgrid.options import Options
from aftersend.providers.sendgrid.words import SUPPRESSIONS, WEBHOOKS
from aftersend.settings import Source, duration
from aftersend.vocabulary import BounceClass, Delivery, Door, Instant, Rate, Reading

MINUTE, DAY = 60_000, 86_400_000


class SendGrid(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "sendgrid"
    title: ClassVar[str] = "SendGrid"
    base_url: ClassVar[str] = "https://api.sendgrid.com"
    key_optional: ClassVar[bool] = True
    signed: ClassVar[bool] = True
    tells_sends: ClassVar[bool] = False
    options: ClassVar[type[msgspec.Struct]] = Options
    rates: ClassVar[tuple[Rate, ...]] = (Rate(6, MINUTE),)
    """That of the email activity, the only one that is published."""
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="ECDSA (P-256, SHA-256) over time and body",
        kinds=frozenset(WEBHOOKS.values()),
        bounce_classes=frozenset(BounceClass),
        batch=True,
        machines=True,
        external_id="custom args",
    )

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return proof.verify(request, source, duration(self.configured(source).tolerance, "tolerance"))

    def read(self, delivery: Delivery, source: Source) -> Reading:
        if delivery.door is Door.WEBHOOK:
            return webhook.read(delivery, source.name, self.configured(source))
        if delivery.feed in SUPPRESSIONS:
            return suppressions.read(delivery, source.name)
        match delivery.feed:
            case "messages":
                return activity.read_list(delivery)
            case "activity":
                return activity.read_message(delivery, source.name, self.configured(source))
        reason = f"SendGrid has no list '{delivery.feed}'."
        return unreadable(delivery, reason)

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source))

    def enabled(self, source: Source) -> dict[str, Feed]:
        """Those of the paid add-on only where the source names them."""
        found = super().enabled(source)
        return found if source.feeds is not None else {n: feed for n, feed in found.items() if n not in feeds.PAID}

    def credentials(self, source: Source) -> dict[str, str]:
        key = checked_key(source, "SendGrid shows it once, under Settings, API Keys, when it is made")
        subuser = self.configured(source).subuser.strip()
        return {self.auth_header: f"Bearer {key}"} | ({"on-behalf-of": subuser} if subuser else {})

    def not_before(self, status: int, headers: dict[str, str], body: bytes, at: Instant) -> Instant | None:  # noqa: ARG002
        """``X-RateLimit-Reset`` says it in Unix seconds."""
        if status != 429:
            return None
        reset = headers.get("x-ratelimit-reset", "").strip()
        told = int(reset) * 1000 if reset.isascii() and reset.isdecimal() and len(reset) < 12 else 0
        return told if at <= told <= at + DAY else at + MINUTE

    def probe(self, source: Source) -> Ask:  # noqa: ARG002
        return feeds.probe()
