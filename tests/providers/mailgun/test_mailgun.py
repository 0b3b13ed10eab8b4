"""Mailgun's quirks, one by one (provider file), and what is the same event."""

from __future__ import annotations

from base64 import b64decode

import pytest

from aftersend.providers import PROVIDERS
from aftersend.settings import Source
from aftersend.storage.metrics import withheld
from aftersend.vocabulary import BounceClass, ConfigurationError, Kind, Machine, Precision, Problem
from tests.providers.mailgun.said import DAY, MAILGUN, SOURCE, at, event, fixture, hook, page, slot, told


def failing(reason: str = "bounce", severity: str = "permanent", **status) -> tuple[Kind, BounceClass | None]:
    names = {name.replace("_", "-"): value for name, value in status.items()}
    found = event(told("failed_bounce") | {"severity": severity, "reason": reason, "delivery-status": names or None})
    return found.kind, found.bounce_class


@pytest.mark.parametrize("attached", [[], None, "", {}, 7, "text", [1]])
def test_variables_that_are_no_object_are_none(attached):
    found = event(told("delivered") | {"user-variables": attached})
    assert found.external_id is None
    assert "customer_id" not in found.metadata
    without = told("delivered")
    del without["user-variables"]
    assert event(without) == found


@pytest.mark.parametrize("name", ["user-variables", "tags", "campaigns", "flags", "envelope", "storage", "geolocation"])
def test_a_part_that_is_missing_spoils_nothing(name):
    data = {**told("opened"), "flags": {}, "envelope": {}, "storage": {}}
    del data[name]
    assert event(data).email == "ada@example.com"


def test_the_external_id_is_where_the_options_say():
    data = told("delivered") | {"user-variables": {"Customer_ID": 42, "profile": '{"crm": {"id": "x-1"}}', "c": "s7"}}
    for names, wanted in (("customer_id", "42"), ("nobody, profile.crm.id", "x-1"), ("nobody", None)):
        source = Source(name="acme", provider="mailgun", options={"external_id": names, "campaign_id": "c"})
        found = event(data, source)
        assert (found.external_id, found.campaign_id) == (wanted, "s7")


def test_a_campaign_of_mailguns_own_wins_over_a_variable():
    data = told("delivered") | {"user-variables": {"campaign_id": "mine"}}
    assert event(data | {"campaigns": [{"id": "c7", "name": "Spring"}]}).campaign_id == "c7"
    assert event(data | {"campaigns": ["spring"]}).campaign_id == "spring"
    assert event(data | {"campaigns": []}).campaign_id == "mine"


def test_text_that_only_looks_like_json_is_kept_as_it_is():
    found = event(told("delivered") | {"user-variables": {"note": "{not json", "list": "[1, 2]"}})
    assert (found.metadata["note"], found.metadata["list"]) == ("{not json", "1, 2")


def test_a_variable_that_cannot_be_laid_flat_is_kept_as_it_is():
    found = event(told("delivered") | {"user-variables": {"items": '[{"sku": "a"}, {"sku": "b"}]', "none": "{}"}})
    assert found.metadata["items"] == '[{"sku": "a"}, {"sku": "b"}]'
    assert "none" not in found.metadata


