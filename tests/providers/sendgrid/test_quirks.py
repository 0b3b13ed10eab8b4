"""SendGrid's quirks and ids, each in its own words (provider file, "Dedupe key", "Quirks")."""

from __future__ import annotations

import msgspec
import pytest

from aftersend.providers.sendgrid import feeds
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, ConfigurationError, Kind, Machine, Problem, Rate
from tests.providers.sendgrid.said import MESSAGE, RECEIVED, SENDGRID, SOURCE, hook, page, places

AT = 1_767_268_800
CLICK = {
    "email": "nora@example.com",
    "timestamp": AT,
    "event": "click",
    "url": "https://www.example.com/a",
    "url_offset": {"index": 0, "type": "html"},
    "useragent": "Mozilla/5.0",
    "ip": "192.0.2.9",
    "sg_event_id": "one",
    "sg_message_id": MESSAGE,
}
BOUNCE = {"email": "nora@example.com", "timestamp": AT, "event": "bounce", "type": "bounce", "reason": "550 no"}


def one(item, **options):
    (event,) = hook([item], **options).events
    return event


# -- identity ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [{"sg_event_id": "two"}, {"sg_event_id": None}, {"sg_event_id": "one"}])
def test_copies_with_other_ids_or_none_are_one_event_wherever_they_come(other):
    together = places(hook([CLICK, CLICK | other]))
    assert len(together) == 1
    assert together == places(hook([CLICK])) == places(hook([CLICK | other], received_at=RECEIVED + 86_400_000))


@pytest.mark.parametrize(
    "other",
    [
        {"timestamp": AT + 1},
        {"url": "https://www.example.com/b"},
        {"ip": "192.0.2.10"},
        {"useragent": "Mozilla/4.0"},
        {"url_offset": {"index": 1, "type": "html"}},
        {"sg_message_id": "another.filter1.0"},
        {"email": "ivo@example.com"},
    ],
)
def test_two_genuine_clicks_stay_two_whatever_their_ids(other):
    assert len(places(hook([CLICK, CLICK | other]))) == 2


def test_an_address_in_another_case_is_the_same():
    assert one(CLICK).slot == one(CLICK | {"email": "Nora@Example.com"}).slot


@pytest.mark.parametrize("attempt", ["5", 5])
def test_an_attempt_is_the_same_as_text_and_as_a_number(attempt):
    deferred = {"email": "nora@example.com", "timestamp": AT, "event": "deferred", "sg_message_id": MESSAGE}
    event = one(deferred | {"attempt": attempt, "response": "451 4.3.0 later"})
    assert (event.row, event.metadata["attempt"], event.smtp_code) == ("5", "5", "451")
    assert len(places(hook([deferred | {"attempt": attempt}, deferred | {"attempt": 6}]))) == 2


def test_two_messages_that_come_back_in_one_second_are_two_and_one_row_of_the_list_adds_none():
    both = places(hook([BOUNCE | {"sg_message_id": "a.filter1.0"}, BOUNCE | {"sg_message_id": "b.filter1.0"}]))
    listed = places(page("bounces", [{"created": AT, "email": "nora@example.com", "status": "5.1.1"}]))
    assert len(both) == 2
    assert {slot for slot, *_ in both} == {slot for slot, *_ in listed}


@pytest.mark.parametrize(
    ("feed", "item"),
    [
        ("bounces", BOUNCE),
        ("blocks", BOUNCE | {"type": "blocked"}),
        ("spam_reports", {"event": "spamreport"}),
        ("invalid_emails", {"event": "dropped", "reason": "Invalid"}),
        ("unsubscribes", {"event": "unsubscribe", "asm_group_id": 3}),
    ],
)
def test_a_suppression_is_the_event_that_caused_it(feed, item):
    told = one({"email": "nora@example.com", "timestamp": AT, "sg_message_id": MESSAGE} | item)
    (listed,) = page(feed, [{"created": AT, "email": "NORA@example.com"}]).events
    assert (listed.slot, listed.kind) == (told.slot, told.kind)


