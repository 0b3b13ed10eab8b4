"""From the inbox to the reports, against django-anymail's normalization alone.

The same webhooks of SparkPost's: we read them, find out what is new, index and count it in every derived table, on
disk; django-anymail (:mod:`benchmarks.anymail_run`) makes its event objects of them in memory, and that is all. It runs
inside the peers' environment, in one process, without HTTP and without a database.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from aftersend.settings import Server, Settings, Source
from aftersend.storage import open_store
from aftersend.vocabulary import Delivery, Door
from aftersend.worker.normalizer import drain
from benchmarks import environment, life, sparkpost
from benchmarks.measure import Figure, Measured, Watch, figure, in_turns
from benchmarks.reading import read_by_anymail

SETTINGS = Settings(
    server=Server(), sources=[Source(name=life.SOURCE, provider=sparkpost.PROVIDER, webhook_secrets=[sparkpost.SECRET])]
)
MANY = 100


class Size(msgspec.Struct, frozen=True):
    """How much of everything."""

    one: int = 20_000
    """Webhooks of one event."""
    many: int = 50_000
    """Events in webhooks of a hundred."""
    rounds: int = 3


QUICK = Size(one=300, many=1_000, rounds=2)


def run(size: Size, where: Path) -> Measured:
    """Measure, in a directory that the caller empties."""
    try:
        python = environment.python()
    except environment.NotThere as why:
        return Measured([], [f"Not compared with django-anymail's normalization. {why}"])
    return Measured(
        [
            _figure("webhooks of one event", python, size.one, 1, size.rounds, where),
            _figure(f"webhooks of {MANY} events", python, size.many, MANY, size.rounds, where),
        ],
        [],
    )


def _figure(name: str, python: Path, events: int, per: int, rounds: int, where: Path) -> Figure:
    facts = life.life(events)
    told = list(sparkpost.bodies(facts, per))
    deliveries = [
        Delivery(source=life.SOURCE, door=Door.WEBHOOK, received_at=at, content_type="application/json", body=body)
        for at, body in told
    ]
    asked = {sparkpost.PROVIDER: {f"{number}.json": body for number, (_, body) in enumerate(told)}}

    def ours() -> float:
        with (
            TemporaryDirectory(dir=where) as directory,
            closing(open_store(f"sqlite:///{directory}/aftersend.db")) as store,
        ):
            store.migrate()
            store.append(deliveries)
            with Watch() as watch:
                drain(store, SETTINGS)
            life.check(store, sparkpost.truth_of(facts))
        return events / watch.seconds

    def other() -> float:
        seconds = read_by_anymail(python, asked, times=1).seconds[sparkpost.PROVIDER]
        if len(seconds) != len(told):
            raise AssertionError(f"django-anymail read {len(seconds)} of {len(told)} webhooks")
        return events / sum(seconds.values())

    return figure(
        f"inbox to reports, {name} vs django-anymail's normalization alone",
        "events/s",
        in_turns(rounds, ours, other),
    )
