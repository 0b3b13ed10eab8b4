"""What an installation takes: memory of each process, idle and at work; bytes on disk per event; start to first answer.

Memory is PSS, from /proc/PID/smaps_rollup: pages of its own, and its share of those it has in common with others, so
that the processes of a server add up to what they take together. RSS would count Python's libraries once for each.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import msgspec
import requests
from redis import Redis
from rq import Queue, Worker

from aftersend.console import redis_server
from aftersend.console.lifeline import as_child_of
from aftersend.providers.speaker import Fact
from aftersend.settings import Settings
from aftersend.storage import open_store
from aftersend.storage.contract import Store
from aftersend.worker import normalizer
from benchmarks import life, peers, receive
from benchmarks.measure import Figure, Measured, Round, figure
from benchmarks.processes import START_S, end, environment, memory_mb

LOOK_S = 0.1
"""Between two looks at how much memory is taken."""
CALM_S = 1.5
"""After which a process that has started is idle."""
ADMIN_KEY = "as_admin-key-of-the-footprint"
PEER_QUEUE = "benchmark"
Process = subprocess.Popen[bytes]
REPORT, NOWHERE = "/v1/funnel", "/"
"""What is asked first: of ours a report, of the no-op a page that it hasn't."""


class Size(msgspec.Struct, frozen=True):
    """How much of everything."""

    events: int = 200_000
    """Of the filled store."""
    twice_told: int = 20_000
    """Events of the store that both doors filled."""
    requests: int = 8_000
    """While the receiver is measured at work, and then the workers."""
    rounds: int = 3
    """Starts of each kind."""
    up: bool = True
    """Whether `aftersend up` is started too, which gives up where its receiver isn't ready after 30 s."""


QUICK = Size(events=2_000, twice_told=300, requests=200, rounds=1, up=False)


class Memory(msgspec.Struct, frozen=True):
    """Of one or more processes, in MB: when nothing happens, and the most that was seen at work."""

    idle: float
    at_work: float


def run(size: Size, where: Path) -> Measured:
    """Measure, in a directory that the caller empties."""
    empty, filled, noop = (_installed(where / name) for name in ("empty", "filled", "noop"))
    disk, raw = _disk(size, filled, where)
    starts, receiver = _starts(size, empty, filled, noop), _receiver(size, filled, noop)
    workers, redis = _workers(size, where)
    return Measured([*starts, *receiver, *workers, *disk], [raw, redis])


def _installed(where: Path) -> Settings:
    """An installation whose source is not polled."""
    settings = receive.configured(where)
    with Path(settings.path).open("a") as file:
        file.write("feeds = []\n")
    return settings


# -- start to first answer --------------------------------------------------------------------------------


def _starts(size: Size, empty: Settings, filled: Settings, noop: Settings) -> list[Figure]:
    def ours(settings: Settings, command: str) -> float:
        own = {"AFTERSEND_ADMIN_KEY": ADMIN_KEY, "AFTERSEND_CONFIG": settings.path}
        with _process(["-m", "aftersend.console", command], own) as (process, began):
            return _answered(process, settings.server.port, REPORT) - began

    def other() -> float:
        with _process(_bare(noop)) as (process, began):
            return _answered(process, noop.server.port, NOWHERE) - began

    kinds: dict[str, Callable[[], float]] = {
        "serve, empty store": lambda: ours(empty, "serve"),
        f"serve, {size.events:,} events": lambda: ours(filled, "serve"),
    }
    if size.up:
        kinds[f"up, {size.events:,} events"] = lambda: ours(filled, "up")
    rounds: dict[str, list[Round]] = {name: [] for name in kinds}
    if size.rounds > 1:
        other()  # what is read from disk for the first time
        ours(empty, "serve")
    for number in range(size.rounds):
        # Who begins changes with every round; the one start of the peer is compared with all of ours.
        seconds = {} if number % 2 else {"": other()}
        seconds |= {name: start() for name, start in kinds.items()}
        theirs = seconds.get("") or other()
        for name in kinds:
            rounds[name].append((seconds[name], theirs))
    return [
        figure(f"start to first report ({name}) vs bare no-op's answer", "s", told) for name, told in rounds.items()
    ]


