"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good items beside bad ones."""

from __future__ import annotations

import json

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aftersend.providers.brevo import rows
from aftersend.providers.contract import Answer, Malformed, Request
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.brevo.said import BREVO, RECEIVED, fixture, hook, item, page
from tests.providers.junk import PLAIN, nested

quick = settings(max_examples=60, deadline=None)
names = st.sampled_from(
    [
        *("event", "email", "ts_event", "ts_epoch", "message-id", "messageId", "date", "link", "URL", "tags", "tag"),
        *("X-Mailin-custom", "template_id", "contact_id", "camp_id", "campaign name", "reason", "user_agent", "id"),
        *("device_used", "segment_ids", "events", "items", "ip", "from"),
    ]
)
plain = PLAIN | st.sampled_from(
    [
        *("click", "clicks", "opened", "hard_bounce", "list_addition", "contact_deleted", "strange", "ada@example.com"),
        *(1767269160, 1767269160000, 253402214400, 10**18, "2026-01-01T12:06:00Z", "0001-01-01", '["a', '{"a":[{}]}'),
        *("\x00", "\ud800", "a:b|c", "<x>", "<", "[" * 3000, '{"a":' * 3000),
    ]
)
values = nested(names, plain)
objects = st.dictionaries(names, values, min_size=1)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"event"', b":", b"1", b'"', b"\\", b"NaN", b"\xff", b"\n"])
).map(b"".join)


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for found in (*reading.events, *reading.campaigns, *reading.contacts):
        msgspec.json.encode(found)
    assert all(0 <= event.occurred_at < 2**53 and len(event.slot) == 16 for event in reading.events)
    assert all(len(problem.raw) <= 2000 for problem in reading.problems)
    return len(reading.events) + len(reading.problems)


def written(value) -> bytes:
    """JSON, halves of characters included."""
    return json.dumps(value).encode()


@quick
@given(raw)
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'{"event":"click","email":"\\ud800@example.com","ts_event":1767269160}')
@example(b'{"event":"click","email":"a@example.com","ts_event":' + b"9" * 5000 + b"}")
def test_any_bytes_as_a_webhook_are_accounted_for(body):
    reading = hook(body)
    assert sound(reading) or msgspec.json.decode(body) == []


@quick
@given(objects)
def test_any_object_as_a_webhook_is_accounted_for_and_read_the_same_every_time(said):
    body = written(said)
    assert sound(hook(body))
    assert hook(body) == hook(body)


@quick
@given(st.lists(objects | plain, max_size=5), st.integers(0, 5))
def test_a_good_event_survives_beside_any_bad_ones(items, place):
    (good,) = hook(item("click")).events
    items.insert(min(place, len(items)), item("click"))
    reading = hook(written(items))
    assert good in reading.events
    assert sound(reading) == len(items)


@quick
@given(raw)
@example(b"[" * 100_000)
@example(fixture("feed_events.json")[:-5])
def test_any_bytes_as_a_page_are_accounted_for_or_refused(body):
    reading = page(body)
    try:
        found = rows.look(Answer(body=body, received_at=RECEIVED))
    except Malformed:
        assert [len(reading.problems), len(reading.events)] == [1, 0]
    else:
        assert sound(reading) == len(found.ids)


@quick
@given(st.lists(objects | plain, max_size=5), st.integers(0, 5))
def test_every_row_is_an_event_or_a_problem_and_good_ones_survive(items, place):
    good = msgspec.json.decode(fixture("feed_events.json"))["events"][9]
    items.insert(min(place, len(items)), good)
    reading = page(written({"events": items}))
    assert sound(reading) == len(items)
    assert {e.slot for e in page({"events": [good]}).events} <= {e.slot for e in reading.events}
    assert len(rows.look(Answer(body=written({"events": items}), received_at=RECEIVED)).ids) == len(items)


@quick
@given(st.text(), st.text() | st.sampled_from(["Basic ", "Bearer ", "basic  Zm9v"]), st.binary())
def test_any_proof_is_accepted_or_refused(token, authorization, body):
    request = Request(
        method="POST",
        token=token,
        query="",
        headers={"authorization": authorization, "x-hook": token},
        address="192.0.2.1",
        body=body or b"x",
    )
    source = Source(
        name="acme", provider="brevo", webhook_secrets=["secret-0123456789"], options={"secret_header": "X-Hook"}
    )
    try:
        assert BREVO.verify(request, source) is None
    except Rejected:
        return
