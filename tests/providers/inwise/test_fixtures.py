"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files

import pytest

from aftersend.providers.inwise.identity import digest
from aftersend.vocabulary import (
    BounceClass,
    Channel,
    Clock,
    Event,
    Kind,
    Precision,
    Snapshot,
    slot_key,
)
from aftersend.zones import parse
from tests.providers.inwise.said import RECEIVED, fixture, hook, page

OFFER = "https://www.example.com/offer"


def at(text: str) -> int:
    """A wall time of 2025-03-18 in Jerusalem, which was two hours ahead."""
    return parse(f"2025-03-18T{text}+02:00", "test")


def cut(text: str) -> int:
    return at(text) // 60_000 * 60_000


def slot(time: str, kind: str, campaign: str = "1000001", contact: str = "42", url: str = "") -> bytes:
    return slot_key(cut(time), "acme", kind, campaign, contact, url)


def webhook(time: str, kind: Kind, word: str, raw: list[str], **fields) -> Event:
    """An automation's event: the digest's fields are named by the provider file, 5.2."""
    common = {
        "occurred_at": at(time),
        "list": "webhook",
        "row": digest("acme", *raw),
        "precision": Precision.SECOND,
        "clock": Clock.ASSUMED,
    }
    return Event(kind=kind, word=word, **(common | fields))


