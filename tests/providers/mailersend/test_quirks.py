"""MailerSend's quirks, one after the other (provider file, "Fields", "Dedupe key", "Pull feed", "Quirks")."""

from __future__ import annotations

import json

import msgspec
import pytest

from aftersend.providers.contract import Answer, Context, Malformed
from aftersend.providers.mailersend import MailerSend, rows
from aftersend.settings import Source
from aftersend.vocabulary import Clock, ConfigurationError, Kind, Machine, Precision
from aftersend.zones import parse
from tests.providers.mailersend.said import (
    DOMAIN,
    MAILERSEND,
    RECEIVED,
    SOURCE,
    at,
    call,
    fixture,
    hook,
    identities,
    page,
)


def one(body, source=SOURCE):
    (event,) = hook(body, source=source).events
    return event


# -- webhooks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [[], {}, None, "", "nonsense", [1]])
def test_meta_is_an_empty_array_where_there_is_nothing(empty):
    told = call("clicked")
    told["data"]["meta"] = empty
    event = one(told)
    assert (event.kind, event.url, event.ip) == (Kind.CLICKED, None, None)
    del told["data"]["meta"]
    assert one(told) == event


def test_the_recipient_has_two_names():
    right = one(call("sent"))
    assert one(call("sent", {"recipient": None, "email": "ana@example.com"})) == right
    assert one(call("sent", {"email": "other@example.com"})) == right


def test_a_message_without_its_recipient_is_a_problem():
    reading = hook(call("sent", {"recipient": None}))
    assert ([p.reason for p in reading.problems], reading.events) == (["The recipient is missing."], [])


@pytest.mark.parametrize("tags", [None, [], "receipt", {"a": 1}, [None, {}, ""]])
def test_tags_may_be_null_or_missing(tags):
    told = call("sent")
    told["data"]["tags"] = tags
    event = one(told)
    assert (event.external_id, event.campaign_id, "tags" in event.metadata) == (None, None, False)


def test_marks_are_tags_with_a_name_and_the_names_are_the_sources():
    source = Source(
        name="acme", provider="mailersend", options={"external_id": "customer, order", "campaign_id": "tag"}
    )
    event = one(call("sent", {"tags": ["spring sale", "order: 4711", "a:b:c", ":x", "y:"]}), source)
    assert (event.external_id, event.campaign_id) == ("4711", "spring sale")
    assert event.metadata["tags"] == "spring sale, order: 4711, a:b:c, :x, y:"


def test_a_complaint_is_one_whatever_its_type_is_called():
    words = ["activity.spam_complaint", "activity.spam_complaints"]
    assert {one(call("spam_complaint", type=word)).kind for word in words} == {Kind.COMPLAINED}
    (listed,) = [e for e in page(fixture("feed_activity.json")).events if e.kind is Kind.COMPLAINED]
    assert listed.slot == one(call("spam_complaint")).slot


def test_a_suppression_may_give_its_reason_under_two_names():
    assert one(call("suppressed", {"meta": {"reject_reason": "blocklist"}})).reason == "blocklist"
    both = {"suppression_reason": "on_hold", "reject_reason": "blocklist"}
    assert one(call("suppressed", {"meta": both})).reason == "on_hold"


def test_of_two_reasons_of_version_1_neither_is_lost():
    told = call("v1_hard_bounced")
    told["data"]["morph"] |= {"readable_reason": "The mailbox doesn't exist"}
    event = one(told)
    assert event.reason == "No such user"
    assert event.metadata["readable_reason"] == "The mailbox doesn't exist"
    assert "reason_code" not in event.metadata


def test_the_status_of_version_1_is_no_class_of_a_bounce():
    told = call("v1_soft_bounced")
    assert told["data"]["email"]["status"] == "rejected"
    assert one(told).bounce_class == "soft"


def test_the_outer_time_of_version_1_is_late_and_not_taken():
    assert one(call("v1_hard_bounced")).occurred_at == at("10:00:33.506")
    assert one(call("v1_hard_bounced", {"created_at": None})).occurred_at == at("10:00:33.520")


def test_both_versions_of_one_activity_are_one():
    assert identities(hook(call("v1_hard_bounced"))) == identities(hook(call("hard_bounced")))


def test_the_device_of_a_webmail_is_not_known_and_an_unknown_word_asks_the_program():
    assert one(call("opened")).device is None
    iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15"
    told = call("clicked")
    for word, device in (("desktop", "computer"), ("Tablet", "tablet"), ("watch", "mobile"), (None, "mobile")):
        told["data"]["meta"] |= {"user_agent": iphone, "device_type": word}
        assert one(told).device == device


