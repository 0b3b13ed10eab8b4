"""Pages that are not as promised: law 6 at the feed's door."""

from __future__ import annotations

from itertools import accumulate

import msgspec
import pytest

from aftersend.providers.contract import Malformed
from aftersend.providers.inwise.rows import row_ids, salvaged_ids
from aftersend.vocabulary import Channel, Clock, Kind, Precision
from tests.providers.inwise.said import fixture, page

GOOD = {
    "id": 88000002,
    "action_date": "2025-03-18 13:59:00",
    "contact_id": 42,
    "campaign_id": 1000001,
    "ip": "192.0.2.11",
    "action_type": "emailOpened",
}
EVENT = page("activities", [GOOD]).events[0]


def test_ids_as_text_are_the_same_as_numbers():
    assert page("activities", [{k: str(v) for k, v in GOOD.items()}]).events == [EVENT]


@pytest.mark.parametrize("huge", [2**64, 10**199])
def test_huge_ids_are_text_like_any_other(huge):
    event = page("activities", [GOOD | {"id": huge, "contact_id": huge}]).events[0]
    assert (event.row, event.row_id, event.contact_id) == (str(huge),) * 3


def test_real_seconds_are_believed_and_do_not_change_the_slot():
    event = page("activities", [GOOD | {"action_date": "2025-03-18 13:59:48"}]).events[0]
    assert (event.precision, event.occurred_at - EVENT.occurred_at) == (Precision.SECOND, 48_000)
    assert event.slot == EVENT.slot


def test_each_list_names_its_rows_itself_and_shares_the_slot():
    recent = page("recentActivities", [GOOD]).events[0]
    assert (recent.list, recent.row, recent.slot) == ("recentActivities", EVENT.row, EVENT.slot)


def test_a_row_in_the_doubled_hour_is_flagged():
    event = page("activities", [GOOD | {"action_date": "2025-10-26 01:30:00"}]).events[0]
    assert (event.clock, event.metadata) == (Clock.DOUBLED, {"action_date": "2025-10-26 01:30:00"})


@pytest.mark.parametrize(
    ("word", "kind", "metadata"),
    [
        ("emailWebVersion", Kind.WEB_VIEWED, {}),
        ("emailPublicWebVersion", Kind.WEB_VIEWED, {"public": "true"}),
        ("emailPrinted", Kind.PRINTED, {}),
        ("emailUnsubscribed", Kind.UNSUBSCRIBED, {}),
        ("EMAILOPENED", Kind.OPENED, {}),
        ("reportSpam", Kind.OTHER, {}),
    ],
)
def test_every_action_has_its_kind_and_stays_an_email(word, kind, metadata):
    event = page("activities", [GOOD | {"action_type": word}]).events[0]
    assert (event.kind, event.word, event.metadata, event.channel) == (kind, word, metadata, Channel.EMAIL)


@pytest.mark.parametrize("name", ["external_id", "External_Id", "externalId", "EXTERNAL_ID", "externalid"])
def test_the_external_id_is_found_in_any_spelling(name):
    for feed, fields in (
        ("activities", GOOD),
        ("sentEmails", msgspec.json.decode(fixture("feed_sentEmails.json"))[0]),
        ("undelivered", msgspec.json.decode(fixture("feed_undelivered.json"))[0]),
    ):
        event = page(feed, [fields | {name: "crm-0042"}]).events[0]
        assert event.external_id == "crm-0042"


def test_empty_text_is_absent():
    empty = {"ip": "", "remarks": " ", "additional_data": "", "external_id": ""}
    assert (
        page("activities", [{**GOOD, **empty}]).events[0]
        == page("activities", [{k: v for k, v in GOOD.items() if k != "ip"}]).events[0]
    )


def test_a_nul_is_kept_from_the_store():
    assert page("activities", [GOOD | {"ip": "a\x00"}]).events[0].ip == "a�"


BAD = {
    "not an object": (b"7", "A row must be an object."),
    "null": (b"null", "A row must be an object."),
    "not a number": (b"NaN", "A row must be an object."),
    "a wrong type": (b'{"id":1,"action_type":[1],"action_date":"2025-03-18 13:59:00"}', "Expected"),
    "a truth as an id": (b'{"id":true,"action_type":"x","action_date":"2025-03-18 13:59:00"}', "Expected"),
    "no such day": (b'{"id":1,"action_type":"x","action_date":"2025-02-30 13:59:00"}', "The time can't be read."),
    "no time": (b'{"id":1,"action_type":"x"}', "action_date is missing."),
    "no word": (b'{"id":1,"action_date":"2025-03-18 13:59:00"}', "action_type is missing."),
    "half a row": (b'{"id":1,"action_ty', "This is not JSON."),
    "rubbish": (b"<br>\xff", "This is not JSON."),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_bad_row_is_a_problem_and_its_neighbours_are_read(bad, place):
    raw, reason = BAD[bad]
    good = msgspec.json.encode(GOOD)
    items = [good, good]
    items.insert(place, raw)
    reading = page("activities", b"[" + b",".join(items) + b"]")
    if raw.startswith(b'{"id":1,"action_ty') and b"}" not in raw and place == 2:
        raw += b"]"
    assert reading.events == [EVENT, EVENT]
    (problem,) = reading.problems
    assert (problem.item, problem.reason.startswith(reason)) == (place, True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b'"Parameter is invalid."',
        b"{}",
        b'{"message":"[]"}',
        b"<html>[]</html>",
        b"NaN",
        b"null",
        b"\xff\xfe[]",
    ],
)
def test_what_is_no_array_is_one_problem_with_its_body(body):
    reading = page("activities", body)
    assert reading.events == []
    (problem,) = reading.problems
    assert (problem.item, problem.reason, problem.raw) == (0, "The answer is not a JSON array.", body)
    for ids in (row_ids, salvaged_ids):
        with pytest.raises(Malformed):
            ids(body)


