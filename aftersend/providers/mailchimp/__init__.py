"""Mailchimp Marketing: webhooks of audiences, and reports of campaigns, which have what webhooks lack.

``words`` maps its vocabulary to ours, ``values`` reads its times and texts, ``identity`` says what is the same fact;
``webhook``, ``campaigns`` and ``members`` read deliveries, ``feeds`` knows the lists. Sections named in comments are
those of the provider file.
"""

from __future__ import annotations

import base64
import re
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
from aftersend.providers.mailchimp import campaigns, feeds, members, webhook
from aftersend.providers.mailchimp.options import Options
from aftersend.providers.values import decoded
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, ConfigurationError, Delivery, Door, Instant, Kind, Reading

MINUTE = 60_000
_DATA_CENTRE = re.compile(r".+-([a-z]{2,4}[0-9]{1,3})", re.ASCII)


class Mailchimp(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "mailchimp"
    title: ClassVar[str] = "Mailchimp"
    base_url: ClassVar[str] = "https://us1.api.mailchimp.com/3.0"
    signed: ClassVar[bool] = True
    key_optional: ClassVar[bool] = True
    options: ClassVar[type[msgspec.Struct]] = Options
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="HMAC-SHA256 with a time, or a secret in the address",
        kinds=frozenset({Kind.RESUBSCRIBED, Kind.UNSUBSCRIBED, Kind.COMPLAINED, Kind.BOUNCED}),
        bounce_classes=frozenset({BounceClass.HARD}),
        external_id="merge fields",
    )

    def signs(self, source: Source) -> bool:
        return bool(self.configured(source).webhook_mode == "signed")

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return webhook.verify(request, source, signed=self.signs(source))

    def read(self, delivery: Delivery, source: Source) -> Reading:
        options = self.configured(source)
        if delivery.door is Door.WEBHOOK:
            return webhook.read(delivery, source.name, options, self.zone(source))
        if delivery.feed == "campaigns":
            return campaigns.read(delivery)
        if delivery.feed in members.ROWS:
            return members.read(delivery, source.name, options)
        reason = f"Mailchimp has no list '{delivery.feed}'."
        return unreadable(delivery, reason)

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source))

    def url(self, source: Source) -> str:
        """The key ends with its data centre, ``-us21``, which is part of the address."""
        found = _DATA_CENTRE.fullmatch(source.api_key.strip())
        if source.base_url or not found:
            return super().url(source)
        return f"https://{found[1]}.api.mailchimp.com/3.0"

    def credentials(self, source: Source) -> dict[str, str]:
        key = checked_key(source, "in Mailchimp under Account & billing → Extras → API keys")
        if not source.base_url and not _DATA_CENTRE.fullmatch(key):
            raise ConfigurationError(
                f"The api_key of source '{source.name}' doesn't end with its data centre, as in …-us21: paste all of "
                "it, or set base_url."
            )
        return {self.auth_header: f"Basic {base64.b64encode(f'aftersend:{key}'.encode()).decode()}"}

    def not_before(self, status: int, headers: dict[str, str], body: bytes, at: Instant) -> Instant | None:  # noqa: ARG002
        """At very high volume a 429 or a 403 comes without JSON: then the key is not to blame."""
        if status == 429:
            return at + MINUTE
        if status != 403:
            return None
        try:
            return None if isinstance(decoded(body), dict) else at + MINUTE
        except Malformed:
            return at + MINUTE

    def probe(self, source: Source) -> Ask:  # noqa: ARG002
        return feeds.probe()
