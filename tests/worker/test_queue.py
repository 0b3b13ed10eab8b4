from __future__ import annotations

import os
from threading import Thread

import pytest
import redis

from aftersend import queue
from aftersend.queue import Nudger
from aftersend.vocabulary import ConfigurationError
from tests.worker.conftest import RedisServer, eventually


def waiting(server: RedisServer) -> list[tuple[str, tuple]]:
    return [(job.func_name, tuple(job.args)) for job in queue.rq_queue(server.client()).jobs]


def test_a_backlog_is_nudged_once_however_often_it_is_said(redis_server: RedisServer):
    nudger = Nudger(redis_server.url)
    threads = [Thread(target=lambda: [nudger.nudge() for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eventually(lambda: waiting(redis_server) == [("aftersend.worker.jobs.drain", ())])
    assert not queue.enqueue_drain(redis_server.client())
    assert nudger.dropped == 0


def test_what_comes_in_after_a_drain_let_go_asks_for_another(redis_server: RedisServer):
    connection = queue.connect(redis_server.url)
    assert queue.enqueue_drain(connection)
    queue.hold_drain(connection)
    assert not queue.enqueue_drain(connection)
    queue.release_drain(connection)
    assert queue.enqueue_drain(connection)


def test_hints_expire_when_nobody_works(redis_server: RedisServer):
    connection = queue.connect(redis_server.url)
    queue.enqueue_drain(connection)
    queue.enqueue_poll(connection, "acme", "pages", "live")
    keys = [key for key in connection.keys("*") if connection.type(key) in (b"string", b"hash")]
    lives = {key.decode().split(":")[1]: connection.ttl(key) for key in keys}
    assert set(lives) >= {"nudged", "poll", "job"}
    assert all(0 < life <= 60 for life in lives.values())


def test_hints_do_not_pile_up_without_workers(redis_server: RedisServer):
    connection = queue.connect(redis_server.url)
    for number in range(600):
        queue.enqueue_poll(connection, "acme", str(number), "live")
    assert queue.rq_queue(connection).count == 500


def test_a_poll_is_asked_for_once_per_feed_until_it_begins(redis_server: RedisServer):
    connection = queue.connect(redis_server.url)
    assert queue.enqueue_poll(connection, "acme", "pages", "live")
    assert not queue.enqueue_poll(connection, "acme", "pages", "live")
    assert queue.enqueue_poll(connection, "acme", "pages", "backfill:first")
    queue.release_poll(connection, ("acme", "pages", "live"))
    assert queue.enqueue_poll(connection, "acme", "pages", "live")
    poll = "aftersend.worker.jobs.poll"
    live, first = (poll, ("acme", "pages", "live")), (poll, ("acme", "pages", "backfill:first"))
    assert waiting(redis_server) == [live, first, live]


def test_a_drain_goes_before_the_polls(redis_server: RedisServer):
    connection = queue.connect(redis_server.url)
    queue.enqueue_poll(connection, "acme", "pages", "live")
    queue.enqueue_drain(connection)
    assert [name for name, _ in waiting(redis_server)] == ["aftersend.worker.jobs.drain", "aftersend.worker.jobs.poll"]


def test_nudges_are_dropped_while_redis_is_away_and_work_again_when_it_is_back(redis_server: RedisServer, monkeypatch):
    monkeypatch.setattr(queue, "_DOWN_S", 0.01)
    redis_server.kill()
    nudger = Nudger(redis_server.url)
    nudger.nudge()
    eventually(lambda: nudger.dropped == 1)
    nudger.nudge()
    eventually(lambda: nudger.dropped == 2)
    redis_server.start()
    nudger.nudge()
    eventually(lambda: len(waiting(redis_server)) == 1)


def test_a_nudger_works_on_both_sides_of_a_fork(redis_server: RedisServer):
    nudger = Nudger(redis_server.url)
    nudger.nudge()
    eventually(lambda: len(waiting(redis_server)) == 1)
    redis_server.client().flushall()
    child = os.fork()
    if not child:
        nudger.nudge()
        eventually(lambda: len(waiting(redis_server)) == 1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_without_a_redis_address_a_nudge_does_nothing():
    nudger = Nudger("")
    nudger.nudge()
    assert nudger.dropped == 0


def test_an_address_that_is_none_is_an_error_that_says_what_to_write():
    with pytest.raises(ConfigurationError, match=r"server\.redis must begin with redis://"):
        queue.connect("http://127.0.0.1")


def test_asking_a_redis_that_is_away_raises_at_once(tmp_path):
    with pytest.raises(redis.exceptions.ConnectionError):
        queue.enqueue_drain(queue.connect(f"unix://{tmp_path}/nothing.sock"))
