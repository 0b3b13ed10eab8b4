"""What ColdSend's leads and threads tell, quirk by quirk."""

from __future__ import annotations

import msgspec
import pytest

from aftersend.providers.coldsend.identity import EMAILS, FLAGS
from aftersend.vocabulary import BounceClass, Clock, Kind
from tests.providers.coldsend.said import CAMPAIGN, LEE, RECEIVED, SEEN, at, fixture, lead, leads, messages, page


def told(reading, *kinds: Kind) -> list[tuple]:
    """Kind, word, list and row of events."""
    return [(e.kind, e.word, e.list, e.row) for e in reading.events if not kinds or e.kind in kinds]


def plain(**fields) -> dict:
    """A lead to whom nothing happened, but for these fields."""
    return {"lead_id": LEE, "email": "lee@example.com", "status": "PENDING", **fields}


def mail(number: int = 1, **fields) -> dict:
    return {
        "email_id": f"m{number}",
        "sequence_step": number,
        "sent": True,
        "sent_at": "2025-03-01T14:00:00Z",
        **fields,
    }


# -- statuses and flags ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["PENDING", "QUEUED", "SENT", "OPENED", "REPLIED", "sent", "", None])
def test_a_status_that_is_told_better_elsewhere_tells_nothing(status):
    assert lead(plain(status=status)).events == []


@pytest.mark.parametrize(
    ("status", "kind", "bounce_class"),
    [
        ("FAILED", Kind.DROPPED, None),
        ("BOUNCED", Kind.BOUNCED, BounceClass.UNDETERMINED),
        ("UNSUBSCRIBED", Kind.UNSUBSCRIBED, None),
        ("SNOOZED", Kind.OTHER, None),
    ],
)
def test_a_status_that_stands_alone_is_a_fact_at_the_time_of_its_observation(status, kind, bounce_class):
    (event,) = lead(plain(status=status)).events
    assert (event.kind, event.word, event.list, event.row) == (kind, status, FLAGS, "")
    assert (event.occurred_at, event.clock, event.bounce_class) == (SEEN, Clock.RECEIVED, bounce_class)


def test_two_unknown_statuses_of_a_lead_are_two_facts():
    (one,), (other,) = lead(plain(status="SNOOZED")).events, lead(plain(status="MERGED")).events
    assert one.slot != other.slot


def test_an_opt_out_told_by_flag_and_status_is_one():
    (event,) = lead(plain(status="UNSUBSCRIBED", unsubscribed=True)).events
    assert event.kind is Kind.UNSUBSCRIBED
    (flagged,) = lead(plain(unsubscribed=True)).events
    assert (flagged.slot, flagged.list, flagged.row) == (event.slot, event.list, event.row)


def test_an_open_without_a_time_is_dated_by_its_observation():
    (event,) = lead(plain(email_opened=True)).events
    assert (event.kind, event.list, event.occurred_at, event.clock) == (Kind.OPENED, FLAGS, SEEN, Clock.RECEIVED)
    exact = lead(plain(email_opened=True, opened_at="2025-03-01T15:10:00Z")).events
    assert [(e.slot, e.occurred_at, e.clock) for e in exact] == [(event.slot, at("01T15:10:00"), Clock.STATED)]


@pytest.mark.parametrize(
    ("flag", "kind", "elsewhere"),
    [
        ({"status": "BOUNCED"}, Kind.BOUNCED, {"email_interactions": [mail(bounced=True)]}),
        ({"status": "BOUNCED"}, Kind.BOUNCED, {"email_interactions": [mail()], "delivery_status": "Bounced"}),
        ({"status": "FAILED"}, Kind.DROPPED, {"email_interactions": [mail()], "delivery_status": "Suppressed"}),
        ({"email_opened": True}, Kind.OPENED, {"email_interactions": [mail(opened=True)]}),
        ({"email_opened": True}, Kind.OPENED, {"opened_at": "2025-03-01T15:10:00Z"}),
        ({"email_replied": True}, Kind.REPLIED, {"replies": [{"reply_id": "r1"}]}),
        ({"email_replied": True}, Kind.REPLIED, {"email_interactions": [mail(replied_at="2025-03-05T08:00:00Z")]}),
    ],
)
def test_a_flag_is_only_told_where_nothing_else_tells_the_same(flag, kind, elsewhere):
    (flagged,) = lead(plain(**flag)).events
    assert (flagged.kind, flagged.list) == (kind, FLAGS)
    (event,) = (event for event in lead(plain(**flag, **elsewhere)).events if event.kind is kind)
    assert event.list != FLAGS
    assert event.slot == flagged.slot


