"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files

import msgspec
import pytest

from aftersend.vocabulary import (
    BounceClass,
    CampaignInfo,
    Clock,
    ContactInfo,
    Event,
    Kind,
    Precision,
    Reading,
    Snapshot,
    slot_key,
)
from tests.providers.hogsend.said import RECEIVED, SEND, SOURCE, at, fixture, hook, page

OFFER = "https://shop.example.com/a?x=1"
LINK = "0c7e1f4e-1111-4222-8333-444455556666"
UUID = "0a1b-4c3d-8e4f-5a6b7c8d9e0f"


def slot(kind: str, send: str = SEND, fact: str = "") -> bytes:
    return slot_key(None, "acme", kind, "send", send, fact)


def envelope(number: int) -> str:
    return f"msg_00000000-0000-4000-8000-{number:012d}"


def told(kind: Kind, word: str, time: str, **fields) -> Event:
    """An event of the send in the webhooks' fixtures."""
    common = {
        "slot": slot(kind),
        "occurred_at": at(time),
        "precision": Precision.MILLISECOND,
        "campaign_id": "welcome",
        "template": "welcome",
        "message_id": SEND,
        "by_message": True,
        "email": "nora@example.com",
        "external_id": "user_42",
        "metadata": {"provider_message_id": "prov-0001"},
    }
    return Event(kind=kind, word=word, **(common | fields))


WEBHOOKS = {
    "email_sent": told(
        Kind.SENT,
        "email.sent",
        "08:15:26.004",
        metadata={
            "category": "journey",
            "journey_state_id": "journey-state-1",
            "provider_message_id": "prov-0001",
            "subject": "Grüße, Nora",
        },
    ),
    "email_delivered": told(Kind.DELIVERED, "email.delivered", "08:15:29.908"),
    "email_opened": told(
        Kind.OPENED,
        "email.opened",
        "09:01:00.420",
        list="webhook",
        row=envelope(3),
        # The address stands in the user's place, in another case (3.1).
        external_id=None,
    ),
    "email_clicked": told(
        Kind.CLICKED,
        "email.clicked",
        "09:01:12.512",
        list="webhook",
        row=envelope(4),
        external_id=None,
        url=OFFER,
        metadata={"link_id": LINK, "provider_message_id": "prov-0001"},
    ),
    "email_bounced": told(
        Kind.BOUNCED,
        "email.bounced",
        "08:15:30.120",
        list="bounces",
        row="hard",
        bounce_class=BounceClass.HARD,
        reason="mailbox does not exist",
    ),
    "email_complained": told(Kind.COMPLAINED, "email.complained", "10:00:00.000"),
    "email_replied": told(
        Kind.REPLIED,
        "email.replied",
        "11:00:00.250",
        list="webhook",
        row="reply-0001@example.com",
        metadata={"reply_id": "reply-0001@example.com", "in_reply_to": "prov-0001", "subject": "Re: Hello"},
    ),
    "email_replied_uncorrelated": told(
        Kind.REPLIED,
        "email.replied",
        "11:30:00.000",
        slot=slot_key(None, "acme", "replied", "alone", "reply-0002@example.com"),
        campaign_id=None,
        template=None,
        message_id=None,
        by_message=False,
        email="ivo@example.com",
        external_id=None,
        metadata={"reply_id": "reply-0002@example.com", "subject": "A question"},
    ),
    "email_action": told(
        Kind.OTHER,
        "email.action",
        "09:05:00.000",
        slot=slot("other", fact="nps_answered"),
        url="https://shop.example.com/nps?score=9",
        metadata={"action": "nps_answered", "link_id": "0c7e1f4e-1111-4222-8333-444455556667"},
    ),
    "contact_unsubscribed": Event(
        slot=slot_key(None, "acme", "unsubscribed", "contact", "nora@example.com", None),
        kind=Kind.UNSUBSCRIBED,
        word="contact.unsubscribed",
        occurred_at=at("12:00:00"),
        precision=Precision.MILLISECOND,
        list="webhook",
        row=envelope(10),
        email="nora@example.com",
        external_id="user_42",
        metadata={"scope": "all"},
    ),
    "contact_unsubscribed_category": Event(
        slot=slot_key(None, "acme", "unsubscribed", "contact", "nora@example.com", "offers"),
        kind=Kind.UNSUBSCRIBED,
        word="contact.unsubscribed",
        occurred_at=at("12:01:00"),
        precision=Precision.MILLISECOND,
        list="webhook",
        row=envelope(11),
        email="nora@example.com",
        metadata={"scope": "category", "category": "offers"},
    ),
    "contact_subscribed": Event(
        slot=slot_key(None, "acme", "resubscribed", "contact", "nora@example.com", None),
        kind=Kind.RESUBSCRIBED,
        word="contact.subscribed",
        occurred_at=at("12:30:00"),
        precision=Precision.MILLISECOND,
        list="webhook",
        row=envelope(12),
        email="nora@example.com",
        external_id="user_42",
        metadata={"scope": "all", "source": "preference_center"},
    ),
}


