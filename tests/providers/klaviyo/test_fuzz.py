"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good items beside bad ones."""

from __future__ import annotations

from functools import partial

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Malformed, Request
from aftersend.providers.klaviyo import Klaviyo, pages
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.junk import PLAIN, nested
from tests.providers.klaviyo.fake import signed
from tests.providers.klaviyo.said import RECEIVED, fixture, hook, items, page

names = st.sampled_from(
    [
        *("data", "topic", "payload", "external_id", "type", "id", "attributes", "timestamp", "datetime", "uuid"),
        *("event_properties", "relationships", "metric", "profile", "included", "email", "$message", "URL", "Subject"),
        *("Bounce Type", "machine_open", "Client Type", "Email", "links", "next", "name", "integration", "meta"),
    ]
)
plain = PLAIN | st.sampled_from(
    [
        *("event:klaviyo.opened_email", "event:klaviyo.bounced_email", "event:klaviyo.sent_sms", "event", "profile"),
        *("2026-03-01T10:00:30+00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "\x00", "\ud800", "Hard"),
    ]
)
values = nested(names, plain)
objects = st.dictionaries(names, values, min_size=1, max_size=4)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"data"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff", b"\n"])
).map(b"".join)
few = settings(max_examples=40, deadline=None)
GOOD = items("webhook_opened_email.json")[0]
WEBHOOK = Source(name="acme", provider="klaviyo", webhook_secrets=["first-token-0123456789"])


def printed(value) -> bytes:
    """As JSON, halves of characters and all."""
    return msgspec.json.encode(value) if _whole(value) else repr(value).encode("utf-8", "replace")


def _whole(value) -> bool:
    try:
        msgspec.json.encode(value)
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for found in (*reading.events, *reading.campaigns, *reading.contacts):
        msgspec.json.encode(found)
    assert all(0 <= event.occurred_at < 2**53 for event in reading.events)
    assert all(len(problem.raw) <= 2000 for problem in reading.problems)
    return len(reading.events) + len(reading.problems)


@few
@given(raw | objects.map(printed))
@example(b"[" * 100_000)
@example(b'{"data":' * 100_000)
@example(b'{"data":[' * 50_000)
def test_any_bytes_are_accounted_for_through_both_doors(body):
    for read in (hook, partial(page, "opened_email")):
        reading = read(body)
        assert sound(reading) or b"data" in body
        assert read(body) == reading


@few
@given(st.lists(objects | plain, max_size=4), st.integers(0, 4))
def test_a_good_item_survives_beside_any_bad_ones(found, place):
    found.insert(min(place, len(found)), GOOD)
    found = [item for item in found if _whole(item)]
    reading = hook(found)
    sound(reading)
    assert hook([GOOD]).events[0] in reading.events
    assert {problem.item for problem in reading.problems} <= set(range(len(found)))


@few
@given(objects, objects, objects)
def test_any_event_object_is_one_event_or_one_problem(attributes, properties, relationships):
    resource = {"type": "event", "id": "x", "relationships": relationships}
    resource["attributes"] = {"timestamp": 1772359230, **attributes, "event_properties": properties}
    item = {"topic": "event:klaviyo.bounced_email", "payload": {"data": resource, "included": [relationships]}}
    if _whole(item):
        assert sound(hook([item])) == 1
        assert sound(page("bounced_email", {"data": [resource], "included": [properties]})) == 1


@few
@given(st.lists(objects | plain, max_size=4), st.integers(0, 4))
def test_a_good_row_survives_beside_any_bad_ones(rows, place):
    good = msgspec.json.decode(fixture("feed_opened_email.json"))["data"][0]
    rows.insert(min(place, len(rows)), good)
    rows = [row for row in rows if _whole(row)]
    reading = page("opened_email", {"data": rows})
    assert sound(reading) == len(rows)
    assert page("opened_email", {"data": [good]}).events[0] in reading.events


@few
@given(raw | objects.map(printed))
def test_pages_of_any_bytes_are_seen_or_refused(body):
    for look in (partial(pages.look, base="https://a.klaviyo.com"), pages.metrics):
        try:
            look(Answer(body=body, received_at=RECEIVED))
        except Malformed:
            continue


@few
@given(raw | objects.map(printed), st.dictionaries(st.sampled_from(sorted(signed(b""))), st.text()), st.booleans())
def test_verifying_any_call_refuses_it_or_takes_it(body, headers, rightly):
    given_ = signed(body, "first-token-0123456789") if rightly else headers
    lower = {name.lower(): value for name, value in given_.items()}
    request = Request(method="POST", token="", query="", headers=lower, address="", body=body)
    try:
        assert Klaviyo().verify(request, WEBHOOK) is None
        assert rightly
    except Rejected:
        return
