"""Mailchimp's quirks, and which of its webhooks and rows are the same fact (provider file, Quirks and Dedupe key)."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import msgspec
import pytest

from aftersend.console.addresses import masked_webhook_url, webhook_urls
from aftersend.settings import Server, Settings, Source
from aftersend.vocabulary import BounceClass, Clock, Event, Kind, Reading
from tests.providers.mailchimp.said import (
    CAMPAIGN,
    MAILCHIMP,
    RECEIVED,
    SOURCE,
    at,
    fixture,
    hook,
    id_of,
    page,
    places,
)


def told(name: str, **data: str | None) -> dict[str, str]:
    """The fields of a webhook's fixture, some changed or left out."""
    fields = dict(parse_qsl(fixture(f"webhook_{name}.form").decode(), keep_blank_values=True))
    changed = {f"data[{field}]": value for field, value in data.items()}
    return {name: value for name, value in (fields | changed).items() if value is not None}


def only(reading: Reading) -> Event:
    (event,) = reading.events
    assert reading.problems == []
    return event


def activity(*items: object, **row: object) -> dict[str, object]:
    member = {"campaign_id": CAMPAIGN, "email_id": "m1", "email_address": "ana@example.com", "activity": list(items)}
    return {"emails": [member | row], "total_items": 1}


# -- quirks --------------------------------------------------------------------------------------------------


def test_brackets_are_understood_encoded_or_not():
    body = fixture("webhook_subscribe.form")
    plain = body.replace(b"%5B", b"[").replace(b"%5D", b"]")
    assert plain != body
    assert hook(plain) == hook(body)


def test_the_merge_field_of_the_external_id_can_be_named_and_its_case_does_not_matter():
    source = msgspec.structs.replace(SOURCE, options={"external_id": "crm, fname"})
    assert only(hook(told("subscribe"), source)).external_id == "Ana"
    row = {"campaign_id": "c", "email_id": "m", "status": "sent", "merge_fields": {"CRM": 4711}}
    assert only(page("sent", {"sent_to": [row]}, source)).external_id == "4711"


def test_of_a_reason_of_abuse_and_an_action_of_delete_the_complaint_counts():
    event = only(hook(told("unsubscribe_abuse", action="delete")))
    assert (event.kind, event.reason) == (Kind.COMPLAINED, "abuse")


def test_cleaned_for_a_reason_nobody_knows_is_other():
    event = only(hook(told("cleaned", reason="tired")))
    assert (event.kind, event.word, event.reason, event.bounce_class) == (Kind.OTHER, "cleaned", "tired", None)


def test_the_id_of_a_campaigns_webhook_is_the_campaigns_and_that_of_others_the_members():
    assert only(hook(told("campaign"))).campaign_id == CAMPAIGN
    event = only(hook(told("unsubscribe")))
    assert (event.campaign_id, event.metadata["member_id"], event.contact_id) == (
        CAMPAIGN,
        "8f14e45fce",
        id_of("ana@example.com"),
    )


def test_the_time_of_a_webhook_is_the_sources_zones():
    event = only(hook(told("profile"), msgspec.structs.replace(SOURCE, time_zone="Europe/Berlin")))
    assert (event.occurred_at, event.clock) == (at("09:02:00"), Clock.ASSUMED)
    stated = told("profile") | {"fired_at": "2026-03-01T10:02:00+00:00"}
    assert (only(hook(stated)).occurred_at, only(hook(stated)).clock) == (at("10:02:00"), Clock.STATED)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "type is missing."),
        ({"type": ""}, "type is missing."),
        ({"type": "subscribe"}, "fired_at is not a time."),
        ({"type": "subscribe", "fired_at": "soon"}, "fired_at is not a time."),
        ({"type": "subscribe", "fired_at": "2026-03-01 10:00:00"}, "data[email] is missing."),
        ({"type": "cleaned", "fired_at": "2026-03-01 10:00:00", "data[email]": " "}, "data[email] is missing."),
        ({"type": "campaign", "fired_at": "2026-03-01 10:00:00"}, "data[id] is missing."),
    ],
)
def test_what_lacks_what_it_needs_is_a_problem(fields, reason):
    body = urlencode(fields).encode()
    reading = hook(body)
    assert (reading.events, [(p.item, p.reason, p.raw) for p in reading.problems]) == ([], [(0, reason, body)])


