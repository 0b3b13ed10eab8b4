"""Mailjet: webhooks that carry a shared secret, single or grouped; a list of messages and a history of each.

``words`` maps its vocabulary to ours, ``values`` reads its numbers and texts, ``identity`` says what is the same fact;
``webhook`` and ``messages`` read deliveries, ``feeds`` knows the lists. Sections named in comments are those of the
provider file.
"""

from __future__ import annotations

import base64
from typing import ClassVar

import msgspec

from aftersend.providers.contract import (
    Ask,
    Feed,
    Handshake,
    Provider,
    Request,
    Webhooks,
    checked_key,
)
from aftersend.providers.items import unreadable
from aftersend.providers.mailjet import feeds, messages, webhook
from aftersend.providers.mailjet.options import Options
from aftersend.settings import Source
from aftersend.vocabulary import (
    BounceClass,
    ConfigurationError,
    Delivery,
    Door,
    Instant,
    Kind,
    Reading,
)

MINUTE = 60_000
WHERE = "in Mailjet, Account settings, API Key Management: the API key and the secret key, as key:secret"


class Mailjet(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "mailjet"
    title: ClassVar[str] = "Mailjet"
    base_url: ClassVar[str] = "https://api.mailjet.com/v3/REST"
    key_optional: ClassVar[bool] = True
    options: ClassVar[type[msgspec.Struct]] = Options
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="shared secret (address, basic auth or bearer)",
        kinds=frozenset(
            {
                *(Kind.DELIVERED, Kind.DEFERRED, Kind.BOUNCED, Kind.DROPPED, Kind.OPENED, Kind.CLICKED),
                *(Kind.UNSUBSCRIBED, Kind.COMPLAINED),
            }
        ),
        bounce_classes=frozenset({BounceClass.HARD, BounceClass.SOFT, BounceClass.BLOCK}),
        batch=True,
        external_id="`CustomID`, or a field of `Payload`",
    )

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return webhook.verify(request, source)

    def read(self, delivery: Delivery, source: Source) -> Reading:
        options: Options = self.configured(source)
        if delivery.door is Door.WEBHOOK:
            return webhook.read(delivery, source, options)
        if delivery.feed in ("messages", "histories"):
            return messages.read(delivery, source, options)
        reason = f"Mailjet has no list '{delivery.feed}'."
        return unreadable(delivery, reason)

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source))

    def credentials(self, source: Source) -> dict[str, str]:
        key = checked_key(source, WHERE)
        if ":" not in key.strip(":"):
            raise ConfigurationError(f"The api_key of source '{source.name}' must hold both keys: {WHERE}.")
        return {self.auth_header: f"Basic {base64.b64encode(key.encode()).decode()}"}

    def not_before(self, status: int, headers: dict[str, str], body: bytes, at: Instant) -> Instant | None:  # noqa: ARG002
        """Mailjet says nowhere for how long: a minute."""
        return at + MINUTE if status == 429 else None

    def probe(self, source: Source) -> Ask | None:
        return feeds.probe() if source.api_key else None
