"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good items beside bad ones."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Handshake, Malformed, Request
from aftersend.providers.mailersend import rows
from aftersend.providers.mailersend.words import NOTICES
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.junk import PLAIN, nested
from tests.providers.mailersend.said import MAILERSEND, RECEIVED, fixture, hook, page

quick = settings(max_examples=60, deadline=None)
names = st.sampled_from(
    [
        *("type", "data", "id", "email", "email_id", "message_id", "recipient", "created_at", "meta", "morph", "tags"),
        *("reason", "bounce_code", "user_agent", "device_type", "url", "ip", "surveys", "domain_id", "links", "next"),
        *("text", "html", "subject", "message", "template_id", "readable_reason"),
    ]
)
plain = PLAIN | st.sampled_from(
    [
        *("activity.opened", "activity.opened_unique", "activity.clicked", "activity.soft_bounced", "webhook.test"),
        *("activity.strange", "recipient.on_hold_added", "opened", "queued", "2026-03-01T10:00:30.000000Z"),
        *("2026-03-01 10:00:30", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "ana@example.com"),
        *("69a40f5c1c2d3e4f50617210", "ffffffffffffffffffffffff", "\x00", "\ud800", "a:b"),
    ]
)
values = nested(names, plain)
objects = st.dictionaries(names, values, min_size=1)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"type"', b":", b"1", b'"', b"\\", b"NaN", b"\xff", b"\n"])
).map(b"".join)


def names_in(said) -> set[str]:
    """The names of all fields, at any depth."""
    inner = said.values() if isinstance(said, dict) else said if isinstance(said, list) else ()
    return set(said if isinstance(said, dict) else ()).union(*map(names_in, inner))


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for found in reading.events:
        msgspec.json.encode(found)
    assert all(0 <= event.occurred_at < 2**53 and len(event.slot) == 16 for event in reading.events)
    assert all(len(problem.raw) <= 2000 for problem in reading.problems)
    return len(reading.events) + len(reading.problems)


@quick
@given(raw)
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'{"type":"activity.opened","data":{"email_id":"\\ud800","recipient":"a@example.com","id":"\\ud800"}}')
def test_any_bytes_as_a_webhook_are_one_event_or_one_problem(body):
    assert sound(hook(body)) == 1


@quick
@given(st.sampled_from(["activity.opened", "activity.soft_bounced", "activity.new", "recipient.new"]), objects)
def test_any_data_is_one_event_or_one_problem(word, data):
    body = {"type": word, "created_at": "2026-03-01T10:00:30Z", "data": data}
    assert sound(hook(body)) == 1
    assert hook(body) == hook(body)


@quick
@given(objects)
def test_any_object_as_a_webhook_is_accounted_for(said):
    assert sound(hook(said)) == (0 if str(said.get("type")) in NOTICES else 1)


@quick
@given(raw)
@example(b"[" * 100_000)
@example(fixture("feed_activity.json")[:-9])
def test_any_bytes_as_a_page_are_accounted_for_or_refused(body):
    reading, kept = page(body), MAILERSEND.kept(body)
    assert MAILERSEND.kept(kept) == kept
    try:
        found = rows.look(Answer(body=kept, received_at=RECEIVED))
        rows.domains(Answer(body=kept, received_at=RECEIVED))
    except Malformed:
        assert [len(reading.problems), len(reading.events)] == [1, 0]
    else:
        assert sound(reading) == len(found.ids)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_nothing_is_nested_too_deep_to_be_accounted_for(opening):
    closing = b"]" if opening == b"[" else b"}"
    for depth in range(700, 1000, 5):
        deep = opening * depth + b"1" + closing * depth
        surveys = b'{"type":"activity.survey_submitted","data":{"id":"1","meta":{"surveys":' + deep + b"}}}"
        assert sound(hook(surveys)) == 1
        body = b'{"data":[{"type":"sent","id":"1","x":' + deep + b"}]}"
        assert sound(page(body)) == 1
        try:
            assert len(rows.look(Answer(body=body, received_at=RECEIVED)).ids) == 1
        except Malformed:
            continue


@quick
@given(st.lists(objects | plain, max_size=5), st.integers(0, 5))
def test_every_row_is_an_event_or_a_problem_and_good_ones_survive(items, place):
    good = json.loads(fixture("feed_activity.json"))["data"][3]
    (alone,) = page({"data": [good]}).events
    items.insert(min(place, len(items)), good)
    body = json.dumps({"data": items}).encode()
    reading = page(body)
    assert alone in reading.events
    assert sound(reading) == len(items) == len(rows.look(Answer(body=body, received_at=RECEIVED)).ids)
    assert not {"text", "html"} & names_in(json.loads(MAILERSEND.kept(body)))


@quick
@given(st.text(), raw)
@example("x", fixture("webhook_test.json"))
def test_any_signature_is_accepted_or_refused(signature, body):
    request = Request(
        method="POST", token="", query="", headers={"signature": signature}, address="192.0.2.1", body=body
    )
    try:
        answer = MAILERSEND.verify(request, Source(name="acme", provider="mailersend", webhook_secrets=["s", "\ud800"]))
    except Rejected:
        return
    assert answer == Handshake()