@pytest.mark.parametrize("name", WEBHOOKS)
def test_a_webhook_is_one_event(name):
    assert hook(fixture(f"webhook_{name}.json")) == Reading(events=[WEBHOOKS[name]])


@pytest.mark.parametrize("name", ["test", "journey_entered"])
def test_what_is_no_matter_of_emails_passes_by(name):
    assert hook(fixture(f"webhook_{name}.json")) == Reading()


def test_a_deleted_contact_is_told():
    assert hook(fixture("webhook_contact_deleted.json")) == Reading(
        contacts=[ContactInfo(email="nora@example.com", external_id="user_42", deleted_at=at("13:00:00"))]
    )


# -- sends ---------------------------------------------------------------------------------------------------


def row(number: int, kind: Kind, word: str, time: str, **fields) -> Event:
    """An event of a row of the lists' fixtures."""
    send = f"{number:08d}-{UUID}"
    common = {
        "slot": slot(kind, send),
        "occurred_at": at(time),
        "precision": Precision.MILLISECOND,
        "campaign_id": "welcome",
        "template": "welcome",
        "message_id": send,
        "by_message": True,
        "email": "nora@example.com",
        "external_id": "user_42",
    }
    return Event(kind=kind, word=word, **(common | fields))


IVO = {"email": "ivo@example.com", "external_id": None}
FIRST = {"list": "sends", "row": "first"}


def log(number: int, **more: str) -> dict[str, str]:
    return {"category": "journey", "provider_message_id": f"prov-{number:04d}", "subject": "Hello Nora"} | more


DELIVERIES = [
    row(1, Kind.DELIVERED, "delivered", "08:15:29.900"),
    row(1, Kind.OPENED, "opened", "09:01:00", **FIRST),
    row(1, Kind.CLICKED, "clicked", "09:01:12.500", **FIRST),
]
COMPLAINT = [
    row(3, Kind.DELIVERED, "delivered", "08:15:31"),
    row(3, Kind.COMPLAINED, "complained", "10:00:00"),
]


def sent(number: int, metadata: dict[str, str], **fields) -> Event:
    return row(number, Kind.SENT, "sent", f"08:15:2{number}.004", metadata=metadata, **fields)


def test_a_page_of_the_log_is_an_event_for_each_column_that_is_set():
    unsent = {"category": "journey", "subject": "Hello Nora"}
    assert page("sends", fixture("feed_sends.json")) == Reading(
        events=[
            sent(1, log(1, journey_id="onboarding", journey_state_id="state-1")),
            *DELIVERIES,
            # Its bounce has no class here, and is left to the export.
            sent(2, log(2), **IVO),
            sent(3, log(3)),
            *COMPLAINT,
            sent(4, log(4)),
            # Delivered by its status alone: when the row changed last stands in (section 7).
            row(4, Kind.DELIVERED, "delivered", "08:20:04", clock=Clock.RECEIVED),
            row(5, Kind.DROPPED, "failed", "08:20:05", reason="failed", metadata=unsent),
            sent(6, log(6)),
            row(6, Kind.FAILED, "failed", "08:20:06", reason="rejected"),
            row(7, Kind.DROPPED, "suppressed", "08:15:27", reason="suppressed", external_id=None, metadata=unsent),
        ],
        campaigns=[
            CampaignInfo(
                campaign_id="welcome", name="welcome", type="Template", subject="Hello Nora", template="welcome"
            )
        ],
    )