def _answered(process: Process, port: int, path: str) -> float:
    """The instant at which a server answers there."""
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            said = requests.get(f"http://127.0.0.1:{port}{path}", headers={"X-API-Key": ADMIN_KEY}, timeout=START_S)
        except requests.RequestException:
            time.sleep(0.005)
        else:
            assert said.status_code == (404 if path == NOWHERE else 200), said.text
            return time.monotonic()
    raise RuntimeError(f"{process.args!r} did not answer")


def _bare(settings: Settings) -> list[str]:
    """The arguments of a no-op server with as many processes and threads as ours, and none of our code."""
    server = settings.server
    options = {
        "interface": "wsgi",
        "host": "127.0.0.1",
        "port": server.port,
        "workers": server.web_workers,
        "blocking-threads": server.web_threads + server.web_waiting,
        "backlog": server.web_connections,
        "backpressure": server.web_connections,
        "http": "1",
        "log-level": "error",
    }
    return [
        "-m",
        "granian",
        "benchmarks.bare:app",
        *(f"--{name}={value}" for name, value in options.items()),
        "--no-ws",
    ]


# -- memory -----------------------------------------------------------------------------------------------


def _receiver(size: Size, filled: Settings, noop: Settings) -> list[Figure]:
    """Webhooks of one event each, 32 at once, and a report now and then."""
    hooks = [(hook.content_type, hook.body) for _, hook in life.webhooks(life.life(size.requests, seed=8))]

    def measured(argv: Sequence[str], settings: Settings, path: str) -> Memory:
        own = {"AFTERSEND_ADMIN_KEY": ADMIN_KEY, "AFTERSEND_CONFIG": settings.path}
        with _process(argv, own) as (process, _):
            _answered(process, settings.server.port, path)
            time.sleep(CALM_S)
            idle = memory_mb(process.pid)

            def work() -> None:
                for share in range(4):
                    receive.post(settings.server.port, receive.PATH, hooks[share::4], 32, (process.pid,))
                    _answered(process, settings.server.port, path)

            return Memory(idle, _most(work, process.pid)[0])

    ours = measured(["-m", "aftersend.console", "serve"], filled, REPORT)
    other = measured(_bare(noop), noop, NOWHERE)
    return [
        figure("memory: receiver, idle vs bare no-op", "MB", [(ours.idle, other.idle)]),
        figure("memory: receiver, at work vs bare no-op", "MB", [(ours.at_work, other.at_work)]),
    ]


def _workers(size: Size, where: Path) -> tuple[list[Figure], str]:
    """A worker and a scheduler while there is nothing to do, and while an inbox is worked off; RQ's own worker while
    there is nothing to do, and while a job of its sleeps."""
    settings = _installed(where / "workers")
    with ExitStack() as stack:
        redis, redis_pid = _redis(stack, where / "redis")
        own = {"REDIS_URL": redis, "AFTERSEND_CONFIG": settings.path}
        with Redis.from_url(redis) as connection, closing(open_store(settings.server.database)) as store:
            with _process(["-m", "rq.cli", "worker", "--url", redis, "--quiet", PEER_QUEUE]) as (bare, _):
                _wait_for(lambda: Worker.count(connection) == 1)
                time.sleep(CALM_S)
                idle = memory_mb(bare.pid)
                other = Memory(idle, _most(lambda: _sleep(connection), bare.pid)[0])
            with (
                _process(["-m", "aftersend.console", "worker"], own) as (worker, _),
                _process(["-m", "aftersend.console", "scheduler"], own) as (scheduler, _),
            ):
                _wait_for(lambda: Worker.count(connection) == 1)
                time.sleep(CALM_S)
                calm = memory_mb(worker.pid), memory_mb(scheduler.pid)
                busy = _most(lambda: _work_off(store, life.life(size.requests)), worker.pid, scheduler.pid, redis_pid)
    return [
        figure("memory: worker, idle vs bare rq worker", "MB", [(calm[0], other.idle)]),
        figure("memory: worker, at work vs bare rq worker", "MB", [(busy[0], other.at_work)]),
        figure("memory: scheduler, idle vs bare rq worker", "MB", [(calm[1], other.idle)]),
        figure("memory: scheduler, at work vs bare rq worker", "MB", [(busy[1], other.idle)]),
    ], f"Redis took {busy[2]:.0f} MB beside the worker and the scheduler."


def _work_off(store: Store, facts: Sequence[Fact]) -> None:
    """Both doors, by whoever looks after the store."""
    store.append([*life.page_deliveries(life.pages(facts)), *life.webhook_deliveries(life.webhooks(facts))])
    _wait_for(lambda: store.backlog().deliveries == 0)
    life.check(store, life.truth_of(facts))


