"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files

import pytest

from aftersend.vocabulary import (
    BounceClass,
    CampaignInfo,
    Channel,
    Event,
    Kind,
    Precision,
    Reading,
    Snapshot,
    slot_key,
)
from aftersend.zones import parse
from tests.providers.benchmark.said import DRAFT, MAY, RECEIVED, fixture, page

CONTACT = "64a1b2c3d4e5f6a7b8c9d0e"
LINK = "66f1a6e4698f1bca60424808"
SPRING = "https://www.example.com/spring"


def told(kind: Kind, word: str, time: str, contact: str, email: str | None = None, **fields) -> Event:
    """An event as the fixture tells it; with an address it is one of the campaign of May."""
    at = parse(time, "test")
    common = {
        "list": "events",
        "row": "0",
        "precision": Precision.MILLISECOND,
        "campaign_id": MAY if email else None,
        "contact_id": CONTACT + contact,
        "email": email,
    } | fields
    slot = slot_key(
        at, "acme", word, str(at), CONTACT + contact, common["campaign_id"], common.get("link_number"), email
    )
    return Event(slot=slot, kind=kind, word=word, occurred_at=at, **common)


def test_every_type_of_event_becomes_what_it_means():
    opened = told(Kind.OPENED, "email-opened", "2026-05-04T13:21:02.007Z", "1", "dana@example.com")
    reading = page("events", fixture("events.json"))
    assert reading.events == [
        told(
            Kind.CLICKED,
            "email-clicked",
            "2026-05-04T13:22:41.318Z",
            "1",
            "dana@example.com",
            url=SPRING,
            link_number=LINK,
            metadata={
                "subject": "What is new in May",
                "sender": "news@example.org",
                "sender_name": "Example News",
            },
        ),
        opened,
        told(Kind.OPENED, "email-opened", "2026-05-04T13:21:02.007Z", "1", "dana@example.com", row="1"),
        told(
            Kind.UNSUBSCRIBED,
            "contact-unsubscribed",
            "2026-05-04T13:20:00Z",
            "3",
            campaign_id=MAY,
            metadata={"origin": "email"},
        ),
        told(
            Kind.COMPLAINED,
            "email-complaint",
            "2026-05-04T13:10:00.500Z",
            "4",
            "cross@example.net",
            reason="abuse",
        ),
        told(
            Kind.BOUNCED,
            "email-bounced",
            "2026-05-04T13:00:12.044Z",
            "2",
            "gone@example.net",
            bounce_class=BounceClass.HARD,
            reason="smtp; 550 5.1.1 user unknown",
            smtp_code="550",
            metadata={
                "bounce_type": "Permanent",
                "bounce_subtype": "General",
                "diagnostic": "smtp; 550 5.1.1 user unknown",
            },
        ),
        told(
            Kind.DEFERRED,
            "email-delayed",
            "2026-05-04T13:00:10Z",
            "5",
            "full@example.net",
            reason="MailboxFull",
            smtp_code="452",
            metadata={"smtp_response": "452 4.2.2 mailbox full"},
        ),
        told(
            Kind.DELIVERED,
            "email-delivered",
            "2026-05-04T13:00:09.871Z",
            "1",
            "dana@example.com",
            smtp_code="250",
            metadata={"smtp_response": "250 2.0.0 OK from mx.example.com [192.0.2.25]"},
        ),
        told(
            Kind.DROPPED,
            "email-rejected",
            "2026-05-04T13:00:08Z",
            "6",
            "kim@example.net",
            reason="rejected:Bad content",
        ),
        told(Kind.DROPPED, "email-skipped", "2026-05-04T13:00:08Z", "7", "lee@example.net", reason="skipped"),
        told(Kind.SENT, "email-sent", "2026-05-04T13:00:07.102Z", "1", "dana@example.com"),
        told(
            Kind.RESUBSCRIBED,
            "contact-reactivated",
            "2026-05-02T09:00:00Z",
            "3",
            metadata={"origin": "form"},
        ),
        told(
            Kind.OTHER,
            "contact-created",
            "2026-05-01T10:15:00Z",
            "1",
            channel=Channel.SITE,
            metadata={
                "origin": "import",
                "import_id": "65b0c0ffee0000000000abcd",
                "import_file": "may-signups.csv",
                "triggered_by": "user",
            },
        ),
    ]
    assert (reading.snapshots, reading.problems, reading.campaigns, reading.contacts) == ([], [], [], [])