def test_an_export_has_the_class_of_a_bounce_and_a_complaint_that_came_as_one():
    only = {"subject": "Hello Nora"}
    coarse = {"precision": Precision.DAY, "clock": Clock.RECEIVED}
    assert page("export", fixture("feed_export.csv")) == Reading(
        events=[
            sent(9, {"subject": 'Hello, "Nora"\nand all'}),
            row(9, Kind.COMPLAINED, "bounced", "08:15:40"),
            row(7, Kind.DROPPED, "suppressed", "08:15:27", reason="suppressed", external_id=None, metadata=only),
            sent(6, only),
            row(6, Kind.FAILED, "failed", "08:15:26.004", reason="rejected", **coarse),
            row(5, Kind.DROPPED, "failed", "08:15:25", reason="failed", metadata=only, **coarse),
            sent(4, only),
            row(4, Kind.DELIVERED, "delivered", "08:15:24.004", **coarse),
            sent(3, only),
            *COMPLAINT,
            sent(2, only, **IVO),
            row(
                2,
                Kind.BOUNCED,
                "bounced",
                "08:15:30.118",
                list="bounces",
                row="hard",
                bounce_class=BounceClass.HARD,
                **IVO,
            ),
            sent(1, only),
            *DELIVERIES,
        ],
        campaigns=[
            CampaignInfo(
                campaign_id="welcome",
                name="welcome",
                type="Template",
                subject='Hello, "Nora"\nand all',
                template="welcome",
            )
        ],
    )


def test_a_line_of_another_length_is_a_problem_and_its_neighbours_are_read():
    whole = fixture("feed_export.csv")
    lines = whole.split(b"\n")
    reading = page("export", b"\n".join([*lines[:-1], b"1,2,3", lines[-1]]))
    assert reading.events == page("export", whole).events
    assert [(problem.item, problem.raw) for problem in reading.problems] == [(8, b'["1","2","3"]')]
    assert page("export", whole + b"\n") == page("export", whole)


def test_where_the_export_is_not_read_the_log_tells_of_bounces_without_their_class():
    source = msgspec.structs.replace(SOURCE, feeds=["sends"])
    bounces = [e for e in page("sends", fixture("feed_sends.json"), source).events if e.kind is Kind.BOUNCED]
    undetermined = BounceClass.UNDETERMINED
    assert bounces == [
        row(2, Kind.BOUNCED, "bounced", "08:15:30.118", bounce_class=undetermined, **FIRST, **IVO),
    ]


# -- hits, opt-outs, totals ----------------------------------------------------------------------------------


def hit(number: int, kind: Kind, word: str, time: str, **fields) -> Event:
    own = f"e0000000-0000-4000-8000-{number:012d}"
    common = {
        "list": "hits",
        "row": own,
        "row_id": own,
        "external_id": "user_42",
        "metadata": {
            "campaign": "7f0d2b10-aaaa-4bbb-8ccc-ddddeeeeffff",
            "contact": "c0000000-0000-4000-8000-000000000001",
        },
    }
    return told(kind, word, time, **(common | fields))


def test_a_page_of_hits_is_an_event_each():
    clicked = hit(2, Kind.CLICKED, "email.link_clicked", "09:01:12.500", external_id=None, url=OFFER)
    assert page("hits", fixture("feed_hits.json")) == Reading(
        events=[
            hit(4, Kind.OTHER, "nps_answered", "09:05:00", slot=slot("other", fact="nps_answered"), list="", row=""),
            hit(3, Kind.REPLIED, "email.replied", "09:04:00"),
            msgspec.structs.replace(clicked, metadata=clicked.metadata | {"link_id": LINK}),
            # Without userEmail, the address in the user's place is the recipient's.
            hit(
                1,
                Kind.OPENED,
                "email.opened",
                "09:01:00",
                external_id=None,
                metadata={"journey_id": "onboarding"},
            ),
        ]
    )


