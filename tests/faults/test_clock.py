"""Somebody sets the clock. Forward or back, nothing is lost or doubled, and nothing waits for the clock to come there.

What is written down of times (due, parked, claimed, booked, silent, marked) must heal when they turn out to lie in a
future that was none. Whole installations need libfaketime: as a package of the system (``faketime``), of Python
(``pip install libfaketime``), or named by ``AFTERSEND_FAKETIME``.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis

from aftersend import queue
from aftersend.storage import open_store
from aftersend.storage.contract import ClaimLost, FeedRow, Store, Token
from aftersend.vocabulary import Rate, now
from tests.faults.installation import World, wait_for
from tests.faults.ledger import FULL, Ledger
from tests.worker.conftest import RedisServer

SECOND, HOUR = 1_000, 3_600_000
KEY = ("a", "list", "live")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    opened.migrate()
    opened.ensure_feeds([FeedRow(source="a", feed="list", resource="a/list/live")])
    yield opened
    opened.close()


def claimed(store: Store, owner: str, at: int) -> FeedRow:
    feed = store.claim(KEY, owner, at + 120 * SECOND, at=at)
    assert feed is not None
    return feed


def due(store: Store, at: int) -> list[tuple[str, str, str]]:
    return [feed.key for feed in store.due_feeds(at)]


# -- what is written down of times ------------------------------------------------------------------------------------


def test_a_feed_that_is_due_or_parked_in_a_future_that_was_none_is_due_at_once(store: Store) -> None:
    at = now()
    store.finish(claimed(store, "one", at), due_at=at + 300 * SECOND, rows=1, complete_until=None)
    assert (due(store, at), due(store, at - 30 * SECOND)) == ([], [])
    assert due(store, at - HOUR) == [KEY]
    feed = claimed(store, "two", at - HOUR)
    store.park(feed, at - HOUR + 900 * SECOND, "The platform was busy.")
    assert due(store, at - HOUR) == []
    assert due(store, at - 3 * HOUR) == [KEY]


def test_a_claim_from_a_future_that_was_none_keeps_nobody_away_and_its_holder_is_told(store: Store) -> None:
    at = now()
    elsewhere = claimed(store, "elsewhere:1:run", at)
    assert store.claim(KEY, "here", at + 240 * SECOND, at=at + 60 * SECOND) is None
    assert due(store, at - HOUR) == [KEY]
    claimed(store, "here", at - HOUR)
    with pytest.raises(ClaimLost):
        store.move_feed(elsewhere, {"page": 2}, at)


def test_how_far_a_feed_is_complete_is_said_anew_after_a_clock_that_ran_ahead(store: Store) -> None:
    at = now()
    for complete_until, said in (
        (at + 48 * HOUR, at + 48 * HOUR),
        (at - SECOND, at - SECOND),
        (at - HOUR, at - SECOND),
    ):
        feed = store.claim(KEY, "run", at + HOUR, at=at, force=True)
        assert feed is not None
        store.finish(feed, due_at=at, rows=0, complete_until=complete_until)
        assert [row.complete_until for row in store.feeds()] == [said]


def test_turns_and_silence_of_a_budget_heal_when_the_clock_is_set_back(store: Store) -> None:
    at, rates = now(), [Rate(calls=2, period=HOUR)]

    def turn(at: int) -> int:
        return store.reserve("key", SECOND, at, rates, 20 * SECOND)

    assert [turn(at), turn(at)] == [at, at + SECOND]
    store.silence("key", at + HOUR)
    assert turn(at) >= at + HOUR
    for earlier in (at - HOUR, at - 48 * HOUR):
        assert [turn(earlier), turn(earlier)] == [earlier, earlier + SECOND]
        assert turn(earlier) > earlier + 20 * SECOND  # the limit of two an hour holds again


def test_the_right_to_renew_a_token_is_free_again_when_the_clock_is_set_back(store: Store) -> None:
    at = now()
    store.keep_token(Token(account="a", access="x", refresh="y", expires_at=at, scope=""))
    assert store.lock_token("a", 1, at, at + 60 * SECOND)
    assert not store.lock_token("a", 1, at + SECOND, at + 61 * SECOND)
    assert store.lock_token("a", 1, at - HOUR, at - HOUR + 60 * SECOND)


def test_a_mark_in_redis_that_would_live_for_an_hour_keeps_no_hint_back(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    try:
        connection: redis.Redis = server.client()
        for ask in (lambda: queue.enqueue_drain(connection), lambda: queue.enqueue_poll(connection, *KEY)):
            assert [ask(), ask()] == [True, False]
            # Redis ends keys at an instant of the clock: to set it back is to let them live longer.
            for mark in connection.scan_iter("aftersend:*"):
                connection.expire(mark, 3_600)
            assert [ask(), ask()] == [True, False]
    finally:
        server.kill()


# -- whole installations ----------------------------------------------------------------------------------------------


def _library() -> str:
    """Where libfaketime lies; empty where it doesn't."""
    package = find_spec("libfaketime")
    named = [Path(os.environ.get("AFTERSEND_FAKETIME", "/nowhere"))]
    vendored = [Path(root) for root in (package.submodule_search_locations or [] if package else [])]
    found = [
        *named,
        *(root / "vendor/libfaketime/src/libfaketime.so.1" for root in vendored),
        *Path("/usr/lib").glob("*/faketime/libfaketime.so.1"),
    ]
    return next((str(path) for path in found if path.is_file()), "")


DST_ENDS = 1_792_882_795
"""Five seconds before Israel's clocks go back."""
JUMPS = {"-1 h": -3_600, "+1 h": 3_600, "-2 days": -172_800, "+2 days": 172_800} if FULL else {"+1 h": 3_600}


@pytest.mark.processes
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.skipif(not _library(), reason="needs libfaketime: the package faketime, or AFTERSEND_FAKETIME")
@pytest.mark.parametrize("jump", [*JUMPS, *(["the end of summer time"] if FULL else [])])
def test_the_clock_jumps_and_jumps_back_and_everything_goes_on(tmp_path: Path, ledger: Ledger, jump: str) -> None:
    clock = tmp_path / "clock"

    def set_clock(seconds: int) -> None:
        new = clock.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(clock)

    set_clock(0)
    faked = {
        "LD_PRELOAD": _library(),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_RESET": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
    with World(tmp_path, ledger, environment=faked) as world:
        # Under the library everything starts slowly.
        wait_for(lambda: world.readyz().get("ready"), "the receiver", 240)
        members: dict[str, list[int]] = {}
        for moment in world.under_load(5):
            time.sleep(1)
            if moment in (1, 3):
                members = members or everyone_but_jobs(world)
                set_clock((JUMPS.get(jump) or DST_ENDS - int(time.time())) if moment == 1 else 0)
                time.sleep(2)  # the library looks once a second
                before = successes(world)
                assert world.knock() == 200
                wait_for(lambda before=before: changed(before, successes(world)), f"every feed to be polled: {before}")
        assert everyone_but_jobs(world) == members
        world.settle_and_check(f"the clock: {jump}, and back", times=2)


def successes(world: World) -> dict[str, int | None]:
    """When each live feed last succeeded, by the installation's clock."""
    return {feed.feed: feed.last_success_at for feed in world.store.feeds() if feed.lane == "live"}


def changed(before: dict[str, int | None], after: dict[str, int | None]) -> bool:
    return all(after[feed] != at for feed, at in before.items())


def everyone_but_jobs(world: World) -> dict[str, list[int]]:
    return {role: sorted(pids) for role, pids in world.installation.by_role().items() if role != "job"}