@pytest.mark.parametrize("body", [b"{}", b"\xff\xfe", b"%", b"&&==", b'{"type":"subscribe"}'])
def test_a_body_that_is_no_form_of_theirs_is_a_problem(body):
    assert [problem.reason for problem in hook(body).problems] == ["type is missing."]


def test_a_type_that_is_new_is_other_also_without_a_recipient():
    event = only(hook({"type": "paused", "fired_at": "2026-03-01 10:00:00", "data[list_id]": "a"}))
    assert (event.kind, event.word, event.email) == (Kind.OTHER, "paused", None)


@pytest.mark.parametrize(
    ("type_", "found"),
    [
        ("hard", BounceClass.HARD),
        ("soft", BounceClass.SOFT),
        ("", "undetermined"),
        (None, "undetermined"),
        (7, "undetermined"),
    ],
)
def test_a_bounce_of_an_activity_has_its_class(type_, found):
    bounce = {"action": "bounce", "type": type_, "timestamp": "2026-03-01T10:01:00+00:00"}
    assert only(page("activity", activity(bounce))).bounce_class == found


def test_times_with_any_offset_are_the_same_instant():
    clicks = [
        {"action": "click", "timestamp": time} for time in ("2026-03-01T10:00:00+00:00", "2026-03-01T12:00:00+02:00")
    ]
    assert {event.occurred_at for event in page("activity", activity(*clicks)).events} == {at("10:00:00")}


def test_a_recipient_without_activity_is_no_event():
    assert page("activity", activity()) == Reading()
    assert page("activity", activity(activity=None)) == Reading()


def test_what_is_wrong_in_a_row_costs_nothing_else_of_it():
    good = {"action": "open", "timestamp": "2026-03-01T10:00:00+00:00"}
    said = activity(good, 7, {"action": "open", "timestamp": "soon"}, {"timestamp": good["timestamp"]}, good)
    said["emails"] += [
        None,
        {"email_id": "m"},
        {"email_id": "m", "campaign_id": "c", "activity": 7},
        {"campaign_id": "c"},
    ]
    reading = page("activity", said, context={})
    assert [event.occurred_at for event in reading.events] == [at("10:00:00")] * 2
    assert [(problem.item, problem.reason) for problem in reading.problems] == [
        (0, "timestamp is not a time."),
        (0, "action is missing."),
        (1, "A row must be an object."),
        (2, "campaign_id is missing."),
        (3, "activity is not a list."),
        (4, "email_id is missing."),
    ]


def test_a_recipient_whose_id_is_not_told_is_known_by_the_address():
    said = {"unsubscribes": [{"email_address": "Ana@Example.com", "timestamp": "2026-03-01T10:20:00+00:00"}]}
    assert only(page("unsubscribed", said)).contact_id == id_of("ana@example.com")


def test_a_status_that_nobody_knows_is_other_beside_the_sending():
    said = {"sent_to": [{"email_id": "m", "status": "pending"}]}
    assert [(event.kind, event.word) for event in page("sent", said).events] == [
        (Kind.SENT, "sent"),
        (Kind.OTHER, "pending"),
    ]


def test_who_it_was_sent_to_by_nobody_knows_which_campaigns_time_counts_from_when_it_was_read():
    said = {"sent_to": [{"campaign_id": "c", "email_id": "m", "status": "sent"}]}
    event = only(page("sent", said, context={}))
    assert (event.occurred_at, event.clock) == (RECEIVED, Clock.RECEIVED)


def test_a_campaign_that_is_wrong_costs_no_other():
    said = {"reports": [7, {"id": "c1", "send_time": "soon"}, {"emails_sent": 1}, {"id": "c2", "emails_sent": "many"}]}
    reading = page("campaigns", said)
    assert [(problem.item, problem.reason) for problem in reading.problems] == [
        (0, "id is missing."),
        (1, "send_time is not a time."),
        (2, "id is missing."),
    ]
    assert [(one.campaign_id, one.counts) for one in reading.snapshots] == [("c2", {})]


# -- identity ------------------------------------------------------------------------------------------------

ALL = (
    *(
        "subscribe",
        "unsubscribe",
        "unsubscribe_manual",
        "unsubscribe_delete",
        "unsubscribe_abuse",
        "profile",
        "upemail",
    ),
    *("cleaned", "cleaned_abuse", "campaign", "campaign_cancelled"),
)


