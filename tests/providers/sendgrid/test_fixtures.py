"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec
import pytest

from aftersend.providers.sendgrid.identity import digest
from aftersend.vocabulary import BounceClass, CampaignInfo, Event, Kind, Machine, Reading, slot_key
from tests.providers.sendgrid.said import MESSAGE, fixture, hook, page

NORA, IVO, NEMO = "nora@example.com", "ivo@example.com", "nemo@example.com"
SMTP_ID = {"smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-5.example.com>"}
LINUX = "Mozilla/5.0 (X11; Linux x86_64)"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.0 Mobile/15E148 Safari/604.1"
)
OFFER = "https://www.example.com/offer?x=1"


def offset(index: int, type_: str) -> str:
    return repr([("index", str(index)), ("type", type_)])


def of_message(kind: Kind, at: int, message: str, email: str = NORA, fact: str = "") -> bytes:
    return slot_key(at * 1000, "acme", kind, "message", message, email, fact)


def of_address(kind: Kind, at: int, email: str, group: str = "") -> bytes:
    return slot_key(at * 1000, "acme", kind, "address", email, group)


def told(kind: Kind, word: str, at: int, own: str | None, metadata: dict[str, str], **fields: Any) -> Event:
    """What a webhook tells of a message; those of an address name its slot."""
    message = fields.get("message_id", MESSAGE)
    common = {
        "slot": of_message(kind, at, message or "", fields.get("email", NORA), fields.get("url", "")),
        "list": "1 webhook",
        "row_id": own,
        "message_id": message,
        "by_message": bool(message),
        "email": NORA,
        "metadata": ({"x_message_id": message.partition(".")[0]} if message else {}) | metadata,
    }
    return Event(kind=kind, word=word, occurred_at=at * 1000, **(common | fields))


def at_address(kind: Kind, word: str, at: int, own: str, metadata: dict[str, str], **fields: Any) -> Event:
    email, message, group = fields.get("email", NORA), fields.get("message_id", MESSAGE), fields.pop("group", "")
    return told(
        kind, word, at, own, metadata, **({"slot": of_address(kind, at, email, group), "row": message} | fields)
    )


