"""MailerSend. Signed webhooks in two versions; a list of activities for each sending domain.

``words`` maps its vocabulary to ours, ``activity`` makes events of what both doors tell, ``identity`` says what is the
same fact; ``webhook`` and ``rows`` read deliveries, ``feeds`` knows the list. Sections named in comments are those of
the provider file. MailerLite is another platform.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from aftersend.providers.contract import Ask, Feed, Handshake, Provider, Request, Webhooks, checked_key
from aftersend.providers.items import unreadable
from aftersend.providers.mailersend import feeds, limits, rows, webhook, words
from aftersend.providers.mailersend.options import Options
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Kind, Reading


class MailerSend(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "mailersend"
    title: ClassVar[str] = "MailerSend"
    base_url: ClassVar[str] = "https://api.mailersend.com"
    signed: ClassVar[bool] = True
    options: ClassVar[type[msgspec.Struct]] = Options
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="HMAC-SHA256 of the body",
        kinds=frozenset(words.KINDS.values()) - {Kind.QUEUED},
        bounce_classes=frozenset(words.BOUNCES.values()),
        external_id="a tag `external_id:…`",
    )
    key_optional: ClassVar[bool] = True

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return webhook.verify(request, source)

    def read(self, delivery: Delivery, source: Source) -> Reading:
        options = self.configured(source)
        if delivery.door is Door.WEBHOOK:
            return webhook.read(delivery, source.name, options)
        if delivery.feed == rows.ACTIVITY:
            return rows.read(delivery, source.name, options)
        reason = f"MailerSend has no list '{delivery.feed}'."
        return unreadable(delivery, reason)

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source))

    def credentials(self, source: Source) -> dict[str, str]:
        key = checked_key(source, "an API token that may read activities and domains")
        return {self.auth_header: f"Bearer {key}"}

    def kept(self, body: bytes) -> bytes:
        return rows.kept(body)

    def not_before(self, status: int, headers: dict[str, str], body: bytes, at: Instant) -> Instant | None:  # noqa: ARG002
        return limits.not_before(headers, at) if status == 429 else None

    def probe(self, source: Source) -> Ask:  # noqa: ARG002
        return feeds.probe()
