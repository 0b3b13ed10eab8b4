"""Mandrill's quirks, and which of its webhooks and rows are the same fact (provider file, Quirks and Dedupe key)."""

from __future__ import annotations

import random

import pytest

from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Kind, Machine, Reading
from tests.providers.mandrill.said import MANDRILL, RECEIVED, SOURCE, fixture, form, hook, page, places, told


def with_options(**options) -> Source:
    return Source(name="acme", provider="mandrill", options=options)


def only(reading: Reading):
    (event,) = reading.events
    assert reading.problems == []
    return event


# -- quirks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metadata", [[], {}, None, "x", 7])
def test_metadata_that_is_no_object_is_none(metadata):
    send = told("send")
    send["msg"]["metadata"] = metadata
    event = only(hook([send]))
    assert (event.external_id, event.campaign_id) == (None, None)
    assert set(event.metadata) == {"subject", "sender", "subaccount", "tags"}


def test_metadata_and_tags_may_be_missing():
    send = told("send")
    del send["msg"]["metadata"], send["msg"]["tags"]
    assert set(only(hook([send])).metadata) == {"subject", "sender", "subaccount"}


def test_values_of_metadata_keep_their_types_and_are_told_as_text():
    send = told("send")
    send["msg"]["metadata"] = {"external_id": 4711, "vip": True, "rate": 0.5, "none": None, "deep": {"a": [1, 2]}}
    event = only(hook([send]))
    assert event.external_id == "4711"
    assert {name: event.metadata.get(name) for name in ("vip", "rate", "none", "deep.a")} == {
        "vip": "true",
        "rate": "0.5",
        "none": None,
        "deep.a": "1, 2",
    }


def test_the_keys_of_the_external_id_and_the_campaign_can_be_named():
    send = told("send")
    send["msg"]["metadata"] = {"crm": "c-1", "newsletter": "n-2"}
    event = only(hook([send], with_options(external_id="user, crm", campaign_id="newsletter")))
    assert (event.external_id, event.campaign_id) == ("c-1", "n-2")


def test_the_first_tag_is_the_campaign_only_where_it_is_wished_and_the_metadata_names_none():
    send, wished = told("send"), with_options(tag_is_campaign=True)
    assert only(hook([send], wished)).campaign_id == "march"
    send["msg"]["metadata"] = {}
    assert only(hook([send], wished)).campaign_id == "receipt"
    assert only(hook([send])).campaign_id is None


def test_what_a_table_lists_may_be_missing():
    for name in ("open", "click", "hard_bounce", "deferral", "spam"):
        event = told(name)
        for field in ("ip", "user_agent", "location", "user_agent_parsed"):
            event.pop(field, None)
        event["msg"] = {"email": "ana@example.com"}
        assert only(hook([event])).email == "ana@example.com"


def test_what_the_server_said_of_a_deferral_is_found_where_only_the_snapshot_tells_it():
    event = told("deferral")
    event["msg"] |= {"smtp_events": [{"ts": 1772359258, "type": "deferred"}], "diag": "smtp;421 4.7.0 later"}
    deferred = only(hook([event]))
    assert (deferred.reason, deferred.smtp_code) == ("smtp;421 4.7.0 later", "421")


def test_the_snapshot_may_be_missing_where_the_message_is_named():
    assert only(hook([{"event": "open", "ts": 1772360000, "_id": "m1", "msg": None}])).message_id == "m1"


def test_the_outer_id_and_the_snapshots_are_the_same_messages():
    event = told("send")
    del event["_id"]
    assert only(hook([event])) == only(hook([told("send")]))


def test_opens_and_clicks_of_the_snapshot_are_no_events():
    send = told("send")
    send["msg"] |= {"opens": [{"ts": 1772360000}] * 3, "clicks": [{"ts": 1772360060, "url": "https://example.com"}]}
    assert only(hook([send])) == only(hook([told("send")]))


def test_new_keys_change_nothing():
    event = told("click") | {"brand_new": {"a": 1}}
    event["msg"]["newer"] = [1]
    assert hook([event]) == hook([told("click")])


def test_a_robot_is_a_machine_and_another_type_proves_nobody():
    event = told("open")
    for type_, machine in (("robot", Machine.MACHINE), ("email client", Machine.UNKNOWN), ("toaster", Machine.UNKNOWN)):
        event["user_agent_parsed"]["type"] = type_
        assert only(hook([event])).machine is machine


@pytest.mark.parametrize(
    ("agent", "mobile", "device"),
    [
        ("Thunderbird", True, "mobile"),
        ("Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15", True, "tablet"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15", False, "computer"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15", None, "mobile"),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", False, None),
        (None, None, None),
    ],
)
def test_what_mandrill_says_of_a_device_wins(agent, mobile, device):
    event = told("open") | {"user_agent": agent, "user_agent_parsed": {"mobile": mobile, "type": "browser"}}
    assert only(hook([event])).device == device