WEBHOOKS: dict[str, Reading] = {
    "processed": Reading(
        events=[
            told(
                Kind.QUEUED,
                "processed",
                1767268800,
                "cHJvY2Vzc2VkLTEwMDAtYWJj",
                {
                    "category": "welcome, onboarding",
                    "customer_id": "c-42",
                    "pool.id": "210",
                    "pool.name": "transactional",
                    "send_ref": "s-9001",
                }
                | SMTP_ID,
            )
        ]
    ),
    "deferred": Reading(
        events=[
            told(
                Kind.DEFERRED,
                "deferred",
                1767268860,
                "ZGVmZXJyZWQtMTAwMC1hYmM",
                {
                    "attempt": "5",
                    "category": "welcome",
                    "customer_id": "c-42",
                    "domain": "example.com",
                    "from": "news@example.com",
                }
                | SMTP_ID,
                row="5",
                reason="451 4.3.0 try again later",
                smtp_code="451",
            )
        ]
    ),
    "delivered": Reading(
        events=[
            told(
                Kind.DELIVERED,
                "delivered",
                1767268900,
                "ZGVsaXZlcmVkLTEwMDAtYWJj",
                {
                    "category": "welcome",
                    "customer_id": "c-42",
                    "response": "250 2.0.0 OK",
                    "sending_ip": "192.0.2.10",
                    "tls": "1",
                }
                | SMTP_ID,
                smtp_code="250",
            )
        ]
    ),
    "bounce": Reading(
        events=[
            at_address(
                Kind.BOUNCED,
                "bounce",
                1767268910,
                "Ym91bmNlLTEwMDAtYWJj",
                {
                    "bounce_classification": "Invalid Address",
                    "category": "welcome",
                    "customer_id": "c-43",
                    "sending_ip": "192.0.2.10",
                    "tls": "1",
                    "type": "bounce",
                }
                | SMTP_ID,
                email=NEMO,
                bounce_class=BounceClass.HARD,
                reason="550 5.1.1 unknown recipient",
                smtp_code="5.1.1",
            )
        ]
    ),
    "blocked": Reading(
        events=[
            at_address(
                Kind.BOUNCED,
                "bounce",
                1767268915,
                "YmxvY2tlZC0xMDAwLWFiYw",
                {
                    "bounce_classification": "Reputation",
                    "category": "welcome",
                    "sending_ip": "192.0.2.10",
                    "type": "blocked",
                }
                | SMTP_ID,
                email=IVO,
                message_id=f"{MESSAGE[:-1]}1",
                bounce_class=BounceClass.BLOCK,
                reason="550 5.7.1 blocked by policy",
                smtp_code="5.7.1",
            )
        ]
    ),
    "expired": Reading(
        events=[
            at_address(
                Kind.BOUNCED,
                "bounce",
                1767528000,
                "ZXhwaXJlZC0xMDAw==",
                {"bounce_classification": "Technical Failure", "type": "expired"},
                email=IVO,
                message_id=f"{MESSAGE[:-1]}3",
                bounce_class=BounceClass.SOFT,
                reason="unable to get mx info: failed to get IPs",
            )
        ]
    ),
    "bounce_late": Reading(
        events=[
            at_address(
                Kind.BOUNCED,
                "bounce",
                1767355200,
                "bGF0ZS0xMDAw",
                {"bounce_classification": "Unclassified"},
                email=NEMO,
                message_id=None,
                row=digest("Undelivered mail returned to sender"),
                bounce_class=BounceClass.UNDETERMINED,
                reason="Undelivered mail returned to sender",
            )
        ]
    ),
    "dropped": Reading(
        events=[
            at_address(
                Kind.DROPPED,
                "dropped",
                1767268801,
                "ZHJvcHBlZC0xMDAwLWFiYw",
                {"category": "welcome"} | SMTP_ID,
                email=NEMO,
                message_id=f"{MESSAGE[:-1]}2",
                reason="Bounced Address",
                smtp_code="5.0.0",
            )
        ]
    ),
    "open": Reading(
        events=[
            told(
                Kind.OPENED,
                "open",
                1767269000,
                "b3Blbi0xMDAwLWFiYw",
                {"category": "welcome", "customer_id": "c-42"},
                row=digest("198.51.100.7", "Mozilla/5.0", ""),
                ip="198.51.100.7",
                user_agent="Mozilla/5.0",
                machine=Machine.MACHINE,
                machine_reason="sg_machine_open",
            )
        ]
    ),
    "click": Reading(
        events=[
            told(
                Kind.CLICKED,
                "click",
                1767269050,
                "Y2xpY2stMTAwMC1hYmM",
                {"asm_group_id": "1", "category": "welcome", "customer_id": "c-42", "url_offset.type": "html"},
                row=digest("198.51.100.7", LINUX, offset(0, "html")),
                url=OFFER,
                link_number="0",
                ip="198.51.100.7",
                user_agent=LINUX,
                device="computer",
            )
        ]
    ),
    "spamreport": Reading(
        events=[
            at_address(
                Kind.COMPLAINED, "spamreport", 1767269100, "c3BhbS0xMDAwLWFiYw", {"category": "welcome"} | SMTP_ID
            )
        ]
    ),
    "unsubscribe": Reading(
        events=[
            at_address(Kind.UNSUBSCRIBED, "unsubscribe", 1767269110, "dW5zdWItMTAwMC1hYmM", {"category": "welcome"})
        ]
    ),
    "group_unsubscribe": Reading(
        events=[
            at_address(
                Kind.UNSUBSCRIBED,
                "group_unsubscribe",
                1767269120,
                "Z3JvdXB1bnN1Yi0xMDAw",
                {"asm_group_id": "10", "category": "news"} | SMTP_ID,
                group="10",
                url="https://www.example.com/prefs",
                ip="198.51.100.7",
                user_agent="Mozilla/5.0",
            )
        ]
    ),
    "group_resubscribe": Reading(
        events=[
            at_address(
                Kind.RESUBSCRIBED,
                "group_resubscribe",
                1767269130,
                "Z3JvdXByZXN1Yi0xMDAw",
                {"asm_group_id": "10", "category": "news"} | SMTP_ID,
                group="10",
                url="https://www.example.com/prefs",
                ip="198.51.100.7",
                user_agent="Mozilla/5.0",
            )
        ]
    ),
    "account_status_change": Reading(),
    "test": Reading(),
    "marketing_campaign": Reading(
        events=[
            told(
                Kind.QUEUED,
                "processed",
                1767269300,
                "bWMtcHJvY2Vzc2VkLTEw",
                {
                    "marketing_campaign_id": "23314",
                    "marketing_campaign_name": "Spring launch",
                    "marketing_campaign_split_id": "13471",
                    "marketing_campaign_version": "B",
                    "smtp-id": "<5lFl7Fr1Rjme_EyzNNB_5A@ismtpd-006.example.com>",
                },
                message_id="5lFl7Fr1Rjme_EyzNNB_5A.filter-015.5185.55F883172.0",
                campaign_id="23314",
            )
        ],
        campaigns=[CampaignInfo(campaign_id="23314", name="Spring launch")],
    ),
    "batch": Reading(
        events=[
            told(
                Kind.QUEUED,
                "processed",
                1767268800,
                "YmF0Y2gtMQ",
                {"campaign_id": "spring", "category": "news", "external_id": "c-42"},
                message_id="k7Qd.filter-9.1.0",
                campaign_id="spring",
                external_id="c-42",
            ),
            told(
                Kind.OPENED,
                "open",
                1767268801,
                "YmF0Y2gtMg",
                {"campaign_id": "spring", "external_id": "c-43", "sg_content_type": "html"},
                row=digest("198.51.100.9", PHONE, ""),
                message_id="m8Re.filter-9.2.0",
                email=IVO,
                campaign_id="spring",
                external_id="c-43",
                ip="198.51.100.9",
                user_agent=PHONE,
                device="mobile",
            ),
            told(
                Kind.OTHER,
                "quarantined",
                1767268802,
                None,
                {"new_field": "1, b"},
                slot=of_message(Kind.OTHER, 1767268802, "m8Re.filter-9.2.0", IVO, "quarantined"),
                row=digest(
                    repr(
                        [
                            ("email", IVO),
                            ("event", "quarantined"),
                            ("new_field", "1, b"),
                            ("sg_message_id", "m8Re.filter-9.2.0"),
                            ("timestamp", "1767268802"),
                        ]
                    )
                ),
                message_id="m8Re.filter-9.2.0",
                email=IVO,
            ),
            told(
                Kind.CLICKED,
                "click",
                1767268803,
                None,
                {"singlesend_id": "7f0d2b10-aaaa", "singlesend_name": "Spring", "url_offset.type": "text"},
                row=digest("198.51.100.9", "Mozilla/5.0", offset(2, "text")),
                message_id="m8Re.filter-9.2.0",
                email=IVO,
                campaign_id="7f0d2b10-aaaa",
                template="d-1",
                url="https://shop.example.com/b",
                link_number="2",
                ip="198.51.100.9",
                user_agent="Mozilla/5.0",
            ),
        ],
        campaigns=[CampaignInfo(campaign_id="7f0d2b10-aaaa", name="Spring", template="d-1")],
    ),
}


