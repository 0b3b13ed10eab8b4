"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files

import pytest

from aftersend.vocabulary import BounceClass, Event, Kind, Machine, Precision, Reading
from tests.providers.mailgun.said import at, fixture, hook, page, slot

SENDER = {"sender": "news@mg.example.com", "sending_ip": "192.0.2.25"}


def read(kind: Kind, word: str, own: str, time: str, **fields) -> Event:
    """An event of the message that most fixtures are of."""
    common = {
        "slot": slot(word, own),
        "row_id": own,
        "occurred_at": at(time),
        "precision": Precision.MILLISECOND,
        "message_id": "20260101120000.1.ABCDEF@mg.example.com",
        "by_message": True,
        "email": "ada@example.com",
    }
    fields["metadata"] = {"domain": "mg.example.com"} | fields.get("metadata", {})
    return Event(kind=kind, word=word, **(common | fields))


def failed(kind: Kind, own: str, number: int, time: str, **fields) -> Event:
    fields["metadata"] = {"sender": "news@mg.example.com", "subject": "Hello"} | fields["metadata"]
    message = f"2026010112000{number}.1.ABCDEF@mg.example.com"
    return read(kind, "failed", own, time, **({"message_id": message, "email": "nobody@example.com"} | fields))


BOUNCE = {"customer_id": "c-45", "sending_ip": "192.0.2.25", "tags": "welcome"}
TRIED = BOUNCE | {"attempt": "1", "mx_host": "mx.example.com"}
PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
OPENED = {
    "customer_id": "c-42",
    "send_ref": "s-9001",
    "country": "US",
    "recipient_provider": "Apple",
    "tags": "welcome",
}

CLICKED = read(
    Kind.CLICKED,
    "clicked",
    "Rjq7i2zsRYeDXztHGENqRB",
    "12:02:30.101",
    campaign_id="spring",
    external_id="c-42",
    url="https://www.example.com/offer?x=1",
    ip="198.51.100.7",
    user_agent="Mozilla/5.0 (X11; Linux x86_64)",
    device="computer",
    metadata={
        "external_id": "c-42",
        "campaign_id": "spring",
        "profile.plan": "pro",
        "profile.beta": "true",
        "city": "Austin",
        "client": "Firefox",
        "country": "US",
        "os": "Linux",
        "region": "TX",
        "tags": "welcome",
    },
)

