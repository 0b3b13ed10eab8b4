"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good items beside bad ones."""

from __future__ import annotations

from contextlib import suppress

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Malformed, Request
from aftersend.providers.postmark import lists
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.junk import PLAIN, nested
from tests.providers.postmark.said import POSTMARK, RECEIVED, fixture, hook, page, told

few = settings(max_examples=60, deadline=None)
RECORDS = ["Delivery", "Bounce", "SpamComplaint", "Open", "Click", "SubscriptionChange", "Snoozed"]

names = st.sampled_from(
    [
        *("RecordType", "MessageID", "Recipient", "Email", "ReceivedAt", "BouncedAt", "ChangedAt", "DeliveredAt", "ID"),
        *("Type", "TypeCode", "Metadata", "Tag", "Geo", "Client", "OS", "Platform", "UserAgent", "OriginalLink"),
        *("SuppressSending", "SuppressionReason", "Origin", "FromFull", "Headers", "Name", "Value", "Details"),
        *("Status", "Recipients", "EmailAddress", "CreatedAt", "MessageStream", "external_id"),
    ]
)
plain = PLAIN | st.sampled_from(
    [
        *("2026-03-01T12:00:00.1234567Z", "2026-03-01", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "a@b.c"),
        *(*RECORDS, "HardBounce", "Unsubscribe", "ManualSuppression", "Recipient", "\x00", "\ud800", "smtp;550"),
    ]
)
objects = st.dictionaries(names, nested(names, plain), min_size=1)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"ID"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff", b"\n"])
).map(b"".join)


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for event in reading.events:
        msgspec.json.encode(event)
        assert 0 <= event.occurred_at < 2**53
        assert all(name and value for name, value in event.metadata.items())
    return len(reading.events) + len(reading.problems)


@few
@given(raw)
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'{"RecordType":"Open","Recipient":"\\ud800","ReceivedAt":"2026-03-01T12:00:00Z"}')
@example(b'{"ID":1e999,"Type":"HardBounce"}')
def test_any_bytes_as_a_webhook_are_accounted_for(body):
    assert sound(hook(body)) == 1


@few
@given(st.sampled_from(RECORDS), objects)
def test_any_object_as_a_webhook_is_one_event_or_one_problem_and_always_the_same(word, said):
    body = {"RecordType": word} | said
    reading = hook(body)
    assert sound(reading) == 1
    assert reading == hook(body)


@few
@given(st.sampled_from(["webhook_open", "webhook_bounce_hard", "webhook_change_unsubscribed"]), objects)
def test_any_field_of_a_webhook_may_be_anything(name, changed):
    assert sound(hook(told(name, **changed))) == 1


@few
@given(st.sampled_from([*lists.NAMES, "nonsense"]), raw)
@example("opens", b"[" * 100_000)
def test_any_bytes_as_a_page_are_accounted_for(feed, body):
    assert sound(page(feed, body)) or b"[" in body


@few
@given(st.lists(objects | plain, max_size=4), st.lists(objects | plain, max_size=4))
def test_a_good_row_is_read_whatever_its_neighbours(before, after):
    good = told("feed_opens")["Opens"][0]
    wanted = page("opens", fixture("feed_opens")).events[0]
    reading = page("opens", {"Opens": [*before, good, *after]})
    assert sound(reading) == len(before) + 1 + len(after)
    assert wanted in reading.events


@few
@given(raw)
def test_ids_of_any_bytes_are_found_or_refused(body):
    with suppress(Malformed):
        lists.look(Answer(body=body, received_at=RECEIVED), feed="opens", deepest=10_000)


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
    source = Source(name="acme", provider="postmark", webhook_secrets=["secret-that-nobody-guesses", "\ud800"])
    try:
        POSTMARK.verify(request, source)
    except Rejected:
        return
    raise AssertionError("it was accepted")
