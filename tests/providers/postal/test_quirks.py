"""Postal's quirks and ids, each in its own words (provider file, "Quirks", "Dedupe key", "Time format")."""

from __future__ import annotations

import random

import msgspec
import pytest

from aftersend.providers.contract import Provider
from aftersend.receiver import create_app
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Delivery, Door, Kind, Precision, Problem, Reading
from aftersend.worker.normalizer import drain
from tests.fakes import Polling
from tests.providers.postal.said import POSTAL, RECEIVED, SOURCE, fixture, hook, public_key, said, signed


def one(body, **options):
    (event,) = hook(body, **options).events
    return event


def changed(name: str, payload: dict | None = None, message: dict | None = None, **envelope):
    """A fixture with some of its fields replaced; ``...`` takes one away."""
    body = said(name)
    for part, fields in (
        (body, envelope),
        (body["payload"], payload or {}),
        (body["payload"].get("message", {}), message or {}),
    ):
        part.update(fields)
        for field in [field for field, value in part.items() if value is ...]:
            del part[field]
    return body


# -- what happened -------------------------------------------------------------------------------------------


def test_a_bounce_is_one_under_any_name():
    for word in ("MessageBounced", "MessageDelayed", "MessageSent", "SomethingNew"):
        event = one(changed("bounced", event=word))
        assert (event.kind, event.word, event.email) == (Kind.BOUNCED, word, "gone@example.com")


def test_the_events_name_counts_before_its_status():
    assert one(changed("sent", {"status": "HardFail"})).kind is Kind.DELIVERED
    assert one(changed("delivery_failed", event="NewName")).kind is Kind.BOUNCED
    assert one(changed("held", event="NewName")).kind is Kind.DROPPED
    assert one(changed("delivery_failed", {"status": "NewStatus"}, event="NewName")).kind is Kind.OTHER


@pytest.mark.parametrize("name", ["sent", "delayed", "delivery_failed", "held", "loaded", "link_clicked"])
def test_mail_that_postal_received_passes_by_whatever_became_of_it(name):
    assert hook(changed(name, message={"direction": "incoming"})) == Reading()


def test_a_bounce_mail_was_received_but_its_original_was_sent():
    body = said("bounced")
    assert body["payload"]["bounce"]["direction"] == "incoming"
    assert len(hook(body).events) == 1
    body["payload"]["original_message"]["direction"] = "incoming"
    assert hook(body) == Reading()


def test_a_held_message_that_is_released_is_dropped_and_then_delivered():
    released = changed("held", {"status": "Sent", "timestamp": 1772359500.5}, event="MessageSent", uuid="u-2")
    held, sent = one(fixture("held")), one(released)
    assert (held.kind, sent.kind, held.message_id) == (Kind.DROPPED, Kind.DELIVERED, sent.message_id)
    assert held.slot != sent.slot


@pytest.mark.parametrize(
    ("details", "output", "wanted"),
    [
        ("Permanent SMTP delivery error", "550 5.1.1 No such user\n", BounceClass.HARD),
        ("Permanent SMTP delivery error", "550 No such user", BounceClass.HARD),
        ("Permanent SMTP delivery error", "554 5.7.26 unauthenticated", BounceClass.BLOCK),
        ("Permanent SMTP delivery error", "552 5.2.2 full", BounceClass.SOFT),
        ("Permanent SMTP delivery error", "552 5.2.21 odd", BounceClass.HARD),
        ("Maximum number of delivery attempts (18) has been reached", "452 later", BounceClass.SOFT),
        ("Refused with 4.2.2 at last", "", BounceClass.SOFT),
        ("Maximum number of delivery attempts (18) has been reached", "", BounceClass.HARD),
        ("No mail server at 192.0.2.5.5.5", None, BounceClass.HARD),
    ],
)
def test_the_class_of_a_bounce_is_in_what_the_remote_server_said(details, output, wanted):
    assert one(changed("delivery_failed", {"details": details, "output": output})).bounce_class is wanted


# -- fields --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", [None, "", "  ", ...])
def test_a_tag_that_says_nothing_is_none(tag):
    event = one(changed("sent", message={"tag": tag}))
    assert (event.campaign_id, "tag" in event.metadata) == (None, False)


def test_the_two_marks_of_a_message_mean_what_the_source_says():
    marked = changed("sent", message={"tag": "c-42", "message_id": "<order-7@example.com>"})
    assert (one(marked).external_id, one(marked).campaign_id) == (None, "c-42")
    event = one(marked, external_id="tag", campaign_id="")
    assert (event.external_id, event.campaign_id) == ("c-42", None)
    event = one(marked, external_id="message_id")
    assert (event.external_id, event.message_id, event.campaign_id) == (
        "order-7@example.com",
        "order-7@example.com",
        "c-42",
    )


@pytest.mark.parametrize("to", ["nora@example.com", "Nora <nora@example.com>", '"Nora, A." <nora@example.com>'])
def test_a_recipient_may_have_a_display_name(to):
    assert one(changed("sent", message={"to": to})).email == "nora@example.com"


def test_the_time_of_the_attempt_counts_before_that_of_the_webhook():
    assert one(fixture("sent")).occurred_at == 1772359230400
    assert one(changed("sent", {"timestamp": ...})).occurred_at == 1772359230512
    assert one(changed("sent", {"timestamp": "soon"})).occurred_at == 1772359230512
    assert one(changed("sent", {"timestamp": "1772359230.4"})).occurred_at == 1772359230400


def test_a_whole_second_is_as_precise_as_it_is_written():
    event = one(changed("sent", {"timestamp": 1772359230}))
    assert (event.occurred_at, event.precision) == (1772359230000, Precision.SECOND)


