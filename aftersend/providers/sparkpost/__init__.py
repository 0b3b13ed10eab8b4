"""SparkPost (Bird): batches of webhooks under a shared secret, and the same events as a list by cursor.

``words`` maps its vocabulary to ours, ``events`` reads its event object, which is the same through both doors but for
its wrapping, ``identity`` says what is the same fact; ``webhook`` and ``pages`` read deliveries, ``feeds`` knows the
list. Sections named in comments are those of the provider file.
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
from aftersend.providers.sparkpost import feeds, pages, webhook, words
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Delivery, Door, Instant, Reading

PAUSE = 3000
"""Milliseconds of silence after a 429: 1–5 s, says the vendor (Errors and rate limits)."""


class SparkPost(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "sparkpost"
    title: ClassVar[str] = "SparkPost"
    base_url: ClassVar[str] = "https://api.sparkpost.com"
    key_optional: ClassVar[bool] = True
    tells_sends: ClassVar[bool] = False
    options: ClassVar[type[msgspec.Struct]] = feeds.Options
    kept_headers: ClassVar[tuple[str, ...]] = ("x-messagesystems-batch-id",)
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="shared secret in the address, by basic auth, as bearer token or in a header",
        kinds=words.TOLD,
        bounce_classes=frozenset(BounceClass),
        batch=True,
        machines=True,
        external_id="`metadata` of the recipient (`rcpt_meta`)",
    )

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return webhook.verify(request, source, self.configured(source).secret_header)

    def read(self, delivery: Delivery, source: Source) -> Reading:
        options = self.configured(source)
        if delivery.door is Door.WEBHOOK:
            return webhook.read(delivery, options)
        return pages.read(delivery, options)

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source))

    def credentials(self, source: Source) -> dict[str, str]:
        """The key stands there as it is, without ``Bearer`` (Pull feed)."""
        return {self.auth_header: checked_key(source, "an API key of SparkPost's that may read Events Search")}

    def not_before(self, status: int, headers: dict[str, str], body: bytes, at: Instant) -> Instant | None:  # noqa: ARG002
        """SparkPost documents no headers about its limits."""
        return at + PAUSE if status == 429 else None

    def probe(self, source: Source) -> Ask:  # noqa: ARG002
        return feeds.probe()
