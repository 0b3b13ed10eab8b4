"""The quirks of Scaleway's events and states (provider file, "Events", "Quirks", "Dedupe key")."""

from __future__ import annotations

import json

import msgspec
import pytest

from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Clock, ConfigurationError, Kind, Precision
from tests.providers import topics
from tests.providers.scaleway_tem.fake import WEBHOOK
from tests.providers.scaleway_tem.said import (
    CERTIFICATE,
    RECEIVED,
    SOURCE,
    TEM,
    TOPIC,
    at,
    event_of,
    hook,
    page,
    rows,
    told,
)


def only(reading):
    (found,) = reading.events
    return found


def test_spam_is_a_refusal_and_no_complaint_unless_no_server_was_asked():
    event = event_of("email_spam")
    assert (only(told(event)).kind, only(told(event)).bounce_class) == (Kind.BOUNCED, BounceClass.BLOCK)
    for code in (0, None, "550"):
        event["email_response_code"] = code
        assert (only(told(event)).kind, only(told(event)).bounce_class) == (Kind.DROPPED, None)


def test_an_unknown_event_keeps_its_word():
    event = event_of("email_delivered") | {"type": "email_teleported"}
    found = only(told(event))
    assert (found.kind, found.word, found.message_id) == (Kind.OTHER, "email_teleported", event["email_id"])
    assert found.slot != only(told(event | {"type": "email_beamed"})).slot


def test_what_scaleway_itself_does_not_know_passes_by():
    assert told({"type": "unknown_type"}).problems == []
    assert told({"type": "unknown_type"}).events == []


@pytest.mark.parametrize(
    ("name", "gone", "time"),
    [
        ("email_delivered", "email_sent_at", "10:00:30.5"),
        ("email_queued", "email_queued_at", "10:00:28.1"),
        ("email_blocklisted", "email_blocklisted_at", "10:00:35"),
    ],
)
def test_without_a_time_of_its_own_an_event_has_that_of_its_making(name, gone, time):
    event = event_of(name)
    del event[gone]
    found = only(told(event))
    assert (found.occurred_at, found.clock) == (at(time), Clock.STATED)
    event["created_at"] = "soon"
    found = only(told(event, Timestamp="2026-03-01T10:00:37.250Z"))
    assert (found.occurred_at, found.clock) == (at("10:00:37.25"), Clock.RECEIVED)


def test_times_with_fractions_are_of_the_millisecond():
    event = event_of("email_delivered") | {"email_sent_at": "2026-03-01T10:00:30.123456Z"}
    found = only(told(event))
    assert (found.occurred_at, found.precision) == (at("10:00:30.123"), Precision.MILLISECOND)


def test_the_deprecated_error_speaks_where_no_answer_does():
    event = event_of("email_dropped") | {"email_response_message": "", "email_error": "refused"}
    assert only(told(event)).reason == "refused"


def test_campaign_and_external_id_come_from_the_headers_the_source_names():
    event = event_of("email_delivered")
    event["email_headers"] = [{"key": "x-external-id", "value": "c-42"}, {"key": "X-Campaign-Id", "value": "spring"}]
    found = only(told(event))
    assert (found.external_id, found.campaign_id) == ("c-42", "spring")
    named = Source(name="acme", provider="scaleway_tem", options={"external_id": "X-Order-Id"})
    assert only(told(event_of("email_delivered"), named)).external_id == "4711"


def test_headers_that_are_none_spoil_nothing():
    event = event_of("email_delivered")
    event["email_headers"] = [None, {"key": None}, {"key": "A", "value": ["x"]}, {"key": "B", "value": "b"}, "C"]
    assert only(told(event)).metadata["B"] == "b"
    assert only(told(event | {"email_headers": {"A": "b"}})).kind is Kind.DELIVERED


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"\xff", b'{"Type":"Notification"}'])
def test_what_is_no_envelope_is_kept_aside(body):
    reading = hook(body)
    assert (reading.events, len(reading.problems), reading.problems[0].raw) == ([], 1, body)


@pytest.mark.parametrize("message", ["", "Dear operator", "[]", "{}", '{"type":7e', '{"type":[]}'])
def test_a_message_that_is_no_event_is_kept_aside(message):
    reading = told(message)
    assert (reading.events, len(reading.problems)) == ([], 1)


@pytest.mark.parametrize("type_", ["Notification", "UnsubscribeConfirmation"])
def test_an_envelope_whose_id_holds_half_a_character_is_read(type_):
    told = topics.envelope({"type": "email_delivered"}, TOPIC, CERTIFICATE, Signature="AA==", Type=type_)
    told |= {"MessageId": "a\ud800", "Token": "t", "SubscribeURL": "https://sns.example.com/"}
    reading = hook(json.dumps(told).encode())
    assert (len(reading.events), reading.problems) == (1, [])


def test_a_question_for_confirmation_that_was_stored_says_nothing():
    reading = hook(topics.confirmation(TOPIC, CERTIFICATE, "https://sns.scaleway.com/?x", Signature="AA=="))
    assert (reading.events, reading.problems) == ([], [])


# -- lists ---------------------------------------------------------------------------------------------------


def test_a_row_tells_the_same_event_as_its_post_and_which_webhook_made_it():
    posted = only(told(event_of("email_delivered")))
    listed = only(page("events", {"webhook_events": [rows("events")[2]]}))
    assert listed == msgspec.structs.replace(posted, metadata=posted.metadata | {"webhook_id": WEBHOOK})


