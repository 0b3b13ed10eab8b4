"""``/v1/admin/metrics`` and a campaign's stats (providers/hogsend.md 2.6, 2.7, §5, §7)."""

from __future__ import annotations

import pytest

from aftersend.vocabulary import BounceClass, Kind, Machine, now
from tests.receiver.hogsend_world import mail, story
from tests.receiver.reading_world import event

HOUR = 3_600_000
DAY = 24 * HOUR


@pytest.fixture
def world(tmp_path):
    return story(tmp_path)


# -- overview ------------------------------------------------------------------------------------------


def test_the_overview_counts_sends_by_their_time_and_bounces_by_where_they_stand(world):
    at = now()
    ages = {"a": HOUR, "b": 2 * DAY, "c": 6 * DAY, "d": 8 * DAY, "e": 29 * DAY, "f": 31 * DAY}
    for contact, age in ages.items():
        world.tell(mail(Kind.SENT, at - age, contact, campaign="recent"))
    world.tell(
        mail(Kind.BOUNCED, at - DAY, "b", campaign="recent", bounce_class=BounceClass.HARD),
        mail(Kind.BOUNCED, at - DAY, "c", campaign="recent", bounce_class=BounceClass.SOFT),
        mail(Kind.OPENED, at - HOUR, "c", campaign="recent"),
        event(Kind.UNSUBSCRIBED, at - HOUR, "d", "recent"),
    )
    answer = world.ask("metrics/overview").text
    assert answer == (
        '{"totalContacts":11,"activeJourneys":0,"activeBuckets":0,"bucketMembers":0,'
        '"emailsSent24h":1,"emailsSent7d":3,"emailsSent30d":5,"bounceRate30d":0.2,"unsubscribeRate":0.0909}'
    )


def test_the_overview_of_nothing_is_zeros(world):
    assert set(world.told("metrics/overview", source="gamma").values()) == {0}


# -- templates -----------------------------------------------------------------------------------------


def test_every_templates_figures_byte_for_byte(world):
    """``bounced`` is 1 here and 2 in reporting: one bounce was followed by a delivery (§8, 5)."""
    assert world.ask("metrics/emails").text == (
        '{"templates":[{"templateKey":"c-2","sent":1,"delivered":0,"opened":0,"clicked":0,"bounced":0,'
        '"deliveryRate":0,"openRate":0,"clickRate":0,"clickToDeliveryRate":0},'
        '{"templateKey":"spring-news","sent":4,"delivered":3,"opened":2,"clicked":1,"bounced":1,'
        '"deliveryRate":0.75,"openRate":0.6667,"clickRate":0.5,"clickToDeliveryRate":0.3333}]}'
    )
    assert world.told("reporting/templates/spring-news")["totals"]["bounced"] == 2


def test_only_templates_with_a_send_in_the_window_are_there(world):
    found = world.told("metrics/emails", **{"from": "2026-05-01T00:00:00Z", "to": "2026-05-12T08:00:00Z"})["templates"]
    assert [(row["templateKey"], row["sent"], row["bounced"]) for row in found] == [("spring-news", 3, 1)]
    withheld = world.told("metrics/emails", **{"from": "2026-05-13T00:00:00Z", "to": "2026-05-14T00:00:00Z"})
    assert [(row["templateKey"], row["sent"]) for row in withheld["templates"]] == [("spring-news", 0)]
    assert world.told("metrics/emails", **{"from": "2030-01-01T00:00:00Z"}) == {"templates": []}


def test_sends_without_a_template_are_left_out_unless_asked_for(world):
    world.tell(mail(Kind.SENT, "2026-07-01 08:00:00", "1", None, campaign=None, message_id="m-1", by_message=True))
    names = [row["templateKey"] for row in world.told("metrics/emails", includeUntemplated="true")["templates"]]
    assert names == ["(none)", "c-2", "spring-news"]
    july = {"from": "2026-07-01T00:00:00Z", "includeUntemplated": "true"}
    assert [row["templateKey"] for row in world.told("metrics/emails", **july)["templates"]] == ["(none)"]
    for query in ({}, {"includeUntemplated": "false"}):
        assert [row["templateKey"] for row in world.told("metrics/emails", **query)["templates"]] == names[1:]


def test_templates_of_one_name_in_two_sources_add_up(world):
    world.tell(mail(Kind.SENT, "2026-05-20 08:00:00", "1", source="beta"), source="beta")
    for query in ({}, {"from": "2026-01-01T00:00:00Z"}):
        found = {row["templateKey"]: row["sent"] for row in world.told("metrics/emails", **query)["templates"]}
        assert found == {"c-2": 1, "spring-news": 5}
    (beta,) = world.told("metrics/emails", source="beta")["templates"]
    assert (beta["templateKey"], beta["sent"]) == ("spring-news", 1)


