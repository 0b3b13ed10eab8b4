"""A process that is paused (SIGSTOP) beyond its claim's deadline while others go on, and then continues.

It must find out that its time is over: nothing doubled, nothing lost, no position moved back. And one that is paused
while it holds the store's lock: whoever wants to write is told so, instead of waiting without end.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from aftersend.receiver.health import REFUSING
from aftersend.sandbox.faults import Fault, FaultPlan
from aftersend.storage.contract import FeedRow
from tests.faults.installation import Several, World, parent, wait_for
from tests.faults.ledger import Ledger, long
from tests.worker.conftest import RedisServer

pytestmark = [pytest.mark.processes, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

BEYOND_S = 90
"""How long those are paused who hold no claim: until RQ takes a worker for dead."""
SERVER = 'redis = "{}"\nweb_workers = 1'


@contextmanager
def paused(*pids: int) -> Iterator[None]:
    """These processes stand still for as long as the block lasts."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def holds_a_lock(world: World, pid: int) -> bool:
    """Whether a process holds the lock of one of the store's files (the kernel also lists those who wait: ``->``)."""
    inodes = {path.stat().st_ino for path in world.data.glob("*.lock")}
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if words[1] != "->" and int(words[4]) == pid and int(words[5].rpartition(":")[2]) in inodes:
            return True
    return False


def claimed(world: World) -> dict[tuple[str, str, str], FeedRow]:
    return {row.key: row for row in world.store.feeds() if row.owner}


def pid_of(row: FeedRow) -> int:
    assert row.owner is not None
    return int(row.owner.split(":")[1])


def progress(world: World) -> list[tuple[str, int]]:
    return [(row.feed, row.complete_until or 0) for row in world.store.feeds()]


@long
def test_a_job_beyond_its_claim(tmp_path: Path, ledger: Ledger, redis_server: RedisServer) -> None:
    with World(tmp_path, ledger, run=Several, server=SERVER.format(redis_server.url), contacts=40) as world:
        world.sandbox.faults.plan = FaultPlan(rates={Fault.SLOW: 1}, slow=0.3)
        world.wait_until_ready()
        world.happen(0.5)
        with a_job_paused(world) as row:
            world.happen(0.1)
            wait_for(lambda: taken_up(world, row), "somebody else to take the feed up", 240)
            world.sandbox.faults.plan = FaultPlan()
            world.happen(0.2)
            wait_for(lambda: world.missing() == (0, 0), "the others to go on without it")
            before = progress(world)
        time.sleep(1)
        assert all(later >= earlier for later, earlier in zip(progress(world), before, strict=True))
        world.settle_and_check("a job paused beyond its claim, then continued")


@contextmanager
def a_job_paused(world: World) -> Iterator[FeedRow]:
    """Somebody who holds a claim, and no lock, stands still."""
    while True:
        for row in claimed(world).values():
            with suppress(ProcessLookupError), paused(pid_of(row)):
                still = claimed(world).get(row.key)
                if still and still.owner == row.owner and not holds_a_lock(world, pid_of(row)):
                    yield still
                    return
        time.sleep(0.02)


def taken_up(world: World, row: FeedRow) -> bool:
    """Whether a feed whose holder stands still has been claimed, or even finished, by somebody else."""
    return claimed(world).get(row.key, FeedRow(source="", feed="", resource="")).owner != row.owner


@long
def test_one_of_two_for_a_while(tmp_path: Path, ledger: Ledger, redis_server: RedisServer) -> None:
    with World(tmp_path, ledger, run=Several, server=SERVER.format(redis_server.url), contacts=120) as world:
        world.wait_until_ready()
        roles = ("worker", "scheduler", "receiver's worker")
        for role in roles:
            with one_paused(world, random.Random(role).choice(world.installation.by_role()[role])):
                end = time.monotonic() + BEYOND_S
                while time.monotonic() < end:
                    world.happen(0)
                    time.sleep(0.5)
                if role != "receiver's worker":  # whose clients wait for it
                    wait_for(lambda: world.missing() == (0, 0), "the other one to do all the work")
        what = "a worker, a scheduler, a receiver's worker paused and continued"
        world.settle_and_check(what, len(roles), note=f"{BEYOND_S} s each")


@contextmanager
def one_paused(world: World, pid: int) -> Iterator[None]:
    """A process stands still, without the store's lock in its hand."""
    while True:
        with paused(pid):
            if not holds_a_lock(world, pid):
                yield
                return
        time.sleep(0.01)


@long
def test_the_holder_of_the_lock(tmp_path: Path, ledger: Ledger, redis_server: RedisServer) -> None:
    with World(tmp_path, ledger, run=Several, server=SERVER.format(redis_server.url), contacts=60) as world:
        world.wait_until_ready()
        other = world.installation.processes[1].pid
        (holder,) = [pid for pid in world.installation.by_role()["receiver's worker"] if parent(pid) == other]
        load = iter(world.under_load(200))
        with held(world, holder, load):
            assert world.knock() == 503
            assert world.readyz()["problems"] == [{"state": "failing", "message": REFUSING}]
            assert world.metrics()["aftersend_webhook_refusing"] == 1
            assert "The store stays locked." in world.installation.log
        wait_for(lambda: world.knock() == 200, "webhooks to be stored again")
        world.settle_and_check("a receiver paused with the store's lock in hand", note="the other one answered 503")


@contextmanager
def held(world: World, pid: int, load: Iterator[int]) -> Iterator[None]:
    """A process stands still with the store's lock in its hand, caught under load."""
    for _ in load:
        for _ in range(20):
            with paused(pid):
                if holds_a_lock(world, pid):
                    yield
                    return
            time.sleep(random.uniform(0, 0.005))
    raise AssertionError("it never held the lock when it was looked at")
