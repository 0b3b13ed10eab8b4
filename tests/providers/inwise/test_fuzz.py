"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good items beside bad ones."""

from __future__ import annotations

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from aftersend.providers.contract import Malformed
from aftersend.providers.inwise import rows, summary
from tests.providers.inwise.said import fixture, hook, page
from tests.providers.junk import PLAIN, nested

FEEDS = ("activities", "recentActivities", "sentEmails", "undelivered", "activitiesSummary", "nonsense")

names = st.sampled_from(
    [
        "id",
        "row_index",
        "action_date",
        "action_type",
        "contact_id",
        "campaign_id",
        "ip",
        "remarks",
        "email",
        "date_sent",
        "create_date",
        "reason",
        "additional_data",
        "external_id",
        "ExternalId",
        "opens",
        "sent",
        "timeStamp",
        "trigger_type",
        "contact",
        "custom_data",
        "survey_field",
        "event",
        "created_at",
        "transaction_id",
        "Key",
        "Value",
        "field1",
        "bounce_type",
        "channel_type",
    ]
)
plain = (
    PLAIN
    | st.sampled_from(["2025-03-18 13:59:00", "emailOpened", "click", "2025-15-18 03:11:00", "{}", "[1]", "7"])
    | st.integers(min_value=10**60, max_value=10**61).map(str)
)
values = nested(names, plain)
objects = st.dictionaries(names, values, min_size=1)
lookalikes = st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"id"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff"])
)
raw = st.binary() | lookalikes.map(b"".join)


def accounted(reading) -> bool:
    return bool(reading.events or reading.snapshots or reading.problems)


@given(raw)
@example(b"%")
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b"a[b][c]=1&a[b]=2&a=3&[]=4&a[]=5&a[b[c]]=6&=&&a")
def test_any_bytes_as_a_webhook_are_accounted_for(body):
    assert accounted(hook(body))


@given(objects)
def test_any_object_as_a_webhook_is_one_event_or_one_problem(said):
    reading = hook(msgspec.json.encode(said))
    assert len(reading.events) + len(reading.problems) == 1


@given(st.dictionaries(names | st.text(), st.text() | st.sampled_from(["2025-03-18 13:59:00", "emailOpened"])))
def test_any_form_is_one_event_or_one_problem(said):
    reading = hook(said)
    assert len(reading.events) + len(reading.problems) == 1


@given(st.sampled_from(FEEDS), raw)
@example("activities", b"[" * 100_000)
@example("activities", b'[{"a":' * 100_000)
@example("activities", b'[{"id":' + b"9" * 5_000 + b"}]")
@example("activities", b'[{"ip":"\\ud800","action_type":"x","action_date":"2025-03-18 13:59:00","extra":NaN}]')
def test_any_bytes_as_a_page_are_accounted_for(feed, body):
    reading = page(feed, body)
    try:
        empty = rows.salvaged_ids(body) == [] and rows.row_ids(body) == []
    except Malformed:
        empty = False
    assert accounted(reading) or empty
    for event in reading.events:
        msgspec.json.encode(event)


@given(st.sampled_from(FEEDS), st.lists(objects))
def test_every_item_of_an_array_is_an_event_or_a_problem(feed, items):
    reading = page(feed, items)
    if feed in ("activitiesSummary", "nonsense"):
        assert len(reading.problems) == 1
    else:
        assert len(reading.events) + len(reading.problems) == len(items)


@given(objects)
def test_any_object_as_a_summary_is_a_snapshot_or_a_problem(said):
    reading = page("activitiesSummary", said)
    assert accounted(reading)
    for snapshot in reading.snapshots:
        msgspec.json.encode(snapshot)


@given(st.sampled_from(["activities", "recentActivities"]), st.lists(objects | plain, max_size=4), st.integers(0, 4))
def test_a_good_row_survives_beside_any_bad_ones(feed, items, place):
    good = msgspec.json.decode(fixture("feed_activities.json"))[1]
    (alone,) = page(feed, [good]).events
    items.insert(min(place, len(items)), good)
    assert alone in page(feed, items).events


@given(st.lists(st.binary().filter(lambda b: not set(b) & set(b'[]{},"\\')), max_size=4), st.integers(0, 4))
def test_a_good_row_survives_beside_bytes_that_are_no_json(rubbish, place):
    good = msgspec.json.encode(msgspec.json.decode(fixture("feed_activities.json"))[0])
    (alone,) = page("activities", b"[" + good + b"]").events
    rubbish.insert(min(place, len(rubbish)), good)
    assert alone in page("activities", b"[" + b",".join(rubbish) + b"]").events


@given(objects)
def test_the_same_delivery_gives_the_same_reading(said):
    body = msgspec.json.encode([said, said])
    for read in (lambda: hook(body), lambda: page("activities", body)):
        assert read() == read()


@given(raw)
def test_ids_of_any_bytes_are_found_or_refused(body):
    for ids in (rows.row_ids, rows.salvaged_ids, summary.row_ids):
        try:
            assert all(isinstance(row_id, str) for row_id in ids(body))
        except Malformed:
            continue