def test_the_list_of_campaigns_tells_of_campaigns_and_claims_what_drafts_do_not():
    assert page("campaigns", fixture("campaigns.json")) == Reading(
        campaigns=[
            CampaignInfo(
                campaign_id=MAY,
                name="May newsletter",
                status="sent",
                subject="What is new in May",
                created_at=parse("2026-05-01T09:00:00Z", "test"),
                scheduled_at=parse("2026-05-04T13:00:00Z", "test"),
            ),
            CampaignInfo(
                campaign_id=DRAFT,
                name="June draft",
                status="draft",
                subject="Soon",
                created_at=parse("2026-05-03T10:00:00Z", "test"),
            ),
        ],
        snapshots=[
            Snapshot(
                list="campaigns",
                campaign_id=MAY,
                read_at=RECEIVED,
                counts={
                    Kind.SENT: (1200, 1200),
                    Kind.DELIVERED: (1152, 1152),
                    Kind.OPENED: (403, 403),
                    Kind.CLICKED: (97, 97),
                },
                raw={
                    "totalRecipients": 1212,
                    "sentCount": 1200,
                    "failedCount": 12,
                    "stats.sent": 1200,
                    "stats.delivered": 1152,
                    "stats.opens.unique": 403,
                    "stats.opens.rate": 34.98,
                    "stats.clicks.unique": 97,
                    "stats.clicks.rate": 8.42,
                },
            )
        ],
    )


def test_the_report_of_a_campaign_is_its_totals_with_clicks_added_up_from_its_links():
    activity = "linkActivity.66f1a6e4698f1bca6042480"
    assert page("reports", fixture("report.json"), campaign=MAY) == Reading(
        snapshots=[
            Snapshot(
                list="reports",
                campaign_id=MAY,
                read_at=RECEIVED,
                counts={
                    Kind.SENT: (1200, 1200),
                    Kind.DELIVERED: (1152, 1152),
                    Kind.OPENED: (403, 403),
                    Kind.CLICKED: (127, 97),
                    Kind.BOUNCED: (48, 48),
                    Kind.UNSUBSCRIBED: (5, 5),
                    Kind.COMPLAINED: (1, 1),
                },
                raw={
                    "stats.sent": 1200,
                    "stats.delivered": 1152,
                    "stats.opens.unique": 403,
                    "stats.opens.rate": 34.98,
                    "stats.opens.last": "2026-05-06T17:33:45.464Z",
                    "stats.clicks.unique": 97,
                    "stats.clicks.rate": 8.42,
                    "stats.clicks.last": "2026-05-06T18:28:40.575Z",
                    "stats.totalBounces.count": 48,
                    "stats.totalBounces.rate": 4,
                    "stats.hardBounces.count": 18,
                    "stats.hardBounces.rate": 1.5,
                    "stats.softBounces.count": 30,
                    "stats.softBounces.rate": 2.5,
                    "stats.unsubscribes": 5,
                    "stats.complaints": 1,
                    f"{activity}8.id": "66f1a6e4698f1bca60424808",
                    f"{activity}8.path": "https://www.example.com/spring",
                    f"{activity}8.clicks.unique": 71,
                    f"{activity}8.clicks.total": 88,
                    f"{activity}9.id": "66f1a6e4698f1bca60424809",
                    f"{activity}9.path": "https://www.example.com/menu",
                    f"{activity}9.clicks.unique": 34,
                    f"{activity}9.clicks.total": 39,
                },
            )
        ]
    )


def test_the_dashboard_keeps_its_mixed_shapes_under_their_own_names():
    points = {
        f"contact.histogram.histogram.{day}T00:00:00.000Z.{name}": value
        for day, total in {
            "2026-04-05": 5900,
            "2026-04-12": 5960,
            "2026-04-19": 6015,
            "2026-04-26": 6080,
            "2026-05-03": 6120,
        }.items()
        for name, value in {"date": f"{day}T00:00:00.000Z", "total": total}.items()
    }
    assert page("dashboard", fixture("dashboard.json"), pastDays="30", timezone="UTC") == Reading(
        snapshots=[
            Snapshot(
                list="dashboard",
                campaign_id=None,
                read_at=RECEIVED,
                counts={},
                raw={
                    "campaign.sent.count": 5400,
                    "campaign.sent.diff": 12.5,
                    "campaign.delivered.count": 5184,
                    "campaign.delivered.diff": 13.68,
                    "campaign.uniqueOpens.count.value": 1814,
                    "campaign.uniqueOpens.count.diff": 17.03,
                    "campaign.uniqueOpens.rate.value": 34.99,
                    "campaign.uniqueOpens.rate.diff": 2.95,
                    "campaign.uniqueClicks.count.value": 436,
                    "campaign.uniqueClicks.count.diff": 6.34,
                    "campaign.uniqueClicks.rate.value": 8.41,
                    "campaign.uniqueClicks.rate.diff": -6.46,
                    "contact.count.value": 6120,
                    "contact.count.diff": 3.73,
                    "contact.histogram.start": "2026-04-05T00:00:00.000Z",
                    "contact.histogram.end": "2026-05-05T00:00:00.000Z",
                    **points,
                    "contact.histogram.peak.date": "2026-05-03T00:00:00.000Z",
                    "contact.histogram.peak.total": 6120,
                },
            )
        ]
    )


