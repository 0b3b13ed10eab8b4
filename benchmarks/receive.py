"""Webhooks taken in over HTTP, each on disk (fsync) before its answer, by a real receiver.

Against a route that does nothing, on the same server with the same settings. All of it shares the machine's cores
with the load generator, so requests a second say little; requests per second of the *server's* CPU time say what
a machine can take.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from aftersend.providers.speaker import Fact
from aftersend.settings import Settings, load
from aftersend.storage import open_store
from aftersend.storage.contract import Store
from aftersend.worker.normalizer import working_off
from benchmarks import life
from benchmarks.load import Answered
from benchmarks.measure import Goal, Measured, figure, in_turns
from benchmarks.processes import cpu_seconds, environment, free_port, server

PER_CORE = Goal("≥", 0.55)
PATH = f"/webhooks/{life.SOURCE}/{life.TOKEN}"

Body = tuple[str, bytes]


class Size(msgspec.Struct, frozen=True):
    """How much of everything."""

    requests: int = 20_000
    """Of a round, for each of the two servers."""
    connections: int = 32
    rounds: int = 5


QUICK = Size(requests=100, rounds=2)


class Taken(msgspec.Struct, frozen=True):
    """One load on one server."""

    answered: Answered
    per_core: float
    """Requests per second of the server's CPU time."""


def run(size: Size, where: Path) -> Measured:
    """Measure, in a directory that the caller empties."""
    ours, noop = configured(where / "ours"), configured(where / "noop")
    facts = life.life(size.requests * (size.rounds + 2))
    with (
        closing(open_store(ours.server.database)) as store,
        server("aftersend.console", "serve", "--config", ours.path, port=ours.server.port) as our_pid,
        server("benchmarks.noop", noop.path, port=noop.server.port) as noop_pid,
    ):
        # Each round has its share of every part of the life; the first warms up.
        shares = [_bodies(facts[share :: size.rounds + 2]) for share in range(size.rounds + 2)]
        at_ours, at_noop = iter(shares), iter(shares)
        post_to_ours = _poster(ours, our_pid, size, lambda: next(at_ours))
        post_to_noop = _poster(noop, noop_pid, size, lambda: next(at_noop))
        in_turns(1, post_to_ours, post_to_noop)
        pairs = in_turns(size.rounds, post_to_ours, post_to_noop)
        assert store.backlog().deliveries == size.requests * (size.rounds + 1), "acknowledged, but not in the inbox"
        stored = _stored_and_counted(store, ours, post_to_ours)
        life.check(store, life.truth_of(facts))
    return Measured(
        [
            figure(
                "durable webhooks vs no-op route, per server core-second",
                "req/core-s",
                [(o.per_core, n.per_core) for o, n in pairs],
                PER_CORE,
            ),
            figure(
                "durable webhooks vs no-op route, by the clock",
                "req/s",
                [(o.answered.rate, n.answered.rate) for o, n in pairs],
            ),
            figure(
                "durable webhooks vs no-op route, p50",
                "ms",
                [(o.answered.p50 * 1e3, n.answered.p50 * 1e3) for o, n in pairs],
            ),
            figure(
                "durable webhooks vs no-op route, p99",
                "ms",
                [(o.answered.p99 * 1e3, n.answered.p99 * 1e3) for o, n in pairs],
            ),
        ],
        [stored],
    )


def _stored_and_counted(store: Store, settings: Settings, post: Callable[[], Taken]) -> str:
    with working_off(store, settings):
        pass  # what the rounds left behind
    with working_off(store, settings):
        taken = post().answered
    seconds = time.monotonic() - taken.began
    return (
        f"Webhooks of one event each, from the socket to every derived table, load generator and drain on the same "
        f"cores: {taken.requests / seconds:,.0f} events/s stored and counted ({taken.rate:,.0f} accepted)."
    )


def _poster(settings: Settings, pid: int, size: Size, bodies: Callable[[], Sequence[Body]]) -> Callable[[], Taken]:
    return lambda: post(settings.server.port, PATH, bodies(), size.connections, (pid,))


def post(
    port: int, path: str, bodies: Sequence[Body], connections: int, sessions: tuple[int, ...], *header: str
) -> Taken:
    """Post all bodies from a process of its own. ``sessions`` are those whose CPU time counts."""
    given = msgspec.msgpack.encode(bodies)
    before = sum(map(cpu_seconds, sessions))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", str(port), path, str(connections), *header],
        input=given,
        stdout=subprocess.PIPE,
        env=environment(),
        check=True,
    )
    answered = msgspec.json.decode(done.stdout, type=Answered)
    return Taken(answered, answered.requests / max(sum(map(cpu_seconds, sessions)) - before, 0.01))


def _bodies(facts: Sequence[Fact]) -> list[Body]:
    return [(webhook.content_type, webhook.body) for _, webhook in life.webhooks(facts)]


def configured(directory: Path, provider: str = life.PROVIDER, secret: str = life.TOKEN) -> Settings:
    """An installation of its own with one source, migrated."""
    directory.mkdir(parents=True)
    file = directory / "aftersend.toml"
    file.write_text(
        f"""
[server]
listen = "127.0.0.1:{free_port()}"
database = "sqlite:///{directory}/aftersend.db"

[[sources]]
name = "{life.SOURCE}"
provider = "{provider}"
time_zone = "{life.ZONE}"
webhook_secrets = ["{secret}"]
"""
    )
    settings = load(file, env={})
    with closing(open_store(settings.server.database)) as store:
        store.migrate()
    return settings
