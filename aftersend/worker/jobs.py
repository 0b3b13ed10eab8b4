"""What RQ runs. Jobs carry ids only, may be run again at any point, and may be killed at any point."""

from __future__ import annotations

import contextlib
import os
import time
from functools import lru_cache

import redis.exceptions
from redis import Redis

from aftersend import queue
from aftersend.settings import Settings, load
from aftersend.storage import open_store
from aftersend.storage.contract import Applied, Store
from aftersend.worker import claims, normalizer, poller

BUDGET_S = 10.0
"""How long one job works before it lets others have a turn, and how long a stop waits for it at most (but for
a request that is under way)."""
LINGER_S = 0.5
"""How long a drain stays when there is nothing left: while events flow, one process works them off, warm."""
LOOK_S = 0.05

_settings: Settings | None = None


def use(settings: Settings) -> None:
    """Work for this installation; without it, for the one that the environment names."""
    global _settings  # noqa: PLW0603 - a job's arguments are ids, so what it works for is the process's
    _settings = settings


def drain() -> None:
    """Work off the inbox, stay a moment for what comes next, and leave.

    While it works it holds the mark that keeps others from being asked for. It lets go of the mark *before*
    it looks for the last time: what is taken in after that look asks for a new drain.
    """
    settings, store, connection = _installation(os.getpid())
    deadline = time.monotonic() + BUDGET_S
    last_work = time.monotonic()
    while time.monotonic() < min(deadline, last_work + LINGER_S):
        with contextlib.suppress(redis.exceptions.RedisError):
            queue.hold_drain(connection)
        if normalizer.drain(store, settings, lambda: time.monotonic() > deadline) != Applied():
            last_work = time.monotonic()
        time.sleep(LOOK_S)
    with contextlib.suppress(redis.exceptions.RedisError):
        queue.release_drain(connection)
    normalizer.drain(store, settings, lambda: time.monotonic() > deadline)
    if store.backlog().deliveries:
        with contextlib.suppress(redis.exceptions.RedisError):
            queue.enqueue_drain(connection)


def poll(source: str, feed: str, lane: str) -> None:
    """Poll a feed for a while, working off what is taken in; ask for another turn if there is more."""
    settings, store, connection = _installation(os.getpid())
    key = (source, feed, lane)
    with contextlib.suppress(redis.exceptions.RedisError):
        queue.release_poll(connection, key)
    deadline = time.monotonic() + BUDGET_S
    with normalizer.working_off(store, settings):
        outcome = poller.poll(store, settings, key, claims.new_owner(), pause=lambda: time.monotonic() > deadline)
    if outcome.status == "paused":
        with contextlib.suppress(redis.exceptions.RedisError):
            queue.enqueue_poll(connection, *key)


@lru_cache(maxsize=1)
def _installation(_process: int) -> tuple[Settings, Store, Redis]:
    """Opened once per process: RQ forks one for every job, and SQLite must not be carried through a fork."""
    settings = _settings or load()
    return settings, open_store(settings.server.database), queue.connect(settings.server.redis)
