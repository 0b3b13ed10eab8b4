"""Brevo's quirks, one after the other (provider file, "Quirks", "Time format", "Dedupe key", "External ids")."""

from __future__ import annotations

import json

import msgspec
import pytest

from aftersend.providers.brevo import Brevo, rows
from aftersend.providers.brevo.values import tags
from aftersend.providers.brevo.words import meaning
from aftersend.providers.contract import Answer, Context, Malformed
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Clock, ConfigurationError, Heard, Kind, Machine, Precision
from aftersend.zones import parse
from tests.providers.brevo.said import BREVO, RECEIVED, SOURCE, at, hook, identities, item, page

HOUR = 3600


def one(body, source=SOURCE):
    (event,) = hook(body, source=source).events
    return event


# -- times ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("apart", [HOUR, -HOUR, 14 * HOUR, -14 * HOUR, 900, 5 * HOUR + 2700, HOUR + 5, HOUR - 5])
@pytest.mark.parametrize("unit", [1000, 1])
def test_a_time_shifted_by_a_zone_is_corrected_by_the_epoch(apart, unit):
    told = item("click")
    true = told["ts_event"]
    event = one(told | {"ts_event": true + apart, "ts": true + apart, "ts_epoch": true * unit})
    assert (event.occurred_at, event.precision, event.clock) == (true * 1000, Precision.SECOND, Clock.STATED)
    assert event.slot == one(told).slot


@pytest.mark.parametrize("apart", [0, 3, 450, HOUR + 6, HOUR - 6, 14 * HOUR + 900, 86_400])
def test_an_epoch_that_no_zone_explains_changes_nothing(apart):
    told = item("click")
    event = one(told | {"ts_epoch": (told["ts_event"] + apart) * 1000})
    assert event.occurred_at == told["ts_event"] * 1000


def test_without_an_epoch_and_with_one_of_another_name_the_time_is_known():
    told = item("unique_proxy_open", ts_epoch=None)
    assert one(told).occurred_at == at("12:04:00")
    assert one(told | {"ts_event": told["ts_event"] + HOUR, "s_epoch": 1767269040710}).occurred_at == at("12:04:00")
    assert one(item("unique_proxy_open", ts_event=None)).occurred_at == at("12:04:00")


@pytest.mark.parametrize("wrong", [None, "", "soon", -5, 0, True, 1e300, [], {}, 10**20, "2026-01-01 13:06:00"])
def test_without_a_time_the_receipt_stands_in_and_identity_does_without(wrong):
    told = item("click", ts_epoch=None) | {"ts_event": wrong}
    first, again = hook(told, RECEIVED), hook(told, RECEIVED + 86_400_000)
    assert identities(first) == identities(again)
    assert [(e.occurred_at, e.clock) for e in (*first.events, *again.events)] == [
        (RECEIVED, Clock.RECEIVED),
        (RECEIVED + 86_400_000, Clock.RECEIVED),
    ]
    assert first.events[0].slot != one(told | {"link": "https://www.example.com/other"}).slot


def test_local_times_are_never_read():
    told = item("click")
    assert one(told | {"date": "1999-01-01 00:00:00", "ts": 5}) == one(told)


# -- identity ------------------------------------------------------------------------------------------------


def test_the_id_of_a_webhook_is_no_key():
    told = item("click")
    assert one(told | {"id": 99}).slot == one(told).slot
    assert one(item("marketing_contact_updated", id=99)).slot == one(item("marketing_contact_updated")).slot


def test_two_clicks_stay_two_and_a_redelivery_adds_nothing():
    told = item("click")
    later, elsewhere = told | {"ts_event": told["ts_event"] + 1}, told | {"link": "https://www.example.com/b"}
    batch = hook([told, later, elsewhere, told])
    assert len(set(identities(batch))) == 3
    assert set(identities(hook([elsewhere, told, later]))) == set(identities(batch))
    assert {i for body in (later, told, elsewhere) for i in identities(hook(body))} == set(identities(batch))


def test_a_first_open_is_kept_and_folded_only_with_one_of_the_same_second():
    first, second = item("unique_opened"), item("opened")
    assert one(first).kind is Kind.OPENED
    assert identities(hook(first)) == identities(hook(second))
    assert identities(hook(first)) != identities(hook(second | {"ts_event": second["ts_event"] + 1}))
    proxied = item("proxy_open")
    assert identities(hook(proxied)) == identities(hook(proxied | {"event": "unique_proxy_open"}))
    assert identities(hook(proxied)) != identities(hook(proxied | {"event": "opened"}))


