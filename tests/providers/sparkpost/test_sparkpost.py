"""The quirks of SparkPost's events, its identity, and the provider as others meet it."""

from __future__ import annotations

import random

import msgspec
import pytest

from aftersend.providers.contract import Answer, Ask, Context, Malformed
from aftersend.providers.sparkpost import pages
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Clock, ConfigurationError, Kind, Machine, Precision
from aftersend.zones import parse
from tests.providers.sparkpost.fake import FakeSparkPost
from tests.providers.sparkpost.installed import call, install
from tests.providers.sparkpost.said import RECEIVED, SOURCE, SPARKPOST, fixture, hook, page, payload, wrapped

MINUTE, DAY = 60_000, 86_400_000
NOW = parse("2026-11-21T10:00:30.500Z", "now")


def one(event: dict, source: Source = SOURCE):
    reading = hook(wrapped(event), source)
    assert (len(reading.events), reading.problems) == (1, [])
    return reading.events[0]


def places(reading) -> list[tuple]:
    return [(event.slot, event.list, event.row) for event in reading.events]


# -- reading -------------------------------------------------------------------------------------------------


def test_the_type_decides_and_not_the_class_an_event_is_wrapped_in():
    event = payload("generation_failure")
    kinds = [hook([{"msys": {name: event}}]).events[0].kind for name in ("gen_event", "message_event", "new_event")]
    assert kinds == [Kind.DROPPED] * 3


@pytest.mark.parametrize(
    ("code", "kind", "found"),
    [
        *((code, Kind.BOUNCED, BounceClass.HARD) for code in ("10", "30", 10)),
        *((code, Kind.BOUNCED, BounceClass.SOFT) for code in ("20", "21", "22", "23", "24", "40", "70", 22)),
        *((code, Kind.BOUNCED, BounceClass.BLOCK) for code in ("50", "51", "52", "53", "54")),
        *((code, Kind.BOUNCED, BounceClass.UNDETERMINED) for code in ("1", "77", "", None, [], "hard")),
        ("25", Kind.DROPPED, None),
        ("60", Kind.AUTO_REPLIED, None),
        ("80", Kind.RESUBSCRIBED, None),
        ("90", Kind.UNSUBSCRIBED, None),
        ("100", Kind.AUTO_REPLIED, None),
    ],
)
@pytest.mark.parametrize("word", ["bounce", "out_of_band"])
def test_the_code_says_what_a_bounce_is(word, code, kind, found):
    event = one(payload("bounce_hard") | {"type": word, "bounce_class": code})
    assert (event.kind, event.bounce_class, event.word) == (kind, found, word)


@pytest.mark.parametrize("code", ["10", "60", "90"])
def test_a_delay_stays_one_whatever_its_code(code):
    event = one(payload("delay") | {"bounce_class": code})
    assert (event.kind, event.bounce_class, event.metadata["bounce_class"]) == (Kind.DEFERRED, None, code)


@pytest.mark.parametrize(
    ("timestamp", "at", "precision", "clock"),
    [
        ("1767268800", 1767268800000, Precision.SECOND, Clock.STATED),
        (1767268800, 1767268800000, Precision.SECOND, Clock.STATED),
        (1767268800.25, 1767268800250, Precision.MILLISECOND, Clock.STATED),
        ("2026-01-01T12:00:00.007+00:00", 1767268800007, Precision.MILLISECOND, Clock.STATED),
        ("2026-01-01T12:00:00Z", 1767268800000, Precision.SECOND, Clock.STATED),
        ("2026-01-01T13:00:00+01:00", 1767268800000, Precision.SECOND, Clock.STATED),
        ("2026-01-01T12:00:00", 1767268800000, Precision.SECOND, Clock.ASSUMED),
        (None, RECEIVED, Precision.MILLISECOND, Clock.RECEIVED),
        ("soon", RECEIVED, Precision.MILLISECOND, Clock.RECEIVED),
        (True, RECEIVED, Precision.MILLISECOND, Clock.RECEIVED),
        ([], RECEIVED, Precision.MILLISECOND, Clock.RECEIVED),
        ("999999999999", RECEIVED, Precision.MILLISECOND, Clock.RECEIVED),
    ],
)
def test_a_time_is_read_by_what_it_looks_like(timestamp, at, precision, clock):
    event = one(payload("delivery") | {"timestamp": timestamp})
    assert (event.occurred_at, event.precision, event.clock) == (at, precision, clock)


