"""Postmark: webhooks that carry a shared secret, and lists 10,000 rows deep.

``words`` maps its vocabulary to ours, ``values`` reads its times and texts, ``identity`` says what is the same fact;
``records`` reads what webhooks and lists tell alike, ``webhook`` and ``lists`` read deliveries, ``feeds`` knows the
lists. Sections named in comments are those of the provider file.
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
from aftersend.providers.postmark import feeds, lists, webhook
from aftersend.providers.postmark.options import Options
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Delivery, Door, Kind, Reading


class Postmark(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "postmark"
    title: ClassVar[str] = "Postmark"
    base_url: ClassVar[str] = "https://api.postmarkapp.com"
    key_optional: ClassVar[bool] = True
    auth_header: ClassVar[str] = "X-Postmark-Server-Token"
    options: ClassVar[type[msgspec.Struct]] = Options
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="shared secret (address, basic auth, bearer or header)",
        kinds=frozenset(
            {
                *(Kind.DELIVERED, Kind.DEFERRED, Kind.BOUNCED, Kind.DROPPED, Kind.OPENED, Kind.CLICKED),
                *(Kind.UNSUBSCRIBED, Kind.RESUBSCRIBED, Kind.COMPLAINED, Kind.REPLIED, Kind.AUTO_REPLIED),
            }
        ),
        bounce_classes=frozenset(BounceClass),
        external_id="Metadata, `external_id`",
    )

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return webhook.verify(request, source)

    def read(self, delivery: Delivery, source: Source) -> Reading:
        options: Options = self.configured(source)
        if delivery.door is Door.WEBHOOK:
            return webhook.read(delivery, source, options)
        return lists.read(delivery, source, options)

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source))

    def credentials(self, source: Source) -> dict[str, str]:
        key = checked_key(source, "in Postmark, the server's page API Tokens shows its Server API token")
        return {self.auth_header: key, "Accept": "application/json"}

    def probe(self, source: Source) -> Ask | None:
        return feeds.probe() if source.api_key else None
