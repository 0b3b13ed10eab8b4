"""From the inbox to the events: what the providers understand of what was taken in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import structlog

from aftersend.providers import provider_of, told
from aftersend.settings import Settings
from aftersend.storage.contract import Applied, Store
from aftersend.vocabulary import Delivery, Reading

log = structlog.get_logger()

PAUSE_S = 0.1
"""Between two looks into an empty inbox."""


def reader(settings: Settings) -> Callable[[Delivery], Reading]:
    """What reads any delivery of this installation.

    It raises ConfigurationError for a delivery whose source or provider isn't configured (any more); the
    store then puts the delivery into quarantine whole.
    """
    sources = {source.name: source for source in settings.sources}

    def read(delivery: Delivery) -> Reading:
        if told.is_told(delivery):
            return told.read(delivery)
        source = sources.get(delivery.source) or settings.source(delivery.source)
        return provider_of(source).read(delivery, source)

    return read


def drain(store: Store, settings: Settings, until: Callable[[], bool] | None = None) -> Applied:
    """Work off the inbox until it is empty, or until ``until`` says so (asked between two batches).

    Returns what all batches together changed. Any number of drains may run at once; they take turns. Raises
    TemporaryError when the store can't be written now; what was applied before stays applied.
    """
    read, total = reader(settings), Applied()
    while until is None or not until():
        applied = store.work_off(read)
        if applied is None:
            break
        total += applied
    return total


@contextmanager
def working_off(store: Store, settings: Settings) -> Iterator[None]:
    """Work off the inbox beside the block, and at its end what is there by then.

    Who polls spends his time waiting for a platform; a slow one must not keep reports waiting, not even where
    there is a single worker.
    """
    leave = Event()

    def work() -> None:
        while not leave.wait(PAUSE_S):
            try:
                drain(store, settings, leave.is_set)
            except Exception as error:
                # It stays in the inbox, and the drain at the end, or the scheduler's, takes it up again.
                log.warning("the inbox could not be worked off", error=str(error), kind=type(error).__name__)
                leave.wait(1)

    thread = Thread(target=work, name="working-off", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leave.set()
        thread.join()
    drain(store, settings)