def test_where_only_the_second_field_has_a_time_it_counts():
    event = one(payload("generation_failure") | {"timestamp": None, "tdate": "2026-01-01T12:00:01.000Z"})
    assert (event.occurred_at, event.clock) == (1767268801000, Clock.STATED)


def test_an_event_without_a_time_is_the_same_however_often_it_comes():
    event = payload("delivery")
    del event["timestamp"]
    first, again = (hook(wrapped(event), received_at=at) for at in (RECEIVED, RECEIVED + DAY))
    assert places(first) == places(again)


def test_an_id_may_be_a_number_and_is_kept_as_text():
    event = payload("click")
    assert one(event | {"event_id": int(event["event_id"])}) == one(event)
    assert one(event | {"event_id": "5c0a4f3e-7a55-4a7b-8f5a-1c9f7f5d0002"}).row_id[:4] == "5c0a"


@pytest.mark.parametrize("marked", [None, [], "", 7, {}])
def test_marks_may_be_missing_and_campaigns_empty(marked):
    event = one(payload("click") | {"rcpt_meta": marked, "campaign_id": "", "rcpt_tags": None})
    assert (event.external_id, event.campaign_id, "rcpt_tags" in event.metadata) == (None, None, False)


def test_the_marks_that_hold_ids_are_those_of_the_options():
    marked = {"Customer": {"id": 7}, "campaign": "spring", "external_id": "x"}
    named = Source(
        name="acme", provider="sparkpost", options={"external_id": "crm, customer.id", "campaign_id": "campaign"}
    )
    event = payload("click") | {"rcpt_meta": marked}
    assert [(one(e, named).external_id, one(e, named).campaign_id) for e in (event, event | {"campaign_id": None})] == [
        ("7", "camp-7"),
        ("7", "spring"),
    ]


def test_a_sender_s_own_mark_is_not_hidden_by_a_field_of_that_name():
    assert one(payload("click") | {"rcpt_meta": {"subject": "mine"}}).metadata["subject"] == "mine"


def test_the_address_of_a_mail_server_is_not_the_recipient_s():
    assert [one(payload(name)).ip for name in ("delivery", "bounce_hard", "click", "open")] == [
        None,
        None,
        "198.51.100.7",
        "198.51.100.7",
    ]


@pytest.mark.parametrize(
    ("parsed", "device", "machine"),
    [
        ({"is_prefetched": True, "is_proxy": False}, "computer", Machine.MACHINE),
        ({"is_prefetched": "true"}, "computer", Machine.MACHINE),
        ({"is_prefetched": False, "is_proxy": True}, None, Machine.UNKNOWN),
        ({"is_prefetched": False, "is_mobile": True}, "mobile", Machine.UNKNOWN),
        ({"is_prefetched": False}, "computer", Machine.UNKNOWN),
        ({}, "computer", Machine.UNKNOWN),
        (None, "computer", Machine.UNKNOWN),
    ],
)
def test_what_was_prefetched_was_a_machine_s_and_all_else_is_unknown(parsed, device, machine):
    event = one(payload("click") | {"user_agent_parsed": parsed})
    assert (event.device, event.machine) == (device, machine)
    assert bool(event.machine_reason) == (machine is Machine.MACHINE)


def test_the_master_account_is_the_same_with_its_number_and_without():
    event = payload("click")
    del event["subaccount_id"]
    assert one(event) == one(event | {"subaccount_id": "0"}) == one(event | {"subaccount_id": 0})


def test_a_copy_is_marked_as_one():
    kept = [one(payload("click") | {"rcpt_type": word}).metadata.get("rcpt_type") for word in ("to", "cc", "archive")]
    assert kept == [None, "cc", "archive"]


