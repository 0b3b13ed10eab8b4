"""Law 1 to 5 and 8, against real processes: kill -9 of anything, at any moment, under load, many times.

A sandbox that knows the truth pushes webhooks until each is acknowledged, and shows other facts in its feeds,
the read-once one among them. Meanwhile members of a running `aftersend up` are killed at random: receiver,
its workers, worker, the job it runs, scheduler, Redis, and `up` itself. In the end every acknowledged webhook
and every row is there, once: the reports equal the truth.

``AFTERSEND_KILLS`` says how many (default 25).
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from aftersend.sandbox.pusher import Network, Pusher
from aftersend.sandbox.server import Sandbox
from aftersend.sandbox.truth import Scenario, Truth
from aftersend.settings import load
from aftersend.storage import open_store
from aftersend.storage.contract import Filter
from aftersend.vocabulary import Kind, now
from tests.faults.installation import Installation, answers, free_port, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

KILLS = int(os.environ.get("AFTERSEND_KILLS", "25"))
CONFIG = """
[server]
listen = "127.0.0.1:{port}"
database = "sqlite:///{directory}/store.db"

[[sources]]
name = "pushed"
provider = "inwise"
webhook_secrets = ["token"]
feeds = []

[[sources]]
name = "polled"
provider = "inwise"
base_url = "{base_url}"
api_key = "{api_key}"
poll_every = "1s"
backfill = "1d"
overlap = "1d"
max_rate = 1000.0
"""


def test_kill_anything_at_any_moment_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    chance = random.Random(os.environ.get("AFTERSEND_SEED", "7"))
    # Contacts and ids of their own, so that each door has its own truth.
    pushed = Truth(Scenario(until=now(), seed=11, campaigns=3, contacts=120, days=0.5))
    polled = Truth(Scenario(until=now(), seed=12, campaigns=3, contacts=120, days=0.5))
    port = free_port()
    with Sandbox(tmp_path / "platform", "inwise") as sandbox:
        # The platform has no webhook for some facts (a printed email, say).
        pushed.facts = [fact for fact in pushed.facts if sandbox.speaker.webhook(fact, sandbox.zone_name)]
        (tmp_path / "aftersend.toml").write_text(
            CONFIG.format(port=port, directory=tmp_path, base_url=sandbox.url, api_key=sandbox.api_key)
        )
        installation = Installation(tmp_path)
        target = f"http://127.0.0.1:{port}/webhooks/pushed/token"
        try:
            with Pusher(
                target, sandbox.speaker, sandbox.zone_name, network=Network(insist=True, duplication=0.1), threads=4
            ) as pusher:
                facts_a_kill = -(-len(pushed.facts) // KILLS), -(-len(polled.facts) // KILLS)
                for kill in range(KILLS):
                    pusher.push(pushed.facts[kill * facts_a_kill[0] : (kill + 1) * facts_a_kill[0]])
                    sandbox.show(polled.facts[kill * facts_a_kill[1] : (kill + 1) * facts_a_kill[1]])
                    time.sleep(chance.uniform(0.2, 1.2))
                    installation.kill_one(chance)
                pusher.flush(120)
                assert {fact.number for fact in pusher.acknowledged} == {fact.number for fact in pushed.facts}
            settings = load(tmp_path / "aftersend.toml")
            store = open_store(settings.server.database)
            expected = {"pushed": pushed.funnel(), "polled": polled.funnel()}

            def counted() -> dict[str, dict[Kind, tuple[int, int]]]:
                return {
                    source: {
                        kind: (count.total, count.unique)
                        for kind, count in store.funnel(Filter(sources=(source,), channels=None)).items()
                    }
                    for source in expected
                }

            try:
                wait_for(lambda: store.backlog().deliveries == 0 and counted() == expected, "the truth")
            except AssertionError:
                assert counted() == expected
                raise
            assert store.differences() == []
            assert store.quarantined() == 0
            store.close()
            wait_for(lambda: answers(port), "the receiver")
            installation.stop()
        finally:
            for member in installation.members():
                os.kill(member, signal.SIGKILL)
