"""inwise: email and SMS marketing, Israel. Two webhooks without signatures, and lists to be polled.

``words`` maps its vocabulary to ours, ``times`` reads its clocks, ``identity`` says what may be the same fact,
``webhook`` and ``rows`` and ``summary`` read deliveries, ``feeds`` knows the lists. Sections named in comments
are those of the provider file.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from aftersend import zones
from aftersend.providers.contract import Ask, Feed, Handshake, Provider, Request, Webhooks, checked_key
from aftersend.providers.inwise import feeds, rows, summary, webhook, words
from aftersend.settings import Source
from aftersend.vocabulary import BadInput, ConfigurationError, Delivery, Door, Kind, Reading, now


class Inwise(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "inwise"
    title: ClassVar[str] = "inwise"
    base_url: ClassVar[str] = "https://api.inwise.com/rest/v1"
    time_zone: ClassVar[str] = "Asia/Jerusalem"
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="token in the address",
        kinds=frozenset(kind for kind, _ in (*words.WORDS.values(), *words.TRANSACTIONAL.values())) - {Kind.OTHER},
        bounce_classes=frozenset(words.BOUNCES.values()),
        external_id="`contact[external_id]`",
    )
    options: ClassVar[type[msgspec.Struct]] = feeds.Options
    unitemised: ClassVar[frozenset[Kind]] = frozenset(words.UNITEMISED)
    auth_header: ClassVar[str] = "X-API-Key"
    kept_headers: ClassVar[tuple[str, ...]] = (rows.ROW_IDS,)

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return webhook.verify(request, source)

    def read(self, delivery: Delivery, source: Source) -> Reading:
        if delivery.door is Door.WEBHOOK:
            return webhook.read(delivery, source.name, self.zone(source))
        if delivery.feed == "activitiesSummary":
            return summary.read(delivery)
        return rows.read(delivery, source.name, self.zone(source))

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source), self._known_zone(source))

    def credentials(self, source: Source) -> dict[str, str]:
        """``X-API-Key`` alone: a Bearer beside it makes inwise refuse the key (section 1)."""
        key = checked_key(source, "in inwise, Developer, then Api Key, then New Api Key")
        return {self.auth_header: key, "Accept": "application/json"}

    def probe(self, source: Source) -> Ask:
        return feeds.probe(self.configured(source), self._known_zone(source), now())

    def _known_zone(self, source: Source) -> str:
        name = self.zone(source)
        try:
            zones.zone(name)
        except BadInput as error:
            raise ConfigurationError(f"Source '{source.name}', time_zone: {error}") from None
        return name
