"""Sees what is due in the store and hands it out: with Redis as jobs, without Redis by doing it itself.

Nothing is remembered here that matters: what is due is rows, a claim decides who does it. Any number of
schedulers may run; a second one costs some hints that come to nothing.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

import redis.exceptions
import structlog
from redis import Redis

from aftersend import queue
from aftersend.settings import DAY, Settings
from aftersend.storage import open_store
from aftersend.storage.contract import FeedRow, Store
from aftersend.vocabulary import AftersendError, ConfigurationError, Instant, TemporaryError, now
from aftersend.worker import claims, normalizer, plan, poller

log = structlog.get_logger()

TICK_S = 1.0
PRUNE_S = 3600
SLICE_S = 10.0
"""How long one feed may be polled before the next has its turn, where the scheduler works by itself."""

_said: dict[str, str] = {}


def run(settings: Settings) -> None:
    """Tick every second until SIGTERM or SIGINT. Faults are logged and survived; a store that isn't there or
    not migrated yet is waited for. Raises ConfigurationError for a database or Redis address that is none."""
    stop = _stop_signal()
    store = open_store(settings.server.database)
    connection = queue.connect(settings.server.redis) if settings.server.redis else None
    try:
        if _wait_for_store(store, stop):
            _start_stopped(store, settings)
        next_prune = time.monotonic()
        while not stop.is_set():
            _survive("tick", lambda: tick(store, settings, connection, now(), stop.is_set))
            if time.monotonic() >= next_prune:
                next_prune += PRUNE_S
                _survive("prune", lambda: prune(store, settings, connection, now()))
            stop.wait(TICK_S)
    finally:
        store.close()


def tick(
    store: Store,
    settings: Settings,
    connection: Redis | None,
    at: Instant,
    leave: Callable[[], bool] = lambda: False,
) -> None:
    """One look at what is to be done.

    1. The rows of every source exist; a source that is configured wrongly doesn't stop the others.
    2. Claims of runs that died on this machine are released.
    3. Every due feed is handed out.
    4. The inbox is worked off, if there is something in it.

    ``leave`` ends work done here early. Raises redis.exceptions.RedisError (nothing is lost: the next tick
    sees the same rows) and TemporaryError when the store can't be used now.
    """
    enabled = _enabled(store, settings, at)
    claims.release_dead(store)
    due = [row for row in store.due_feeds(at) if row.key[:2] in enabled]
    if connection is None:
        _work(store, settings, due, leave)
        return
    for row in due:
        queue.enqueue_poll(connection, *row.key)
    if store.backlog().deliveries:
        queue.enqueue_drain(connection)


def prune(store: Store, settings: Settings, connection: Redis | None, at: Instant) -> int:
    """Remove what was taken in longer than ``keep_raw_days`` ago and is worked off, unless another scheduler
    did so within the hour. Returns how many deliveries went."""
    if connection is not None and not queue.first_within(connection, "pruned", PRUNE_S - 60):
        return 0
    pruned = store.prune(at - int(settings.server.keep_raw_days * DAY))
    if pruned:
        log.info("raw deliveries pruned", deliveries=pruned)
    return pruned


def _enabled(store: Store, settings: Settings, at: Instant) -> set[tuple[str, str]]:
    """Source and feed of all that is switched on; their rows exist."""
    enabled = set()
    for source in settings.sources:
        try:
            plan.ensure(store, source, at)
            enabled |= {(source.name, feed) for feed in plan.feeds(source)}
        except ConfigurationError as error:
            _say(source.name, str(error))
        else:
            _said.pop(source.name, None)
    return enabled


def _work(store: Store, settings: Settings, due: list[FeedRow], leave: Callable[[], bool]) -> None:
    """Poll and drain in this process."""
    if not due:
        normalizer.drain(store, settings, leave)
        return
    with normalizer.working_off(store, settings):
        for row in due:
            if leave():
                return
            deadline = time.monotonic() + SLICE_S

            def pause(deadline: float = deadline) -> bool:
                return leave() or time.monotonic() > deadline

            try:
                poller.poll(store, settings, row.key, claims.new_owner(), pause=pause)
            except AftersendError as error:
                _say("/".join(row.key), str(error))


def _start_stopped(store: Store, settings: Settings) -> None:
    """Who restarts us has perhaps mended what a source was stopped for; if not, its first answer stops it."""
    for source in settings.sources:
        try:
            plan.start_again(store, source)
        except AftersendError as error:
            _say(source.name, str(error))


def _wait_for_store(store: Store, stop: threading.Event) -> bool:
    while not stop.is_set():
        try:
            store.ready()
        except (ConfigurationError, TemporaryError) as error:
            _say("store", str(error))
            stop.wait(TICK_S)
        else:
            _said.pop("store", None)
            return True
    return False


def _survive(what: str, work: Callable[[], object]) -> None:
    try:
        work()
    except redis.exceptions.RedisError as error:
        _say(what, f"Redis cannot be reached ({type(error).__name__}); the store keeps what is to be done.")
    except AftersendError as error:
        _say(what, str(error))
    except Exception as error:
        if _say(what, f"failed inside ({type(error).__name__})"):
            log.exception("the scheduler goes on after a fault")
    else:
        if _said.pop(what, None):
            log.info("the scheduler works again", what=what)


def _say(about: str, sentence: str) -> bool:
    """Log a problem once, not every second. Returns whether it was news."""
    news = _said.get(about) != sentence
    if news:
        _said[about] = sentence
        log.warning("the scheduler has a problem", about=about, problem=sentence)
    return news


def _stop_signal() -> threading.Event:
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    return stop
