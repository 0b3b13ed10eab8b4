"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from aftersend.providers.coldsend.identity import EMAILS, LEAD, REPLIED, REPLIES, REPLY, THREADS, WEBHOOK
from aftersend.providers.coldsend.values import digest
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
from aftersend.zones import parse
from tests.providers.coldsend.said import CAMPAIGN, LEE, RECEIVED, SEEN, THREAD, at, fixture, hook, lead, messages, page

GONE = "aaaaaaaa-0000-4000-8000-000000000002"
FIRST, SECOND, THIRD = (f"bbbbbbbb-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
REPLY_ID = "cccccccc-0000-4000-8000-000000000001"


def event(fact: str, lead_id: str, **fields) -> Event:
    """An event of a lead; the slot names nothing but the source, what happened and the lead."""
    metadata = {"lead_id": lead_id} | fields.pop("metadata", {})
    common = {"campaign_id": CAMPAIGN, "precision": Precision.SECOND, "clock": Clock.STATED, "metadata": metadata}
    return Event(slot=slot_key(None, "acme", "lead", fact, lead_id), **(common | fields))


def lees(fact: str, **fields) -> Event:
    return event(fact, LEE, email="lee@example.com", **fields)


def emailed(step: int, subject: str) -> dict:
    """What is told of the e-mail of a step."""
    told = {"sequence_step": str(step), "subject": subject, "inbox_email": "sales@example.org"}
    return {"list": EMAILS, "row": (FIRST, SECOND)[step - 1], "message_id": (FIRST, SECOND)[step - 1], "metadata": told}


OWN_TIMES = [
    lees("sent", kind=Kind.SENT, word="last_contacted_at", occurred_at=at("04T14:05:00"), list=LEAD),
    lees("opened", kind=Kind.OPENED, word="opened_at", occurred_at=at("01T15:10:00"), list=LEAD),
    lees(REPLY, kind=Kind.REPLIED, word="replied_at", occurred_at=at("05T08:00:00"), list=LEAD),
]


def test_a_lead_with_its_emails_and_replies():
    reading = lead(fixture("lead.json"))
    hello, again = emailed(1, "Hello"), emailed(2, "Re: Hello")
    assert reading == Reading(
        events=[
            *OWN_TIMES,
            lees(
                "delivered",
                kind=Kind.DELIVERED,
                word="Delivered",
                occurred_at=SEEN,
                **(again | {"clock": Clock.RECEIVED}),
            ),
            lees("sent", kind=Kind.SENT, word="sent", occurred_at=at("01T14:00:00"), **hello),
            lees("opened", kind=Kind.OPENED, word="opened", occurred_at=at("01T15:10:00"), **hello),
            lees("sent", kind=Kind.SENT, word="sent", occurred_at=at("04T14:05:00"), **again),
            lees(
                REPLY,
                kind=Kind.REPLIED,
                word="replied_at",
                occurred_at=at("05T08:00:00"),
                **(again | {"list": REPLIED}),
            ),
            lees(
                REPLY,
                kind=Kind.REPLIED,
                word="reply",
                occurred_at=at("05T08:00:00"),
                list=REPLIES,
                row=REPLY_ID,
                row_id=REPLY_ID,
                metadata={"reply_id": REPLY_ID, "subject": "Re: Hello"},
            ),
        ],
        contacts=[ContactInfo(email="lee@example.com", first_name="Lee")],
    )


def test_a_lead_whose_email_bounced():
    told = {"sequence_step": "1", "subject": "Hello", "inbox_email": "sales@example.org"}
    place = {"list": EMAILS, "row": THIRD, "message_id": THIRD, "metadata": told}
    observed = {"email": "gone@example.com", "occurred_at": SEEN, "clock": Clock.RECEIVED, "kind": Kind.BOUNCED}
    undetermined = {"bounce_class": BounceClass.UNDETERMINED}
    sent = {"email": "gone@example.com", "kind": Kind.SENT, "occurred_at": at("01T14:00:00")}
    assert lead(fixture("lead_bounced.json"), lead=GONE) == Reading(
        events=[
            event("sent", GONE, word="last_contacted_at", list=LEAD, **sent),
            event(
                "bounced", GONE, word="Bounced", bounce_class=BounceClass.HARD, reason="Bounced", **observed, **place
            ),
            event("sent", GONE, word="sent", **sent, **place),
            event("bounced", GONE, word="bounced", **observed, **undetermined, **place),
        ]
    )


def test_a_page_of_leads_tells_what_has_a_time_of_each_but_strangers():
    reading = page("leads", fixture("leads.json"), part="leads", campaign=CAMPAIGN)
    sent = {"kind": Kind.SENT, "word": "last_contacted_at", "occurred_at": at("01T14:00:00")}
    assert reading == Reading(
        events=[*OWN_TIMES, event("sent", GONE, email="gone@example.com", list=LEAD, **sent)],
        contacts=[
            ContactInfo(email="lee@example.com", first_name="Lee"),
            ContactInfo(email="new@example.com", first_name="Noa", last_name="Levi"),
        ],
    )


def test_messages_of_a_thread_tell_of_incoming_ones():
    reading = messages(*fixture("messages.json")["messages"])
    assert reading == Reading(
        events=[
            lees(
                REPLY,
                kind=Kind.REPLIED,
                word="message",
                occurred_at=at("05T08:00:00"),
                list=THREADS,
                row=REPLY_ID,
                row_id=REPLY_ID,
                metadata={
                    "message_id": "<m1@example.com>",
                    "reply_id": REPLY_ID,
                    "subject": "Re: Hello",
                    "thread_id": THREAD,
                },
            )
        ]
    )


def test_conversations_and_threads_tell_of_no_event():
    assert page("replies", fixture("conversations.json"), part="conversations") == Reading()
    assert page("replies", fixture("thread.json"), part="thread", thread=THREAD) == Reading()


COUNTS = {Kind.SENT: (490, None), Kind.OPENED: (160, None), Kind.REPLIED: (35, None), Kind.BOUNCED: (4, None)}
DATES = {
    "created_at": parse("2025-01-15T10:00:00Z", "test"),
    "scheduled_at": parse("2025-01-16T14:00:00Z", "test"),
}
SPRING = CampaignInfo(campaign_id=CAMPAIGN, name="Spring outreach", status="ACTIVE", **DATES)


def test_the_campaigns_with_their_counters():
    said = fixture("campaigns.json")
    assert page("campaigns", said) == Reading(
        snapshots=[
            Snapshot(
                list="campaigns",
                campaign_id=CAMPAIGN,
                read_at=RECEIVED,
                counts=COUNTS | {Kind.UNSUBSCRIBED: (6, None)},
                raw=said["campaigns"][0],
            )
        ],
        campaigns=[SPRING],
    )


def test_the_analytics_of_campaigns_and_workspace():
    said = fixture("analytics.json")
    about = {"list": "analytics", "read_at": RECEIVED}
    assert page("analytics", said) == Reading(
        snapshots=[
            Snapshot(campaign_id=CAMPAIGN, counts=COUNTS, raw=said["campaigns"][0], **about),
            Snapshot(campaign_id=None, counts={Kind.SENT: (490, None)}, raw=said["workspace_kpis"], **about),
        ],
        campaigns=[
            CampaignInfo(
                campaign_id=CAMPAIGN, name="Spring outreach", status="COMPLETED", created_at=DATES["created_at"]
            )
        ],
    )


def test_the_timeline_is_a_snapshot_a_day_that_counts_nowhere():
    said = fixture("timeline.json")
    assert page("timeline", said, from_date="2025-03-01", to_date="2025-03-02") == Reading(
        snapshots=[
            Snapshot(list=f"timeline/{row['date']}", campaign_id=None, read_at=RECEIVED, counts={}, raw=row)
            for row in said["timeline"]
        ]
    )
    assert [row["date"] for row in said["timeline"]] == ["2025-03-01", "2025-03-02"]


def test_the_details_of_a_campaign_say_whether_opens_are_measured():
    for said in (fixture("campaign.json"), fixture("campaign.json")["campaign"]):
        reading = page("details", said, campaign=CAMPAIGN)
        (snapshot,) = reading.snapshots
        assert snapshot.raw == {
            "campaign_id": CAMPAIGN,
            "name": "Spring outreach",
            "status": "ACTIVE",
            "enable_tracking": "false",
            "enable_unsubscribe": "true",
            "created_at": "2025-01-15T10:00:00Z",
            "updated_at": "2025-03-01T09:00:00Z",
            "launched_at": "2025-01-16T14:00:00Z",
            "total_leads": 500,
            "sent_count": 490,
            "reply_count": 35,
            "open_count": 160,
            "bounce_count": 4,
            "unsubscribe_count": 6,
            "completion_rate": 98.8,
            "success_rate": 98.0,
            "open_to_reply_rate": 21.9,
        }
        counts = COUNTS | {Kind.UNSUBSCRIBED: (6, None)}
        assert snapshot == Snapshot(
            list="details", campaign_id=CAMPAIGN, read_at=RECEIVED, counts=counts, raw=snapshot.raw
        )
        assert reading == Reading(snapshots=[snapshot], campaigns=[SPRING])


NAMED = [CampaignInfo(campaign_id=CAMPAIGN, name="Spring outreach")]


def test_a_webhook_of_a_reply():
    said = fixture("webhook_reply.json")
    assert hook(said) == Reading(
        events=[
            lees(
                REPLY,
                kind=Kind.REPLIED,
                word="reply",
                occurred_at=at("05T08:00:00"),
                list=WEBHOOK,
                row=digest(said["data"]),
            )
        ],
        campaigns=NAMED,
        contacts=[ContactInfo(email="lee@example.com", first_name="Lee", last_name="Doe")],
    )


def test_a_webhook_of_a_bounce():
    assert hook(fixture("webhook_bounced.json")) == Reading(
        events=[
            event(
                "bounced",
                GONE,
                kind=Kind.BOUNCED,
                word="bounced",
                occurred_at=at("01T14:00:30"),
                list=WEBHOOK,
                email="gone@example.com",
                bounce_class=BounceClass.UNDETERMINED,
            )
        ],
        campaigns=NAMED,
    )


def test_a_webhook_of_an_opt_out():
    assert hook(fixture("webhook_unsubscribed.json")) == Reading(
        events=[
            event(
                "unsubscribed",
                "aaaaaaaa-0000-4000-8000-000000000003",
                kind=Kind.UNSUBSCRIBED,
                word="unsubscribed",
                occurred_at=at("02T10:00:00"),
                list=WEBHOOK,
                email="no@example.com",
            )
        ],
        campaigns=NAMED,
    )
