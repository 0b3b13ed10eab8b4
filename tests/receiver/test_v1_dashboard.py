"""The dashboard's report: a range of days, the one before it, and what changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_api import DAY, FOUR, FOUR_RATES, NO_RATES, NOTHING, campaign_of_four, counts, told
from reading_world import World, at, event

from aftersend.receiver import shown
from aftersend.receiver.answers import Known
from aftersend.storage.contract import Count, Funnel
from aftersend.vocabulary import CampaignInfo, Kind, now


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def days(first: str, last: str, **more) -> dict:
    return {"from": first, "to": last, **more}


def sent(world: World, moment: str, contacts: range, campaign: str = "1000001") -> None:
    world.tell(*(event(Kind.SENT, moment, str(contact), campaign, row=str(contact)) for contact in contacts))


def test_a_dashboard_has_every_field(world):
    sent(world, "2025-03-16 09:00:00", range(100, 102), "7")
    world.tell(event(Kind.OPENED, "2025-03-17 09:00:00", "100", "7", row="o"))
    world.tell(*campaign_of_four())
    told(world, CampaignInfo(campaign_id="1000001", name="Spring offers"))
    answer = world.get("/v1/dashboard", **days("2025-03-18", "2025-03-19"))
    (campaign,) = answer.pop("campaigns")
    assert (campaign["name"], campaign["counts"], campaign["rates"]) == ("Spring offers", FOUR, FOUR_RATES)
    walls = [f"2025-03-{day}T00:00:00+00:00" for day in (16, 18, 19, 20)]
    unchanged = {"total": None, "unique": None}
    assert answer == {
        "source": None,
        "campaign_id": None,
        "from": walls[1],
        "to": walls[3],
        "time_zone": "UTC",
        "days": 2,
        "counts": FOUR,
        "rates": FOUR_RATES,
        "contacts": {"known": 7, "new": 5},
        "previous": {
            "from": walls[0],
            "to": walls[1],
            "counts": counts(sent=(2, 2), delivered=(2, 2), opened=(1, 1)),
            "rates": {"open": 0.5, "click": 0.0, "bounce": 0.0},
            "contacts": {"known": 2, "new": 2},
        },
        "diff": {
            "counts": {
                **{kind.value: unchanged for kind in Kind},
                "sent": {"total": 100.0, "unique": 100.0},
                "delivered": {"total": 50.0, "unique": 50.0},
                "opened": {"total": 200.0, "unique": 100.0},
            },
            # Two in three after one in two; clicks and bounces had been none.
            "rates": {"open": 33.33, "click": None, "bounce": None},
            "contacts": {"known": 250.0, "new": 150.0},
        },
        "slots": world.get("/v1/timeline", **days("2025-03-18", "2025-03-19"))["slots"],
        "derived": ["delivered"],
        "as_of": world.get("/v1/funnel")["as_of"],
        "complete_until": None,
    }


def test_a_dashboard_of_nothing_is_all_zeros_and_changes_nothing(world):
    answer = world.get("/v1/dashboard", days=7)
    assert (answer["counts"], answer["rates"], answer["campaigns"]) == (NOTHING, NO_RATES, [])
    assert (answer["previous"]["counts"], answer["previous"]["rates"]) == (NOTHING, NO_RATES)
    assert answer["contacts"] == answer["previous"]["contacts"] == {"known": 0, "new": 0}
    assert set(answer["diff"]["rates"].values()) == {None}
    assert {value for change in answer["diff"]["counts"].values() for value in change.values()} == {None}
    assert answer["diff"]["contacts"] == {"known": None, "new": None}
    assert len(answer["slots"]) == 7


def test_a_decline_is_negative_and_halves_are_rounded_away_from_zero(world):
    sent(world, "2025-03-17 09:00:00", range(16))
    sent(world, "2025-03-18 09:00:00", range(100, 101))
    diff = world.get("/v1/dashboard", **days("2025-03-18", "2025-03-18"))["diff"]
    assert diff["counts"]["sent"] == {"total": -93.75, "unique": -93.75}
    sent(world, "2025-03-19 09:00:00", range(200, 800))
    sent(world, "2025-03-20 09:00:00", range(1000, 1601))
    # 601 after 600: 0.1666… %
    diff = world.get("/v1/dashboard", **days("2025-03-20", "2025-03-20"))["diff"]
    assert diff["counts"]["sent"] == {"total": 0.17, "unique": 0.17}


@pytest.mark.parametrize("machine", ["include", "exclude"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Jerusalem", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati"])
def test_a_dashboard_agrees_with_the_funnels_of_its_two_ranges(world, zone, machine):
    world.tell(*campaign_of_four(), *campaign_of_four(campaign="2"))
    delivered = event(Kind.DELIVERED, "2025-03-18 23:58:00", "2", source="beta")
    world.tell(*campaign_of_four("beta"), delivered, source="beta")
    more = {"time_zone": zone, "machine": machine}
    answer = world.get("/v1/dashboard", **days("2025-03-18", "2025-03-19"), **more)
    present = world.get("/v1/funnel", **days("2025-03-18", "2025-03-19"), **more)
    before = world.get("/v1/funnel", **days("2025-03-16", "2025-03-17"), **more)
    assert (answer["counts"], answer["rates"]) == (present["counts"], present["rates"])
    assert (answer["previous"]["counts"], answer["previous"]["rates"]) == (before["counts"], before["rates"])
    timeline = world.get("/v1/timeline", **days("2025-03-18", "2025-03-19"), **more)
    assert answer["slots"] == timeline["slots"]


def test_the_range_before_has_as_many_days_of_the_calendar(world):
    answer = world.get("/v1/dashboard", **days("2025-03-30", "2025-03-31", time_zone="Europe/Berlin"))
    assert (answer["from"], answer["to"]) == ("2025-03-30T00:00:00+01:00", "2025-04-01T00:00:00+02:00")
    assert answer["previous"]["from"] == "2025-03-28T00:00:00+01:00"
    assert (answer["days"], len(answer["slots"])) == (2, 2)


def test_a_range_is_widened_to_whole_days(world):
    answer = world.get("/v1/dashboard", **days("2025-03-18T09:30:00Z", "2025-03-19T00:00:01Z"))
    assert (answer["from"], answer["to"]) == ("2025-03-18T00:00:00+00:00", "2025-03-20T00:00:00+00:00")


@pytest.mark.parametrize("asked", [None, 1, 7, 366])
def test_days_end_with_today_in_the_zone(world, asked):
    zone = ZoneInfo("Pacific/Kiritimati")
    before = datetime.now(UTC).astimezone(zone).date()
    answer = world.get("/v1/dashboard", time_zone=zone.key, **({} if asked is None else {"days": asked}))
    after = datetime.now(UTC).astimezone(zone).date()
    count = asked or 30
    first, end = (datetime.fromisoformat(answer[key]) for key in ("from", "to"))
    assert end.date() - timedelta(days=1) in (before, after)
    assert (end.date() - first.date()).days == answer["days"] == len(answer["slots"]) == count
    assert datetime.fromisoformat(answer["previous"]["from"]).date() == first.date() - timedelta(days=count)


def test_only_a_last_day_means_the_thirty_up_to_it(world):
    answer = world.get("/v1/dashboard", to="2025-03-30")
    assert (answer["days"], answer["from"]) == (30, "2025-03-01T00:00:00+00:00")
    only_a_first = world.get(
        "/v1/dashboard", **{"from": datetime.fromtimestamp(now() / 1000 - 86_400, UTC).isoformat()}
    )
    assert only_a_first["days"] in (2, 3)


def test_the_top_campaigns_are_those_opened_by_most_of_what_has_something_in_the_range(world):
    for number in range(12):
        moment, campaign = at("2025-03-18 09:00:00") + number * 60_000, f"c{number:02}"
        opens = [event(Kind.OPENED, moment, str(n), campaign, row=str(n)) for n in range(number % 6)]
        world.tell(event(Kind.SENT, moment, campaign=campaign), *opens)
    world.tell(*(event(Kind.OPENED, at("2025-01-01 09:00:00"), str(n), "old", row=str(n)) for n in range(9)))
    answer = world.get("/v1/dashboard", **days("2025-03-18", "2025-03-18"))
    found = [(row["campaign_id"], row["counts"]["opened"]["unique"]) for row in answer["campaigns"]]
    # Of equals, the later one first.
    assert found == [
        *(("c11", 5), ("c05", 5), ("c10", 4), ("c04", 4), ("c09", 3)),
        *(("c03", 3), ("c08", 2), ("c02", 2), ("c07", 1), ("c01", 1)),
    ]


def test_a_dashboard_can_be_of_one_source_or_campaign(world):
    world.tell(*campaign_of_four(), *campaign_of_four(campaign="2"))
    world.tell(*campaign_of_four("beta"), source="beta")
    whole = world.get("/v1/dashboard", **days("2025-03-18", "2025-03-19"))
    beta = world.get("/v1/dashboard", source="beta", **days("2025-03-18", "2025-03-19"))
    second = world.get("/v1/dashboard", campaign_id="2", **days("2025-03-18", "2025-03-19"))
    assert [answer["counts"]["sent"]["unique"] for answer in (whole, beta, second)] == [12, 4, 4]
    assert [answer["contacts"]["known"] for answer in (whole, beta)] == [10, 5]
    assert (beta["source"], second["campaign_id"]) == ("beta", "2")
    assert [row["campaign_id"] for row in second["campaigns"]] == ["2"]


def test_neighbouring_dashboards_add_up(world):
    world.tell(*campaign_of_four())
    world.tell(event(Kind.BOUNCED, at("2025-03-19 08:00:00") + DAY, "4", row="11"))
    whole = world.get("/v1/dashboard", **days("2025-03-17", "2025-03-22"))
    halves = [
        world.get("/v1/dashboard", **days(*half))
        for half in (("2025-03-17", "2025-03-18"), ("2025-03-19", "2025-03-22"))
    ]
    for kind in Kind:
        for measure in ("total", "unique"):
            assert whole["counts"][kind][measure] == sum(half["counts"][kind][measure] for half in halves)
    assert whole["contacts"]["new"] == sum(half["contacts"]["new"] for half in halves)


COUNTS = st.integers(0, 10**9)


@given(old=st.tuples(COUNTS, COUNTS), new=st.tuples(COUNTS, COUNTS))
def test_changes_are_exact_and_rounded_away_from_zero(old, new):
    def funnel(delivered: int, opened: int) -> Funnel:
        given_ = {Kind.DELIVERED: Count(unique=delivered), Kind.OPENED: Count(unique=opened)}
        return {kind: given_.get(kind, Count()) for kind in Kind}

    def expected(was: Fraction | None, is_: Fraction | None) -> float | None:
        if not was or is_ is None:
            return None
        hundredths = (is_ - was) / was * 10_000
        return int(abs(hundredths) + Fraction(1, 2)) * (-1 if hundredths < 0 else 1) / 100

    nobody: Known = {"known": 0, "new": 0}
    change = shown.change(funnel(*old), funnel(*new), nobody, nobody)
    assert change["counts"][Kind.OPENED]["unique"] == expected(Fraction(old[1]), Fraction(new[1]))
    rates = [Fraction(opened, delivered) if delivered else None for delivered, opened in (old, new)]
    assert change["rates"]["open"] == expected(*rates)
