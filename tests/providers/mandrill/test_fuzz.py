"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good items beside bad ones."""

from __future__ import annotations

import contextlib

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Malformed, Never
from aftersend.providers.mandrill import entries, messages
from aftersend.vocabulary import Rejected
from tests.providers.junk import PLAIN, nested
from tests.providers.mandrill.said import MANDRILL, RECEIVED, fixture, form, hook, page, told
from tests.providers.mandrill.test_verify import request, source

names = st.sampled_from(
    [
        *(
            "event",
            "type",
            "action",
            "_id",
            "ts",
            "msg",
            "reject",
            "entry",
            "email",
            "url",
            "ip",
            "user_agent",
            "reason",
        ),
        *("user_agent_parsed", "location", "metadata", "tags", "state", "opens_detail", "clicks_detail", "smtp_events"),
        *("diag", "ua", "created_at", "detail", "mobile", "template", "bounce_description", "subject"),
    ]
)
plain = PLAIN | st.sampled_from(
    [
        *(
            "open",
            "click",
            "hard_bounce",
            "spam",
            "inbound",
            "blacklist",
            "whitelist",
            "add",
            "unsub",
            "sent",
            "bounced",
        ),
        *("2026-03-01 10:00:00", "0001-01-01 00:00:00", "smtp;550 5.7.1 no", "a@example.com", "example1", "\x00"),
        *(1772359230, -1, 2**63, 10**30, "1772359230"),
    ]
)
objects = st.dictionaries(names, nested(names, plain), min_size=1)
raw = st.binary() | st.lists(
    st.sampled_from(
        [b"mandrill_events=", b"&", b"%", b"%5B", b"]", b"{", b"}", b",", b'"event"', b":", b"1", b"+", b"\xff"]
    )
).map(b"".join)
few = settings(max_examples=60, deadline=None)


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for found in reading.events:
        msgspec.json.encode(found)
    assert all(0 <= event.occurred_at < 2**53 for event in reading.events)
    assert all(all(event.metadata.values()) for event in reading.events)
    return len(reading.events) + len(reading.problems)


@few
@given(raw)
@example(b"mandrill_events=" + b"[" * 100_000)
@example(form('[{"event":"open","_id":"\\ud800","ts":1772359230}]'))
@example(b"mandrill_events=%5B%7B%22event%22:%22\xff%22%7D%5D")
def test_any_bytes_as_a_webhook_are_accounted_for(body):
    assert sound(hook(body)) or b"5B" in body.upper() or b"[" in body


@few
@given(raw, st.text())
def test_any_bytes_and_headers_are_judged(body, signature):
    with contextlib.suppress(Rejected, Never):
        MANDRILL.verify(request(body, signature), source("key"))


@few
@given(st.lists(objects | plain, max_size=4), st.integers(0, 4))
def test_a_good_event_survives_beside_any_bad_ones_and_each_is_accounted_for(items, place):
    items.insert(min(place, len(items)), told("click"))
    reading = hook(form(msgspec.json.encode(items)))
    assert hook([told("click")]).events[0] in reading.events
    inbound = sum(isinstance(item, dict) and item.get("event") == "inbound" for item in items)
    assert sound(reading) == len(items) - inbound


@few
@given(objects)
def test_any_object_is_read_the_same_every_time(said):
    body = form(msgspec.json.encode([said]))
    assert hook(body) == hook(body)


@few
@given(st.sampled_from(["messages", "late", "rejects", "x"]), raw)
def test_any_bytes_as_a_page_are_accounted_for(feed, body):
    assert sound(page(feed, body)) or b"[" in body


@few
@given(st.lists(objects | plain, max_size=4), st.integers(0, 4))
def test_a_good_message_survives_beside_any_bad_ones(items, place):
    good = msgspec.json.decode(fixture("feed_messages.json"))[0]
    items.insert(min(place, len(items)), good)
    reading = page("messages", items)
    sound(reading)
    assert [event for event in page("messages", [good]).events if event not in reading.events] == []


@few
@given(st.lists(objects | plain, max_size=4))
def test_every_entry_is_read_or_is_a_problem(items):
    assert sound(page("rejects", items)) == len(items)


@few
@given(raw | st.lists(objects | plain, max_size=4).map(msgspec.json.encode))
def test_pages_of_any_bytes_are_looked_at_or_refused(body):
    for look in (messages.look, entries.look):
        try:
            look(Answer(body=body, received_at=RECEIVED))
        except Malformed:
            continue


@few
@given(raw)
def test_errors_of_any_bytes_refuse_nothing(body):
    assert MANDRILL.refuses(500, body) is False
