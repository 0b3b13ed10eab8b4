"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good items beside bad ones."""

from __future__ import annotations

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Malformed, Request
from aftersend.providers.resend import emails
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.junk import PLAIN, nested
from tests.providers.resend.said import RECEIVED, RESEND, fixture, hook, page, payload
from tests.providers.resend.signing import SECRET

WORDS = ("sent", "bounced", "opened", "clicked", "suppressed", "failed", "received", "brandnew")
GOOD = msgspec.json.decode(fixture("feed_emails.json"))["data"][0]
names = st.sampled_from(
    [
        *payload("email_clicked")["data"],
        *payload("contact_updated")["data"],
        *GOOD,
        *(
            "bounce",
            "click",
            "type",
            "subType",
            "message",
            "diagnosticCode",
            "timestamp",
            "link",
            "userAgent",
            "topics",
        ),
        *("data", "has_more", "name", "value", "headers", "suppressed", "failed", "reason", "subscription"),
    ]
)
plain = PLAIN | st.sampled_from(
    [
        *(
            "2026-01-01T12:00:00.000Z",
            "2026-01-01 12:00:00.674981+00",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59-23:59",
        ),
        *(
            "Permanent",
            "Transient",
            "Suppressed",
            "opened",
            "bounced",
            "opt_out",
            "Ada <",
            "<@>",
            "\x00",
            "a@example.com",
        ),
    ]
)
values = nested(names, plain)
objects = st.dictionaries(names, values)
raw = st.binary() | st.lists(
    st.sampled_from(
        [b"[", b"]", b"{", b"}", b",", b'"type"', b'"data"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff"]
    )
).map(b"".join)


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for found in (*reading.events, *reading.contacts):
        msgspec.json.encode(found)
    for event in reading.events:
        assert 0 <= event.occurred_at < 2**53
        assert all(isinstance(value, str) and value for value in event.metadata.values())
    assert all(len(problem.raw) <= 2000 for problem in reading.problems)
    return len(reading.events) + len(reading.problems)


@settings(max_examples=60)
@given(raw)
@example(b"[" * 100_000)
@example(b'{"data":' * 100_000)
@example(b'{"type":"email.opened","data":{"email_id":"\\ud800","to":["\\udfff"]},"created_at":1e999}')
@example(b'{"type":"email.opened","data":{"email_id":' + b"9" * 10_000 + b"}}")
def test_any_bytes_are_accounted_for(body):
    assert sound(hook(body)) == 1
    assert sound(page(body)) >= 1


@settings(max_examples=60)
@given(st.sampled_from(WORDS), objects, values)
def test_any_data_of_an_email_is_one_event_and_the_same_every_time(word, data, created_at):
    body = {"type": f"email.{word}", "created_at": created_at, "data": data}
    assert sound(hook(body)) == len(hook(body).events) == 1
    assert hook(body) == hook(body)


@settings(max_examples=60)
@given(st.sampled_from(["created", "updated", "deleted", "topics.updated", "brandnew"]), objects)
def test_any_data_of_a_contact_is_accounted_for(word, data):
    reading = hook({"type": f"contact.{word}", "data": data})
    assert sound(reading) or reading.contacts or data.get("topics") == []


@settings(max_examples=60)
@given(st.lists(objects.map(lambda said: GOOD | said) | values, max_size=4), st.integers(0, 4))
def test_a_good_row_survives_beside_any_bad_ones(rows, place):
    alone = page({"data": [GOOD]}).events
    rows.insert(min(place, len(rows)), GOOD)
    reading = page({"data": rows})
    assert alone[0] in reading.events
    stateless = [row for row in rows if isinstance(row, dict) and "id" in row]
    assert len(rows) - len(stateless) <= sound(reading) <= len(rows)


@settings(max_examples=60)
@given(
    raw
    | values.map(msgspec.json.encode)
    | st.lists(values).map(lambda v: msgspec.json.encode({"data": v, "has_more": True}))
)
def test_any_answer_is_a_page_or_is_refused(body):
    try:
        found = emails.look(Answer(body=body, received_at=RECEIVED))
    except Malformed:
        return
    assert len(found.ids) == len(msgspec.json.decode(body)["data"])


@settings(max_examples=60)
@given(st.text(), st.text(), st.text(), st.binary(), st.text())
def test_any_headers_and_bytes_are_refused_without_a_word_more(own, at, signature, body, secret):
    request = Request(
        method="POST",
        token="",
        query="",
        headers={"svix-id": own, "svix-timestamp": at, "svix-signature": f"{signature} v1,{signature}"},
        address="192.0.2.1",
        body=body,
    )
    try:
        RESEND.verify(request, Source(name="acme", provider="resend", webhook_secrets=[SECRET, secret]))
    except Rejected:
        return
    raise AssertionError("accepted")