@pytest.mark.parametrize("name", WEBHOOKS)
def test_every_field_of_a_webhook_is_read(name):
    assert hook(fixture(f"webhook_{name}.json")) == WEBHOOKS[name]


def suppressed(feed: str, kind: Kind, at: int, email: str, **fields: Any) -> Event:
    return Event(
        slot=of_address(kind, at, email),
        list="3 suppressions",
        row=feed,
        kind=kind,
        word=feed,
        occurred_at=at * 1000,
        email=email,
        **fields,
    )


def active(kind: Kind, word: str, time: int, fact: str = "", metadata: dict[str, str] | None = None, **fields) -> Event:
    at, message = 1767268800 + time, "abc123.filter01-1.0"
    return Event(
        **(
            {
                "slot": of_message(kind, at, message, NORA, fact),
                "list": "2 activity",
                "kind": kind,
                "word": word,
                "occurred_at": at * 1000,
                "message_id": message,
                "by_message": True,
                "template": "d-1",
                "campaign_id": "spring",
                "external_id": "c-42",
                "email": NORA,
                "metadata": {
                    "asm_group_id": "10",
                    "campaign_id": "spring",
                    "category": "welcome, news",
                    "external_id": "c-42",
                    "from": "news@example.com",
                    "sending_ip": "192.0.2.10",
                    "subject": "Hello",
                    "x_message_id": "abc123",
                }
                | (metadata or {}),
            }
            | fields
        )
    )


