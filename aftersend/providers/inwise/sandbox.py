"""inwise as it sounds from outside: facts as automation webhooks and as feed rows.

Sources: provider file sections 2.3 (rows), 3.1 to 3.3 (webhooks), 6 (times). What inwise does in more than
one way, this does in rotation by the fact's number: two date formats, the contact as bracketed keys or one
JSON string, ``lP`` for ``ip``, web versions public or not, now and then a body that is JSON as a whole.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec

from aftersend.providers.speaker import Fact, Speaker, Webhook
from aftersend.vocabulary import BounceClass, Kind
from aftersend.zones import moment

TRIGGERS = {
    Kind.SENT: ("emailSent", "Email Sent To Contact"),
    Kind.OPENED: ("emailOpened", "Email Opened"),
    Kind.CLICKED: ("emailClicked", "Email Clicked"),
    Kind.UNSUBSCRIBED: ("emailUnsubscribed", "Unsubscribed"),
    Kind.BOUNCED: ("emailBounced", "Email Bounced"),
    Kind.DROPPED: ("undelivered", "Undelivered"),
}
"""Kind → (trigger_type, trigger_description), 3.2. Web views and prints have none: only feeds show them."""

ACTIONS = {
    Kind.OPENED: "emailOpened",
    Kind.CLICKED: "emailClicked",
    Kind.BOUNCED: "emailBounced",
    Kind.UNSUBSCRIBED: "emailUnsubscribed",
    Kind.WEB_VIEWED: "emailWebVersion",
    Kind.PRINTED: "emailPrinted",
}
"""Kind → action_type, 2.2."""

BOUNCE_TYPES = {BounceClass.HARD: "hardBounce", BounceClass.SOFT: "SoftBounce"}
"""In the mixed case of the documentation, 3.2."""

ISO, AMERICAN = "%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M:%S"
TO_THE_MINUTE = "%Y-%m-%d %H:%M:00"
FIRST_UNDELIVERED = 2_400_000_000
"""Ids of ``undelivered`` exceed 2^31, section 2.3."""


class InwiseSpeaker(Speaker):
    """Speaks inwise's automation webhook and its REST rows."""

    base_path: ClassVar[str] = "/rest/v1"
    read_once: ClassVar[frozenset[str]] = frozenset({"recentActivities", "recentActivity"})
    page_param: ClassVar[str] = "page_index"
    size_param: ClassVar[str] = "page_size"
    id_field: ClassVar[str] = "id"

    def webhook(self, fact: Fact, zone_name: str) -> Webhook | None:
        if fact.kind not in TRIGGERS:
            return None
        trigger, description = TRIGGERS[fact.kind]
        fields = {
            "timeStamp": moment(fact.at, zone_name).strftime(AMERICAN if fact.number % 3 == 0 else ISO),
            "trigger_type": trigger,
            "trigger_description": description,
            "channel_type": "Email",
            "campaign_id": fact.campaign_id,
            "group_id": "500001",
            "lP" if fact.number % 7 == 0 else "ip": fact.ip_chain,
            "remarks": fact.link_number,
            "additional_details": fact.url,
            "bounce_type": BOUNCE_TYPES.get(fact.bounce_class) if fact.bounce_class else None,
            "reason": fact.reason,
            "account_code": "il-000-1234",
        }
        return _encoded(fact, {name: value for name, value in fields.items() if value is not None})

    def row(self, fact: Fact, zone_name: str) -> tuple[str, dict[str, Any]]:
        at = moment(fact.at, zone_name).strftime(TO_THE_MINUTE)
        who: dict[str, Any] = {"campaign_id": int(fact.campaign_id), "contact_id": int(fact.contact.id)}
        known = {"external_id": fact.contact.external_id} if fact.contact.external_id else {}
        if fact.kind is Kind.SENT:
            sent = {"row_index": fact.number, "transaction_id": fact.message_id, "date_sent": at}
            size = {"message_size": 56, "sending_source": "Campaign"}
            return "sentEmails", sent | who | {"email": fact.contact.email} | size | known
        if fact.kind is Kind.DROPPED:
            dropped = {"id": FIRST_UNDELIVERED + fact.number, "reason": fact.reason, "create_date": at}
            return "undelivered", dropped | who | {"email": fact.contact.email} | known
        public = fact.kind is Kind.WEB_VIEWED and fact.number % 4 == 0
        word = "emailPublicWebVersion" if public else ACTIONS[fact.kind]
        action = {"id": fact.number, "action_date": at, "action_type": word}
        optional = {"ip": fact.ip_chain, "remarks": fact.link_number, "additional_data": fact.url}
        return "activities", action | who | {k: v for k, v in optional.items() if v is not None} | known


def _encoded(fact: Fact, fields: dict[str, str]) -> Webhook:
    contact = {
        "id": fact.contact.id,
        "email": fact.contact.email,
        "field1": fact.contact.name,
        "field125": "",
    }
    if fact.contact.external_id:
        contact["external_id"] = fact.contact.external_id
    if fact.number % 11 == 0:
        return Webhook("application/json", msgspec.json.encode(fields | {"contact": contact}))
    if fact.number % 5 == 0:
        return Webhook(*_form(fields | {"contact": msgspec.json.encode(contact).decode()}))
    return Webhook(*_form(fields | {f"contact[{name}]": value for name, value in contact.items()}))


def _form(fields: dict[str, str]) -> tuple[str, bytes]:
    """Form-encoded with lower-case escapes and ``+`` for a space, as in the sample of 3.3."""
    body = re.sub(r"%[0-9A-F]{2}", lambda escape: escape[0].lower(), urlencode(fields))
    return "application/x-www-form-urlencoded", body.encode()


speaker = InwiseSpeaker()
