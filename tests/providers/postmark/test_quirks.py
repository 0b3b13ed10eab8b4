"""What the provider file warns of, and what must not count twice."""

from __future__ import annotations

import msgspec
import pytest

from aftersend.providers.contract import Answer, Context
from aftersend.providers.paging import DAY
from aftersend.providers.postmark import lists
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Clock, ConfigurationError, Kind, Machine, Precision
from tests.providers.postmark.said import (
    BOUNCED,
    MESSAGE,
    POSTMARK,
    RECEIVED,
    SOURCE,
    at,
    fixture,
    hook,
    identities,
    page,
    told,
)

EVERYTHING = (
    *("bounce_hard", "bounce_transient", "bounce_unsubscribe_short", "change_by_staff", "change_complaint"),
    *("change_reactivated", "change_unsubscribed", "click", "delivery", "inbound_reply", "open", "open_bare"),
    *("spam_complaint", "unknown"),
)


def one(body):
    (event,) = hook(body).events
    return event


def reason(body) -> str:
    reading = hook(body)
    assert not reading.events
    return reading.problems[0].reason


# -- the same fact or not ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_webhook_that_comes_again_later_adds_nothing(name):
    body = fixture(f"webhook_{name}")
    assert identities(hook(body)) == identities(hook(body, RECEIVED + DAY))


def test_no_two_webhooks_of_the_fixtures_are_one_but_the_two_that_tell_of_a_complaint():
    by_slot: dict[bytes, list[str]] = {}
    for name in EVERYTHING:
        by_slot.setdefault(one(fixture(f"webhook_{name}")).slot, []).append(name)
    assert [names for names in by_slot.values() if len(names) > 1] == [["change_complaint", "spam_complaint"]]


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("webhook_open", {"ReceivedAt": "2026-03-01T12:05:00.500001Z"}),
        ("webhook_click", {"ReceivedAt": "2026-03-01T12:06:00.501Z"}),
        ("webhook_click", {"OriginalLink": "https://www.example.com/other"}),
        ("webhook_click", {"Recipient": "bob@example.com"}),
        ("webhook_delivery", {"Recipient": "bob@example.com"}),
        ("webhook_bounce_hard", {"ID": 692560999}),
        ("webhook_spam_complaint", {"ID": 692560999}),
        ("webhook_change_unsubscribed", {"ChangedAt": "2026-03-01T12:07:01Z"}),
        ("webhook_change_unsubscribed", {"MessageStream": "newsletter"}),
    ],
)
def test_genuinely_different_events_stay_different(name, changed):
    assert identities(hook(told(name, **changed))) != identities(hook(told(name)))


@pytest.mark.parametrize(
    "time", ["2026-03-01T12:05:00.5000009Z", "2026-03-01T07:05:00.5-05:00", "2026-03-01T12:05:00.5Z"]
)
def test_a_time_is_the_same_however_it_is_written_and_cut_after_six_decimals(time):
    assert identities(hook(told("webhook_open", ReceivedAt=time))) == identities(hook(told("webhook_open")))


def test_recipients_of_one_message_are_told_apart_without_regard_to_case():
    same, other = (told("webhook_delivery", Recipient=who) for who in ("ADA@example.com", "bob@example.com"))
    assert identities(hook(same)) == identities(hook(fixture("webhook_delivery"))) != identities(hook(other))


def test_the_list_and_the_webhook_of_a_fact_have_one_slot():
    assert identities(page("opens", fixture("feed_opens"))) == identities(hook(fixture("webhook_open")))
    assert identities(page("clicks", fixture("feed_clicks"))) == identities(hook(fixture("webhook_click")))
    hard, by_mail = page("bounces", fixture("feed_bounces")).events
    assert hard.slot == one(fixture("webhook_bounce_hard")).slot
    assert by_mail.slot == one(fixture("webhook_bounce_unsubscribe_short")).slot
    (left,) = page("suppressions", fixture("feed_suppressions"), stream="broadcast").events
    assert left.slot == one(fixture("webhook_change_unsubscribed")).slot


