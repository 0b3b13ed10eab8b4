"""The queue is a hint (law 8): it makes work prompt, and nothing else.

What is to be done is rows in the store. A hint in Redis says only "look now": jobs carry ids, may be run
again at any point, expire when nobody works, and a lost one is made up for by the scheduler, which reads the
rows every second. So nothing here needs to succeed, and with an empty Redis address nothing here is used.
"""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import redis.exceptions
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from aftersend.vocabulary import ConfigurationError

if TYPE_CHECKING:
    from rq import Queue

NAME = "aftersend"
"""The one RQ queue."""
FeedKey = tuple[str, str, str]
"""Source, feed and lane."""
DRAIN, POLL = "aftersend.worker.jobs.drain", "aftersend.worker.jobs.poll"
"""What jobs there are."""

_NUDGED = "aftersend:nudged"
_NUDGED_S = 15
"""How long a drain that was asked for may take to begin before another is asked for."""
_POLL_S = 60
"""How long a poll that was asked for may wait for a worker; after that the hint is void."""
_JOB_TIMEOUT_S = 300
"""Far beyond a job's own budget: it ends what hangs."""
_MOST_WAITING = 500
"""With no worker for hours, hints must not pile up; the scheduler repeats them anyway."""
_PAUSE_S = 0.05
"""Between two nudges of one process: at most 20 a second."""
_DOWN_S = 1.0
"""Between two attempts while Redis cannot be reached."""


def connect(redis_url: str) -> Redis:
    """A client for ``redis://``, ``rediss://`` or ``unix://``; connects when first used.

    Timeouts are short, and a command is tried again once and at once (an idle connection may have died): a
    hint isn't worth waiting for. Raises ConfigurationError for an address that is none.
    """
    try:
        return Redis.from_url(redis_url, socket_connect_timeout=1, socket_timeout=2, retry=Retry(NoBackoff(), 1))
    except ValueError:
        raise ConfigurationError(
            "server.redis must begin with redis://, rediss:// or unix://, as in redis://127.0.0.1:6379/0."
        ) from None


def enqueue_drain(connection: Redis) -> bool:
    """Ask for the inbox to be worked off, unless that has been asked for and not begun (one mark per
    backlog). Returns whether it was asked now. Raises redis.exceptions.RedisError."""
    if not _mark(connection, _NUDGED, _NUDGED_S):
        return False
    # At the front: a drain is short, and what it works off is what people wait for.
    return _enqueue(connection, DRAIN, (), ttl=_NUDGED_S, at_front=True)


def hold_drain(connection: Redis) -> None:
    """A drain is running and will look again: no other needs to be asked for."""
    connection.set(_NUDGED, 1, ex=_NUDGED_S)


def release_drain(connection: Redis) -> None:
    """The drain is about to look for the last time: whatever comes in later needs a new one."""
    connection.delete(_NUDGED)


def enqueue_poll(connection: Redis, source: str, feed: str, lane: str) -> bool:
    """Ask for a feed to be polled, unless that has been asked for and not begun. Returns whether it was asked
    now. Raises redis.exceptions.RedisError."""
    if not _mark(connection, _poll_mark((source, feed, lane)), _POLL_S):
        return False
    return _enqueue(connection, POLL, (source, feed, lane), ttl=_POLL_S)


def release_poll(connection: Redis, key: FeedKey) -> None:
    """The poll begins; from here on the claim in the store keeps others away."""
    connection.delete(_poll_mark(key))


def first_within(connection: Redis, what: str, seconds: int) -> bool:
    """Whether nobody has asked this within the last seconds. For work that does no harm when done twice."""
    return _mark(connection, f"aftersend:{what}", seconds)


class Hints:
    """How jobs are written into Redis: as JSON, and read as nothing but hints.

    RQ's own way is pickle, and it calls whatever function a job names: whoever writes to Redis would be at home here.
    """

    @staticmethod
    def dumps(found: Any) -> bytes:
        return json.dumps(found).encode()

    @staticmethod
    def loads(data: bytes) -> Any:
        """Raises ValueError for a call of anything that isn't ours, or with anything but ids. (What is no call is RQ's
        notes on a job, an object.)"""
        found = json.loads(data)
        if isinstance(found, dict):
            return found
        name, bound_to, ids, named = found
        ours = {DRAIN: 0, POLL: 3}.get(name) == len(ids) and all(isinstance(one, str) for one in ids)
        if not ours or bound_to is not None or named:
            raise ValueError("This is no job of ours.")
        return found


def rq_queue(connection: Redis) -> Queue:
    """The queue as RQ knows it."""
    from rq import Queue

    return Queue(NAME, connection=connection, serializer=Hints)


def _mark(connection: Redis, name: str, seconds: int) -> bool:
    """Set a mark for so long; false if it is there. Redis ends marks by the clock: one that has longer to live than any
    gets is from before the clock was set back, and void."""
    if connection.set(name, 1, nx=True, ex=seconds):
        return True
    return connection.ttl(name) > seconds and bool(connection.set(name, 1, ex=seconds))


def _poll_mark(key: FeedKey) -> str:
    return "aftersend:poll:" + "/".join(key)


def _enqueue(connection: Redis, job: str, ids: tuple[str, ...], *, ttl: int, at_front: bool = False) -> bool:
    from rq import Retry as Again

    queue = rq_queue(connection)
    if queue.count >= _MOST_WAITING:
        return False
    queue.enqueue_call(
        job,
        args=ids,
        timeout=_JOB_TIMEOUT_S,
        ttl=ttl,
        result_ttl=0,
        failure_ttl=60,
        retry=Again(max=2),
        at_front=at_front,
    )
    return True


class Nudger:
    """Tells the workers that something has been taken in.

    :meth:`nudge` neither raises nor waits: a thread of its own, started in the process that uses it (so it
    survives a fork), talks to Redis. While Redis is away nudges are dropped and counted; the scheduler sees
    the backlog in the store.
    """

    def __init__(self, redis_url: str):
        self.dropped = 0
        """Nudges that Redis didn't take."""
        self._connection = connect(redis_url) if redis_url else None
        self._wanted = threading.Event()
        self._pid = 0

    def nudge(self) -> None:
        """There is a backlog. Any number of nudges before the thread wakes are one."""
        if self._connection is None:
            return
        if self._pid != os.getpid():
            self._start(self._connection)
        self._wanted.set()

    def _start(self, connection: Redis) -> None:
        # No lock: one held at the moment of a fork would stay locked; a second thread does no harm.
        self._pid = os.getpid()
        self._wanted = threading.Event()
        threading.Thread(target=self._pass_on, args=(connection,), name="nudger", daemon=True).start()

    def _pass_on(self, connection: Redis) -> None:
        while self._wanted.wait():
            self._wanted.clear()
            try:
                enqueue_drain(connection)
            except redis.exceptions.RedisError:
                self.dropped += 1
                time.sleep(_DOWN_S)
            else:
                time.sleep(_PAUSE_S)
