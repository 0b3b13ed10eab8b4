"""Mailgun (Sinch): webhooks signed in their body, and its events in two lists.

``words`` maps its vocabulary to ours, ``values`` reads its times and variables, ``identity`` says what is the same
event, ``events`` reads one, through whichever door it came; ``webhook`` verifies, ``feeds`` knows the lists. Sections
named in comments are those of the provider file.
"""

from __future__ import annotations

from base64 import b64encode
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
from aftersend.providers.mailgun import feeds, lists, webhook
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Delivery, Door, Kind, Once, Reading


class Mailgun(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "mailgun"
    title: ClassVar[str] = "Mailgun"
    base_url: ClassVar[str] = "https://api.mailgun.net"
    signed: ClassVar[bool] = True
    key_optional: ClassVar[bool] = True
    tells_sends: ClassVar[bool] = False
    options: ClassVar[type[msgspec.Struct]] = feeds.Options
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="HMAC-SHA256 of a time and a token, each token once",
        kinds=frozenset(
            {
                Kind.QUEUED,
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
        machines=True,
        external_id="`user-variables`",
    )

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return webhook.verify(request, source, self.configured(source))

    def once(self, request: Request, source: Source) -> Once | None:
        return webhook.once(request, source, self.configured(source))

    def read(self, delivery: Delivery, source: Source) -> Reading:
        if delivery.door is Door.WEBHOOK:
            return webhook.read(delivery, source.name, self.configured(source))
        return lists.read(delivery, source.name, self.configured(source))

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source))

    def enabled(self, source: Source) -> dict[str, Feed]:
        """Where a source lists none, one of the two, since both show the same: ``events``, whose rows say more, if it
        names its domains, else ``logs``."""
        found = super().enabled(source)
        if source.feeds is not None or not found:
            return found
        name = "events" if self.configured(source).domains else "logs"
        return {name: found[name]}

    def credentials(self, source: Source) -> dict[str, str]:
        key = checked_key(source, "an API key of the account, under API Security")
        return {self.auth_header: f"Basic {b64encode(b'api:' + key.encode()).decode()}"}

    def probe(self, source: Source) -> Ask:
        return feeds.probe(self.configured(source))
