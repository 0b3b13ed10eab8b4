"""Does the rate hold as the store grows? The same number of events added to a small store and to a large one.

The stores are those of an invented history (:mod:`benchmarks.history`), filled by the product's own way and kept; what
is added is what happens next, to their own contacts. It is added to copies, from memory, and only adding is timed:
events deduplicated, indexed and counted in every derived table, on disk, in batches of 10,000.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from aftersend.storage import open_store
from aftersend.storage.contract import Filter, Read
from benchmarks import history
from benchmarks.measure import Figure, Goal, Measured, Watch, figure, in_turns

HOLDS = Goal("≥", 0.85)
EVENTS = "AFTERSEND_BENCH_EVENTS"


class Size(msgspec.Struct, frozen=True):
    """How much of everything."""

    stores: tuple[int, ...] = (100_000, 1_000_000)
    """Events in each store; each is compared with the first."""
    added: int = 50_000
    """In each round, to each of two stores."""
    rounds: int = 3
    kept: bool = True
    """Whether stores are kept for the next run."""


QUICK = Size(stores=(500, 2_000), added=1_000, rounds=1, kept=False)


def full() -> Size:
    """With a store of the size that the environment names, where that is larger."""
    named = int(os.environ.get(EVENTS, "0"))
    stores = Size().stores
    return Size(stores=(*stores, named) if named > max(stores) else stores)


def run(size: Size, where: Path) -> Measured:
    """Measure, in a directory that the caller empties."""
    least, *others = size.stores
    return Measured([_figure(least, events, size, where) for events in others], [])


def _figure(few: int, many: int, size: Size, where: Path) -> Figure:
    with TemporaryDirectory(dir=where) as place:
        small, large = (_Copy(events, size, Path(place) / str(events)) for events in (few, many))
        rounds = in_turns(size.rounds, large.add, small.add)
    return figure(f"events added to {many:,} stored vs to {few:,}", "events/s", rounds, HOLDS)


class _Copy:
    """A copy of a store, and what is to be added to it."""

    def __init__(self, events: int, size: Size, where: Path):
        if size.kept:
            kept = history.kept(events)
        else:
            kept = where / "kept" / "aftersend.db"
            kept.parent.mkdir(parents=True)
            history.fill(kept, events)
        self._path = history.copy_of(kept, where / "copy")
        self._rounds = iter(history.continued(events, size.added, size.rounds))

    def add(self) -> float:
        """Events a second of the next round."""
        reads: list[list[Read]] = next(self._rounds)
        events = sum(len(read.reading.events) for batch in reads for read in batch)
        with closing(open_store(f"sqlite:///{self._path}")) as store:
            before = sum(count.total for count in store.funnel(Filter()).values())
            with Watch() as watch:
                for batch in reads:
                    store.apply(batch)
            after = sum(count.total for count in store.funnel(Filter()).values())
        if after - before != events:
            raise AssertionError(f"{events} events were added, the store counts {after - before}")
        return events / watch.seconds
