"""Whatever comes in, ``read`` doesn't raise and loses nothing silently, and ``verify`` says no."""

from __future__ import annotations

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aftersend.providers.contract import Never, Request
from aftersend.providers.postal.words import OF_NO_MESSAGE, WEBHOOKS
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.junk import PLAIN, nested
from tests.providers.postal.said import POSTAL, hook, public_key

names = st.sampled_from(
    [
        *("event", "timestamp", "payload", "uuid", "message", "original_message", "bounce", "status", "details"),
        *("output", "time", "sent_with_ssl", "url", "token", "ip_address", "user_agent", "id", "direction", "tag"),
        *("message_id", "to", "from", "subject", "spam_status"),
    ]
)
plain = PLAIN | st.sampled_from(
    [*WEBHOOKS, "incoming", "outgoing", "HardFail", 1772359230.5, "Nora <", "\x00", "550 5"]
)
values = nested(names, plain)
objects = st.dictionaries(names, values, min_size=1)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"event"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff", b"\n"])
).map(b"".join)
few = settings(max_examples=60, deadline=None)


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for event in reading.events:
        msgspec.json.encode(event)
        assert 0 <= event.occurred_at < 2**53
    assert all(len(problem.raw) <= 2000 for problem in reading.problems)
    return len(reading.events) + len(reading.problems)


@few
@given(raw)
@example(b"[" * 100_000)
@example(b'{"event":' * 100_000)
@example(b'{"event":"MessageNew","timestamp":1e400,"payload":{}}')
@example(b'{"event":"MessageNew","timestamp":' + b"9" * 5000 + b',"payload":{}}')
@example(b'{"event":"MessageNew","timestamp":1,"payload":{"details":"\\ud800","\\udfff":NaN}}')
def test_any_bytes_are_one_problem(body):
    assert sound(hook(body)) == 1


def test_what_is_nested_as_deeply_as_can_be_decoded_is_accounted_for():
    for depth in range(800, 1000):
        body = f'{{"event":"New","timestamp":1,"payload":{{"x":{"[" * depth}{"]" * depth}}}}}'
        assert sound(hook(body.encode())) == 1


@few
@given(st.sampled_from([*WEBHOOKS, *OF_NO_MESSAGE, "MessageNew"]), objects, objects)
def test_any_payload_is_one_event_or_one_problem_unless_it_was_received(word, payload, message):
    body = {
        "event": word,
        "timestamp": 1772359230.5,
        "uuid": "u-1",
        "payload": payload | {"message": {"to": "nora@example.com"} | message | {"direction": "outgoing"}},
    }
    reading = hook(body)
    received = "original_message" in payload
    assert sound(reading) == (0 if word in OF_NO_MESSAGE else 1) or received
    assert hook(body) == reading


@few
@given(
    st.dictionaries(
        st.sampled_from(["x-postal-signature", "x-postal-signature-256", "x-postal-signature-kid", "authorization"]),
        st.text() | st.binary().map(lambda b: b.decode("latin-1")),
    ),
    st.binary(),
    st.lists(
        st.text() | st.just(public_key("first")) | objects.map(lambda o: msgspec.json.encode(o).decode()), max_size=3
    ),
    st.booleans(),
)
def test_no_bytes_headers_or_secrets_make_verify_raise_anything_else(headers, body, secrets, sha1):
    request = Request(method="POST", token="", query="", headers=headers, address="192.0.2.1", body=body)
    source = Source(name="acme", provider="postal", webhook_secrets=secrets, options={"sha1": sha1})
    try:
        POSTAL.verify(request, source)
    except (Rejected, Never):
        return
    raise AssertionError("it was accepted")
