"""The small parts of the Hogsend dialect: numbers, times, rates, ids, buckets."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.receiver.dialects.hogsend import buckets, sends
from aftersend.receiver.dialects.hogsend.questions import js_number
from aftersend.receiver.dialects.hogsend.rates import rate

NUMBERS = st.integers(0, 2**62 - 1)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        (" \t\n\ufeff", 0),
        (" 5 ", 5),
        ("+5", 5),
        ("5.", 5),
        (".5", 0.5),
        ("1e2", 100),
        ("1E-1", 0.1),
        ("0x1F", 31),
        ("0b11", 3),
        ("0O17", 15),
        ("007", 7),
        ("Infinity", math.inf),
        ("-Infinity", -math.inf),
    ],
)
def test_texts_that_javascript_takes_for_numbers(text, number):
    assert js_number(text) == number


@pytest.mark.parametrize(
    "text", ["inf", "nan", "infinity", "1_0", "1,0", "٣", "-0x1", "1e", ".", "+", "five", "5 5", "\x00"]
)
def test_texts_that_javascript_does_not_take_for_numbers(text):
    assert math.isnan(js_number(text))


@pytest.mark.parametrize(
    ("part", "base", "printed"),
    [
        (0, 0, "0"),
        (5, 0, "0"),
        (5, -1, "0"),
        (3, 3, "1"),
        (2, 3, "0.6667"),
        (1, 32, "0.0313"),
        (1, 20_000, "0.0001"),
        (3, 20_000, "0.0001"),
        (27, 250, "0.108"),
        (30, 12, "2.5"),
        (24, 12, "2"),
    ],
)
def test_rates_are_rounded_half_up_on_the_binary_float_and_whole_ones_have_no_decimals(part, base, printed):
    assert str(rate(part, base)) == printed


@given(NUMBERS)
def test_an_id_is_a_uuid_that_turns_back_into_its_number(number):
    id = sends.send_id(number)
    assert str(UUID(id)) == id
    assert UUID(id).version == 8
    assert sends.number_of(id) == sends.number_of(id.upper()) == number
    assert sends.number_of(sends.hit_id(number)) is None


@given(NUMBERS, NUMBERS)
def test_ids_stand_in_the_order_of_their_numbers(one, two):
    assert (sends.send_id(one) < sends.send_id(two)) == (one < two)


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)))  # noqa: DTZ001 - UTC is added below
def test_times_have_exactly_three_decimals(wall):
    at = wall.replace(microsecond=wall.microsecond // 1000 * 1000, tzinfo=UTC)
    instant = (at - datetime(1970, 1, 1, tzinfo=UTC)) // (datetime.resolution * 1000)
    assert sends.stamp(instant) == at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


HOUR = 3_600_000
INSTANTS = st.integers(0, 400 * 24 * HOUR)


@given(
    st.lists(INSTANTS, max_size=30),
    st.none() | INSTANTS,
    st.none() | INSTANTS,
    st.sampled_from(["hour", "day", "week", "month"]),
)
def test_buckets_hold_everything_of_a_window_once_in_order_under_the_name_of_their_beginning(
    things, since, until, unit
):
    def inside(window: buckets.Window) -> list[int]:
        low, high = window
        return [at for at in things if (low is None or at >= low) and (high is None or at < high)]

    def extent(window: buckets.Window) -> tuple[int, int] | None:
        found = inside(window)
        return (min(found), max(found)) if found else None

    def count(edges: list[int]) -> list[int]:
        assert edges == sorted(set(edges))
        return [len([at for at in things if low <= at < high]) for low, high in pairwise(edges)]

    found = [(name, n) for name, n in buckets.filled(unit, (since, until), extent, count) if n]
    expected: dict[str, int] = {}
    for at in sorted(inside((since, until))):
        begins = buckets.slots.edges(at, at + 1, unit, "UTC")[0]
        expected[buckets.label(begins)] = expected.get(buckets.label(begins), 0) + 1
    assert found == list(expected.items())