def test_brackets_around_a_message_id_and_the_case_of_an_address_are_no_difference():
    told = item("click")
    bare = told | {"message-id": told["message-id"].strip("<>"), "email": "Ada@Example.com"}
    assert one(bare).slot == one(told).slot
    assert one(bare).message_id == one(told).message_id


def test_identical_rows_of_one_answer_are_as_many_events_and_of_two_answers_the_same():
    row = msgspec.json.decode(json.dumps({"date": "2026-01-01T12:06:00Z", "email": "ada@example.com"})) | {
        "event": "clicks",
        "messageId": "<1@example.com>",
        "link": "https://www.example.com/",
    }
    assert [event.row for event in page({"events": [row, row]}).events] == ["0", "1"]
    assert identities(page({"events": [row]})) == identities(page({"events": [row, row]}))[:1]


def test_campaigns_are_kept_apart():
    told = item("marketing_opened")
    assert one(told).slot != one(told | {"camp_id": 18}).slot
    assert not one(told).by_message


# -- words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("creation", "payload", "statistics"),
    [
        ("request", "request", "requests"),
        ("sent", "request", "requests"),
        ("delivered", "delivered", "delivered"),
        ("deferred", "deferred", "deferred"),
        ("softBounce", "soft_bounce", "softBounces"),
        ("hardBounce", "hard_bounce", "hardBounces"),
        ("blocked", "blocked", "blocked"),
        ("invalid", "invalid_email", "invalid"),
        ("spam", "complaint", "spam"),
        ("uniqueOpened", "unique_opened", "opened"),
        ("proxyOpen", "unique_proxy_open", "loadedByProxy"),
        ("click", "clicked", "clicks"),
        ("unsubscribed", "unsubscribe", "unsubscribed"),
    ],
)
def test_the_three_vocabularies_mean_the_same(creation, payload, statistics):
    assert meaning(creation) == meaning(payload) == meaning(statistics)
    assert meaning(creation).kind is not Kind.OTHER


def test_an_unknown_word_is_kept_as_other_also_without_an_address():
    event = one(item("click", event="brand_new"))
    assert (event.kind, event.word, event.email) == (Kind.OTHER, "brand_new", "ada@example.com")
    event = one({"event": "brand_new", "ts_event": 1767269160})
    assert (event.kind, event.email, event.occurred_at) == (Kind.OTHER, None, at("12:06:00"))
    assert one({"event": "***"}).word == "***"


def test_a_deferral_with_a_permanent_answer_stays_one():
    event = one(item("deferred", reason=" undefined 550 5.1.1 user unknown "))
    assert (event.kind, event.bounce_class, event.reason, event.smtp_code) == (
        Kind.DEFERRED,
        None,
        "undefined 550 5.1.1 user unknown",
        "550",
    )


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (" 550 5.1.1 user unknown", "550"),
        ("RecipientError: 552 too big", "552"),
        ("undefined 452-4.2.2 mailbox full", "452"),
        ("The host said 550.", "550"),
        ("sent 250 bytes, then 552 5.3.4 too big", "552"),
        ("no route to 5.4.4", None),
        ("no route to 192.0.2.1 within 3500 ms", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_the_code_is_found_wherever_it_stands(reason, code):
    event = one(item("soft_bounce", reason=reason))
    assert (event.smtp_code, event.bounce_class) == (code, BounceClass.SOFT)


def test_a_blocked_email_may_tell_its_reason():
    event = one(item("blocked", reason="unsubscribed contact"))
    assert (event.kind, event.reason) == (Kind.DROPPED, "unsubscribed contact")


# -- what is attached ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"tags": ["a", "b"], "tag": "c"}, ["a", "b"]),
        ({"tags": [], "tag": "c"}, ["c"]),
        ({"tag": '["welcome","x"]'}, ["welcome", "x"]),
        ({"tag": ["welcome"]}, ["welcome"]),
        ({"tag": "the template's name"}, ["the template's name"]),
        ({"tag": "[draft"}, ["[draft"]),
        ({"tag": ""}, []),
        ({"tags": {"a": 1}, "tag": None}, []),
        ({}, []),
    ],
)
def test_tags_come_in_many_forms(told, found):
    assert tags(told) == found