@pytest.mark.parametrize(
    ("diag", "found", "code"),
    [
        ("smtp;550 5.7.1 Blocked", BounceClass.BLOCK, "550"),
        ("SMTP; 550-5.7.26 Unauthenticated", BounceClass.BLOCK, "550"),
        ("421 4.7.0 Try later", BounceClass.HARD, "421"),
        ("550 5.17.1 No", BounceClass.HARD, "550"),
        ("smtp;no answer", BounceClass.HARD, None),
        ("", BounceClass.HARD, None),
        (None, BounceClass.HARD, None),
        (["550"], BounceClass.HARD, None),
    ],
)
def test_a_bounce_is_hard_or_soft_by_its_event_unless_a_policy_blocked_it(diag, found, code):
    event = told("hard_bounce")
    event["msg"]["diag"] = diag
    bounced = only(hook([event]))
    assert (bounced.bounce_class, bounced.smtp_code) == (found, code)
    assert bounced.reason == (diag if isinstance(diag, str) and diag else "bad_mailbox")


def test_mail_that_came_in_passes_by_and_its_neighbours_are_read():
    assert hook([told("send"), told("inbound"), told("open")]).events == hook([told("send"), told("open")]).events


def test_samples_of_the_test_button_count_nowhere():
    for name in ("send", "hard_bounce", "click", "spam"):
        event = told(name)
        event["_id"] = "exampleaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1"
        sample = only(hook([event]))
        assert (sample.kind, sample.word, sample.metadata["test"]) == (Kind.OTHER, event["event"], "yes")


@pytest.mark.parametrize(
    ("type_", "which"),
    [
        *((word, "denylist") for word in ("blacklist", "denylist", "Deny-List", "reject list")),
        *((word, "allowlist") for word in ("whitelist", "safelist", "allowlist", "allow_list")),
        ("greylist", "greylist"),
    ],
)
def test_each_spelling_of_a_list_is_understood(type_, which):
    event = told("denylist_remove") | {"type": type_}
    assert only(hook([event])).metadata["list"] == which


def test_a_sync_event_says_its_text_in_detail_or_else_in_reason():
    event = told("denylist_add")
    assert only(hook([event])).reason == "550 5.1.1 No such user"
    del event["reject"]["detail"]
    assert only(hook([event])).reason == "hard-bounce"


def test_a_sync_event_without_a_time_has_its_entrys():
    event = told("denylist_remove")
    del event["ts"]
    assert only(hook([event])).occurred_at == 1772359270_000
    del event["reject"]["created_at"]
    assert [problem.reason for problem in hook([event]).problems] == ["Neither ts nor created_at says when it was."]


def test_an_entry_of_the_list_without_a_time_counts_from_when_it_was_seen():
    (event,) = page("rejects", [{"email": "a@example.com", "reason": "custom"}]).events
    assert (event.occurred_at, event.clock.value) == (RECEIVED, "received")
    again = page("rejects", [{"email": "a@example.com", "reason": "custom"}], received_at=RECEIVED + 60_000)
    assert [again.events[0].slot] == [event.slot]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The form has no field mandrill_events."),
        (b"other=1", "The form has no field mandrill_events."),
        (b"mandrill_events=", "mandrill_events is not JSON."),
        (b"mandrill_events=%5B", "mandrill_events is not JSON."),
        (b"mandrill_events=%7B%7D", "mandrill_events is not a list."),
        (b"mandrill_events=null", "mandrill_events is not a list."),
    ],
)
def test_a_body_that_is_no_batch_is_a_problem(body, reason):
    reading = hook(body)
    assert [(problem.item, problem.reason, problem.raw) for problem in reading.problems] == [(0, reason, body)]


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (7, "An event must be an object."),
        ({}, "event is missing."),
        ({"event": ["open"]}, "event is missing."),
        ({"event": "open", "_id": "m"}, "ts is not a time."),
        ({"event": "open", "_id": "m", "ts": -1}, "ts is not a time."),
        ({"event": "open", "_id": "m", "ts": 10**20}, "ts is not a time."),
        ({"event": "open", "_id": "m", "ts": True}, "ts is not a time."),
        ({"event": "open", "ts": 1}, "The event names neither a message nor a recipient."),
        ({"type": "blacklist", "action": "add", "ts": 1}, "The sync event has no entry."),
        ({"type": "blacklist", "action": "add", "ts": 1, "reject": {}}, "email is missing."),
    ],
)
def test_a_bad_item_is_a_problem_and_its_neighbours_are_read(item, reason):
    reading = hook([told("send"), item, told("click")])
    assert reading.events == hook([told("send"), told("click")]).events
    assert [(problem.item, problem.reason) for problem in reading.problems] == [(1, reason)]


