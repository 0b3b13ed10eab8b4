"""Whatever comes in, nothing raises, nothing is lost silently, and good rows survive beside bad ones."""

from __future__ import annotations

import contextlib

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Malformed, Never, Request
from aftersend.providers.mailgun import lists
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.junk import PLAIN, nested
from tests.providers.mailgun.said import MAILGUN, RECEIVED, event, hook, page, told

KEYED = Source(name="acme", provider="mailgun", webhook_secrets=["key", "\ud800", ""])
few = settings(max_examples=60, deadline=None)

names = st.sampled_from(
    [
        *("signature", "event-data", "timestamp", "token", "parent-signature", "id", "event", "@timestamp", "domain"),
        *("name", "recipient", "message", "headers", "message-id", "to", "severity", "reason", "delivery-status"),
        *("code", "message", "description", "client-info", "bot", "device-type", "user-agent", "user-variables"),
        *(
            "tags",
            "campaigns",
            "geolocation",
            "reject",
            "envelope",
            "flags",
            "items",
            "paging",
            "next",
            "retry-seconds",
        ),
    ]
)
plain = PLAIN | st.sampled_from(
    [
        *("opened", "failed", "rejected", "permanent", "temporary", "suppress-bounce", "gmail", 1767268900.278, 605),
        *("2026-01-01T12:00:00.432Z", "0001-01-01T00:00:00Z", "a@example.com", '{"a": [', "\x00", "Ada <", "Infinity"),
    ]
)
objects = st.dictionaries(names, nested(names, plain), min_size=1)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"id"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff", b"\n"])
).map(b"".join)


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for found in reading.events:
        msgspec.json.encode(found)
    assert all(0 <= event.occurred_at < 2**53 for event in reading.events)
    return len(reading.events) + len(reading.problems)


@few
@given(raw)
@example(b"[" * 100_000)
@example(b'{"event-data":' * 100_000)
@example(b'{"event-data":{"id":"x","event":"opened","timestamp":' + b"1" * 5000 + b"}}")
@example(b'{"event-data":{"id":"\\ud800","event":"opened","timestamp":1767268900.2,"user-variables":{"a":"\\ud800"}}}')
def test_any_bytes_as_a_webhook_are_accounted_for(body):
    assert sound(hook(body)) == 1


@few
@given(objects)
def test_any_fields_of_an_event_are_one_event(fields):
    kept = {"id": "x", "event": "failed", "timestamp": 1767268900.278}
    assert event({**fields, **kept}).occurred_at == 1767268900278


@few
@given(raw | objects.map(msgspec.json.encode), st.dictionaries(st.sampled_from(["content-type", "x"]), st.text()))
@example(b'{"signature":{"timestamp":"\\ud800","token":"\\ud800","signature":"\\ud800"}}', {})
def test_any_call_that_is_not_signed_is_refused(body, headers):
    request = Request(method="POST", token="", query="", headers=headers, address="", body=body)
    with contextlib.suppress(Rejected, Never):
        MAILGUN.verify(request, KEYED)
        raise AssertionError


@few
@given(st.sampled_from(["events", "logs"]), st.lists(objects | plain, max_size=4), st.integers(0, 4))
def test_a_good_row_survives_beside_any_bad_ones_and_none_is_lost(feed, items, place):
    place = min(place, len(items))
    rows = [*items[:place], told("opened"), *items[place:]]
    reading = page(feed, {"items": rows})
    sound(reading)
    assert [found for found in reading.events if found.email == "ada@example.com"]
    passing = [row for row in items if isinstance(row, dict) and row.get("event") in ("stored", "trapped")]
    assert len(reading.events) + len(reading.problems) + len(passing) == len(rows)


@few
@given(st.sampled_from(["events", "logs"]), raw)
@example("events", b"[" * 100_000)
def test_any_bytes_as_a_page_are_accounted_for(feed, body):
    assert sound(page(feed, body)) or b"items" in body


@few
@given(raw | objects.map(msgspec.json.encode))
def test_pages_of_any_bytes_are_seen_or_refused(body):
    for look in (lists.look_at_events, lists.look_at_logs):
        with contextlib.suppress(Malformed):
            look(Answer(body=body, received_at=RECEIVED))
