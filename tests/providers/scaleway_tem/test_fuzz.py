"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good rows beside bad ones."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.scaleway_tem import emails, events
from tests.providers.junk import PLAIN, nested
from tests.providers.scaleway_tem.said import RECEIVED, hook, page, rows, told

LISTS = {"events": "webhook_events", "emails": "emails"}
names = st.sampled_from(
    [
        *("id", "type", "email_id", "email_to", "email_headers", "key", "value", "created_at", "email_sent_at", "data"),
        *("email_response_code", "email_response_message", "email_queued_at", "blocklist_id", "webhook_events"),
        *("emails", "status", "last_tries", "rank", "code", "tried_at", "message", "flags", "updated_at", "mail_rcpt"),
    ]
)
plain = PLAIN | st.sampled_from(
    [
        *("2026-03-01T10:00:30Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "email_delivered", "email_spam"),
        *("sent", "failed", "canceled", "unknown_type", "ana@example.com", "\x00", '{"type":"email_queued"}', 550, 452),
    ]
)
values = nested(names, plain)
objects = st.dictionaries(names, values, min_size=1)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"emails"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff", b"\n"])
).map(b"".join)
FEW = settings(max_examples=60)


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for event in reading.events:
        msgspec.json.encode(event)
        assert 0 <= event.occurred_at < 2**53
        assert all(type(value) is str and value for value in event.metadata.values())
    return len(reading.events) + len(reading.problems)


@FEW
@given(raw)
@example(b"[" * 100_000)
def test_any_bytes_are_accounted_for(body):
    assert sound(hook(body)) == 1
    for feed in LISTS:
        assert sound(page(feed, body)) or b"[" in body


@FEW
@given(objects)
def test_any_event_is_one_or_a_problem(event):
    assert sound(told(event)) == 1 or event.get("type") == "unknown_type"


@FEW
@given(st.sampled_from(sorted(LISTS)), st.lists(objects | plain, max_size=4))
def test_every_row_is_read_or_is_a_problem(feed, items):
    reading = page(feed, {LISTS[feed]: items})
    assert sound(reading) >= len([item for item in items if "unknown_type" not in repr(item)])
    assert {problem.item for problem in reading.problems} <= set(range(len(items)))


@FEW
@given(st.lists(objects | plain, max_size=4), st.integers(0, 4))
@pytest.mark.parametrize("feed", sorted(LISTS))
def test_a_good_row_survives_beside_any_bad_ones(feed, items, place):
    good = rows(feed)[0]
    alone = page(feed, {LISTS[feed]: [good]}).events
    read = page(feed, {LISTS[feed]: [*items[:place], good, *items[place:]]}).events
    assert alone
    assert [event for event in alone if event not in read] == []


@FEW
@given(raw | objects.map(msgspec.json.encode))
def test_ids_of_any_bytes_are_found_or_refused(body):
    for look in (events.look, emails.look):
        try:
            look(Answer(body=body, received_at=RECEIVED))
        except Malformed:
            continue