def test_strangers_are_no_leads():
    stranger = plain(status="EXTERNAL", replied_at="2025-03-05T08:00:00Z", unsubscribed=True)
    assert (lead(stranger).events, lead(stranger).problems) == ([], [])
    assert (leads(stranger).events, leads(stranger).problems) == ([], [])


def test_a_list_tells_nothing_that_has_no_time():
    row = plain(status="BOUNCED", unsubscribed=True, email_opened=True, delivery_status="Delivered")
    assert leads(row).events == []


def test_a_lead_that_failed_was_not_sent_its_last_email():
    row = plain(status="FAILED", last_contacted_at="2025-03-01T14:00:00Z")
    assert leads(row).events == []


# -- delivery_status -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "kind", "bounce_class", "reason"),
    [
        ("Delivered", Kind.DELIVERED, None, None),
        ("Bounced", Kind.BOUNCED, BounceClass.HARD, "Bounced"),
        ("Suppressed", Kind.DROPPED, None, "Suppressed"),
        ("FilteredSpam", Kind.DROPPED, None, "FilteredSpam"),
        ("filtered_spam", Kind.DROPPED, None, "filtered_spam"),
        ("Quarantined", Kind.DROPPED, None, "Quarantined"),
        ("Failed", Kind.BOUNCED, BounceClass.UNDETERMINED, "Failed"),
        ("Teleported", Kind.OTHER, None, None),
    ],
)
def test_a_delivery_status_is_of_the_latest_email(word, kind, bounce_class, reason):
    mails = [mail(2, sent_at="2025-03-04T14:00:00Z"), mail(1), mail(3, sent=False, sent_at=None)]
    reading = lead(plain(delivery_status=word, email_interactions=mails))
    (event,) = [event for event in reading.events if event.kind is not Kind.SENT]
    assert (event.kind, event.word, event.list, event.row, event.message_id) == (kind, word, EMAILS, "m2", "m2")
    assert (event.bounce_class, event.reason, event.clock) == (bounce_class, reason, Clock.RECEIVED)


@pytest.mark.parametrize("word", ["OutForDelivery", "Expanded", "Pending", "queued", "", None])
def test_an_email_on_its_way_has_told_nothing_yet(word):
    assert (
        lead(plain(delivery_status=word, email_interactions=[mail()])).events
        == lead(plain(email_interactions=[mail()])).events
    )


def test_a_delivery_status_without_any_email_is_the_leads():
    (event,) = lead(plain(delivery_status="Suppressed")).events
    assert (event.kind, event.list, event.row) == (Kind.DROPPED, FLAGS, "")


def test_of_emails_of_one_second_the_later_step_is_the_latest():
    reading = lead(plain(delivery_status="Delivered", email_interactions=[mail(2), mail(1)]))
    assert told(reading, Kind.DELIVERED) == [(Kind.DELIVERED, "Delivered", EMAILS, "m2")]


# -- e-mails and replies ---------------------------------------------------------------------------------


