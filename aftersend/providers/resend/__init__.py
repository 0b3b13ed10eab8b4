"""Resend: webhooks signed by Svix, and a list of emails that shows the latest state of each.

``words`` maps its vocabulary to ours, ``values`` reads what both doors write alike, ``identity`` says what is the same
fact; ``webhook`` and ``contacts`` read calls, ``emails`` reads the list, ``feeds`` walks it. Sections named in comments
are those of the provider file.
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
from aftersend.providers.resend import emails, feeds, limits, webhook, words
from aftersend.providers.standard import ID_HEADERS
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Delivery, Door, Heard, Instant, Rate, Reading


class Resend(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "resend"
    title: ClassVar[str] = "Resend"
    base_url: ClassVar[str] = "https://api.resend.com"
    signed: ClassVar[bool] = True
    key_optional: ClassVar[bool] = True
    options: ClassVar[type[msgspec.Struct]] = feeds.Options
    rates: ClassVar[tuple[Rate, ...]] = limits.RATES
    kept_headers: ClassVar[tuple[str, ...]] = ID_HEADERS
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="Svix, as Standard Webhooks (HMAC-SHA256), 5 minutes",
        kinds=words.TOLD,
        bounce_classes=frozenset(BounceClass),
        batch=True,
        external_id="`tags`",
    )

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return webhook.verify(request, source)

    def read(self, delivery: Delivery, source: Source) -> Reading:
        if delivery.door is Door.WEBHOOK:
            return webhook.read(delivery, self.configured(source))
        return emails.read(delivery)

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source))

    def credentials(self, source: Source) -> dict[str, str]:
        key = checked_key(source, "an API key of Resend's with full access (re_…)")
        return {self.auth_header: f"Bearer {key}"}

    def heard(self, headers: dict[str, str]) -> list[Heard]:
        return limits.heard(headers)

    def not_before(self, status: int, headers: dict[str, str], body: bytes, at: Instant) -> Instant | None:  # noqa: ARG002
        return limits.reset(headers, at) if status == 429 else None

    def probe(self, source: Source) -> Ask:  # noqa: ARG002
        return feeds.probe()
