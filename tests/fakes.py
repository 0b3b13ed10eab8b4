"""A platform that misbehaves, and an installation that polls it: what every polled provider is proved against.

A provider's fake subclasses :class:`FakePlatform`: it keeps the truth, serves its lists from it over real HTTP, and
says what happens between two requests (:meth:`~FakePlatform.between`): rows appear, move and vanish. Faults, drawn from
a seed, break what it answers. :class:`Polling` is one installation with a real store that reads it, may be killed after
any page, and goes on.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from aftersend.settings import Server, Settings, Source
from aftersend.storage import open_store
from aftersend.storage.contract import EventRow, Filter, Store
from aftersend.vocabulary import now
from aftersend.worker import plan
from aftersend.worker.claims import new_owner
from aftersend.worker.normalizer import drain
from aftersend.worker.poller import Outcome, poll

SEEDS = range(int(os.environ.get("AFTERSEND_SEEDS", "2")))
"""Mixtures of faults that each platform is polled through; `make faults` has more of them."""


class Asked(msgspec.Struct, kw_only=True):
    """A request as the fake saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes = b""


class Said(msgspec.Struct, kw_only=True):
    """What the fake answers. A body that isn't bytes is printed as JSON."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = {}

    def encoded(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Fault = Callable[["FakePlatform", Said], Said | None]
"""Breaks an answer; ``None`` hangs up without one."""


def unavailable(_fake: FakePlatform, _said: Said) -> Said:
    return Said(status=503, body=b"<html>try later</html>")


def busy(_fake: FakePlatform, _said: Said) -> Said:
    return Said(status=429, body=b"{}", headers={"Retry-After": "0"})


def busy_until(_fake: FakePlatform, _said: Said) -> Said:
    return Said(status=429, body=b"{}", headers={"Retry-After": formatdate(time.time(), usegmt=True)})


def busy_absurdly(_fake: FakePlatform, _said: Said) -> Said:
    return Said(status=429, body=b"{}", headers={"Retry-After": "-17 soon"})


def html(_fake: FakePlatform, _said: Said) -> Said:
    return Said(body=b"<!doctype html><title>Maintenance</title>", headers={"Content-Type": "text/html"})


def truncated(_fake: FakePlatform, said: Said) -> Said:
    """A whole answer that holds half of its body."""
    body = said.encoded()
    return Said(body=body[: len(body) // 2], headers=said.headers)


def cut(_fake: FakePlatform, said: Said) -> Said:
    """The connection ends in the middle of the body."""
    body = said.encoded()
    return Said(body=body[: len(body) // 2], headers=said.headers | {"Content-Length": str(len(body) + 1)})


def hang_up(_fake: FakePlatform, _said: Said) -> None:
    return None


FAULTS: tuple[Fault, ...] = (unavailable, busy, busy_until, busy_absurdly, html, truncated, cut, hang_up)


class FakePlatform:
    """``with Fake() as fake: fake.url``. Subclasses implement :meth:`answer` (called under ``lock``) and may implement
    :meth:`between`; ``base`` is the path below which the API lies."""

    base = ""

    def __init__(self, seed: int = 1):
        self.random = random.Random(seed)
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        """For the very next requests."""
        self.rate = 0.0
        """The chance that a request meets one of ``kinds_of_fault``."""
        self.kinds_of_fault: tuple[Fault, ...] = FAULTS
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.fake = self  # type: ignore[attr-defined]

    def answer(self, asked: Asked) -> Said:
        raise NotImplementedError

    def between(self) -> None:
        """Something happens at the platform, after each answer."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{self.base}"

    def __enter__(self) -> Any:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def said(self, asked: Asked) -> Said | None:
        with self.lock:
            self.asked.append(asked)
            if self.faults:
                fault: Fault | None = self.faults.pop(0)
            else:
                fault = self.random.choice(self.kinds_of_fault) if self.random.random() < self.rate else None
            said = self.answer(asked)
            self.between()
        return fault(self, said) if fault else said


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet: in two, the second waits 40 ms for an acknowledgement
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        fake: FakePlatform = self.server.fake  # type: ignore[attr-defined]
        split = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        query = dict(parse_qsl(split.query, keep_blank_values=True))
        asked = Asked(method=self.command, path=split.path, query=query, headers=headers, body=body)
        said = fake.said(asked)
        if said is None:
            self.close_connection = True
            return
        out = said.encoded()
        self.send_response(said.status)
        for name, value in (
            {"Content-Type": "application/json", "Content-Length": str(len(out))} | said.headers
        ).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(out)
        if "Content-Length" in said.headers:
            self.close_connection = True

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


class Killed(BaseException):
    """Stands in for ``kill -9`` between two steps: nothing catches it."""


class Polling:
    """One installation with one source, which polls a fake.

    ``run()`` gives every feed of the source one run, parked or not, and drains; ``until_quiet()`` repeats that until no
    feed has a problem and nothing new is learned. With ``kill_after`` = n the next walk that stores an n-th page dies
    there; what was stored stays, and a new run resumes.
    """

    def __init__(self, directory: Path, source: Source):
        self.source = source
        self.settings = Settings(server=Server(database=f"sqlite:///{directory}/aftersend.db"), sources=[source])
        self.store: Store = open_store(self.settings.server.database)
        self.store.migrate()
        self.kill_after: int | None = None

    def close(self) -> None:
        self.store.close()

    def run(self, *feeds: str, lane: str | None = None) -> dict[tuple[str, str], Outcome]:
        """One run of each feed (default: all), in the provider's order, its lanes live first."""
        plan.ensure(self.store, self.source, now())
        order = list(plan.feeds(self.source))
        rows = [row for row in self.store.feeds(self.source.name) if not row.finished and row.feed in order]
        rows = [row for row in rows if (not feeds or row.feed in feeds) and lane in (None, row.lane)]
        outcomes = {}
        for row in sorted(rows, key=lambda row: (order.index(row.feed), row.lane != plan.LIVE)):
            outcomes[row.feed, row.lane] = self._poll(row.key)
            drain(self.store, self.settings)
        return outcomes

    def until_quiet(self, most: int = 40, **how: Any) -> None:
        """Run until two rounds in a row bring no problem and no change."""
        calm, before = 0, ""
        for _ in range(most):
            outcomes = self.run(**how)
            here = repr(self.events())
            fine = all(outcome.status == "done" for outcome in outcomes.values())
            calm = calm + 1 if fine and here == before else 0
            before = here
            if calm == 2:
                return
        problems = {key: outcome for key, outcome in outcomes.items() if outcome.status != "done"}
        raise AssertionError(f"it doesn't come to rest: {problems}")

    def events(self, **which: Any) -> list[EventRow]:
        """All events, oldest first."""
        return self.store.events(Filter(**which), "oldest", limit=1_000_000)

    def _poll(self, key: tuple[str, str, str]) -> Outcome:
        owner = new_owner()

        def progress(_feed: str, _rows: int, pages: int, _where: dict[str, Any]) -> None:
            if self.kill_after is not None and pages >= self.kill_after:
                self.kill_after = None
                raise Killed

        try:
            return poll(self.store, self.settings, key, owner, force=True, progress=progress)
        except Killed:
            for row in self.store.feeds():
                if row.owner == owner:
                    self.store.release(row)
            return Outcome(status="lost", problem="killed")
