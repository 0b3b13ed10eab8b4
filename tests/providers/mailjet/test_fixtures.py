"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files

import pytest

from aftersend.providers.mailjet import Mailjet
from aftersend.providers.mailjet.identity import digest
from aftersend.vocabulary import BounceClass, CampaignInfo, Event, Kind, Reading, slot_key
from aftersend.zones import parse
from tests.providers.mailjet.said import ABOUT, BLOCKED, BOUNCED, MESSAGE, fixture, hook, page

ANA, NOBODY = "ana@example.com", "nobody@example.com"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
OFFER = "https://shop.example.com/o/4711"
GUID = "2a6f41d0-7c55-4f0e-9d3e-1b2c3d4e5f60"
PLAIN = {"custom_campaign": "receipts-2026-03", "custom_id": "order-4711", "message_guid": GUID}
PAID = {"tenant": "7", "campaign_id": "spring"}
NAMED = [CampaignInfo(campaign_id="7257", name="receipts-2026-03")]


def slot(fact: str, seconds: int, message: str = MESSAGE) -> bytes:
    return slot_key(seconds * 1000, "acme", fact, "message", message)


def row(email: str, url: str | None = None, ip: str | None = None, error: str | None = None) -> str:
    return digest(email, url, ip, error)


def told(kind: Kind, word: str, seconds: int, more: dict[str, str], **fields) -> Event:
    """An event of the message to Ana, as a webhook tells it."""
    common = {
        "slot": slot(kind.value, seconds),
        "list": "events",
        "row": row(ANA),
        "message_id": MESSAGE,
        "by_message": True,
        "campaign_id": "7257",
        "contact_id": "4",
        "external_id": "order-4711",
        "email": ANA,
        "metadata": PLAIN | more,
    }
    return Event(kind=kind, word=word, occurred_at=seconds * 1000, **(common | fields))


def bounced(kind: Kind, seconds: int, reason: str, metadata: dict[str, str], **fields) -> Event:
    common = {
        "slot": slot("bounce", seconds, BOUNCED),
        "row": row(NOBODY, error=reason),
        "message_id": BOUNCED,
        "contact_id": "5",
        "external_id": None,
        "email": NOBODY,
        "reason": reason,
        "metadata": metadata,
    }
    return told(kind, "bounce", seconds, {}, **(common | fields))


WEBHOOKS = {
    "sent": Reading(
        events=[
            told(Kind.DELIVERED, "sent", 1772359230, {"smtp_reply": "sent (250 2.0.0 OK)", **PAID}, smtp_code="250")
        ],
        campaigns=NAMED,
    ),
    "open": Reading(
        events=[
            told(
                Kind.OPENED,
                "open",
                1772360000,
                {"country": "DE", **PAID},
                row=row(ANA, ip="192.0.2.25"),
                ip="192.0.2.25",
                user_agent=IPHONE,
                device="mobile",
            )
        ],
        campaigns=NAMED,
    ),
    # A chain of addresses, and no country.
    "click": Reading(
        events=[
            told(
                Kind.CLICKED,
                "click",
                1772360060,
                PAID,
                row=row(ANA, OFFER, "192.0.2.25, 198.51.100.9"),
                url=OFFER,
                ip="192.0.2.25",
                ip_chain="192.0.2.25, 198.51.100.9",
                user_agent=IPHONE,
                device="mobile",
            )
        ],
        campaigns=NAMED,
    ),
    "bounce_hard": Reading(
        events=[
            bounced(
                Kind.BOUNCED,
                1772359270,
                "user unknown",
                {
                    "blocked": "true",
                    "comment": "550 5.1.1 no such user",
                    "custom_id": "order-4712",
                    "error_related_to": "recipient",
                    "message_guid": "3b7052e1-8d66-4a1f-8e4f-2c3d4e5f6071",
                },
                bounce_class=BounceClass.HARD,
                smtp_code="550",
                external_id="order-4712",
            )
        ]
    ),
    # These three come without CustomID, Payload and Message_GUID.
    "bounce_soft": Reading(
        events=[
            bounced(
                Kind.BOUNCED,
                1772359271,
                "quota exceeded",
                {"blocked": "false", "error_related_to": "recipient"},
                bounce_class=BounceClass.SOFT,
            )
        ]
    ),
    "bounce_block": Reading(
        events=[
            bounced(
                Kind.BOUNCED,
                1772359272,
                "content blocked",
                {"blocked": "false", "error_related_to": "spam"},
                bounce_class=BounceClass.BLOCK,
            )
        ]
    ),
    "bounce_greylisted": Reading(
        events=[bounced(Kind.DEFERRED, 1772359273, "greylisted", {"blocked": "true", "error_related_to": "domain"})]
    ),
    "blocked": Reading(
        events=[
            Event(
                slot=slot("dropped", 1772359231, BLOCKED),
                list="events",
                row=row("blocked@example.com", error="preblocked"),
                kind=Kind.DROPPED,
                word="blocked",
                occurred_at=1772359231000,
                message_id=BLOCKED,
                by_message=True,
                contact_id="6",
                email="blocked@example.com",
                reason="preblocked",
                metadata={"error_related_to": "mailjet", "message_guid": "4c8163f2-9e77-4b20-9f50-3d4e5f607182"},
            )
        ]
    ),
    # A payload that isn't JSON.
    "spam": Reading(
        events=[told(Kind.COMPLAINED, "spam", 1772370000, {"payload": "tenant 7", "source": "JMRPP"})],
        campaigns=NAMED,
    ),
    # What stands for the agent is none.
    "unsub": Reading(
        events=[
            told(
                Kind.UNSUBSCRIBED,
                "unsub",
                1772370100,
                {"country": "DE", "list_id": "31", "unsubscribed_by": "List-Unsubscribe"},
                row=row(ANA, ip="192.0.2.25"),
                ip="192.0.2.25",
            )
        ],
        campaigns=NAMED,
    ),
    "grouped": Reading(
        events=[
            Event(
                slot=slot("delivered", 1772359230),
                list="events",
                row=row(ANA),
                kind=Kind.DELIVERED,
                word="sent",
                occurred_at=1772359230000,
                message_id=MESSAGE,
                by_message=True,
                campaign_id="7257",
                contact_id="4",
                email=ANA,
                smtp_code="250",
                metadata={"smtp_reply": "sent (250 2.0.0 OK)"},
            ),
            # The numbers came as text.
            Event(
                slot=slot("opened", 1772359230, "1152921510234567893"),
                list="events",
                row=row("ben@example.com", ip="198.51.100.7"),
                kind=Kind.OPENED,
                word="open",
                occurred_at=1772359230000,
                message_id="1152921510234567893",
                by_message=True,
                campaign_id="7257",
                contact_id="8",
                email="ben@example.com",
                ip="198.51.100.7",
                user_agent="Mozilla/5.0",
                metadata={"country": "FR"},
            ),
        ]
    ),
    "empty": Reading(),
    "unknown": Reading(
        events=[
            told(
                Kind.OTHER,
                "forwarded",
                1772370200,
                {},
                slot=slot("other forwarded", 1772370200),
            )
        ],
        campaigns=NAMED,
    ),
}


