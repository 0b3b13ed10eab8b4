"""What the provider file warns of, and what must not count twice."""

from __future__ import annotations

import msgspec
import pytest

from aftersend.providers.contract import Answer, Context
from aftersend.providers.mailjet import messages
from aftersend.providers.mailjet.words import ERRORS
from aftersend.providers.paging import DAY
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, ConfigurationError, Kind, Machine
from tests.providers.mailjet.said import (
    ABOUT,
    MAILJET,
    MESSAGE,
    RECEIVED,
    SOURCE,
    fixture,
    hook,
    identities,
    page,
    told,
)

EVERYTHING = (
    *("sent", "open", "click", "bounce_hard", "bounce_soft", "bounce_block", "bounce_greylisted", "blocked", "spam"),
    *("unsub", "grouped", "unknown"),
)


def one(body):
    (event,) = hook(body).events
    return event


# -- the same fact or not ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_webhook_that_comes_again_later_adds_nothing(name):
    body = fixture(f"webhook_{name}")
    assert identities(hook(body)) == identities(hook(body, RECEIVED + DAY))


def test_a_group_says_what_its_events_say_alone_in_any_order():
    events = [told(f"webhook_{name}") for name in EVERYTHING if name != "grouped"]
    alone = identities(*(hook(event) for event in events))
    assert identities(hook(events)) == alone
    assert identities(hook(events[::-1])) == alone[::-1]
    assert len(set(alone)) == len(alone)


@pytest.mark.parametrize(
    "changed",
    [
        {"time": 1772360061},
        {"url": "https://shop.example.com/other"},
        {"ip": "192.0.2.26"},
        {"email": "bob@example.com"},
        {"MessageID": 1152921510234567999},
        {"event": "open"},
    ],
)
def test_genuinely_different_events_stay_different(changed):
    assert identities(hook(told("webhook_click", **changed))) != identities(hook(told("webhook_click")))


def test_two_bounces_of_one_second_with_other_errors_stay_two():
    bodies = [told("webhook_bounce_soft", error=error) for error in ("quota exceeded", "greylisted")]
    first, second = (event for body in bodies for event in hook(body).events)
    assert (first.kind, second.kind) == (Kind.BOUNCED, Kind.DEFERRED)
    assert (first.slot, first.list) == (second.slot, second.list)
    assert first.row != second.row


def test_webhook_and_history_of_a_fact_have_one_slot_and_the_webhook_speaks_first():
    sent, clicked, *_ = page("histories", fixture("feed_histories"), **ABOUT).events
    assert sent.slot == one(fixture("webhook_sent")).slot
    assert clicked.slot == one(fixture("webhook_click")).slot
    assert one(fixture("webhook_click")).list < clicked.list


def test_a_history_that_is_read_again_says_the_same():
    first, again = (page("histories", fixture("feed_histories"), **ABOUT) for _ in range(2))
    assert identities(first) == identities(again)
    assert len(set(identities(first))) == 4


def test_a_change_of_status_is_no_new_account_of_a_message():
    body = told("feed_messages")
    rows = [body["Data"][0] | {"Status": status} for status in ("sent", "opened", "clicked", "hardbounced")]
    events = page("messages", {"Data": rows}).events
    assert events == [events[0]] * 4


# -- quirks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1152921510234567890, 2**63 + 1, 2**70])
def test_message_ids_that_fit_into_no_double_are_kept_digit_by_digit(number):
    assert one(told("webhook_open", MessageID=number)).message_id == str(number)
    assert one(told("webhook_open", MessageID=str(number))).message_id == str(number)


@pytest.mark.parametrize("missing", [0, "", "0", None, ...])
def test_ids_that_are_zero_or_empty_or_missing_are_none(missing):
    event = one(told("webhook_unsub", mj_campaign_id=missing, mj_contact_id=missing, mj_list_id=missing))
    assert (event.campaign_id, event.contact_id, "list_id" in event.metadata) == (None, None, False)


def test_the_deprecated_id_stands_in_for_a_missing_one_and_without_any_the_address_does():
    assert one(told("webhook_sent", MessageID=...)).message_id == MESSAGE
    event = one(told("webhook_unsub", MessageID=0))
    assert (event.message_id, event.by_message, event.email) == (None, False, "ana@example.com")
    assert identities(hook(told("webhook_unsub", MessageID=0, email="ANA@example.com"))) == [
        (event.slot, event.list, event.row)
    ]