def test_an_opt_out_from_a_group_is_not_one_from_all_mail_nor_from_another_group():
    out = {"email": "nora@example.com", "timestamp": AT, "event": "group_unsubscribe"}
    everything = out | {"event": "unsubscribe", "asm_group_id": 1}
    assert len(places(hook([out | {"asm_group_id": 1}, out | {"asm_group_id": 2}, everything]))) == 3


def test_what_happens_to_a_message_is_the_same_through_webhook_and_activity():
    events = ["processed", "deferred", "delivered", "open", "click", "bounce", "dropped", "spamreport", "unsubscribe"]
    more = {"attempt": 1, "url": "https://www.example.com/a", "type": "bounce"}
    told = hook(
        [{"email": "nora@example.com", "timestamp": AT, "event": e, "sg_message_id": MESSAGE} | more for e in events]
    )
    rows = [
        {"event_name": e, "processed": "2026-01-01T12:00:00Z", "attempt_num": 1, "url": more["url"]} for e in events
    ]
    seen = page("activity", {"msg_id": MESSAGE, "to_email": "nora@example.com", "events": rows})
    assert [e.slot for e in told.events] == [e.slot for e in seen.events]
    assert len({e.slot for e in told.events}) == len(events)


def test_a_message_is_keyed_by_its_id_through_both_doors_and_what_has_none_by_its_recipient():
    late = one(BOUNCE)
    assert (late.message_id, late.by_message, late.email) == (None, False, "nora@example.com")
    assert (one(CLICK).message_id, one(CLICK).by_message) == (MESSAGE, True)
    rows = [{"event_name": "open", "processed": "2026-01-01T12:00:00Z"}]
    (seen,) = page("activity", {"msg_id": MESSAGE, "to_email": "nora@example.com", "events": rows}).events
    assert (seen.message_id, seen.by_message) == (MESSAGE, True)
    (listed,) = page("bounces", [{"created": AT, "email": "nora@example.com"}]).events
    assert (listed.message_id, listed.by_message) == (None, False)


# -- bounces -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"type": "bounce", "status": "5.1.1"}, BounceClass.HARD),
        ({"type": "bounce", "status": "4.2.2"}, BounceClass.SOFT),
        ({"type": "bounce", "status": ""}, BounceClass.HARD),
        ({"type": "blocked", "status": "4.7.1"}, BounceClass.BLOCK),
        ({"type": "blocked", "bounce_classification": "Unclassified"}, BounceClass.BLOCK),
        ({"type": "expired"}, BounceClass.SOFT),
        ({"type": "novelty", "bounce_classification": "Frequency/Volume"}, BounceClass.BLOCK),
        ({"type": None, "bounce_classification": "frequency or Volume Too High"}, BounceClass.BLOCK),
        ({"type": None, "bounce_classification": "REPUTATION"}, BounceClass.BLOCK),
        ({"type": None, "bounce_classification": "Content"}, BounceClass.BLOCK),
        ({"type": None, "bounce_classification": "Mailbox Unavailable"}, BounceClass.SOFT),
        ({"type": None, "bounce_classification": "Invalid Address"}, BounceClass.HARD),
        ({"type": None, "bounce_classification": "Technical"}, BounceClass.UNDETERMINED),
        ({"type": None}, BounceClass.UNDETERMINED),
        ({"type": None, "status": "4.2.2", "bounce_classification": "Unclassified"}, BounceClass.SOFT),
        ({"type": "novelty", "status": "4.7.1", "bounce_classification": "Reputation"}, BounceClass.BLOCK),
        ({"type": "novelty", "status": "4.1.1", "bounce_classification": "Invalid Address"}, BounceClass.SOFT),
    ],
)
def test_the_class_of_a_bounce_is_its_types_else_its_classifications(said, wanted):
    assert one(BOUNCE | said).bounce_class is wanted


def test_a_type_on_a_drop_makes_no_bounce_of_it():
    event = one(BOUNCE | {"event": "dropped", "reason": "bounced address"})
    assert (event.kind, event.bounce_class, event.metadata["type"]) == (Kind.DROPPED, None, "bounce")


def test_a_response_in_sendgrids_own_words_has_no_code():
    event = one({**BOUNCE, "event": "deferred", "reason": None, "response": "unable to get mx info"})
    assert (event.reason, event.smtp_code) == ("unable to get mx info", None)


