"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good items beside bad ones."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aftersend.providers.coldsend import leads as lead_lists
from aftersend.providers.coldsend import replies as reply_lists
from aftersend.providers.coldsend import totals
from aftersend.providers.contract import Answer, Malformed
from tests.providers.coldsend.said import CAMPAIGN, LEE, THREAD, fixture, hook, leads, page
from tests.providers.junk import PLAIN, nested

LISTS = {
    "campaigns": {"feed": "campaigns"},
    "leads": {"feed": "leads", "part": "leads", "campaign": CAMPAIGN},
    "lead": {"feed": "leads", "part": "lead", "campaign": CAMPAIGN, "lead": LEE},
    "conversations": {"feed": "replies", "part": "conversations"},
    "thread": {"feed": "replies", "part": "thread", "thread": THREAD},
    "messages": {"feed": "replies", "part": "messages", "lead": LEE, "campaign": CAMPAIGN},
    "analytics": {"feed": "analytics"},
    "timeline": {"feed": "timeline"},
    "details": {"feed": "details", "campaign": CAMPAIGN},
    "nonsense": {"feed": "nonsense"},
}
ROWS = {"campaigns": "campaigns", "leads": "leads", "conversations": "conversations", "messages": "messages"}
ROWS |= {"analytics": "campaigns", "timeline": "timeline"}

names = st.sampled_from(
    [
        *("lead_id", "email", "first_name", "status", "last_contacted_at", "opened_at", "replied_at", "email_opened"),
        *("email_replied", "unsubscribed", "sequence_step", "delivery_status", "email_interactions", "replies"),
        *("email_id", "subject", "sent_at", "inbox_email", "sent", "opened", "bounced", "reply_id", "received_at"),
        *("is_auto_reply", "is_unsubscribe", "thread_id", "lead_email", "campaign_id", "campaign_name", "is_outgoing"),
        *("created_at", "message_id", "from_email", "name", "launched_at", "total_leads", "sent_count", "total_sent"),
        *("date", "workspace_kpis", "total_sends", "event", "timestamp", "data", "reply_timestamp", "lead", "campaign"),
    ]
)
plain = (
    PLAIN
    | st.sampled_from(["2025-03-18T13:59:00Z", "OPENED", "BOUNCED", "Delivered", "External", "reply", LEE, "{}", "7"])
    | st.integers(min_value=10**60, max_value=10**61)
)
values = nested(names, plain)
objects = st.dictionaries(names, values)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"leads"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff"])
).map(b"".join)


def read(list_: str, body):
    about = dict(LISTS[list_])
    return page(about.pop("feed"), body, **about)


def encoded(reading) -> bytes:
    """A reading that can be stored."""
    return msgspec.json.encode(reading)


@given(st.sampled_from(list(LISTS)), raw)
@example("leads", b"[" * 100_000)
@example("lead", b'{"a":' * 100_000)
@example("lead", b'{"email":"\\ud800","status":"SNOOZED","unsubscribed":NaN}')
@example("campaigns", b'{"campaigns":[{"campaign_id":' + b"9" * 5_000 + b"}]}")
@example("timeline", b'{"timeline":[{"date":"x","sent":1' + b"0" * 400 + b"}]}")
def test_any_bytes_as_a_page_are_read_or_a_problem(list_, body):
    reading = read(list_, body)
    assert encoded(reading)
    try:
        is_object = isinstance(msgspec.json.decode(body), dict)
    except (ValueError, RecursionError):
        is_object = body.lstrip().startswith(b"{")
    assert reading.problems or is_object


@given(st.sampled_from(list(ROWS)), st.lists(objects | plain, max_size=4))
def test_any_rows_are_read_or_problems(list_, rows):
    reading = read(list_, {ROWS[list_]: rows})
    assert encoded(reading)
    wrong = [row for row in rows if not isinstance(row, dict)]
    assert len(reading.problems) >= len(wrong)


@given(objects)
def test_any_object_as_a_lead_is_read(said):
    assert encoded(read("lead", said))


@given(objects)
def test_any_object_as_a_webhook_is_one_event_or_one_problem(said):
    reading = hook(said)
    assert encoded(reading)
    assert len(reading.events) + len(reading.problems) == 1


@given(raw)
@example(b"[" * 100_000)
def test_any_bytes_as_a_webhook_are_one_event_or_one_problem(body):
    reading = hook(body)
    assert len(reading.events) + len(reading.problems) == 1


@given(st.lists(objects | plain, max_size=4), st.integers(0, 4))
def test_a_good_row_survives_beside_any_bad_ones(rows, place):
    good = fixture("leads.json")["leads"][0]
    alone = leads(good).events
    rows.insert(min(place, len(rows)), good)
    events = leads(*rows).events
    assert all(event in events for event in alone)


@pytest.mark.parametrize("list_", [*LISTS, "webhook"])
@given(objects)
def test_the_same_delivery_gives_the_same_reading(list_, said):
    body = msgspec.json.encode({ROWS[list_]: [said, said]} if list_ in ROWS else said)
    first, again = [hook(body) if list_ == "webhook" else read(list_, body) for _ in range(2)]
    assert first == again


@given(raw | st.lists(objects | plain).map(lambda rows: msgspec.json.encode({"leads": rows, "messages": rows})))
def test_what_walks_look_at_is_a_page_or_malformed(body):
    answer = Answer(body=body, received_at=0)
    for look in (
        *(lead_lists.look, reply_lists.look, reply_lists.look_at_messages, totals.look, totals.look_at_analytics),
        *(totals.look_at_timeline, totals.look_at_details),
    ):
        try:
            look(answer)
        except Malformed:
            continue


@given(objects)
def test_the_fingerprint_of_any_row_is_found(row):
    assert lead_lists.fingerprint(row) == lead_lists.fingerprint(dict(row))
    assert reply_lists.fingerprint(row)
    assert totals.moment_of(row, "created_at") >= 0
