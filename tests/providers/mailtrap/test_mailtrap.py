"""Mailtrap's quirks, one by one (provider file), and what is the same event."""

from __future__ import annotations

import msgspec
import pytest

from aftersend.providers import PROVIDERS
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, ConfigurationError, Kind, Machine, Precision
from tests.providers.mailtrap.said import MAILTRAP, MESSAGE, SOURCE, at, email, event, fixture, hook, page, slot

CLICK = {
    "event_type": "click",
    "created_at": "2026-03-01T10:14:20Z",
    "details": {"click_url": "https://a.example.com/"},
}


@pytest.mark.parametrize(
    ("spellings", "kind"),
    [
        (("soft bounce", "soft_bounce", "Soft  Bounce"), Kind.DEFERRED),
        (("spam", "spam_complaint", "Spam Complaint"), Kind.COMPLAINED),
        (("delivery", " DELIVERY "), Kind.DELIVERED),
    ],
)
def test_an_event_is_the_same_in_each_of_its_spellings(spellings, kind):
    found = [event(event=spelling, url=None) for spelling in spellings]
    assert {one.kind for one in found} == {kind}
    assert len({one.slot for one in found}) == 1
    assert [one.word for one in found] == [spelling.strip() for spelling in spellings]


@pytest.mark.parametrize(
    ("category", "found"),
    [
        *((name, BounceClass.HARD) for name in ("badrecipient", "dnsFail", "hard", "invalid_recipient", "unavailable")),
        *((name, BounceClass.SOFT) for name in ("overquota", "timeout", "transientfail", "greylisting", "serverfail")),
        *((name, BounceClass.SOFT) for name in ("generalfail", "Overquota")),
        *((name, BounceClass.BLOCK) for name in ("badsender", "verifyfail", "relayfail", "block", "serverpolicy")),
        *((name, BounceClass.BLOCK) for name in ("spam_gmail", "content", "spam")),
        ("other", BounceClass.UNDETERMINED),
        (None, BounceClass.HARD),
    ],
)
def test_a_bounce_has_the_class_of_its_category_and_a_new_category_is_as_final_as_any_bounce(category, found):
    assert event(event="bounce", bounce_category=category).bounce_class is found
    assert event(event="soft bounce", bounce_category=category).bounce_class is None
    details = {"bounce_category": category}
    bounce = {"event_type": "bounce", "created_at": "2026-03-01T10:14:20Z", "details": details}
    assert page("one", email(bounce)).events[0].bounce_class is found


@pytest.mark.parametrize("reason", ["other", "unknown", None])
def test_a_reason_can_be_poor_or_missing(reason):
    assert event(event="reject", reason=reason).reason == reason


def test_category_and_variables_may_be_missing_or_of_any_type():
    bare = event(category=None, custom_variables=None)
    assert (bare.campaign_id, bare.external_id, bare.metadata) == (None, None, {"sending_stream": "transactional"})
    for odd in ([], "text", 7, True):
        assert event(category=None, custom_variables=odd) == bare
    found = event(custom_variables={"external_id": 7.5, "ok": False, "empty": "", "deep": {"a": 1}})
    assert found.external_id == "7.5"
    assert found.metadata == {
        "external_id": "7.5",
        "ok": "false",
        "deep.a": "1",
        "category": "receipt",
        "sending_stream": "transactional",
    }


def test_campaign_and_external_id_are_where_the_options_say_and_else_the_category_is_the_campaign():
    source = Source(name="acme", provider="mailtrap", options={"external_id": "order_id", "campaign_id": "wave"})
    found = event(source)
    assert (found.external_id, found.campaign_id) == ("4711", "receipt")
    assert event(source, custom_variables={"Wave": "spring"}).campaign_id == "spring"


def test_a_robot_is_known_by_its_user_agent_alone():
    robot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    assert event(user_agent=robot).machine is Machine.MACHINE
    assert event(user_agent=None).machine is Machine.UNKNOWN