@pytest.mark.parametrize("name", ["CustomID", "Payload", "Message_GUID", "customcampaign"])
def test_fields_that_are_missing_are_as_empty_ones(name):
    assert hook(told("webhook_open", **{name: ...})) == hook(told("webhook_open", **{name: ""}))


@pytest.mark.parametrize(
    ("payload", "metadata"),
    [
        ('{"a":{"b":1},"c":true}', {"a.b": "1", "c": "true"}),
        ("[1,2]", {"payload": "[1,2]"}),
        ("{broken", {"payload": "{broken"}),
        ("7", {"payload": "7"}),
        ("", {}),
    ],
)
def test_a_payload_need_not_be_json(payload, metadata):
    event = one(told("webhook_spam", Payload=payload, CustomID="", customcampaign="", Message_GUID=""))
    assert event.metadata == {"source": "JMRPP", **metadata}


def test_marks_are_found_in_the_payload_and_mailjets_own_campaign_wins():
    source = msgspec.structs.replace(SOURCE, options={"external_id": "user, CustomID"})
    body = told("webhook_open", Payload='{"user":"u-1","campaign_id":"spring"}')
    assert [(event.external_id, event.campaign_id) for event in hook(body, source=source).events] == [("u-1", "7257")]
    assert one(body | {"mj_campaign_id": 0}).campaign_id == "spring"


@pytest.mark.parametrize(("custom_id", "external_id"), [("order-4711", "order-4711"), ("", "u-1"), (..., "u-1")])
def test_a_namesake_in_the_payload_stands_in_for_a_custom_id_and_never_for_another(custom_id, external_id):
    body = told("webhook_open", CustomID=custom_id, Payload='{"CustomID":"u-1"}')
    assert one(body).external_id == external_id


@pytest.mark.parametrize(
    ("changed", "kind", "bounce_class"),
    [
        ({"hard_bounce": True, "error": "quota exceeded"}, Kind.BOUNCED, BounceClass.HARD),
        ({"hard_bounce": True, "error": "greylisted"}, Kind.BOUNCED, BounceClass.HARD),
        ({"hard_bounce": False, "error": "greylisted"}, Kind.DEFERRED, None),
        ({"hard_bounce": False, "error": "Greylisted", "blocked": True}, Kind.DEFERRED, None),
        ({"hard_bounce": False, "error": "user unknown"}, Kind.BOUNCED, BounceClass.SOFT),
        ({"hard_bounce": False, "error": "policy issue"}, Kind.BOUNCED, BounceClass.BLOCK),
        ({"hard_bounce": "false", "error": ""}, Kind.BOUNCED, BounceClass.SOFT),
        ({"hard_bounce": 1, "error": ""}, Kind.BOUNCED, BounceClass.HARD),
        ({"hard_bounce": ..., "error": "user unknown"}, Kind.BOUNCED, BounceClass.HARD),
        ({"hard_bounce": None, "error": "something new"}, Kind.BOUNCED, BounceClass.UNDETERMINED),
    ],
)
def test_a_bounce_is_hard_soft_blocked_or_none_at_all(changed, kind, bounce_class):
    event = one(told("webhook_bounce_hard", **changed))
    assert (event.kind, event.bounce_class) == (kind, bounce_class)


@pytest.mark.parametrize("error", [*ERRORS, "preblocked", "duplicate in campaign", "blacklisted", "spam reporter"])
def test_what_was_blocked_was_dropped_whatever_the_error(error):
    event = one(told("webhook_blocked", error=error))
    assert (event.kind, event.bounce_class, event.reason) == (Kind.DROPPED, None, error)


def test_blocked_in_a_bounce_is_a_flag_and_not_the_event():
    assert one(told("webhook_bounce_hard", blocked=True)).kind is Kind.BOUNCED


def test_a_robot_is_known_by_its_name_and_the_header_of_a_mail_is_nobodys_program():
    robot = one(told("webhook_open", agent="Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"))
    assert (robot.machine, robot.machine_reason) == (Machine.MACHINE, "user agent of a robot")
    assert one(fixture("webhook_unsub")).user_agent is None
    assert one(told("webhook_unsub", agent="Mozilla/5.0")).user_agent == "Mozilla/5.0"


@pytest.mark.parametrize("country", ["", None, ...])
def test_a_country_may_be_empty_or_missing(country):
    assert "country" not in one(told("webhook_open", geo=country)).metadata