def test_each_email_has_a_row_of_its_own_whenever_it_is_read():
    mails = [mail(1, opened=True, opened_at="2025-03-01T15:00:00Z"), mail(2, opened=True, opened_at=None)]
    early = lead(plain(email_interactions=mails))
    late = lead(plain(email_interactions=mails), received_at=RECEIVED + 86_400_000)
    assert [(e.slot, e.list, e.row) for e in early.events] == [(e.slot, e.list, e.row) for e in late.events]
    assert told(early, Kind.OPENED) == [(Kind.OPENED, "opened", EMAILS, "m1"), (Kind.OPENED, "opened", EMAILS, "m2")]
    assert [(e.occurred_at, e.clock) for e in early.events if e.kind is Kind.OPENED] == [
        (at("01T15:00:00"), Clock.STATED),
        (SEEN, Clock.RECEIVED),
    ]


def test_a_flag_counts_for_more_than_a_time():
    unsent = mail(1, sent=False, opened=False, opened_at="2025-03-01T15:00:00Z")
    assert lead(plain(email_interactions=[unsent])).events == []
    unflagged = {"email_id": "m1", "sent_at": "2025-03-01T14:00:00Z", "opened_at": "2025-03-01T15:00:00Z"}
    events = lead(plain(email_interactions=[unflagged])).events
    assert [event.kind for event in events] == [Kind.SENT, Kind.OPENED]


def test_an_email_without_an_id_is_known_by_its_step():
    (event,) = lead(plain(email_interactions=[mail(2, email_id=None)])).events
    assert (event.row, event.message_id) == ("step 2", None)


def test_an_automatic_reply_is_no_reply():
    reply = {"reply_id": "r1", "received_at": "2025-03-05T08:00:00Z", "is_auto_reply": True}
    assert [event.kind for event in lead(plain(replies=[reply])).events] == [Kind.AUTO_REPLIED]


def test_a_reply_that_opts_out_is_both_at_its_own_time():
    reply = {"reply_id": "r1", "received_at": "2025-03-05T08:00:00Z", "is_unsubscribe": True}
    events = lead(plain(replies=[reply])).events
    assert [(e.kind, e.occurred_at, e.clock, e.metadata.get("method")) for e in events] == [
        (Kind.REPLIED, at("05T08:00:00"), Clock.STATED, None),
        (Kind.UNSUBSCRIBED, at("05T08:00:00"), Clock.STATED, "reply"),
    ]


def test_one_reply_told_by_lead_email_thread_and_flag_has_one_slot():
    reply = {"reply_id": "r1", "received_at": "2025-03-05T08:00:00Z"}
    said = plain(
        replied_at="2025-03-05T08:00:00Z",
        replies=[reply],
        email_interactions=[mail(1, sent=False, replied_at="2025-03-05T08:00:00Z")],
    )
    message = {"reply_id": "x9", "is_outgoing": False, "created_at": "2025-03-05T08:00:00Z"}
    events = [*lead(said).events, *messages(message).events, *leads(said).events]
    assert len({event.slot for event in events}) == 1
    assert len({event.list for event in events}) == 4


def test_a_message_that_does_not_say_which_way_it_went_is_a_problem():
    reading = messages({"reply_id": "r1"}, {"reply_id": "r2", "is_outgoing": False}, "nonsense")
    assert [event.row for event in reading.events] == ["r2"]
    assert [(problem.item, problem.reason) for problem in reading.problems] == [
        (0, "is_outgoing is missing."),
        (2, "A message is not an object."),
    ]


def test_a_thread_that_names_nobody_is_a_problem():
    reading = page("replies", {"thread_id": "t1", "subject": "Hi"}, part="thread")
    assert [problem.reason for problem in reading.problems] == ["The thread names no lead and campaign."]


# -- times -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "clock"),
    [
        ("2025-03-01T15:10:00Z", Clock.STATED),
        ("2025-03-01T15:10:00.987654Z", Clock.STATED),
        ("2025-03-01T17:10:00+02:00", Clock.STATED),
        ("2025-03-01T15:10:00", Clock.ASSUMED),
        ("2025-03-01 15:10:00", Clock.ASSUMED),
    ],
)
def test_times_are_read_with_offsets_fractions_and_without_a_zone(written, clock):
    (event,) = leads(plain(status="OPENED", opened_at=written)).events
    assert (event.occurred_at, event.clock) == (at("01T15:10:00"), clock)


