"""Law 1 to 5 and 8, against real processes: kill -9 of anything, at any moment, under load, many times.

Members of a running `aftersend up` are killed at random: receiver, its workers, worker, the job it runs, scheduler,
Redis, and `up` itself. In the end every acknowledged webhook and every row is there, once: the reports equal the truth.

``AFTERSEND_KILLS`` says how many (default 10, in the long form 320), ``AFTERSEND_SEED`` which luck.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

import pytest

from tests.faults.installation import World
from tests.faults.ledger import FULL, Ledger

pytestmark = [pytest.mark.processes, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

KILLS = int(os.environ.get("AFTERSEND_KILLS", "320" if FULL else "10"))


def test_kill_anything_at_any_moment_and_nothing_is_lost_or_doubled(tmp_path: Path, ledger: Ledger) -> None:
    chance = random.Random(os.environ.get("AFTERSEND_SEED", "7"))
    with World(tmp_path, ledger, contacts=600 if FULL else 60) as world:
        world.wait_until_ready()
        for _ in world.under_load(KILLS):
            # One time in five everybody is at work, otherwise some of them are only about to start.
            if chance.random() < 0.2:
                world.wait_until_ready()
            time.sleep(chance.uniform(0.1, 1.2 if FULL else 0.6))
            world.installation.kill_one(chance)
        killed, meanwhile = world.installation.killed, f"; {len(world.acknowledged)} acknowledged meanwhile"
        world.settle_and_check(
            "kill -9 of anything under load",
            killed.total(),
            within=600,
            note=", ".join(f"{role} {times}" for role, times in sorted(killed.items())) + meanwhile,
        )
