"""Whatever comes in, nothing raises, nothing is lost silently, and good rows survive beside bad ones."""

from __future__ import annotations

import contextlib

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Malformed, Never, Request
from aftersend.providers.mailtrap import emails
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.junk import PLAIN, nested
from tests.providers.mailtrap.said import MAILTRAP, RECEIVED, email, fixture, hook, page

KEYED = Source(name="acme", provider="mailtrap", webhook_secrets=["key", "\ud800", ""])
GOOD = msgspec.json.decode(fixture("webhook_delivery.json"))["events"][0]
LISTED = {"event_type": "open", "created_at": "2026-03-01T10:13:20Z", "details": {"web_ip_address": "192.0.2.25"}}
few = settings(max_examples=60, deadline=None)

names = st.sampled_from(
    [
        *("events", "event", "event_id", "message_id", "email", "timestamp", "category", "custom_variables", "url"),
        *("ip", "user_agent", "response", "response_code", "bounce_category", "reason", "messages", "sent_at", "to"),
        *("next_page_cursor", "status", "event_type", "created_at", "details", "click_url", "template_id"),
    ]
)
plain = PLAIN | st.sampled_from(
    [
        *(
            "open",
            "soft bounce",
            "bounce",
            "spam",
            "inbound.x",
            1772359230,
            1772359230123,
            "badrecipient",
            "a@example.com",
        ),
        *("2026-03-01T10:13:20Z", "0001-01-01T00:00:00Z", "\x00", "Ana <", "Infinity"),
    ]
)
objects = st.dictionaries(names, nested(names, plain), min_size=1)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"id"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff", b"\n"])
).map(b"".join)
types = st.sampled_from(["application/json", "application/jsonl", ""])


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for found in reading.events:
        msgspec.json.encode(found)
    assert all(0 <= event.occurred_at < 2**53 for event in reading.events)
    return len(reading.events) + len(reading.problems)


@few
@given(raw, types)
@example(b"[" * 100_000, "application/json")
@example(b'{"events":' * 100_000, "application/jsonl")
@example(b'{"events":[{"event":"open","message_id":"\\ud800","timestamp":1772359230,"email":"\\ud800"}]}', "")
@example(b'{"event":"open","message_id":"x","timestamp":' + b"1" * 5000 + b"}", "")
def test_any_bytes_as_a_webhook_are_accounted_for(body, content_type):
    assert sound(hook(body, content_type=content_type)) or b"events" in body


@few
@given(st.lists(objects | plain, max_size=4), st.integers(0, 4), st.booleans())
def test_a_good_event_survives_beside_any_bad_ones_and_none_is_lost(items, place, by_line):
    place = min(place, len(items))
    batch = [*items[:place], GOOD, *items[place:]]
    body = b"\n".join(map(msgspec.json.encode, batch)) if by_line else msgspec.json.encode({"events": batch})
    reading = hook(body, content_type="application/jsonl" if by_line else "application/json")
    assert [found for found in reading.events if found.row == GOOD["event_id"]]
    passing = [item for item in items if isinstance(item, dict) and str(item.get("event")).startswith("inbound")]
    nesting = by_line and any(isinstance(item, dict) and "events" in item for item in items)
    assert nesting or sound(reading) + len(passing) == len(batch)


@few
@given(objects)
def test_any_fields_of_an_event_are_one_event(fields):
    kept = {"event": "bounce", "timestamp": 1772359230}
    (found,) = hook({"events": [{**fields, **kept}]}).events
    assert found.occurred_at == 1772359230000


@few
@given(raw, st.text(), st.dictionaries(st.sampled_from(["content-type", "x"]), st.text()))
def test_any_call_that_is_not_signed_is_refused(body, signature, headers):
    headers = {**headers, "mailtrap-signature": signature}
    request = Request(method="POST", token="", query="", headers=headers, address="", body=body)
    with contextlib.suppress(Rejected, Never):
        MAILTRAP.verify(request, KEYED)
        raise AssertionError


@few
@given(st.lists(objects | plain, max_size=4), st.integers(0, 4), objects)
def test_a_good_event_of_an_email_survives_beside_any_bad_ones(items, place, fields):
    place = min(place, len(items))
    fields = {name: value for name, value in fields.items() if name not in ("events", "message_id")}
    reading = page("one", email(*items[:place], LISTED, *items[place:], **fields))
    assert sound(reading) == len(items) + 1
    assert [found for found in reading.events if found.ip == "192.0.2.25"]


@few
@given(st.sampled_from(["one", "list", ""]), raw | objects.map(msgspec.json.encode))
@example("list", b"[" * 100_000)
def test_any_bytes_as_an_answer_are_accounted_for(part, body):
    assert sound(page(part, body)) or b"messages" in body or b"events" in body


@few
@given(raw | objects.map(msgspec.json.encode))
def test_pages_of_any_bytes_are_seen_or_refused(body):
    answer = Answer(body=body, received_at=RECEIVED)
    with contextlib.suppress(Malformed):
        assert len(emails.look(answer).ids) >= len(emails.rows(answer))
        for row in emails.rows(answer):
            assert len(emails.standing(row)) == 3
            assert emails.sent_at(row, RECEIVED) >= 0
