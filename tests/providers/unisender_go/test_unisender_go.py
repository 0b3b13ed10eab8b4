"""What is peculiar to Unisender Go (provider file, "Quirks"), and the identity of its events."""

from __future__ import annotations

import gzip
import random
from collections import Counter

import msgspec
import pytest

from aftersend.providers.unisender_go import words
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Clock, ConfigurationError, Kind, Machine
from tests.providers.unisender_go.said import HEAD, RECEIVED, SOURCE, UNISENDER, at, events, file, fixture, hook


def one(name: str = "clicked", **data):
    """An event of a fixture with other data."""
    (found,) = events(f"webhook_{name}.json")
    found["event_data"] |= data
    return found


def only(found, source=SOURCE):
    reading = hook([found], source)
    assert reading.problems == []
    (event,) = reading.events
    return event


def places(reading):
    return Counter((event.slot, event.list, event.row) for event in reading.events)


def row(time="10:14:20", status="clicked", url="", ip="", metadata='"{}"', detail="") -> bytes:
    cells = ("", f"2026-03-01 {time}", "1wAbCd-0001Ef-Gh", "", "ana@example.com", status, detail, metadata)
    return ",".join((*cells, "", "", url, ip, "")).encode() + b"\n"


def test_a_soft_bounce_is_a_deferral_whatever_its_reason_sounds_like():
    for detail in ("err_will_retry", "err_mailbox_full", "err_user_unknown", "err_lost"):
        event = only(one("soft_bounced", delivery_info={"delivery_status": detail}))
        assert (event.kind, event.bounce_class, event.reason) == (Kind.DEFERRED, None, detail)


@pytest.mark.parametrize(("detail", "bounce_class"), [*words.BOUNCES.items(), ("ERR_NO_DNS", BounceClass.HARD)])
def test_the_class_of_a_hard_bounce_is_that_of_its_reason(detail, bounce_class):
    event = only(one("hard_bounced", delivery_info={"delivery_status": detail}))
    assert (event.kind, event.bounce_class, event.reason) == (Kind.BOUNCED, bounce_class, detail)


@pytest.mark.parametrize("detail", sorted(words.DROPS))
def test_what_was_never_handed_over_is_dropped_though_it_is_called_bounced(detail):
    event = only(one("hard_bounced", delivery_info={"delivery_status": detail}))
    assert (event.kind, event.bounce_class, event.reason) == (Kind.DROPPED, None, detail)


@pytest.mark.parametrize(
    "detail", ["err_giveup", "err_unknown", "not_sent", "err_src_invalid", "something_new", "", None]
)
def test_the_list_of_reasons_is_open(detail):
    event = only(one("hard_bounced", delivery_info={"delivery_status": detail}))
    assert (event.kind, event.bounce_class, event.reason) == (Kind.BOUNCED, BounceClass.UNDETERMINED, detail or None)


def test_without_delivery_info_a_bounce_has_no_reason():
    bare = one("hard_bounced")
    del bare["event_data"]["delivery_info"]
    event = only(bare)
    assert (event.bounce_class, event.reason, event.smtp_code) == (BounceClass.UNDETERMINED, None, None)
    assert event.slot == only(one("hard_bounced")).slot


def test_a_delivery_into_the_spam_folder_is_a_delivery_that_says_so():
    event = only(one("delivered", delivery_info={"delivery_status": "ok_spam_folder"}))
    assert (event.kind, event.metadata["delivery_status"]) == (Kind.DELIVERED, "ok_spam_folder")


def test_a_reason_may_be_missing_on_opens_and_clicks():
    event = only(one("opened", delivery_info={"ip": "192.0.2.7"}))
    assert (event.kind, event.ip, event.device) == (Kind.OPENED, "192.0.2.7", None)