def test_a_call_that_is_repeated_says_nothing_new():
    for name in ALL:
        body = fixture(f"webhook_{name}.form")
        assert places(hook(body)) == places(hook(body, received_at=RECEIVED + 86_400_000))
    assert len({place for name in ALL for place in places(hook(told(name)))}) == len(ALL)


@pytest.mark.parametrize("name", ["subscribe", "unsubscribe", "unsubscribe_manual", "profile", "upemail", "campaign"])
def test_the_same_at_another_time_is_another(name):
    again = told(name) | {"fired_at": "2026-03-02 00:00:00"}
    assert places(hook(told(name))) != places(hook(again))


def test_the_same_in_another_audience_is_another():
    assert places(hook(told("subscribe"))) != places(hook(told("subscribe", list_id="other")))


def test_a_complaint_that_comes_as_unsubscribe_and_as_cleaned_is_one():
    both = [told("unsubscribe_abuse"), told("cleaned_abuse", campaign_id=CAMPAIGN, email="ANA@example.com")]
    assert places(hook(both[0])) == places(hook(both[1]))


def test_two_genuine_clicks_stay_two():
    click = {
        "action": "click",
        "timestamp": "2026-03-01T10:00:00+00:00",
        "url": "https://example.com/a",
        "ip": "192.0.2.1",
    }
    changes = [{"timestamp": "2026-03-01T10:00:01+00:00"}, {"url": "https://example.com/b"}, {"ip": "192.0.2.2"}, {}]
    for change in changes:
        assert len(set(places(page("activity", activity(click, click | change))))) == 2


def test_rows_in_another_order_say_the_same():
    said = msgspec.json.decode(fixture("feed_activity.json"))
    before = sorted(places(page("activity", said)))
    said["emails"].reverse()
    assert sorted(places(page("activity", said))) == before


def test_an_open_of_both_lists_has_one_slot():
    seen = {"timestamp": "2026-03-01T10:00:00+00:00", "is_proxy_open": False}
    who = {"campaign_id": CAMPAIGN, "email_id": "m1", "email_address": "ana@example.com"}
    opened = {"members": [who | {"opens": [seen]}]}
    acted = activity({"action": "open", "timestamp": "2026-03-01T10:00:00+00:00", "ip": "192.0.2.1"})
    assert page("opens", opened).events[0].slot == page("activity", acted).events[0].slot


def test_an_opt_out_of_webhook_and_report_has_one_slot_whatever_the_report_calls_the_recipient():
    row = {"campaign_id": CAMPAIGN, "email_address": "Ana@Example.com", "timestamp": "2026-03-01T10:20:00+00:00"}
    for email_id in (id_of("ana@example.com"), "1b3b5d8e2a6c4f709182a3b4c5d6e7f8"):
        listed = only(page("unsubscribed", {"unsubscribes": [row | {"email_id": email_id}]}))
        assert listed.slot == only(hook(told("unsubscribe"))).slot
        assert listed.contact_id == email_id


def test_sources_share_no_identity():
    twin = Source(name="twin", provider="mailchimp")
    for name in ALL:
        assert places(hook(told(name))) != places(hook(told(name), twin))


def test_the_setup_names_the_address_the_source_and_the_api():
    text = MAILCHIMP.setup(SOURCE, "https://aftersend.example.com/webhooks/acme")
    assert '"url": "https://aftersend.example.com/webhooks/acme"' in text
    assert 'name = "acme"' in text
    assert "https://us21.api.mailchimp.com/3.0" in text


@pytest.mark.parametrize(
    ("mode", "address", "shown"),
    [
        ("signed", "https://aftersend.example.com/webhooks/acme", "https://aftersend.example.com/webhooks/acme"),
        (
            "url-secret",
            "https://aftersend.example.com/webhooks/acme/s3cret",
            "https://aftersend.example.com/webhooks/acme/…",
        ),
    ],
)
def test_the_address_that_is_printed_is_the_one_the_mode_takes(mode, address, shown):
    source = msgspec.structs.replace(SOURCE, webhook_secrets=["s3cret"], options={"webhook_mode": mode})
    settings = Settings(server=Server(public_url="https://aftersend.example.com"), sources=[source])
    assert webhook_urls(settings, source) == [address]
    assert masked_webhook_url(settings, source) == shown
    assert f'"url": "{address}"' in MAILCHIMP.setup(source, address)