def test_the_overall_report_keeps_each_figure_with_the_one_before():
    def trio(value, prev, diff):
        return {"value": value, "prev": prev, "diff": diff}

    counts = {
        "sent": trio(5400, 4800, 12.5),
        "delivered": trio(5184, 4560, 13.68),
        "uniqueOpens": trio(1814, 1550, 17.03),
        "uniqueClicks": trio(436, 410, 6.34),
        "hardBounces": trio(72, 96, -25),
        "softBounces": trio(144, 144, 0),
        "totalBounces": trio(216, 240, -10),
        "unsubscribes": trio(21, 24, -12.5),
        "complaints": trio(2, 1, 100),
    }
    rates = {
        "uniqueOpens": trio(34.99, 33.99, 2.95),
        "uniqueClicks": trio(8.41, 8.99, -6.46),
        "hardBounces": trio(1.33, 2, -33.33),
        "softBounces": trio(2.67, 3, -11.11),
        "totalBounces": trio(4, 5, -20),
    }
    raw = {
        f"stats.{name}.{what}.{part}": figure
        for what, told in (("count", counts), ("rate", rates))
        for name, parts in told.items()
        for part, figure in parts.items()
    }
    raw |= {f"deliveryTimeStats.{part}": rate for part, rate in zip(PARTS, (36.4, 34.1, 33.2, 0), strict=True)}
    raw |= {
        f"campaignComparison.{MAY}.{name}": value
        for name, value in {
            "_id": MAY,
            "name": "May newsletter",
            "rates.opens": 34.98,
            "rates.clicks": 8.42,
            "scheduledAt": "2026-05-04T13:00:00.000Z",
        }.items()
    }
    assert page("overall", fixture("overall.json"), pastDays="30", timezone="UTC") == Reading(
        snapshots=[Snapshot(list="overall", campaign_id=None, read_at=RECEIVED, counts={}, raw=raw)]
    )


PARTS = ("morning", "afternoon", "evening", "night")


def test_a_histogram_is_kept_by_its_type_of_event():
    raw = {"start": "2026-05-02T04:00:00.000Z", "end": "2026-05-05T04:00:00.000Z"}
    for day, total, hard, soft in ((2, 0, 0, 0), (3, 4, 3, 1), (4, 2, 0, 2)):
        date = f"2026-05-0{day}T04:00:00.000Z"
        bucket = {"date": date, "total": total, "detail.hard": hard, "detail.soft": soft}
        raw |= {f"histogram.{date}.{name}": value for name, value in bucket.items()}
    raw |= {"peak.startDate": "2026-05-03T04:00:00.000Z", "peak.endDate": "2026-05-03T04:00:00.000Z", "peak.total": 4}
    assert page("histogram", fixture("histogram.json"), eventType="email-bounced") == Reading(
        snapshots=[Snapshot(list="histogram/email-bounced", campaign_id=None, read_at=RECEIVED, counts={}, raw=raw)]
    )


def test_the_engagement_of_a_campaign_is_kept_by_its_period():
    raw = {"start": "2026-05-04T13:00:00.000Z", "end": "2026-05-05T13:00:00.000Z"}
    for hour, total, opens, clicks in ((13, 131, 104, 27), (14, 58, 47, 11)):
        date = f"2026-05-04T{hour}:00:00.000Z"
        bucket = {"date": date, "total": total, "detail.uniqueOpens": opens, "detail.uniqueClicks": clicks}
        raw |= {f"histogram.{date}.{name}": value for name, value in bucket.items()}
    raw |= {
        "peak.startDate": "2026-05-04T13:00:00.000Z",
        "peak.endDate": "2026-05-04T13:00:00.000Z",
        "peak.total": 131,
    }
    assert page("engagement", fixture("engagement.json"), campaign=MAY, period="24hours") == Reading(
        snapshots=[Snapshot(list="engagement/24hours", campaign_id=MAY, read_at=RECEIVED, counts={}, raw=raw)]
    )


@pytest.mark.parametrize("name", [file.name for file in files("aftersend.providers.benchmark.fixtures").iterdir()])
def test_there_is_no_fixture_that_is_not_tested(name):
    assert name in {
        *("events.json", "campaigns.json", "report.json", "dashboard.json", "overall.json", "histogram.json"),
        "engagement.json",
    }
