"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec
import pytest

from aftersend.vocabulary import BounceClass, Event, Kind, Precision, Reading, slot_key
from tests.providers.postal.said import fixture, hook

SENT_ID = "b6c1f0aa-2f0d-4a3e-9a53-0f9d8c7b6a55@rp.postal.example.com"
FAILED_ID = "d8e3b2cc-4b2f-4c50-9c75-2b1f0e9d8c77@rp.postal.example.com"
BOUNCED_ID = "fa05d4ee-6d41-4e72-9e97-4d312f1e0f99@rp.postal.example.com"
UUID = "a1000000-0000-4000-8000-00000000000"


def told(
    kind: Kind, word: str, at: int, uuid: str, message: tuple[str, str, str], metadata: dict[str, str], **fields: Any
) -> Event:
    """``message``: number, token and Message-ID."""
    number, token, own = message
    tag = metadata.get("tag")
    common = {
        "slot": slot_key(at, "acme", "uuid", uuid),
        "row_id": uuid,
        "precision": Precision.MILLISECOND,
        "message_id": own,
        "by_message": True,
        "campaign_id": tag,
        "metadata": {
            "from": "shop@example.com",
            "id": number,
            "spam_status": "NotChecked",
            "subject": "Your receipt",
            "token": token,
        }
        | metadata,
    }
    return Event(kind=kind, word=word, occurred_at=at, **(common | fields))


SENT, FAILED = ("101", "Ab3dEf6hIj9k", SENT_ID), ("103", "Cd5fGh8jKl1m", FAILED_ID)
CAME_BACK = ("105", "Ef7hIj0lMn3o", BOUNCED_ID)
RECEIPT = {"tag": "receipt"}
RETURNED = {
    "bounce.id": "140",
    "bounce.message_id": "E1abcd-0001ay-Iq@mx.example.com",
    "bounce.subject": "Mail delivery failed",
    "bounce.token": "Fg8iJk1mNo4p",
} | RECEIPT
HARD_FAIL = {"sent_with_ssl": "true", "status": "HardFail", "time": "0.6"}

EVENTS: dict[str, Event | None] = {
    "sent": told(
        Kind.DELIVERED,
        "MessageSent",
        1772359230400,
        "0d6f8c1e-3a57-4d0b-9c11-5e6f708192a3",
        SENT,
        {
            "details": "Message for nora@example.com accepted",
            "output": "250 2.0.0 OK",
            "sent_with_ssl": "true",
            "status": "Sent",
            "time": "0.71",
        }
        | RECEIPT,
        email="nora@example.com",
        smtp_code="250",
    ),
    "delayed": told(
        Kind.DEFERRED,
        "MessageDelayed",
        1772359290100,
        "1e7a9d2f-4b68-4e1c-8d22-6f708192a3b4",
        ("102", "Bc4eFg7iJk0l", "c7d2a1bb-3a1e-4b4f-8b64-1a0e9d8c7b66@rp.postal.example.com"),
        {"details": "Temporary SMTP delivery error", "sent_with_ssl": "true", "status": "SoftFail", "time": "1.2"}
        | RECEIPT,
        email="ivo@example.com",
        reason="451 4.3.5 try again later",
        smtp_code="451",
    ),
    "delivery_failed": told(
        Kind.BOUNCED,
        "MessageDeliveryFailed",
        1772359291200,
        "2f8bae30-5c79-4f2d-9e33-708192a3b4c5",
        FAILED,
        HARD_FAIL | {"details": "Permanent SMTP delivery error"},
        email="nobody@example.com",
        bounce_class=BounceClass.HARD,
        reason="550 5.1.1 No such user",
        smtp_code="550",
    ),
    "delivery_failed_soft": told(
        Kind.BOUNCED,
        "MessageDeliveryFailed",
        1772359291200,
        f"{UUID}1",
        FAILED,
        HARD_FAIL | {"details": "Maximum number of delivery attempts (18) has been reached"},
        email="nobody@example.com",
        bounce_class=BounceClass.SOFT,
        reason="452 4.2.2 mailbox full",
        smtp_code="452",
    ),
    "delivery_failed_block": told(
        Kind.BOUNCED,
        "MessageDeliveryFailed",
        1772359291200,
        f"{UUID}2",
        FAILED,
        HARD_FAIL | {"details": "Permanent SMTP delivery error"},
        email="nobody@example.com",
        bounce_class=BounceClass.BLOCK,
        reason="550 5.7.1 rejected by policy",
        smtp_code="550",
    ),
    "held": told(
        Kind.DROPPED,
        "MessageHeld",
        1772359228900,
        "309cbf41-6d8a-403e-8f44-8192a3b4c5d6",
        ("104", "De6gHi9kLm2n", "e9f4c3dd-5c30-4d61-8d86-3c201f0e9d88@rp.postal.example.com"),
        {"status": "Held"},
        email="held@example.com",
        reason="Recipient (held@example.com) is on the suppression list",
    ),
    "bounced": told(
        Kind.BOUNCED,
        "MessageBounced",
        1772362800700,
        "41adc052-7e9b-414f-9055-92a3b4c5d6e7",
        CAME_BACK,
        RETURNED,
        email="gone@example.com",
        bounce_class=BounceClass.HARD,
    ),
    "bounced_as_delayed": told(
        Kind.BOUNCED,
        "MessageDelayed",
        1772362800250,
        f"{UUID}3",
        CAME_BACK,
        RETURNED,
        email="gone@example.com",
        bounce_class=BounceClass.HARD,
        reason="Bounced",
    ),
    "loaded": told(
        Kind.OPENED,
        "MessageLoaded",
        1772360000300,
        "52bed163-8fac-4250-8166-a3b4c5d6e7f8",
        SENT,
        RECEIPT,
        email="nora@example.com",
        ip="192.0.2.25",
        user_agent="Mozilla/5.0",
    ),
    "link_clicked": told(
        Kind.CLICKED,
        "MessageLinkClicked",
        1772360060100,
        "63cfe274-90bd-4361-9277-b4c5d6e7f809",
        SENT,
        {"link_token": "VJzsFA0S"} | RECEIPT,
        email="nora@example.com",
        url="https://shop.example.com/o/4711",
        ip="192.0.2.25",
        user_agent="Mozilla/5.0",
    ),
    "incoming": None,
    "domain_dns_error": None,
    "send_limit_approaching": None,
    "send_limit_exceeded": None,
}


@pytest.mark.parametrize("name", EVENTS)
def test_every_field_of_a_webhook_is_read(name):
    event = EVENTS[name]
    assert hook(fixture(name)) == Reading(events=[event] if event else [])


def test_there_is_no_fixture_whose_reading_is_not_compared():
    names = {path.name for path in files("aftersend.providers.postal").joinpath("fixtures").iterdir()}
    assert names == {f"webhook_{name}.json" for name in EVENTS}


def test_what_is_read_can_be_stored_and_read_again():
    for event in filter(None, EVENTS.values()):
        assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event