@pytest.mark.parametrize(
    ("written", "hour", "clock"),
    [
        ("2025-11-02T01:30:00", "2025-11-02T05:30:00Z", Clock.DOUBLED),
        ("2025-03-09T02:30:00", "2025-03-09T07:30:00Z", Clock.MISSING),
        ("2025-03-09T03:30:00", "2025-03-09T07:30:00Z", Clock.ASSUMED),
    ],
)
def test_times_without_a_zone_around_a_change_of_clocks_say_so(written, hour, clock):
    (event,) = leads(plain(status="OPENED", opened_at=written), zone="America/New_York").events
    (stated,) = leads(plain(status="OPENED", opened_at=hour)).events
    assert (event.occurred_at, event.clock) == (stated.occurred_at, clock)


@pytest.mark.parametrize("written", ["soon", 5, True, [], {}, "0001-01-01T00:00:00Z", "2025-02-30T00:00:00Z", "T"])
def test_a_time_that_is_none_is_a_problem_and_its_neighbours_are_read(written):
    row = plain(status="OPENED", last_contacted_at="2025-03-01T14:00:00Z", opened_at=written)
    reading = leads(row, plain(status="OPENED", opened_at="2025-03-01T15:10:00Z"))
    assert [(e.kind, e.occurred_at) for e in reading.events] == [
        (Kind.SENT, at("01T14:00:00")),
        (Kind.OPENED, at("01T15:10:00")),
    ]
    (problem,) = reading.problems
    assert (problem.item, problem.reason, msgspec.json.decode(problem.raw)) == (1, "opened_at is not a time.", row)


# -- shapes ----------------------------------------------------------------------------------------------


def test_a_lead_may_be_wrapped_and_is_the_one_that_was_asked_for():
    bare, wrapped = lead(fixture("lead.json")), lead({"success": True, "lead": fixture("lead.json")})
    assert wrapped == bare
    assert lead(fixture("lead.json") | {"lead_id": None}) == bare


def test_items_that_are_no_objects_are_problems_of_their_own():
    reading = leads("nonsense", {"email": "lee@example.com"}, plain(status="OPENED", opened_at="2025-03-01T15:10:00Z"))
    assert [(problem.item, problem.reason) for problem in reading.problems] == [
        (0, "A lead is not an object."),
        (1, "lead_id is missing."),
    ]
    assert len(reading.events) == 1
    reading = lead(plain(email_interactions=["nonsense", mail()], replies=[7]))
    assert [problem.reason for problem in reading.problems] == ["This is not an object."] * 2
    assert [event.kind for event in reading.events] == [Kind.SENT]


def test_a_campaign_of_which_something_is_wrong_is_kept_with_the_rest():
    good = fixture("campaigns.json")["campaigns"][0]
    reading = page("campaigns", {"campaigns": [good | {"open_count": "many", "launched_at": "soon"}, good, {}, 5]})
    assert [sorted(snapshot.counts) for snapshot in reading.snapshots] == [
        sorted([Kind.SENT, Kind.REPLIED, Kind.BOUNCED, Kind.UNSUBSCRIBED]),
        sorted([Kind.SENT, Kind.OPENED, Kind.REPLIED, Kind.BOUNCED, Kind.UNSUBSCRIBED]),
    ]
    assert [campaign.campaign_id for campaign in reading.campaigns] == [CAMPAIGN, CAMPAIGN]
    assert [(problem.item, problem.reason) for problem in reading.problems] == [
        (0, "launched_at is not a time. open_count is not a count."),
        (2, "campaign_id is missing."),
        (3, "A row is not an object."),
    ]


def test_an_unknown_feed_is_a_problem():
    assert [problem.reason for problem in page("opens", []).problems] == ["ColdSend has no list 'opens'."]