WEBHOOKS = {
    "accepted": read(
        Kind.QUEUED,
        "accepted",
        "CCXMjJ7nQi2N3BPigGOdgQ",
        "11:59:50.372",
        metadata={
            "account": "1234567890303a4bd1f33898",
            "sender": "news@mg.example.com",
            "storage_key": "KEY",
            "subject": "Hello",
            "tags": "welcome",
        },
    ),
    "rejected": read(
        Kind.DROPPED,
        "rejected",
        "OMTXD3-sSmKIQa1gSKkYVA",
        "11:59:51.104",
        message_id="20260101120001.1.ABCDEF@mg.example.com",
        reason="sandbox domain",
        metadata={"subject": "Hello"},
    ),
    "delivered": read(
        Kind.DELIVERED,
        "delivered",
        "CPgfbmQMTCKtHW6uIWtuVe",
        "12:00:00.432",
        smtp_code="250",
        metadata={
            **SENDER,
            "customer_id": "c-42",
            "send_ref": "s-9001",
            "account": "1234567890303a4bd1f33898",
            "attempt": "1",
            "mx_host": "mx.example.com",
            "recipient_provider": "Other",
            "storage_key": "KEY",
            "subject": "Hello",
            "tags": "welcome, camp-7",
        },
    ),
    "failed_temporary": failed(
        Kind.DEFERRED,
        "Fs7-5t81S2ispqxqDw2U4Q",
        2,
        "12:00:50.202",
        email="bob@example.com",
        reason="4.2.2 mailbox over quota",
        smtp_code="452",
        metadata=TRIED | {"customer_id": "c-44", "enhanced_code": "4.2.2", "reason": "generic", "retry_seconds": "600"},
    ),
    "failed_bounce": failed(
        Kind.BOUNCED,
        "G9Bn5sl1TC6nu79C8C0bwg",
        3,
        "12:01:00.678",
        bounce_class=BounceClass.HARD,
        reason="5.1.1 no such user",
        smtp_code="550",
        metadata=TRIED | {"enhanced_code": "5.1.1", "reason": "bounce"},
    ),
    "failed_blocked": failed(
        Kind.BOUNCED,
        "K1Bn5sl1TC6nu79C8C0bwg",
        3,
        "12:01:00.678",
        bounce_class=BounceClass.BLOCK,
        reason="5.7.1 blocked by policy",
        smtp_code="554",
        metadata=TRIED | {"enhanced_code": "5.7.1", "reason": "espblock"},
    ),
    "failed_old": failed(
        Kind.BOUNCED,
        "L1Bn5sl1TC6nu79C8C0bwg",
        3,
        "12:01:00.678",
        bounce_class=BounceClass.SOFT,
        reason="No MX for example.com",
        metadata=BOUNCE | {"attempt": "9", "code": "498", "reason": "old"},
    ),
    "failed_suppressed": failed(
        Kind.DROPPED,
        "H1Bn5sl1TC6nu79C8C0bwg",
        4,
        "12:01:01.100",
        reason="suppress-bounce: address bounced before",
        metadata={"attempt": "1", "code": "605", "reason": "suppress-bounce"},
    ),
    "failed_complained_before": failed(
        Kind.DROPPED,
        "M1Bn5sl1TC6nu79C8C0bwg",
        3,
        "12:01:00.678",
        reason="Not delivering to a user who marked your messages as spam",
        metadata=BOUNCE | {"attempt": "1", "code": "607", "reason": "bounce"},
    ),
    "failed_undetermined": failed(
        Kind.BOUNCED,
        "N1Bn5sl1TC6nu79C8C0bwg",
        3,
        "12:01:00.678",
        campaign_id="c7",
        bounce_class=BounceClass.UNDETERMINED,
        reason="generic",
        metadata=BOUNCE | {"delayed_bounce": "true", "reason": "generic"},
    ),
    "opened": read(
        Kind.OPENED,
        "opened",
        "Ase7i2zsRYeDXztHGENqRA",
        "12:01:40.278",
        ip="198.51.100.7",
        user_agent="Mozilla/5.0",
        machine=Machine.MACHINE,
        machine_reason="bot: apple",
        metadata=OPENED,
    ),
    "opened_gmail": read(
        Kind.OPENED,
        "opened",
        "Bse7i2zsRYeDXztHGENqRA",
        "12:01:40.278",
        ip="198.51.100.7",
        user_agent=PROXY,
        device="mobile",
        machine_reason="bot: gmail",
        metadata=OPENED,
    ),
    "clicked": CLICKED,
    "unsubscribed": read(
        Kind.UNSUBSCRIBED,
        "unsubscribed",
        "Zjq7i2zsRYeDXztHGENqRC",
        "12:02:40.421",
        ip="198.51.100.7",
        user_agent="Mozilla/5.0",
        device="computer",
        metadata={
            "city": "Austin",
            "client": "Chrome",
            "country": "US",
            "os": "OS X",
            "region": "TX",
            "unsubscribed_from": "*",
        },
    ),
    "complained": read(
        Kind.COMPLAINED,
        "complained",
        "ncV2XwymRUKbPek_MIM-Gw",
        "12:02:50.049",
        metadata={"subject": "Hello", "tags": "welcome"},
    ),
    "unknown": read(
        Kind.OTHER,
        "paused",
        "Uq7i2zsRYeDXztHGENqRD",
        "12:03:10",
        precision=Precision.SECOND,
        message_id=None,
        by_message=False,
    ),
    "stored": None,
}
"""Fixture → its event; inbound mail is none."""


@pytest.mark.parametrize("name", WEBHOOKS)
def test_every_field_of_a_webhook_is_read(name):
    event = WEBHOOKS[name]
    assert hook(fixture(f"webhook_{name}.json")) == Reading(events=[event] if event else [])


def test_every_fixture_of_a_webhook_is_compared():
    folder = files("aftersend.providers.mailgun").joinpath("fixtures")
    found = {file.name for file in folder.iterdir() if file.name.startswith("webhook_")}
    assert found == {f"webhook_{name}.json" for name in WEBHOOKS}


def test_every_field_of_a_page_of_events_is_read():
    delivered = read(
        Kind.DELIVERED,
        "delivered",
        "CPgfbmQMTCKtHW6uIWtuVe",
        "12:00:00.432",
        metadata={"customer_id": "c-42", "tags": "welcome"},
    )
    assert page("events", fixture("feed_events.json"), domain="mg.example.com") == Reading(events=[delivered, CLICKED])


def test_every_field_of_a_page_of_logs_is_read():
    deferred = read(
        Kind.DEFERRED,
        "failed",
        "JDhSWf9mT5OFxCkZfpDU5d",
        "11:30:18.530",
        list="logs",
        message_id=None,
        by_message=False,
        email="bob@example.com",
        reason="server connection failed",
        metadata={
            **SENDER,
            "account": "12345",
            "attempt": "5",
            "code": "680",
            "recipient_provider": "Other",
            "retry_seconds": "145",
        },
    )
    assert page("logs", fixture("feed_logs.json")) == Reading(events=[deferred])