def test_a_complaint_in_the_list_of_bounces_is_the_one_of_the_webhook():
    row = told("webhook_spam_complaint", RecordType="Bounce")
    assert identities(page("bounces", {"Bounces": [row]})) == identities(hook(told("webhook_spam_complaint")))


# -- quirks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "number", "kind", "bounce_class"),
    [
        ("HardBounce", 1, Kind.BOUNCED, BounceClass.HARD),
        ("Transient", 2, Kind.DEFERRED, None),
        ("Unsubscribe", 16, Kind.UNSUBSCRIBED, None),
        ("Subscribe", 32, Kind.RESUBSCRIBED, None),
        ("AutoResponder", 64, Kind.AUTO_REPLIED, None),
        ("AddressChange", 128, Kind.OTHER, None),
        ("DnsError", 256, Kind.DEFERRED, None),
        ("SpamNotification", 512, Kind.BOUNCED, BounceClass.BLOCK),
        ("OpenRelayTest", 1024, Kind.OTHER, None),
        ("Unknown", 2048, Kind.BOUNCED, BounceClass.UNDETERMINED),
        ("SoftBounce", 4096, Kind.BOUNCED, BounceClass.SOFT),
        ("VirusNotification", 8192, Kind.BOUNCED, BounceClass.BLOCK),
        ("ChallengeVerification", 16384, Kind.OTHER, None),
        ("BadEmailAddress", 100000, Kind.BOUNCED, BounceClass.HARD),
        ("SpamComplaint", 100001, Kind.COMPLAINED, None),
        ("ManuallyDeactivated", 100002, Kind.DROPPED, None),
        ("Unconfirmed", 100003, Kind.DROPPED, None),
        ("Blocked", 100006, Kind.BOUNCED, BounceClass.BLOCK),
        ("SMTPApiError", 100007, Kind.DROPPED, None),
        ("InboundError", 100008, Kind.OTHER, None),
        ("DMARCPolicy", 100009, Kind.BOUNCED, BounceClass.BLOCK),
        ("TemplateRenderingFailed", 100010, Kind.DROPPED, None),
    ],
)
def test_every_type_of_a_bounce_is_known_by_name_and_where_that_is_missing_by_number(word, number, kind, bounce_class):
    by_name = one(told("webhook_bounce_hard", Type=word, TypeCode=1))
    by_number = one(told("webhook_bounce_hard", Type=..., TypeCode=number))
    assert (by_name.kind, by_name.bounce_class, by_name.word) == (kind, bounce_class, word)
    assert (by_number.kind, by_number.bounce_class, by_number.word) == (kind, bounce_class, word)


def test_a_new_type_of_a_bounce_is_kept_with_its_word():
    event = one(told("webhook_bounce_hard", Type="Quarantined", TypeCode=100011))
    assert (event.kind, event.word, event.bounce_class) == (Kind.OTHER, "Quarantined", None)


@pytest.mark.parametrize("number", [512, 100001])
def test_a_complaint_is_one_whatever_its_number_and_whether_its_record_type_is_told_or_not(number):
    for record in ("SpamComplaint", "Bounce", ...):
        event = one(told("webhook_spam_complaint", RecordType=record, TypeCode=number))
        assert (event.kind, event.slot) == (Kind.COMPLAINED, one(fixture("webhook_spam_complaint")).slot)


def test_a_complaint_of_a_transactional_stream_is_told_by_its_own_webhook_alone():
    change = told("webhook_change_complaint", MessageStream="outbound")
    assert one(change).kind is Kind.OTHER
    unknown = msgspec.structs.replace(SOURCE, options={"transactional_streams": "receipts"})
    (event,) = hook(change, source=unknown).events
    assert (event.kind, event.slot) == (Kind.COMPLAINED, one(fixture("webhook_spam_complaint")).slot)


