"""Mailtrap (Email API/SMTP): signed webhooks in batches, and a log of emails with their events.

``words`` maps its vocabulary to ours, ``values`` reads its times, ``identity`` says what is the same event; ``webhook``
and ``emails`` read deliveries, ``feeds`` knows the lists. Sections named in comments are those of the provider file.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from aftersend.providers.contract import Ask, Feed, Handshake, Provider, Request, Webhooks, checked_key
from aftersend.providers.mailtrap import emails, feeds, webhook
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Delivery, Door, Instant, Kind, Rate, Reading

MINUTE = 60_000


class Mailtrap(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "mailtrap"
    title: ClassVar[str] = "Mailtrap"
    base_url: ClassVar[str] = "https://mailtrap.io"
    signed: ClassVar[bool] = True
    key_optional: ClassVar[bool] = True
    tells_sends: ClassVar[bool] = False
    options: ClassVar[type[msgspec.Struct]] = feeds.Options
    rates: ClassVar[tuple[Rate, ...]] = (Rate(150, 10_000),)
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="HMAC-SHA256",
        kinds=frozenset(
            {
                Kind.DELIVERED,
                Kind.DEFERRED,
                Kind.BOUNCED,
                Kind.DROPPED,
                Kind.OPENED,
                Kind.CLICKED,
                Kind.UNSUBSCRIBED,
                Kind.COMPLAINED,
            }
        ),
        bounce_classes=frozenset(BounceClass),
        batch=True,
        external_id="`custom_variables`",
    )

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return webhook.verify(request, source)

    def read(self, delivery: Delivery, source: Source) -> Reading:
        read = webhook.read if delivery.door is Door.WEBHOOK else emails.read
        return read(delivery, source.name, self.configured(source))

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source))

    def credentials(self, source: Source) -> dict[str, str]:
        key = checked_key(source, "an API token with access to the account, under Settings, API Tokens")
        return {self.auth_header: f"Bearer {key}"}

    def not_before(self, status: int, headers: dict[str, str], body: bytes, at: Instant) -> Instant | None:  # noqa: ARG002
        """No header tells when; the longest window of its limits is a minute."""
        return at + MINUTE if status == 429 else None

    def probe(self, source: Source) -> Ask:
        return feeds.probe(self.configured(source))
