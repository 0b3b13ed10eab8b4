"""Brevo, formerly Sendinblue. Webhooks with a shared secret, transactional and marketing; a list of the former.

``words`` maps its three vocabularies to ours, ``values`` reads times and texts, ``marks`` what senders attach,
``identity`` says what is the same fact; ``webhook`` and ``rows`` read deliveries, ``feeds`` knows the list. Sections
named in comments are those of the provider file.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from aftersend.providers.brevo import feeds, limits, rows, webhook, words
from aftersend.providers.brevo.options import Options
from aftersend.providers.contract import Ask, Feed, Handshake, Provider, Request, Webhooks, checked_key
from aftersend.providers.items import unreadable
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Heard, Instant, Kind, Rate, Reading, now


class Brevo(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "brevo"
    title: ClassVar[str] = "Brevo"
    base_url: ClassVar[str] = "https://api.brevo.com"
    options: ClassVar[type[msgspec.Struct]] = Options
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="shared secret: path, basic auth, bearer token or own header",
        kinds=frozenset(word.kind for word in words.WORDS.values()) - {Kind.OTHER},
        bounce_classes=frozenset(word.bounce_class for word in words.WORDS.values() if word.bounce_class),
        batch=True,
        machines=True,
        external_id="`X-Mailin-custom`",
    )
    tells_sends: ClassVar[bool] = False
    key_optional: ClassVar[bool] = True
    auth_header: ClassVar[str] = "api-key"
    retry_status: ClassVar[int] = 429
    """Any other 4xx, and 5xx too, discards the event for good (section "Retry rules")."""
    rates: ClassVar[tuple[Rate, ...]] = (Rate(limits.STATISTICS, limits.HOUR),)

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return webhook.verify(request, source, self.configured(source))

    def read(self, delivery: Delivery, source: Source) -> Reading:
        options = self.configured(source)
        if delivery.door is Door.WEBHOOK:
            return webhook.read(delivery, source.name, options)
        if delivery.feed == rows.LIST:
            return rows.read(delivery, source.name, options)
        reason = f"Brevo has no list '{delivery.feed}'."
        return unreadable(delivery, reason)

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source))

    def credentials(self, source: Source) -> dict[str, str]:
        return {self.auth_header: checked_key(source, "a v3 API key, from SMTP & API in Brevo's settings")}

    def heard(self, headers: dict[str, str]) -> list[Heard]:
        return limits.heard(headers, now())

    def not_before(self, status: int, headers: dict[str, str], body: bytes, at: Instant) -> Instant | None:  # noqa: ARG002
        return limits.reset(headers, at) if status == 429 else None

    def probe(self, source: Source) -> Ask:  # noqa: ARG002
        return feeds.probe()