def test_a_robot_is_known_by_its_name_alone():
    event = one(changed("link_clicked", {"user_agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}))
    assert (event.machine.value, event.machine_reason) == ("machine", "user agent of a robot")


def test_an_unknown_event_is_kept_with_its_word():
    event = one({"event": "MessageNew", "timestamp": 1772359230.5, "payload": {}, "uuid": "u-1"})
    assert (event.kind, event.word, event.email, event.by_message) == (Kind.OTHER, "MessageNew", None, False)


# -- identity ------------------------------------------------------------------------------------------------


def test_an_attempt_that_comes_again_is_the_same_event():
    for name in ("sent", "bounced", "link_clicked"):
        assert hook(fixture(name)).events == hook(fixture(name), received_at=RECEIVED + 2_160_000).events


def test_two_clicks_of_one_link_are_two():
    again = changed("link_clicked", uuid="63cfe274-90bd-4361-9277-b4c5d6e7f80a")
    assert one(again).slot != one(fixture("link_clicked")).slot


def test_each_failed_attempt_is_an_event():
    again = changed("delayed", {"timestamp": 1772359410.1}, uuid="u-2")
    assert one(again).slot != one(fixture("delayed")).slot


def test_without_a_uuid_the_whole_body_stands_in():
    bare = changed("link_clicked", uuid=...)
    other = changed("link_clicked", {"ip_address": "192.0.2.26"}, uuid=...)
    assert one(bare).slot == one(bare).slot != one(other).slot
    assert one(bare).row_id is None


def test_the_uuid_of_a_thing_in_the_payload_is_not_the_webhooks():
    bare = changed("sent", {"uuid": "74d0f385-a1ce-4472-8388-c5d6e7f8091a"}, uuid=...)
    other = changed("sent", {"uuid": "74d0f385-a1ce-4472-8388-c5d6e7f8091a", "time": 2}, uuid=...)
    assert one(bare).slot != one(other).slot


@pytest.mark.parametrize("seed", range(3))
def test_repeated_and_reordered_webhooks_are_counted_once_in_the_store(tmp_path, seed):
    chance = random.Random(seed)
    names = ["sent", "delayed", "delivery_failed", "held", "bounced", "loaded", "link_clicked", "incoming"]
    bodies = [fixture(name) for name in names]
    bodies.append(msgspec.json.encode(changed("link_clicked", uuid="63cfe274-90bd-4361-9277-b4c5d6e7f80a")))
    source = Source(name="acme", provider="postal", webhook_secrets=[public_key("first")])
    polling = Polling(tmp_path, source)
    client = create_app(polling.settings, polling.store).test_client()
    arriving = bodies * 3
    chance.shuffle(arriving)
    for body in arriving:
        answer = client.post("/webhooks/acme", data=body, headers=signed(body, "first"))
        assert (answer.status_code, answer.data) == (200, b"ok")
        if chance.random() < 0.3:
            drain(polling.store, polling.settings)
    assert client.post("/webhooks/acme", data=bodies[0], headers=signed(bodies[1], "first")).status_code == 401
    drain(polling.store, polling.settings)
    assert sorted(event.kind.value for event in polling.events()) == [
        *("bounced", "bounced", "clicked", "clicked", "deferred", "delivered", "dropped", "opened")
    ]
    assert polling.store.quarantine() == []
    assert polling.run() == {}
    polling.close()


# -- bad bodies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The webhook is not JSON."),
        (b"{", "The webhook is not JSON."),
        (b"[]", "A webhook's JSON must be an object."),
        (b"7", "A webhook's JSON must be an object."),
        (b"{}", "event is missing."),
        (b'{"event":7.5,"payload":[]}', "payload must be an object."),
        (b'{"event":"MessageSent"}', "payload must be an object."),
        (b'{"event":"MessageSent","payload":{}}', "timestamp is missing, or is not a time in Unix seconds."),
        (b'{"event":"MessageSent","timestamp":1,"payload":{}}', "to is missing."),
        (
            b'{"event":"MessageSent","timestamp":-1,"payload":{}}',
            "timestamp is missing, or is not a time in Unix seconds.",
        ),
    ],
)
def test_what_cannot_be_understood_is_a_problem(body, reason):
    assert hook(body) == Reading(problems=[Problem(item=0, reason=reason, raw=body)])


def test_mail_handed_to_an_application_is_signed_the_same_way_and_is_no_event():
    body = {"id": 12, "rcpt_to": "in@example.com", "mail_from": "a@example.com", "message": "…", "base64": True}
    assert [problem.reason for problem in hook(body).problems] == ["event is missing."]


# -- the provider --------------------------------------------------------------------------------------------


def test_there_is_nothing_to_poll_and_no_key_to_give():
    assert POSTAL.feeds(SOURCE) == []
    assert POSTAL.enabled(SOURCE) == {}
    assert POSTAL.credentials(SOURCE) == {}
    assert POSTAL.probe(SOURCE) is None
    assert type(POSTAL).probe is Provider.probe


def test_a_page_of_a_list_is_a_problem():
    delivery = Delivery(source="acme", door=Door.FEED, feed="messages", received_at=RECEIVED, body=b"[]")
    assert [problem.reason for problem in POSTAL.read(delivery, SOURCE).problems] == ["Postal has no list 'messages'."]


def test_the_setup_says_what_to_do():
    text = POSTAL.setup(SOURCE, "https://hooks.example.com/webhooks/acme")
    assert "https://hooks.example.com/webhooks/acme" in text
    assert "`acme`" in text
    assert "no lists" in text
    assert "{" not in text
