"""What the tests of faults stand on: an installation in processes of its own, and a world around it that knows the
truth."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, ClassVar

import requests

from aftersend.providers.speaker import Fact
from aftersend.sandbox.pusher import Network, Pusher
from aftersend.sandbox.server import Sandbox
from aftersend.sandbox.truth import MINUTE, Scenario, Truth
from aftersend.settings import load
from aftersend.storage import open_store
from aftersend.storage.contract import Filter, Store
from aftersend.vocabulary import Kind, now
from aftersend.worker import normalizer
from tests.faults.ledger import Ledger, Line

OURS = {"AFTERSEND_CONFIG", "AFTERSEND_ADMIN_KEY", "DATABASE_URL", "REDIS_URL", "HOST", "PORT"}
"""What a developer's environment may say and a test must not hear."""
PUSHED, POLLED = "pushed", "polled"
"""The two sources, each with a door and a truth of its own."""
CONFIG = """
[server]
listen = "127.0.0.1:{port}"
database = "sqlite:///{data}/store.db"
{server}

[[sources]]
name = "pushed"
provider = "inwise"
webhook_secrets = ["token"]
feeds = []

[[sources]]
name = "polled"
provider = "inwise"
base_url = "{base_url}"
api_key = "{api_key}"
poll_every = "1s"
backfill = "1d"
overlap = "1d"
max_rate = 1000.0
"""


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], object], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s for {what}")


# -- processes -------------------------------------------------------------------------------------------