def test_a_robot_is_known_by_its_user_agent_alone():
    event = only(one("clicked", delivery_info={"user_agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}))
    assert (event.machine, event.machine_reason) == (Machine.MACHINE, "user agent of a robot")


def test_an_unknown_status_is_other_and_keeps_its_word():
    event = only(one(status="postponed"))
    assert (event.kind, event.word) == (Kind.OTHER, "postponed")


def test_an_unknown_event_is_other_received_when_it_came_and_known_again():
    found = {"event_name": "transactional_something", "event_data": {"email": "ana@example.com", "n": [1]}}
    event = only(found)
    assert (event.kind, event.word, event.email, event.clock, event.occurred_at) == (
        Kind.OTHER,
        "transactional_something",
        "ana@example.com",
        Clock.RECEIVED,
        RECEIVED,
    )
    assert hook([found], received_at=RECEIVED + 600_000).events[0].slot == event.slot
    flat = {"auth": "0" * 32, "event_name": "transactional_something", "n": [1]}
    again = flat | {"auth": "1" * 32, "retry_count": 2}
    assert hook(flat).events[0].slot == hook(again).events[0].slot != event.slot


def test_one_event_flat_and_the_same_in_a_batch_are_the_same():
    flat = hook(fixture("webhook_single_event.json")).events[0]
    assert flat.slot == hook(fixture("webhook_delivered.json")).events[0].slot


def test_a_spam_block_alone_and_flat_is_read_alike():
    flat = {"auth": "0" * 32, "event_name": words.SPAM_BLOCK, "user_id": 456, **one("spam_block")["event_data"]}
    assert hook(flat).events == hook([one("spam_block")]).events


@pytest.mark.parametrize("where", ["envelope", "user", "event", "data"])
def test_a_retry_count_changes_nothing_wherever_it_stands(where):
    found = one()
    user = {"user_id": 456, "events": [found]}
    envelope = {"auth": "0" * 32, "events_by_user": [user]}
    before = hook(envelope)
    {"envelope": envelope, "user": user, "event": found, "data": found["event_data"]}[where]["retry_count"] = 3
    assert hook(envelope) == before


def test_a_compressed_body_is_read_as_the_text_inside():
    raw = fixture("webhook_batch.json")
    assert hook(gzip.compress(raw)) == hook(raw)
    assert [problem.reason for problem in hook(gzip.compress(raw)[:-4]).problems] == [
        "The compressed body is too large, cut short, or something follows it."
    ]


def test_the_sender_names_campaign_and_recipient_in_the_metadata():
    marks = {"campaign_id": "spring", "external_id": "crm-1", "Customer": 4711, "utm": "april"}
    event = only(one(metadata=marks))
    assert (event.campaign_id, event.external_id) == ("spring", "crm-1")
    options = {"external_id": "customer", "campaign_id": "nothing, utm"}
    event = only(one(metadata=marks), Source(name="acme", provider="unisender_go", options=options))
    assert (event.campaign_id, event.external_id) == ("april", "4711")


@pytest.mark.parametrize("metadata", [None, [], "", 7, {}])
def test_metadata_may_be_missing_or_be_what_php_calls_empty(metadata):
    event = only(one(metadata=metadata))
    assert (event.campaign_id, event.external_id) == (None, None)


def test_a_job_is_no_id_of_one_message():
    event = only(one())
    assert (event.message_id, event.activity_id, event.by_message) == ("1wAbCd-0001Ef-Gh",) * 2 + (False,)


def test_a_redelivery_and_a_reshuffled_batch_give_the_same_identities():
    batch = events("webhook_batch.json")
    first = places(hook(batch))
    random.Random(1).shuffle(batch)
    again = places(hook(batch + batch[:3], received_at=RECEIVED + 86_400_000))
    assert set(again) == set(first)
    assert max(first.values()) == 1


def test_two_clicks_of_one_second_stay_two_where_link_address_or_program_differ():
    info = one()["event_data"]["delivery_info"]
    found = [
        one(),
        one(url="https://shop.example.com/other"),
        one(delivery_info=info | {"ip": "192.0.2.99"}),
        one(delivery_info=info | {"user_agent": "curl/8"}),
    ]
    reading = hook(found)
    assert len({event.slot for event in reading.events}) == 1
    assert len({event.row for event in reading.events}) == 4


def test_clicks_of_two_seconds_are_two_facts():
    assert only(one()).slot != only(one(event_time="2026-03-01 10:14:21")).slot


def test_the_same_webhook_twice_in_a_call_is_one():
    assert len(places(hook([one(), one()]))) == 1


def test_rows_that_are_alike_in_one_file_are_several_and_read_again_they_are_the_same():
    body = HEAD + row() * 3 + row(url="https://shop.example.com/b")
    first = places(file(body))
    assert len(first) == 4
    assert places(file(HEAD + row(url="https://shop.example.com/b") + row() * 3)) == first
    assert set(places(file(HEAD + row() * 2))) < set(first)


def test_what_happens_once_a_second_is_one_row_of_each_list():
    assert len(places(file(HEAD + row(status="delivered") * 2))) == 1


def test_the_address_of_the_recipient_is_the_same_in_any_case():
    assert only(one(email="Ana@Example.com")).slot == only(one()).slot


def test_both_doors_give_an_event_the_same_slot():
    dumped = {event.word: event.slot for event in file(fixture("feed_events.csv")).events}
    assert dumped["clicked"] == only(one()).slot == hook(fixture("webhook_without_delivery_info.json")).events[0].slot
    assert dumped["hard_bounced"] == only(one("hard_bounced")).slot


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"email": ""}, "email is missing."),
        ({"status": None}, "status is missing."),
        ({"job_id": " "}, "job_id is missing."),
        ({"event_time": ""}, "event_time is missing."),
        ({"event_time": "2026-02-30 10:00:00"}, "event_time is not a time."),
        ({"event_time": "2026-03-01T10:00:00Z"}, "event_time is not a time."),
        ({"event_time": "0001-01-01 00:00:00"}, "event_time is not a time that can be."),
    ],
)
def test_an_event_without_a_part_of_its_identity_is_a_problem_and_its_neighbours_are_read(data, reason):
    reading = hook([one(), one(**data), one("opened")])
    assert [(problem.item, problem.reason) for problem in reading.problems] == [(1, reason)]
    assert [event.kind for event in reading.events] == [Kind.CLICKED, Kind.OPENED]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The webhook is not JSON."),
        (b"[]", "A webhook's JSON must be an object."),
        (b"{}", "The webhook has neither event_name nor a list events_by_user."),
        (b'{"events_by_user":{}}', "The webhook has neither event_name nor a list events_by_user."),
        (b'{"events_by_user":[7]}', "An event must be an object."),
        (b'{"events_by_user":[{}]}', "event_name is missing."),
        (b'{"events_by_user":[{"events":[{"event_name":"x","event_data":7}]}]}', "event_data must be an object."),
        (b'{"event_name":""}', "event_name is missing."),
        (b'{"records_by_user":[]}', "The webhook has neither event_name nor a list events_by_user."),
        (b"\x1f\x8bnonsense", "The body is not valid gzip."),
    ],
)
def test_a_body_that_is_no_event_is_one_problem(body, reason):
    reading = hook(body)
    assert [problem.reason for problem in reading.problems] == [reason]
    assert reading.events == []


