"""Law 8: the queue is a hint. Redis is emptied, loses its files, or is away for minutes, always under load.

Webhooks are taken in all the while, and what could not be worked off is, once Redis is back.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import pytest
import redis

from aftersend.receiver.health import ASK_FOR_A_WORKER
from tests.faults.installation import World, wait_for
from tests.faults.ledger import Ledger, long
from tests.worker.conftest import RedisServer

pytestmark = [pytest.mark.processes, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

WIPES = 60
AWAY_S = 180
"""Long enough to be told of (``OVERDUE_MS``)."""


@long
def test_wiped(tmp_path: Path, ledger: Ledger) -> None:
    chance = random.Random(5)
    with World(tmp_path, ledger, contacts=300) as world:
        world.wait_until_ready()
        directory = world.data / "redis"
        server = redis.Redis.from_url(f"unix://{directory / 'redis.sock'}")
        for moment in world.under_load(WIPES):
            time.sleep(chance.uniform(0.2, 0.8))
            wait_for(lambda: _answers(server), "Redis")
            if moment % 3:
                server.flushall()
                continue
            server.save()
            (process,) = world.installation.by_role()["redis"]
            world.installation.kill(process, "redis")
            files = list(directory.glob("*.rdb"))
            assert len(files) == 1
            files[0].unlink()
        lost_files = world.installation.killed["redis"]
        note = f"FLUSHALL {WIPES - lost_files}, killed and its files lost {lost_files}"
        world.settle_and_check("Redis wiped under load", WIPES, note=note)


@long
def test_away(tmp_path: Path, ledger: Ledger, redis_server: RedisServer) -> None:
    with World(tmp_path, ledger, contacts=300, server=f'redis = "{redis_server.url}"') as world:
        world.wait_until_ready()
        world.happen(0.3)
        redis_server.kill()
        began = time.monotonic()
        # A job that was under way works on for a few seconds.
        wait_for(lambda: world.knock() == 200 and world.readyz()["unprocessed"], "webhooks to wait")
        seen = len(world.acknowledged)
        answers, end = [], time.monotonic() + AWAY_S
        while time.monotonic() < end:
            answers.append(world.knock())
            world.happen(0)
            time.sleep(AWAY_S / 60)
        assert set(answers) == {200}
        ready, metrics = world.readyz(), world.metrics()
        assert ready["ready"] is True
        assert ready["unprocessed"] >= len(answers)
        assert ready["oldest_unprocessed_seconds"] > 0
        assert metrics["aftersend_unprocessed_deliveries"] >= len(answers)
        assert metrics["aftersend_oldest_unprocessed_seconds"] > 0
        assert "Redis cannot be reached; the worker waits" in world.installation.log
        assert "the store keeps what is to be done" in world.installation.log
        waiting = [problem["message"] for problem in ready["problems"] if problem["state"] == "waiting"]
        assert waiting[0] == f"Deliveries have been waiting {ASK_FOR_A_WORKER}"
        assert waiting[1].endswith(f"feeds have been due {ASK_FOR_A_WORKER}")
        assert all(message in world.installation.said("sources") for message in waiting)
        away = time.monotonic() - began
        redis_server.start()
        note = f"{away:.0f} s, {len(answers)} of {len(answers)} webhooks answered 200 meanwhile"
        world.settle_and_check("Redis away under load", note=note)
        assert "Redis is back" in world.installation.log
        assert len(world.acknowledged) > seen


def _answers(server: redis.Redis) -> bool:
    try:
        return bool(server.ping())
    except redis.exceptions.RedisError:
        return False
