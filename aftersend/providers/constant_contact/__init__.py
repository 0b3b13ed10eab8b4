"""Constant Contact: email marketing, V3 API. It sends no webhooks for what happens to emails; everything is polled.

``words`` maps its vocabulary to ours, ``values`` reads its times and counts, ``identity`` says what is the same fact;
``tracking``, ``campaigns``, ``totals`` and ``contacts`` read answers; ``notes`` knows what is worth asking, ``feeds``
asks it, within the ``limits``. Sections named in comments are those of the provider file.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from aftersend.providers.constant_contact import campaigns, contacts, feeds, limits, totals, tracking
from aftersend.providers.constant_contact.words import LISTS, UNITEMISED
from aftersend.providers.contract import Ask, Feed, Handshake, OAuth, Provider, Request
from aftersend.providers.items import unreadable
from aftersend.settings import Source
from aftersend.vocabulary import ConfigurationError, Delivery, Door, Instant, Kind, Rate, Reading, Rejected

SCOPES = ("campaign_data", "contact_data", "offline_access")


class ConstantContact(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "constant_contact"
    title: ClassVar[str] = "Constant Contact"
    base_url: ClassVar[str] = "https://api.cc.email/v3"
    pushes: ClassVar[bool] = False
    options: ClassVar[type[msgspec.Struct]] = feeds.Options
    unitemised: ClassVar[frozenset[Kind]] = frozenset(UNITEMISED)
    rates: ClassVar[tuple[Rate, ...]] = limits.RATES

    def verify(self, request: Request, source: Source) -> Handshake | None:  # noqa: ARG002
        raise Rejected(
            f"Constant Contact sends no webhooks for emails (source '{source.name}'): everything is polled, and "
            "nothing is accepted here."
        )

    def read(self, delivery: Delivery, source: Source) -> Reading:
        if delivery.door is Door.FEED:
            if delivery.feed in LISTS:
                return tracking.read(delivery, source.name, self.zone(source))
            match delivery.feed:
                case "campaigns":
                    return campaigns.read_summaries(delivery)
                case "details":
                    return campaigns.read_details(delivery)
                case "stats":
                    return totals.read(delivery)
                case "links":
                    return totals.read_links(delivery)
                case "contacts":
                    return contacts.read(delivery, source.name, self.zone(source))
        return unreadable(delivery, "Constant Contact has no such list.")

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source))

    def credentials(self, source: Source) -> dict[str, str]:  # noqa: ARG002
        """None of its own: what opens the API is a token, see :meth:`oauth`."""
        return {"Accept": "application/json"}

    def account(self, source: Source) -> str:
        """The budget is the application's, for all accounts that are connected to it (section 5.2)."""
        return self.oauth(source).client_id

    def not_before(self, status: int, headers: dict[str, str], body: bytes, at: Instant) -> Instant | None:
        return limits.not_before(status, headers, body, at)

    def oauth(self, source: Source) -> OAuth:
        options: feeds.Options = self.configured(source)
        client_id = options.client_id.strip()
        if not client_id:
            raise ConfigurationError(
                f"Source '{source.name}' needs client_id: the API key of your application in Constant Contact's "
                "developer portal, and its client_secret."
            )
        return OAuth(
            client_id=client_id,
            client_secret=options.client_secret.strip(),
            authorize_url=options.authorize_url,
            token_url=options.token_url,
            device_url=options.device_url,
            scopes=SCOPES,
            redirect_uri=options.redirect_uri,
        )

    def probe(self, source: Source) -> Ask:  # noqa: ARG002
        return feeds.probe()

    def setup_values(self, source: Source) -> dict[str, str]:
        options: feeds.Options = self.configured(source)
        return super().setup_values(source) | {"redirect_uri": options.redirect_uri}
