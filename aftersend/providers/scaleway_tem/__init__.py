"""Scaleway's Transactional Email: events published to a topic that posts them here, and lists to be polled.

``hosts`` knows Scaleway's addresses, ``words`` maps its vocabulary to ours, ``identity`` says what is the same fact;
``events`` reads events through both doors, ``emails`` the states of emails, ``feeds`` knows the lists. What topics have
in common stands in :mod:`aftersend.providers.sns`. Sections named in comments are those of the provider file.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from aftersend.providers import sns
from aftersend.providers.contract import Ask, Feed, Handshake, Provider, Request, Webhooks, checked_key
from aftersend.providers.items import unreadable
from aftersend.providers.scaleway_tem import emails, events, feeds, hosts
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Delivery, Door, Kind, Reading


class ScalewayTEM(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "scaleway_tem"
    title: ClassVar[str] = "Scaleway TEM"
    base_url: ClassVar[str] = "https://api.scaleway.com"
    signed: ClassVar[bool] = True
    key_optional: ClassVar[bool] = True
    tells_sends: ClassVar[bool] = False
    auth_header: ClassVar[str] = "X-Auth-Token"
    options: ClassVar[type[msgspec.Struct]] = feeds.Options
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="RSA signature of a topic that is listed, by a certificate of Scaleway's authority",
        kinds=frozenset({Kind.QUEUED, Kind.DELIVERED, Kind.DEFERRED, Kind.BOUNCED, Kind.DROPPED}),
        bounce_classes=frozenset({BounceClass.HARD, BounceClass.BLOCK}),
        external_id="header of the email",
    )

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return sns.verify(request, source, self.configured(source), hosts.SCALEWAY)

    def read(self, delivery: Delivery, source: Source) -> Reading:
        options = self.configured(source)
        if delivery.door is Door.WEBHOOK:
            return events.read_post(delivery, options)
        match delivery.feed:
            case "events":
                return events.read_list(delivery, options)
            case "emails":
                return emails.read(delivery)
        reason = f"Scaleway has no list '{delivery.feed}'."
        return unreadable(delivery, reason)

    def feeds(self, source: Source) -> list[Feed]:
        return feeds.feeds(self.configured(source))

    def credentials(self, source: Source) -> dict[str, str]:
        key = checked_key(source, "the secret key of an API key that may read Transactional Email")
        return {self.auth_header: key}

    def probe(self, source: Source) -> Ask:
        return feeds.probe(self.configured(source))

    def setup_values(self, source: Source) -> dict[str, str]:
        return {"trusted": sns.trusted(self.configured(source), hosts.SCALEWAY)}