def test_a_bad_row_spoils_no_other():
    good = rows("events")[2]
    bad = [None, 7, {}, {"data": "{"}, {"data": 7}, good | {"data": "[]"}]
    reading = page("events", {"webhook_events": [*bad, good]})
    assert [found.kind for found in reading.events] == [Kind.DELIVERED]
    assert [problem.item for problem in reading.problems] == list(range(len(bad)))
    good = rows("emails")[0]
    bad = [None, 7, {}, {"id": "1"}, good | {"created_at": "soon"}, good | {"id": None}]
    reading = page("emails", {"emails": [*bad, good]})
    assert [found.kind for found in reading.events] == [Kind.QUEUED, Kind.DELIVERED]
    assert [problem.item for problem in reading.problems] == list(range(len(bad)))


def test_data_that_is_no_text_but_an_object_is_read_all_the_same():
    row = rows("events")[2] | {"data": event_of("email_delivered")}
    assert only(page("events", {"webhook_events": [row]})) == only(
        page("events", {"webhook_events": [rows("events")[2]]})
    )


@pytest.mark.parametrize(
    ("flags", "code", "meant"),
    [
        (["mailbox_not_found"], 550, BounceClass.HARD),
        (["hard_bounce", "spam"], 550, BounceClass.HARD),
        (["spam", "soft_bounce"], 554, BounceClass.BLOCK),
        (["mailbox_full"], 452, BounceClass.SOFT),
        ([], 550, BounceClass.HARD),
        ([], 451, BounceClass.SOFT),
        (["send_before_expiration", {}], 451, BounceClass.SOFT),
        (None, 550, BounceClass.HARD),
    ],
)
def test_a_failed_email_is_classed_by_its_flags_and_then_by_the_last_answer(flags, code, meant):
    row = rows("emails")[2] | {"flags": flags}
    row["last_tries"][0]["code"] = code
    assert page("emails", {"emails": [row]}).events[-1].bounce_class is meant


def test_an_outcome_without_an_attempt_has_the_time_of_the_last_change():
    row = rows("emails")[0] | {"last_tries": []}
    found = page("emails", {"emails": [row]}).events[-1]
    assert (found.kind, found.occurred_at, found.clock) == (Kind.DELIVERED, at("10:20:00"), Clock.RECEIVED)
    for updated in (None, "soon"):
        found = page("emails", {"emails": [row | {"updated_at": updated}]}).events[-1]
        assert (found.occurred_at, found.clock) == (RECEIVED, Clock.RECEIVED)


def test_states_are_of_the_second_so_that_events_speak_first():
    row = rows("emails")[0]
    row["last_tries"][0]["tried_at"] = "2026-03-01T10:00:30.987654Z"
    found = page("emails", {"emails": [row]}).events
    assert [(one.occurred_at, one.precision) for one in found] == [
        (at("10:00:28"), Precision.SECOND),
        (at("10:00:30"), Precision.SECOND),
    ]


def test_attempts_are_told_apart_by_their_number_in_any_order():
    row = rows("emails")[1]
    again = row | {"last_tries": [None, {"rank": "1"}, *reversed(row["last_tries"])]}
    assert page("emails", {"emails": [again]}).events == page("emails", {"emails": [row]}).events


@pytest.mark.parametrize("status", ["new", "sending", "unknown", "brand_new", None, 7])
def test_an_email_that_has_not_come_to_an_end_is_queued(status):
    row = rows("emails")[6] | {"status": status}
    assert [found.kind for found in page("emails", {"emails": [row]}).events] == [Kind.QUEUED]


def test_another_list_is_kept_aside():
    assert page("statistics", {"total_count": 1}).problems[0].reason == "Scaleway has no list 'statistics'."


# -- identity ------------------------------------------------------------------------------------------------


def test_a_redelivery_is_the_same_row_and_another_event_is_another():
    event = event_of("email_deferred")
    first, again = only(told(event)), only(told(event, MessageId="another", Timestamp="2026-03-01T11:00:00Z"))
    assert first == again
    other = only(told(event | {"id": "another"}))
    assert (other.slot, other.row) == (first.slot, "another")


def test_what_a_state_shows_lies_in_the_slot_of_its_event():
    states = {found.slot for found in page("emails", {"emails": rows("emails")}).events}
    for name in ("email_queued", "email_delivered", "email_deferred", "email_mailbox_not_found", "email_spam"):
        assert only(told(event_of(name))).slot in states
    assert only(told(event_of("email_spam_by_scaleway"))).slot in states


def test_an_event_without_an_id_has_its_envelopes():
    event = event_of("email_delivered")
    del event["id"]
    assert only(told(event)).row == "11111111-2222-5333-8444-555555555555"


# -- the source ----------------------------------------------------------------------------------------------


def test_the_key_opens_the_api_as_scaleway_wants_it():
    source = Source(name="acme", provider="scaleway_tem", api_key=" secret ")
    assert TEM.credentials(source) == {"X-Auth-Token": "secret"}
    with pytest.raises(ConfigurationError, match="api_key"):
        TEM.credentials(SOURCE)
    assert TEM.enabled(SOURCE) == {}


@pytest.mark.parametrize("option", [{"look_back": "soon"}, {"emails_every": "x"}, {"max_age": "y"}, {"webhooks": "id"}])
def test_an_option_that_is_none_is_an_error_that_names_it(option):
    source = Source(name="acme", provider="scaleway_tem", options=option)
    with pytest.raises(ConfigurationError, match=next(iter(option))):
        TEM.feeds(source)


def test_the_setup_says_what_is_accepted():
    text = TEM.setup(SOURCE, "https://events.example.com/webhooks/acme")
    assert f"- topics: {TOPIC}" in text
    assert "https://events.example.com/webhooks/acme" in text
