"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good items beside bad ones."""

from __future__ import annotations

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from aftersend.providers.benchmark import events, reports
from aftersend.providers.contract import Answer, Malformed
from tests.providers.benchmark.said import BENCHMARK, MAY, RECEIVED, fixture, page
from tests.providers.junk import PLAIN, nested

LISTS = ("events", "campaigns")
REPORTS = ("reports", "dashboard", "overall", "histogram", "engagement")
LOOKS = (events.look, reports.look_at_list, reports.look_at_report, reports.moved)

names = st.sampled_from(
    [
        *("type", "timestamp", "contactId", "emailTo", "emailCampaignId", "emailCampaignName", "emailLinkId"),
        *("emailTargetUrl", "emailBounceType", "emailBounceSubType", "emailBounceDiagCode", "emailRejectReason"),
        *("triggeredBy", "_id", "name", "createdAt", "scheduledAt", "stats", "sent", "opens", "unique", "clicks"),
        *("totalBounces", "count", "linkActivity", "histogram", "date", "campaign", "records", "total", "id"),
    ]
)
plain = PLAIN | st.sampled_from(
    [
        *("2026-05-04T13:22:41.318Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "email-opened"),
        *("email-bounced", "email-complaint", "contact-created", "Permanent", "not-spam", "\x00", "550"),
    ]
)
values = nested(names, plain)
objects = st.dictionaries(names, values, min_size=1)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"stats"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff", b"\n"])
).map(b"".join)


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for found in (*reading.events, *reading.snapshots, *reading.campaigns):
        msgspec.json.encode(found)
    assert all(0 <= event.occurred_at < 2**53 for event in reading.events)
    return len(reading.events) + len(reading.snapshots) + len(reading.campaigns) + len(reading.problems)


@given(st.sampled_from((*LISTS, *REPORTS, "nonsense")), raw)
@example("events", b"[" * 100_000)
@example("dashboard", b'{"campaign":' * 100_000)
@example("dashboard", b'{"campaign":' + b"[" * 300 + b"]" * 300 + b"}")
@example("overall", b'{"stats":{"a":1e999,"\\ud800":NaN}}')
def test_any_bytes_as_a_page_are_accounted_for(feed, body):
    assert sound(page(feed, body, campaign=MAY)) or b"records" in body


@given(st.sampled_from(LISTS), st.lists(objects | plain))
def test_every_item_of_a_list_is_read_or_is_a_problem(feed, items):
    reading = page(feed, {"total": len(items), "records": items})
    sound(reading)
    assert len(reading.events) + len(reading.campaigns) + len(reading.problems) == len(items)


@given(st.sampled_from(LISTS), st.lists(objects | plain, max_size=4), st.integers(0, 4))
def test_a_good_row_survives_beside_any_bad_ones(feed, items, place):
    good = msgspec.json.decode(fixture(f"{feed}.json"))["records"][0]
    alone = page(feed, {"records": [good]})
    items.insert(min(place, len(items)), good)
    reading = page(feed, {"records": items})
    assert [event for event in alone.events if event not in reading.events] == []
    assert [campaign for campaign in alone.campaigns if campaign not in reading.campaigns] == []
    assert [one for one in alone.snapshots if one not in reading.snapshots] == []


@given(st.sampled_from(REPORTS), objects)
def test_any_object_as_a_report_is_accounted_for_and_read_the_same_every_time(report, said):
    reading = page(report, said, campaign=MAY)
    assert sound(reading)
    assert reading == page(report, said, campaign=MAY)


@given(raw)
def test_ids_of_any_bytes_are_found_or_refused(body):
    for look in LOOKS:
        try:
            look(Answer(body=body, received_at=RECEIVED))
        except Malformed:
            continue


@given(st.lists(objects | plain))
def test_any_list_can_be_looked_at(items):
    for look in LOOKS:
        look(Answer(body=msgspec.json.encode({"total": 3, "records": items}), received_at=RECEIVED))


@given(st.dictionaries(st.sampled_from(["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]), st.text()))
def test_any_headers_are_heard_or_passed_over(headers):
    BENCHMARK.heard(headers)
    BENCHMARK.not_before(429, headers, b"", RECEIVED)
