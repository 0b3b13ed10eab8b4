"""The quirks of SES's events (provider file, "Events", "Dedupe key", "Quirks")."""

from __future__ import annotations

import json

import msgspec
import pytest

from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Clock, Kind, Machine, Precision
from tests.providers import topics
from tests.providers.amazon_ses.said import CERTIFICATE, SES, SOURCE, TOPIC, at, event_of, hook, told
from tests.providers.topics import envelope


def bounce(kind_of_bounce: str | None, subtype: str | None):
    event = event_of("bounce_permanent")
    event["bounce"] |= {"bounceType": kind_of_bounce, "bounceSubType": subtype}
    (found,) = told(event).events
    return found.kind, found.bounce_class


@pytest.mark.parametrize(
    ("kind_of_bounce", "subtype", "meant"),
    [
        ("Permanent", "General", (Kind.BOUNCED, BounceClass.HARD)),
        ("Permanent", "NoEmail", (Kind.BOUNCED, BounceClass.HARD)),
        ("Permanent", "Suppressed", (Kind.DROPPED, None)),
        ("Permanent", "OnAccountSuppressionList", (Kind.DROPPED, None)),
        ("Permanent", "UnsubscribedRecipient", (Kind.BOUNCED, BounceClass.HARD)),
        ("Transient", "General", (Kind.BOUNCED, BounceClass.SOFT)),
        ("Transient", "MailboxFull", (Kind.BOUNCED, BounceClass.SOFT)),
        ("Transient", "MessageTooLarge", (Kind.BOUNCED, BounceClass.SOFT)),
        ("Transient", "ContentRejected", (Kind.BOUNCED, BounceClass.BLOCK)),
        ("Transient", "AttachmentRejected", (Kind.BOUNCED, BounceClass.BLOCK)),
        ("Transient", "SomethingNew", (Kind.BOUNCED, BounceClass.SOFT)),
        ("Undetermined", "Undetermined", (Kind.BOUNCED, BounceClass.UNDETERMINED)),
        ("SomethingNew", None, (Kind.BOUNCED, BounceClass.UNDETERMINED)),
        (None, None, (Kind.BOUNCED, BounceClass.UNDETERMINED)),
    ],
)
def test_bounces_are_classed_by_type_and_subtype(kind_of_bounce, subtype, meant):
    assert bounce(kind_of_bounce, subtype) == meant


def test_a_plain_text_that_a_new_destination_is_tried_with_passes_by():
    assert told("Successfully validated SNS topic for Amazon SES event publishing.\n").events == []
    assert told("Successfully validated SNS topic for Amazon SES event publishing.").problems == []


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Dear operator", "The message is not JSON."),
        ("", "The message is not JSON."),
        ('{"eventType":"Open"', "The message is not JSON."),
        ("[1]", "The message must be an object."),
        ("{}", "eventType is missing."),
        ('{"eventType":{"a":1}}', "eventType is missing."),
    ],
)
def test_any_other_message_that_is_no_event_is_kept_aside(message, reason):
    reading = told(message)
    assert reading.events == []
    assert [(problem.item, problem.reason) for problem in reading.problems] == [(0, reason)]
    assert message.encode()[:10].replace(b'"', b'\\"') in reading.problems[0].raw


def test_an_email_that_came_in_is_none_of_ours():
    reading = told({"notificationType": "Received", "mail": event_of("send")["mail"], "receipt": {}})
    assert (reading.events, reading.problems) == ([], [])


def test_an_unknown_event_keeps_its_word_and_its_time():
    event = event_of("send")
    event |= {"eventType": "Brand New", "brandNew": {"timestamp": "2026-01-01T12:40:00.000Z"}}
    (found,) = told(event).events
    assert (found.kind, found.word, found.occurred_at) == (Kind.OTHER, "Brand New", at("12:40:00"))
    assert (found.clock, found.email) == (Clock.STATED, "ada@example.com")


def test_an_event_without_a_time_has_its_envelopes():
    event = event_of("open")
    event["open"]["timestamp"] = "soon"
    (found,) = told(event, Timestamp="2026-01-01T12:30:00.250Z").events
    assert (found.occurred_at, found.clock) == (at("12:30:00.250"), Clock.RECEIVED)
    assert found.slot == told(event, Timestamp="2026-01-01T12:30:00.250Z").events[0].slot
    (other,) = told(event, MessageId="another").events
    assert other.slot != found.slot


def test_times_without_a_fraction_are_of_the_second():
    event = event_of("open")
    event["open"]["timestamp"] = "2026-01-01T12:05:19Z"
    assert told(event).events[0].precision is Precision.SECOND


@pytest.mark.parametrize("name", ["open", "click", "unsubscribed"])
def test_what_one_of_several_recipients_did_is_nobodys(name):
    event = event_of(name)
    event["mail"]["destination"] = ["ada@example.com", "bob@example.com"]
    (found,) = told(event).events
    assert (found.email, found.message_id) == (None, event["mail"]["messageId"])