def test_a_cut_answer_gives_its_whole_rows_and_one_problem_wherever_it_is_cut():
    rows = [GOOD | {"id": 88000001 + n, "additional_data": "https://example.com/?a={,}"} for n in range(3)]
    body = msgspec.json.encode(rows)
    whole = page("activities", body)
    assert len(whole.events) == 3
    behind = list(accumulate(len(msgspec.json.encode(row)) + 1 for row in rows))
    for cut in range(1, len(body)):
        reading = page("activities", body[:cut], cut="yes")
        complete = sum(1 for end in behind if cut >= end)
        assert [e.row_id for e in reading.events] == [str(88000001 + n) for n in range(complete)], cut
        assert reading.events == whole.events[:complete]
        assert len(reading.problems) == 1
        with pytest.raises(Malformed):
            row_ids(body[:cut])
        assert len(salvaged_ids(body[:cut])) == complete


def test_an_empty_page_is_empty():
    for body in (b"[]", b" [ ] ", b"\xef\xbb\xbf[]"):
        reading = page("activities", body)
        assert (reading.events, reading.problems) == ([], [])
        assert row_ids(body) == salvaged_ids(body) == []


def test_something_behind_the_array_is_a_problem_of_its_own():
    reading = page("activities", b"[" + msgspec.json.encode(GOOD) + b"]<!-- served by node 7 -->")
    assert reading.events == [EVENT]
    assert [problem.reason for problem in reading.problems] == ["Something follows the end of the array."]


def test_rows_without_an_id_are_counted_within_one_answer():
    anonymous = {k: v for k, v in GOOD.items() if k != "id"}
    twice = page("activities", [anonymous, anonymous, GOOD]).events
    once = page("activities", [GOOD, anonymous]).events
    assert len({event.row for event in twice}) == 3
    assert {event.row for event in once} < {event.row for event in twice}
    assert [event.row_id for event in twice] == [None, None, "88000002"]


def test_an_answer_full_of_rubbish_ends():
    reading = page("activities", b"[" + b"{,{" * 5_000 + b"]")
    assert reading.events == []
    assert 0 < len(reading.problems) <= 1000


def test_the_ids_of_a_good_page_are_its_rows_own():
    assert row_ids(fixture("feed_activities.json")) == ["88000002", "88000001"]
    assert row_ids(fixture("feed_sentEmails.json")) == ["7000001"]
    assert row_ids(fixture("feed_undelivered.json")) == ["2500000001"]


def test_a_page_with_a_bad_row_still_has_ids_and_they_are_the_same_every_time():
    body = b"[" + msgspec.json.encode(GOOD) + b',NaN,{"id":[1]}]'
    assert len(set(row_ids(body))) == 3
    assert row_ids(body) == row_ids(body)


def test_a_list_that_inwise_does_not_have_is_a_problem():
    reading = page("opens", [GOOD])
    assert reading.events == []
    assert [problem.reason for problem in reading.problems] == ["inwise has no list 'opens'."]


class TestSummary:
    def test_figures_as_text_count(self):
        (snapshot,) = page("activitiesSummary", {"opens": "5", "opens_unique": 2}, campaign_id="7").snapshots
        assert (snapshot.campaign_id, snapshot.counts) == ("7", {Kind.OPENED: (5, 2)})

    def test_a_counter_that_is_none_is_a_problem_and_the_others_are_kept(self):
        reading = page("activitiesSummary", {"opens": -1, "clicks": 3, "sent": None, "new": [1]})
        (snapshot,) = reading.snapshots
        assert snapshot.counts == {Kind.CLICKED: (3, None)}
        assert snapshot.raw == {"opens": -1, "clicks": 3, "sent": None, "new": "[1]"}
        assert [p.reason for p in reading.problems] == ["opens is not a count.", "sent is not a count."]

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"no"', b"{}", b'{"opens":', b'{"x":1}', b"NaN"])
    def test_what_is_no_summary_is_one_problem(self, body):
        reading = page("activitiesSummary", body)
        assert reading.snapshots == []
        assert [problem.raw for problem in reading.problems] == [body]
