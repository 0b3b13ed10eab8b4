"""What people tell us about their campaigns and contacts by ``POST /v1/campaigns`` and ``POST /v1/contacts``.

It takes the way of everything else: the checked items are a delivery in the inbox, which the normalizer reads
here, whatever platform the source is of.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from aftersend.providers.items import problem
from aftersend.vocabulary import BadInput, CampaignInfo, ContactInfo, Delivery, Door, Instant, Reading
from aftersend.zones import parse

CAMPAIGNS, CONTACTS = "/v1/campaigns", "/v1/contacts"
END_OF_TIME: Instant = 253_402_300_800_000
"""The first instant of the year 10000."""

Text = Annotated[str, Meta(max_length=2000, pattern=r"\S", description="Not blank.")]
When = Annotated[str, Meta(min_length=10, max_length=40, description="As 2026-11-21 or 2026-11-21T10:00:00Z.")]


class CampaignItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A campaign as it is told."""

    source: Annotated[Text, Meta(description="The source whose campaign it is.")]
    campaign_id: Annotated[Text, Meta(description="The platform's own id.")]
    name: Text | None = None
    status: Annotated[Text, Meta(description="The platform's own word.")] | None = None
    type: Annotated[Text, Meta(description="As Newsletter.")] | None = None
    subject: Text | None = None
    template: Text | None = None
    created_at: When | None = None
    scheduled_at: When | None = None

    def info(self) -> CampaignInfo:
        """Raises BadInput naming the field."""
        return CampaignInfo(
            campaign_id=self.campaign_id.strip(),
            name=_trimmed(self.name),
            status=_trimmed(self.status),
            type=_trimmed(self.type),
            subject=_trimmed(self.subject),
            template=_trimmed(self.template),
            created_at=_instant(self.created_at, "created_at"),
            scheduled_at=_instant(self.scheduled_at, "scheduled_at"),
        )


class ContactItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A contact as it is told; one of its four ids is needed."""

    source: Annotated[Text, Meta(description="The source whose contact it is.")]
    contact_id: Annotated[Text, Meta(description="The platform's own id.")] | None = None
    external_id: Annotated[Text, Meta(description="Your own id of the contact.")] | None = None
    email: Text | None = None
    phone: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    deleted_at: When | None = None

    def info(self) -> ContactInfo:
        """Raises BadInput naming the field."""
        if not (self.contact_id or self.external_id or self.email or self.phone):
            raise BadInput("A contact needs 'contact_id', 'external_id', 'email' or 'phone'.", "contact_id")
        return ContactInfo(
            contact_id=_trimmed(self.contact_id),
            external_id=_trimmed(self.external_id),
            email=_trimmed(self.email),
            phone=_trimmed(self.phone),
            first_name=_trimmed(self.first_name),
            last_name=_trimmed(self.last_name),
            deleted_at=_instant(self.deleted_at, "deleted_at"),
        )


ITEMS: dict[str, type[CampaignItem] | type[ContactItem]] = {CAMPAIGNS: CampaignItem, CONTACTS: ContactItem}
"""Path → what it takes."""


def is_told(delivery: Delivery) -> bool:
    """Whether a delivery is of this sort and not of its source's platform."""
    return delivery.door is Door.WEBHOOK and delivery.context.get("path") in ITEMS


def read(delivery: Delivery) -> Reading:
    """Everything that was told; an item that can't be understood is a problem, its neighbours are read."""
    reading = Reading()
    kind = ITEMS[delivery.context["path"]]
    for place, raw in enumerate(_items(delivery.body)):
        try:
            info = msgspec.convert(raw, kind).info()
        except (BadInput, msgspec.ValidationError) as error:
            reading.problems.append(problem(place, raw, error))
            continue
        if isinstance(info, CampaignInfo):
            reading.campaigns.append(info)
        else:
            reading.contacts.append(info)
    return reading


def _items(body: bytes) -> list[Any]:
    items: list[Any] = msgspec.json.decode(body, type=list[Any])
    return items


def _trimmed(text: str | None) -> str | None:
    return None if text is None else text.strip()


def _instant(text: str | None, field: str) -> Instant | None:
    if text is None:
        return None
    at = parse(text, field)
    # Beyond lie times that can be told, with an offset, but not printed in UTC.
    if not 0 <= at < END_OF_TIME:
        raise BadInput(f"'{field}' must lie between the years 1970 and 9999.", field)
    return at
