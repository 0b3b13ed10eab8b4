"""Unisender Go, known elsewhere as UniOne: webhooks with their signature inside, and dumps of events as a list.

``words`` maps its vocabulary to ours, ``values`` reads its times and compressed bodies, ``identity`` says what is the
same fact; ``events`` reads what webhooks and dumps have in common, ``webhook`` and ``dumps`` read deliveries, ``feeds``
knows how a dump is got. Sections named in comments are those of the provider file.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from aftersend.providers.contract import Ask, Feed, Handshake, Provider, Request, Webhooks, checked_key
from aftersend.providers.unisender_go import dumps, feeds, values, webhook, words
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Delivery, Door, Kind, Reading


class UnisenderGo(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "unisender_go"
    title: ClassVar[str] = "Unisender Go"
    base_url: ClassVar[str] = feeds.BASE_URL
    signed: ClassVar[bool] = True
    key_optional: ClassVar[bool] = True
    options: ClassVar[type[msgspec.Struct]] = feeds.Options
    auth_header: ClassVar[str] = "X-API-KEY"
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="MD5 over the body with the API key in it",
        kinds=(frozenset(words.STATUSES.values()) | {Kind.DROPPED}) - {Kind.QUEUED},
        bounce_classes=frozenset(BounceClass),
        batch=True,
        external_id="metadata",
    )

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return webhook.verify(request, source, self.configured(source))

    def read(self, delivery: Delivery, source: Source) -> Reading:
        options = self.configured(source)
        if delivery.door is Door.WEBHOOK:
            return webhook.read(delivery, options)
        return dumps.read(delivery, options)

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source))

    def credentials(self, source: Source) -> dict[str, str]:
        key = checked_key(source, "the key of the account or project, from Unisender Go's settings")
        return {self.auth_header: key, "Accept": "application/json, text/csv"}

    def refuses(self, status: int, body: bytes) -> bool:  # noqa: ARG002
        """The wrong data centre says that it doesn't know the user ("Pull feed")."""
        return values.error_code(body) == feeds.UNKNOWN_HERE

    def probe(self, source: Source) -> Ask:  # noqa: ARG002
        return feeds.probe()