@pytest.mark.parametrize(
    ("header", "email", "all_of_them"),
    [
        ("Ada <ada@example.com>", "ada@example.com", None),
        ('"Last, First" <a@example.com>, b@example.com', "a@example.com", "a@example.com, b@example.com"),
        ("nobody", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_who_was_rejected_stands_in_the_header_to(header, email, all_of_them):
    data = told("rejected")
    data["message"]["headers"]["to"] = header
    found = event(data)
    assert (found.email, found.metadata.get("to")) == (email, all_of_them)


def test_on_every_other_event_the_recipient_counts_and_not_the_header():
    data = told("complained")
    data["message"]["headers"]["to"] = "somebody.else@example.com"
    assert event(data).email == "ada@example.com"
    del data["recipient"]
    assert event(data).email is None


def test_a_message_may_be_missing():
    data = told("opened")
    del data["message"]
    found = event(data)
    assert (found.message_id, found.by_message, found.email) == (None, False, "ada@example.com")


def test_angle_brackets_are_no_part_of_a_message_id():
    data = told("opened")
    data["message"]["headers"]["message-id"] = "<20260101120000.1.ABCDEF@mg.example.com>"
    assert event(data) == event(told("opened"))


@pytest.mark.parametrize(
    ("message", "description", "reason"),
    [
        ("5.1.1 no\nsuch user", "", "5.1.1 no\nsuch user"),
        ("", "No such user", "No such user"),
        ("No such user", "No such user", "No such user"),
        ("No such user", "at mx.example.com", "No such user\nat mx.example.com"),
        ("", "", "bounce"),
    ],
)
def test_why_it_failed_stands_in_the_message_or_the_description(message, description, reason):
    status = {"code": 550, "message": message, "description": description}
    assert event(told("failed_bounce") | {"delivery-status": status}).reason == reason


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"code": 550}, (Kind.BOUNCED, BounceClass.HARD)),
        ({"reason": "generic", "code": 554}, (Kind.BOUNCED, BounceClass.HARD)),
        ({"reason": "hardfail"}, (Kind.BOUNCED, BounceClass.HARD)),
        ({"reason": "something new"}, (Kind.BOUNCED, BounceClass.HARD)),
        ({"reason": "old", "code": 550}, (Kind.BOUNCED, BounceClass.SOFT)),
        ({"code": 452}, (Kind.BOUNCED, BounceClass.SOFT)),
        ({"code": 499}, (Kind.BOUNCED, BounceClass.SOFT)),
        ({"code": "680"}, (Kind.BOUNCED, BounceClass.SOFT)),
        ({"reason": "espblock"}, (Kind.BOUNCED, BounceClass.BLOCK)),
        ({"code": 550, "enhanced_code": "5.7.26"}, (Kind.BOUNCED, BounceClass.BLOCK)),
        ({"code": 550, "enhanced_code": "5.70.1"}, (Kind.BOUNCED, BounceClass.HARD)),
        ({"reason": "suppress-unsubscribe", "code": 606}, (Kind.DROPPED, None)),
        ({"reason": "Suppress-Complaint"}, (Kind.DROPPED, None)),
        ({"code": 605}, (Kind.DROPPED, None)),
        ({"code": 607}, (Kind.DROPPED, None)),
        ({"severity": "temporary", "reason": "generic", "code": 550}, (Kind.DEFERRED, None)),
        ({"severity": "temporary", "reason": "greylisted"}, (Kind.DEFERRED, None)),
        ({"severity": "temporary", "reason": "espblock"}, (Kind.DEFERRED, None)),
        ({"severity": "", "retry_seconds": 145, "code": 680}, (Kind.DEFERRED, None)),
        ({"severity": "", "code": 550}, (Kind.BOUNCED, BounceClass.UNDETERMINED)),
        ({"severity": "strange", "code": 550}, (Kind.BOUNCED, BounceClass.UNDETERMINED)),
    ],
)
def test_what_a_failure_is_depends_on_severity_first_then_reason_and_code(given, wanted):
    assert failing(**given) == wanted


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (None, "suppress-complaint"),
        ({"code": 607, "message": "", "description": "complained before"}, "suppress-complaint: complained before"),
    ],
)
def test_why_it_was_withheld_begins_with_mailguns_word_by_which_reports_know_it(status, reason):
    found = event(told("failed_bounce") | {"reason": "suppress-complaint", "delivery-status": status})
    assert found.reason == reason
    assert withheld(found.reason)


def test_a_code_of_mailguns_own_is_no_smtp_code():
    for code, smtp in ((250, "250"), (550, "550"), (498, None), (605, None), (None, None), ("x", None)):
        found = event(told("failed_bounce") | {"delivery-status": {"code": code}})
        assert found.smtp_code == smtp
        assert found.metadata.get("code") == (str(code) if code in (498, 605) else None)