def test_a_large_batch_is_read_whole():
    events = [told("send") | {"_id": f"m{number}"} for number in range(1000)]
    assert len({slot for slot, *_ in places(hook(events))}) == 1000


def test_a_state_that_nobody_knows_is_other_and_proves_no_sending():
    (event,) = page(
        "messages", [{"_id": "m1", "ts": 1772359228, "email": "a@example.com", "state": "teleported"}]
    ).events
    assert (event.kind, event.word) == (Kind.OTHER, "teleported")


def test_what_is_wrong_in_a_message_costs_nothing_else_of_it():
    row = {
        "_id": "m1",
        "ts": 1772359228,
        "state": "sent",
        "opens_detail": [{"ts": "soon"}, 7, {"ts": 1772360000}],
        "clicks_detail": {"ts": 1},
    }
    reading = page("messages", [row, None, row | {"_id": "m2"}])
    assert [event.kind for event in reading.events] == [Kind.SENT, Kind.OPENED] * 2
    assert [(problem.item, problem.reason) for problem in reading.problems] == [
        (0, "ts is not a time."),
        (0, "opens_detail holds what is no object."),
        (1, "A message must be an object."),
        (2, "ts is not a time."),
        (2, "opens_detail holds what is no object."),
    ]


# -- identity ------------------------------------------------------------------------------------------------

ALL = ("send", "delivered", "deferral", "hard_bounce", "soft_bounce", "reject", "open", "click", "spam", "unsub")


def test_a_redelivery_says_nothing_new():
    body = form([told(name) for name in ALL])
    assert places(hook(body)) == places(hook(body, received_at=RECEIVED + 86_400_000))
    assert len(set(places(hook(body)))) == len(ALL)


def test_a_batch_in_another_order_or_cut_otherwise_says_the_same():
    events = [told(name) for name in ALL]
    wanted = sorted(places(hook(events)))
    random.Random(1).shuffle(events)
    assert sorted(places(hook(events[:4])) + places(hook(events[4:]))) == wanted


def test_a_snapshot_that_grew_meanwhile_makes_no_other_event():
    later = told("open")
    later["msg"] |= {"opens": [{"ts": 1}, {"ts": 2}], "_version": "other", "state": "spam"}
    assert places(hook([later])) == places(hook([told("open")]))


@pytest.mark.parametrize(
    "change",
    [{"ts": 1772360061}, {"url": "https://shop.example.com/b"}, {"ip": "192.0.2.26"}, {"user_agent": "Other"}],
)
def test_two_genuine_clicks_stay_two(change):
    assert len(set(places(hook([told("click"), told("click") | change])))) == 2


def test_two_clicks_of_one_client_on_one_link_in_one_second_fall_together():
    assert len(set(places(hook([told("click"), told("click")])))) == 1


def test_deferrals_are_told_apart_by_their_time():
    assert len(set(places(hook([told("deferral"), told("deferral") | {"ts": 1772359320}])))) == 2


def test_a_sending_that_each_door_times_otherwise_is_one():
    row = {"_id": told("send")["_id"], "ts": 1772359228, "state": "sent"}
    assert page("messages", [row]).events[0].slot == hook([told("send")]).events[0].slot


def test_two_messages_one_address_complains_about_are_two_complaints_of_one_slot():
    other = told("spam") | {"_id": "m2"}
    (one, first, row), (two, second, another) = places(hook([told("spam"), other]))
    assert (one, first) == (two, second)
    assert row != another


def test_a_message_id_is_no_event_id():
    assert len({slot for slot, *_ in places(hook([told("send"), told("open"), told("click")]))}) == 3


def test_sources_share_no_identity():
    twin = Source(name="twin", provider="mandrill")
    assert not set(places(hook([told("send")]))) & set(places(hook([told("send")], twin)))


def test_the_setup_names_the_address_the_source_and_the_key():
    text = MANDRILL.setup(SOURCE, "https://aftersend.example.com/webhooks/acme")
    assert "    https://aftersend.example.com/webhooks/acme\n" in text
    assert 'name = "acme"' in text
    typed = with_options(webhook_url="https://proxy.example.com/x")
    assert "    https://proxy.example.com/x\n" in MANDRILL.setup(typed, "https://aftersend.example.com/webhooks/acme")
    assert "{" not in text.replace("${", "")


def test_fixtures_of_both_doors_agree_on_what_they_share():
    pushed = {slot for name in ALL for slot, *_ in places(hook(fixture(f"webhook_{name}.form")))}
    listed = {slot for slot, *_ in places(page("messages", fixture("feed_messages.json")))}
    # Sent, delivered, opened, clicked of Ana; the two bounces; the rejected one.
    assert len(pushed & listed) == 7