def test_a_complaint_without_a_message_is_of_the_recipient():
    event = one(told("webhook_change_complaint", MessageID=None))
    assert (event.kind, event.by_message, event.row) == (Kind.COMPLAINED, False, f"{at('12:08:00.250')}000")


def test_a_reactivation_may_name_a_message():
    event = one(told("webhook_change_reactivated", MessageID=MESSAGE))
    assert (event.kind, event.message_id, event.by_message) == (Kind.RESUBSCRIBED, MESSAGE, True)


@pytest.mark.parametrize("tag", [None, "", ...])
def test_a_tag_may_be_missing(tag):
    assert "tag" not in one(told("webhook_open", Tag=tag)).metadata


@pytest.mark.parametrize("metadata", [None, "", ..., []])
def test_metadata_may_be_missing(metadata):
    event = one(told("webhook_open", Metadata=metadata))
    assert (event.external_id, event.campaign_id) == (None, None)


def test_names_in_metadata_keep_their_case_and_are_found_without_regard_to_it():
    event = one(told("webhook_open", Metadata={"Customer_ID": "c-9", "External_Id": "c-42"}))
    assert event.external_id == "c-42"
    assert (event.metadata["Customer_ID"], event.metadata["External_Id"]) == ("c-9", "c-42")


def test_marks_may_have_other_names_and_a_tag_may_stand_for_the_campaign():
    source = msgspec.structs.replace(SOURCE, options={"external_id": "customer", "campaign_id": "campaign, Tag"})
    (event,) = hook(told("webhook_open", Metadata={"customer": "c-9"}), source=source).events
    assert (event.external_id, event.campaign_id) == ("c-9", "welcome")


def test_a_change_without_a_fraction_is_precise_to_the_second():
    assert one(told("webhook_change_unsubscribed", ChangedAt="2026-03-01T12:07:00Z")).precision is Precision.SECOND


def test_the_short_webhook_of_an_unsubscription_is_kept_with_the_time_it_came():
    event = one(fixture("webhook_bounce_unsubscribe_short"))
    assert (event.kind, event.email, event.occurred_at, event.clock) == (
        Kind.UNSUBSCRIBED,
        None,
        RECEIVED,
        Clock.RECEIVED,
    )


def test_a_hard_bounce_and_the_change_that_follows_count_once():
    kinds = [one(fixture(f"webhook_{name}")).kind for name in ("bounce_hard", "change_hard_bounce")]
    assert kinds == [Kind.BOUNCED, Kind.OTHER]


def test_the_mail_itself_is_not_kept():
    assert "Return-Path" not in repr(one(fixture("webhook_bounce_hard")))


def test_samples_are_told_by_their_message_and_others_can_be_named():
    for name in ("webhook_bounce_hard", "webhook_change_unsubscribed", "webhook_delivery", "webhook_test"):
        assert not hook(told(name, MessageID="00000000-0000-0000-0000-000000000000")).events
    source = msgspec.structs.replace(SOURCE, options={"test_messages": BOUNCED})
    assert not hook(fixture("webhook_bounce_hard"), source=source).events
    assert hook(fixture("webhook_test"), source=source).events


@pytest.mark.parametrize(
    ("headers", "kind", "message"),
    [
        ([{"Name": "in-reply-to", "Value": f"<{MESSAGE.upper()}@mtasv.net>"}], Kind.REPLIED, MESSAGE),
        ([{"Name": "In-Reply-To", "Value": "<own-id@example.com>"}], Kind.REPLIED, None),
        ([{"Name": "Subject", "Value": "Hello"}, None, 7], Kind.OTHER, None),
        (None, Kind.OTHER, None),
    ],
)
def test_mail_that_comes_in_is_a_reply_if_it_answers_something(headers, kind, message):
    event = one(told("webhook_inbound_reply", Headers=headers))
    assert (event.kind, event.message_id, event.by_message) == (kind, message, bool(message))


