"""Klaviyo: signed system webhooks in batches, and the same events as lists by cursor.

``words`` maps its vocabulary to ours, ``events`` reads its event object, which is the same through both doors,
``identity`` says what is the same fact; ``webhook`` and ``pages`` read deliveries, ``feeds`` knows the lists. Sections
named in comments are those of the provider file.
"""

from __future__ import annotations

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
from aftersend.providers.klaviyo import feeds, limits, pages, webhook, words
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Delivery, Door, Heard, Rate, Reading


class Klaviyo(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "klaviyo"
    title: ClassVar[str] = "Klaviyo"
    base_url: ClassVar[str] = feeds.BASE_URL
    signed: ClassVar[bool] = True
    tells_sends: ClassVar[bool] = False
    key_optional: ClassVar[bool] = True
    options: ClassVar[type[msgspec.Struct]] = feeds.Options
    rates: ClassVar[tuple[Rate, ...]] = limits.RATES
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="HMAC-SHA256 over body and time",
        kinds=words.TOLD,
        bounce_classes=frozenset({BounceClass.HARD, BounceClass.SOFT, BounceClass.UNDETERMINED}),
        batch=True,
        machines=True,
        external_id="the profile's external_id or a property of it, where the profile comes along",
    )

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return webhook.verify(request, source, self.configured(source))

    def read(self, delivery: Delivery, source: Source) -> Reading:
        options = self.configured(source)
        if delivery.door is Door.WEBHOOK:
            return webhook.read(delivery, options)
        return pages.read(delivery, options)

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source))

    def credentials(self, source: Source) -> dict[str, str]:
        key = checked_key(source, "a private key with the scopes events:read, metrics:read and profiles:read")
        return {self.auth_header: f"Klaviyo-API-Key {key}", "Accept": "application/vnd.api+json"}

    def heard(self, headers: dict[str, str]) -> list[Heard]:
        return limits.heard(headers)

    def probe(self, source: Source) -> Ask:
        return feeds.metrics(self.configured(source))

    def setup_values(self, source: Source) -> dict[str, str]:
        return super().setup_values(source) | {"revision": self.configured(source).revision}