# -- fields --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["spamreport", "spam_report"])
def test_a_complaint_has_two_names(word):
    event = one({"email": "nora@example.com", "timestamp": AT, "event": word, "sg_message_id": MESSAGE})
    assert (event.kind, event.word) == (Kind.COMPLAINED, word)


@pytest.mark.parametrize(("category", "wanted"), [("a", "a"), (["a", "b"], "a, b"), ([], None), (None, None)])
def test_a_category_is_text_or_a_list_or_missing(category, wanted):
    assert one(CLICK | {"category": category}).metadata.get("category") == wanted


def test_an_empty_smtp_id_and_status_say_nothing():
    event = one(BOUNCE | {"smtp-id": "", "status": ""})
    assert ("smtp-id" in event.metadata, event.smtp_code) == (False, "550")


def test_the_id_of_mail_send_is_not_made_up_where_a_drop_lacks_it():
    drop = {"email": "nora@example.com", "timestamp": AT, "event": "dropped", "reason": "Invalid"}
    assert one(drop | {"sg_message_id": MESSAGE}).metadata["x_message_id"] == "14c5d75ce93"
    assert "x_message_id" not in one(drop | {"sg_message_id": "filter0001.16648.5515E0B88.0"}).metadata


@pytest.mark.parametrize(
    ("flag", "agent", "wanted"),
    [
        (True, "Mozilla/5.0", (Machine.MACHINE, "sg_machine_open")),
        (False, "Mozilla/5.0", (Machine.UNKNOWN, None)),
        (None, "Googlebot/2.1 (+http://www.google.com/bot.html)", (Machine.MACHINE, "user agent of a robot")),
        (None, "Mozilla/5.0 (via ggpht.com GoogleImageProxy)", (Machine.UNKNOWN, None)),
    ],
)
def test_a_prefetch_is_a_machines_and_its_absence_proves_no_person(flag, agent, wanted):
    event = one(CLICK | {"event": "open", "useragent": agent, "sg_machine_open": flag})
    assert (event.machine, event.machine_reason) == wanted


def test_the_address_sendgrid_sent_from_is_not_the_recipients():
    event = one({"email": "nora@example.com", "timestamp": AT, "event": "delivered", "ip": "192.0.2.10"})
    assert (event.ip, event.metadata["sending_ip"]) == (None, "192.0.2.10")


@pytest.mark.parametrize("args", [{"unique_args": {"customer_id": "c-1"}}, {"customer_id": "c-1"}])
def test_custom_args_are_read_beside_the_event_and_from_an_object(args):
    event = one(CLICK | args, external_id="member, customer_id", campaign_id="none")
    assert (event.external_id, event.campaign_id, event.metadata["customer_id"]) == ("c-1", None, "c-1")


def test_the_campaign_of_marketing_campaigns_wins_over_the_senders_mark():
    marked = CLICK | {"campaign_id": "spring"}
    assert one(marked).campaign_id == "spring"
    assert one(marked | {"marketing_campaign_id": 23314}).campaign_id == "23314"
    assert one(marked | {"singlesend_id": "s-1", "template_id": "d-1"}).campaign_id == "s-1"
    assert one(marked | {"newsletter": {"newsletter_id": "77"}}).campaign_id == "77"
    assert one(marked | {"singlesend_id": "s-1", "template_id": "d-1"}).template == "d-1"


def test_events_that_the_test_button_invents_count_nowhere_and_the_rest_does():
    invented = CLICK | {"email": "example@test.com"}
    assert hook([invented]).events == []
    assert len(hook([invented, CLICK]).events) == 1
    assert len(hook([invented], test_recipients="").events) == 1
    assert hook([CLICK], test_recipients="other@example.com, NORA@example.com").events == []


def test_an_unknown_word_is_kept_even_without_a_recipient():
    event = one({"event": "brand_new", "timestamp": AT, "detail": "x"})
    assert (event.kind, event.word, event.email, event.metadata) == (Kind.OTHER, "brand_new", None, {"detail": "x"})