SENT = webhook(
    "11:26:01",
    Kind.SENT,
    "emailSent",
    ["emailSent", "2025-03-18 11:26:01", "1000001", "42", "500001", "", "", "", "", "", ""],
    slot=slot("11:26:00", "sent.email"),
    campaign_id="1000001",
    contact_id="42",
    email="dana@example.com",
    metadata={"group_id": "500001"},
)
OPENED = webhook(
    "13:59:12",
    Kind.OPENED,
    "emailOpened",
    [
        "emailOpened",
        "2025-03-18 13:59:12",
        "1000001",
        "42",
        "500001",
        "192.0.2.172,198.51.100.10",
        "",
        "",
        "",
        "",
        "",
    ],
    slot=slot("13:59:00", "opened.email"),
    campaign_id="1000001",
    contact_id="42",
    external_id="crm-0042",
    email="dana@example.com",
    ip="192.0.2.172",
    ip_chain="192.0.2.172,198.51.100.10",
    metadata={"group_id": "500001", "account_code": "il-000-1234"},
)
CLICKED = webhook(
    "13:59:40",
    Kind.CLICKED,
    "emailClicked",
    [
        "emailClicked",
        "03/18/2025 13:59:40",
        "1000001",
        "42",
        "500001",
        "192.0.2.11",
        "7",
        OFFER,
        "",
        "",
        "",
    ],
    slot=slot("13:59:00", "clicked.email", url=OFFER),
    campaign_id="1000001",
    contact_id="42",
    email="dana@example.com",
    url=OFFER,
    link_number="7",
    ip="192.0.2.11",
    metadata={"group_id": "500001"},
)
UNSUBSCRIBED = webhook(
    "14:02:05",
    Kind.UNSUBSCRIBED,
    "emailUnsubscribed",
    [
        "emailUnsubscribed",
        "2025-03-18 14:02:05",
        "1000001",
        "42",
        "500001",
        "192.0.2.11",
        "",
        "",
        "",
        "",
        "",
    ],
    slot=slot("14:02:00", "unsubscribed.email"),
    campaign_id="1000001",
    contact_id="42",
    email="dana@example.com",
    ip="192.0.2.11",
    metadata={"group_id": "500001"},
)
BOUNCED = webhook(
    "11:27:30",
    Kind.BOUNCED,
    "emailBounced",
    ["emailBounced", "2025-03-18 11:27:30", "1000001", "45", "500001", "", "", "", "", "hardBounce", ""],
    slot=slot("11:27:00", "bounced.email", contact="45"),
    campaign_id="1000001",
    contact_id="45",
    email="gone@example.com",
    bounce_class=BounceClass.HARD,
    metadata={"group_id": "500001"},
)
DROPPED = webhook(
    "11:25:00",
    Kind.DROPPED,
    "undelivered",
    ["undelivered", "2025-03-18 11:25:00", "1000001", "43", "", "", "", "", "frequency_limit", "", ""],
    slot=slot("11:25:00", "dropped.email", contact="43"),
    campaign_id="1000001",
    contact_id="43",
    email="omer@example.com",
    reason="frequency_limit",
)
SMS_SENT = webhook(
    "12:00:00",
    Kind.SENT,
    "smsSent",
    ["smsSent", "2025-03-18 12:00:00", "1000003", "42", "500002", "", "", "", "", "", ""],
    slot=slot("12:00:00", "sent.sms", "1000003"),
    channel=Channel.SMS,
    campaign_id="1000003",
    contact_id="42",
    phone="972-50-0000000",
    metadata={"group_id": "500002"},
)
SMS_CLICKED = webhook(
    "12:03:11",
    Kind.CLICKED,
    "smsClicked",
    [
        "smsClicked",
        "2025-03-18 12:03:11",
        "1000003",
        "42",
        "",
        "192.0.2.11",
        "1",
        "https://www.example.com/s",
        "",
        "",
        "",
    ],
    slot=slot("12:03:00", "clicked.sms", "1000003", url="https://www.example.com/s"),
    channel=Channel.SMS,
    campaign_id="1000003",
    contact_id="42",
    phone="972-50-0000000",
    url="https://www.example.com/s",
    link_number="1",
    ip="192.0.2.11",
)
SMS_REPLY = webhook(
    "12:05:45",
    Kind.REPLIED,
    "SmsReply",
    ["SmsReply", "2025-03-18 12:05:45", "1000003", "42", "", "", "", "", "", "", "please call me"],
    slot=slot("12:05:00", "replied.sms", "1000003"),
    channel=Channel.SMS,
    campaign_id="1000003",
    contact_id="42",
    phone="972-50-0000000",
    metadata={"reply": "please call me"},
)
SMS_UNSUBSCRIBED = webhook(
    "12:06:00",
    Kind.UNSUBSCRIBED,
    "smsUnsubscribed",
    ["smsUnsubscribed", "2025-03-18 12:06:00", "1000003", "42", "", "", "", "", "", "", ""],
    slot=slot("12:06:00", "unsubscribed.sms", "1000003"),
    channel=Channel.SMS,
    campaign_id="1000003",
    contact_id="42",
    phone="972-50-0000000",
)
FORM = webhook(
    "15:10:00",
    Kind.OTHER,
    "MakeContactForm",
    ["MakeContactForm", "2025-03-18 15:10:00", "", "42", "", "192.0.2.11", "", "", "", "", ""],
    slot=slot("15:10:00", "other.form.makecontactform", ""),
    channel=Channel.FORM,
    contact_id="42",
    ip="192.0.2.11",
    metadata={
        "survey_field.1": "Dana",
        "survey_field.2": "972-500000000",
        "survey_field.3": "dana@example.com",
    },
)
ON_SITE = webhook(
    "15:20:00",
    Kind.VISITED,
    "onSite",
    ["onSite", "2025-03-18 15:20:00", "", "crm-0042", "", "", "", "", "", "", ""],
    slot=slot("15:20:00", "visited.site.onsite", "", "crm-0042"),
    channel=Channel.SITE,
    external_id="crm-0042",
)
ON_SITE_JSON = webhook(
    "15:21:00",
    Kind.VISITED,
    "onSite",
    ["onSite", "2025-03-18 15:21:00", "", "42", "", "", "", "", "", "", ""],
    slot=slot("15:21:00", "visited.site.onsite", ""),
    channel=Channel.SITE,
    contact_id="42",
    email="Dana@example.com",
    metadata={"custom_data.plan": "gold"},
)
JSON_CONTACT = webhook(
    "13:59:12",
    Kind.OPENED,
    "emailOpened",
    ["emailOpened", "2025-03-18 13:59:12", "1000001", "42", "500001", "192.0.2.11", "", "", "", "", ""],
    slot=slot("13:59:00", "opened.email"),
    campaign_id="1000001",
    contact_id="42",
    external_id="crm-0042",
    email="dana@example.com",
    ip="192.0.2.11",
    metadata={"group_id": "500001", "contact.field1": "דנה"},
)
JSON_BODY = webhook(
    "13:59:40",
    Kind.CLICKED,
    "emailClicked",
    [
        "emailClicked",
        "2025-03-18 13:59:40",
        "1000001",
        "42",
        "500001",
        "192.0.2.11",
        "7",
        OFFER,
        "",
        "",
        "",
    ],
    slot=slot("13:59:00", "clicked.email", url=OFFER),
    campaign_id="1000001",
    contact_id="42",
    email="dana@example.com",
    url=OFFER,
    link_number="7",
    ip="192.0.2.11",
    metadata={"group_id": "500001", "account_code": "il-000-1234", "contact.field1": "דנה"},
)


