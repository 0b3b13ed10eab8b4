"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good items beside bad ones."""

from __future__ import annotations

from contextlib import suppress

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Malformed, Request
from aftersend.providers.mailjet import messages
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.junk import PLAIN, nested
from tests.providers.mailjet.said import ABOUT, MAILJET, RECEIVED, fixture, hook, page, told

few = settings(max_examples=60, deadline=None)
WORDS = ["sent", "open", "click", "bounce", "blocked", "spam", "unsub", "forwarded"]

names = st.sampled_from(
    [
        *("event", "time", "MessageID", "mj_message_id", "email", "mj_campaign_id", "mj_contact_id", "customcampaign"),
        *("CustomID", "Payload", "ip", "agent", "url", "geo", "hard_bounce", "blocked", "error", "comment", "source"),
        *("ID", "ArrivedAt", "Status", "StateID", "EventAt", "EventType", "State", "Comment", "Useragent"),
    ]
)
plain = PLAIN | st.sampled_from(
    [
        *("2026-03-01T10:00:28Z", "0001-01-01T00:00:00Z", 1772360000, "1772360000", 0, "0", 2**70, -1, 1e300),
        *(*WORDS, "opened", "greylisted", '{"a":{"b":1}}', "{", "[" * 2000, "\x00", "\ud800", "List-Unsubscribe"),
    ]
)
objects = st.dictionaries(names, nested(names, plain), min_size=1)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"event"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff", b"\n"])
).map(b"".join)


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for found in (*reading.events, *reading.campaigns):
        msgspec.json.encode(found)
    for event in reading.events:
        assert 0 <= event.occurred_at < 2**53
        assert all(name and value for name, value in event.metadata.items())
    return len(reading.events) + len(reading.problems)


@few
@given(raw)
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'{"event":"open","time":1772360000,"email":"\\ud800"}')
@example(b'{"event":"open","time":1e999,"email":"a@example.com"}')
def test_any_bytes_as_a_webhook_are_accounted_for(body):
    assert sound(hook(body)) or body.strip().startswith(b"[")


@few
@given(st.sampled_from(WORDS), objects)
def test_any_object_as_a_webhook_is_one_event_or_one_problem_and_always_the_same(word, said):
    body = {"event": word, "time": 1772360000} | said
    assert sound(hook(body)) == 1
    assert hook(body) == hook(body)


@few
@given(st.lists(objects | plain, max_size=4), st.lists(objects | plain, max_size=4))
def test_a_good_event_is_read_whatever_its_neighbours(before, after):
    reading = hook([*before, told("webhook_click"), *after])
    assert sound(reading) == len(before) + 1 + len(after)
    assert hook(fixture("webhook_click")).events[0] in reading.events


@few
@given(st.sampled_from(["messages", "histories", "nonsense"]), raw)
@example("messages", b"[" * 100_000)
def test_any_bytes_as_a_page_are_accounted_for(feed, body):
    assert sound(page(feed, body, **ABOUT)) or b"Data" in body


@few
@given(st.sampled_from(["messages", "histories"]), st.lists(objects | plain, max_size=4))
def test_a_good_row_is_read_whatever_its_neighbours(feed, others):
    good = told(f"feed_{feed}")["Data"][0]
    (wanted,) = page(feed, {"Data": [good]}, **ABOUT).events
    reading = page(feed, {"Data": [good, *others]}, **ABOUT)
    sound(reading)
    assert reading.events[0] == wanted


@few
@given(st.dictionaries(st.sampled_from(["message", "email", "campaign"]), st.text()))
def test_a_history_of_an_unknown_message_is_a_problem(context):
    assert sound(page("histories", fixture("feed_histories"), **context)) in (1, 4)


@few
@given(raw | st.lists(objects | plain, max_size=4).map(lambda rows: repr({"Data": rows}).encode("utf-8", "replace")))
def test_ids_of_any_bytes_are_found_or_refused(body):
    answer = Answer(body=body, received_at=RECEIVED)
    for look in (messages.look, lambda answer: list(messages.messages(answer))):
        with suppress(Malformed):
            look(answer)


@few
@given(st.text(), st.text(), raw)
@example("", "Basic \ud800", b"x")
def test_no_header_makes_verify_stumble(token, authorization, body):
    request = Request(
        method="POST",
        token=token,
        query="",
        headers={"authorization": authorization},
        address="192.0.2.1",
        body=body,
    )
    source = Source(name="acme", provider="mailjet", webhook_secrets=["secret-that-nobody-guesses", "\ud800"])
    try:
        MAILJET.verify(request, source)
    except Rejected:
        return
    raise AssertionError("it was accepted")
