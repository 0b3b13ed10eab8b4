"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good rows beside bad ones."""

from __future__ import annotations

import contextlib
from functools import partial

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Malformed, Never
from aftersend.providers.mailchimp import campaigns, members
from aftersend.vocabulary import Rejected
from tests.providers.junk import PLAIN, nested
from tests.providers.mailchimp.said import MAILCHIMP, RECEIVED, SOURCE, fixture, hook, page
from tests.providers.mailchimp.test_verify import request, source

FEEDS = ("activity", "sent", "opens", "unsubscribed", "complaints")
names = st.sampled_from(
    [
        *(
            "campaign_id",
            "list_id",
            "email_id",
            "email_address",
            "activity",
            "action",
            "type",
            "timestamp",
            "url",
            "ip",
        ),
        *(
            "status",
            "merge_fields",
            "vip",
            "opens",
            "is_proxy_open",
            "date",
            "reason",
            "id",
            "send_time",
            "emails_sent",
        ),
        *("bounces", "clicks", "hard_bounces", "opens_total", "total_items", "EXTID", "FNAME"),
    ]
)
plain = PLAIN | st.sampled_from(
    [
        *("2026-03-01T10:00:00+00:00", "2026-03-01 10:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"),
        *("open", "click", "bounce", "hard", "sent", "a@example.com", "\x00", 10**30),
    ]
)
objects = st.dictionaries(names, nested(names, plain), min_size=1)
fields = st.dictionaries(
    st.sampled_from(
        [
            *("type", "fired_at", "data[id]", "data[email]", "data[list_id]", "data[reason]", "data[action]", "data"),
            *("data[merges][EXTID]", "data[merges][", "data[merges][]", "data[merges][A][0][b]", "data[campaign_id]"),
        ]
    )
    | st.text(),
    st.sampled_from(["subscribe", "unsubscribe", "cleaned", "campaign", "abuse", "hard", "2026-03-01 10:00:00"])
    | st.text(),
)
raw = st.binary() | st.lists(
    st.sampled_from(
        [b"type=", b"&", b"%", b"%5B", b"data", b"[", b"]", b"=", b"+", b"\xff", b"subscribe", b"{", b'"', b","]
    )
).map(b"".join)
few = settings(max_examples=60, deadline=None)


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for found in (*reading.events, *reading.snapshots, *reading.campaigns, *reading.contacts):
        msgspec.json.encode(found)
    assert all(0 <= event.occurred_at < 2**53 for event in reading.events)
    assert all(all(event.metadata.values()) for event in reading.events)
    return len(reading.events) + len(reading.problems)


@few
@given(raw)
@example(b"type=subscribe&fired_at=2026-03-01+10:00:00&data[email]=%ED%A0%80")
@example(b"&".join([b"a=1"] * 50_000))
def test_any_bytes_as_a_webhook_are_one_event_or_problem(body):
    assert sound(hook(body)) == 1


@few
@given(fields)
def test_any_fields_as_a_webhook_are_one_event_or_problem_the_same_every_time(said):
    said = {
        name.encode("utf-8", "replace").decode(): value.encode("utf-8", "replace").decode()
        for name, value in said.items()
    }
    assert sound(hook(said)) == 1
    assert hook(said) == hook(said)


@few
@given(raw, st.text(), st.sampled_from(["signed", "url-secret"]), st.text())
def test_any_bytes_and_headers_are_judged(body, header, mode, token):
    with contextlib.suppress(Rejected, Never):
        MAILCHIMP.verify(request(header, body, token=token), source("key", mode=mode))


@few
@given(st.sampled_from([*FEEDS, "campaigns", "x"]), raw)
def test_any_bytes_as_a_page_are_accounted_for(feed, body):
    assert sound(page(feed, body)) == 1


@pytest.mark.parametrize("feed", FEEDS)
@settings(max_examples=25, deadline=None)
@given(items=st.lists(objects | plain, max_size=4), place=st.integers(0, 4))
def test_a_good_row_survives_beside_any_bad_ones(feed, items, place):
    name = members.ROWS[feed]
    good = msgspec.json.decode(fixture(f"feed_{feed}.json"))[name][0]
    items.insert(min(place, len(items)), good)
    reading = page(feed, {name: items})
    sound(reading)
    assert [event for event in page(feed, {name: [good]}).events if event not in reading.events] == []


@few
@given(st.lists(objects | plain, max_size=4))
def test_every_campaign_is_read_or_is_a_problem(items):
    reading = page("campaigns", {"reports": items})
    sound(reading)
    assert len(reading.snapshots) + len(reading.problems) == len(items)


@few
@given(
    raw | st.lists(objects | plain, max_size=4).map(lambda rows: msgspec.json.encode({"reports": rows, "emails": rows}))
)
def test_pages_of_any_bytes_are_looked_at_or_refused(body):
    for look in (partial(members.look, "emails"), partial(members.look, "reports"), campaigns.campaigns):
        with contextlib.suppress(Malformed):
            look(Answer(body=body, received_at=RECEIVED))


@few
@given(raw)
def test_any_refusal_is_one_of_the_key_or_of_haste(body):
    assert MAILCHIMP.not_before(403, {}, body, 0) in (None, 60_000)
    assert MAILCHIMP.configured(SOURCE).page_size == 1000
