"""Workers and schedulers as real processes, beside a real Redis, killed for real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from rq import Worker

from aftersend import queue
from aftersend.settings import Settings, load
from aftersend.storage import open_store
from aftersend.storage.contract import Store
from aftersend.vocabulary import ConfigurationError, Delivery, Door, now
from aftersend.worker import jobs, plan, process
from tests.worker.conftest import RedisServer, eventually, ids
from tests.worker.platform import KEY, T0, Platform

pytestmark = pytest.mark.processes
Start = Callable[[str], subprocess.Popen]


def minds_the_signal(process: subprocess.Popen) -> bool:
    """Whether a process has a handler for SIGTERM by now; true where that can't be seen."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return True
    (caught,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


@pytest.fixture
def settings(tmp_path: Path, platform: Platform, redis_server: RedisServer, monkeypatch) -> Settings:
    for name in ("DATABASE_URL", "REDIS_URL", "PORT", "HOST"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "aftersend.toml").write_text(
        f"""
        [server]
        database = "sqlite:///{tmp_path}/store/aftersend.db"
        redis = "{redis_server.url}"
        [[sources]]
        name = "acme"
        provider = "fake"
        base_url = "{platform.url}"
        api_key = "{KEY}"
        max_rate = 10000
        poll_every = "1s"
        """
    )
    return load(tmp_path / "aftersend.toml")


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    running: list[subprocess.Popen] = []

    def begin(what: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "tests.worker.installation", what, settings.path]
        running.append(subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL))
        return running[-1]

    yield begin
    for running_process in running:
        running_process.kill()
        running_process.wait()


def received(store: Store, *rows: int) -> None:
    body = json.dumps([{"id": row, "at": T0 + row * 1000} for row in rows]).encode()
    store.append([Delivery(source="acme", door=Door.WEBHOOK, received_at=now(), body=body)])


def test_two_workers_and_two_schedulers_bring_each_event_once(start: Start, platform: Platform, store: Store):
    platform.happen(40)
    for what in ("worker", "worker", "scheduler", "scheduler"):
        start(what)
    eventually(lambda: ids(store) == platform.truth)
    platform.happen(5)
    eventually(lambda: ids(store) == platform.truth)
    assert store.quarantined() == 0
    assert store.differences() == []


def test_a_stop_signal_ends_both_processes_cleanly(start: Start, platform: Platform, store: Store):
    platform.happen(4)
    worker, scheduler = start("worker"), start("scheduler")
    eventually(lambda: ids(store) == platform.truth)
    worker.send_signal(signal.SIGTERM)
    scheduler.send_signal(signal.SIGINT)
    assert (worker.wait(20), scheduler.wait(20)) == (0, 0)


def test_redis_may_die_and_come_back_empty(start: Start, platform: Platform, store: Store, redis_server: RedisServer):
    platform.happen(4)
    worker, scheduler = start("worker"), start("scheduler")
    eventually(lambda: ids(store) == platform.truth)
    redis_server.kill()
    platform.happen(4)
    received(store, 8)
    redis_server.start()
    eventually(lambda: ids(store) == [*platform.truth, "8"])
    assert worker.poll() is None
    assert scheduler.poll() is None
    redis_server.kill()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0


def test_a_stop_signal_that_is_swallowed_on_its_way_ends_the_worker_all_the_same(
    start: Start, platform: Platform, store: Store, redis_server: RedisServer
):
    platform.happen(4)
    worker, scheduler = start("stopped-while-logging"), start("scheduler")
    eventually(lambda: ids(store) == platform.truth)
    scheduler.send_signal(signal.SIGTERM)
    assert scheduler.wait(20) == 0
    connection = redis_server.client()
    eventually(lambda: [worker.get_state() for worker in Worker.all(connection)] == ["idle"])
    redis_server.kill()
    assert worker.wait(30) == 0


def test_processes_started_before_redis_and_schema_wait_for_them(
    start: Start, platform: Platform, settings: Settings, redis_server: RedisServer
):
    redis_server.kill()
    platform.happen(4)
    worker, scheduler = start("worker"), start("scheduler")
    redis_server.start()
    store = open_store(settings.server.database)
    store.migrate()
    eventually(lambda: ids(store) == platform.truth)
    assert worker.poll() is None
    assert scheduler.poll() is None
    store.close()