def marked(custom, **options) -> tuple[str | None, str | None, dict[str, str]]:
    source = Source(name="acme", provider="brevo", options=options)
    event = one(item("spam", tags=["welcome"]) | {"X-Mailin-custom": custom}, source)
    return event.external_id, event.campaign_id, event.metadata


def test_marks_are_read_from_pairs_json_and_plain_text():
    assert marked("external_id:crm-1|campaign_id:news: May") == (
        "crm-1",
        "news: May",
        {"external_id": "crm-1", "campaign_id": "news: May", "tags": "welcome"},
    )
    assert marked('{"external_id":17,"order":{"no":5}}') == (
        "17",
        None,
        {"external_id": "17", "order.no": "5", "tags": "welcome"},
    )
    assert marked("c-42", external_id="X-Mailin-custom", campaign_id="tag") == (
        "c-42",
        "welcome",
        {"X-Mailin-custom": "c-42", "tags": "welcome"},
    )
    assert marked("customer_id:c-42", external_id="user, customer_id") == (
        "c-42",
        None,
        {"customer_id": "c-42", "tags": "welcome"},
    )
    assert marked("vip|external_id:crm-1|spring sale") == (
        "crm-1",
        None,
        {"external_id": "crm-1", "X-Mailin-custom": "vip|spring sale", "tags": "welcome"},
    )
    assert marked(None) == (None, None, {"tags": "welcome"})
    assert marked("{broken") == (None, None, {"X-Mailin-custom": "{broken", "tags": "welcome"})


def test_the_platforms_own_campaign_wins():
    event = one(item("marketing_opened") | {"X-Mailin-custom": "campaign_id:other"})
    assert event.campaign_id == "17"


def test_a_contact_of_zero_is_none_and_a_large_id_is_whole():
    assert "contact" not in one(item("click", contact_id=0)).metadata
    assert one(item("click", contact_id=4816445214646337537)).metadata["contact"] == "4816445214646337537"


def test_brevos_own_word_for_the_device_wins_and_a_program_stands_in_for_it():
    iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15"
    assert one(item("click", user_agent=iphone)).device == "computer"
    assert one(item("click", user_agent=iphone, device_used=None)).device == "mobile"
    assert one(item("click", user_agent=iphone, device_used="UNKNOWN")).device == "mobile"
    assert one(item("click", device_used="TABLET")).device == "tablet"


def test_an_event_of_an_older_account_may_lack_program_device_and_link():
    event = one(item("click", user_agent=None, device_used=None, link=None))
    assert (event.kind, event.user_agent, event.device, event.url) == (Kind.CLICKED, None, None, None)


def test_who_loads_by_proxy_is_a_machine_and_a_robots_click_is_known_by_its_program_alone():
    assert one(item("proxy_open")).machine is Machine.MACHINE
    assert one(item("click")).machine is Machine.UNKNOWN
    assert one(item("click", user_agent="Googlebot/2.1 (+http://www.google.com/bot.html)")).machine is Machine.MACHINE


# -- shapes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The webhook is not JSON."),
        (b"<html>", "The webhook is not JSON."),
        (b"17", "A webhook's JSON must be an object or a list."),
        (b"{}", "event is missing."),
        (b'{"email":"ada@example.com","tags":["welcome"]}', "event is missing."),
        (b'{"a":[{}],"b":[{}]}', "event is missing."),
        (b'{"event":null}', "event is missing."),
        (b'{"event":"click"}', "email is missing."),
        (b"[17]", "An event must be an object."),
    ],
)
def test_what_is_no_event_is_a_problem(body, reason):
    reading = hook(body)
    assert ([p.reason for p in reading.problems], reading.events) == ([reason], [])


def test_inbound_emails_are_never_a_batch():
    reading = hook({"items": [item("click")]})
    assert (reading.events, len(reading.problems)) == ([], 1)


def test_a_bad_item_of_a_batch_harms_no_other():
    reading = hook([item("click"), {"event": "click"}, 17, item("opened")])
    assert [event.word for event in reading.events] == ["click", "opened"]
    assert [(p.item, p.reason) for p in reading.problems] == [
        (1, "email is missing."),
        (2, "An event must be an object."),
    ]


