"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good items beside bad ones."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Malformed, Never, Request
from aftersend.providers.sendgrid import activity, suppressions
from aftersend.providers.sendgrid.words import SUPPRESSIONS, WEBHOOKS
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.junk import PLAIN, nested
from tests.providers.sendgrid.fake import public_key
from tests.providers.sendgrid.said import MESSAGE, RECEIVED, SENDGRID, fixture, hook, page

KEY = public_key("sendgrid-test-key-1")
names = st.sampled_from(
    [
        *("email", "timestamp", "event", "sg_event_id", "sg_message_id", "url", "url_offset", "useragent", "ip"),
        *("reason", "response", "status", "type", "category", "unique_args", "asm_group_id", "newsletter", "attempt"),
        *("bounce_classification", "sg_machine_open", "marketing_campaign_id", "singlesend_name", "singlesend_id"),
        *("created", "msg_id", "to_email", "last_event_time", "events", "event_name", "processed", "messages"),
    ]
)
plain = PLAIN | st.sampled_from(
    [*WEBHOOKS, "account_status_change", "2026-01-01T12:00:00Z", 1_767_268_800, "1767268800", "a@example.com", "\x00"]
)
values = nested(names, plain)
objects = st.dictionaries(names, values, min_size=1, max_size=5)
rows_of_any_kind = st.lists(objects | plain, max_size=3)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"event"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff", b"\n"])
).map(b"".join)
few = settings(max_examples=60, deadline=None)
GOOD = msgspec.json.decode(fixture("webhook_click.json"))[0]


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for found in (*reading.events, *reading.campaigns):
        msgspec.json.encode(found)
    assert all(0 <= event.occurred_at < 2**53 for event in reading.events)
    assert all(len(problem.raw) <= 2000 for problem in reading.problems)
    return len(reading.events) + len(reading.problems)


@few
@given(raw)
@example(b"[" * 100_000)
@example(b'[{"event":"open","email":"\\ud800@example.com","timestamp":1767268800,"x\\ud800":"\\ud800"}]')
@example(b'[{"event":"open","email":"a@example.com","timestamp":' + b"9" * 5000 + b"}]")
def test_any_bytes_as_a_webhook_are_accounted_for(body):
    reading = hook(body)
    assert sound(reading) or body.strip().replace(b" ", b"").replace(b"\n", b"") == b"[]"


@pytest.mark.parametrize("field", ["url_offset", "unique_args", "category", "other"])
@pytest.mark.parametrize("event", ["click", "brand_new"])
def test_what_is_nested_as_deeply_as_can_be_decoded_is_accounted_for(event, field):
    for depth in range(800, 1000, 2):
        item = f'{{"event":"{event}","email":"a@example.com","timestamp":1,"{field}":{"[" * depth}{"]" * depth}}}'
        assert sound(hook(f"[{item}]".encode())) == 1


@few
@given(st.sampled_from([*WEBHOOKS, "brand_new"]), objects)
def test_any_fields_of_an_event_are_one_event_or_one_problem(word, said):
    item = said | {"event": word, "email": "nora@example.com", "timestamp": 1_767_268_800}
    reading = hook([item])
    assert (sound(reading), len(reading.events)) == (1, 1)
    assert hook([item]) == reading


@few
@given(rows_of_any_kind, st.integers(0, 3))
def test_a_good_item_survives_beside_any_bad_ones(items, place):
    alone = hook([GOOD]).events
    items.insert(min(place, len(items)), GOOD)
    reading = hook(items)
    sound(reading)
    assert alone[0] in reading.events


@few
@given(st.sampled_from([*SUPPRESSIONS, "messages", "activity", "nonsense"]), raw)
@example("bounces", b"[" * 100_000)
@example("activity", b'{"a":' * 100_000)
def test_any_bytes_as_a_page_are_accounted_for(feed, body):
    assert sound(page(feed, body)) or b"[" in body


@few
@given(st.sampled_from(sorted(SUPPRESSIONS)), rows_of_any_kind)
def test_every_row_of_a_suppression_list_is_an_event_or_a_problem(feed, rows):
    assert sound(page(feed, rows)) == len(rows)


@few
@given(rows_of_any_kind, objects)
def test_every_event_of_a_message_is_one_or_a_problem(rows, said):
    message = said | {"msg_id": MESSAGE, "to_email": "nora@example.com", "events": rows}
    assert sound(page("activity", message)) == len(rows)


@few
@given(raw | rows_of_any_kind.map(lambda rows: msgspec.json.encode({"messages": rows, "events": rows})))
def test_the_rows_of_any_page_are_found_or_refused(body):
    for look in (suppressions.look, activity.look_at_list, activity.look_at_message, activity.summaries):
        try:
            look(Answer(body=body, received_at=RECEIVED))
        except Malformed:
            continue


@few
@given(
    st.dictionaries(
        st.sampled_from(
            ["x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp", "authorization"]
        ),
        st.text() | st.binary().map(lambda b: b.decode("latin-1")),
    ),
    st.binary(),
    st.lists(st.text() | st.just(KEY), max_size=3),
)
def test_no_bytes_headers_or_secrets_make_verify_raise_anything_else(headers, body, secrets):
    request = Request(method="POST", token="", query="", headers=headers, address="192.0.2.1", body=body)
    try:
        SENDGRID.verify(request, Source(name="acme", provider="sendgrid", webhook_secrets=secrets))
    except (Rejected, Never):
        return
    raise AssertionError("it was accepted")