def children(pid: int) -> list[int]:
    """The process that RQ forked for the job, if there is one now."""
    tasks = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in tasks.read_text().split()] if tasks.exists() else []


@pytest.mark.skipif(sys.platform != "linux", reason="finds the job's process through /proc")
def test_workers_and_their_jobs_killed_again_and_again_lose_nothing_and_double_nothing(
    start: Start, platform: Platform, store: Store
):
    asked = 0
    killed: list[int] = []
    workers: list[subprocess.Popen] = []

    def kill(_path: str) -> None:
        nonlocal asked
        with platform.lock:
            asked += 1
            kill_now = asked % 4 == 3 and len(workers) < 5
            if not kill_now:
                return
            worker = workers[-1]
            jobs_of_it = children(worker.pid)
            worker.kill()
            for job in jobs_of_it:
                with suppress(ProcessLookupError):
                    os.kill(job, signal.SIGKILL)
                    killed.append(job)
            worker.wait()
            workers.append(start("worker"))

    platform.happen(30)
    platform.before = kill
    workers.append(start("worker"))
    start("scheduler")
    eventually(lambda: len(workers) == 5 and ids(store) == platform.truth, 60)
    assert len(killed) == 4
    # Every feed that a killed worker held is free again, and reads what happens from here on.
    platform.happen(3)
    eventually(lambda: ids(store) == platform.truth)
    eventually(lambda: all(row.owner is None and not row.problem for row in store.feeds()), 60)
    assert store.quarantined() == 0
    assert store.differences() == []


def test_a_scheduler_without_redis_does_everything_by_itself(
    start: Start, platform: Platform, store: Store, settings: Settings, redis_server: RedisServer
):
    file = Path(settings.path)
    file.write_text(file.read_text().replace(f'redis = "{redis_server.url}"', ""))
    platform.happen(7)
    schedulers = [start("scheduler"), start("scheduler")]
    eventually(lambda: ids(store) == platform.truth)
    platform.happen(3)
    received(store, 10)
    eventually(lambda: ids(store) == [*platform.truth, "10"])
    # One of them may have done it all while the other is still being born, and would die of the signal.
    eventually(lambda: all(minds_the_signal(scheduler) for scheduler in schedulers))
    for scheduler in schedulers:
        scheduler.send_signal(signal.SIGTERM)
    assert [scheduler.wait(20) for scheduler in schedulers] == [0, 0]
    assert redis_server.client().dbsize() == 0


def test_a_drain_job_works_off_and_lets_go_of_its_mark(settings: Settings, store: Store, redis_server: RedisServer):
    jobs.use(settings)
    jobs._installation.cache_clear()
    connection = queue.connect(redis_server.url)
    received(store, 1, 2)
    assert queue.enqueue_drain(connection)
    jobs.drain()
    assert ids(store) == ["1", "2"]
    assert queue.enqueue_drain(connection)


def test_a_poll_job_reads_works_off_and_asks_for_another_turn(
    settings: Settings, store: Store, platform: Platform, redis_server: RedisServer, monkeypatch
):
    jobs.use(settings)
    jobs._installation.cache_clear()
    plan.ensure(store, settings.sources[0], now())
    platform.happen(7)
    monkeypatch.setattr(jobs, "BUDGET_S", -1)
    connection = queue.connect(redis_server.url)
    queue.enqueue_poll(connection, "acme", "pages", "live")
    connection.delete("rq:queue:aftersend")
    jobs.poll("acme", "pages", "live")
    assert ids(store) == ["4", "5", "6"]
    assert [tuple(job.args) for job in queue.rq_queue(connection).jobs] == [("acme", "pages", "live")]
    monkeypatch.setattr(jobs, "BUDGET_S", 10)
    jobs.poll("acme", "pages", "live")
    assert ids(store) == platform.truth


def test_jobs_work_without_redis(settings: Settings, store: Store, platform: Platform, redis_server: RedisServer):
    jobs.use(settings)
    jobs._installation.cache_clear()
    plan.ensure(store, settings.sources[0], now())
    redis_server.kill()
    platform.happen(7)
    jobs.poll("acme", "pages", "live")
    received(store, 7)
    jobs.drain()
    assert ids(store) == [*platform.truth, "7"]


def test_a_worker_without_a_redis_address_says_who_does_the_work():
    with pytest.raises(ConfigurationError, match="without Redis the scheduler does the work"):
        process.run(Settings())
