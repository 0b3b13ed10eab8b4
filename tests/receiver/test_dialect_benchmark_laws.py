"""The calendar and the arithmetic of the Benchmark dialect: windows, parts of the day, percentages, changes."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading_world import World, at, event

from aftersend import zones
from aftersend.receiver.dialects.benchmark import account
from aftersend.receiver.dialects.benchmark.desk import Desk
from aftersend.receiver.dialects.benchmark.period import past, stamp
from aftersend.receiver.dialects.benchmark.shares import diff, printed, share
from aftersend.receiver.figures import configured
from aftersend.vocabulary import Kind

HOUR, QUARTER = 3_600_000, 900_000
ZONES = (
    "UTC",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "America/Santiago",
    "America/Nuuk",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Jerusalem",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Europe/Athens",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
)
moments = st.integers(at("2015-01-01 00:00:00"), at("2030-01-01 00:00:00"))
counts = st.integers(0, 3000)


def part_of(hour: int) -> str:
    return {0: "night", 1: "morning", 2: "afternoon", 3: "evening"}[(hour + 2) // 6 % 4]


@given(moments, st.integers(1, 90), st.sampled_from(ZONES))
def test_a_period_is_so_many_local_days_up_to_today_and_equally_many_before(instant, days, zone):
    period = past(days, zone, instant)
    today = zones.moment(instant, zone).date()
    dates = [zones.moment(begins, zone).date() for begins in period.days]
    assert dates == [today + timedelta(days=n) for n in range(1 - days, 2)]
    assert zones.moment(period.before, zone).date() == today + timedelta(days=1 - 2 * days)
    # A day begins with its first instant: what is just before it is another day.
    for begins in period.days:
        assert zones.moment(begins - 1, zone).date() < zones.moment(begins, zone).date()
    assert period.both == [period.before, period.start, period.end]


@given(moments, st.sampled_from(ZONES))
def test_every_quarter_of_an_hour_lies_in_the_part_of_the_day_that_its_wall_clock_says(instant, zone):
    period = past(3, zone, instant)
    edges, parts = period.parts()
    assert (edges[0], edges[-1], len(parts)) == (period.start, period.end, len(edges) - 1)
    for (begins, ends), part in zip(pairwise(edges), parts, strict=True):
        assert begins < ends
        assert {part_of(zones.moment(quarter, zone).hour) for quarter in range(begins, ends, QUARTER)} == {part}


@given(counts, counts, counts, counts)
def test_a_change_is_relative_and_that_of_a_rate_comes_from_unrounded_rates(value, base, prev, prev_base):
    now, before = share(value, base), share(prev, prev_base)
    assert now == (Fraction(value * 100, base) if base else 0)
    if before:
        assert diff(now, before) == printed((now / before - 1) * 100)
    else:
        assert diff(now, before) == (100 if now else 0)
    assert diff(value, prev) == diff(Fraction(value), Fraction(prev))


@given(st.fractions(-(10**6), 10**6))
def test_a_number_has_two_decimals_halves_away_from_zero_and_no_trailing_zeros(exact):
    found = printed(exact)
    hundredths = int(abs(exact) * 100 + Fraction(1, 2)) * (-1 if exact < 0 else 1)
    assert round(found * 100) == hundredths
    text = msgspec.json.encode(found).decode()
    assert Fraction(text) == Fraction(hundredths, 100)
    assert text != "-0"
    assert "." not in text or (not text.endswith("0") and len(text.partition(".")[2]) <= 2)


@pytest.mark.parametrize(
    ("part", "base", "text"),
    [
        (971, 2611, "37.19"),
        (733, 2203, "33.27"),
        (210, 655, "32.06"),
        (745, 2611, "28.53"),
        (569, 2203, "25.83"),
        (169, 655, "25.8"),
        (48, 1200, "4"),
        (403, 1152, "34.98"),
        (1, 800, "0.13"),
        (0, 0, "0"),
        (5, 0, "0"),
    ],
)
def test_the_published_rates_are_met(part, base, text):
    assert msgspec.json.encode(printed(share(part, base))).decode() == text


def test_changes_are_as_in_the_sample():
    assert [diff(5400, 4800), diff(5184, 4560), diff(1814, 1550), diff(436, 410)] == [12.5, 13.68, 17.03, 6.34]
    assert diff(share(1814, 5184), share(1550, 4560)) == 2.95
    assert diff(share(436, 5184), share(410, 4560)) == -6.46
    assert diff(share(72, 5400), share(96, 4800)) == -33.33
    assert [diff(0, 0), diff(3, 0), diff(0, 3), diff(99_999, 100_000), diff(199, 200)] == [0, 100, -100, 0, -0.5]
    assert [diff(1999, 2000), diff(19_999, 20_000), diff(20_001, 20_000)] == [-0.05, -0.01, 0.01]


def test_an_instant_is_written_in_utc_with_milliseconds():
    assert [stamp(0), stamp(at("2026-05-04 13:22:41") + 318)] == [
        "1970-01-01T00:00:00.000Z",
        "2026-05-04T13:22:41.318Z",
    ]


# -- reports of days that have 23 or 25 hours ----------------------------------------------------------


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def desk(world):
    return Desk(world.store, configured(world.settings.sources), None)


def test_the_histogram_of_a_period_with_a_day_of_25_hours(world, desk):
    world.tell(
        event(Kind.SENT, "2026-10-31 03:59:00", "1"),
        event(Kind.SENT, "2026-11-01 04:00:00", "2"),
        event(Kind.SENT, "2026-11-02 04:59:00", "3"),
        event(Kind.SENT, "2026-11-02 05:00:00", "4"),
    )
    period = past(3, "America/New_York", at("2026-11-02 20:00:00"))
    assert account.histogram(desk, period, "email-sent") == {
        "start": "2026-10-31T04:00:00.000Z",
        "end": "2026-11-03T05:00:00.000Z",
        "histogram": [
            {"date": "2026-10-31T04:00:00.000Z", "total": 0},
            {"date": "2026-11-01T04:00:00.000Z", "total": 2},
            {"date": "2026-11-02T05:00:00.000Z", "total": 1},
        ],
        "peak": {"startDate": "2026-11-01T04:00:00.000Z", "endDate": "2026-11-01T04:00:00.000Z", "total": 2},
    }
    # The period before is cut by the same calendar: it has the one of the 30th, and not what lies in today.
    prev = account.overall(desk, period)["stats"]["sent"]["count"]
    assert prev == {"value": 3, "prev": 1, "diff": 200}


def test_parts_of_a_day_of_23_hours(world, desk):
    # On 2026-03-29 clocks in Athens went from 03:00 to 04:00, at 01:00 UTC.
    world.tell(
        event(Kind.SENT, "2026-03-29 00:59:00", "1"),
        event(Kind.SENT, "2026-03-29 01:00:00", "2"),
        event(Kind.SENT, "2026-03-29 06:59:00", "3"),
        event(Kind.SENT, "2026-03-29 07:00:00", "4"),
        event(Kind.OPENED, "2026-05-29 07:00:00", "1"),
        event(Kind.OPENED, "2026-05-29 07:00:00", "3"),
    )
    period = past(2, "Europe/Athens", at("2026-03-29 12:00:00"))
    assert account.overall(desk, period)["deliveryTimeStats"] == {
        "morning": 50,
        "afternoon": 0,
        "evening": 0,
        "night": 100,
    }


def test_contacts_are_counted_every_seven_local_days_across_a_change_of_the_clock(world, desk):
    world.tell(
        event(Kind.SENT, "2026-10-04 22:59:00", "1"),
        event(Kind.SENT, "2026-10-25 21:59:00", "2"),
        event(Kind.SENT, "2026-10-25 23:00:00", "3"),
    )
    contact = account.dashboard(desk, past(30, "Europe/Berlin", at("2026-11-03 12:00:00")))["contact"]
    points = [
        {"date": "2026-10-04T22:00:00.000Z", "total": 0},
        {"date": "2026-10-11T22:00:00.000Z", "total": 1},
        {"date": "2026-10-18T22:00:00.000Z", "total": 1},
        {"date": "2026-10-25T23:00:00.000Z", "total": 2},
        {"date": "2026-11-01T23:00:00.000Z", "total": 3},
    ]
    assert contact == {
        "count": {"value": 3, "diff": 100},
        "histogram": {
            "start": "2026-10-04T22:00:00.000Z",
            "end": "2026-11-03T23:00:00.000Z",
            "histogram": points,
            "peak": points[-1],
        },
    }
