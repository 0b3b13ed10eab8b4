"""Taking in: many requests, one fsync, and nobody is told "stored" before it is true (law 1).

Requests put their deliveries down and wait. One writer thread takes all that wait, appends them to the inbox
in one transaction and lets the waiters go. While it writes, the next ones gather, so batches grow with the
load, and there is no timer: a lone delivery is written at once, and an idle writer sleeps.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Sequence
from threading import Lock, Thread

import structlog

from aftersend.storage.contract import Store
from aftersend.vocabulary import AftersendError, Delivery, Rejected, TemporaryError

log = structlog.get_logger(__name__)

MOST_WAITING_BYTES = 32_000_000
"""Bodies that may wait while others are written. It bounds a transaction, and memory to twice this."""

PATIENCE_S = 10
"""How long a request waits for its delivery to be stored: as long as platforms wait for us. Somebody who stands still
with the store's lock in hand must not take every thread of the receiver with him."""


class _Place:
    """One delivery in the line, with the lock its request sleeps on."""

    __slots__ = ("delivery", "done", "error", "taken")

    def __init__(self, delivery: Delivery):
        self.delivery = delivery
        self.done = Lock()
        self.done.acquire()
        self.error: Exception | None = None
        self.taken = True


class Intake:
    """The way into a store's inbox, for all threads of one process.

    The writer starts with the first delivery, in the process that has it, so a server may load the app and
    then fork.
    """

    def __init__(
        self,
        store: Store,
        after: Callable[[Sequence[Delivery]], None],
        failed: Callable[[], None] = lambda: None,
    ):
        """``after`` is called by the writer with every batch it stored, ``failed`` for every one it couldn't store;
        neither may raise or block."""
        self._store = store
        self._after = after
        self._failed = failed
        self._lock = Lock()
        self._waiting: list[_Place] = []
        self._weight = 0
        # Held while nothing waits; released once when the line stops being empty, or on closing.
        self._work = Lock()
        self._work.acquire()
        self._writer: Thread | None = None
        self._closing = False

    def put(self, delivery: Delivery) -> None:
        """Return when the delivery is on disk. Raises TemporaryError when it couldn't be put there, or wasn't within
        :data:`PATIENCE_S` (it may be stored later all the same; what comes again is one sighting), and Rejected when
        its token has proved something else before."""
        place = _Place(delivery)
        size = len(delivery.body)
        with self._lock:
            if self._closing:
                raise TemporaryError("The receiver is stopping.")
            if self._waiting and self._weight + size > MOST_WAITING_BYTES:
                raise TemporaryError("Too much is waiting to be stored.")
            if self._writer is None:
                self._start()
            self._waiting.append(place)
            self._weight += size
            if len(self._waiting) == 1:
                self._work.release()
        if not place.done.acquire(timeout=PATIENCE_S):
            log.error("deliveries could not be stored", deliveries=1, error="The store stays locked.")
            self._failed()
            raise TemporaryError("The store stays locked.")
        if place.error is not None:
            raise _as_temporary(place.error)
        if not place.taken:
            raise Rejected("The signature of this webhook has been used for another event: it is a replay.")

    def close(self) -> None:
        """Store what waits, then stop the writer. Deliveries that come later are refused."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
            if not self._waiting:
                self._work.release()
        if self._writer is not None:
            self._writer.join()

    def _start(self) -> None:
        self._writer = Thread(target=self._write, name="intake", daemon=True)
        self._writer.start()
        atexit.register(self.close)

    def _write(self) -> None:
        while True:
            self._work.acquire()
            with self._lock:
                batch, self._waiting, self._weight = self._waiting, [], 0
                last = self._closing
            if batch:
                self._store_all(batch)
            if last:
                return

    def _store_all(self, batch: list[_Place]) -> None:
        deliveries = [place.delivery for place in batch]
        error: Exception | None = None
        try:
            for place, id in zip(batch, self._store.append(deliveries), strict=True):
                place.taken = id > 0
        except Exception as raised:
            # Whatever it is, the requests must get their answer and the next batch its try.
            log.error("deliveries could not be stored", deliveries=len(batch), error=str(raised))
            error = raised
        for place in batch:
            place.error = error
            place.done.release()
        if error is None:
            self._after(deliveries)
        else:
            self._failed()


def _as_temporary(error: Exception) -> TemporaryError:
    """A fault of ours is never the sender's: to it, every failure to store means "later"."""
    if isinstance(error, TemporaryError):
        return TemporaryError(str(error), error.not_before)
    return TemporaryError(str(error) if isinstance(error, AftersendError) else "It can't be stored now.")
