"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good items beside bad ones."""

from __future__ import annotations

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Malformed, Request
from aftersend.providers.sparkpost import pages
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.junk import PLAIN, nested
from tests.providers.sparkpost.said import RECEIVED, SPARKPOST, fixture, hook, page, payload, wrapped

GOOD = payload("click")
names = st.sampled_from(
    [*GOOD, *payload("bounce_hard"), *payload("open"), "msys", "tdate", "results", "links", "rel", "href"]
)
plain = PLAIN | st.sampled_from(
    [
        *("1767268800", "1e400", "-1", "2026-01-01T12:00:00.000Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"),
        *("click", "open", "initial_open", "bounce", "injection", "new", "relay_injection", "10", "60", "\x00", "next"),
    ]
)
values = nested(names, plain)
objects = st.dictionaries(names, values)
events = objects.map(lambda said: GOOD | said)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"msys"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff", b"\n"])
).map(b"".join)


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for found in reading.events:
        msgspec.json.encode(found)
        assert 0 <= found.occurred_at < 2**53
        assert all(isinstance(value, str) and value for value in found.metadata.values())
    assert all(len(problem.raw) <= 2000 for problem in reading.problems)
    return len(reading.events) + len(reading.problems)


@settings(max_examples=60)
@given(raw)
@example(b"[" * 100_000)
@example(b'{"msys":' * 100_000)
@example(b'[{"msys":{"m":{"type":"click","event_id":"\\ud800","timestamp":1e999}}}]')
@example(b'[{"msys":{"m":{"type":"click","event_id":' + b"9" * 10_000 + b"}}}]")
def test_any_bytes_are_accounted_for(body):
    assert sound(hook(body)) or body.strip().startswith(b"[")
    assert sound(page(body))


@settings(max_examples=60)
@given(st.lists(events | objects | plain, max_size=5))
def test_every_item_is_read_or_is_a_problem_or_passes_by(items):
    reading, listed = hook(wrapped(*items)), page({"results": items})
    assert sound(reading) == sound(listed) <= len(items)
    assert (reading.events, reading.problems) == (listed.events, listed.problems)
    silent = [item for item in items if isinstance(item, dict) and item.get("type") == "relay_injection"]
    assert sound(reading) == len(items) - len(silent)


@settings(max_examples=60)
@given(st.lists(values, max_size=4), st.integers(0, 4))
def test_a_good_event_survives_beside_any_bad_ones(items, place):
    alone = hook(wrapped(GOOD)).events
    items.insert(min(place, len(items)), wrapped(GOOD)[0])
    assert alone[0] in hook(items).events
    sound(hook(items))


@settings(max_examples=60)
@given(events)
def test_an_event_is_read_the_same_every_time(event):
    assert hook(wrapped(event)) == hook(wrapped(event))


@settings(max_examples=60)
@given(raw | values.map(msgspec.json.encode))
@example(fixture("feed_events.json")[:-20])
def test_any_answer_is_a_page_or_is_refused(body):
    try:
        found = pages.look(Answer(body=body, received_at=RECEIVED))
    except Malformed:
        return
    assert len(found.ids) == len(msgspec.json.decode(body)["results"])


@settings(max_examples=60)
@given(st.text(), st.text(), st.text(), st.binary())
def test_any_headers_and_bytes_are_refused_without_a_word_more(token, authorization, key, body):
    request = Request(
        method="POST",
        token=token,
        query="",
        headers={"authorization": authorization, "x-api-key": key},
        address="192.0.2.1",
        body=body,
    )
    try:
        SPARKPOST.verify(request, Source(name="acme", provider="sparkpost", webhook_secrets=["first-token-0123456789"]))
    except Rejected:
        return
    raise AssertionError("accepted")
