"""The list of events, quirk by quirk: identity, words, times, and items that can't be understood."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.providers.benchmark import events
from aftersend.providers.contract import Answer, Malformed
from aftersend.vocabulary import BounceClass, CampaignInfo, Channel, Clock, Kind, Precision
from aftersend.zones import parse
from tests.providers.benchmark.said import MAY, RECEIVED, SOURCE, page

ROW = {
    "type": "email-clicked",
    "timestamp": "2026-05-04T13:22:41.318Z",
    "contactId": "64a1b2c3d4e5f6a7b8c9d0e1",
    "emailTo": "dana@example.com",
    "emailCampaignId": MAY,
    "emailCampaignName": "May newsletter",
    "emailLinkId": "66f1a6e4698f1bca60424808",
    "emailTargetUrl": "https://www.example.com/spring",
}


def read(*rows, source=SOURCE):
    return page("events", {"total": len(rows), "records": list(rows)}, source)


def one(**fields):
    (event,) = read({**ROW, **fields}).events
    return event


def keys(*rows):
    return [(event.slot, event.list, event.row) for event in read(*rows).events]


# -- identity ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "email-opened"},
        {"timestamp": "2026-05-04T13:22:41.319Z"},
        {"contactId": "64a1b2c3d4e5f6a7b8c9d0e2"},
        {"emailTo": "else@example.com"},
        {"emailCampaignId": "66f1a6e4698f1bca60426009"},
        {"emailLinkId": "66f1a6e4698f1bca60424809"},
        {"emailLinkId": None, "emailTargetUrl": "https://www.example.com/menu"},
    ],
)
def test_rows_that_differ_in_what_names_a_fact_are_two(changed):
    assert keys(ROW)[0][0] != keys({**ROW, **changed})[0][0]


@pytest.mark.parametrize(
    "changed",
    [
        {"emailCampaignName": "Renamed"},
        {"emailSubject": "Changed"},
        {"emailSender": "other@example.org"},
        {"emailSenderName": "Other"},
        {"timestamp": "2026-05-04T15:22:41.318+02:00"},
        {"type": "Email-Clicked"},
    ],
)
def test_what_may_be_changed_later_or_written_otherwise_is_no_part_of_the_identity(changed):
    assert keys(ROW) == keys({**ROW, **changed})


def test_identical_rows_of_one_answer_are_as_many_events_and_the_same_ones_in_the_next():
    opened = {**ROW, "type": "email-opened"}
    assert [row for *_, row in keys(ROW, opened, ROW, ROW, opened)] == ["0", "0", "1", "2", "1"]
    assert set(keys(ROW, ROW)) < set(keys(ROW, ROW, ROW))


@given(st.data())
def test_however_a_list_is_cut_into_pages_its_events_are_the_same(data):
    rows = [{**ROW, "timestamp": f"2026-05-04T13:00:00.{number:03d}Z"} for number in range(12)]
    whole = set(keys(*rows))
    told = set()
    borders = sorted(data.draw(st.sets(st.integers(0, 12))) | {0, 12})
    pages = [rows[max(0, since - data.draw(st.integers(0, 3))) : until] for since, until in pairwise(borders)]
    for page_ in data.draw(st.permutations(pages)):
        told |= set(keys(*page_))
    assert told == whole


# -- words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "subtype", "class_", "reason"),
    [
        ("Permanent", "NoEmail", BounceClass.HARD, "invalid_address"),
        ("permanent", "Suppressed", BounceClass.HARD, "suppressed"),
        ("PERMANENT", "OnAccountSuppressionList", BounceClass.HARD, "suppressed"),
        ("Transient", "mailboxfull", BounceClass.SOFT, "mailbox_full"),
        ("Transient", "MessageTooLarge", BounceClass.SOFT, "content"),
        ("Transient", "ContentRejected", BounceClass.SOFT, "content"),
        ("Transient", "AttachmentRejected", BounceClass.SOFT, "content"),
        ("Undetermined", "Undetermined", BounceClass.UNDETERMINED, "Undetermined"),
        ("Hard bounce", "CustomTimeoutExceeded", BounceClass.HARD, "CustomTimeoutExceeded"),
        ("soft", None, BounceClass.SOFT, None),
        (None, None, BounceClass.UNDETERMINED, None),
    ],
)
def test_a_bounce_has_its_class_and_reason(type_, subtype, class_, reason):
    event = one(type="email-bounced", emailBounceType=type_, emailBounceSubType=subtype)
    assert (event.kind, event.bounce_class, event.reason) == (Kind.BOUNCED, class_, reason)


def test_only_bounces_have_a_class():
    assert one(emailBounceType="Permanent").bounce_class is None


@pytest.mark.parametrize(
    ("fields", "kind", "reason"),
    [
        ({"type": "email-rejected"}, Kind.DROPPED, "rejected"),
        ({"type": "email-rejected", "emailRejectReason": "Bad content"}, Kind.DROPPED, "rejected:Bad content"),
        ({"type": "email-skipped"}, Kind.DROPPED, "skipped"),
        ({"type": "email-delayed", "emailDelayType": "SpamDetected"}, Kind.DEFERRED, "SpamDetected"),
        ({"type": "email-complaint", "emailComplaintFeedbackType": "fraud"}, Kind.COMPLAINED, "fraud"),
        ({"type": "email-complaint", "emailComplaintFeedbackType": "Not-Spam"}, Kind.OTHER, "Not-Spam"),
        ({"type": "email-complaint"}, Kind.COMPLAINED, None),
        ({"type": "email-sent", "emailDelayType": "General"}, Kind.SENT, None),
    ],
)
def test_each_kind_has_the_reason_that_is_its_own(fields, kind, reason):
    event = one(**fields)
    assert (event.kind, event.word, event.reason) == (kind, fields["type"], reason)


@pytest.mark.parametrize(
    ("word", "channel"),
    [
        ("contact-created", Channel.SITE),
        ("contact-updated", Channel.SITE),
        ("contact-update-failed", Channel.SITE),
        ("contact-merged", Channel.SITE),
        ("email-printed", Channel.EMAIL),
    ],
)
def test_a_word_that_is_no_kind_of_ours_is_kept_and_enters_reports_of_emails_only_where_it_is_one(word, channel):
    event = one(type=word)
    assert (event.kind, event.word, event.channel) == (Kind.OTHER, word, channel)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("250 2.0.0 OK from mx.example.com [192.0.2.25]", "250"),
        ("smtp; 550 5.1.1 user unknown", "550"),
        ("smtp; 550-5.1.1 user unknown", "550"),
        ("Amazon SES did not send to 5501 addresses at 192.0.2.250", None),
        ("", None),
    ],
)
def test_the_code_is_found_in_what_the_other_server_said(told, code):
    assert one(type="email-bounced", emailBounceDiagCode=told).smtp_code == code


def test_campaigns_are_named_by_events_only_where_the_list_of_campaigns_is_not_read():
    alone = msgspec.structs.replace(SOURCE, feeds=["events"])
    assert read(ROW, ROW).campaigns == []
    assert read(ROW, ROW, {**ROW, "emailCampaignName": None}, source=alone).campaigns == [
        CampaignInfo(campaign_id=MAY, name="May newsletter")
    ]


# -- times ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "at", "precision", "clock"),
    [
        ("2026-05-04T13:22:41.318Z", "2026-05-04T13:22:41.318Z", Precision.MILLISECOND, Clock.STATED),
        ("2026-05-04T13:22:41Z", "2026-05-04T13:22:41Z", Precision.SECOND, Clock.STATED),
        ("2026-03-29T02:30:00.000+01:00", "2026-03-29T01:30:00Z", Precision.MILLISECOND, Clock.STATED),
        ("2026-05-04T13:22:41.318", "2026-05-04T13:22:41.318Z", Precision.MILLISECOND, Clock.ASSUMED),
        ("2100-01-01T00:00:00.000Z", "2100-01-01T00:00:00Z", Precision.MILLISECOND, Clock.STATED),
    ],
)
def test_a_time_is_read_with_its_precision_and_clock(written, at, precision, clock):
    event = one(timestamp=written)
    assert (event.occurred_at, event.precision, event.clock) == (parse(at, "test"), precision, clock)


# -- what can't be understood --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("text", "A row must be an object."),
        ({**ROW, "type": None}, "type is missing."),
        ({**ROW, "timestamp": None}, "timestamp is missing."),
        ({**ROW, "timestamp": "yesterday"}, "timestamp is not a time."),
        ({**ROW, "timestamp": 1777900800}, "timestamp is not a time."),
        ({**ROW, "timestamp": "1969-12-31T23:59:59.999Z"}, "timestamp is not a time."),
    ],
)
def test_a_row_that_cannot_be_understood_is_a_problem_and_its_neighbours_are_read(row, reason):
    reading = read(ROW, row, {**ROW, "type": "email-opened"})
    assert [event.kind for event in reading.events] == [Kind.CLICKED, Kind.OPENED]
    assert [(problem.item, problem.reason) for problem in reading.problems] == [(1, reason)]
    assert reading.problems[0].raw == msgspec.json.encode(row)


def test_a_row_of_nobody_is_kept():
    event = one(contactId=None, emailTo=" ", emailCampaignId=None)
    assert (event.contact_id, event.email, event.campaign_id) == (None, None, None)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"records": {}}', b"<html>", b'{"errors": []}', b"\xff"])
def test_what_is_no_page_is_malformed_for_the_walk_and_a_problem_for_the_reader(body):
    with pytest.raises(Malformed):
        events.look(Answer(body=body, received_at=RECEIVED))
    reading = page("events", body)
    assert (reading.events, len(reading.problems), reading.problems[0].raw) == ([], 1, body)


def test_a_page_has_an_id_for_every_row_and_its_times_only_where_they_fall():
    def look(*rows):
        return events.look(Answer(body=msgspec.json.encode({"total": 7, "records": rows}), received_at=RECEIVED))

    early, late = {**ROW, "timestamp": "2026-05-04T13:00:00.000Z"}, ROW
    falling, rising = look(late, early, early), look(early, late)
    assert Counter(len(set(found.ids)) for found in (falling, rising)) == Counter([3, 2])
    assert (falling.newest, falling.oldest, falling.total) == (
        parse("2026-05-04T13:22:41.318Z", "test"),
        parse("2026-05-04T13:00:00Z", "test"),
        7,
    )
    assert (rising.newest, rising.oldest) == (None, None)
    assert (look().newest, look().oldest, look().ids) == (None, None, [])
