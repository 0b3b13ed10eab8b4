"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good items beside bad ones."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.hogsend import hits, sends, suppressions, totals
from tests.providers.hogsend.said import RECEIVED, fixture, hook, page
from tests.providers.junk import PLAIN, nested

LISTS = {"sends": "emails", "hits": "events", "suppressions": "suppressions"}
FEEDS = (*LISTS, "export", "metrics", "campaigns", "nonsense")
LOOKS = (sends.look_at_log, sends.look_at_export, hits.look, hits.campaigns, suppressions.look, totals.look)

names = st.sampled_from(
    [
        *("id", "type", "data", "timestamp", "emailSendId", "templateKey", "to", "toEmail", "userId", "userEmail"),
        *("at", "sentAt", "createdAt", "deliveredAt", "openedAt", "bouncedAt", "bounceType", "status", "updatedAt"),
        *("event", "properties", "occurredAt", "email", "externalId", "scope", "category", "unsubscribedAll", "from"),
        *("messageId", "emails", "events", "templates", "points", "total", "offset", "delivered", "linkUrl"),
    ]
)
plain = PLAIN | st.sampled_from(
    [
        *("2026-06-02T08:15:30.120Z", "2026-06-02T08:15:30", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"),
        *("email.opened", "email.bounced", "email.strange", "contact.unsubscribed", "contact.deleted", "delivered"),
        *("failed", "suppressed", "permanent", "complaint", "a@example.com", "\x00", "Nora <"),
    ]
)
values = nested(names, plain)
objects = st.dictionaries(names, values, min_size=1)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"id"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff", b"\n"])
).map(b"".join)


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for found in (*reading.events, *reading.snapshots, *reading.campaigns, *reading.contacts):
        msgspec.json.encode(found)
    assert all(0 <= event.occurred_at < 2**53 for event in reading.events)
    return len(reading.events) + len(reading.problems)


@given(raw)
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'{"type":"email.opened","data":{"emailSendId":"\\ud800","at":"2026-06-02T08:15:30.120Z"}}')
def test_any_bytes_as_a_webhook_are_accounted_for(body):
    reading = hook(body)
    assert sound(reading) or "type" in body.decode("utf-8", "replace")


@given(st.sampled_from(["email.opened", "email.bounced", "email.replied", "email.strange", "email.action"]), objects)
def test_any_data_of_an_email_is_one_event(word, data):
    assert sound(hook({"id": "msg_1", "type": word, "timestamp": "2026-06-02T08:15:30.120Z", "data": data})) == 1


@given(objects)
def test_any_object_as_a_webhook_is_read_the_same_every_time(said):
    assert hook(said) == hook(said)


@given(st.sampled_from(FEEDS), raw)
@example("sends", b"[" * 100_000)
@example("export", b"id,createdAt\n" + b'"' * 1000)
@example("export", fixture("feed_export.csv")[:-3] + b"\x00" * 3)
@example("export", fixture("feed_export.csv") + b"," + b"x" * 200_000)
def test_any_bytes_as_a_page_are_accounted_for(feed, body):
    reading = page(feed, body)
    assert sound(reading) or reading.snapshots or b"[" in body or b"id" in body


@given(st.sampled_from(sorted(LISTS)), st.lists(objects | plain))
def test_every_item_of_a_list_is_read_or_is_a_problem(feed, items):
    reading = page(feed, {LISTS[feed]: items})
    sound(reading)
    assert {problem.item for problem in reading.problems} <= set(range(len(items)))
    if feed == "hits":
        assert len(reading.events) + len(reading.problems) == len(items)


@given(st.sampled_from(["sends", "hits"]), st.lists(objects | plain, max_size=4), st.integers(0, 4))
def test_a_good_row_survives_beside_any_bad_ones(feed, items, place):
    good = msgspec.json.decode(fixture(f"feed_{feed}.json"))[LISTS[feed]][0]
    alone = page(feed, {LISTS[feed]: [good]}).events
    items.insert(min(place, len(items)), good)
    read = page(feed, {LISTS[feed]: items}).events
    assert alone
    assert [event for event in alone if event not in read] == []


@given(st.sampled_from(["overview", "emails", "emails/deliverability", ""]), objects)
def test_any_object_as_a_report_is_accounted_for(report, said):
    reading = page("metrics", said, report=report)
    sound(reading)
    assert reading.snapshots or reading.problems or said.get("templates") == []


@given(raw)
def test_ids_of_any_bytes_are_found_or_refused(body):
    for look in LOOKS:
        try:
            look(Answer(body=body, received_at=RECEIVED))
        except Malformed:
            continue


@pytest.mark.parametrize("bounce_type", ["permanent", "transient", "complaint", "unknown", ""])
def test_an_export_that_is_cut_anywhere_is_refused_or_says_nothing_that_is_wrong(bounce_type):
    head = fixture("feed_export.csv").partition(b"\n")[0]
    row = (
        b"00000001-0a1b-4c3d-8e4f-5a6b7c8d9e0f,2026-06-02T08:15:21.000Z,welcome,bounced,nora@example.com,user_42,"
        b'"Hello, ""Nora""\nand all",2026-06-02T08:15:21.004Z,,,,2026-06-02T08:15:30.118Z,,'
    )
    whole = b"\n".join([head, row.replace(b"00000001", b"00000002") + b"permanent", row + bounce_type.encode()])
    true = {(event.slot, event.list, event.row) for event in page("export", whole).events}
    # A bounce whose class isn't told adds nothing to one whose class is.
    harmless = {("sends", "first")}
    taken = 0
    for length in range(len(whole)):
        try:
            sends.look_at_export(Answer(body=whole[:length], received_at=RECEIVED))
        except Malformed:
            continue
        taken += 1
        said = {(event.slot, event.list, event.row) for event in page("export", whole[:length]).events}
        assert {one for one in said - true if one[1:] not in harmless} == set()
    # At the ends of lines, before a newline and behind it, and where the last cell may be empty.
    assert taken <= 6