LINUX_ROW = {"row": digest(LINUX), "user_agent": LINUX, "device": "computer"}
MX = {"mx_server": "mx.example.com"}
FEEDS: dict[str, list[Event]] = {
    "bounces": [
        suppressed(
            "bounces",
            Kind.BOUNCED,
            1767268910,
            NEMO,
            bounce_class=BounceClass.HARD,
            reason="550 5.1.1 unknown recipient",
            smtp_code="5.1.1",
        ),
        suppressed(
            "bounces",
            Kind.BOUNCED,
            1767268911,
            IVO,
            bounce_class=BounceClass.SOFT,
            reason="451 try later",
            smtp_code="4.2.1",
        ),
    ],
    "blocks": [
        suppressed(
            "blocks",
            Kind.BOUNCED,
            1767268915,
            IVO,
            bounce_class=BounceClass.BLOCK,
            reason="550 5.7.1 blocked by policy",
            smtp_code="5.7.1",
        )
    ],
    "spam_reports": [suppressed("spam_reports", Kind.COMPLAINED, 1767269100, NORA, ip="198.51.100.7")],
    "invalid_emails": [
        suppressed(
            "invalid_emails",
            Kind.DROPPED,
            1767269105,
            "nemo@example",
            reason="Mail domain mentioned in email address is unknown",
        )
    ],
    "unsubscribes": [suppressed("unsubscribes", Kind.UNSUBSCRIBED, 1767269110, NORA)],
    "messages": [],
    "activity": [
        active(Kind.QUEUED, "processed", 0),
        active(
            Kind.DEFERRED,
            "deferred",
            10,
            metadata={"attempt": "1"} | MX,
            row="1",
            reason="451 4.3.0 try again later",
            smtp_code="451",
        ),
        active(Kind.DELIVERED, "delivered", 20, metadata=MX),
        active(Kind.OPENED, "open", 540, **LINUX_ROW),
        active(Kind.OPENED, "open", 540, **(LINUX_ROW | {"row": f"{digest(LINUX)} 2"})),
        active(Kind.CLICKED, "click", 600, OFFER, url=OFFER, **LINUX_ROW),
        active(
            Kind.UNSUBSCRIBED,
            "group_unsubscribe",
            630,
            slot=of_address(Kind.UNSUBSCRIBED, 1767269430, NORA, "10"),
            row="abc123.filter01-1.0",
        ),
        active(
            Kind.BOUNCED,
            "bounce",
            660,
            slot=of_address(Kind.BOUNCED, 1767269460, NORA),
            row="abc123.filter01-1.0",
            bounce_class=BounceClass.BLOCK,
            reason="550 5.7.1 blocked by policy",
            smtp_code="550",
        ),
        active(
            Kind.OTHER,
            "mystery",
            720,
            "mystery",
            row=digest(repr([("event_name", "mystery"), ("processed", "2026-01-01T12:12:00Z")])),
        ),
    ],
}


@pytest.mark.parametrize("name", FEEDS)
def test_every_field_of_a_page_is_read(name):
    assert page(name, fixture(f"feed_{name}.json")) == Reading(events=FEEDS[name])


def test_there_is_no_fixture_whose_reading_is_not_compared():
    names = {path.name for path in files("aftersend.providers.sendgrid").joinpath("fixtures").iterdir()}
    assert names == {f"webhook_{name}.json" for name in WEBHOOKS} | {f"feed_{name}.json" for name in FEEDS}


def test_what_is_read_can_be_stored_and_read_again():
    for name in WEBHOOKS:
        for event in hook(fixture(f"webhook_{name}.json")).events:
            assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event
