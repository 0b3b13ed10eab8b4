"""Amazon SES: its events, published to an SNS topic that posts them here. There is no list of events to be polled.

``hosts`` knows Amazon's addresses, ``words`` maps its vocabulary to ours, ``identity`` says what is the same fact,
``events`` reads. What topics have in common stands in :mod:`aftersend.providers.sns`. Sections named in comments are
those of the provider file.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from aftersend.providers import sns
from aftersend.providers.amazon_ses import events, hosts
from aftersend.providers.contract import Feed, Handshake, Provider, Request, Webhooks
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Delivery, Kind, Reading


class AmazonSES(Provider):
    """See the contract; everything here is one step to the module that knows."""

    name: ClassVar[str] = "amazon_ses"
    title: ClassVar[str] = "Amazon SES"
    base_url: ClassVar[str] = "https://sns.amazonaws.com"
    signed: ClassVar[bool] = True
    key_optional: ClassVar[bool] = True
    options: ClassVar[type[msgspec.Struct]] = events.Options
    webhooks: ClassVar[Webhooks | None] = Webhooks(
        proof="RSA signature of an SNS topic that is listed",
        kinds=frozenset(
            {
                Kind.SENT,
                Kind.DELIVERED,
                Kind.DEFERRED,
                Kind.BOUNCED,
                Kind.DROPPED,
                Kind.OPENED,
                Kind.CLICKED,
                Kind.UNSUBSCRIBED,
                Kind.RESUBSCRIBED,
                Kind.COMPLAINED,
            }
        ),
        bounce_classes=frozenset(BounceClass),
        batch=True,
        external_id="message tag, or a header of the email",
    )

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return sns.verify(request, source, self.configured(source), hosts.AMAZON)

    def read(self, delivery: Delivery, source: Source) -> Reading:
        return events.read(delivery, self.configured(source))

    def feeds(self, source: Source) -> list[Feed]:  # noqa: ARG002
        return []

    def setup_values(self, source: Source) -> dict[str, str]:
        return {"trusted": sns.trusted(self.configured(source), hosts.AMAZON)}
