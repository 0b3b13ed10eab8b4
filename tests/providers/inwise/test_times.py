"""Every way inwise writes a time, and the ways that are none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.providers.inwise.times import Stamp, notes, to_minute, to_second, transactional
from aftersend.vocabulary import BadInput, Clock, Precision
from aftersend.zones import moment, parse

ZONE = "Asia/Jerusalem"
RECEIVED = 1_742_310_000_000


def at(text: str) -> int:
    return parse(text, "test")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2025-03-18 13:59:12", "2025-03-18T11:59:12Z"),
        ("03/18/2025 13:59:12", "2025-03-18T11:59:12Z"),
        ("3/8/2025 9:59:12", "2025-03-08T07:59:12Z"),
        ("04/05/2025 10:00:00", "2025-04-05T07:00:00Z"),  # month first, in summer time
        ("2025-07-01T13:59:12", "2025-07-01T10:59:12Z"),
    ],
)
def test_a_wall_time_is_read_in_the_sources_zone(text, instant):
    assert to_second(text, ZONE) == Stamp(at(instant), Precision.SECOND, Clock.ASSUMED, False)


def test_a_slash_date_that_has_no_such_month_is_day_first_and_says_so():
    stamp = to_second("18/03/2025 13:59:12", ZONE)
    assert stamp == Stamp(at("2025-03-18T11:59:12Z"), Precision.SECOND, Clock.ASSUMED, True)
    assert notes("timestamp", "18/03/2025 13:59:12", stamp) == {"date": "day_first"}


def test_seven_digits_of_a_second_are_cut():
    stamp = to_second("2025-03-18T13:59:12.3456789", ZONE)
    assert stamp == Stamp(at("2025-03-18T11:59:12Z") + 345, Precision.MILLISECOND, Clock.ASSUMED, False)
    assert to_minute("2025-03-18T13:59:00.0000000", ZONE).precision is Precision.MINUTE


@pytest.mark.parametrize("text", ["2025-03-18 13:59:12+02:00", "2025-03-18T11:59:12Z"])
def test_a_stated_offset_is_believed(text):
    stamp = to_second(text, "America/New_York")
    assert stamp == Stamp(at("2025-03-18T11:59:12Z"), Precision.SECOND, Clock.STATED, False)


def test_seconds_of_00_in_a_list_are_not_stated_and_others_are_believed():
    assert to_minute("2025-03-18 13:59:00", ZONE).precision is Precision.MINUTE
    assert to_minute("2025-03-18 13:59:01", ZONE).precision is Precision.SECOND
    assert to_second("2025-03-18 13:59:00", ZONE).precision is Precision.SECOND


def test_the_doubled_hour_is_its_first_occurrence_and_flagged():
    # 2025-10-26, 02:00 summer time became 01:00 winter time.
    stamp = to_second("2025-10-26 01:30:00", ZONE)
    assert stamp == Stamp(at("2025-10-25T22:30:00Z"), Precision.SECOND, Clock.DOUBLED, False)
    assert notes("timestamp", "2025-10-26 01:30:00", stamp) == {"timestamp": "2025-10-26 01:30:00"}


def test_the_missing_hour_is_moved_forward_and_flagged():
    # 2025-03-28, 02:00 winter time became 03:00 summer time.
    stamp = to_second("2025-03-28 02:30:00", ZONE)
    assert stamp == Stamp(at("2025-03-28T00:30:00Z"), Precision.SECOND, Clock.MISSING, False)
    assert moment(stamp.at, ZONE).strftime("%H:%M") == "03:30"
    assert notes("timestamp", "2025-03-28 02:30:00", stamp) == {"timestamp": "2025-03-28 02:30:00"}


@pytest.mark.parametrize(
    "text",
    [
        "31/31/2025 10:00:00",
        "31/31/2025",
        "2025-15-18 03:11:00",
        "2025-02-30 10:00:00",
        "2025-03-18 24:00:01",
        "2025-03-18 10:60:00",
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59",
        "2025-03-18",
        "yesterday",
        "1742299152",
        "٢٠٢٥-٠٣-١٨ ١٣:٥٩:١٢",
        "2025-03-18 13:59:12 ",
        "",
    ],
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(BadInput):
        to_second(text, ZONE)


class TestTheBrokenForm:
    """``2025-15-18 03:11:00`` means 15:11 on day 18 of a month that isn't told."""

    def test_it_is_read_on_the_day_of_receipt(self):
        stamp = transactional("2025-15-18 03:11:00", ZONE, at("2025-03-18T13:12:30Z"))
        assert stamp == Stamp(at("2025-03-18T13:11:00Z"), Precision.MINUTE, Clock.ASSUMED, False)

    def test_a_morning_that_looks_like_a_month_is_not_believed_to_be_one(self):
        stamp = transactional("2025-09-18 09:05:00", ZONE, at("2025-03-18T07:05:40Z"))
        assert stamp == Stamp(at("2025-03-18T07:05:00Z"), Precision.MINUTE, Clock.ASSUMED, False)

    def test_midnight_is_hour_00_beside_12(self):
        stamp = transactional("2025-00-19 12:01:00", ZONE, at("2025-03-18T22:01:20Z"))
        assert stamp == Stamp(at("2025-03-18T22:01:00Z"), Precision.MINUTE, Clock.ASSUMED, False)

    def test_it_may_have_come_the_day_after(self):
        stamp = transactional("2025-23-31 11:58:00", ZONE, at("2025-03-31T21:03:00Z"))
        assert moment(at("2025-03-31T21:03:00Z"), ZONE).day == 1
        assert stamp == Stamp(at("2025-03-31T20:58:00Z"), Precision.MINUTE, Clock.ASSUMED, False)

    def test_an_honest_time_with_a_space_is_kept_where_the_receipt_agrees(self):
        stamp = transactional("2025-03-18 15:30:07", ZONE, at("2025-03-18T13:31:00Z"))
        assert stamp == Stamp(at("2025-03-18T13:30:07Z"), Precision.SECOND, Clock.ASSUMED, False)

    @pytest.mark.parametrize(
        ("text", "received"),
        [
            ("2025-15-18 03:11:00", "2025-03-20T13:12:30Z"),  # another day
            ("2024-15-18 03:11:00", "2025-03-18T13:12:30Z"),  # another year
            ("2025-15-19 03:11:00", "2025-03-18T13:10:00Z"),  # more than a day ahead
            ("2025-09-18 21:05:00", "2025-03-18T07:05:40Z"),  # hour 9 beside hour 21: a month after all, and another
            ("2025-99-99 99:99:99", "2025-03-18T07:05:40Z"),
        ],
    )
    def test_where_the_receipt_disagrees_the_receipt_stands_in(self, text, received):
        assert transactional(text, ZONE, at(received)) == Stamp(at(received), Precision.SECOND, Clock.RECEIVED, False)

    def test_the_good_form_is_believed_whenever_it_came(self):
        stamp = transactional("2025-03-18T15:44:00.0000000", ZONE, at("2026-01-01T00:00:00Z"))
        assert stamp == Stamp(at("2025-03-18T13:44:00Z"), Precision.MINUTE, Clock.ASSUMED, False)

    @given(
        st.datetimes(datetime(2001, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001
        st.timedeltas(timedelta(0), timedelta(hours=20)),
    )
    def test_whatever_was_broken_is_mended_when_it_comes_within_the_day(self, happened, late):
        happened = happened.replace(tzinfo=UTC, second=0, microsecond=0)
        broken = happened.strftime("%Y-%H-%d %I:%M:%S")
        received = int((happened + late).timestamp() * 1000)
        stamp = transactional(broken, "UTC", received)
        assert stamp == Stamp(int(happened.timestamp()) * 1000, Precision.MINUTE, Clock.ASSUMED, False)


@given(st.text() | st.from_regex(r"[0-9]{1,4}[-/][0-9]{1,2}[-/][0-9]{1,4}[ T][0-9]{1,2}:[0-9]{2}:[0-9]{2}"))
def test_any_text_is_a_time_of_our_age_or_refused(text):
    for read in (to_second, to_minute, lambda t, z: transactional(t, z, RECEIVED)):
        try:
            stamp = read(text, ZONE)
        except BadInput:
            continue
        assert at("1999-12-31T00:00:00Z") < stamp.at < at("2200-01-02T00:00:00Z")
