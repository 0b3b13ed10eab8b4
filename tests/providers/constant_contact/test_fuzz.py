"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good items beside bad ones."""

from __future__ import annotations

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from aftersend.providers.constant_contact import campaigns, contacts, limits, totals, tracking
from aftersend.providers.constant_contact.words import LISTS
from aftersend.providers.contract import Answer, Malformed
from tests.providers.constant_contact.said import RECEIVED, fixture, page
from tests.providers.junk import PLAIN, nested

ROWS = dict.fromkeys(LISTS, "tracking_activities") | {
    "campaigns": "bulk_email_campaign_summaries",
    "stats": "results",
    "links": "link_click_counts",
    "contacts": "contacts",
}
FEEDS = (*ROWS, "details", "nonsense")
LOOKS = (
    *(tracking.look, tracking.times, campaigns.look, campaigns.summaries, campaigns.look_at_details),
    *(campaigns.activities, totals.look, totals.statistics, totals.look_at_links, contacts.look),
)

names = st.sampled_from(
    [
        *("contact_id", "campaign_activity_id", "tracking_activity_type", "email_address", "created_time", "url_id"),
        *("link_url", "bounce_code", "deleted_at", "campaign_id", "unique_counts", "stats", "em_sends", "em_bounces"),
        *("sends", "abuse", "last_sent_date", "last_refresh_time", "role", "subject", "unique_clicks", "address"),
        *("opt_out_date", "permission_to_send", "_links", "next", "href", "campaign_activities", "type_code", "errors"),
    ]
)
plain = PLAIN | st.sampled_from(
    [
        *("2026-05-04T13:00:07.000Z", "2026-05-04T13:00:07", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"),
        *("em_opens", "em_bounces", "em_strange", "unsubscribed", "B", "V", "12", "\x00", "2026-05-06", "9" * 400),
    ]
)
values = nested(names, plain)
objects = st.dictionaries(names, values, min_size=1)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"results"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff"])
).map(b"".join)


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for found in (*reading.events, *reading.snapshots, *reading.campaigns, *reading.contacts):
        msgspec.json.encode(found)
    assert all(0 <= event.occurred_at < 2**53 for event in reading.events)
    return len(reading.events) + len(reading.problems) + len(reading.snapshots)


@given(st.sampled_from(FEEDS), raw)
@example("opens", b"[" * 100_000)
@example("stats", b'{"results":' * 100_000)
@example("opens", b'{"tracking_activities":[{"contact_id":"\\ud800","created_time":"2026-05-04T13:00:07.000Z"}]}')
def test_any_bytes_as_a_page_are_accounted_for(feed, body):
    assert sound(page(feed, body)) or b"[" in body or feed == "details"


@given(st.sampled_from(sorted(ROWS)), st.lists(objects | plain))
def test_every_item_of_a_list_is_read_or_is_a_problem(feed, items):
    reading = page(feed, {ROWS[feed]: items})
    sound(reading)
    assert {problem.item for problem in reading.problems} <= set(range(len(items)))
    if feed in LISTS:
        assert len(reading.events) + len(reading.problems) == len(items)


@given(st.sampled_from(sorted(LISTS)), st.lists(objects | plain, max_size=4), st.integers(0, 4))
def test_a_good_row_survives_beside_any_bad_ones(feed, items, place):
    good = msgspec.json.decode(fixture(f"feed_{feed}"))["tracking_activities"][0]
    alone = page(feed, {"tracking_activities": [good]}).events
    items.insert(min(place, len(items)), good)
    read = page(feed, {"tracking_activities": items}).events
    assert alone
    assert [event for event in alone if event not in read] == []


@given(objects)
def test_any_object_as_details_is_read_or_is_a_problem(said):
    reading = page("details", said, campaign="")
    sound(reading)
    assert reading.campaigns or reading.problems or "subject" in said or "role" in said


@given(st.sampled_from(FEEDS), objects)
def test_any_object_is_read_the_same_every_time(feed, said):
    assert page(feed, said) == page(feed, said)


@given(raw)
def test_pages_of_any_bytes_are_looked_at_or_refused(body):
    for look in LOOKS:
        try:
            look(Answer(body=body, received_at=RECEIVED))
        except Malformed:
            continue


@given(st.sampled_from(sorted(set(ROWS.values()))), st.lists(objects | plain), values)
def test_pages_of_any_items_are_looked_at_or_refused(name, items, links):
    for look in LOOKS:
        try:
            look(Answer(body=msgspec.json.encode({name: items, "_links": links}), received_at=RECEIVED))
        except Malformed:
            continue


@given(st.sampled_from([403, 429, 500]), raw, objects)
def test_a_refusal_of_any_shape_is_understood_or_not(status, body, said):
    for told in (body, msgspec.json.encode(said), msgspec.json.encode([said])):
        assert limits.not_before(status, {}, told, 0) is None or status != 500