@pytest.mark.parametrize(
    ("reply", "code"),
    [("sent (250 2.0.0 OK)", "250"), ("250 ok", "250"), ("sent in 250 ms", None), ("(2500)", None), ("", None)],
)
def test_the_code_of_smtp_stands_in_brackets_or_first(reply, code):
    assert one(told("webhook_sent", smtp_reply=reply)).smtp_code == code


@pytest.mark.parametrize(
    ("word", "kind", "bounce_class"),
    [
        ("sent", Kind.DELIVERED, None),
        ("SENT", Kind.DELIVERED, None),
        ("opened", Kind.OPENED, None),
        ("clicked", Kind.CLICKED, None),
        ("bounced", Kind.BOUNCED, BounceClass.UNDETERMINED),
        ("hardbounced", Kind.BOUNCED, BounceClass.HARD),
        ("Hard-Bounced", Kind.BOUNCED, BounceClass.HARD),
        ("softbounced", Kind.BOUNCED, BounceClass.SOFT),
        ("soft_bounced", Kind.BOUNCED, BounceClass.SOFT),
        ("blocked", Kind.DROPPED, None),
        ("unsub", Kind.UNSUBSCRIBED, None),
        ("spam", Kind.COMPLAINED, None),
        ("postponed", Kind.OTHER, None),
    ],
)
def test_words_of_a_history_are_known_without_regard_to_case_and_strokes(word, kind, bounce_class):
    row = {"EventAt": 1772359230, "EventType": word, "State": "", "Comment": "", "Useragent": ""}
    (event,) = page("histories", {"Data": [row]}, **ABOUT).events
    assert (event.kind, event.bounce_class, event.word) == (kind, bounce_class, word)


@pytest.mark.parametrize(
    ("state", "kind", "bounce_class", "reason"),
    [
        ("greylisted", Kind.DEFERRED, None, "greylisted"),
        (13, Kind.DEFERRED, None, "greylisted"),
        ("1", Kind.BOUNCED, BounceClass.HARD, "user unknown"),
        (8, Kind.BOUNCED, BounceClass.BLOCK, "content blocked"),
        (99, Kind.BOUNCED, BounceClass.UNDETERMINED, "99"),
        (0, Kind.BOUNCED, BounceClass.UNDETERMINED, None),
        ("something new", Kind.BOUNCED, BounceClass.UNDETERMINED, "something new"),
    ],
)
def test_the_state_in_a_history_tells_why_by_name_or_by_number(state, kind, bounce_class, reason):
    row = {"EventAt": 1772359230, "EventType": "bounced", "State": state}
    (event,) = page("histories", {"Data": [row]}, **ABOUT).events
    assert (event.kind, event.bounce_class, event.reason) == (kind, bounce_class, reason)


def test_every_number_of_a_state_stands_for_its_reason():
    words = (
        *("user unknown", "mailbox inactive", "quota exceeded", "invalid domain", "no mail host"),
        *("relay/access denied", "sender blocked", "content blocked", "policy issue", "system issue"),
        *("protocol issue", "connection issue", "greylisted", "preblocked", "duplicate in campaign"),
        *("spam preblocked", "bad or empty template", "error in template language", "typofix", "blacklisted"),
        "spam reporter",
    )
    rows = [{"EventAt": 1772359230, "EventType": "bounced", "State": n} for n in range(1, 22)]
    assert tuple(event.reason for event in page("histories", {"Data": rows}, **ABOUT).events) == words


# -- what can't be understood --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The webhook is not JSON."),
        (b"7", "A webhook's JSON must be an object or an array."),
        (b"null", "A webhook's JSON must be an object or an array."),
        ({}, "event is missing."),
        ([7], "An event must be an object."),
        (told("webhook_open", time=...), "time is missing."),
        (told("webhook_open", time="soon"), "time is not a time."),
        (told("webhook_open", time=-1), "time is not a time."),
        (told("webhook_open", time=True), "time is missing."),
        (told("webhook_open", time=10**12 - 1), "time is not a time."),
        (told("webhook_open", MessageID=0, email=""), "MessageID and email are missing."),
    ],
)
def test_what_lacks_the_necessary_is_a_problem_with_a_sentence(body, sentence):
    reading = hook(body)
    assert (reading.events, reading.problems[0].reason) == ([], sentence)