def transactional(message: str, word: str, kind: Kind, raw: str, time: str, link: str = "", **fields) -> Event:
    common = {
        "slot": slot_key(None, "acme", "transactional", message, word, raw, link),
        "occurred_at": at(time),
        "precision": Precision.MINUTE,
        "clock": Clock.ASSUMED,
        "message_id": message,
        "by_message": True,
    }
    return Event(kind=kind, word=word, **(common | fields))


FIRST, SECOND, THIRD = (f"0f00000000000000000000000000aa0{n}" for n in (1, 2, 3))
T_SEND = transactional(FIRST, "send", Kind.SENT, "2025-03-18T15:44:00.0000000", "15:44:00", email="dana@example.com")
T_BOUNCE = transactional(
    SECOND,
    "hard_bounce",
    Kind.BOUNCED,
    "2025-15-18 03:11:00",
    "15:11:00",
    email="gone@example.com",
    bounce_class=BounceClass.HARD,
    metadata={"created_at": "2025-15-18 03:11:00"},
)
T_OPEN = transactional(
    FIRST,
    "open",
    Kind.OPENED,
    "2025-15-18 03:08:00",
    "15:08:00",
    email="dana@example.com",
    metadata={"created_at": "2025-15-18 03:08:00"},
)
T_CLICK = transactional(
    FIRST,
    "click",
    Kind.CLICKED,
    "2025-03-18T15:34:00.0000000",
    "15:34:00",
    link="4000001",
    email="dana@example.com",
    url="https://www.example.com/",
    link_number="4000001",
)
T_REJECT = transactional(
    THIRD,
    "reject",
    Kind.DROPPED,
    "2025-03-18T15:30:00.0000000",
    "15:30:00",
    email="omer@example.com",
    reason="unsubscribe",
)

WEBHOOKS = {
    "webhook_email_sent.form": SENT,
    "webhook_email_opened.form": OPENED,
    "webhook_email_clicked.form": CLICKED,
    "webhook_email_unsubscribed.form": UNSUBSCRIBED,
    "webhook_email_bounced.form": BOUNCED,
    "webhook_undelivered.form": DROPPED,
    "webhook_sms_sent.form": SMS_SENT,
    "webhook_sms_clicked.form": SMS_CLICKED,
    "webhook_sms_reply.form": SMS_REPLY,
    "webhook_sms_unsubscribed.form": SMS_UNSUBSCRIBED,
    "webhook_make_contact_form.form": FORM,
    "webhook_on_site.form": ON_SITE,
    "webhook_on_site_json.form": ON_SITE_JSON,
    "webhook_json_contact.form": JSON_CONTACT,
    "webhook_json_body.json": JSON_BODY,
    "webhook_transactional_send.json": T_SEND,
    "webhook_transactional_hard_bounce_broken_date.json": T_BOUNCE,
    "webhook_transactional_open_broken_date.json": T_OPEN,
    "webhook_transactional_click.json": T_CLICK,
    "webhook_transactional_reject.json": T_REJECT,
}


def row(feed: str, number: str, time: str, kind: Kind, word: str, **fields) -> Event:
    common = {
        "occurred_at": at(time),
        "list": feed,
        "row": number,
        "row_id": number,
        "precision": Precision.MINUTE,
        "clock": Clock.ASSUMED,
        "campaign_id": "1000001",
        "contact_id": "42",
    }
    return Event(kind=kind, word=word, **(common | fields))