def test_no_machine_is_marked_but_a_robots_program_tells():
    told = call("clicked")
    assert one(told).machine is Machine.UNKNOWN
    told["data"]["meta"]["user_agent"] = "Googlebot/2.1 (+http://www.google.com/bot.html)"
    assert one(told).machine is Machine.MACHINE


@pytest.mark.parametrize("wrong", [None, "", "soon", 17, "0000-00-00T00:00:00Z", []])
def test_without_a_time_the_receipt_stands_in_and_identity_does_without(wrong):
    told = call("clicked") | {"created_at": wrong}
    first, again = hook(told), hook(told, RECEIVED + 1000)
    assert [(e.occurred_at, e.clock) for e in first.events] == [(RECEIVED, Clock.RECEIVED)]
    assert identities(first) == identities(again) == identities(hook(call("clicked")))


def test_a_time_without_a_zone_is_utc_and_said_to_be_assumed():
    event = one(call("sent", created_at="2026-03-01 10:00:28"))
    assert (event.occurred_at, event.precision, event.clock) == (at("10:00:28"), Precision.SECOND, Clock.ASSUMED)


@pytest.mark.parametrize(
    "word",
    [
        *("webhook.test", "sender_identity.verified", "maintenance.start", "maintenance.end", "inbound.message"),
        *("inbound_forward.failed", "inbound_message.rejected", "email_single.verified", "email_list.verified"),
        "bulk_email.completed",
    ],
)
@pytest.mark.parametrize("data", [None, [], {"id": "1"}, "x"])
def test_notices_of_the_account_pass_by(word, data):
    reading = hook({"type": word, "created_at": "2026-03-01 10:00:30", "data": data})
    assert (reading.events, reading.problems) == ([], [])


def test_an_unknown_type_is_kept_as_other():
    event = one(call("clicked", type="activity.folded"))
    assert (event.kind, event.word, event.email) == (Kind.OTHER, "activity.folded", "ana@example.com")
    event = one({"type": "domain.gone", "created_at": "2026-03-01T10:00:30Z"})
    assert (event.kind, event.word, event.email, event.occurred_at) == (
        Kind.OTHER,
        "domain.gone",
        None,
        at("10:00:30"),
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The webhook is not JSON."),
        (b"<html>", "The webhook is not JSON."),
        (b"[]", "A webhook's JSON must be an object."),
        (b"{}", "type is missing."),
        (b'{"type":{}}', "type is missing."),
        (b'{"type":"activity.sent"}', "data must be an object."),
        (b'{"type":"activity.strange","data":[]}', "data must be an object."),
    ],
)
def test_what_is_no_event_is_a_problem(body, reason):
    reading = hook(body)
    assert ([p.reason for p in reading.problems], reading.events) == ([reason], [])


# -- identity ------------------------------------------------------------------------------------------------


def test_a_redelivery_is_the_same_and_two_clicks_are_two():
    first, other = call("clicked"), call("clicked", {"id": "69a4129c1c2d3e4f50617299"})
    assert len(identities(hook(first), hook(other), hook(first))) == 2


def test_a_first_open_told_as_any_and_as_unique_shares_a_slot_whether_or_not_the_ids_are_one():
    every, first = one(call("opened")), one(call("opened_unique"))
    shared = one(call("opened_unique", {"id": every.row}))
    assert every.slot == first.slot == shared.slot
    assert {(e.list, e.row) for e in (every, first, shared)} == {
        ("activities", every.row),
        ("unique", first.row),
        ("unique", every.row),
    }


def test_opens_and_clicks_of_other_emails_are_others():
    assert one(call("opened")).slot != one(call("opened", {"email_id": "69a40f5b1c2d3e4f50617299"})).slot
    assert one(call("opened")).slot != one(call("clicked")).slot


def test_an_activity_without_the_emails_id_stands_alone():
    event = one(call("opened", {"email_id": None}))
    assert (event.list, event.row, event.message_id, event.by_message) == ("", "", None, False)
    assert identities(hook(call("opened", {"email_id": None}))) == {(event.slot, "", "")}


def test_an_event_without_an_id_is_known_by_its_body():
    told = call("sent", {"id": None})
    assert identities(hook(told)) == identities(hook(told, RECEIVED + 1))
    assert identities(hook(told)) != identities(hook(json.dumps(told, indent=1).encode()))
    opened = call("opened", {"id": None})
    assert len(identities(hook(opened), hook(opened), hook(opened | {"x": 1}))) == 2


def test_what_is_put_on_hold_and_taken_off_again_is_two_events():
    on, off = call("recipient_on_hold_added"), call("recipient_on_hold_added", type="recipient.on_hold_removed")
    assert len(identities(hook(on), hook(off), hook(on))) == 2