def test_a_bad_event_of_a_group_spoils_none_of_its_neighbours():
    reading = hook([told("webhook_open"), 7, told("webhook_click", time=None), told("webhook_click")])
    assert [event.word for event in reading.events] == ["open", "click"]
    assert [(problem.item, problem.reason) for problem in reading.problems] == [
        (1, "An event must be an object."),
        (2, "time is missing."),
    ]


def test_bad_rows_of_lists_spoil_none_of_their_neighbours():
    good = told("feed_messages")["Data"][0]
    reading = page("messages", {"Data": [7, good, {"ID": 1}, {"ArrivedAt": "2026-03-01T10:00:28Z"}]})
    assert [event.kind for event in reading.events] == [Kind.SENT]
    assert [(problem.item, problem.reason) for problem in reading.problems] == [
        (0, "A row must be an object."),
        (2, "ArrivedAt is missing."),
        (3, "ID is missing."),
    ]


@pytest.mark.parametrize("feed", ["messages", "histories", "nonsense"])
@pytest.mark.parametrize("body", [b"<html>", {}, {"Data": {}}, []])
def test_a_page_that_is_none_is_a_problem(feed, body):
    assert [problem.item for problem in page(feed, body, **ABOUT).problems] == [0]


def test_a_history_of_nobody_knows_which_message_is_a_problem():
    reading = page("histories", fixture("feed_histories"))
    assert (reading.events, reading.problems[0].reason) == ([], "It isn't known whose history this is.")


# -- the provider as others meet it --------------------------------------------------------------------------


def test_messages_are_asked_for_by_seconds_with_all_that_must_be_asked_for():
    found, _ = MAILJET.feeds(SOURCE)
    walk = found.walk({}, Context(source=SOURCE, now=1_772_400_000_500))
    assert walk.ask().path == "message"
    assert walk.ask().params == {
        "FromTS": str(1_772_400_000 - 5 * 86_400),
        "ToTS": "1772400001",
        "ShowContactAlt": "true",
        "ShowCustomID": "true",
        "ShowSubject": "true",
        "Offset": "0",
        "Limit": "1000",
    }


def test_a_list_of_messages_ends_with_an_empty_page_whatever_its_total_says():
    full = messages.look(Answer(body=b'{"Count":1,"Data":[{"ID":1}],"Total":1}', received_at=0))
    empty = messages.look(Answer(body=b'{"Count":0,"Data":[],"Total":9}', received_at=0))
    assert (full.ids, full.more, full.total) == (["1"], True, None)
    assert (empty.ids, empty.more) == ([], False)


def test_messages_are_complete_and_histories_are_not():
    feeds = [(feed.name, feed.windowed, feed.complete, feed.every) for feed in MAILJET.feeds(SOURCE)]
    assert feeds == [("messages", True, True, 900_000), ("histories", False, False, 0)]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"look_back": "long"}, "look_back"),
        ({"histories_at_once": 0}, "histories_at_once must be 1 or more"),
        ({"nonsense": 1}, "Mailjet has no option 'nonsense'"),
    ],
)
def test_an_option_that_is_wrong_is_named(options, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        MAILJET.feeds(Source(name="acme", provider="mailjet", options=options))


def test_both_keys_go_into_basic_auth():
    assert MAILJET.credentials(SOURCE) == {"Authorization": "Basic a2V5LTAwMDA6c2VjcmV0LTAwMDA="}
    assert MAILJET.probe(SOURCE).path == "message"


@pytest.mark.parametrize("key", ["key-0000", "key-0000:", ":secret-0000"])
def test_one_key_alone_is_refused_without_being_printed(key):
    source = msgspec.structs.replace(SOURCE, api_key=key)
    with pytest.raises(ConfigurationError, match="must hold both keys") as refused:
        MAILJET.credentials(source)
    assert key.strip(":") not in str(refused.value)


def test_without_keys_there_are_webhooks_alone():
    source = Source(name="acme", provider="mailjet", webhook_secrets=["s3cret"])
    assert MAILJET.enabled(source) == {}
    assert MAILJET.probe(source) is None
    with pytest.raises(ConfigurationError, match="needs api_key"):
        MAILJET.credentials(source)


def test_the_setup_text_names_the_address_the_source_and_every_event():
    text = MAILJET.setup(SOURCE, "https://stats.example.com/webhooks/acme/s3cret")
    for said in ("https://stats.example.com/webhooks/acme/s3cret", "`acme`", "**Sent**", "**Blocked**", "**Unsub**"):
        assert said in text
    assert "{" not in text.replace("${MAILJET_KEY}:${MAILJET_SECRET}", "")