def test_a_ping_among_events_is_passed_over_and_the_rest_is_read():
    batch = wrapped(payload("delivery"), payload("click"))
    assert hook([batch[0], {"msys": {}}, batch[1]]) == hook(batch)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (None, "An event must be an object."),
        ({}, "type is missing."),
        ({"msys": None}, "type is missing."),
        ({"msys": {"message_event": 7}}, "An event must be an object."),
        ({"msys": {"message_event": {"event_id": "1"}}}, "type is missing."),
        ({"msys": {"message_event": {"type": "click"}}}, "event_id is missing."),
    ],
)
def test_a_bad_item_is_a_problem_and_its_neighbours_are_read(item, reason):
    good = wrapped(payload("click"))
    reading = hook([*good, item, *wrapped(payload("delivery"))])
    assert [event.kind for event in reading.events] == [Kind.CLICKED, Kind.DELIVERED]
    assert [(problem.item, problem.reason) for problem in reading.problems] == [(1, reason)]


def test_an_item_of_two_classes_loses_neither_for_the_other():
    item = {"msys": {"message_event": {"type": "bounce"}, "track_event": payload("click")}}
    reading = hook([item])
    assert ([event.kind for event in reading.events], len(reading.problems)) == ([Kind.CLICKED], 1)


@pytest.mark.parametrize("body", [b"", b"\xff", b"{", b"{}", b"null", b'"x"', b"7"])
def test_what_is_no_batch_is_a_problem(body):
    assert [len(found) for found in (hook(body).events, hook(body).problems, page(body).problems)] == [0, 1, 1]


# -- identity ------------------------------------------------------------------------------------------------


def told(polling) -> list[tuple]:
    return sorted((event.kind.value, event.message_id or "", event.row_id or "") for event in polling.events())


def test_a_batch_that_comes_again_shuffled_and_composed_anew_adds_nothing(tmp_path):
    chance = random.Random(1)
    with FakeSparkPost(1, messages=8) as fake, install(tmp_path, fake) as polling:
        call(polling, fake.batches())
        before = told(polling)
        items = [item for batch in fake.batches() for item in batch]
        for size in (1, 4, len(items)):
            chance.shuffle(items)
            call(polling, [items[n : n + size] for n in range(0, len(items), size)])
        assert told(polling) == before


def opening(word: str, event_id: str, seconds: int, message: str = "m1") -> dict:
    event = payload("open") | {"type": word, "event_id": event_id, "message_id": message}
    return event | {"timestamp": str(1767269100 + seconds), "user_agent_parsed": {}}


