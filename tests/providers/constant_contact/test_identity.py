"""Which rows are the same event, and what their times are."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.vocabulary import Clock, Event, Kind, Precision
from tests.providers.constant_contact.said import ACTIVITY, RESEND, SOURCE, at, contact, page

ROW = {
    "contact_id": contact(1),
    "campaign_activity_id": ACTIVITY,
    "tracking_activity_type": "em_clicks",
    "email_address": "dana@example.com",
    "created_time": "2026-05-04T13:22:41.000Z",
    "device_type": "mobile",
    "url_id": "11",
    "link_url": "https://www.example.com/a",
}


def read(*rows, feed: str = "clicks", **how) -> list[Event]:
    reading = page(feed, {"tracking_activities": rows}, **how)
    assert reading.problems == []
    return reading.events


def identity(event: Event) -> tuple[bytes, str, str]:
    return event.slot, event.list, event.row


def the_one(row, **how) -> Event:
    (event,) = read(row, **how)
    return event


@pytest.mark.parametrize(
    "changed",
    [
        {"deleted_at": "2026-05-06"},
        {"first_name": "Dana", "last_name": "Reyes"},
        {"device_type": "other"},
        {"email_address": "DANA@example.com"},
        {"link_url": "https://www.example.com/A"},
        {"created_time": "2026-05-04T13:22:41Z"},
        {"created_time": "2026-05-04T15:22:41+02:00"},
    ],
)
def test_what_may_be_told_otherwise_the_next_time_makes_no_other_event(changed):
    assert identity(the_one(ROW | changed)) == identity(the_one(ROW))


@pytest.mark.parametrize(
    "changed",
    [
        {"contact_id": contact(2)},
        {"campaign_activity_id": RESEND},
        {"tracking_activity_type": "em_opens"},
        {"created_time": "2026-05-04T13:22:42.000Z"},
        {"created_time": "2026-05-04T13:22:41.001Z"},
        {"url_id": "12"},
        {"bounce_code": "B"},
    ],
)
def test_whatever_never_changes_tells_two_events_apart(changed):
    assert identity(the_one(ROW | changed))[0] != identity(the_one(ROW))[0]


def test_two_sources_share_no_event():
    other = msgspec.structs.replace(SOURCE, name="other")
    assert the_one(ROW).slot != the_one(ROW, source=other).slot


def test_a_contact_without_an_id_is_known_by_the_address_in_any_case():
    without = {name: value for name, value in ROW.items() if name != "contact_id"}
    upper = without | {"email_address": "DANA@example.com"}
    assert identity(the_one(upper)) == identity(the_one(without))


def test_a_row_without_an_activity_is_of_the_one_that_was_asked():
    without = {name: value for name, value in ROW.items() if name != "campaign_activity_id"}
    assert the_one(without) == the_one(ROW)


rows = st.lists(
    st.fixed_dictionaries(
        {"contact_id": st.sampled_from([contact(1), contact(2)]), "device_type": st.sampled_from(["mobile", "other"])}
    ).map(lambda told: ROW | told),
    max_size=8,
)


@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_of_one_second_says_nothing(found, chance):
    shuffled = list(found)
    chance.shuffle(shuffled)

    def events(of):
        return sorted(msgspec.json.encode(event) for event in read(*of))

    assert events(shuffled) == events(found)
    assert len({identity(event) for event in read(*found)}) == len(found)


@given(rows, rows)
def test_as_many_events_as_any_one_answer_shows(one, other):
    both = {identity(event) for event in (*read(*one), *read(*other))}
    of = [[row["contact_id"] for row in answer] for answer in (one, other)]
    most = sum(max(shown.count(who) for shown in of) for who in (contact(1), contact(2)))
    assert len(both) == most


OPTOUT = {
    "contact_id": contact(4),
    "campaign_activity_id": ACTIVITY,
    "tracking_activity_type": "em_optouts",
    "email_address": "kim@example.com",
    "created_time": "2026-05-05T07:41:02.000Z",
}


def test_opt_outs_of_one_day_by_two_emails_are_two_of_one_slot():
    one = the_one(OPTOUT, feed="optouts")
    other = the_one(OPTOUT | {"campaign_activity_id": RESEND}, feed="optouts")
    later = the_one(OPTOUT | {"created_time": "2026-05-05T23:59:59.000Z"}, feed="optouts")
    next_day = the_one(OPTOUT | {"created_time": "2026-05-06T00:00:00.000Z"}, feed="optouts")
    assert len({one.row, other.row, later.row}) == 3
    assert one.slot == other.slot == later.slot != next_day.slot


# -- words and times -----------------------------------------------------------------------------------------


def test_an_unknown_word_is_other_and_a_missing_one_that_of_its_list():
    strange = the_one(ROW | {"tracking_activity_type": "em_hologram"})
    assert (strange.kind, strange.word) == (Kind.OTHER, "em_hologram")
    without = {name: value for name, value in ROW.items() if name != "tracking_activity_type"}
    assert the_one(without) == the_one(ROW)


@pytest.mark.parametrize(
    ("written", "time", "precision", "clock"),
    [
        ("2026-05-04T13:22:41.000Z", "04T13:22:41", Precision.SECOND, Clock.STATED),
        ("2026-05-04T13:22:41.084Z", "04T13:22:41.084", Precision.MILLISECOND, Clock.STATED),
        ("2026-05-04T13:22:41.084999Z", "04T13:22:41.084", Precision.MILLISECOND, Clock.STATED),
        ("2026-05-04T13:22:41-05:00", "04T18:22:41", Precision.SECOND, Clock.STATED),
        ("2026-05-04T13:22:41-0500", "04T18:22:41", Precision.SECOND, Clock.STATED),
        ("2026-05-04", "04T00:00:00", Precision.DAY, Clock.ASSUMED),
        ("2026-05-04T13:22:41", "04T13:22:41", Precision.SECOND, Clock.ASSUMED),
    ],
)
def test_times_are_read_as_precisely_as_they_are_written(written, time, precision, clock):
    event = the_one(ROW | {"created_time": written})
    assert (event.occurred_at, event.precision, event.clock) == (at(time), precision, clock)


@pytest.mark.parametrize(
    ("wall", "utc", "clock"),
    [
        ("2026-03-29T01:59:59", "2026-03-29T00:59:59Z", Clock.ASSUMED),
        ("2026-03-29T02:30:00", "2026-03-29T01:30:00Z", Clock.MISSING),
        ("2026-10-25T02:30:00", "2026-10-25T00:30:00Z", Clock.DOUBLED),
        ("2026-10-25T03:00:00", "2026-10-25T02:00:00Z", Clock.ASSUMED),
    ],
)
def test_a_time_without_a_zone_is_of_the_sources(wall, utc, clock):
    berlin = msgspec.structs.replace(SOURCE, time_zone="Europe/Berlin")
    event = the_one(ROW | {"created_time": wall}, source=berlin)
    stated = the_one(ROW | {"created_time": utc})
    assert (event.occurred_at, event.clock) == (stated.occurred_at, clock)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"created_time": "yesterday"}, "created_time is not a time."),
        ({"created_time": None}, "created_time is missing."),
        ({"created_time": 17}, "created_time is not a time."),
        ({"contact_id": None, "email_address": " "}, "contact_id is missing."),
    ],
)
def test_a_row_that_cannot_be_understood_goes_to_quarantine_with_its_place(changed, reason):
    reading = page("clicks", {"tracking_activities": [ROW, ROW | changed, "row"]})
    assert len(reading.events) == 1
    assert [(problem.item, problem.reason) for problem in reading.problems] == [
        (1, reason),
        (2, "A row must be an object."),
    ]


def test_a_deleted_at_that_is_no_date_spoils_nothing():
    assert page("clicks", {"tracking_activities": [ROW | {"deleted_at": "gone"}]}).problems == []
