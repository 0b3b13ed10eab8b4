"""A whole platform in one process: its feeds, what goes on happening there, and its webhooks.

A fact is on the sandbox's disk before its webhook leaves, so whatever is killed when, the feeds show every
fact a webhook ever told of. Started again in the same directory, the platform has the past it had; new
campaigns follow with higher ids, and nothing that was handed out is contradicted.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import msgspec

from aftersend.sandbox.faults import FaultPlan
from aftersend.sandbox.pusher import Network, Pusher
from aftersend.sandbox.server import DEFAULT_KEY, Sandbox
from aftersend.sandbox.truth import Scenario, Truth
from aftersend.vocabulary import now

TICK = 0.2
"""Seconds between two looks at whether something is to happen."""
CALM_AFTER = 600
"""Seconds after which the platform calms down, so that a forgotten demo doesn't fill the disk."""
CALM = 1 / 20
"""Part of the rate that is left then."""


class SandboxOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a sandbox is run."""

    provider: str
    """The platform it plays."""
    directory: str = "data/sandbox"
    port: int = 0
    """Of the feeds, on 127.0.0.1; 0 takes a free one."""
    api_key: str = DEFAULT_KEY
    time_zone: str = ""
    """Of the times it tells; empty for the platform's own."""
    webhook: str = ""
    """Address the webhooks are pushed to; empty for none."""
    seed: int = 1
    campaigns: int = 6
    """Campaigns in the history."""
    contacts: int = 150
    days: float = 3
    """How far back the history goes."""
    rate: float = 5
    """Live facts per second, for the first ten minutes; then a twentieth of it."""
    network: Network = Network(loss=0.2)
    faults: FaultPlan = msgspec.field(default_factory=FaultPlan)


def run(
    options: SandboxOptions,
    *,
    stop: threading.Event | None = None,
    started: Callable[[Sandbox, Truth], None] | None = None,
) -> None:
    """Run a sandbox until ``stop`` is set; without one, until SIGTERM or SIGINT.

    ``started`` is called once the feeds can be asked and show the whole history. Raises ConfigurationError
    for a provider that cannot be played and for a port that is taken.
    """
    stop = stop or _stopped_by_signal()
    with _sandbox(options) as sandbox:
        truth = Truth(_scenario(options, sandbox))
        sandbox.show(truth.facts)
        (started or _announce)(sandbox, truth)
        with _pusher(options, sandbox) as pusher:
            _live(options, sandbox, truth, pusher, stop)


def _sandbox(options: SandboxOptions) -> Sandbox:
    return Sandbox(
        options.directory,
        options.provider,
        api_key=options.api_key,
        time_zone=options.time_zone,
        faults=options.faults,
        seed=options.seed,
        port=options.port,
    )


def _pusher(options: SandboxOptions, sandbox: Sandbox) -> Any:
    """The pusher, or a context of ``None`` where nobody wants webhooks."""
    if not options.webhook:
        return nullcontext()
    return Pusher(
        options.webhook,
        sandbox.speaker,
        sandbox.zone_name,
        network=options.network,
        seed=options.seed,
        threads=2,
    )


def _scenario(options: SandboxOptions, sandbox: Sandbox) -> Scenario:
    """A history and what follows; in a directory that has a past, only what follows."""
    scenario = Scenario(
        until=now(),
        seed=options.seed,
        campaigns=options.campaigns,
        contacts=options.contacts,
        days=options.days,
    )
    last = sandbox.last_campaign
    if last is None:
        return scenario
    return msgspec.structs.replace(scenario, campaigns=0, first_campaign=last + 1, first_number=sandbox.last_number + 1)


def _live(
    options: SandboxOptions, sandbox: Sandbox, truth: Truth, pusher: Pusher | None, stop: threading.Event
) -> None:
    began = looked = time.monotonic()
    owed = 0.0
    while not stop.wait(TICK):
        at = time.monotonic()
        owed += (at - looked) * options.rate * (1 if at - began < CALM_AFTER else CALM)
        looked = at
        facts = [truth.next(now()) for _ in range(int(owed))]
        owed -= len(facts)
        sandbox.show(facts)
        if pusher:
            pusher.push(facts)


def _stopped_by_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _announce(sandbox: Sandbox, truth: Truth) -> None:
    history = f"{len(truth.facts):,} facts of history" if truth.facts else "going on where it stopped"
    print(f"The sandbox plays {sandbox.provider.title}: feeds at {sandbox.url}, {history}.", flush=True)