PAGES = {
    "activities": [
        row(
            "activities",
            "88000002",
            "13:59:00",
            Kind.OPENED,
            "emailOpened",
            slot=slot("13:59:00", "opened.email"),
            ip="192.0.2.11",
            link_number="12345",
        ),
        row(
            "activities",
            "88000001",
            "13:59:00",
            Kind.CLICKED,
            "emailClicked",
            slot=slot("13:59:00", "clicked.email", url=OFFER),
            ip="192.0.2.11",
            url=OFFER,
        ),
    ],
    "recentActivities": [
        row(
            "recentActivities",
            "700000010",
            "12:31:00",
            Kind.OPENED,
            "emailOpened",
            slot=slot_key(at("12:31:00") + 86_400_000, "acme", "opened.email", "1000001", "42", ""),
            occurred_at=at("12:31:00") + 86_400_000,
            ip="192.0.2.46",
        ),
        row(
            "recentActivities",
            "700000027",
            "12:05:00",
            Kind.OPENED,
            "emailOpened",
            slot=slot_key(at("12:05:00") + 2 * 86_400_000, "acme", "opened.email", "1000002", "44", ""),
            occurred_at=at("12:05:00") + 2 * 86_400_000,
            campaign_id="1000002",
            contact_id="44",
            ip="192.0.2.172",
            ip_chain="192.0.2.172,198.51.100.10",
        ),
    ],
    "sentEmails": [
        row(
            "sentEmails",
            "7000001",
            "11:26:00",
            Kind.SENT,
            "emailSent",
            slot=slot("11:26:00", "sent.email"),
            message_id="0a1b2c3d4e5f60718293a",
            email="dana@example.com",
            metadata={"message_size": "56", "sending_source": "Campaign"},
        )
    ],
    "undelivered": [
        row(
            "undelivered",
            "2500000001",
            "11:25:00",
            Kind.DROPPED,
            "undelivered",
            slot=slot("11:25:00", "dropped.email", contact="43"),
            contact_id="43",
            email="omer@example.com",
            reason="unsubscribed",
        )
    ],
}


@pytest.mark.parametrize("name", WEBHOOKS)
def test_a_webhook_is_read_to_the_last_field(name):
    reading = hook(fixture(name))
    assert (reading.events, reading.snapshots, reading.problems) == ([WEBHOOKS[name]], [], [])


@pytest.mark.parametrize("feed", PAGES)
def test_a_page_is_read_to_the_last_field(feed):
    reading = page(feed, fixture(f"feed_{feed}.json"))
    assert (reading.events, reading.snapshots, reading.problems) == (PAGES[feed], [], [])


def test_a_summary_is_read_to_the_last_counter():
    reading = page("activitiesSummary", fixture("feed_activitiesSummary.json"), campaign_id="1000001")
    snapshot = Snapshot(
        list="activitiesSummary",
        campaign_id="1000001",
        read_at=RECEIVED,
        counts={
            Kind.SENT: (100, None),
            Kind.DROPPED: (62, None),
            Kind.BOUNCED: (0, 0),
            Kind.OPENED: (5, 2),
            Kind.CLICKED: (3, 2),
            Kind.UNSUBSCRIBED: (0, 0),
            Kind.COMPLAINED: (0, 0),
            Kind.WEB_VIEWED: (1, 1),
            Kind.VISITED: (0, 0),
        },
        raw={
            "opens": 5,
            "opens_unique": 2,
            "clicks": 3,
            "clicks_unique": 2,
            "sent": 100,
            "undelivered": 62,
            "bounces": 0,
            "bounces_unique": 0,
            "webversions_unique": 1,
            "unsubscribes": 0,
            "unsubscribes_unique": 0,
            "report_spam": 0,
            "report_spam_unique": 0,
            "onsite": 0,
            "onsite_unique": 0,
        },
        stands_for=(Kind.COMPLAINED, Kind.VISITED),
    )
    assert (reading.events, reading.snapshots, reading.problems) == ([], [snapshot], [])


def test_no_fixture_is_without_an_expectation():
    known = {*WEBHOOKS, *(f"feed_{feed}.json" for feed in PAGES), "feed_activitiesSummary.json"}
    assert {f.name for f in files("aftersend.providers.inwise").joinpath("fixtures").iterdir()} == known


@pytest.mark.parametrize(
    ("seen_by_webhook", "feed"), [(SENT, "sentEmails"), (OPENED, "activities"), (CLICKED, "activities")]
)
def test_the_same_fact_has_one_slot_through_both_doors(seen_by_webhook, feed):
    assert seen_by_webhook.slot in {event.slot for event in PAGES[feed]}