@pytest.mark.parametrize("word", ["inbound.message_received", "inbound_receiving", "audit_log", "audit_log.created"])
def test_events_of_no_email_sent_pass_by_whatever_their_shape(word):
    reading = hook({"events": [{"event": word, "timestamp": "later"}]})
    assert (reading.events, reading.problems) == ([], [])


def test_a_time_in_milliseconds_is_known_by_its_size():
    found = event(timestamp=1772360060123)
    assert (found.occurred_at, found.precision) == (at("10:14:20") + 123, Precision.MILLISECOND)
    assert found.slot == event().slot
    assert event(timestamp="1772360060") == event()


@pytest.mark.parametrize("time", ["", "soon", True, [], {}, -1, 1e300, "nan", "Infinity"])
def test_an_event_without_a_time_is_a_problem_and_not_dated_by_guess(time):
    good = msgspec.json.decode(fixture("webhook_delivery.json"))["events"][0]
    reading = hook({"events": [good | {"timestamp": time}, good]})
    assert [problem.item for problem in reading.problems] == [0]
    assert len(reading.events) == 1


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        (b"", ["The webhook is not JSON."]),
        (b'{"events":[{"event":"open"', ["The webhook is not JSON."]),
        (b"[]", ["A webhook's JSON must be an object."]),
        (b'{"events":{}}', ["events must be a list."]),
        (b"{}", ["event is missing."]),
        (
            b'{"events":[null,{"event":"open"},{"event":7.5}]}',
            ["An event must be an object."] + ["timestamp is missing."] * 2,
        ),
        (b'{"events":[]}', []),
    ],
)
def test_what_cannot_be_read_is_a_problem(body, reasons):
    reading = hook(body)
    assert [problem.reason for problem in reading.problems] == reasons
    assert reading.events == []


@pytest.mark.parametrize("content_type", ["application/jsonl", "application/json", ""])
def test_one_event_a_line_is_understood_whatever_it_is_called(content_type):
    first, second = fixture("lines.jsonl").splitlines()
    both = hook(fixture("lines.jsonl"), content_type=content_type)
    assert len(both.events) == 2
    assert hook(first, content_type=content_type).events == both.events[:1]
    assert hook(b"\r\n".join([first, b"", second]), content_type=content_type) == both
    broken = hook(first + b"\n{broken\n" + second, content_type=content_type)
    assert broken.events == both.events
    assert [(problem.item, problem.raw) for problem in broken.problems] == [(1, b"{broken")]


@pytest.mark.parametrize("body", [b"", b"\n\n", b"{broken"])
def test_lines_that_hold_nothing_are_a_problem(body):
    assert len(hook(body, content_type="application/jsonl").problems) == 1


def test_a_broken_first_line_spoils_no_other_where_lines_were_announced():
    body = b"{broken\n" + fixture("lines.jsonl")
    assert len(hook(body, content_type="application/jsonl").events) == 2


# -- identity ------------------------------------------------------------------------------------------------


def test_both_doors_tell_of_one_event():
    told = {
        one.slot: one
        for name in ("engagement", "delivery", "unsubscribe_spam")
        for one in hook(fixture(f"webhook_{name}.json")).events
    }
    listed = {one.slot: one for one in page("one", fixture("feed_messages_one.json")).events}
    assert len(set(told) & set(listed)) == 5
    assert {(told[slot].kind, told[slot].occurred_at) for slot in set(told) & set(listed)} == {
        (listed[slot].kind, listed[slot].occurred_at) for slot in set(told) & set(listed)
    }


def test_a_message_id_is_the_same_in_capitals():
    assert event(message_id=MESSAGE.upper()).slot == event().slot


def test_another_second_or_link_or_message_is_another_event():
    others = [event(timestamp=1772360061), event(url="https://b.example.com/"), event(message_id="another")]
    assert len({one.slot for one in [event(), *others]}) == 4


def test_the_link_tells_apart_clicks_only():
    assert event(event="open").slot == slot("open", MESSAGE, "10:14:20")
    assert event(event="open").url is None


