"""Somebody else holds the store's files: a shell that reads for long, a backup that writes, while everything runs."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from aftersend.storage import open_store
from aftersend.storage.sqlite.file import PAGE, WAL_PAGES
from aftersend.vocabulary import Delivery, Door, now
from tests.faults.installation import World, wait_for
from tests.faults.ledger import Ledger, long

HELD_S = 40
MB = 1_000_000

pytestmark = [pytest.mark.processes, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """A read transaction of a stranger: until it ends, nothing that it might ask for may be written back."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)) as stranger:
        stranger.execute("BEGIN")
        stranger.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A write transaction of a stranger, who knows nothing of our locks; it is undone."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        yield
        stranger.execute("ROLLBACK")


def test_a_log_that_grew_behind_a_long_reader_shrinks_when_he_is_gone(tmp_path: Path) -> None:
    store, body = open_store(f"sqlite:///{tmp_path}/store.db"), bytes(4 * MB)
    store.migrate()
    log, limit = tmp_path / "store.inbox.db-wal", WAL_PAGES * PAGE

    def take_in() -> int:
        (number,) = store.append(
            [Delivery(source="a", door=Door.FEED, feed="f", received_at=now(), body=body, content_type="", context={})]
        )
        return number

    with reading(tmp_path / "store.inbox.db"):
        taken = [take_in()]
        while log.stat().st_size < limit + 8 * MB:
            taken.append(take_in())
        # All of it can be read, from the log alone.
        assert store.backlog().deliveries == len(taken)
    # The first who writes writes back what the stranger held up, the next one begins the log anew.
    taken += [take_in(), take_in()]
    assert log.stat().st_size <= limit
    assert [delivery.id for delivery in store.deliveries(1)] == taken
    store.close()


@long
def test_under_a_foreign_reader_everything_goes_on_and_under_a_foreign_writer_everything_waits(
    tmp_path: Path, ledger: Ledger
) -> None:
    with World(tmp_path, ledger) as world:
        world.wait_until_ready()
        inbox, events = world.data / "store.inbox.db", world.data / "store.db"
        members = everyone_but_jobs(world)
        for moment in world.under_load(5):
            if moment == 1:
                with reading(inbox), reading(events):
                    time.sleep(HELD_S / 2)
                    assert world.knock() == 200
            if moment == 2:
                with writing(events), held():
                    assert world.knock() == 200  # taking in never waits for working off
                    wait_for(lambda: world.metrics().get("aftersend_unprocessed_deliveries"), "what waits to show")
            if moment == 3:
                with ThreadPoolExecutor() as sender:
                    with writing(inbox):
                        status = sender.submit(world.knock)
                        time.sleep(HELD_S)
                        refusing = world.metrics()["aftersend_webhook_refusing"]
                        states = [p["state"] for p in world.readyz()["problems"] if "feed" not in p]
                    # Nobody waits for ever: the sender is told to come again (his pusher does), and it can be seen.
                    assert status.result() == 503
                    assert (refusing, states) == (1, ["failing"])
        assert everyone_but_jobs(world) == members
        world.settle_and_check(f"a foreign reader on both files, a foreign writer on each, {HELD_S} s", times=4)


@contextmanager
def held() -> Iterator[None]:
    """For so long at least."""
    until = time.monotonic() + HELD_S
    yield
    time.sleep(max(0, until - time.monotonic()))


def everyone_but_jobs(world: World) -> dict[str, list[int]]:
    return {role: sorted(pids) for role, pids in world.installation.by_role().items() if role != "job"}
