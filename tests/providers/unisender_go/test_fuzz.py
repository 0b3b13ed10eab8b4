"""Whatever comes in, ``read`` doesn't raise, loses nothing silently, and keeps good items beside bad ones."""

from __future__ import annotations

import gzip

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Context, Malformed, Request
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.junk import PLAIN, nested
from tests.providers.unisender_go.said import HEAD, RECEIVED, SOURCE, UNISENDER, events, file, fixture, hook

names = st.sampled_from(
    [
        *(
            "auth",
            "events_by_user",
            "events",
            "event_name",
            "event_data",
            "user_id",
            "project_id",
            "job_id",
            "metadata",
        ),
        *("email", "status", "event_time", "url", "delivery_info", "delivery_status", "destination_response", "ip"),
        *("user_agent", "block_time", "domain", "dump_id", "event_dump", "dump_status", "files", "size", "code"),
    ]
)
plain = PLAIN | st.sampled_from(
    [
        *("transactional_email_status", "transactional_spam_block", "hard_bounced", "clicked", "err_user_unknown"),
        *("2026-03-01 10:00:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59", "\x00", "\ud800", "success", "ready"),
    ]
)
values = nested(names, plain)
objects = st.dictionaries(names, values, min_size=1, max_size=4)
raw = st.binary() | st.lists(
    st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"auth"', b":", b"1", b'"', b"\\", b" ", b"NaN", b"\xff", b"\n"])
).map(b"".join)
few = settings(max_examples=40, deadline=None)
GOOD = events("webhook_clicked.json")[0]
ROW = b"7,2026-03-01 10:14:20,j,,ana@example.com,clicked,,,,,,,\n"
WEBHOOK = Source(name="acme", provider="unisender_go", webhook_secrets=["first-token-0123456789"])


def whole(value) -> bool:
    """Whether it can be printed: halves of characters and huge numbers can't."""
    try:
        msgspec.json.encode(value)
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def printed(value) -> bytes:
    return msgspec.json.encode(value) if whole(value) else repr(value).encode("utf-8", "replace")


def sound(reading) -> int:
    """How much was read; all of it can be stored."""
    for found in reading.events:
        msgspec.json.encode(found)
    assert all(0 <= event.occurred_at < 2**53 for event in reading.events)
    assert all(len(problem.raw) <= 2000 for problem in reading.problems)
    return len(reading.events) + len(reading.problems)


@few
@given(raw | objects.map(printed))
@example(b"[" * 100_000)
@example(b'{"event_data":' * 100_000)
@example(b'{"events_by_user":[' * 50_000)
@example(b"\x1f\x8b" + b"\x00" * 100)
@example(gzip.compress(b"[" * 100_000))
def test_any_bytes_as_a_webhook_are_accounted_for(body):
    assert sound(hook(body)) or b"events_by_user" in body
    assert hook(body) == hook(body)


@few
@given(st.lists(objects | plain, max_size=4), st.integers(0, 4))
def test_a_good_event_survives_beside_any_bad_ones(found, place):
    found.insert(min(place, len(found)), GOOD)
    found = [item for item in found if whole(item)]
    reading = hook(found)
    assert sound(reading) == len(found)
    assert hook([GOOD]).events[0] in reading.events
    assert {problem.item for problem in reading.problems} <= set(range(len(found)))


@few
@given(st.sampled_from(["transactional_email_status", "transactional_spam_block", "new"]), objects, objects)
def test_any_data_is_one_event_or_one_problem(name, data, info):
    needed = {"email": "a@example.com", "job_id": "j", "status": "clicked", "event_time": "2026-03-01 10:00:00"}
    found = {"event_name": name, "event_data": needed | data | {"delivery_info": info, "metadata": info}}
    if whole(found):
        assert sound(hook([found])) == 1


@few
@given(raw)
@example(b'"' * 1000)
@example(b'"' + b"x" * 200_000)
def test_any_bytes_in_a_file_are_accounted_for_and_lose_no_row_before_them(body):
    sound(file(body))
    reading = file(HEAD + ROW + body)
    sound(reading)
    assert reading.events[0] == file(HEAD + ROW).events[0]


@few
@given(st.lists(st.text(st.characters(exclude_characters='"\r\n', codec="utf-8")), max_size=4))
def test_a_good_row_survives_behind_any_bad_ones(lines):
    reading = file(HEAD + "".join(f"{line}\n" for line in lines).encode() + ROW)
    sound(reading)
    assert file(HEAD + ROW).events[0].slot in {event.slot for event in reading.events}


@few
@given(st.lists(raw | objects.map(printed), max_size=5), st.integers(0, 3))
def test_a_walk_takes_any_answer_or_refuses_it(answers, rightly):
    (feed,) = UNISENDER.feeds(SOURCE)
    walk = feed.walk({}, Context(source=SOURCE, now=RECEIVED))
    good = [fixture(f"feed_{name}") for name in ("create.json", "in_process.json", "ready.json")]
    for body in [*good[:rightly], *answers]:
        before = walk.position
        try:
            walk.take(Answer(body=body, received_at=RECEIVED))
        except Malformed:
            assert walk.position == before
        assert walk.ask() is not None
        msgspec.json.encode(walk.position)


@few
@given(raw | objects.map(printed), st.dictionaries(st.text(), st.text()))
def test_verifying_any_call_refuses_it(body, headers):
    request = Request(method="POST", token="", query="", headers=headers, address="", body=body)
    try:
        UNISENDER.verify(request, WEBHOOK)
    except Rejected:
        return
    raise AssertionError("it was taken")
