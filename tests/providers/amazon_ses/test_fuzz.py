"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good recipients beside bad ones."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.providers.amazon_ses.said import event_of, hook, told
from tests.providers.junk import PLAIN, nested

names = st.sampled_from(
    [
        *("eventType", "notificationType", "mail", "bounce", "complaint", "delivery", "open", "click", "subscription"),
        *("timestamp", "messageId", "destination", "tags", "headers", "name", "value", "commonHeaders", "subject"),
        *("bouncedRecipients", "emailAddress", "diagnosticCode", "status", "bounceType", "bounceSubType", "link"),
        *("newTopicPreferences", "unsubscribeAll", "topicSubscriptionStatus", "topicName", "linkTags", "userAgent"),
    ]
)
plain = PLAIN | st.sampled_from(
    [
        *(
            "2026-01-01T12:00:00.000Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59-23:59",
            "Bounce",
            "Open",
            "Received",
        ),
        *("ada@example.com", "Ada <", "\x00", "OptOut", "smtp; 550 5.1.1 x", "Permanent", "not-spam", "", " "),
    ]
)
values = nested(names, plain)
objects = st.dictionaries(names, values, min_size=1)
words = st.sampled_from(
    [
        *("Send", "Reject", "Rendering Failure", "DeliveryDelay", "Delivery", "Bounce", "Complaint", "Open", "Click"),
        *("Subscription", "Strange"),
    ]
)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"Type"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff", b"\n"])
).map(b"".join)
FEW = settings(max_examples=60)


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for event in reading.events:
        msgspec.json.encode(event)
        assert 0 <= event.occurred_at < 2**53
        assert all(type(value) is str and value for value in event.metadata.values())
    return len(reading.events) + len(reading.problems)


@FEW
@given(raw)
@example(b"[" * 100_000)
def test_any_bytes_are_accounted_for(body):
    assert sound(hook(body)) == 1


@FEW
@given(st.text() | values.map(lambda value: msgspec.json.encode(value).decode()))
@example("[" * 100_000)
@example('{"eventType":"\\ud800","mail":{}}')
def test_any_message_is_accounted_for(message):
    assert sound(told(message)) or "Received" in message


@FEW
@given(words, objects, objects)
def test_any_details_of_an_event_are_accounted_for(word, mail, detail):
    details = dict.fromkeys(["bounce", "complaint", "delivery", "deliveryDelay", "open", "click", "failure"], detail)
    assert sound(told({"eventType": word, "mail": mail, **details, "subscription": detail, "strange": detail}))


@FEW
@given(st.lists(objects | plain, max_size=4), st.integers(0, 4))
@pytest.mark.parametrize("name", ["bounce_permanent", "complaint", "delivery_delay", "delivery"])
def test_a_good_recipient_survives_beside_any_bad_ones(name, others, place):
    event = event_of(name)
    (good,) = told(event).events
    (recipients,) = (
        v for d in event.values() if isinstance(d, dict) for n, v in d.items() if n.lower().endswith("recipients")
    )
    recipients[:] = [*others[:place], recipients[0], *others[place:]]
    reading = told(event)
    sound(reading)
    assert good.slot in {found.slot for found in reading.events}