def test_more_users_than_one_are_read_though_there_should_be_one():
    users = [{"user_id": 1, "events": [one()]}, {"user_id": 2, "events": [one("opened"), 7]}]
    reading = hook({"events_by_user": users})
    assert [event.metadata["user_id"] for event in reading.events] == ["1", "2"]
    assert [problem.item for problem in reading.problems] == [2]


@pytest.mark.parametrize(
    ("cell", "metadata"),
    [
        ('"{""a"":""b""}"', {"a": "b"}),
        ("[]", {}),
        ("null", {}),
        ("", {}),
        ("plain", {"metadata": "plain"}),
        ('"[1,2]"', {"metadata": "[1,2]"}),
    ],
)
def test_the_metadata_of_a_dump_is_json_in_a_cell_or_kept_as_it_is(cell, metadata):
    (event,) = file(HEAD + row(metadata=cell)).events
    assert event.metadata == metadata


def test_a_row_that_is_broken_is_a_problem_and_its_neighbours_are_read():
    reading = file(HEAD + row() + b"a,b\n" + row(time="10:14:99") + b'"' + b"x" * 200_000 + b'"\n' + row("10:14:21"))
    assert [problem.reason for problem in reading.problems] == [
        "The row has not as many cells as there are columns.",
        "event_time is not a time.",
        "The row is not CSV.",
    ]
    assert [event.occurred_at for event in reading.events][:: len(reading.events) - 1] == [
        at("10:14:20"),
        at("10:14:21"),
    ]


def test_columns_are_known_by_their_names_in_any_order():
    (event,) = file(
        b"\xef\xbb\xbfstatus,email,event_time,job_id,new\nspam,a@example.com,2026-03-01 10:00:00,j,x\n"
    ).events
    assert (event.kind, event.email, event.message_id) == (Kind.COMPLAINED, "a@example.com", "j")


@pytest.mark.parametrize("body", [b"", b"\n", b"<html>", b"a,b\n1,2\n", b'{"status":"success"}'])
def test_a_file_that_is_none_is_a_problem(body):
    assert [problem.reason for problem in file(body).problems] == ["The file has not the columns of a dump."]


def test_the_key_is_in_a_header_of_its_own_and_its_absence_means_webhooks_alone():
    assert UNISENDER.credentials(SOURCE)["X-API-KEY"] == "ug-00000000"
    bare = Source(name="acme", provider="unisender_go")
    assert UNISENDER.enabled(bare) == {}
    assert list(UNISENDER.enabled(SOURCE)) == ["events"]
    with pytest.raises(ConfigurationError, match="api_key"):
        UNISENDER.credentials(bare)


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (b'{"status":"error","message":"User not found","code":114}', True),
        (b'{"status":"error","code":102}', False),
        (b'{"code":"114"}', False),
        (b"<html>", False),
        (b"[114]", False),
    ],
)
def test_the_wrong_data_centre_refuses_the_credentials(body, refused):
    assert UNISENDER.refuses(400, body) is refused


def test_the_setup_says_where_to_send_webhooks():
    text = UNISENDER.setup(SOURCE, "https://hooks.example.com/webhooks/acme")
    assert "\n    https://hooks.example.com/webhooks/acme\n" in text
    assert not [name for name in ("{webhook_url}", "{source}", "{api}") if name in text]


def test_the_fixtures_escape_slashes_as_real_bodies_do():
    assert b"https:\\/\\/" in fixture("webhook_clicked.json")
    assert msgspec.json.decode(fixture("webhook_clicked.json"))