def opened(tmp_path, *events: dict) -> list[int]:
    """The seconds of the openings that are known after these events."""
    with FakeSparkPost(1) as fake, install(tmp_path, fake) as polling:
        for event in events:
            call(polling, [wrapped(event)])
        return [event.occurred_at // 1000 - 1767269100 for event in polling.events()]


def test_both_pixels_of_one_reading_are_one_opening_of_the_first_s_time(tmp_path):
    assert opened(tmp_path, opening("open", "2", 1), opening("initial_open", "1", 0)) == [0]


def test_two_readings_are_two_openings_though_one_lacks_its_bottom(tmp_path):
    events = [opening("initial_open", "1", 0), opening("open", "2", 1), opening("initial_open", "3", 60)]
    assert opened(tmp_path, *events, *events) == [0, 60]


@pytest.mark.parametrize("word", ["open", "initial_open", "amp_open"])
def test_where_only_one_pixel_is_told_its_openings_count(tmp_path, word):
    assert opened(tmp_path, opening(word, "1", 0), opening(word, "2", 0), opening(word, "3", 9)) == [0, 0, 9]


def test_openings_of_other_messages_and_of_the_amp_part_are_others(tmp_path):
    events = [opening("open", "1", 0), opening("initial_open", "2", 1, "m2"), opening("amp_initial_open", "3", 2)]
    assert opened(tmp_path, *events) == [0, 1, 2]


def test_an_opening_of_no_message_stands_by_its_own_id(tmp_path):
    events = [opening("open", str(number), number) | {"message_id": None} for number in range(2)]
    assert opened(tmp_path, *events, *events) == [0, 1]


def test_a_delivery_may_be_followed_by_a_bounce_and_both_count(tmp_path):
    with FakeSparkPost(1) as fake, install(tmp_path, fake) as polling:
        call(
            polling,
            [wrapped(payload("out_of_band") | {"message_id": "m1"}, payload("delivery") | {"message_id": "m1"})],
        )
        assert [event.kind for event in polling.events()] == [Kind.DELIVERED, Kind.BOUNCED]


def test_the_same_event_through_both_doors_has_one_place():
    (click, bounce) = (hook(fixture(f"webhook_{name}.json")) for name in ("click", "bounce_hard"))
    assert places(page(fixture("feed_events.json"))) == [*places(click), *places(bounce)]


# -- the provider --------------------------------------------------------------------------------------------


def source(**fields) -> Source:
    return Source(**({"name": "acme", "provider": "sparkpost", "api_key": "0" * 40} | fields))


def test_a_window_is_asked_for_in_whole_minutes_and_never_beyond_the_present():
    (feed,) = SPARKPOST.feeds(source())
    assert (feed.name, feed.windowed, feed.complete, feed.read_once, feed.every) == (
        "events",
        True,
        True,
        False,
        15 * MINUTE,
    )
    live = feed.walk({}, Context(source=source(), now=NOW))
    params = {"from": "2026-11-14T10:00", "to": "2026-11-21T10:00", "per_page": "5000", "cursor": "initial"}
    assert live.ask() == Ask(path="api/v1/events/message", params=params)
    past = feed.walk({}, Context(source=source(), now=NOW, since=NOW - 2 * DAY, until=NOW - DAY))
    assert past.ask().params == params | {"from": "2026-11-19T10:00", "to": "2026-11-20T10:01"}
    older = feed.walk({}, Context(source=source(), now=NOW, since=NOW - 40 * DAY, until=NOW - 30 * DAY))
    assert older.ask() is None


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        {"results": {}, "links": []},
        {"results": []},
        {"errors": [{"message": "x"}]},
        {"results": [], "links": [{"rel": "next"}]},
        {"results": [], "links": [{"rel": "next", "href": False}]},
    ],
)
def test_an_answer_that_is_no_page_is_refused(body):
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    with pytest.raises(Malformed):
        pages.look(Answer(body=raw, received_at=NOW))


def test_the_key_stands_in_the_header_as_it_is():
    assert SPARKPOST.credentials(source()) == {"Authorization": "0" * 40}
    with pytest.raises(ConfigurationError, match="Events Search"):
        SPARKPOST.credentials(source(api_key=""))
    assert SPARKPOST.probe(source()) == Ask(path="api/v1/events/message", params={"cursor": "initial", "per_page": "1"})


def test_what_is_queued_stands_for_what_is_sent_since_sparkpost_tells_of_no_sending():
    assert (SPARKPOST.tells_sends, Kind.SENT in SPARKPOST.webhooks.kinds) == (False, False)


def test_without_a_key_nothing_is_polled():
    assert SPARKPOST.enabled(source(api_key="")) == {}
    assert list(SPARKPOST.enabled(source())) == ["events"]


@pytest.mark.parametrize(("status", "at"), [(429, NOW + 3000), (503, None), (500, None)])
def test_after_a_429_there_is_silence_for_some_seconds(status, at):
    assert SPARKPOST.not_before(status, {}, b"", NOW) == at


@pytest.mark.parametrize("options", [{"per_page": 0}, {"per_page": 10_001}, {"per_page": "x"}, {"nonsense": 1}])
def test_an_option_that_is_wrong_is_refused(options):
    with pytest.raises(ConfigurationError):
        SPARKPOST.feeds(source(options=options))


def test_the_interval_must_be_a_duration():
    with pytest.raises(ConfigurationError, match="events_every"):
        SPARKPOST.feeds(source(options={"events_every": "often"}))


def test_what_to_click_names_the_address_and_the_source():
    told = SPARKPOST.setup(source(), "https://aftersend.example.com/webhooks/acme/secret")
    assert "https://aftersend.example.com/webhooks/acme/secret" in told
    assert "source `acme`" in told
    assert "{" not in told.replace("${SPARKPOST_API_KEY}", "").replace('{"external_id": "c-42"}', "").replace(
        "{source}", ""
    )