@pytest.mark.parametrize(
    ("bot", "machine", "reason"),
    [
        ("apple", Machine.MACHINE, "bot: apple"),
        ("generic", Machine.MACHINE, "bot: generic"),
        ("gmail", Machine.UNKNOWN, "bot: gmail"),
        ("scanner", Machine.MACHINE, "bot: scanner"),
        (True, Machine.MACHINE, "bot: true"),
        ("True", Machine.MACHINE, "bot: true"),
        (False, Machine.UNKNOWN, None),
        ("false", Machine.UNKNOWN, None),
        ("Unknown", Machine.UNKNOWN, None),
        ("", Machine.UNKNOWN, None),
        (None, Machine.UNKNOWN, None),
    ],
)
def test_who_opened_is_what_mailgun_detected_even_as_a_boolean(bot, machine, reason):
    data = told("clicked")
    data["client-info"]["bot"] = bot
    found = event(data)
    assert (found.machine, found.machine_reason) == (machine, reason)


def test_where_mailgun_detected_nothing_the_user_agent_may_still_name_a_robot():
    data = told("clicked")
    data["client-info"]["user-agent"] = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    assert event(data).machine is Machine.MACHINE


def test_what_mailgun_did_not_find_out_is_not_told():
    data = told("opened")
    data["client-info"] = dict.fromkeys(
        ("client-type", "client-os", "device-type", "client-name", "user-agent"), "Unknown"
    )
    found = event(data)
    assert (found.user_agent, found.device) == (None, None)
    assert not {"client", "os", "region", "city"} & set(found.metadata)


@pytest.mark.parametrize(
    "word",
    [
        *("stored", "unique_opened", "unique_clicked", "list_member_uploaded", "list_member_upload_error"),
        *("list_uploaded", "email_validation", "trapped"),
    ],
)
def test_what_is_no_event_of_a_sent_email_passes_by(word):
    reading = page("logs", {"items": [told("opened") | {"event": word}]})
    assert (reading.events, reading.problems) == ([], [])


def test_new_fields_change_nothing():
    assert event(told("opened") | {"novelty": {"a": [1]}}) == event(told("opened"))


@pytest.mark.parametrize(
    ("printed", "millis"),
    [(1767268900.278, 278), (1767268900.2, 200), (1767268900.999999, 999), ("1767268900.278", 278), (1767268900, 0)],
)
def test_a_time_is_cut_to_the_millisecond_in_decimal(printed, millis):
    assert event(told("opened") | {"timestamp": printed}).occurred_at == at("12:01:40") + millis


@pytest.mark.parametrize("printed", ["", "soon", True, [], {}, -1, 1e300, float(2**63), "NaN", "1e99999999"])
def test_an_event_without_a_time_is_a_problem_and_not_dated_by_guess(printed):
    data = told("opened") | {"timestamp": printed}
    reading = hook({"event-data": data})
    assert [(problem.item, problem.reason) for problem in reading.problems] == [(0, "timestamp is not a time.")]
    assert reading.events == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The webhook is not JSON."),
        (b"[]", "A webhook's JSON must be an object."),
        (b"{}", "event-data is missing."),
        (b'{"event-data":[]}', "An event must be an object."),
        (b'{"event-data":{"id":"x","timestamp":1767268900}}', "event is missing."),
        (b'{"event-data":{"event":"opened","timestamp":1767268900}}', "id is missing."),
        (b'{"event-data":{"event":"opened","id":"x"}}', "timestamp is missing."),
        (b'{"event-data":{"event":"opened","id":"x","@timestamp":"soon"}}', "@timestamp is not a time."),
    ],
)
def test_what_cannot_be_read_is_a_problem(body, reason):
    assert hook(body).problems == [Problem(item=0, reason=reason, raw=body)]