@pytest.mark.parametrize(
    ("platform", "user_agent", "device", "machine"),
    [
        ("Mobile", "", "mobile", Machine.UNKNOWN),
        ("Desktop", "Mozilla/5.0", "computer", Machine.UNKNOWN),
        ("WebMail", "Mozilla/5.0", None, Machine.UNKNOWN),
        ("Unknown", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", None, Machine.MACHINE),
        ("WebMail", "Mozilla/5.0 (via ggpht.com GoogleImageProxy)", None, Machine.UNKNOWN),
    ],
)
def test_a_platform_that_names_a_device_wins_over_the_user_agent(platform, user_agent, device, machine):
    event = one(told("webhook_open", Platform=platform, UserAgent=user_agent))
    assert (event.device, event.machine) == (device, machine)


@pytest.mark.parametrize(
    ("details", "code"),
    [
        ("smtp;250 2.0.0 OK", "250"),
        ("smtp; 550 no", "550"),
        ("421", "421"),
        ("Test delivery 250", None),
        ("2500 mails", None),
        ("", None),
    ],
)
def test_the_code_of_smtp_stands_at_the_beginning_of_the_details_or_nowhere(details, code):
    assert one(told("webhook_delivery", Details=details)).smtp_code == code


# -- what can't be understood --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The webhook is not JSON."),
        (b"[]", "A webhook's JSON must be an object."),
        ({}, "RecordType is missing."),
        (told("webhook_delivery", MessageID=None), "MessageID is missing."),
        (told("webhook_delivery", Recipient=...), "Recipient is missing."),
        (told("webhook_open", ReceivedAt=...), "ReceivedAt is missing."),
        (told("webhook_open", ReceivedAt="soon"), "ReceivedAt is not a time."),
        (told("webhook_bounce_hard", ID=None), "ID is missing."),
        (told("webhook_change_unsubscribed", SuppressSending="yes"), "SuppressSending must be true or false."),
        (told("webhook_change_unsubscribed", ChangedAt=None), "ChangedAt is missing."),
    ],
)
def test_what_lacks_the_necessary_is_a_problem_with_a_sentence(body, sentence):
    assert reason(body) == sentence


def test_a_bad_row_spoils_none_of_its_neighbours():
    good = told("feed_opens")["Opens"][0]
    reading = page("opens", {"TotalCount": 4, "Opens": [good, 7, {}, good | {"ReceivedAt": "2026-03-02T00:00:00Z"}]})
    assert [event.email for event in reading.events] == ["ada@example.com"] * 2
    assert [(problem.item, problem.reason) for problem in reading.problems] == [
        (1, "A row must be an object."),
        (2, "Recipient is missing."),
    ]


@pytest.mark.parametrize("body", [b"<html>", {}, {"Opens": {}}, []])
def test_a_page_that_is_none_is_a_problem(body):
    assert [problem.item for problem in page("opens", body).problems] == [0]


def test_a_list_that_postmark_does_not_have_is_a_problem():
    assert page("nonsense", {}).problems[0].reason == "Postmark has no list 'nonsense'."


@pytest.mark.parametrize(
    ("status", "kind"),
    [("Queued", Kind.QUEUED), ("Sent", Kind.SENT), ("sent", Kind.SENT), ("Processed", Kind.SENT)],
)
def test_a_message_stands_as_its_status_says_in_whatever_case(status, kind):
    body = told("feed_messages")
    body["Messages"][0]["Status"] = status
    assert {(event.kind, event.word) for event in page("messages", body).events} == {(kind, status)}


def test_a_message_of_a_status_nobody_promised_is_kept_with_its_word():
    body = told("feed_messages")
    body["Messages"][0] |= {"Status": "Parked", "Recipients": ["ada@example.com", "ada@example.com"]}
    (event,) = page("messages", body).events
    assert (event.kind, event.word) == (Kind.OTHER, "Parked")


