"""One worker process: an RQ worker, set up from outside, that outlives Redis.

RQ forks a process for every job. Everything jobs need is imported here, before the fork, so that such a
process is ready in milliseconds.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

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
    words = _Words()
    with _signals() as (stop, stopped), words:
        while not stopped():
            connection = queue.connect(settings.server.redis)
            try:
                connection.ping()
                words.back()
                worker = _worker(connection)
                with _insisting(worker, stopped, words):
                    worker.work(logging_level="WARNING")
            except redis.exceptions.RedisError as error:
                if not stopped():
                    words.gone(type(error).__name__)
            except StopRequested:
                pass  # raised by RQ's handler where RQ doesn't expect it
            if not stopped():
                stop.wait(RETRY_S)


def _worker(connection: Redis) -> Worker:
    """RQ's own worker with short intervals: by default a killed one is noticed after minutes."""
    worker = Worker(
        [queue.rq_queue(connection)],
        connection=connection,
        serializer=queue.Hints,
        worker_ttl=20,
        maintenance_interval=30,
        job_monitoring_interval=5,
        log_job_description=False,
    )
    worker.max_connection_wait_time = 5.0
    return worker


class _Words(logging.Handler):
    """What RQ says, in our log. That Redis is away it says every second, we say it once; that Redis is back it never
    says. Use it in a ``with``."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.away = False

    def __enter__(self) -> None:
        logging.getLogger("rq.worker").addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("rq.worker").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        if "could not connect to Redis" in said:
            self.gone("ConnectionError")
            return
        log.warning("the queue says", words=said, exc_info=record.exc_info)

    def gone(self, kind: str) -> None:
        if not self.away:
            log.warning("Redis cannot be reached; the worker waits", kind=kind)
        self.away = True

    def back(self) -> None:
        if self.away:
            log.info("Redis is back")
        self.away = False


@contextmanager
def _insisting(worker: Worker, stopped: Callable[[], bool], words: _Words) -> Iterator[None]:
    """Stop a worker that was told to and idles on; and notice that Redis is back, which RQ does in silence.

    RQ's handler raises an exception wherever the signal finds it. Where it lands in code that swallows exceptions (a
    logging handler, a destructor) the loop goes on. A second signal is understood as "at once", which costs an idle
    worker nothing.
    """
    done = threading.Event()

    def watch() -> None:
        while not done.wait(INSIST_S):
            if stopped() and worker.get_state() != WorkerStatus.BUSY:
                os.kill(os.getpid(), signal.SIGTERM)
            with suppress(redis.exceptions.RedisError):
                if words.away and worker.connection.ping():
                    words.back()

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