def test_an_opt_out_counts_from_when_it_was_seen():
    assert page("suppressions", fixture("feed_suppressions.json")) == Reading(
        events=[
            Event(
                slot=slot_key(None, "acme", "unsubscribed", "contact", "nora@example.com", None),
                kind=Kind.UNSUBSCRIBED,
                word="unsubscribedAll",
                occurred_at=RECEIVED,
                clock=Clock.RECEIVED,
                list="suppressions",
                row="first",
                email="Nora@example.com",
                external_id="user_42",
            )
        ]
    )


def test_the_totals_of_templates_are_snapshots_of_campaigns():
    assert page("metrics", fixture("feed_metrics_emails.json"), report="emails") == Reading(
        snapshots=[
            Snapshot(
                list="metrics/emails",
                campaign_id="welcome",
                read_at=RECEIVED,
                counts={
                    Kind.SENT: (480, 480),
                    Kind.DELIVERED: (470, 470),
                    Kind.OPENED: (200, 200),
                    Kind.CLICKED: (60, 60),
                    Kind.BOUNCED: (7, 7),
                },
                raw={
                    "templateKey": "welcome",
                    "sent": 480,
                    "delivered": 470,
                    "opened": 200,
                    "clicked": 60,
                    "bounced": 7,
                    "deliveryRate": 0.9792,
                    "openRate": 0.4255,
                    "clickRate": 0.3,
                    "clickToDeliveryRate": 0.1277,
                },
            )
        ]
    )


def test_the_months_of_an_account_are_summed_up():
    name = "emails/deliverability"
    assert page("metrics", fixture("feed_metrics_deliverability.json"), report=name) == Reading(
        snapshots=[
            Snapshot(
                list="metrics/emails/deliverability",
                campaign_id=None,
                read_at=RECEIVED,
                counts={Kind.DELIVERED: (191, 191), Kind.BOUNCED: (3, 3), Kind.COMPLAINED: (1, 1)},
                raw={"total": 200, "delivered": 191, "bounced": 3, "complained": 1},
            )
        ]
    )


def test_the_overview_is_kept_as_it_is():
    assert page("metrics", fixture("feed_metrics_overview.json"), report="overview") == Reading(
        snapshots=[
            Snapshot(
                list="metrics/overview",
                campaign_id=None,
                read_at=RECEIVED,
                counts={},
                raw={
                    "totalContacts": 120,
                    "activeJourneys": 3,
                    "activeBuckets": 1,
                    "bucketMembers": 40,
                    "emailsSent24h": 10,
                    "emailsSent7d": 70,
                    "emailsSent30d": 300,
                    "bounceRate30d": 0.0125,
                    "unsubscribeRate": 0,
                },
            )
        ]
    )


def test_the_figures_of_a_campaign_are_kept_and_count_nowhere():
    campaign = "7f0d2b10-aaaa-4bbb-8ccc-ddddeeeeffff"
    assert page("campaigns", fixture("feed_campaigns.json"), campaign=campaign) == Reading(
        snapshots=[
            Snapshot(
                list="campaigns",
                campaign_id=campaign,
                read_at=RECEIVED,
                counts={},
                raw={
                    "sends": 300,
                    "delivered": 290,
                    "opened": 120,
                    "clicked": 30,
                    "bounced": 4,
                    "complained": 0,
                    "failed": 1,
                    "skipped": 5,
                    "lastSentAt": "2026-06-02T08:15:26.004Z",
                },
            )
        ]
    )


def test_every_fixture_is_read_somewhere_here():
    names = {file.name for file in files("aftersend.providers.hogsend").joinpath("fixtures").iterdir()}
    text = files(__package__).joinpath("test_fixtures.py").read_text()
    stems = {name.partition(".")[0].removeprefix("webhook_") for name in names}
    assert [stem for stem in stems if stem not in text] == []