def test_every_fixture_is_compared():
    names = {path.name for path in files("aftersend.providers.mailjet").joinpath("fixtures").iterdir()}
    feeds = {"feed_messages.json", "feed_histories.json"}
    assert names == {f"webhook_{name}.json" for name in WEBHOOKS} | feeds


@pytest.mark.parametrize("name", WEBHOOKS)
def test_every_field_of_a_webhook_is_read(name):
    assert hook(fixture(f"webhook_{name}")) == WEBHOOKS[name]


def test_what_the_webhooks_are_said_to_tell_is_what_the_fixtures_tell():
    events = [event for reading in WEBHOOKS.values() for event in reading.events]
    told = Mailjet.webhooks
    assert told is not None
    assert {event.kind for event in events} - {Kind.OTHER} == told.kinds
    assert {event.bounce_class for event in events if event.bounce_class} == told.bounce_classes


def test_messages_tell_which_were_sent_and_which_are_queued():
    arrived = parse("2026-03-01T10:00:28Z", "test")
    common = {"occurred_at": arrived, "by_message": True, "campaign_id": "7257"}
    assert page("messages", fixture("feed_messages")) == Reading(
        events=[
            Event(
                slot=slot_key(None, "acme", "sent", "row", MESSAGE),
                kind=Kind.SENT,
                word="message",
                message_id=MESSAGE,
                contact_id="4",
                external_id="order-4711",
                email=ANA,
                metadata={"custom_id": "order-4711", "message_guid": GUID, "subject": "Your order"},
                **common,
            ),
            Event(
                slot=slot_key(None, "acme", "queued", "row", "1152921510234567894"),
                kind=Kind.QUEUED,
                word="queued",
                message_id="1152921510234567894",
                contact_id="9",
                **common,
            ),
        ]
    )


def test_a_history_tells_what_happened_to_the_message_it_is_asked_for():
    def happened(kind: Kind, word: str, seconds: int, **fields) -> Event:
        plain = {"custom_id": "order-4711", "message_guid": GUID} | fields.pop("metadata", {})
        return told(kind, word, seconds, {}, **({"list": "history", "row": "0"} | fields | {"metadata": plain}))

    assert page("histories", fixture("feed_histories"), **ABOUT) == Reading(
        events=[
            happened(Kind.DELIVERED, "sent", 1772359230),
            # Two that are alike are numbered.
            happened(Kind.CLICKED, "clicked", 1772360060, user_agent="Firefox"),
            happened(Kind.CLICKED, "clicked", 1772360060, user_agent="Firefox", row="1"),
            happened(
                Kind.BOUNCED,
                "bounced",
                1772360070,
                slot=slot("bounce", 1772360070),
                bounce_class=BounceClass.SOFT,
                reason="quota exceeded",
                smtp_code="452",
                metadata={"comment": "452 4.2.2 mailbox full"},
            ),
        ]
    )