def test_an_id_of_another_form_is_as_good():
    event = one(call("sent", {"id": "01J9Z-new"}))
    assert (len(event.slot), event.row_id) == (16, "01J9Z-new")
    assert event.slot != one(call("sent")).slot


# -- the list ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"message":"no"}', b'{"data":{}}', b"null"])
def test_what_is_no_page_is_refused(body):
    for look in (rows.look, rows.domains):
        with pytest.raises(Malformed):
            look(Answer(body=body, received_at=RECEIVED))
    assert len(page(body).problems) == 1


@pytest.mark.parametrize("field", ["type", "id", "created_at"])
def test_a_row_without_what_every_row_has_is_a_problem_without_the_emails_text(field):
    good = json.loads(fixture("feed_activity.json"))["data"][0]
    bad = {name: value for name, value in good.items() if name != field}
    reading = page({"data": [bad, "x", good, good | {"created_at": "yesterday"}]})
    assert len(reading.events) == 1
    assert [(p.item, p.reason) for p in reading.problems] == [
        (0, f"{field} is missing."),
        (1, "A row must be an object."),
        (3, "created_at is not a time."),
    ]
    assert not [p for p in reading.problems if b"<p>" in p.raw or b'"text"' in p.raw]


def test_the_texts_of_emails_are_dropped_from_a_page_and_nothing_else():
    whole = fixture("feed_activity.json")
    assert b"<p>...</p>" in whole
    kept = json.loads(MAILERSEND.kept(whole))
    told = json.loads(whole)
    for row in told["data"]:
        del row["email"]["text"], row["email"]["html"]
    assert kept == told


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (b'{"data":[{"id":"1","email":{"text":"for your eyes', b'{"data":[{"id":"1","email":{'),
        (b'<html>{"html":"for your eyes only"}', b"<html>{"),
        (b'{"data":{"email":{"html":"for your eyes only"}}}', b'{"data":{"email":{}}}'),
        (b'[{"x":[{"text":["for your eyes only"]}]}]', b'[{"x":[{}]}]'),
        (b'{"email":{"html":"for your eyes only"},"email":{}}', b'{"email":{}}'),
        (b'{"email":{"ht\\u006dl":"for your eyes only"}}', b'{"email":{}}'),
        (b'{"a":' * 900 + b'{"text":"for your eyes only"}' + b"}" * 900, None),
    ],
)
def test_the_texts_of_emails_are_dropped_wherever_they_stand(body, left):
    kept = MAILERSEND.kept(body)
    assert b"for your eyes" not in kept
    assert left is None or kept == left


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b'{"message": "Unauthenticated."}', b'{"quota": 1000, "remaining": 752}']
)
def test_an_answer_without_texts_of_emails_is_kept_as_it_is(body):
    assert MAILERSEND.kept(body) == body


def test_the_list_goes_on_while_there_is_a_next_link():
    whole = json.loads(fixture("feed_activity.json"))

    def more(links):
        body = json.dumps(whole | {"links": links}).encode()
        return rows.look(Answer(body=body, received_at=RECEIVED)).more

    assert [more({"next": None}), more({"next": "https://…?page=2"}), more({}), more(None)] == [
        False,
        True,
        False,
        None,
    ]


def test_domains_are_ids_and_nothing_else():
    body = json.dumps({"data": [{"id": DOMAIN}, {"id": "../x"}, {"id": None}, 17, {"id": "a" * 200}]}).encode()
    assert rows.domains(Answer(body=body, received_at=RECEIVED)) == [DOMAIN]


def asks(source: Source, now: str, **fields):
    (feed,) = MAILERSEND.feeds(source)
    return feed.walk({}, Context(source=source, now=parse(now, "now"), **fields)).ask()


NAMED = msgspec.structs.replace(SOURCE, options={"domains": DOMAIN})


def test_both_ends_of_a_range_are_given_and_the_end_lies_a_minute_back():
    ask = asks(NAMED, "2026-03-08T10:00:00Z")
    seconds = parse("2026-03-08T09:59:00Z", "until") // 1000
    assert (ask.path, ask.about) == (f"v1/activity/{DOMAIN}", {"domain": DOMAIN})
    assert ask.params == {
        "page": "1",
        "limit": "100",
        "date_from": str(seconds - 6 * 86_400),
        "date_to": str(seconds),
    }


def test_a_range_has_a_length_even_where_a_window_has_none():
    since = parse("2026-03-08T09:00:00.100Z", "since")
    ask = asks(NAMED, "2026-03-08T10:00:00Z", since=since, until=since + 200)
    assert int(ask.params["date_to"]) - int(ask.params["date_from"]) == 1