def _sleep(connection: Redis) -> None:
    job = Queue(PEER_QUEUE, connection=connection).enqueue("time.sleep", 1.0)
    _wait_for(lambda: job.get_status() == "finished")


def _most(work: Callable[[], None], *sessions: int) -> list[float]:
    """The most memory that each session was seen to take while this was done."""
    most = [memory_mb(session) for session in sessions]
    done = Event()

    def look() -> None:
        while not done.wait(LOOK_S):
            for number, session in enumerate(sessions):
                most[number] = max(most[number], memory_mb(session))

    looking = Thread(target=look)
    looking.start()
    try:
        work()
    finally:
        done.set()
        looking.join()
    return most


# -- disk -------------------------------------------------------------------------------------------------


def _disk(size: Size, filled: Settings, where: Path) -> tuple[list[Figure], str]:
    """Fills the store, whose files are measured when everything is closed and so written back."""
    facts = life.life(size.events)
    with closing(open_store(filled.server.database)) as store:
        _tell(store, filled, facts, webhooks_too=False)
    path = Path(filled.server.database.removeprefix("sqlite:///"))
    twice = _installed(where / "twice")
    told = facts[: size.twice_told]
    with closing(open_store(twice.server.database)) as store:
        _tell(store, twice, told, webhooks_too=True)
    path_of_twice = Path(twice.server.database.removeprefix("sqlite:///"))
    naive, naive_of_twice = (_naive(of, where / f"naive-{n}.db") for n, of in enumerate((path, path_of_twice)))
    pages, hooks = _raw(filled, facts), sum(len(hook.body) for _, hook in life.webhooks(told)) / len(told)
    return [
        figure("bytes on disk per event, fed vs naive table", "B", [(_size(path) / len(facts), naive)]),
        figure(
            "bytes on disk per event, through both doors vs naive table",
            "B",
            [(_size(path_of_twice) / len(told), naive_of_twice)],
        ),
    ], (
        f"Besides, for keep_raw_days, what was taken in: {pages:,.0f} B per event from pages of 1,000 rows "
        f"(their bodies, and what the inbox adds); a webhook's body here is {hooks:,.0f} B."
    )


def _tell(store: Store, settings: Settings, facts: Sequence[Fact], *, webhooks_too: bool) -> None:
    if webhooks_too:
        store.append(life.webhook_deliveries(life.webhooks(facts)))
    store.append(life.page_deliveries(life.pages(facts)))
    normalizer.drain(store, settings)
    life.check(store, life.truth_of(facts))


def _naive(store: Path, path: Path) -> float:
    """Bytes of the same events in one plain table with a text key and three indexes."""
    peers.naive_bytes(store, path)
    with closing(open_store(f"sqlite:///{store}")) as told:
        return _size(path) / told.last_number()


def _raw(settings: Settings, facts: Sequence[Fact]) -> float:
    path = Path(settings.server.database.removeprefix("sqlite:///"))
    return _size(path.with_name(f"{path.stem}.inbox{path.suffix}")) / len(facts)


def _size(path: Path) -> int:
    log = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


# -- processes --------------------------------------------------------------------------------------------


@contextmanager
def _process(argv: Sequence[str], own: dict[str, str] | None = None) -> Iterator[tuple[Process, float]]:
    """Python with these arguments in a session of its own, until the block is left. Gives it, and the instant
    at which it was started: nobody waits for it here."""
    with _program([sys.executable, *argv], own) as started:
        yield started


@contextmanager
def _program(argv: Sequence[str], own: dict[str, str] | None = None) -> Iterator[tuple[Process, float]]:
    began = time.monotonic()
    process = subprocess.Popen(
        argv,
        env=environment() | (own or {}),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=as_child_of(os.getpid()),  # noqa: PLW1509 - no other thread runs when it is started
    )
    try:
        yield process, began
    finally:
        end(process)


def _redis(stack: ExitStack, where: Path) -> tuple[str, int]:
    """The address and the process id of a Redis of our own."""
    server = redis_server.prepare(redis_server.find_binary(), where)
    stack.callback(server.clean_up)
    process, _ = stack.enter_context(_program(server.argv))
    _wait_for(lambda: redis_server.answers(server.url))
    return server.url, process.pid


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("it did not happen")
        time.sleep(0.02)
