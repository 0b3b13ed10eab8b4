"""Mandrill (Mailchimp Transactional): signed webhooks in batches, and lists of messages and of denied addresses.

``words`` maps its vocabulary to ours, ``values`` reads its times and texts, ``identity`` says what is the same fact;
``webhook``, ``messages`` and ``entries`` read deliveries, ``feeds`` knows the lists. Sections named in comments are
those of the provider file.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from aftersend.providers.contract import (
    Ask,
    Feed,
    Handshake,
    Malformed,
    Provider,
    Request,
    Webhooks,
    checked_key,
)
from aftersend.providers.items import unreadable
from aftersend.providers.mandrill import entries, feeds, messages, webhook
from aftersend.providers.mandrill.options import Options
from aftersend.providers.values import decoded
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Delivery, Door, Instant, Kind, Rate, Reading

MINUTE = 60_000
INVALID_KEY = "Invalid_Key"
"""What an error calls itself that refuses the key; its status is mostly 500 (Errors and rate limits)."""


class Mandrill(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "mandrill"
    title: ClassVar[str] = "Mandrill"
    base_url: ClassVar[str] = "https://mandrillapp.com/api/1.0"
    signed: ClassVar[bool] = True
    key_optional: ClassVar[bool] = True
    options: ClassVar[type[msgspec.Struct]] = Options
    rates: ClassVar[tuple[Rate, ...]] = (Rate(20, MINUTE),)
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="HMAC-SHA1 over the address as typed and the form's fields",
        kinds=frozenset(
            {
                *(Kind.SENT, Kind.DELIVERED, Kind.DEFERRED, Kind.BOUNCED, Kind.DROPPED, Kind.OPENED, Kind.CLICKED),
                *(Kind.COMPLAINED, Kind.UNSUBSCRIBED),
            }
        ),
        bounce_classes=frozenset({BounceClass.HARD, BounceClass.SOFT, BounceClass.BLOCK}),
        batch=True,
        machines=True,
        external_id="metadata",
    )

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return webhook.verify(request, source, self.configured(source).webhook_url or request.url)

    def read(self, delivery: Delivery, source: Source) -> Reading:
        options = self.configured(source)
        if delivery.door is Door.WEBHOOK:
            return webhook.read(delivery, source.name, options)
        match delivery.feed:
            case "messages" | "late":
                return messages.read(delivery, source.name, options)
            case "rejects":
                return entries.read(delivery, source.name)
        reason = f"Mandrill has no list '{delivery.feed}'."
        return unreadable(delivery, reason)

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source))

    def posted(self, source: Source) -> dict[str, str]:
        return {"key": checked_key(source, "in Mandrill under Settings → SMTP & API Info")}

    def refuses(self, status: int, body: bytes) -> bool:  # noqa: ARG002
        try:
            said = decoded(body)
        except Malformed:
            return False
        return isinstance(said, dict) and said.get("name") == INVALID_KEY

    def not_before(self, status: int, headers: dict[str, str], body: bytes, at: Instant) -> Instant | None:  # noqa: ARG002
        """Sixty seconds after the first of twenty searches there may be another one."""
        return at + MINUTE if status == 429 else None

    def probe(self, source: Source) -> Ask:  # noqa: ARG002
        return feeds.probe()

    def setup_values(self, source: Source) -> dict[str, str]:
        typed = self.configured(source).webhook_url
        return {"webhook_url": typed} if typed else {}
