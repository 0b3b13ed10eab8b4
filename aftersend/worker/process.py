"""One worker process: an RQ worker, set up from outside, that outlives Redis.

RQ forks a process for every job. Everything jobs need is imported here, before the fork, so that such a
process is ready in milliseconds.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import redis.exceptions
import structlog
from redis import Redis
from rq import Worker
from rq.exceptions import StopRequested
from rq.worker import WorkerStatus

import aftersend.storage.sqlite  # noqa: F401 - see above
from aftersend import queue
from aftersend.settings import Settings
from aftersend.vocabulary import ConfigurationError
from aftersend.worker import jobs

log = structlog.get_logger()

RETRY_S = 1.0
"""Between two attempts to reach Redis."""
INSIST_S = 2.0
"""Between two looks whether a worker that was told to stop does. RQ takes a second signal within a second for the
first one's echo."""


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT: the job under way is finished, then the process leaves. A second signal
    ends the job too, which loses nothing.

    While Redis is away the worker waits and says so once. Raises ConfigurationError without a Redis address.
    """
    if not settings.server.redis:
        raise ConfigurationError(
            "A worker needs Redis: set server.redis or REDIS_URL; without Redis the scheduler does the work."
        )
    jobs.use(settings)
    with _signals() as (stop, stopped):
        away = False
        while not stopped():
            connection = queue.connect(settings.server.redis)
            try:
                connection.ping()
                if away:
                    log.info("Redis is back")
                away = False
                worker = _worker(connection)
                with _insisting(worker, stopped):
                    worker.work(logging_level="WARNING")
            except redis.exceptions.RedisError as error:
                if not away and not stopped():
                    log.warning("Redis cannot be reached; the worker waits", kind=type(error).__name__)
                away = True
            except StopRequested:
                pass  # raised by RQ's handler where RQ doesn't expect it
            if not stopped():
                stop.wait(RETRY_S)


def _worker(connection: Redis) -> Worker:
    """RQ's own worker with short intervals: by default a killed one is noticed after minutes."""
    worker = Worker(
        [queue.rq_queue(connection)],
        connection=connection,
        worker_ttl=20,
        maintenance_interval=30,
        job_monitoring_interval=5,
        log_job_description=False,
    )
    worker.max_connection_wait_time = 5.0
    return worker


@contextmanager
def _insisting(worker: Worker, stopped: Callable[[], bool]) -> Iterator[None]:
    """Stop a worker that was told to and idles on.

    RQ's handler raises an exception wherever the signal finds it. Where it lands in code that swallows exceptions (a
    logging handler, a destructor) the loop goes on. A second signal is understood as "at once", which costs an idle
    worker nothing.
    """
    done = threading.Event()

    def watch() -> None:
        while not done.wait(INSIST_S):
            if stopped() and worker.get_state() != WorkerStatus.BUSY:
                os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


@contextmanager
def _signals() -> Iterator[tuple[threading.Event, Callable[[], bool]]]:
    """An event that our handlers set, and a function that knows whether SIGTERM or SIGINT ever came.

    RQ puts its own handlers in the place of ours and doesn't say why its loop ended: because Redis broke or
    because it was told to. Python writes the number of every signal to the wake-up descriptor, whoever
    handles it.
    """
    stop = threading.Event()
    ours, pythons = socket.socketpair()
    ours.setblocking(False)
    pythons.setblocking(False)
    before = signal.set_wakeup_fd(pythons.fileno(), warn_on_full_buffer=False)
    handlers = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}

    def stopped() -> bool:
        try:
            seen = ours.recv(65_536)
        except BlockingIOError:
            seen = b""
        if signal.SIGTERM in seen or signal.SIGINT in seen:
            stop.set()
        return stop.is_set()

    try:
        yield stop, stopped
    finally:
        signal.set_wakeup_fd(before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        ours.close()
        pythons.close()
