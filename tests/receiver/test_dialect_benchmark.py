"""Reports as Benchmark Email answers them: the serving checklist of its provider file, line by line, to the byte."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise

import pytest
from reading_world import World, at, event

from aftersend.storage.contract import Read
from aftersend.vocabulary import BounceClass, CampaignInfo, Channel, Delivery, Door, Kind, Reading, Snapshot, now

HOUR, DAY = 3_600_000, 86_400_000
DASHBOARD, OVERALL = "/api/reports/dashboard", "/api/reports/email/overall"
HISTOGRAM, REPORT, LIST = f"{OVERALL}/histogram", "/api/reports/email", "/api/email/campaign"
EVENT_TYPES = (
    "email-sent",
    "email-delivered",
    "email-bounced",
    "first-contact-unsubscribed",
    "first-email-complaint",
    "first-email-opened",
    "first-email-clicked",
)
CAMPAIGN = "66f1a6e4698f1bca60426002"
SPRING, MENU = "https://www.example.com/spring", "https://www.example.com/menu"


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def ago(days: int, hour: float = 12) -> int:
    """An hour, in UTC, of the day so many days before today."""
    return now() // DAY * DAY - days * DAY + round(hour * HOUR)


def stamp(instant: int) -> str:
    return datetime.fromtimestamp(instant // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant % 1000:03d}Z"


def text(world: World, path: str, **query) -> str:
    """An answer as it is sent."""
    answer = world.client.get(path, query_string=query or None, headers=world.admin)
    assert (answer.status_code, answer.content_type) == (200, "application/json; charset=utf-8"), answer.text
    return answer.text


def compact(body: object) -> str:
    return json.dumps(body, separators=(",", ":"))


def told(world: World, *campaigns: CampaignInfo, source: str = "acme") -> None:
    delivery = Delivery(id=900, source=source, door=Door.FEED, received_at=now(), body=b"{}", feed="campaigns")
    world.store.apply([Read(delivery, Reading(campaigns=list(campaigns)))])


def two_periods(world: World, days: int) -> None:
    """In the period of so many days that ends today eight were sent to; in the one before, four."""
    old, new = days + 1, 1
    world.tell(
        *(event(Kind.SENT, ago(old), contact, "old") for contact in "1234"),
        event(Kind.BOUNCED, ago(old), "1", "old", bounce_class=BounceClass.HARD),
        event(Kind.OPENED, ago(old), "2", "old"),
        event(Kind.UNSUBSCRIBED, ago(old), "2", "old"),
        event(Kind.UNSUBSCRIBED, ago(old), "3", "old"),
        event(Kind.COMPLAINED, ago(old), "3", "old"),
        *(event(Kind.SENT, ago(new), f"5{contact}", "new") for contact in "12345678"),
        event(Kind.BOUNCED, ago(new), "51", "new", bounce_class=BounceClass.HARD),
        event(Kind.BOUNCED, ago(new), "52", "new", bounce_class=BounceClass.SOFT),
        *(event(Kind.OPENED, ago(new, 13), f"5{contact}", "new") for contact in "3456"),
        event(Kind.CLICKED, ago(new, 13), "53", "new", url=SPRING),
        event(Kind.UNSUBSCRIBED, ago(new), "54", "new"),
        event(Kind.COMPLAINED, ago(new), "54", "new"),
        event(Kind.COMPLAINED, ago(new), "55", "new"),
    )


# -- the dashboard (2.1) -------------------------------------------------------------------------------


def test_the_dashboard_compares_a_period_with_the_one_before_and_counts_contacts_every_week(world):
    two_periods(world, 28)
    begins = ago(27, 0)
    points = [{"date": stamp(begins + week * 7 * DAY), "total": 4} for week in range(4)]
    assert text(world, DASHBOARD, pastDays=28) == compact(
        {
            "campaign": {
                "sent": {"count": 8, "diff": 100},
                "delivered": {"count": 6, "diff": 100},
                "uniqueOpens": {"count": {"value": 4, "diff": 300}, "rate": {"value": 66.67, "diff": 100}},
                "uniqueClicks": {"count": {"value": 1, "diff": 100}, "rate": {"value": 16.67, "diff": 100}},
            },
            "contact": {
                "count": {"value": 12, "diff": 200},
                "histogram": {
                    "start": stamp(begins),
                    "end": stamp(ago(-1, 0)),
                    "histogram": points,
                    "peak": points[0],
                },
            },
        }
    )


def test_below_28_days_contacts_are_counted_every_day(world):
    two_periods(world, 27)
    histogram = world.get(DASHBOARD, pastDays=27)["contact"]["histogram"]
    dates = [stamp(ago(days, 0)) for days in range(26, -1, -1)]
    assert [point["date"] for point in histogram["histogram"]] == dates
    assert [point["total"] for point in histogram["histogram"]] == [4] * 26 + [12]
    assert histogram["peak"] == {"date": dates[-1], "total": 12}


def test_every_kind_and_channel_makes_a_contact_known(world):
    world.tell(
        event(Kind.OTHER, ago(1), "1", None),
        event(Kind.CLICKED, ago(1), "2", "sms", channel=Channel.SMS),
    )
    assert world.get(DASHBOARD, pastDays=1)["contact"]["count"] == {"value": 2, "diff": 0}
    assert world.get(DASHBOARD, pastDays=2)["contact"]["count"] == {"value": 2, "diff": 100}


def test_a_dashboard_of_nothing_is_all_zeros(world):
    point = {"date": stamp(ago(0, 0)), "total": 0}
    nothing = {"count": {"value": 0, "diff": 0}, "rate": {"value": 0, "diff": 0}}
    assert text(world, DASHBOARD, pastDays=1) == compact(
        {
            "campaign": {
                "sent": {"count": 0, "diff": 0},
                "delivered": {"count": 0, "diff": 0},
                "uniqueOpens": nothing,
                "uniqueClicks": nothing,
            },
            "contact": {
                "count": {"value": 0, "diff": 0},
                "histogram": {
                    "start": stamp(ago(0, 0)),
                    "end": stamp(ago(-1, 0)),
                    "histogram": [point],
                    "peak": point,
                },
            },
        }
    )


# -- the overall report (2.2) --------------------------------------------------------------------------


def test_the_overall_report_shows_every_figure_beside_the_period_before(world):
    two_periods(world, 7)
    told(world, CampaignInfo(campaign_id="new", name="May newsletter", scheduled_at=ago(1, 9)))
    assert text(world, OVERALL, pastDays=7) == compact(
        {
            "stats": {
                "sent": {"count": {"value": 8, "prev": 4, "diff": 100}},
                "delivered": {"count": {"value": 6, "prev": 3, "diff": 100}},
                "uniqueOpens": {
                    "count": {"value": 4, "prev": 1, "diff": 300},
                    "rate": {"value": 66.67, "prev": 33.33, "diff": 100},
                },
                "uniqueClicks": {
                    "count": {"value": 1, "prev": 0, "diff": 100},
                    "rate": {"value": 16.67, "prev": 0, "diff": 100},
                },
                "hardBounces": {
                    "count": {"value": 1, "prev": 1, "diff": 0},
                    "rate": {"value": 12.5, "prev": 25, "diff": -50},
                },
                "softBounces": {
                    "count": {"value": 1, "prev": 0, "diff": 100},
                    "rate": {"value": 12.5, "prev": 0, "diff": 100},
                },
                "totalBounces": {
                    "count": {"value": 2, "prev": 1, "diff": 100},
                    "rate": {"value": 25, "prev": 25, "diff": 0},
                },
                "unsubscribes": {"count": {"value": 1, "prev": 2, "diff": -50}},
                "complaints": {"count": {"value": 2, "prev": 1, "diff": 100}},
            },
            "deliveryTimeStats": {"morning": 0, "afternoon": 66.67, "evening": 0, "night": 0},
            "campaignComparison": [
                {
                    "_id": "new",
                    "name": "May newsletter",
                    "rates": {"opens": 66.67, "clicks": 16.67},
                    "scheduledAt": stamp(ago(1, 9)),
                }
            ],
        }
    )


def test_nothing_happened_overall(world):
    count = {"value": 0, "prev": 0, "diff": 0}
    plain, rated = {"count": count}, {"count": count, "rate": count}
    assert text(world, OVERALL, pastDays=90) == compact(
        {
            "stats": {
                "sent": plain,
                "delivered": plain,
                **dict.fromkeys(("uniqueOpens", "uniqueClicks", "hardBounces", "softBounces", "totalBounces"), rated),
                "unsubscribes": plain,
                "complaints": plain,
            },
            "deliveryTimeStats": {"morning": 0, "afternoon": 0, "evening": 0, "night": 0},
            "campaignComparison": [],
        }
    )


def test_reports_count_by_the_time_of_the_event_so_that_a_rate_may_exceed_a_hundred(world):
    world.tell(
        *(event(Kind.SENT, ago(2), contact) for contact in "123"),
        event(Kind.SENT, ago(0, 0), "4"),
        *(event(Kind.OPENED, ago(0, 0), contact) for contact in "123"),
    )
    stats = world.get(OVERALL, pastDays=1)["stats"]
    assert stats["uniqueOpens"] == {
        "count": {"value": 3, "prev": 0, "diff": 100},
        "rate": {"value": 300, "prev": 0, "diff": 100},
    }


def test_deliveries_are_taken_from_a_source_that_reports_them_and_derived_for_one_that_does_not(world):
    world.tell(
        *(event(Kind.SENT, ago(1), contact) for contact in "123"),
        event(Kind.BOUNCED, ago(0, 0), "1", bounce_class=BounceClass.HARD),
    )
    world.tell(
        *(event(Kind.SENT, ago(1), contact, source="beta") for contact in "123"),
        event(Kind.DELIVERED, ago(0, 0), "1", source="beta"),
        source="beta",
    )

    def delivered(days: int, **query) -> int:
        return world.get(OVERALL, pastDays=days, **query)["stats"]["delivered"]["count"]["value"]

    assert [delivered(1), delivered(2)] == [1, 3]
    assert [delivered(1, source="acme"), delivered(2, source="acme")] == [0, 2]
    assert [delivered(1, source="beta"), delivered(2, source="beta")] == [1, 1]


def test_a_part_of_the_day_counts_the_mail_delivered_in_it_and_its_opens_whenever_they_come(world):
    world.tell(
        event(Kind.SENT, ago(3, 3.99), "1"),
        event(Kind.SENT, ago(3, 4), "2"),
        event(Kind.SENT, ago(3, 9.99), "3"),
        event(Kind.SENT, ago(3, 10), "4"),
        event(Kind.SENT, ago(3, 16), "5"),
        event(Kind.SENT, ago(3, 21.99), "6"),
        event(Kind.SENT, ago(3, 22), "7"),
        event(Kind.SENT, ago(9, 22), "8"),
        *(event(Kind.OPENED, ago(1, 1), contact) for contact in "12678"),
        event(Kind.OPENED, ago(0, 0), "2", row="2"),
    )
    assert world.get(OVERALL, pastDays=7)["deliveryTimeStats"] == {
        "morning": 50,
        "afternoon": 0,
        "evening": 50,
        "night": 100,
    }
    # At 5:45 ahead they are at 09:44, 09:45, 15:44, 15:45, 21:45, 03:44 and 03:45, so that 1 and 2 are the morning.
    assert world.get(OVERALL, pastDays=7, timezone="Asia/Kathmandu")["deliveryTimeStats"] == {
        "morning": 100,
        "afternoon": 0,
        "evening": 0,
        "night": 100,
    }


def test_campaigns_are_compared_that_were_first_sent_in_the_period_the_ten_newest_first(world):
    for number in range(12):
        campaign = f"c{number:02d}"
        world.tell(
            *(event(Kind.SENT, ago(3, number), contact, campaign) for contact in "123"),
            event(Kind.BOUNCED, ago(3, number), "1", campaign),
            event(Kind.OPENED, ago(1), "2", campaign),
        )
    world.tell(
        event(Kind.SENT, ago(20), "1", "earlier"),
        event(Kind.SENT, ago(2), "2", "earlier"),
        event(Kind.OPENED, ago(2), "2", "never-sent"),
        event(Kind.SENT, ago(2), "9", None),
        event(Kind.SENT, ago(2), "9", "text", channel=Channel.SMS),
    )
    told(world, CampaignInfo(campaign_id="c05", name="Planned later", scheduled_at=ago(1)))
    rates = {"opens": 50, "clicks": 0}
    assert world.get(OVERALL, pastDays=7)["campaignComparison"] == [
        {"_id": "c05", "name": "Planned later", "rates": rates, "scheduledAt": stamp(ago(1))},
        *(
            {"_id": f"c{number:02d}", "name": f"c{number:02d}", "rates": rates, "scheduledAt": stamp(ago(3, number))}
            for number in (11, 10, 9, 8, 7, 6, 4, 3, 2)
        ),
    ]


# -- histograms (2.3) ----------------------------------------------------------------------------------


def test_a_histogram_has_every_day_and_only_bounces_have_a_detail(world):
    two_periods(world, 3)
    days = [stamp(ago(days, 0)) for days in (2, 1, 0)]

    def expected(total: int) -> str:
        return compact(
            {
                "start": days[0],
                "end": stamp(ago(-1, 0)),
                "histogram": [{"date": day, "total": n} for day, n in zip(days, (0, total, 0), strict=True)],
                "peak": {"startDate": days[1], "endDate": days[1], "total": total},
            }
        )

    totals = dict(zip(EVENT_TYPES, (8, 6, None, 1, 2, 4, 1), strict=True))
    for event_type, total in totals.items():
        if total is not None:
            assert text(world, HISTOGRAM, pastDays=3, eventType=event_type) == expected(total)
    assert text(world, HISTOGRAM, pastDays=3, eventType="email-bounced") == compact(
        {
            "start": days[0],
            "end": stamp(ago(-1, 0)),
            "histogram": [
                {"date": days[0], "total": 0, "detail": {"hard": 0, "soft": 0}},
                {"date": days[1], "total": 2, "detail": {"hard": 1, "soft": 1}},
                {"date": days[2], "total": 0, "detail": {"hard": 0, "soft": 0}},
            ],
            "peak": {"startDate": days[1], "endDate": days[1], "total": 2},
        }
    )


def test_a_histogram_of_nothing_has_all_its_days_and_peaks_at_the_first(world):
    for event_type in EVENT_TYPES:
        found = world.get(HISTOGRAM, pastDays=90, eventType=event_type)
        first = stamp(ago(89, 0))
        detail = {"detail": {"hard": 0, "soft": 0}} if event_type == "email-bounced" else {}
        assert found == {
            "start": first,
            "end": stamp(ago(-1, 0)),
            "histogram": [{"date": stamp(ago(days, 0)), "total": 0, **detail} for days in range(89, -1, -1)],
            "peak": {"startDate": first, "endDate": first, "total": 0},
        }


def test_of_two_equal_peaks_the_earlier_is_told(world):
    world.tell(event(Kind.SENT, ago(1), "1"), event(Kind.SENT, ago(2), "2"))
    peak = world.get(HISTOGRAM, pastDays=5, eventType="email-sent")["peak"]
    assert peak == {"startDate": stamp(ago(2, 0)), "endDate": stamp(ago(2, 0)), "total": 1}


def test_days_begin_at_midnight_of_the_zone_asked_for(world):
    world.tell(event(Kind.SENT, ago(1, 18.24), "1"), event(Kind.SENT, ago(1, 18.25), "2"))
    found = world.get(HISTOGRAM, pastDays=5, eventType="email-sent", timezone="Asia/Kathmandu")
    buckets = {bucket["date"]: bucket["total"] for bucket in found["histogram"]}
    assert (buckets[stamp(ago(2, 18.25))], buckets[stamp(ago(1, 18.25))]) == (1, 1)


def test_the_first_kinds_count_pairs_at_their_first_ever_event_and_add_up_to_the_overall_count(world):
    world.tell(
        *(event(Kind.SENT, ago(9), contact, campaign) for contact in "12" for campaign in ("a", "b")),
        event(Kind.OPENED, ago(9), "1", "a"),
        event(Kind.OPENED, ago(1), "1", "a"),
        event(Kind.OPENED, ago(3), "1", "b"),
        event(Kind.OPENED, ago(1), "1", "b"),
        event(Kind.OPENED, ago(2), "2", "a"),
        event(Kind.OPENED, ago(2, 13), "2", "a"),
        event(Kind.CLICKED, ago(2), "2", "a", url=SPRING),
        event(Kind.CLICKED, ago(1), "2", "a", url=MENU),
        event(Kind.UNSUBSCRIBED, ago(2), "2", "a"),
        event(Kind.UNSUBSCRIBED, ago(1), "2", "a"),
        event(Kind.COMPLAINED, ago(2), "2", "a"),
        event(Kind.COMPLAINED, ago(1), "2", "a"),
    )
    stats = world.get(OVERALL, pastDays=5)["stats"]
    kinds = {
        "first-email-opened": ("uniqueOpens", [0, 1, 1, 0, 0]),
        "first-email-clicked": ("uniqueClicks", [0, 0, 1, 0, 0]),
        "first-contact-unsubscribed": ("unsubscribes", [0, 0, 1, 0, 0]),
        "first-email-complaint": ("complaints", [0, 0, 1, 0, 0]),
    }
    for event_type, (name, totals) in kinds.items():
        found = world.get(HISTOGRAM, pastDays=5, eventType=event_type)
        assert [bucket["total"] for bucket in found["histogram"]] == totals
        assert stats[name]["count"]["value"] == sum(totals)


def test_each_message_bounces_once_hard_before_soft_and_what_is_neither_is_soft(world):
    world.tell(
        *(event(Kind.SENT, ago(4), contact) for contact in "12345"),
        event(Kind.BOUNCED, ago(3), "1", bounce_class=BounceClass.SOFT),
        event(Kind.BOUNCED, ago(2), "1", bounce_class=BounceClass.HARD),
        event(Kind.BOUNCED, ago(1), "1", bounce_class=BounceClass.HARD),
        event(Kind.BOUNCED, ago(3), "2", bounce_class=BounceClass.BLOCK),
        event(Kind.BOUNCED, ago(1), "2", bounce_class=BounceClass.SOFT),
        event(Kind.BOUNCED, ago(3), "3", bounce_class=BounceClass.UNDETERMINED),
        event(Kind.BOUNCED, ago(3), "4"),
        event(Kind.BOUNCED, ago(3), "5", bounce_class=BounceClass.HARD, reason="suppressed"),
    )
    found = world.get(HISTOGRAM, pastDays=5, eventType="email-bounced")["histogram"]
    nothing = {"hard": 0, "soft": 0}
    assert [bucket["detail"] for bucket in found] == [
        nothing,
        {"hard": 1, "soft": 3},
        {"hard": 1, "soft": 0},
        nothing,
        nothing,
    ]
    assert [bucket["total"] for bucket in found] == [0, 4, 1, 0, 0]
    stats = world.get(f"{REPORT}/1000001")["stats"]
    assert (stats["hardBounces"], stats["softBounces"], stats["totalBounces"]) == (
        {"count": 2, "rate": 40},
        {"count": 3, "rate": 60},
        {"count": 5, "rate": 100},
    )


def test_several_messages_to_one_recipient_are_sent_each_and_opened_once(world):
    both = [{"message_id": f"m{n}", "by_message": True, "row": str(n)} for n in (1, 2)]
    world.tell(
        *(event(kind, ago(1, 12 + n), **one) for n, one in enumerate(both) for kind in (Kind.SENT, Kind.OPENED)),
    )
    stats = world.get(f"{REPORT}/1000001")["stats"]
    assert (stats["sent"], stats["delivered"], stats["opens"]["unique"], stats["opens"]["rate"]) == (2, 2, 1, 50)


# -- one campaign (2.4) --------------------------------------------------------------------------------


def spring(world: World) -> None:
    """The newsletter of May: 24 were sent to, 2 bounced for good and 3 did not."""
    world.tell(
        *(event(Kind.SENT, "2026-05-04 13:00:07", f"{n}", CAMPAIGN) for n in range(24)),
        *(
            event(Kind.BOUNCED, "2026-05-04 13:00:12", f"{n}", CAMPAIGN, bounce_class=how)
            for n, how in enumerate([BounceClass.HARD] * 2 + [BounceClass.SOFT] * 3)
        ),
        *(event(Kind.OPENED, at("2026-05-04 13:20:00") + n * HOUR, f"{n}", CAMPAIGN) for n in range(10, 16)),
        event(Kind.OPENED, at("2026-05-06 17:33:45") + 464, "10", CAMPAIGN),
        event(Kind.CLICKED, "2026-05-04 23:22:41", "10", CAMPAIGN, url=SPRING, link_number="66f1a6e4698f1bca60424808"),
        event(Kind.CLICKED, "2026-05-05 13:22:41", "10", CAMPAIGN, url=SPRING, link_number="66f1a6e4698f1bca60424808"),
        event(Kind.CLICKED, "2026-05-05 13:30:41", "11", CAMPAIGN, url=SPRING),
        event(Kind.CLICKED, "2026-05-05 13:30:41", "11", CAMPAIGN, url=MENU),
        event(Kind.CLICKED, "2026-05-05 13:31:41", "12", CAMPAIGN, url="https://www.example.com/about"),
        event(Kind.CLICKED, at("2026-05-06 18:28:40") + 575, "13", CAMPAIGN),
        event(Kind.UNSUBSCRIBED, "2026-05-05 14:00:00", "12", CAMPAIGN),
        event(Kind.COMPLAINED, "2026-05-05 14:00:00", "13", CAMPAIGN),
    )


def test_a_campaign_is_reported_over_its_whole_life(world):
    spring(world)

    def hashed(url: str) -> str:
        return sha256(url.encode()).hexdigest()[:24]

    about = "https://www.example.com/about"
    assert text(world, f"{REPORT}/{CAMPAIGN}") == compact(
        {
            "stats": {
                "sent": 24,
                "delivered": 19,
                "opens": {"unique": 6, "rate": 31.58, "last": "2026-05-06T17:33:45.464Z"},
                "clicks": {"unique": 4, "rate": 21.05, "last": "2026-05-06T18:28:40.575Z"},
                "totalBounces": {"count": 5, "rate": 20.83},
                "hardBounces": {"count": 2, "rate": 8.33},
                "softBounces": {"count": 3, "rate": 12.5},
                "unsubscribes": 1,
                "complaints": 1,
            },
            "linkActivity": [
                {"id": "66f1a6e4698f1bca60424808", "path": SPRING, "clicks": {"unique": 2, "total": 3}},
                {"id": hashed(about), "path": about, "clicks": {"unique": 1, "total": 1}},
                {"id": hashed(MENU), "path": MENU, "clicks": {"unique": 1, "total": 1}},
            ],
        }
    )


def test_a_campaign_that_is_only_told_of_is_all_zeros_and_nothing_is_last(world):
    told(world, CampaignInfo(campaign_id=CAMPAIGN, name="June draft"))
    nothing = {"count": 0, "rate": 0}
    assert text(world, f"{REPORT}/{CAMPAIGN}") == compact(
        {
            "stats": {
                "sent": 0,
                "delivered": 0,
                "opens": {"unique": 0, "rate": 0},
                "clicks": {"unique": 0, "rate": 0},
                "totalBounces": nothing,
                "hardBounces": nothing,
                "softBounces": nothing,
                "unsubscribes": 0,
                "complaints": 0,
            },
            "linkActivity": [],
        }
    )


def test_a_campaign_of_text_messages_or_of_totals_alone_is_known(world):
    totals = Snapshot(
        list="stats",
        campaign_id="totals",
        read_at=now(),
        counts={Kind.COMPLAINED: (3, 2)},
        raw={},
        stands_for=(Kind.COMPLAINED,),
    )
    world.tell(event(Kind.SENT, ago(1), "1", "text", channel=Channel.SMS), snapshots=(totals,))
    assert world.get(f"{REPORT}/text")["stats"]["sent"] == 0
    assert world.get(f"{REPORT}/totals")["stats"]["complaints"] == 2
    assert world.get(f"{REPORT}/totals/engagement")["peak"]["total"] == 0


def test_several_sources_with_a_campaign_of_one_id_are_reported_together_unless_one_is_asked(world):
    world.tell(event(Kind.SENT, ago(2), "1"), event(Kind.SENT, ago(2), "2"))
    world.tell(event(Kind.SENT, ago(1), "1", source="beta"), source="beta")
    counts = [world.get(f"{REPORT}/1000001", **query)["stats"]["sent"] for query in ({}, {"source": "beta"})]
    assert counts == [3, 1]


# -- engagement (2.5) ----------------------------------------------------------------------------------


def buckets(begins: int, width: int, many: int, totals: dict[int, tuple[int, int]]) -> list[dict]:
    """So many buckets; ``totals`` has the opens and clicks of those in which there were some."""
    reactions = [(stamp(begins + n * width), *totals.get(n, (0, 0))) for n in range(many)]
    return [
        {"date": date, "total": opens + clicks, "detail": {"uniqueOpens": opens, "uniqueClicks": clicks}}
        for date, opens, clicks in reactions
    ]


def test_engagement_follows_first_opens_and_clicks_by_the_hour(world):
    spring(world)
    histogram = buckets(
        at("2026-05-04 13:00:00"), HOUR, 24, {10: (1, 1), **dict.fromkeys((11, 12, 13, 14, 15), (1, 0))}
    )
    peak = "2026-05-04T23:00:00.000Z"
    expected = {
        "start": "2026-05-04T13:00:00.000Z",
        "end": "2026-05-05T13:00:00.000Z",
        "histogram": histogram,
        "peak": {"startDate": peak, "endDate": peak, "total": 2},
    }
    assert text(world, f"{REPORT}/{CAMPAIGN}/engagement") == compact(expected)
    assert text(world, f"{REPORT}/{CAMPAIGN}/engagement", period="24hours", timezone="UTC") == compact(expected)


def test_engagement_by_the_day_begins_at_local_midnight_of_the_first_send(world):
    spring(world)
    begins = at("2026-05-03 14:00:00")
    for period, days in (("week", 7), ("month", 30)):
        # It is 23:00 there at the send: what follows an hour later is the day after.
        found = world.get(f"{REPORT}/{CAMPAIGN}/engagement", period=period, timezone="Asia/Vladivostok")
        assert found == {
            "start": stamp(begins),
            "end": stamp(begins + days * DAY),
            "histogram": buckets(begins, DAY, days, {1: (6, 3), 3: (0, 1)}),
            "peak": {"startDate": stamp(begins + DAY), "endDate": stamp(begins + DAY), "total": 9},
        }


def test_hours_of_engagement_are_local_hours(world):
    spring(world)
    for zone, begins in {"America/St_Johns": "12:30", "Asia/Kathmandu": "12:15", "Europe/Berlin": "13:00"}.items():
        found = world.get(f"{REPORT}/{CAMPAIGN}/engagement", timezone=zone)
        assert found["start"] == f"2026-05-04T{begins}:00.000Z"
        assert len(found["histogram"]) == 24


@pytest.mark.parametrize(
    ("sent_at", "start", "end", "lengths"),
    [
        ("2026-03-06 12:00:00", "2026-03-06T05:00", "2026-03-13T04:00", [24, 24, 23, 24, 24, 24, 24]),
        ("2026-10-30 12:00:00", "2026-10-30T04:00", "2026-11-06T05:00", [24, 24, 25, 24, 24, 24, 24]),
    ],
)
def test_days_of_engagement_have_23_hours_or_25_where_the_zone_changes(world, sent_at, start, end, lengths):
    sent = at(sent_at)
    world.tell(event(Kind.SENT, sent), event(Kind.OPENED, at(f"{end}:00") - 1000))
    found = world.get(f"{REPORT}/1000001/engagement", period="week", timezone="America/New_York")
    dates = [at(bucket["date"][:19]) for bucket in found["histogram"]] + [at(found["end"][:19])]
    assert (found["start"], found["end"]) == (f"{start}:00.000Z", f"{end}:00.000Z")
    assert [(after - before) / HOUR for before, after in pairwise(dates)] == lengths
    assert [bucket["total"] for bucket in found["histogram"]] == [0, 0, 0, 0, 0, 0, 1]


def test_engagement_leaves_out_what_was_first_outside_its_window(world):
    sent = at("2026-05-04 13:30:00")
    world.tell(
        event(Kind.SENT, sent),
        event(Kind.OPENED, sent - HOUR, "1"),
        event(Kind.OPENED, sent + HOUR, "1"),
        event(Kind.OPENED, sent + 23 * HOUR, "2"),
        event(Kind.OPENED, sent + 24 * HOUR, "3"),
        event(Kind.CLICKED, sent + 23 * HOUR, "2", url=SPRING),
    )
    found = world.get(f"{REPORT}/1000001/engagement")
    assert found["histogram"] == buckets(at("2026-05-04 13:00:00"), HOUR, 24, {23: (1, 1)})


def test_engagement_of_a_campaign_that_was_not_sent_begins_with_what_is_known_first(world):
    world.tell(event(Kind.OPENED, "2026-05-04 13:30:00", "1", "opened"))
    told(world, CampaignInfo(campaign_id="planned", scheduled_at=at("2026-06-01 08:10:00")))
    assert world.get(f"{REPORT}/opened/engagement")["start"] == "2026-05-04T13:00:00.000Z"
    found = world.get(f"{REPORT}/planned/engagement")
    first = "2026-06-01T08:00:00.000Z"
    assert (found["start"], found["peak"]) == (first, {"startDate": first, "endDate": first, "total": 0})


# -- the list of campaigns (2.8) -----------------------------------------------------------------------


def test_campaigns_are_listed_as_in_the_sample(world):
    spring(world)
    world.tell(event(Kind.DROPPED, "2026-05-04 13:20:00", "99", CAMPAIGN))
    told(
        world,
        CampaignInfo(
            campaign_id=CAMPAIGN,
            name="May newsletter",
            subject="What is new in May",
            status="DONE",
            created_at=at("2026-05-01 09:00:00"),
            scheduled_at=at("2026-05-04 13:00:00"),
        ),
        CampaignInfo(campaign_id="66f1a6e4698f1bca60426001", name="June draft", created_at=at("2026-05-03 10:00:00")),
    )
    assert text(world, LIST) == compact(
        {
            "total": 2,
            "records": [
                {
                    "_id": "66f1a6e4698f1bca60426001",
                    "name": "June draft",
                    "from": "",
                    "subject": "",
                    "status": "draft",
                    "createdAt": "2026-05-03T10:00:00.000Z",
                    "updatedAt": "2026-05-03T10:00:00.000Z",
                },
                {
                    "_id": CAMPAIGN,
                    "name": "May newsletter",
                    "from": "",
                    "subject": "What is new in May",
                    "previewText": "",
                    "status": "sent",
                    "subStatus": None,
                    "scheduledAt": "2026-05-04T13:00:00.000Z",
                    "cancelledAt": None,
                    "createdAt": "2026-05-01T09:00:00.000Z",
                    "updatedAt": "2026-05-06T18:28:40.575Z",
                    "totalRecipients": 25,
                    "sentCount": 24,
                    "failedCount": 1,
                    "stats": {
                        "sent": 24,
                        "delivered": 19,
                        "opens": {"unique": 6, "rate": 31.58},
                        "clicks": {"unique": 4, "rate": 21.05},
                    },
                },
            ],
        }
    )
    assert text(world, f"{LIST}/{CAMPAIGN}") == compact(
        {
            "_id": CAMPAIGN,
            "status": "sent",
            "subStatus": None,
            "scheduledAt": "2026-05-04T13:00:00.000Z",
            "cancelledAt": None,
            "createdAt": "2026-05-01T09:00:00.000Z",
            "updatedAt": "2026-05-06T18:28:40.575Z",
            "totalRecipients": 25,
            "sentCount": 24,
            "failedCount": 1,
        }
    )


def test_a_campaign_of_which_no_date_is_known_has_none(world):
    told(world, CampaignInfo(campaign_id="x", subject="Soon"))
    assert world.get(LIST)["records"] == [{"_id": "x", "name": "x", "from": "", "subject": "Soon", "status": "draft"}]
    assert world.get(f"{LIST}/x") == {
        "_id": "x",
        "status": "draft",
        "subStatus": None,
        "cancelledAt": None,
        "totalRecipients": 0,
        "sentCount": 0,
        "failedCount": 0,
    }


def test_a_status_is_the_platforms_own_where_it_has_one_and_follows_from_events_where_not(world):
    words = {"a": "Executing", "b": "cancelled", "c": " Paused", "d": "Removed", "e": "gibberish", "f": "ERROR"}
    told(world, *(CampaignInfo(campaign_id=name, status=word) for name, word in words.items()))
    told(world, CampaignInfo(campaign_id="g", scheduled_at=at("2027-01-01 00:00:00")))
    world.tell(event(Kind.SENT, ago(1), campaign="h"), event(Kind.OPENED, ago(1), campaign="i"))
    statuses = {row["_id"]: row["status"] for row in world.get(LIST)["records"]}
    assert statuses == {
        "a": "sending",
        "b": "cancelled",
        "c": "paused",
        "d": "cancelled",
        "e": "draft",
        "f": "failed",
        "g": "scheduled",
        "h": "sent",
        "i": "sent",
    }
    for status in ("scheduled", "sent", "draft", "sending", "paused", "failed", "cancelled"):
        found = world.get(LIST, statuses=status)
        assert sorted(row["_id"] for row in found["records"]) == sorted(n for n, s in statuses.items() if s == status)
        assert found["total"] == len(found["records"])


def test_the_list_is_sorted_searched_and_cut_into_pages(world):
    names = ["Delta", "alpha", "Charlie", "bravo"]
    told(
        world,
        *(
            CampaignInfo(
                campaign_id=str(n),
                name=name,
                subject=f"On {name[::-1]}",
                created_at=ago(10 - n),
                scheduled_at=ago((n * 3) % 5),
            )
            for n, name in enumerate(names)
        ),
    )

    def ids(**query) -> str:
        return "".join(row["_id"] for row in world.get(LIST, **query)["records"])

    assert ids() == "3210"
    assert [ids(sort=f"name:{way}") for way in ("asc", "desc")] == ["1320", "0231"]
    assert [ids(sort=f"createdAt:{way}") for way in ("asc", "desc")] == ["0123", "3210"]
    assert [ids(sort=f"updatedAt:{way}") for way in ("asc", "desc")] == ["0123", "3210"]
    assert [ids(sort=f"scheduledAt:{way}") for way in ("asc", "desc")] == ["3120", "0213"]
    assert [ids(criteria=text) for text in ("LPH", "ahpla", "r", "", "nothing 😀")] == ["1", "1", "32", "3210", ""]
    assert [ids(size=3, page=page) for page in (1, 2, 3)] == ["321", "0", ""]
    assert world.get(LIST, size=1, page=10**30, criteria="r") == {"total": 2, "records": []}


def test_a_page_has_25_campaigns_at_first_and_100_at_most(world):
    told(world, *(CampaignInfo(campaign_id=f"{n:03d}", status="draft") for n in range(101)))
    for query, size in (({}, 25), ({"size": 100}, 100)):
        found = world.get(LIST, **query)
        assert (found["total"], len(found["records"])) == (101, size)
    seen = [row["_id"] for page in range(1, 6) for row in world.get(LIST, page=page)["records"]]
    assert sorted(seen) == [f"{n:03d}" for n in range(101)]