# -- identity ------------------------------------------------------------------------------------------------


def test_an_id_counts_for_one_day_only():
    today, tomorrow = (event(told("opened") | {"timestamp": second}) for second in (1767268900.5, 1767355300.5))
    assert today.slot == slot("opened", "Ase7i2zsRYeDXztHGENqRA")
    assert tomorrow.slot == slot("opened", "Ase7i2zsRYeDXztHGENqRA", day=DAY + 86_400_000)


def test_an_id_counts_for_one_domain_only():
    here, there = (event(told("opened") | {"domain": {"name": name}}) for name in ("MG.example.com", "b.example.com"))
    assert here.slot == slot("opened", "Ase7i2zsRYeDXztHGENqRA")
    assert there.slot != here.slot


def test_two_clicks_are_two_and_a_repeated_one_is_one():
    again = told("clicked") | {"id": "another"}
    assert event(again).slot != event(told("clicked")).slot
    assert hook(fixture("webhook_clicked.json")) == hook(fixture("webhook_clicked.json"))


def test_a_row_without_its_domain_is_of_the_domain_that_was_asked():
    data = told("opened")
    del data["domain"]
    assert page("events", {"items": [data]}, domain="MG.example.com").events == [event(told("opened"))]


def test_where_nothing_names_the_domain_the_message_id_does():
    found = event(told("rejected"))
    asked = page("events", {"items": [told("rejected")]}, domain="mg.example.com").events
    assert asked == [found]
    assert found.slot == slot("rejected", "OMTXD3-sSmKIQa1gSKkYVA")


def test_webhook_events_and_logs_tell_of_one_event():
    data = told("clicked")
    logged = {name: value for name, value in data.items() if name != "timestamp"}
    logged["@timestamp"] = "2026-01-01T12:02:30.101Z"
    (row,) = page("logs", {"items": [logged]}).events
    (listed,) = page("events", {"items": [data]}, domain="mg.example.com").events
    assert listed == event(data)
    assert (row.slot, row.occurred_at, row.precision) == (listed.slot, listed.occurred_at, Precision.MILLISECOND)
    assert (row.list, row.row, listed.list, listed.row) == ("logs", "", "", "")


# -- the source ----------------------------------------------------------------------------------------------


def test_the_key_is_the_password_of_the_user_api():
    source = Source(name="acme", provider="mailgun", api_key=" key-1 ")
    (header, value), *others = MAILGUN.credentials(source).items()
    assert (header, b64decode(value.removeprefix("Basic ")), others) == ("Authorization", b"api:key-1", [])
    with pytest.raises(ConfigurationError, match="API Security"):
        MAILGUN.credentials(SOURCE)


def test_one_of_the_two_lists_is_read_unless_the_source_names_them():
    def enabled(**fields) -> list[str]:
        return list(MAILGUN.enabled(Source(name="acme", provider="mailgun", **fields)))

    domains = {"domains": ["mg.example.com"]}
    assert enabled() == []
    assert enabled(api_key="k") == ["logs"]
    assert enabled(api_key="k", options=domains) == ["events"]
    assert enabled(api_key="k", options=domains, feeds=["logs", "events"]) == ["logs", "events"]


def test_a_wrong_option_is_named():
    for options, name in (
        ({"settle": "soon"}, "settle"),
        ({"tolerance": ""}, "tolerance"),
        ({"region": "eu"}, "region"),
    ):
        with pytest.raises(ConfigurationError, match=name):
            MAILGUN.feeds(Source(name="acme", provider="mailgun", options=options))


def test_the_setup_names_the_address_and_the_key_that_is_meant():
    text = PROVIDERS["mailgun"].setup(SOURCE, "https://aftersend.example.com/webhooks/acme")
    assert "https://aftersend.example.com/webhooks/acme" in text
    assert "HTTP webhook signing key" in text
    assert "https://api.mailgun.net" in text
    assert "{webhook_url}" not in text