def test_two_clicks_of_one_second_are_two_rows_in_either_door():
    one, other = event(), event(event_id="another")
    assert (one.slot, one.list) == (other.slot, other.list)
    assert one.row != other.row
    assert [(found.list, found.row) for found in page("one", email(CLICK, CLICK)).events] == [
        ("logs", "1"),
        ("logs", "2"),
    ]


def test_an_event_without_an_id_of_its_own_is_one_however_often_it_comes():
    assert event(event_id=None) == event(event_id=None)
    assert (event(event_id=None).row, event(event_id=None).row_id) == ("", None)


def test_an_event_without_a_message_stands_alone():
    alone = event(message_id=None)
    assert (alone.by_message, alone.message_id) == (False, None)
    assert alone == event(message_id=None)
    assert alone.slot != event(message_id=None, event_id="another").slot
    assert (
        event(message_id=None, event_id=None).slot != event(message_id=None, event_id=None, email="b@example.com").slot
    )


# -- lists ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["ana@example.com", "Ana <ana@example.com>"])
def test_a_recipient_is_an_address_without_its_name(to):
    assert page("one", email(CLICK, to=to)).events[0].email == "ana@example.com"


def test_a_bad_event_of_an_email_spoils_no_other():
    bad = [7, {}, {"event_type": "open"}, {"event_type": "open", "created_at": "soon"}]
    reading = page("one", email(*bad, CLICK))
    assert [(problem.item, problem.reason) for problem in reading.problems] == [
        (0, "An event must be an object."),
        (1, "event_type is missing."),
        (2, "created_at is missing."),
        (3, "created_at is not a time."),
    ]
    assert [found.kind for found in reading.events] == [Kind.CLICKED]


@pytest.mark.parametrize("part", ["one", "list"])
@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"messages":7,"events":7}', b'{"events":[]}'])
def test_what_is_no_answer_is_a_problem(part, body):
    assert len(page(part, body).problems) == 1


def test_an_event_that_is_new_is_kept_with_its_word():
    (found,) = page("one", email(CLICK | {"event_type": "forwarded"})).events
    assert (found.kind, found.word, found.url) == (Kind.OTHER, "forwarded", None)


# -- the source ----------------------------------------------------------------------------------------------


def test_without_a_key_only_webhooks_are_read():
    assert MAILTRAP.enabled(SOURCE) == {}
    keyed = Source(name="acme", provider="mailtrap", api_key=" token ")
    assert list(MAILTRAP.enabled(keyed)) == ["messages", "complaints", "unsubscribes"]
    assert MAILTRAP.credentials(keyed) == {"Authorization": "Bearer token"}
    with pytest.raises(ConfigurationError, match="API Tokens"):
        MAILTRAP.credentials(SOURCE)


def test_a_429_which_says_nothing_means_silence_for_a_minute():
    body = b'{"errors":"Rate limit exceeded"}'
    assert MAILTRAP.not_before(429, {}, body, 1_000) == 61_000
    assert MAILTRAP.not_before(503, {}, body, 1_000) is None


def test_the_account_stands_in_the_path_where_the_option_says_so():
    source = Source(name="acme", provider="mailtrap", options={"account_id": "12/3"})
    assert [MAILTRAP.probe(one).path for one in (SOURCE, source)] == [
        "api/email_logs",
        "api/accounts/12%2F3/email_logs",
    ]


def test_a_wrong_option_is_named():
    for options, name in (({"look_back": "soon"}, "look_back"), ({"emails_every": ""}, "emails_every")):
        with pytest.raises(ConfigurationError, match=name):
            MAILTRAP.feeds(Source(name="acme", provider="mailtrap", options=options))


def test_the_setup_names_the_address_and_both_streams():
    text = PROVIDERS["mailtrap"].setup(SOURCE, "https://aftersend.example.com/webhooks/acme")
    assert "https://aftersend.example.com/webhooks/acme" in text
    assert "transactional" in text
    assert "bulk" in text
    assert "{webhook_url}" not in text
