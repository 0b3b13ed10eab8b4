"""Two of everything against one store and one Redis, under load, and kills among them: nothing is there twice."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import pytest

from tests.faults.installation import Several, World
from tests.faults.ledger import Ledger, long
from tests.worker.conftest import RedisServer

pytestmark = [pytest.mark.processes, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

KILLS = 40


@long
def test_two_of_everything(tmp_path: Path, ledger: Ledger, redis_server: RedisServer) -> None:
    chance = random.Random(3)
    contacts, server = 300, f'redis = "{redis_server.url}"\nweb_workers = 1'
    with World(tmp_path, ledger, run=Several, contacts=contacts, server=server) as world:
        world.wait_until_ready()
        for moment in world.under_load(KILLS):
            time.sleep(chance.uniform(0.2, 1))
            if moment % 6 == 5:
                redis_server.kill()
                redis_server.start()
                world.installation.killed["redis"] += 1
            else:
                world.installation.kill_one(chance)
        killed = world.installation.killed
        note = ", ".join(f"{role} {times}" for role, times in sorted(killed.items()))
        world.settle_and_check("two of everything, kill -9 of any of them", killed.total(), note=note)
