"""Postal: a mail server one hosts oneself. Signed webhooks, one event each, and no lists.

``words`` maps its vocabulary to ours, ``identity`` says what is the same fact, ``proof`` who may call, and ``webhook``
reads. Sections named in comments are those of the provider file.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from aftersend.providers.contract import Feed, Handshake, Provider, Request, Webhooks
from aftersend.providers.items import unreadable
from aftersend.providers.postal import proof, webhook
from aftersend.providers.postal.options import Options
from aftersend.providers.postal.words import WEBHOOKS
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Delivery, Door, Reading


class Postal(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "postal"
    title: ClassVar[str] = "Postal"
    base_url: ClassVar[str] = "https://postal.example.com"
    """Every installation has its own; nothing is asked there."""
    key_optional: ClassVar[bool] = True
    signed: ClassVar[bool] = True
    tells_sends: ClassVar[bool] = False
    options: ClassVar[type[msgspec.Struct]] = Options
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="RSA (SHA-256) over the body",
        kinds=frozenset(WEBHOOKS.values()),
        bounce_classes=frozenset({BounceClass.HARD, BounceClass.SOFT, BounceClass.BLOCK}),
    )

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return proof.verify(request, source, sha1=self.configured(source).sha1)

    def read(self, delivery: Delivery, source: Source) -> Reading:
        if delivery.door is Door.WEBHOOK:
            return webhook.read(delivery, source.name, self.configured(source))
        reason = f"Postal has no list '{delivery.feed}'."
        return unreadable(delivery, reason)

    def feeds(self, source: Source) -> list[Feed]:  # noqa: ARG002
        return []
