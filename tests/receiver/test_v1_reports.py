"""The aggregates of our own API: funnel, timeline, sources; and what they all share."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_api import DAY, FOUR, FOUR_RATES, NO_RATES, NOTHING, campaign_of_four, counts
from reading_world import World, at, event

from aftersend.receiver import slots
from aftersend.receiver.rounding import ratio
from aftersend.storage.contract import FeedRow
from aftersend.vocabulary import BadInput, Channel, Delivery, Door, Kind, Reading, now


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


# -- funnel --------------------------------------------------------------------------------------------


def test_a_funnel_has_every_field_in_its_order(world):
    world.tell(*campaign_of_four(), received_at=at("2025-03-20 10:00:00"))
    answer = world.get("/v1/funnel", source="acme", campaign_id="1000001")
    assert answer == {
        "source": "acme",
        "campaign_id": "1000001",
        "from": None,
        "to": None,
        "counts": FOUR,
        "rates": FOUR_RATES,
        "derived": ["delivered"],
        "from_snapshot": [],
        "as_of": answer["as_of"],
        "complete_until": None,
    }
    text = world.client.get("/v1/funnel", headers=world.admin).text
    assert text.index('"source"') < text.index('"from"') < text.index('"counts"') < text.index('"rates"')
    assert list(answer["counts"]) == [kind.value for kind in Kind]


def test_a_funnel_of_nothing_is_all_zeros_and_has_no_rates(world):
    answer = world.get("/v1/funnel")
    assert (answer["counts"], answer["rates"]) == (NOTHING, NO_RATES)
    assert (answer["source"], answer["as_of"], answer["complete_until"]) == (None, None, None)


def test_the_rates_of_the_documented_example():
    assert (ratio(174, 264 - 15, 4), ratio(96, 264 - 15, 4), ratio(15, 264, 4)) == (0.6988, 0.3855, 0.0568)


@pytest.mark.parametrize(
    ("part", "base", "rounded"), [(1, 20_000, 0.0001), (3, 20_000, 0.0002), (1, 3, 0.3333), (0, 5, 0.0)]
)
def test_rates_are_rounded_half_up(part, base, rounded):
    assert ratio(part, base, 4) == rounded


def test_machine_activity_can_be_left_out(world):
    world.tell(*campaign_of_four())
    assert world.get("/v1/funnel", machine="include")["counts"] == FOUR
    answer = world.get("/v1/funnel", machine="exclude")
    assert answer["counts"] == {**FOUR, "opened": {"total": 2, "unique": 1}}
    assert answer["rates"] == {**FOUR_RATES, "open": 0.3333}


def test_dates_are_whole_days_of_the_zone_asked_both_included(world):
    world.tell(
        event(Kind.SENT, "2025-03-17 21:59:00", "1"),
        event(Kind.SENT, "2025-03-17 22:00:00", "2"),
        event(Kind.SENT, "2025-03-18 21:59:00", "3"),
        event(Kind.SENT, "2025-03-18 22:00:00", "4"),
    )

    def sent(**query: str) -> int:
        return world.get("/v1/funnel", **query)["counts"]["sent"]["total"]

    one_day = {"from": "2025-03-18", "to": "2025-03-18"}
    assert sent(**one_day, time_zone="Asia/Jerusalem") == 2
    assert sent(**one_day) == 2
    assert sent(**{"from": "2025-03-17T22:00:00Z", "to": "2025-03-18T21:59:00Z"}) == 1
    assert sent(**{"from": "2025-03-17T22:00:00+00:00"}) == 3
    assert sent(to="2025-03-17") == 2
    answer = world.get("/v1/funnel", **one_day)
    assert (answer["from"], answer["to"]) == ("2025-03-18", "2025-03-18")


def test_only_email_enters_the_funnel(world):
    world.tell(event(Kind.SENT, "2025-03-18 09:00:00", channel=Channel.SMS, word="smsSent"))
    assert world.get("/v1/funnel")["counts"] == NOTHING


def test_derived_deliveries_are_counted_when_they_were_sent_and_windows_add_up(world):
    world.tell(*campaign_of_four())
    world.tell(event(Kind.BOUNCED, "2025-03-19 08:00:00", "4", row="11"))
    delivered = [
        world.get("/v1/funnel", **{"from": day, "to": day})["counts"]["delivered"]
        for day in ("2025-03-18", "2025-03-19")
    ]
    # Contact 1 bounced on the day it was sent to, contact 4 on the day after: both were sent on the first.
    assert delivered == [{"total": 2, "unique": 2}, {"total": 0, "unique": 0}]
    slots_ = world.get("/v1/timeline", **{"from": "2025-03-18", "to": "2025-03-19"})["slots"]
    assert [slot["counts"]["delivered"] for slot in slots_] == delivered
    assert world.get("/v1/funnel")["counts"]["delivered"] == {"total": 2, "unique": 2}


def test_a_source_that_reports_deliveries_is_not_derived(world):
    world.tell(
        *campaign_of_four("beta"), event(Kind.DELIVERED, "2025-03-18 09:00:00", "2", source="beta"), source="beta"
    )
    answer = world.get("/v1/funnel", source="beta")
    assert answer["counts"] == {**FOUR, "delivered": {"total": 1, "unique": 1}}
    assert answer["derived"] == []
    assert answer["rates"] == {"open": 2.0, "click": 1.0, "bounce": 0.25}
    nothing_delivered = world.get("/v1/funnel", source="beta", campaign_id="of another")
    assert (nothing_delivered["counts"], nothing_delivered["derived"]) == (NOTHING, [])


def test_over_several_sources_each_is_derived_or_not_by_itself(world):
    world.tell(*campaign_of_four("acme"))
    world.tell(
        *campaign_of_four("beta"), event(Kind.DELIVERED, "2025-03-18 09:00:00", "2", source="beta"), source="beta"
    )
    answer = world.get("/v1/funnel")
    assert answer["counts"]["delivered"] == {"total": 4, "unique": 4}
    assert answer["counts"]["sent"] == {"total": 8, "unique": 8}
    assert answer["derived"] == ["delivered"]


def test_bounces_without_sends_never_make_a_negative_count(world):
    world.tell(event(Kind.BOUNCED, "2025-03-18 09:00:00"))
    answer = world.get("/v1/funnel")
    assert answer["counts"] == counts(bounced=(1, 1))
    assert answer["rates"] == NO_RATES


def test_a_key_limited_to_a_source_never_learns_of_others(world):
    world.tell(*campaign_of_four("acme"), *campaign_of_four("acme", "of-acme"))
    world.tell(*campaign_of_four("beta"), source="beta")
    headers = world.key("reports:read", "contacts:read", sources=("beta",))
    answer = world.get("/v1/funnel", headers)
    assert (answer["source"], answer["counts"]) == ("beta", FOUR)
    assert world.get("/v1/funnel", headers, source="beta")["counts"] == FOUR
    assert world.refused("/v1/funnel?source=acme", headers) == world.refused("/v1/funnel?source=none", headers)
    status, body = world.refused("/v1/funnel?source=acme", headers)
    assert status == 404
    assert body == {"error": {"code": "not_found", "message": "There is no such source.", "field": "source"}}
    assert [source["name"] for source in world.get("/v1/sources", headers)["sources"]] == ["beta"]
    assert {row["source"] for row in world.get("/v1/activities", headers)["rows"]} == {"beta"}
    assert {row["source"] for row in world.get("/v1/campaigns", headers)["campaigns"]} == {"beta"}
    assert {row["source"] for row in world.get("/v1/recent", headers)["rows"]} <= {"beta"}
    assert {row["source"] for row in world.get("/v1/contacts", headers, contact_id="2")["contacts"]} == {"beta"}
    assert {row["source"] for row in world.get("/v1/templates", headers)["templates"]} == {"beta"}
    assert world.get("/v1/dashboard", headers, **{"from": "2025-03-18"})["source"] == "beta"
    foreign, _ = world.get("/v1/sent", source="acme", contact_id="1")["rows"]
    assert world.refused(f"/v1/events/{foreign['id']}", headers)[0] == 404
    assert world.refused("/v1/campaigns/of-acme", headers) == world.refused("/v1/campaigns/of-nobody", headers)


def test_a_key_limited_to_no_source_sees_nothing(world):
    world.tell(*campaign_of_four())
    headers = world.key("admin", sources=())
    assert world.get("/v1/funnel", headers)["counts"] == NOTHING
    assert world.get("/v1/activities", headers)["rows"] == []
    assert world.get("/v1/sources", headers)["sources"] == []


def test_a_source_that_is_no_longer_configured_can_still_be_reported(world):
    world.tell(*campaign_of_four("former"), source="former")
    assert world.get("/v1/funnel", source="former")["counts"] == FOUR


# -- how complete --------------------------------------------------------------------------------------


def feed(name: str, complete_until: int | None, source: str = "acme") -> FeedRow:
    return FeedRow(source=source, feed=name, resource=f"{source}/{name}", complete_until=complete_until)


def completed(world: World, name: str, until: int, source: str = "acme") -> None:
    world.store.ensure_feeds([feed(name, None, source)])
    row = world.store.claim((source, name, "live"), "a test", now() + 60_000, at=now(), force=True)
    world.store.finish(row, due_at=now() + 60_000, rows=3, complete_until=until)


def test_complete_until_is_that_of_the_feed_that_lags_most(world):
    early, late = at("2025-03-18 09:00:00"), at("2025-03-18 10:00:00")
    completed(world, "activities", late)
    completed(world, "sentEmails", early)
    assert world.get("/v1/funnel", source="acme")["complete_until"] is None
    completed(world, "undelivered", late)
    assert world.get("/v1/funnel", source="acme")["complete_until"] == "2025-03-18T09:00:00Z"
    assert world.get("/v1/funnel", source="beta")["complete_until"] is None
    assert world.get("/v1/funnel")["complete_until"] is None


def test_sources_tell_their_feeds_and_no_secrets(world):
    completed(world, "activities", now() - 10_000)
    (acme, beta, gamma) = world.get("/v1/sources")["sources"]
    assert (acme["name"], acme["provider"], acme["time_zone"]) == ("acme", "inwise", "Asia/Jerusalem")
    (row,) = acme["feeds"]
    assert 10 <= row.pop("lag_seconds") < 600
    assert {key for key in row if row[key] is not None} == {
        *("feed", "lane", "enabled", "position", "complete_until", "last_run_at", "last_success_at", "last_rows"),
        *("quiet_runs", "due_at", "failures", "stopped", "finished"),
    }
    assert (row["feed"], row["lane"], row["enabled"], row["last_rows"]) == ("activities", "live", True, 3)
    assert (row["parked_until"], row["stopped"], row["failures"], row["problem"]) == (None, False, 0, None)
    assert (beta["feeds"], gamma["feeds"]) == ([], [])


# -- timeline ------------------------------------------------------------------------------------------


def test_a_timeline_has_every_slot_sorted_and_whole(world):
    world.tell(*campaign_of_four())
    answer = world.get("/v1/timeline", **{"from": "2025-03-17", "to": "2025-03-20", "source": "acme"})
    assert {key: answer[key] for key in ("source", "campaign_id", "from", "to", "time_zone", "unit", "derived")} == {
        "source": "acme",
        "campaign_id": None,
        "from": "2025-03-17T00:00:00+00:00",
        "to": "2025-03-21T00:00:00+00:00",
        "time_zone": "UTC",
        "unit": "day",
        "derived": ["delivered"],
    }
    starts = [f"2025-03-{day}T00:00:00+00:00" for day in range(17, 22)]
    assert [slot["start"] for slot in answer["slots"]] == starts[:-1]
    assert [slot["end"] for slot in answer["slots"]] == starts[1:]
    empty, first, second, last = answer["slots"]
    assert (empty["counts"], last["counts"]) == (NOTHING, NOTHING)
    assert (empty["rates"], last["rates"]) == (NO_RATES, NO_RATES)
    assert first["counts"] == counts(sent=(4, 4), delivered=(3, 3), bounced=(1, 1), opened=(2, 2), dropped=(1, 1))
    assert second["counts"] == counts(opened=(1, 0), clicked=(1, 1))


def test_a_timeline_keeps_the_callers_calendar(world):
    world.tell(
        event(Kind.SENT, "2025-03-27 21:59:00", "1"),  # Thursday 23:59 in Jerusalem
        event(Kind.SENT, "2025-03-27 22:00:00", "2"),  # Friday 00:00: the night the clocks go forward
        event(Kind.SENT, "2025-03-28 20:59:00", "3"),  # Friday 23:59, now three hours ahead
        event(Kind.SENT, "2025-03-28 21:00:00", "4"),
    )
    query = {"from": "2025-03-27", "to": "2025-03-29", "time_zone": "Asia/Jerusalem"}
    slots_ = world.get("/v1/timeline", **query)["slots"]
    assert [(slot["start"], slot["counts"]["sent"]["total"]) for slot in slots_] == [
        ("2025-03-27T00:00:00+02:00", 1),
        ("2025-03-28T00:00:00+02:00", 2),
        ("2025-03-29T00:00:00+03:00", 1),
    ]
    assert (
        len(world.get("/v1/timeline", **{**query, "to": "2025-03-28", "from": "2025-03-28"}, unit="hour")["slots"])
        == 23
    )


def test_weeks_begin_on_monday_and_months_on_the_first():
    span = (at("2025-03-18 09:00:00"), at("2025-05-02 00:00:00"))
    weeks = slots.edges(*span, "week", "UTC")
    assert (weeks[0], weeks[-1]) == (at("2025-03-17 00:00:00"), at("2025-05-05 00:00:00"))
    months = slots.edges(*span, "month", "UTC")
    assert months == [at(f"2025-0{month}-01 00:00:00") for month in (3, 4, 5, 6)]


@given(
    since=st.integers(at("1980-01-01 00:00:00"), at("2040-01-01 00:00:00")),
    length=st.integers(0, 3 * DAY),
    unit=st.sampled_from(["hour", "day", "week", "month"]),
    zone=st.sampled_from(["UTC", "Asia/Jerusalem", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_slots_are_contiguous_aligned_and_cover_the_range(since, length, unit, zone):
    edges = slots.edges(since, since + length, unit, zone)
    assert edges == sorted(set(edges))
    assert edges[0] <= since < edges[1] or unit == "hour"
    assert edges[0] <= since
    assert edges[-1] >= since + length
    for edge in edges:
        wall = datetime.fromtimestamp(edge / 1000, ZoneInfo(zone))
        assert wall.second == 0
        if unit != "hour":
            # Where midnight doesn't exist, the day begins with the first minute that does.
            before = datetime.fromtimestamp(edge / 1000 - 1, ZoneInfo(zone))
            assert before.date() < wall.date()
            assert unit != "week" or wall.weekday() == 0
            assert unit != "month" or wall.day == 1


def test_without_a_range_there_are_thirty_slots_up_to_now(world):
    for unit in ("hour", "day", "week", "month"):
        found = world.get("/v1/timeline", unit=unit)["slots"]
        assert len(found) == 30
        assert datetime.fromisoformat(found[-1]["start"]).timestamp() * 1000 <= now()
        assert datetime.fromisoformat(found[-1]["end"]).timestamp() * 1000 >= now()


def test_more_than_ten_thousand_slots_are_refused(world):
    with pytest.raises(BadInput):
        slots.edges(0, 10_001 * 3_600_000, "hour", "UTC")
    assert len(slots.edges(0, 10_000 * 3_600_000, "hour", "UTC")) == 10_001
    status, body = world.refused("/v1/timeline?unit=hour&from=2020-01-01&to=2025-01-01")
    assert (status, body["error"]["field"]) == (400, "from")


def test_an_hour_a_day_and_a_month_are_those_of_zones_with_odd_offsets(world):
    # 18:15 UTC is midnight in Kathmandu (+5:45), 18:30 in Kolkata (+5:30).
    world.tell(
        event(Kind.SENT, "2025-03-31 18:14:00", "1"),
        event(Kind.SENT, "2025-03-31 18:15:00", "2"),
        event(Kind.SENT, "2025-03-31 18:30:00", "3"),
    )

    def sent(unit: str, zone: str, **range_: str) -> list[tuple[str, int]]:
        query = {"unit": unit, "time_zone": zone, **(range_ or {"from": "2025-03-31", "to": "2025-04-01"})}
        slots_ = world.get("/v1/timeline", **query)["slots"]
        return [(slot["start"], slot["counts"]["sent"]["unique"]) for slot in slots_ if slot["counts"]["sent"]["total"]]

    assert sent("day", "Asia/Kathmandu") == [("2025-03-31T00:00:00+05:45", 1), ("2025-04-01T00:00:00+05:45", 2)]
    assert sent("day", "Asia/Kolkata") == [("2025-03-31T00:00:00+05:30", 2), ("2025-04-01T00:00:00+05:30", 1)]
    assert sent("hour", "Asia/Kathmandu") == [("2025-03-31T23:00:00+05:45", 1), ("2025-04-01T00:00:00+05:45", 2)]
    assert sent("month", "Asia/Kolkata") == [("2025-03-01T00:00:00+05:30", 2), ("2025-04-01T00:00:00+05:30", 1)]
    assert sent("week", "Asia/Kathmandu") == [("2025-03-31T00:00:00+05:45", 3)]


@pytest.mark.parametrize(("day", "hours"), [("2025-03-09", 23), ("2025-11-02", 25), ("2025-06-01", 24)])
def test_a_day_has_as_many_hours_as_the_clocks_make_it(world, day, hours):
    slots_ = world.get("/v1/timeline", **{"from": day, "to": day, "time_zone": "America/St_Johns"}, unit="hour")[
        "slots"
    ]
    assert len(slots_) == hours
    assert [slot["end"] for slot in slots_[:-1]] == [slot["start"] for slot in slots_[1:]]


def test_following_slots_begin_where_their_first_instant_lies():
    hours = slots.following(at("2025-03-18 09:40:00"), 3, "hour", "Asia/Kathmandu")
    assert hours == [at(f"2025-03-18 {clock}:00") for clock in ("09:15", "10:15", "11:15", "12:15")]
    days = slots.following(at("2025-03-29 23:30:00"), 2, "day", "Europe/Berlin")
    assert days == [at("2025-03-29 23:00:00"), at("2025-03-30 22:00:00"), at("2025-03-31 22:00:00")]
    assert slots.before(days[2], 2, "day", "Europe/Berlin") == days[0]


@pytest.mark.parametrize("unit", ["hour", "day", "week", "month"])
def test_nothing_happened_before_1970(world, unit):
    world.tell(*campaign_of_four())
    slots_ = world.get("/v1/timeline", **{"from": "1969-12-20", "to": "1970-01-05", "unit": unit})["slots"]
    assert [slot["counts"] for slot in slots_] == [NOTHING] * len(slots_)
    answer = world.get("/v1/dashboard", **{"from": "1970-01-01", "to": "1970-01-05"})
    assert (answer["counts"], answer["previous"]["counts"]) == (NOTHING, NOTHING)


# -- sources -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["source=acme&source=beta", "source=acme,beta", "source=beta,acme,beta"])
def test_several_sources_are_counted_together_each_once(world, query):
    for source in ("acme", "beta", "gamma"):
        world.tell(*campaign_of_four(source), source=source)
    answer = world.get(f"/v1/funnel?{query}")
    assert answer["source"] is None
    assert answer["counts"]["sent"] == {"total": 8, "unique": 8}
    rows = world.get(f"/v1/activities?{query}")["rows"]
    assert {row["source"] for row in rows} == {"acme", "beta"}
    (slot,) = world.get(f"/v1/timeline?{query}&from=2025-03-18&to=2025-03-18")["slots"]
    assert slot["counts"]["sent"] == {"total": 8, "unique": 8}


def test_among_several_sources_each_must_exist_and_be_the_keys(world):
    limited = world.key("reports:read", sources=("acme", "beta"))
    unknown = (404, {"error": {"code": "not_found", "message": "There is no such source.", "field": "source"}})
    assert world.refused("/v1/funnel?source=acme,none") == unknown
    assert world.refused("/v1/funnel?source=acme,gamma", limited) == unknown
    assert world.get("/v1/funnel?source=acme,beta", limited)["source"] is None


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/funnel", "/v1/timeline", "/v1/dashboard", "/v1/campaigns", "/v1/campaigns/1000001", "/v1/templates"),
        *("/v1/sources", "/v1/sent", "/v1/undelivered", "/v1/activities", "/v1/recent", "/v1/contacts?contact_id=1"),
    ],
)
def test_every_answer_says_what_it_contains(world, path):
    received = Delivery(source="acme", door=Door.WEBHOOK, received_at=at("2025-03-20 10:00:00"), body=b"{}")
    world.store.append([received])
    world.store.work_off(lambda _: Reading(campaign_of_four()))
    for name in ("acme", "beta", "gamma"):
        for lagging, until in (("activities", "10:00"), ("sentEmails", "09:00"), ("undelivered", "11:00")):
            completed(world, lagging, at(f"2025-03-20 {until}:00"), name)
    answer = world.get(path)
    assert (answer["as_of"], answer["complete_until"]) == ("2025-03-20T10:00:00Z", "2025-03-20T09:00:00Z")
    assert list(answer)[-2:] == ["as_of", "complete_until"]
