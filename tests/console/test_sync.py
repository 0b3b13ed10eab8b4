"""Polling in the foreground, over real HTTP, against a sandbox that knows the truth."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta

import pytest

from aftersend.sandbox.faults import Fault, FaultPlan
from aftersend.storage.contract import Filter
from aftersend.vocabulary import now
from aftersend.worker.claims import new_owner
from aftersend.zones import moment

from .conftest import configure, start, with_store

ZONE = "Asia/Jerusalem"


def _day(days_ago: int) -> str:
    return str(moment(now(), ZONE).date() - timedelta(days=days_ago))


def _feeds(settings):
    return {(row.feed, row.lane): row for row in with_store(settings, lambda store: store.feeds("acme"))}


def _funnel(settings):
    counted = with_store(settings, lambda store: store.funnel(Filter(sources=("acme",))))
    return {kind: (count.total, count.unique) for kind, count in counted.items()}


def _pages(settings) -> int:
    return sum(1 for _ in with_store(settings, lambda store: list(store.deliveries(1))))


def _until(condition, process=None) -> None:
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.02)


def test_sync_and_drain_bring_everything_the_platform_shows(call, platform):
    synced = call("sync", "acme")
    assert (synced.status, synced.err) == (0, "")
    lines = synced.out.splitlines()
    rows = ["recentActivities", "activities", "sentEmails", "undelivered", "activitiesSummary"]
    assert [line.split(":")[0] for line in lines[:5]] == rows, "in the provider's order: what others go by comes first"
    assert {line.split(":")[0].split(" ")[0] for line in lines[5:-1]} <= set(rows)
    assert lines[-1].endswith("to be worked off: the worker does it, or `aftersend drain`.")
    drained = call("drain")
    assert (drained.status, drained.err) == (0, "")
    assert drained.out.splitlines()[-1].startswith("Worked off ")
    assert _funnel(platform.settings) == platform.truth.funnel()
    assert all(row.last_success_at and not row.problem for row in _feeds(platform.settings).values())


def test_draining_an_empty_inbox_is_done_at_once(call, platform):
    drained = call("drain")
    assert (drained.status, drained.out, drained.err) == (0, "Worked off 0 deliveries: nothing changed.\n", "")


def test_only_the_named_feed_is_polled(call, platform):
    assert call("sync", "acme", "--feed", "undelivered").status == 0
    polled = {feed for (feed, _), row in _feeds(platform.settings).items() if row.last_run_at}
    assert polled == {"undelivered"}


def test_an_unknown_feed_is_answered_with_those_that_exist(call, platform):
    called = call("sync", "acme", "--feed", "nosuch")
    assert called.status == 1
    assert called.sentence == (
        "Source 'acme' has no feed 'nosuch' switched on; it has: recentActivities, activities, sentEmails, "
        "undelivered, activitiesSummary."
    )


def test_a_feed_that_knows_no_dates_is_refused_with_dates(call, platform):
    called = call("sync", "acme", "--feed", "recentActivities", "--from", "2025-01-01")
    assert called.status == 1
    assert called.sentence == "Feed 'recentActivities' of source 'acme' can't be asked for a range of dates."


def test_with_dates_the_days_of_the_zone_are_read_both_included_beside_the_live_position(call, platform):
    called = call("sync", "acme", "--feed", "activities", "--from", _day(2), "--to", _day(1))
    assert (called.status, called.err) == (0, "")
    lane = f"backfill:{_day(2)}..{_day(1)}"
    assert called.out.splitlines()[-2].startswith(f"activities ({lane}): ")
    rows = _feeds(platform.settings)
    backfill = rows["activities", lane]
    assert backfill.finished
    assert str(moment(backfill.since, ZONE)).startswith(f"{_day(2)} 00:00:00")
    assert str(moment(backfill.until, ZONE)).startswith(f"{_day(0)} 00:00:00")
    assert rows["activities", "live"].position == {}
    assert rows["activities", "live"].last_run_at is None
    call("drain")
    days = {str(moment(fact.at, ZONE).date()) for fact in platform.truth.facts}
    assert {_day(2), _day(1)} <= days
    events = with_store(platform.settings, lambda store: store.events(Filter(), "newest", limit=10_000))
    # A platform may be asked for a day more than wanted, never for less.
    assert {_day(2), _day(1)} <= {str(moment(event.occurred_at, ZONE).date()) for event in events}


def test_a_finished_backfill_is_read_again_when_it_is_asked_for_again(call, platform):
    arguments = ("sync", "acme", "--feed", "undelivered", "--from", _day(1), "--to", _day(1))
    assert call(*arguments).status == 0
    assert call(*arguments).status == 0
    lanes = {lane for feed, lane in _feeds(platform.settings) if feed == "undelivered"}
    assert {f"backfill:{_day(1)}..{_day(1)}", f"backfill:{_day(1)}..{_day(1)}#2"} <= lanes


def test_a_range_that_lies_in_the_future_is_a_wrong_call(call, platform):
    called = call("sync", "acme", "--from", "2998-01-01")
    assert called.status == 2
    assert called.sentence == "--from 2998-01-01 lies in the future; see 'aftersend sync --help'."


def test_refused_credentials_stop_the_source_and_the_sentence_says_what_to_do(call, platform):
    configure(platform.sandbox.url, "a-wrong-key")
    called = call("sync", "acme")
    assert called.status == 1
    assert "inwise refused the credentials of source 'acme' (401): check the key" in called.sentence
    assert "a-wrong-key" not in called.out + called.err
    listed = call("sources", "--json")
    assert listed.status == 0
    assert all(feed["stopped"] for feed in listed.json["sources"][0]["feeds"])
    assert call("doctor").status == 1
    configure(platform.sandbox.url, platform.sandbox.api_key)
    assert call("sync", "acme").status == 0
    assert call("doctor").status == 0


def test_an_unreachable_platform_parks_the_feeds_and_the_command_fails(call, installation, monkeypatch):
    monkeypatch.setattr("aftersend.worker.client.PAUSE_S", 0.001)
    called = call("sync", "acme", "--feed", "undelivered")
    assert called.status == 1
    assert called.sentence == "inwise could not be reached (ConnectionError) (source 'acme')."
    assert "undelivered: 0 rows in 0 pages, then parked until " in called.out


@pytest.mark.processes
def test_ctrl_c_finishes_the_page_and_the_same_command_goes_on(call, platform):
    platform.sandbox.faults.plan = FaultPlan(rates={Fault.SLOW: 1.0}, slow=0.2)
    process = start("sync", "acme")
    _until(lambda: _pages(platform.settings) >= 2, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert err == "aftersend: Interrupted; the same command goes on where this one stopped.\n"
    assert all(row.owner is None for row in _feeds(platform.settings).values())
    platform.sandbox.faults.plan = FaultPlan()
    assert call("sync", "acme").status == 0
    assert call("drain").status == 0
    assert _funnel(platform.settings) == platform.truth.funnel()


@pytest.mark.processes
def test_a_killed_sync_keeps_nobody_waiting_and_loses_nothing(call, platform):
    platform.sandbox.faults.plan = FaultPlan(rates={Fault.SLOW: 1.0}, slow=0.2)
    process = start("sync", "acme", "--from", _day(7))
    _until(lambda: _pages(platform.settings) >= 2, process)
    process.kill()
    process.communicate()
    assert any(row.owner for row in _feeds(platform.settings).values())
    platform.sandbox.faults.plan = FaultPlan()
    called = call("sync", "acme", "--from", _day(7))
    assert (called.status, called.err) == (0, "")
    assert "waiting" not in called.out
    assert call("sync", "acme").status == 0
    assert call("drain").status == 0
    assert _funnel(platform.settings) == platform.truth.funnel()


@pytest.mark.processes
def test_sync_waits_for_a_reader_that_lives(platform, call):
    call("sync", "acme", "--feed", "undelivered")
    key = ("acme", "undelivered", "live")
    held = with_store(
        platform.settings, lambda store: store.claim(key, new_owner(), now() + 60_000, at=now(), force=True)
    )
    assert held is not None
    assert str(os.getpid()) in held.owner
    process = start("sync", "acme", "--feed", "undelivered", PYTHONUNBUFFERED="1")
    assert process.stdout.readline() == "undelivered: another process is reading it; waiting.\n"
    with_store(platform.settings, lambda store: store.finish(held, due_at=now(), rows=0, complete_until=None))
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert "undelivered: " in out