@pytest.mark.parametrize("name", ["send", "reject", "rendering_failure"])
def test_what_happened_to_an_email_happened_to_each_of_its_recipients(name):
    event = event_of(name)
    event["mail"]["destination"] = ["ada@example.com", "Bob <bob@example.com>", "ada@example.com"]
    found = told(event).events
    assert [one.email for one in found] == ["ada@example.com", "bob@example.com"]
    assert len({one.slot for one in found}) == 2


def test_an_email_without_destinations_is_known_by_its_id():
    event = event_of("send")
    del event["mail"]["destination"]
    (found,) = told(event).events
    assert (found.kind, found.email, found.by_message) == (Kind.SENT, None, True)


def test_addresses_are_taken_from_the_destination_and_not_from_the_headers():
    event = event_of("send")
    event["mail"]["commonHeaders"] = {"to": ["ada@example.com, bob@example.com"]}
    assert [one.email for one in told(event).events] == ["ada@example.com"]


def test_a_recipient_that_cannot_be_read_spoils_no_other():
    event = event_of("bounce_transient_two_recipients")
    event["bounce"]["bouncedRecipients"].insert(1, {"emailAddress": None})
    reading = told(event)
    assert [one.email for one in reading.events] == ["full@example.com", "away@example.com"]
    assert [(one.item, one.reason) for one in reading.problems] == [(1, "Recipient 1 of Bounce has no address.")]


def test_bounces_of_one_email_that_come_in_parts_are_as_many_as_the_recipients():
    whole = event_of("bounce_transient_two_recipients")
    parts = [event_of("bounce_transient_two_recipients") for _ in range(2)]
    for part, recipient in zip(parts, whole["bounce"]["bouncedRecipients"], strict=True):
        part["bounce"]["bouncedRecipients"] = [recipient]
    assert {e.slot for e in told(whole).events} == {e.slot for part in parts for e in told(part).events}


def test_a_complaint_that_names_several_is_only_possibly_theirs():
    event = event_of("complaint")
    event["complaint"]["complainedRecipients"] = [
        {"emailAddress": "ada@example.com"},
        {"emailAddress": "bob@example.com"},
    ]
    found = told(event).events
    assert [(one.email, one.metadata["complainant"]) for one in found] == [
        ("ada@example.com", "possible"),
        ("bob@example.com", "possible"),
    ]


def test_a_complaint_without_its_optional_fields_is_one():
    event = event_of("complaint")
    for name in ("complaintSubType", "complaintFeedbackType", "userAgent", "arrivalDate"):
        event["complaint"].pop(name)
    (found,) = told(event).events
    assert (found.kind, found.reason) == (Kind.COMPLAINED, None)


def preferences(everything: bool | None, **topics: str):
    told = {"topicSubscriptionStatus": [{"topicName": n, "subscriptionStatus": s} for n, s in topics.items()]}
    return told if everything is None else told | {"unsubscribeAll": everything}


@pytest.mark.parametrize(
    ("old", "new", "meant"),
    [
        (preferences(False), preferences(True), [("unsubscribed", "all", None)]),
        (preferences(True), preferences(False), [("resubscribed", "all", None)]),
        (preferences(True, a="OptOut"), preferences(False, a="OptIn"), [("resubscribed", "all", None)]),
        (None, preferences(True), [("unsubscribed", "all", None)]),
        (preferences(False, a="OptIn"), preferences(False, a="OptOut"), [("unsubscribed", "topics", "a")]),
        (preferences(None, a="OptOut"), preferences(None, a="OptIn"), [("resubscribed", "topics", "a")]),
        (
            preferences(False, a="OptIn", b="OptIn", c="OptOut"),
            preferences(False, a="OptOut", b="OptOut", c="OptIn"),
            [("unsubscribed", "topics", "a, b"), ("resubscribed", "topics", "c")],
        ),
        (preferences(False, a="OptIn"), preferences(False, a="OptIn"), [("other", None, None)]),
        (None, None, [("other", None, None)]),
        ("odd", {"topicSubscriptionStatus": [7, None]}, [("other", None, None)]),
    ],
)
def test_a_change_of_subscriptions_means_what_differs(old, new, meant):
    event = event_of("unsubscribed")
    event["subscription"] |= {"oldTopicPreferences": old, "newTopicPreferences": new}
    found = told(event).events
    assert [(e.kind.value, e.metadata.get("scope"), e.metadata.get("topics")) for e in found] == meant
    assert len({one.slot for one in found}) == len(found)


def test_robots_and_chains_of_addresses_are_told_by_what_there_is():
    event = event_of("open")
    event["open"] |= {
        "userAgent": "Googlebot/2.1 (+http://www.google.com/bot.html)",
        "ipAddress": "192.0.2.1, 10.0.0.1",
    }
    (found,) = told(event).events
    assert (found.machine, found.ip, found.ip_chain) == (Machine.MACHINE, "192.0.2.1", "192.0.2.1, 10.0.0.1")


# -- marks ---------------------------------------------------------------------------------------------------