class Installation:
    """An `aftersend up` of its own, and who belongs to it. As with a process manager, what ends is started again."""

    commands: ClassVar[tuple[str, ...]] = ("up",)

    def __init__(self, directory: Path, port: int, environment: Mapping[str, str]):
        self.directory = directory
        self.ports = [port]
        """Where receivers listen."""
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in OURS},
            "AFTERSEND_CONFIG": str(directory / "aftersend.toml"),
            "AFTERSEND_TEST": str(directory),
            **environment,
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        """In the order of the commands."""
        self.killed: Counter[str] = Counter()
        """How often whom, by role."""
        self.ended = 0
        """How often one of the commands ended that nobody had killed: too slow to be ready, or a port not free yet."""
        self._sessions: set[int] = set()
        self._stopping = threading.Event()
        self._manager = threading.Thread(target=self._manage, daemon=True)

    def start(self) -> None:
        """Start it; returns at once."""
        self.processes = [self._begin(place) for place in range(len(self.commands))]
        self._manager.start()

    def run(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a process of the installation."""
        with (self.directory / "log.txt").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "aftersend.console", *command],
                env=self.environment | environment,
                cwd=self.directory,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._sessions.add(process.pid)
        return process

    def said(self, *command: str) -> str:
        """What a command of the installation prints."""
        return subprocess.run(
            [sys.executable, "-m", "aftersend.console", *command],
            env=self.environment | {"COLUMNS": "300"},
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        ).stdout

    @property
    def log(self) -> str:
        """Everything that all processes wrote."""
        return (self.directory / "log.txt").read_text(errors="replace")

    def members(self) -> list[int]:
        """Every living process of the installation. Redis writes over its environment, an RQ job leaves its session."""
        marker = f"AFTERSEND_TEST={self.directory}\0".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if not entry.name.isdigit():
                    continue
                state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                ours = int(session) in self._sessions or marker in (entry / "environ").read_bytes()
                if state != "Z" and ours:
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def by_role(self) -> dict[str, list[int]]:
        """The living members, by what they do."""
        roles: dict[str, list[int]] = {}
        for member in self.members():
            if named := role(member):
                roles.setdefault(named, []).append(member)
        return roles

    def kill_one(self, chance: random.Random) -> None:
        """kill -9 of somebody: one time in twelve `up`, with all that it started; else of a role drawn by chance, which
        is waited for where everybody is still on his way."""
        if chance.random() < 1 / 12 and (top := self.by_role().get("up")):
            self.kill(top[0], "up")
            return
        others: dict[str, list[int]] = {}

        def somebody() -> bool:
            others.update(self.by_role())
            others.pop("up", None)
            return bool(others)

        # While `up` starts there is nobody but `up`, who must not be the only one that ever dies.
        wait_for(somebody, "somebody to kill", 240)
        drawn = chance.choice(sorted(others))
        self.kill(chance.choice(others[drawn]), drawn)

    def kill(self, victim: int, named: str) -> None:
        """kill -9, counted under its role."""
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
            self.killed[named] += 1

    def stop(self) -> None:
        """As an operator stops it; everybody must end, cleanly, and leave nobody behind."""
        self._dismiss_manager()
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(40) for process in self.processes] == [0] * len(self.processes)
        self._left_nobody()

    def _left_nobody(self) -> None:
        # What was killed with `kill -9` may leave somebody who notices a moment later.
        with suppress(AssertionError):
            wait_for(lambda: not self.members(), "", 10)
        assert [_command(member) for member in self.members()] == []

    def sweep(self) -> None:
        """At the end of a test that failed: nobody stays."""
        self._dismiss_manager()
        for member in self.members():
            with suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        for process in self.processes:
            process.wait(10)

    def _begin(self, place: int) -> subprocess.Popen[bytes]:
        return self.run(self.commands[place])

    def _manage(self) -> None:
        while not self._stopping.wait(0.5):
            for place, process in enumerate(self.processes):
                if (status := process.poll()) is not None:
                    self.ended += status != -signal.SIGKILL
                    self.processes[place] = self._begin(place)

    def _dismiss_manager(self) -> None:
        self._stopping.set()
        if self._manager.is_alive():
            self._manager.join()


class Several(Installation):
    """Two of everything, each a process of its own."""

    commands = ("serve", "serve", "worker", "worker", "scheduler", "scheduler")

    def __init__(self, directory: Path, port: int, environment: Mapping[str, str]):
        super().__init__(directory, port, environment)
        self.ports.append(free_port())

    def start(self) -> None:
        self.said("migrate")
        super().start()

    def _begin(self, place: int) -> subprocess.Popen[bytes]:
        command = self.commands[place]
        return self.run(command, **({"PORT": str(self.ports[place])} if command == "serve" else {}))


def role(pid: int) -> str:
    """What a process of an installation does; empty for one that is gone or is only about to become something."""
    words = _command(pid)
    if not words:
        return ""
    if "redis-server" in words[0]:
        return "redis"
    if any("spawn_main" in word for word in words):
        return "receiver's worker"
    if any("resource_tracker" in word for word in words):
        return "resource tracker"
    if words == _command(parent(pid)):
        return "job" if words[-1] == "worker" else ""
    return {"up": "up", "serve": "receiver", "worker": "worker", "scheduler": "scheduler"}.get(words[-1], "")


def parent(pid: int) -> int:
    """Who started it; 0 for one that is gone."""
    with suppress(OSError):
        return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _command(pid: int) -> list[str]:
    try:
        return [word for word in (Path("/proc") / str(pid) / "cmdline").read_text().split("\0") if word]
    except OSError:
        return []


# -- the world around it ---------------------------------------------------------------------------------


class World:
    """An installation under load, the platform it asks, and the truth. Use it in a ``with``: it starts everything, and
    ends with nobody left.

    Facts come in two halves: ``pushed`` by webhooks that insist until they are acknowledged, some of them twice, and
    ``polled`` from the platform's feeds, the read-once one among them.
    """

    def __init__(
        self,
        directory: Path,
        ledger: Ledger,
        *,
        run: Callable[[Path, int, Mapping[str, str]], Installation] = Installation,
        contacts: int = 100,
        campaigns: int = 3,
        data: Path | None = None,
        server: str = "",
        environment: Mapping[str, str] | None = None,
    ):
        """``data`` is where the store lies (``directory/data``), ``server`` are more lines of ``[server]``."""
        self.directory, self.data, self.ledger = directory, data or directory / "data", ledger
        self.sandbox = Sandbox(directory / "platform", "inwise")
        # Seeds of their own, so that each door has its own truth.
        shape = {"until": now(), "campaigns": campaigns, "contacts": contacts, "days": 0.5}
        self.pushed = Truth(Scenario(seed=11, **shape))
        self.polled = Truth(Scenario(seed=12, **shape))
        # The platform has no webhook for some facts (a printed email, say).
        self.pushed.facts = [f for f in self.pushed.facts if self.sandbox.speaker.webhook(f, self.sandbox.zone_name)]
        self._sent = self._shown = 0
        port = free_port()
        (directory / "aftersend.toml").write_text(
            CONFIG.format(
                port=port, data=self.data, server=server, base_url=self.sandbox.url, api_key=self.sandbox.api_key
            )
        )
        self.installation = run(directory, port, environment or {})
        network = Network(insist=True, duplication=0.1)
        self.pushers = [
            Pusher(self.webhook(port), self.sandbox.speaker, self.sandbox.zone_name, network=network, threads=4)
            for port in self.installation.ports
        ]

    def __enter__(self) -> World:
        self.sandbox.__enter__()
        self.installation.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            for pusher in self.pushers:
                pusher.close()
            if self._store:
                self._store.close()
        finally:
            self.installation.sweep()
            self.sandbox.__exit__()

    _store: Store | None = None

    @property
    def store(self) -> Store:
        """The installation's store, to be read by the test."""
        if self._store is None:
            self._store = open_store(load(self.directory / "aftersend.toml").server.database)
        return self._store

    def webhook(self, port: int | None = None) -> str:
        """The address of the pushed source's webhooks."""
        return f"http://127.0.0.1:{port or self.installation.ports[0]}/webhooks/{PUSHED}/token"

    def wait_until_ready(self) -> None:
        """Return when every receiver says that it takes webhooks in."""
        wait_for(lambda: all(self.readyz(port).get("ready") for port in self.installation.ports), "the receivers", 240)

    # -- load ------------------------------------------------------------------------------------------

    def happen(self, share: float = 1) -> None:
        """A share of all facts happens, at least one: pushed until acknowledged, and shown in the feeds. Returns at
        once."""
        sent, shown = self._sent, self._shown
        self._sent = min(len(self.pushed.facts), sent + max(1, round(share * len(self.pushed.facts))))
        self._shown = min(len(self.polled.facts), shown + max(1, round(share * len(self.polled.facts))))
        for number, pusher in enumerate(self.pushers):
            pusher.push(self.pushed.facts[sent : self._sent][number :: len(self.pushers)])
        self.sandbox.show(self.polled.facts[shown : self._shown])

    def under_load(self, times: int) -> Iterator[int]:
        """So many moments of a running load, one after another; at each the next share of the facts happens."""
        for moment in range(times):
            self.happen(1 / times)
            yield moment

    def knock(self) -> int:
        """One webhook of the next fact, sent once; its status, 0 for no answer.

        Unless it was acknowledged a pusher goes on with it, as a platform does.
        """
        fact = self.pushed.facts[self._sent]
        self._sent += 1
        webhook = self.sandbox.speaker.webhook(fact, self.sandbox.zone_name)
        assert webhook is not None
        status = 0
        with suppress(requests.RequestException):
            headers = {"Content-Type": webhook.content_type}
            status = requests.post(self.webhook(), webhook.body, headers=headers, timeout=60).status_code
        if status == 200:
            self.pushers[0].acknowledged.append(fact)
        else:
            self.pushers[0].push([fact])
        return status

    @property
    def acknowledged(self) -> set[int]:
        """The numbers of the facts whose webhooks were answered with 200."""
        return {fact.number for pusher in self.pushers for fact in list(pusher.acknowledged)}

    # -- what can be seen ------------------------------------------------------------------------------

    def readyz(self, port: int | None = None) -> dict[str, Any]:
        """What ``/readyz`` says; empty where nobody answers."""
        return _json(f"http://127.0.0.1:{port or self.installation.ports[0]}/readyz")

    def metrics(self) -> dict[str, float]:
        """What ``/metrics`` says, by name with labels as they are printed; empty where nobody answers."""
        with suppress(requests.RequestException):
            text = requests.get(f"http://127.0.0.1:{self.installation.ports[0]}/metrics", timeout=5).text
            lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
            return {name: float(value) for name, _, value in lines}
        return {}

    def missing(self) -> tuple[int, int]:
        """How many facts that happened the store lacks, and how many events it has too many, right now."""
        lost = doubled = 0
        for source, facts in ((PUSHED, self.pushed.facts[: self._sent]), (POLLED, self.polled.facts[: self._shown])):
            told = Counter(_essence(fact) for fact in facts)
            events = self.store.events(Filter(sources=(source,), channels=None), "arrival", limit=1_000_000)
            stored = Counter((e.kind, e.campaign_id, e.contact_id, e.occurred_at // MINUTE) for e in events)
            lost += (told - stored).total()
            doubled += (stored - told).total()
        return lost, doubled

    # -- the end ---------------------------------------------------------------------------------------

    def settle_and_check(self, fault: str, times: int = 1, *, within: float = 120, note: str = "") -> None:
        """The fault is over: let the rest happen, wait for the truth, check everything, stop, and write the line.

        Every acknowledged webhook and every row of the feeds is there, none twice; the reports equal the truth; nothing
        is in quarantine; nothing is wrong in ``/readyz``; every process answers and ends when told to.
        """
        began = time.monotonic()
        self.happen()
        for pusher in self.pushers:
            pusher.flush(within)
        with suppress(AssertionError):  # what differs is told below
            wait_for(lambda: self.store.backlog().deliveries == 0 and self.missing() == (0, 0), "the truth", within)
        seconds = round(time.monotonic() - began, 1)
        try:
            self._check_wellbeing(within)
            self.installation.stop()
            # Pages of the last second may still lie there: what they tell must be known by now.
            normalizer.drain(self.store, load(self.directory / "aftersend.toml"))
        finally:
            lost, doubled = self.missing()
            self.ledger.write(
                Line(
                    fault=fault,
                    times=times,
                    webhooks=len(self.acknowledged),
                    rows=self._shown,
                    lost=lost,
                    doubled=doubled,
                    seconds=seconds,
                    note=note + (f"; {self.installation.ended} ended by themselves" if self.installation.ended else ""),
                )
            )
        assert (lost, doubled) == (0, 0)
        assert self.acknowledged == {fact.number for fact in self.pushed.facts}
        assert self._funnels() == {PUSHED: self.pushed.funnel(), POLLED: self.polled.funnel()}
        assert self.store.differences() == []
        assert self._not_understood() == []

    def _check_wellbeing(self, within: float) -> None:
        def wrong(port: int) -> list[dict[str, object]]:
            said = self.readyz(port)
            # A platform that has told everything is quiet, and rightly called so.
            return [p for p in said["problems"] if p["state"] != "quiet"] if said.get("ready") else [said]

        for port in self.installation.ports:
            with suppress(AssertionError):  # what is wrong is told below
                wait_for(lambda port=port: not wrong(port), "a receiver without a problem", within)
            assert wrong(port) == []

    def _not_understood(self) -> list[str]:
        """What is in quarantine, but for the torn row of an answer that broke off: only a read-once list's is kept, and
        another list shows the row again."""
        rows = [(row, self.store.delivery(row.delivery_id)) for row in self.store.quarantine()]
        return [row.reason for row, delivery in rows if delivery is None or delivery.context.get("cut") != "yes"]

    def _funnels(self) -> dict[str, dict[Kind, tuple[int, int]]]:
        return {
            source: {
                kind: (count.total, count.unique)
                for kind, count in self.store.funnel(Filter(sources=(source,), channels=None)).items()
            }
            for source in (PUSHED, POLLED)
        }


def _essence(fact: Fact) -> tuple[Kind, str | None, str | None, int]:
    """What every door tells of a fact; feeds cut to the minute."""
    return fact.kind, fact.campaign_id, fact.contact.id, fact.at // MINUTE


def _json(url: str) -> dict[str, Any]:
    with suppress(requests.RequestException):
        answer: dict[str, Any] = requests.get(url, timeout=5).json()
        return answer
    return {}
