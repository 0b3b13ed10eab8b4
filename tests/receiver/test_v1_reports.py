"""The aggregates of our own API: funnel, timeline, campaigns, sources."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading_world import World, at, event

from aftersend.receiver import slots
from aftersend.receiver.reports import rate
from aftersend.storage.contract import FeedRow
from aftersend.vocabulary import BadInput, Channel, Door, Kind, Machine, now

DAY = 86_400_000
NOTHING = {kind.value: {"total": 0, "unique": 0} for kind in Kind}
NO_RATES = {"open": None, "click": None, "bounce": None}


def counts(**given: tuple[int, int]) -> dict[str, dict[str, int]]:
    return {**NOTHING, **{kind: {"total": total, "unique": unique} for kind, (total, unique) in given.items()}}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def campaign_of_four(source: str = "acme", campaign: str = "1000001") -> list:
    """Four were sent to; one bounced, one opened twice and clicked, one opened by machine; a fifth was dropped."""
    more = {"source": source, "campaign": campaign}
    return [
        *(event(Kind.SENT, "2025-03-18 09:00:00", contact, row=contact, **more) for contact in "1234"),
        event(Kind.BOUNCED, "2025-03-18 09:01:00", "1", row="5", **more),
        event(Kind.OPENED, "2025-03-18 09:30:00", "2", row="6", **more),
        event(Kind.OPENED, "2025-03-19 10:00:00", "2", row="7", **more),
        event(Kind.CLICKED, "2025-03-19 10:01:00", "2", row="8", url="https://www.example.com/offer", **more),
        event(Kind.OPENED, "2025-03-18 09:00:00", "3", row="9", machine=Machine.MACHINE, **more),
        event(Kind.DROPPED, "2025-03-18 08:59:00", "5", row="10", reason="unsubscribed", **more),
    ]


FOUR = counts(sent=(4, 4), delivered=(3, 3), bounced=(1, 1), opened=(3, 2), clicked=(1, 1), dropped=(1, 1))
FOUR_RATES = {"open": 0.6667, "click": 0.3333, "bounce": 0.25}


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
    assert (rate(174, 264 - 15), rate(96, 264 - 15), rate(15, 264)) == (0.6988, 0.3855, 0.0568)


@pytest.mark.parametrize(
    ("part", "base", "rounded"), [(1, 20_000, 0.0001), (3, 20_000, 0.0002), (1, 3, 0.3333), (0, 5, 0.0)]
)
def test_rates_are_rounded_half_up(part, base, rounded):
    assert rate(part, base) == rounded


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
    world.tell(*campaign_of_four("acme"))
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
    (foreign,) = world.get("/v1/sent", source="acme", contact_id="1")["rows"]
    assert world.refused(f"/v1/events/{foreign['id']}", headers)[0] == 404


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


# -- campaigns -----------------------------------------------------------------------------------------


def test_campaigns_come_newest_first_each_with_its_funnel(world):
    world.tell(*campaign_of_four())
    world.tell(event(Kind.SENT, "2025-03-20 09:00:00", campaign="2", source="beta"), source="beta")
    answer = world.get("/v1/campaigns")
    assert answer["campaigns"] == [
        {
            "source": "beta",
            "campaign_id": "2",
            "first_at": "2025-03-20T09:00:00Z",
            "last_at": "2025-03-20T09:00:00Z",
            "counts": counts(sent=(1, 1), delivered=(1, 1)),
            "rates": {"open": 0.0, "click": 0.0, "bounce": 0.0},
            "derived": ["delivered"],
        },
        {
            "source": "acme",
            "campaign_id": "1000001",
            "first_at": "2025-03-18T08:59:00Z",
            "last_at": "2025-03-19T10:01:00Z",
            "counts": FOUR,
            "rates": FOUR_RATES,
            "derived": ["delivered"],
        },
    ]
    assert answer["next_page_index"] is None


def test_campaigns_are_paged(world):
    world.tell(*(event(Kind.SENT, at("2025-03-18 09:00:00") + n * DAY, campaign=str(n)) for n in range(5)))
    seen, page = [], 0
    while page is not None:
        answer = world.get("/v1/campaigns", page_size=2, page_index=page)
        seen += [campaign["campaign_id"] for campaign in answer["campaigns"]]
        page = answer["next_page_index"]
    assert seen == ["4", "3", "2", "1", "0"]
    assert world.get("/v1/campaigns", page_index=10**40)["campaigns"] == []


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


# -- contacts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [{"external_id": "crm-0042"}, {"contact_id": "42"}, {"email": "DANA@example.com"}])
def test_a_contact_is_found_by_each_of_its_ids_with_all_that_happened(world, by):
    known = {"external_id": "crm-0042", "email": "dana@example.com"}
    world.tell(
        event(Kind.SENT, "2025-03-18 09:00:00", row="1", message_id="0a1b"),
        event(Kind.OPENED, "2025-03-18 10:00:00", row="2", **known),
        event(Kind.OPENED, "2025-03-18 11:00:00", row="3"),
        event(Kind.SENT, "2025-03-19 09:00:00", campaign="2", row="4"),
        event(Kind.SENT, "2025-03-19 09:00:00", contact="43", campaign="2", row="5", email="omer@example.com"),
    )
    once = {"count": 1, "first_at": "2025-03-19T09:00:00Z", "last_at": "2025-03-19T09:00:00Z"}
    (contact,) = world.get("/v1/contacts", **by)["contacts"]
    assert contact == {
        "source": "acme",
        "contact_id": "42",
        "external_id": "crm-0042",
        "email": "dana@example.com",
        "phone": None,
        "first_at": "2025-03-18T09:00:00Z",
        "last_at": "2025-03-19T09:00:00Z",
        "counts": counts(sent=(2, 2), opened=(2, 1)),
        "messages": [
            {"campaign_id": "2", "message_id": None, "template": None, "channel": "email", "outcomes": {"sent": once}},
            {
                "campaign_id": "1000001",
                "message_id": "0a1b",
                "template": None,
                "channel": "email",
                "outcomes": {
                    "sent": {"count": 1, "first_at": "2025-03-18T09:00:00Z", "last_at": "2025-03-18T09:00:00Z"},
                    "opened": {"count": 2, "first_at": "2025-03-18T10:00:00Z", "last_at": "2025-03-18T11:00:00Z"},
                },
            },
        ],
    }


def test_a_contact_that_nobody_knows_is_an_empty_list(world):
    assert world.get("/v1/contacts", email="nobody@example.com")["contacts"] == []


def test_a_contact_known_only_by_address_has_its_messages(world):
    world.tell(event(Kind.SENT, "2025-03-18 09:00:00", contact=None, email="Dana@example.com"), door=Door.WEBHOOK)
    (contact,) = world.get("/v1/contacts", email="dana@example.com")["contacts"]
    assert (contact["contact_id"], contact["email"]) == (None, "Dana@example.com")
    assert contact["counts"] == counts(sent=(1, 1))
    assert len(contact["messages"]) == 1