def test_a_run_that_was_interrupted_for_long_asks_for_nothing_that_the_plan_has_forgotten_meanwhile():
    (feed,) = MAILERSEND.feeds(NAMED)
    began, since = parse("2026-03-31T10:00:00Z", "now"), parse("2026-01-01T00:00:00Z", "since")
    day, empty = 86_400_000, b'{"data":[],"links":{"next":null}}'
    position, asked = {}, []
    for days in range(0, 50, 5):
        now = began + days * day
        walk = feed.walk(position, Context(source=NAMED, now=now, since=since, until=began))
        ask = walk.ask()
        if ask is None:
            break
        asked.append(now // 1000 - int(ask.params["date_from"]))
        assert int(ask.params["date_from"]) < int(ask.params["date_to"])
        walk.take(Answer(body=empty, received_at=now))
        position = walk.position
    assert len(asked) == 5
    assert all(age < 30 * day // 1000 for age in asked)


def test_a_run_that_takes_long_asks_for_nothing_that_the_plan_has_forgotten_meanwhile():
    (feed,) = MAILERSEND.feeds(NAMED)
    began, since = parse("2026-03-31T10:00:00Z", "now"), parse("2026-01-01T00:00:00Z", "since")
    walk = feed.walk({}, Context(source=NAMED, now=began, since=since, until=began))
    now = began
    while ask := walk.ask():
        assert now // 1000 - int(ask.params["date_from"]) < 30 * 86_400
        now += 3 * 3_600_000
        walk.take(Answer(body=b'{"data":[],"links":{"next":null}}', received_at=now))
    assert now > began


def test_a_backfill_of_what_is_still_to_come_asks_for_nothing():
    since = parse("2026-03-08T10:00:00Z", "since")
    assert asks(NAMED, "2026-03-08T10:00:00Z", since=since, until=since + 1000) is None


def test_domains_are_asked_for_where_none_is_named_or_remembered():
    assert asks(SOURCE, "2026-03-08T10:00:00Z").path == "v1/domains"
    learned = parse("2026-03-08T00:00:00Z", "learned")
    notes = {"domains": {"is": ["abc"], "at": learned}}
    assert asks(SOURCE, "2026-03-08T10:00:00Z", recall=lambda _: notes).path == "v1/activity/abc"
    assert asks(SOURCE, "2026-03-09T10:00:00Z", recall=lambda _: notes).path == "v1/domains"


@pytest.mark.parametrize("options", [{"retention": "soon"}, {"activity_every": "x"}, {"nonsense": 1}])
def test_an_option_that_cannot_be_is_named(options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        MailerSend().feeds(Source(name="acme", provider="mailersend", options=options))


def test_an_unknown_list_is_a_problem():
    assert [p.reason for p in page({"data": []}, feed="x").problems] == ["MailerSend has no list 'x'."]


def test_a_source_without_a_token_takes_webhooks_alone():
    assert MAILERSEND.enabled(Source(name="acme", provider="mailersend")) == {}
    assert list(MAILERSEND.enabled(SOURCE)) == ["activity"]
    assert MAILERSEND.credentials(SOURCE) == {"Authorization": "Bearer mlsn.00000000"}
    assert MAILERSEND.probe(SOURCE).path == "v1/api-quota"


# -- limits --------------------------------------------------------------------------------------------------

NOON = parse("2026-03-01T12:00:00Z", "now")
MIDNIGHT = parse("2026-03-02T00:00:00Z", "midnight")


@pytest.mark.parametrize(
    ("headers", "until"),
    [
        ({"x-apiquota-remaining": "0", "x-apiquota-reset": "2026-03-01T18:00:00Z"}, at("18:00:00")),
        ({"x-apiquota-remaining": "0", "x-apiquota-reset": "2031-01-01T00:00:00Z"}, MIDNIGHT),
        ({"x-apiquota-remaining": "0", "x-apiquota-reset": "soon"}, MIDNIGHT),
        ({"x-apiquota-remaining": "0"}, MIDNIGHT),
        ({"x-apiquota-remaining": "5"}, None),
        ({}, None),
    ],
)
def test_a_quota_that_is_used_up_means_silence_until_it_is_reset(headers, until):
    assert MAILERSEND.not_before(429, headers, b"", NOON) == until
    assert MAILERSEND.not_before(503, headers, b"", NOON) is None


def test_the_setup_text_names_address_and_source():
    text = MAILERSEND.setup(SOURCE, "https://in.example.com/webhooks/acme")
    assert "https://in.example.com/webhooks/acme" in text
    assert "activity.soft_bounced" in text
    assert not [word for word in ("{webhook_url}", "{source}", "{api}") if word in text]
