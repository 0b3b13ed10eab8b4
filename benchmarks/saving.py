"""Webhooks taken in, stored and counted, against django-anymail with a Django model save.

Both get the same webhooks of SparkPost's (:mod:`benchmarks.sparkpost`) with the same basic auth, one event each or a
hundred, and answer when they are on disk. django-anymail's rows are saved by then and nothing is counted; of ours, the
drain in a process of its own makes events in every derived table, beside the receiver on the same cores. The peer runs
under the fastest of several settings, which a trial at the start of each run finds on this machine.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from aftersend.providers.speaker import Fact
from aftersend.settings import Settings
from aftersend.storage import open_store
from aftersend.storage.contract import Store
from aftersend.vocabulary import Kind
from benchmarks import environment, life, sparkpost
from benchmarks.measure import Figure, Goal, Measured, figure, in_turns
from benchmarks.processes import companion, cpu_seconds, free_port, memory_mb, server
from benchmarks.receive import Body, Taken, configured, post

ONE_STORED, MANY_ACCEPTED, MANY_STORED = Goal("≥", 4), Goal("≥", 35), Goal("≥", 8)
MANY = 100
OUR_PATH, THEIR_PATH = f"/webhooks/{life.SOURCE}", "/anymail/sparkpost/tracking/"
MOST_S = 600
"""How long the drain may take behind a load."""
_THEIR_KINDS = {
    "delivered": Kind.DELIVERED,
    "rejected": Kind.DROPPED,
    "bounced": Kind.BOUNCED,
    "opened": Kind.OPENED,
    "clicked": Kind.CLICKED,
}


class Setting(msgspec.Struct, frozen=True):
    """How the peer is served."""

    workers: int
    threads: int
    atomic: bool
    """Whether a request is one transaction (ATOMIC_REQUESTS)."""

    def __str__(self) -> str:
        return f"granian {self.workers}x{self.threads}{' with ATOMIC_REQUESTS' if self.atomic else ''}"


SETTINGS = tuple(Setting(*of) for of in product((1, 2), (1, 4), (False, True)))


class Size(msgspec.Struct, frozen=True):
    """How much of everything."""

    requests: int = 3_000
    """Of one event each, in a round."""
    deliveries: int = 150
    """Of a hundred events each, in a round."""
    tried: int = 500
    """Requests of a trial under each setting; of those with a hundred events a tenth."""
    settings: tuple[Setting, ...] = SETTINGS
    connections: int = 32
    rounds: int = 3


QUICK = Size(requests=60, deliveries=3, tried=200, settings=SETTINGS[-1:], connections=8, rounds=1)


class Stored(msgspec.Struct, frozen=True):
    """One load of one side."""

    accepted: float
    """Events a second, until the last answer."""
    stored: float
    """Events a second, until everything is in every table."""
    per_core: float
    """Requests by the CPU seconds of every process of that side, drain included."""
    p50: float
    p99: float
    """Of an answer, in milliseconds."""
    memory: float
    """Of every process of that side, in MB, when all is done."""


def run(size: Size, where: Path) -> Measured:
    """Measure, in a directory that the caller empties."""
    try:
        python = environment.python()
    except environment.NotThere as why:
        return Measured([], [f"Not compared with Django. {why}"])
    trials = _tried(python, size, where)
    best = {per: max(rates, key=lambda setting: rates[setting]) for per, rates in trials.items()}
    one = _rounds(python, best[1], 1, size.requests, size, where)
    many = _rounds(python, best[MANY], MANY, size.deliveries, size, where)
    stored = [(ours.stored, theirs.stored) for ours, theirs in one]
    vs = "vs django-anymail and a model save"
    return Measured(
        [
            figure(f"webhooks of one event, stored and counted {vs}", "events/s", stored, ONE_STORED),
            *_about("webhooks of one event", one),
            figure(
                f"webhooks of {MANY} events, durably accepted {vs}",
                "events/s",
                [(ours.accepted, theirs.accepted) for ours, theirs in many],
                MANY_ACCEPTED,
            ),
            figure(
                f"webhooks of {MANY} events, stored and counted {vs}",
                "events/s",
                [(ours.stored, theirs.stored) for ours, theirs in many],
                MANY_STORED,
            ),
            *_about(f"webhooks of {MANY} events", many),
        ],
        [_note(per, rates) for per, rates in trials.items()],
    )


def _about(name: str, rounds: Sequence[tuple[Stored, Stored]]) -> list[Figure]:
    def of(field: str) -> list[tuple[float, float]]:
        return [(getattr(ours, field), getattr(theirs, field)) for ours, theirs in rounds]

    return [
        figure(f"{name} vs django-anymail, per core-second with the drain's", "req/core-s", of("per_core")),
        figure(f"{name} vs django-anymail, p50", "ms", of("p50")),
        figure(f"{name} vs django-anymail, p99", "ms", of("p99")),
        figure(f"{name} vs django-anymail, memory with the drain's", "MB", of("memory")),
    ]


def _rounds(
    python: Path, setting: Setting, per: int, requests: int, size: Size, where: Path
) -> list[tuple[Stored, Stored]]:
    """Ours and theirs, after a first load that warms both up."""
    # For each round a load that is only accepted and one that is stored; the peer needs one of them.
    loads = 2 * (size.rounds + 1)
    facts = life.life(loads * requests * per)
    shares = [facts[share::loads] for share in range(loads)]
    with TemporaryDirectory(dir=where) as directory:
        settings = configured(Path(directory) / "ours", sparkpost.PROVIDER, sparkpost.SECRET)
        database = Path(directory) / "django.db"
        with (
            closing(open_store(settings.server.database)) as store,
            server("aftersend.console", "serve", "--config", settings.path, port=settings.server.port) as our_pid,
            _django(python, setting, database) as (port, their_pid),
        ):
            left, for_them = iter(shares), iter(shares[::2])

            def ours() -> Stored:
                return _ours(store, settings, our_pid, (_bodies(next(left), per), _bodies(next(left), per)), per, size)

            def theirs() -> Stored:
                taken = post(
                    port,
                    THEIR_PATH,
                    _bodies(next(for_them), per),
                    size.connections,
                    (their_pid,),
                    sparkpost.AUTHORIZATION,
                )
                rate = taken.answered.rate * per
                return _stored(taken, rate, rate, taken.per_core, memory_mb(their_pid))

            in_turns(1, ours, theirs)
            pairs = in_turns(size.rounds, ours, theirs)
            life.check(store, sparkpost.truth_of(facts))
        _check(database, sparkpost.truth_of([fact for share in shares[::2] for fact in share]))
    return pairs


def _ours(
    store: Store, settings: Settings, pid: int, loads: tuple[Sequence[Body], Sequence[Body]], per: int, size: Size
) -> Stored:
    """A load that is accepted while nothing else runs; then one that is worked off as it comes."""

    def posted(bodies: Sequence[Body], *sessions: int) -> Taken:
        return post(settings.server.port, OUR_PATH, bodies, size.connections, sessions, sparkpost.AUTHORIZATION)

    accepted = posted(loads[0], pid)
    with companion("benchmarks.draining", settings.path) as drain:
        _drained(store)
        before = cpu_seconds(pid) + cpu_seconds(drain)
        taken = posted(loads[1], pid, drain)
        _drained(store)
        seconds = time.monotonic() - taken.answered.began
        spent = cpu_seconds(pid) + cpu_seconds(drain) - before
        memory = memory_mb(pid, drain)
    rate = accepted.answered.rate * per
    return _stored(taken, rate, len(loads[1]) * per / seconds, len(loads[1]) / max(spent, 0.01), memory)


def _stored(taken: Taken, accepted: float, stored: float, per_core: float, memory: float) -> Stored:
    return Stored(accepted, stored, per_core, taken.answered.p50 * 1e3, taken.answered.p99 * 1e3, memory)


def _drained(store: Store) -> None:
    deadline = time.monotonic() + MOST_S
    while store.backlog().deliveries:
        if time.monotonic() > deadline:
            raise AssertionError("the inbox was not worked off in time")
        time.sleep(0.02)


def _tried(python: Path, size: Size, where: Path) -> dict[int, dict[Setting, float]]:
    """Events a second that the peer takes under each setting: of one event, and of many."""
    facts = life.life(size.tried * 11)
    one, many = _bodies(facts[: size.tried], 1), _bodies(facts[size.tried :], MANY)
    rates: dict[int, dict[Setting, float]] = {1: {}, MANY: {}}
    for setting in size.settings:
        with TemporaryDirectory(dir=where) as directory:
            database = Path(directory) / "django.db"
            with _django(python, setting, database) as (port, pid):

                def rate(bodies: Sequence[Body], port: int = port, pid: int = pid) -> float:
                    taken = post(port, THEIR_PATH, bodies, size.connections, (pid,), sparkpost.AUTHORIZATION)
                    return taken.answered.rate

                rate(one[:100])
                rates[1][setting] = rate(one[100:])
                # A commit for each of a hundred events is always slower.
                if setting.atomic:
                    rates[MANY][setting] = rate(many) * MANY
            _check(database, sparkpost.truth_of(facts if setting.atomic else facts[: size.tried]))
    return rates


@contextmanager
def _django(python: Path, setting: Setting, database: Path) -> Iterator[tuple[int, int]]:
    """The peer; gives its port and its process id."""
    port = free_port()
    variables = {
        "BENCH_DATABASE": str(database),
        "BENCH_ATOMIC": str(int(setting.atomic)),
        "BENCH_SECRET": sparkpost.SECRET,
    }
    arguments = (str(port), str(setting.workers), str(setting.threads))
    with server("benchmarks.anymail_serve", *arguments, port=port, python=python, variables=variables) as pid:
        yield port, pid


def _check(database: Path, truth: life.Truth) -> None:
    """A peer that loses events may be as fast as it likes."""
    with closing(sqlite3.connect(database)) as c:
        rows = c.execute("SELECT event_type, count(*) FROM benchmarks_event GROUP BY 1").fetchall()
    told = Counter({_THEIR_KINDS[kind]: count for kind, count in rows})
    if told != Counter(truth):
        raise AssertionError(f"Django saved {dict(told)}, the truth is {truth}")


def _bodies(facts: Sequence[Fact], per: int) -> list[Body]:
    return [("application/json", body) for _, body in sparkpost.bodies(facts, per)]


def _note(per: int, rates: dict[Setting, float]) -> str:
    ranked = sorted(rates, key=lambda setting: -rates[setting])
    what = "one event" if per == 1 else f"{per} events"
    found = "; ".join(f"{setting} {rates[setting]:,.0f}" for setting in ranked)
    return f"Django, webhooks of {what}, events/s in the trial of settings, of which the first was used: {found}."