# -- the list ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"code":"unauthorized"}', b'{"events":{}}', b"null"])
def test_what_is_no_page_is_refused(body):
    with pytest.raises(Malformed):
        rows.look(Answer(body=body, received_at=RECEIVED))
    assert len(page(body).problems) == 1


@pytest.mark.parametrize("field", ["date", "email", "event"])
def test_a_row_without_what_every_row_has_is_a_problem_and_its_neighbours_are_read(field):
    good = {"date": "2026-01-01T12:00:04Z", "email": "ada@example.com", "event": "opened", "messageId": "<1@x>"}
    bad = {name: value for name, value in good.items() if name != field}
    reading = page({"events": [bad, good, "x", good | {"date": "yesterday"}]})
    assert [event.occurred_at for event in reading.events] == [at("12:00:04")]
    assert [(p.item, p.reason) for p in reading.problems] == [
        (0, f"{field} is missing."),
        (2, "A row must be an object."),
        (3, "date is not a time."),
    ]


def test_an_unknown_list_is_a_problem():
    assert [p.reason for p in page({"events": []}, feed="x").problems] == ["Brevo has no list 'x'."]


def asked(now: str, **fields) -> dict[str, str]:
    (feed,) = BREVO.feeds(SOURCE)
    walk = feed.walk({}, Context(source=SOURCE, now=parse(now, "now"), **fields))
    ask = walk.ask()
    assert ask.path == "v3/smtp/statistics/events"
    return ask.params


def test_whole_days_are_asked_for_with_a_day_of_margin_but_no_day_to_come():
    common = {"sort": "asc", "offset": "0", "limit": "2500"}
    days = {"startDate": "2026-02-28", "endDate": "2026-03-08"}
    assert asked("2026-03-08T10:00:00Z") == days | common
    since, until = parse("2026-01-10T00:00:00Z", "since"), parse("2026-01-12T00:00:00Z", "until")
    assert asked("2026-03-08T10:00:00Z", since=since, until=until) == common | {
        "startDate": "2026-01-09",
        "endDate": "2026-01-12",
    }


@pytest.mark.parametrize("options", [{"page_size": 0}, {"page_size": 5001}, {"look_back": "soon"}, {"nonsense": 1}])
def test_an_option_that_cannot_be_is_named(options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Brevo().feeds(Source(name="acme", provider="brevo", options=options))


def test_a_source_without_a_key_takes_webhooks_alone():
    assert BREVO.enabled(Source(name="acme", provider="brevo")) == {}
    assert list(BREVO.enabled(SOURCE)) == ["events"]
    assert BREVO.credentials(SOURCE) == {"api-key": "xkeysib-00000000"}
    assert BREVO.probe(SOURCE).params == {"days": "1", "limit": "1"}


# -- limits --------------------------------------------------------------------------------------------------


def limits(most="600", left="598", reset="1800") -> dict[str, str]:
    return {"x-sib-ratelimit-limit": most, "x-sib-ratelimit-remaining": left, "x-sib-ratelimit-reset": reset}


def test_the_plans_own_limit_is_heard():
    (heard,) = BREVO.heard(limits())
    assert (heard.period, heard.most, heard.left) == (3_600_000, 600, 598)
    assert BREVO.heard(limits(reset="soon")) == [Heard(3_600_000, 600, 598, None)]
    assert BREVO.heard(limits(reset="1767269160")) == [Heard(3_600_000, 600, 598, None)]


@pytest.mark.parametrize("wrong", [{"most": ""}, {"left": "-1"}, {"left": "601"}, {"most": "²"}, {"most": "9" * 30}])
def test_nonsense_about_limits_is_passed_over(wrong):
    assert BREVO.heard(limits(**wrong)) == []
    assert BREVO.heard({}) == []


def test_a_refusal_says_for_how_long():
    assert BREVO.not_before(429, limits(), b"", 5_000) == 1_805_000
    assert BREVO.not_before(503, limits(), b"", 5_000) is None
    assert BREVO.not_before(429, {}, b"", 5_000) is None


def test_the_setup_text_names_address_and_source():
    text = BREVO.setup(SOURCE, "https://in.example.com/webhooks/acme/…")
    assert "https://in.example.com/webhooks/acme/…" in text
    assert "uniqueOpened" in text
    assert not [word for word in ("{webhook_url}", "{source}", "{api}") if word in text]
