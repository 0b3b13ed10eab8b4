"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files

import pytest

from aftersend.vocabulary import BounceClass, Event, Kind, Reading
from tests.providers.mailtrap.said import MESSAGE, at, fixture, hook, page, slot

ORDER = "https://shop.example.com/o/4711"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
RECEIPT = {"category": "receipt", "sending_stream": "transactional"}


def told(kind: Kind, word: str, number: str, message: str, time: str, email: str, **fields) -> Event:
    """An event of a webhook."""
    own = f"6a2f41d0-7c55-4f0e-9d3e-1b2c3d4e5f{number}"
    message_id = MESSAGE[:-2] + message
    plain = {"soft bounce": "soft_bounce", "spam_complaint": "spam", "Paused": "paused"}.get(word, word)
    common = {
        "slot": slot(plain, message_id, time, fields.get("url")),
        "list": "webhook",
        "row": own,
        "row_id": own,
        "occurred_at": at(time),
        "message_id": message_id,
        "by_message": True,
        "email": email,
    }
    return Event(kind=kind, word=word, **(common | fields))


def bounced(number: str, message: str, email: str, found: BounceClass, reason: str, category: str, code: str | None):
    return told(
        Kind.BOUNCED,
        "bounce",
        number,
        message,
        "10:00:41",
        email,
        campaign_id="receipt",
        bounce_class=found,
        reason=reason,
        smtp_code=code,
        metadata=RECEIPT | {"order_id": "4712", "bounce_category": category},
    )


def of_ana(kind: Kind, word: str, number: str, time: str, **fields) -> Event:
    return told(kind, word, number, "ff", time, "ana@example.com", **fields)


DELIVERED = of_ana(
    Kind.DELIVERED, "delivery", "60", "10:00:30", campaign_id="receipt", metadata=RECEIPT | {"order_id": "4711"}
)
WEBHOOKS = {
    "webhook_delivery.json": [DELIVERED],
    "webhook_bounces.json": [
        told(
            Kind.DEFERRED,
            "soft bounce",
            "61",
            "01",
            "10:00:40",
            "full@example.com",
            message_id="0a8d2f6c-1b7e-4c39-8f21-aabbccddee01",
            campaign_id="receipt",
            reason="soft bounce (450 4.2.0 try later)",
            smtp_code="450",
            metadata=RECEIPT | {"bounce_category": "transientfail"},
        ),
        bounced(
            *("62", "02", "nobody@example.com", BounceClass.HARD),
            *("bounced (550 5.1.1 No such user)", "badrecipient", "550"),
        ),
        bounced(
            *("72", "12", "full@example.com", BounceClass.SOFT),
            *("bounced (552 5.2.2 Mailbox full)", "overquota", "552"),
        ),
        bounced(
            *("73", "13", "nobody@example.com", BounceClass.BLOCK),
            *("bounced (554 5.7.1 Refused)", "serverpolicy", "554"),
        ),
        bounced("74", "14", "nobody@example.com", BounceClass.UNDETERMINED, "bounced", "other", None),
    ],
    "webhook_suspension_reject.json": [
        told(
            *(Kind.DEFERRED, "suspension", "63", "03", "10:00:42", "ben@example.com"),
            reason="other",
            metadata={"sending_stream": "transactional"},
        ),
        told(
            *(Kind.DROPPED, "reject", "64", "04", "10:00:43", "blocked@example.com"),
            reason="recipient is suppressed",
            metadata={"sending_stream": "transactional"},
        ),
    ],
    "webhook_engagement.json": [
        of_ana(
            *(Kind.OPENED, "open", "65", "10:13:20"),
            campaign_id="receipt",
            ip="192.0.2.25",
            user_agent="Mozilla/5.0",
            metadata=RECEIPT | {"order_id": "4711"},
        ),
        of_ana(
            *(Kind.CLICKED, "click", "66", "10:14:20"),
            campaign_id="spring",
            external_id="42",
            url=ORDER,
            ip="192.0.2.25",
            user_agent=PHONE,
            device="mobile",
            metadata=RECEIPT | {"external_id": "42", "campaign_id": "spring", "vip": "true", "order_id": "4711"},
        ),
    ],
    "webhook_unsubscribe_spam.json": [
        of_ana(
            *(Kind.UNSUBSCRIBED, "unsubscribe", "67", "13:01:40"),
            ip="192.0.2.25",
            user_agent="Mozilla/5.0",
            metadata={"sending_stream": "bulk"},
        ),
        of_ana(Kind.COMPLAINED, "spam_complaint", "68", "13:03:20", metadata={"sending_stream": "bulk"}),
    ],
    "webhook_others.json": [of_ana(Kind.OTHER, "Paused", "81", "13:05:00")],
}
"""Fixture → its events. Inbound mail is none."""


