"""From the inbox to the reports: deduplicated, indexed, counted in every derived table, on disk.

Against the event rows that come of it, written by bare executemany (:mod:`benchmarks.peers`). What a provider
understands of a delivery is part of our time, and not of the other's.
"""

from __future__ import annotations

import cProfile
import io
import pstats
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import msgspec

from aftersend.providers.speaker import Fact
from aftersend.settings import Server, Settings, Source
from aftersend.storage import open_store
from aftersend.storage.contract import Store
from aftersend.vocabulary import Delivery
from aftersend.worker.normalizer import reader
from benchmarks import life, peers
from benchmarks.measure import Figure, Goal, Measured, Watch, bytes_written, figure, in_turns

Result = TypeVar("Result")

BATCH = peers.BATCH
FIRST, AGAIN, BYTES = Goal("≥", 0.7), Goal("≥", 1.8), Goal("≤", 0.125)


class Size(msgspec.Struct, frozen=True):
    """How much of everything."""

    pages: int = 125_000
    """Events that come as feed pages: a whole campaign."""
    webhooks: int = 50_000
    """Events that come as webhooks."""
    rounds: int = 3


QUICK = Size(pages=3_000, webhooks=500, rounds=2)


class Inflow(msgspec.Struct, frozen=True):
    """What comes in, and what must come of it."""

    deliveries: list[Delivery]
    events: int
    truth: life.Truth


class Applied(msgspec.Struct, frozen=True):
    """One round of ours."""

    first: float
    """Events a second."""
    again: float
    """The same deliveries once more."""
    bytes: float
    """Written per event, the first time."""


def run(size: Size, where: Path) -> Measured:
    """Measure, in a directory that the caller empties."""
    from_pages, told = _figures("feed pages", _as_pages(life.life(size.pages)), size.rounds, where / "pages")
    from_webhooks, _ = _figures("webhooks", _as_webhooks(life.life(size.webhooks)), size.rounds, where / "webhooks")
    naive = peers.naive_bytes(where / "pages" / "reference.db", where / "naive.db")
    bytes_ = figure("bytes written per event vs naive table", "B", [(o.bytes, naive) for o in told], BYTES)
    return Measured([*from_pages, bytes_, *from_webhooks], [])


def profile(size: Size, where: Path) -> dict[str, str]:
    """Where the time goes while feed pages and webhooks are applied: for each, the ten functions with the most
    time of their own."""
    return {
        "feed pages": _profile(_as_pages(life.life(size.pages)), where / "pages.db"),
        "webhooks": _profile(_as_webhooks(life.life(size.webhooks)), where / "webhooks.db"),
    }


def _profile(inflow: Inflow, path: Path) -> str:
    profiler = cProfile.Profile()
    with closing(_store(path, inflow.deliveries)) as store:
        profiler.runcall(_work_off, store)
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("tottime").print_stats(10)
    return text.getvalue().strip()


def _as_pages(facts: Sequence[Fact]) -> Inflow:
    return Inflow(life.page_deliveries(life.pages(facts)), len(facts), life.truth_of(facts))


def _as_webhooks(facts: Sequence[Fact]) -> Inflow:
    return Inflow(life.webhook_deliveries(life.webhooks(facts)), len(facts), life.truth_of(facts))


def _figures(name: str, inflow: Inflow, rounds: int, where: Path) -> tuple[list[Figure], list[Applied]]:
    where.mkdir()
    reference = where / "reference.db"
    with closing(_store(reference, inflow.deliveries)) as store:
        _work_off(store)
        life.check(store, inflow.truth)

    def ours() -> Applied:
        return _elsewhere(where, lambda path: _round(path, inflow))

    def other() -> float:
        return _elsewhere(where, lambda path: peers.executemany(reference, path))

    pairs = in_turns(rounds, ours, other)
    told = [first for first, _ in pairs]
    return [
        figure(f"inbox to reports, {name} vs raw executemany", "events/s", [(o.first, r) for o, r in pairs], FIRST),
        figure(f"the same {name} again vs the first time", "events/s", [(o.again, o.first) for o in told], AGAIN),
    ], told


def _elsewhere(where: Path, what: Callable[[Path], Result]) -> Result:
    """What this says with a database of its own, which is gone afterwards."""
    with TemporaryDirectory(dir=where) as directory:
        return what(Path(directory) / "aftersend.db")


def _round(path: Path, inflow: Inflow) -> Applied:
    deliveries, events = inflow.deliveries, inflow.events
    # Each step opens the store anew, so that it begins without caches and ends with its last checkpoint.
    _store(path, deliveries).close()
    before = bytes_written()
    with closing(_open(path)) as store:
        first, added = _work_off(store)
    written = bytes_written() - before
    assert added == events
    with closing(_open(path)) as store:
        store.append(deliveries)
    with closing(_open(path)) as store:
        again, added = _work_off(store)
    assert added == 0
    return Applied(events / first, events / again, written / events)


def _work_off(store: Store) -> tuple[float, int]:
    """Seconds it took to work off the inbox, and the events that were new."""
    read, added = reader(_SETTINGS), 0
    with Watch() as watch:
        while (applied := store.work_off(read, most_deliveries=BATCH, most_events=BATCH)) is not None:
            added += applied.events_added
    return watch.seconds, added


def _store(path: Path, deliveries: Sequence[Delivery]) -> Store:
    store = _open(path)
    store.migrate()
    store.append(deliveries)
    return store


def _open(path: Path) -> Store:
    return open_store(f"sqlite:///{path}")


_SETTINGS = Settings(server=Server(), sources=[Source(name=life.SOURCE, provider=life.PROVIDER, time_zone=life.ZONE)])
