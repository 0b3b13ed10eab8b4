from __future__ import annotations

import json
import subprocess
import sys
from threading import Thread

import msgspec
import pytest
import redis.exceptions

from aftersend import queue
from aftersend.settings import DAY, Settings, Source
from aftersend.storage import open_store
from aftersend.storage.contract import FeedRow, Store
from aftersend.vocabulary import Delivery, Door, now
from aftersend.worker import claims, plan, poller, scheduler
from tests.worker.conftest import RedisServer, ids
from tests.worker.platform import T0, Platform, status


def polls(server: RedisServer) -> list[tuple]:
    return [tuple(job.args) for job in queue.rq_queue(server.client()).jobs if job.func_name.endswith("poll")]


def drains(server: RedisServer) -> int:
    return sum(job.func_name.endswith("drain") for job in queue.rq_queue(server.client()).jobs)


def page(*rows: int, received_at: int = T0) -> Delivery:
    body = json.dumps([{"id": row, "at": T0 + row * 1000} for row in rows]).encode()
    return Delivery(source="acme", door=Door.FEED, received_at=received_at, body=body, feed="pages")


LIVE = [("acme", "once", "live"), ("acme", "pages", "live"), ("acme", "totals", "live")]
ALL = [LIVE[0], ("acme", "pages", "backfill:first"), *LIVE[1:]]


def test_every_due_feed_is_handed_out_once_however_many_schedulers_look(redis_server, store, settings):
    threads = [
        Thread(target=scheduler.tick, args=(store, settings, queue.connect(redis_server.url), now())) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(polls(redis_server)) == ALL
    assert drains(redis_server) == 0
    assert {row.key for row in store.feeds()} == set(ALL)


def test_a_backlog_is_handed_out_once(redis_server, store, settings):
    store.append([page(1)])
    connection = queue.connect(redis_server.url)
    for _ in range(3):
        scheduler.tick(store, settings, connection, now())
    assert drains(redis_server) == 1


def test_what_is_not_due_stopped_parked_or_claimed_is_not_handed_out(redis_server, store, settings):
    plan.ensure(store, settings.sources[0], now())
    claimed = {key: store.claim(key, "me", now() + 60_000, at=now()) for key in ALL}
    store.finish(claimed[LIVE[0]], due_at=now() + 60_000, rows=0, complete_until=None)
    store.park(claimed[LIVE[1]], now() + 60_000, "later")
    store.finish(claimed[ALL[1]], due_at=now(), rows=0, complete_until=None, finished=True)
    connection = queue.connect(redis_server.url)
    scheduler.tick(store, settings, connection, now())
    assert polls(redis_server) == []
    scheduler.tick(store, settings, connection, now() + 120_000)
    assert sorted(polls(redis_server)) == LIVE


def test_a_source_configured_wrongly_does_not_stop_the_others(redis_server, store, settings, source):
    wrong = [
        msgspec.structs.replace(source, name="a", provider="pigeon"),
        msgspec.structs.replace(source, name="b", feeds=["lettres"]),
    ]
    scheduler.tick(
        store,
        msgspec.structs.replace(settings, sources=[*wrong, source]),
        queue.connect(redis_server.url),
        now(),
    )
    assert sorted(polls(redis_server)) == ALL


def test_feeds_that_were_switched_off_or_removed_are_not_handed_out(redis_server, store, settings, source):
    plan.ensure(store, source, now())
    plan.ensure(store, msgspec.structs.replace(source, name="gone"), now())
    only = msgspec.structs.replace(source, feeds=["pages"])
    scheduler.tick(store, msgspec.structs.replace(settings, sources=[only]), queue.connect(redis_server.url), now())
    assert sorted(polls(redis_server)) == [("acme", "pages", "backfill:first"), ("acme", "pages", "live")]


def test_a_tick_without_reachable_redis_says_so_and_loses_nothing(redis_server, store, settings):
    connection = queue.connect(redis_server.url)
    redis_server.kill()
    store.append([page(1)])
    with pytest.raises(redis.exceptions.ConnectionError):
        scheduler.tick(store, settings, connection, now())
    redis_server.start()
    scheduler.tick(store, settings, connection, now())
    assert sorted(polls(redis_server)) == ALL
    assert drains(redis_server) == 1


def test_hints_that_redis_forgot_are_given_again(redis_server, store, settings):
    connection = queue.connect(redis_server.url)
    scheduler.tick(store, settings, connection, now())
    connection.flushall()
    scheduler.tick(store, settings, connection, now())
    assert sorted(polls(redis_server)) == ALL


def test_without_redis_the_scheduler_polls_and_works_off_by_itself(
    platform: Platform, store: Store, settings: Settings
):
    platform.happen(7)
    store.append([page(6)])
    scheduler.tick(store, settings, None, now())
    assert ids(store) == platform.truth
    assert store.backlog().deliveries == 0
    assert all(row.last_success_at for row in store.feeds())
    store.append([page(8)])
    scheduler.tick(store, settings, None, now())
    assert ids(store)[-1] == "8"


def test_without_redis_a_feed_that_fails_does_not_stop_the_others(platform: Platform, store: Store, settings: Settings):
    platform.happen(3)
    platform.faults = [status(404)]
    scheduler.tick(store, settings, None, now())
    problems = [row.problem for row in store.feeds()]
    assert problems.count(None) == len(ALL) - 1
    assert ids(store) == platform.truth


def test_old_deliveries_are_pruned_by_one_scheduler_an_hour(redis_server, store, settings):
    recent, old = now(), now() - 31 * DAY
    store.append([page(1, received_at=old), page(2, received_at=recent)])
    scheduler.tick(store, settings, None, now())
    connection = queue.connect(redis_server.url)
    assert scheduler.prune(store, settings, connection, now()) == 1
    assert (store.delivery(1), store.delivery(2).received_at) == (None, recent)
    store.append([page(3, received_at=old)])
    scheduler.tick(store, settings, None, now())
    assert scheduler.prune(store, settings, connection, now()) == 0
    assert scheduler.prune(store, settings, None, now()) == 1


def test_a_restart_gives_stopped_sources_another_try(platform, store: Store, settings: Settings, source: Source):
    plan.ensure(store, source, now())
    platform.faults = [status(401)]
    poller.poll(store, settings, ("acme", "pages", "live"), "me")
    scheduler.tick(store, settings, None, now())
    assert all(row.stopped for row in store.feeds())
    scheduler._start_stopped(store, settings)
    scheduler.tick(store, settings, None, now())
    assert not any(row.stopped for row in store.feeds())


def test_the_claim_of_a_run_that_was_killed_is_released_at_once(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    key = ("acme", "list", "live")
    store.ensure_feeds([FeedRow(source="acme", feed="list", resource="acme/list")])
    dead = subprocess.run([sys.executable, "-c", _OWNER], capture_output=True, text=True, check=True).stdout.strip()
    for owner, released in ((dead, 1), (claims.new_owner(), 0), ("elsewhere:1:x", 0), ("odd", 0)):
        assert store.claim(key, owner, now() + 60_000, at=now(), force=True) is not None
        assert claims.release_dead(store) == released
        row = store.feeds()[0]
        assert row.owner == (None if released else owner)
        store.release(row)
    store.close()


_OWNER = "from aftersend.worker.claims import new_owner; print(new_owner())"