# -- deliverability ------------------------------------------------------------------------------------


def test_deliverability_byte_for_byte(world):
    answer = world.ask("metrics/emails/deliverability", period="week", **{"from": "2026-04-01T00:00:00Z"})
    assert answer.text == (
        '{"points":[{"date":"2026-04-27 00:00:00+00","total":2,"delivered":2,"bounced":0,"complained":0,'
        '"deliveryRate":1},{"date":"2026-05-11 00:00:00+00","total":3,"delivered":1,"bounced":1,"complained":0,'
        '"deliveryRate":0.3333},{"date":"2026-06-01 00:00:00+00","total":1,"delivered":0,"bounced":0,"complained":1,'
        '"deliveryRate":0}]}'
    )


def test_deliverability_is_of_the_last_thirty_days_unless_asked_otherwise(world):
    at = now()
    world.tell(
        mail(Kind.SENT, at - 31 * DAY, "1", campaign="x"),
        mail(Kind.SENT, at - 29 * DAY, "2", campaign="x"),
        mail(Kind.SENT, at + DAY, "3", campaign="x"),
    )
    assert sum(point["total"] for point in world.told("metrics/emails/deliverability", source="acme")["points"]) == 1


# -- events --------------------------------------------------------------------------------------------


def test_events_are_counted_by_their_own_time_by_date_then_name(world):
    world.tell(
        mail(Kind.CLICKED, "2026-05-11 12:00:00", "43", machine=Machine.MACHINE, url="https://example.com"),
        mail(Kind.REPLIED, "2026-05-11 12:00:00", "43"),
    )
    assert world.ask("metrics/events", **{"from": "2026-04-01T00:00:00Z"}).text == (
        '{"events":[{"event":"email.link_clicked","date":"2026-05-11 00:00:00+00","count":2},'
        '{"event":"email.opened","date":"2026-05-11 00:00:00+00","count":1},'
        '{"event":"email.replied","date":"2026-05-11 00:00:00+00","count":1},'
        '{"event":"email.link_clicked","date":"2026-05-12 00:00:00+00","count":1},'
        '{"event":"email.opened","date":"2026-05-21 00:00:00+00","count":1},'
        '{"event":"email.opened","date":"2026-05-22 00:00:00+00","count":1}]}'
    )


@pytest.mark.parametrize(
    ("unit", "dates"),
    [
        ("hour", ["2026-05-11 10", "2026-05-11 10", "2026-05-12 10", "2026-05-21 09", "2026-05-22 09"]),
        ("week", ["2026-05-11 00", "2026-05-11 00", "2026-05-18 00"]),
    ],
)
def test_events_by_hour_and_week(world, unit, dates):
    answer = world.told("metrics/events", granularity=unit, **{"from": "0001-01-01T00:00Z", "to": "9999-12-31T23:59Z"})
    assert [row["date"] for row in answer["events"]] == [f"{date}:00:00+00" for date in dates]


def test_events_are_of_the_last_thirty_days_unless_asked_otherwise(world):
    at = now()
    for age in (31 * DAY, 29 * DAY, -DAY):
        world.tell(mail(Kind.OPENED, at - age, "1", campaign="x", row=str(age), source="beta"), source="beta")
    assert [row["count"] for row in world.told("metrics/events", source="beta")["events"]] == [1]


# -- what nobody else has ------------------------------------------------------------------------------


def test_there_are_no_journeys(world):
    assert world.told("metrics/journeys") == {"journeys": []}
    for id in ("welcome", "a%2Fb", "%00"):
        answer = world.ask(f"metrics/journeys/{id}")
        assert (answer.status_code, answer.json) == (404, {"error": "Journey not found"})


# -- a campaign ----------------------------------------------------------------------------------------


def test_what_became_of_a_campaigns_sends_byte_for_byte(world):
    world.tell(mail(Kind.SENT, "2026-05-12 09:00:00", "46"), mail(Kind.FAILED, "2026-05-12 10:00:00", "46"))
    assert world.ask("campaigns/c-1/stats").text == (
        '{"sends":5,"delivered":3,"opened":2,"clicked":1,"bounced":2,"complained":0,"failed":1,"skipped":1,'
        '"lastSentAt":"2026-05-12T09:00:00.000Z"}'
    )
    assert world.told("campaigns/c-1/stats", source="acme")["sends"] == 5


@pytest.mark.parametrize("path", ["campaigns/none/stats", "campaigns/%00/stats", "campaigns/c-1%2Fx/stats"])
def test_an_unknown_campaign_is_404(world, path):
    answer = world.ask(path)
    assert (answer.status_code, answer.json) == (404, {"error": "Campaign not found"})