# -- bad items -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (7, "An event must be an object."),
        ({"timestamp": AT}, "event is missing."),
        ({"event": "open", "timestamp": AT}, "email is missing."),
        ({"event": "open", "email": "nora@example.com"}, "timestamp is missing."),
        (
            {"event": "open", "email": "nora@example.com", "timestamp": "soon"},
            "timestamp is not a time in Unix seconds.",
        ),
        ({"event": "open", "email": "nora@example.com", "timestamp": -5}, "timestamp is not a time in Unix seconds."),
        ({"event": "open", "email": "nora@example.com", "timestamp": True}, "timestamp is missing."),
    ],
)
def test_a_bad_item_is_a_problem_and_its_neighbours_are_read(bad, reason):
    reading = hook([CLICK, bad, CLICK | {"timestamp": AT + 1}])
    assert len(reading.events) == 2
    assert reading.problems == [Problem(item=1, reason=reason, raw=msgspec.json.encode(bad))]


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"7", b'{"event":"open"}', b"\xff\xfe"])
def test_what_is_no_array_is_a_problem(body):
    reading = hook(body)
    assert ([p.item for p in reading.problems], reading.events) == ([0], [])


@pytest.mark.parametrize("stamp", [AT, str(AT), float(AT), AT + 0.9])
def test_seconds_are_read_as_number_and_as_text(stamp):
    assert one(CLICK | {"timestamp": stamp}).occurred_at == AT * 1000


def test_a_click_of_the_activity_without_its_link_is_a_problem_and_no_second_click():
    reading = page(
        "activity",
        {
            "msg_id": MESSAGE,
            "to_email": "nora@example.com",
            "events": [{"event_name": "click", "processed": "2026-01-01T12:00:00Z"}],
        },
    )
    assert (reading.events, [problem.item for problem in reading.problems]) == ([], [0])


def test_a_list_that_does_not_exist_is_a_problem():
    assert [problem.reason for problem in page("nonsense", []).problems] == ["SendGrid has no list 'nonsense'."]


# -- the provider --------------------------------------------------------------------------------------------


def test_the_paid_add_on_is_read_only_where_it_is_named():
    assert set(SENDGRID.enabled(SOURCE)) == {"bounces", "blocks", "spam_reports", "invalid_emails", "unsubscribes"}
    named = Source(name="acme", provider="sendgrid", api_key="SG.0", feeds=["messages", "activity"])
    assert set(SENDGRID.enabled(named)) == {"messages", "activity"}
    assert SENDGRID.enabled(Source(name="acme", provider="sendgrid")) == {}


def test_a_key_opens_the_lists_and_a_subuser_is_named():
    assert SENDGRID.credentials(SOURCE) == {"Authorization": "Bearer SG.0000"}
    sub = Source(name="acme", provider="sendgrid", api_key="SG.0", options={"subuser": "shop"})
    assert SENDGRID.credentials(sub) == {"Authorization": "Bearer SG.0", "on-behalf-of": "shop"}
    with pytest.raises(ConfigurationError, match="needs api_key"):
        SENDGRID.credentials(Source(name="acme", provider="sendgrid"))


@pytest.mark.parametrize(
    ("status", "reset", "wanted"),
    [(429, "1767268850", 50_000), (429, "soon", 60_000), (429, "5", 60_000), (429, "9" * 30, 60_000), (500, "5", None)],
)
def test_a_429_says_when_it_is_over(status, reset, wanted):
    found = SENDGRID.not_before(status, {"x-ratelimit-reset": reset}, b"", AT * 1000)
    assert found == (None if wanted is None else AT * 1000 + wanted)


def test_six_requests_a_minute_are_made_at_most():
    assert SENDGRID.rates == (Rate(6, 60_000),)


def test_the_probe_reads_one_row_and_the_setup_says_what_to_do():
    assert SENDGRID.probe(SOURCE) == feeds.probe()
    text = SENDGRID.setup(SOURCE, "https://hooks.example.com/webhooks/acme")
    assert "https://hooks.example.com/webhooks/acme" in text
    assert "`acme`" in text
    assert "{" not in text.replace("${SENDGRID_API_KEY}", "")