def test_campaign_and_external_id_come_from_tags_and_then_from_headers():
    event = event_of("send")
    event["mail"]["tags"] = {"external_id": ["c-42"], "campaign_id": ["a"], "campaign": ["b"]}
    event["mail"]["headers"] = [{"name": "X-Campaign-Id", "value": "h"}, {"name": "External_ID", "value": "other"}]
    (found,) = told(event).events
    assert (found.campaign_id, found.external_id) == ("a", "c-42")
    event["mail"]["tags"] = {}
    (found,) = told(event).events
    assert (found.campaign_id, found.external_id) == ("h", "other")


def test_the_names_of_the_marks_are_the_sources_to_choose():
    source = Source(
        name="acme",
        provider="amazon_ses",
        options=SOURCE.options | {"external_id": "customer", "campaign_id": "ses:configuration-set"},
    )
    (found,) = told(event_of("bounce_permanent"), source).events
    assert (found.external_id, found.campaign_id) == ("c-42", "marketing")


def test_several_values_of_a_tag_are_kept_together():
    event = event_of("send")
    event["mail"]["tags"]["campaign"] = ["a", "b"]
    assert told(event).events[0].metadata["campaign"] == "a, b"


def test_the_senders_own_message_id_is_that_of_the_headers():
    event = event_of("bounce_permanent")
    event["mail"]["commonHeaders"]["messageId"] = "not-that"
    assert told(event).events[0].metadata["rfc_message_id"] == "<abc@example.com>"


# -- identity ------------------------------------------------------------------------------------------------


def slots(event, **fields) -> list[bytes]:
    return [found.slot for found in told(event, **fields).events]


def test_the_envelope_is_no_part_of_what_happened():
    for name in ("bounce_permanent", "click", "send", "unsubscribed"):
        event = event_of(name)
        assert slots(event) == slots(event, MessageId="another", Timestamp="2026-01-01T13:30:00.000Z", Subject="Other")
        assert all(found.list == found.row == "" for found in told(event).events)


def test_event_publishing_and_identity_notifications_tell_one_fact():
    assert slots(event_of("bounce_permanent")) == slots(event_of("identity_bounce"))


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("click", ("click", "timestamp"), "2026-01-01T12:06:25.571Z"),
        ("click", ("click", "link"), "https://www.example.com/other"),
        ("open", ("open", "timestamp"), "2026-01-01T12:05:19.653Z"),
        ("bounce_permanent", ("bounce", "feedbackId"), "another"),
        ("complaint", ("complaint", "feedbackId"), "another"),
        ("send", ("mail", "messageId"), "another"),
        ("send", ("mail", "destination"), ["bob@example.com"]),
        ("send", ("eventType",), "Reject"),
    ],
)
def test_whatever_tells_two_facts_apart_is_part_of_them(name, path, value):
    event, other = event_of(name), event_of(name)
    inner = other
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert slots(event) != slots(other)


def test_an_address_in_other_letters_is_the_same_recipient():
    event, other = event_of("delivery"), event_of("delivery")
    other["delivery"]["recipients"] = ["Ada@Example.com"]
    assert slots(event) == slots(other)


def test_an_email_without_an_id_is_told_apart_by_its_envelope():
    event = event_of("send")
    del event["mail"]["messageId"]
    assert slots(event) == slots(event)
    assert slots(event) != slots(event, MessageId="another")
    assert told(event).events[0].by_message is False


# -- the envelope --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b'{"Type":"Notification"}', b"\xff", b'{"eventType":"Open"}']
)
def test_what_is_no_envelope_is_kept_aside(body):
    reading = hook(body)
    assert (reading.events, len(reading.problems)) == ([], 1)
    assert reading.problems[0].raw == body


@pytest.mark.parametrize("type_", ["Notification", "UnsubscribeConfirmation"])
def test_an_envelope_whose_id_holds_half_a_character_is_read(type_):
    told = topics.envelope(event_of("open") | {"mail": {}}, TOPIC, CERTIFICATE, Signature="AA==", Type=type_)
    told |= {"MessageId": "a\ud800", "Token": "t", "SubscribeURL": "https://sns.example.com/"}
    reading = hook(json.dumps(told).encode())
    assert (len(reading.events), reading.problems) == (1, [])


def test_a_question_for_confirmation_that_was_stored_says_nothing():
    reading = hook(topics.confirmation(TOPIC, CERTIFICATE, "https://sns.example.com/", Signature="AA=="))
    assert (reading.events, reading.problems) == ([], [])


def test_reading_does_not_depend_on_when_it_came():
    body = msgspec.json.encode(envelope(event_of("open"), TOPIC, CERTIFICATE, Signature="AA=="))
    assert hook(body) == hook(body, received_at=1)


def test_there_are_no_lists_and_the_setup_says_what_is_accepted():
    assert SES.feeds(SOURCE) == []
    assert SES.enabled(SOURCE) == {}
    text = SES.setup(SOURCE, "https://events.example.com/webhooks/acme")
    assert f"- topics: {TOPIC}" in text
    assert "https://events.example.com/webhooks/acme" in text
    assert "nothing is confirmed or accepted**" in SES.setup(Source(name="acme", provider="amazon_ses"), "")
    assert "{" not in text