# -- the provider as others meet it --------------------------------------------------------------------------


def walk(feed: str, position=None, **context):
    (found,) = (one for one in POSTMARK.feeds(SOURCE) if one.name == feed)
    return found.walk(position or {}, Context(source=SOURCE, now=at("12:00:00"), **context))


def test_the_first_run_takes_a_week_and_its_window_has_no_end():
    assert walk("bounces").ask().params == {"fromdate": "2026-02-22T07:00:00", "offset": "0", "count": "500"}


def test_a_later_run_begins_a_day_before_the_overlap():
    assert SOURCE.overlap_ms == 2 * DAY
    later = walk("bounces", {"through": at("11:59:00")})
    assert later.ask().params == {"fromdate": "2026-02-26T06:59:00", "offset": "0", "count": "500"}


def test_a_range_of_the_past_is_asked_with_a_day_more_at_both_ends_in_eastern_time():
    found = walk("opens", since=at("12:00:00") - 10 * DAY, until=at("12:00:00") - 9 * DAY)
    assert found.ask().path == "messages/outbound/opens"
    assert found.ask().params == {
        "fromdate": "2026-02-18T07:00:00",
        "todate": "2026-02-21T07:00:00",
        "offset": "0",
        "count": "500",
    }


def test_a_run_that_is_gone_on_with_keeps_its_end():
    found = walk("bounces")
    found.take(Answer(body=b'{"TotalCount":900,"Bounces":[{"ID":1}]}', received_at=at("12:00:00")))
    (feed,) = (one for one in POSTMARK.feeds(SOURCE) if one.name == "bounces")
    resumed = feed.walk(found.position, Context(source=SOURCE, now=at("13:00:00")))
    assert "todate" not in resumed.ask().params


def test_a_list_says_that_it_is_too_deep():
    body = b'{"TotalCount":10000,"Opens":[]}'
    found = lists.look(Answer(body=body, received_at=0), feed="opens", deepest=10_000)
    assert (found.deep, found.total) == (True, 10_000)


def test_only_the_first_opens_are_in_the_list_and_so_it_is_not_complete():
    feeds = POSTMARK.feeds(SOURCE)
    assert [(feed.name, feed.windowed, feed.complete) for feed in feeds] == [
        ("messages", True, True),
        ("opens", True, False),
        ("clicks", True, True),
        ("bounces", True, True),
        ("suppressions", False, False),
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"dates_zone": "Eastern"}, "dates_zone: 'Eastern' is not an IANA time zone"),
        ({"deepest": 0}, "deepest must be 1 or more"),
        ({"retention": "long"}, "retention"),
        ({"nonsense": 1}, "Postmark has no option 'nonsense'"),
    ],
)
def test_an_option_that_is_wrong_is_named(options, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        POSTMARK.feeds(Source(name="acme", provider="postmark", options=options))


def test_the_token_goes_into_its_own_header():
    assert POSTMARK.credentials(SOURCE) == {"X-Postmark-Server-Token": "token-0000", "Accept": "application/json"}
    probe = POSTMARK.probe(SOURCE)
    assert (probe.path, probe.params) == ("messages/outbound", {"count": "1", "offset": "0"})


def test_without_a_token_there_are_webhooks_alone():
    source = Source(name="acme", provider="postmark", webhook_secrets=["s3cret"])
    assert POSTMARK.enabled(source) == {}
    assert POSTMARK.probe(source) is None
    with pytest.raises(ConfigurationError, match="needs api_key"):
        POSTMARK.credentials(source)


def test_the_setup_text_names_the_address_and_the_source():
    text = POSTMARK.setup(SOURCE, "https://stats.example.com/webhooks/acme/s3cret")
    assert "https://stats.example.com/webhooks/acme/s3cret" in text
    assert "`acme`" in text
    assert "{" not in text.replace("${POSTMARK_TOKEN}", "")