@pytest.mark.parametrize("name", WEBHOOKS)
def test_every_field_of_a_webhook_is_read(name):
    assert hook(fixture(name)) == Reading(events=WEBHOOKS[name])


def test_every_fixture_of_a_webhook_is_compared():
    folder = files("aftersend.providers.mailtrap").joinpath("fixtures")
    assert {file.name for file in folder.iterdir() if file.name.startswith("webhook_")} == set(WEBHOOKS)


def test_every_field_of_one_event_a_line_is_read():
    stream = {"sending_stream": "transactional"}
    events = [
        of_ana(Kind.DELIVERED, "delivery", "60", "10:00:30", metadata=stream),
        of_ana(Kind.OPENED, "open", "65", "10:13:20", ip="192.0.2.25", user_agent="Mozilla/5.0", metadata=stream),
    ]
    assert hook(fixture("lines.jsonl"), content_type="application/jsonl") == Reading(events=events)


def listed(kind: Kind, word: str, time: str, **fields) -> Event:
    """An event of the email in the fixture."""
    known = {
        "order_id": "4711",
        "category": "receipt",
        "domain_id": "3938",
        "sender": "shop@example.com",
        "sending_stream": "transactional",
        "subject": "Your receipt",
    }
    fields["metadata"] = known | fields.get("metadata", {})
    return Event(
        slot=slot(word, MESSAGE, time, fields.get("url")),
        list="logs",
        row="1",
        kind=kind,
        word=word,
        occurred_at=at(time),
        campaign_id="receipt",
        message_id=MESSAGE,
        by_message=True,
        template="77",
        email="ana@example.com",
        **fields,
    )


def test_every_field_of_one_email_is_read():
    server = {"email_service_provider": "Google", "recipient_mx": "mx.example.com", "sending_ip": "198.51.100.9"}
    assert page("one", fixture("feed_messages_one.json")) == Reading(
        events=[
            listed(Kind.DELIVERED, "delivery", "10:00:30", metadata=server),
            listed(Kind.OPENED, "open", "10:13:20", ip="192.0.2.25"),
            listed(Kind.CLICKED, "click", "10:14:20", ip="192.0.2.25", url=ORDER),
            listed(
                *(Kind.DEFERRED, "soft_bounce", "10:00:29"),
                reason="450 4.2.0 try later",
                smtp_code="450",
                metadata=server | {"bounce_category": "transientfail"},
            ),
            listed(Kind.UNSUBSCRIBED, "unsubscribe", "13:01:40", ip="192.0.2.25"),
            listed(Kind.COMPLAINED, "spam", "13:03:20", reason="abuse"),
            listed(
                *(Kind.BOUNCED, "bounce", "13:05:00"),
                bounce_class=BounceClass.HARD,
                reason="550 5.1.1 No such user",
                smtp_code="550",
                metadata={"bounce_category": "badrecipient"},
            ),
            listed(Kind.DEFERRED, "suspension", "10:00:28", reason="other"),
            listed(Kind.DROPPED, "reject", "13:06:40", reason="recipient is suppressed"),
        ]
    )


def test_a_page_of_the_list_tells_no_event():
    assert page("list", fixture("feed_messages_list.json")) == Reading()
