"""Rows polled over HTTP, stored and counted in every derived table, as a worker's job does it.

Against a bare script that fetches the same pages into one table; against our own first run when the same pages
come again; and, where the platform takes 50 ms for a page, against the time that waiting alone takes.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import requests

from aftersend.settings import Server, Settings, Source
from aftersend.storage import open_store
from aftersend.storage.contract import Store
from aftersend.vocabulary import now
from aftersend.worker import claims, normalizer, plan, poller
from benchmarks import life
from benchmarks.measure import Goal, Measured, Round, Watch, figure, in_turns
from benchmarks.pages import lay_out
from benchmarks.processes import free_port, server

AGAIN, WAITING = Goal("≥", 1.8), Goal("≥", 0.94)
DELAY_MS = 50
FEEDS = ("sentEmails", "activities", "undelivered")


class Size(msgspec.Struct, frozen=True):
    """How much of everything."""

    rows: int = 100_000
    rounds: int = 3


QUICK = Size(rows=3_000, rounds=2)


class Polled(msgspec.Struct, frozen=True):
    """One round of ours: rows a second."""

    first: float
    again: float


class Read(msgspec.Struct, frozen=True):
    """All feeds, each to its end."""

    seconds: float
    asked: int
    """Requests, with the empty answers at the ends."""


def run(size: Size, where: Path) -> Measured:
    """Measure, in a directory that the caller empties."""
    truth = _lay_out(size.rows, where / "pages")
    port = free_port()

    def ours() -> Polled:
        with TemporaryDirectory(dir=where) as directory:
            settings = _settings(Path(directory), port, delay_ms=0)
            with closing(open_store(settings.server.database)) as store:
                store.migrate()
                first = _poll(store, settings)
                life.check(store, truth)
                again = _poll(store, settings)
                life.check(store, truth)
            return Polled(size.rows / first.seconds, size.rows / again.seconds)

    def script() -> float:
        with TemporaryDirectory(dir=where) as directory:
            return size.rows / _script(f"http://127.0.0.1:{port}/0", Path(directory) / "rows.db")

    def slow() -> Round:
        with TemporaryDirectory(dir=where) as directory:
            settings = _settings(Path(directory), port, delay_ms=DELAY_MS)
            with closing(open_store(settings.server.database)) as store:
                store.migrate()
                read = _poll(store, settings)
                life.check(store, truth)
            return size.rows / read.seconds, size.rows / (read.asked * DELAY_MS / 1000)

    with server("benchmarks.pages", str(port), str(where / "pages"), port=port):
        fast = in_turns(size.rounds, ours, script)
        waiting = [slow() for _ in range(size.rounds)]
    unit = "rows/s"
    return Measured(
        [
            figure("rows polled, stored, counted vs a bare script", unit, [(o.first, other) for o, other in fast]),
            figure("the same rows polled again vs the first time", unit, [(o.again, o.first) for o, _ in fast], AGAIN),
            figure(f"rows polled at {DELAY_MS} ms a page vs the latency limit", unit, waiting, WAITING),
        ],
        [],
    )


def _lay_out(rows: int, folder: Path) -> life.Truth:
    """Write the pages; nothing of them stays in this process, whose collector would walk it."""
    facts = life.life(rows)
    lay_out(life.pages(facts), folder)
    return life.truth_of(facts)


def _poll(store: Store, settings: Settings) -> Read:
    """Poll until every row of every feed is stored and counted."""
    (source,) = settings.sources
    plan.ensure(store, source, now())
    asked = 0
    with Watch() as watch, normalizer.working_off(store, settings):
        for feed in FEEDS:
            outcome = poller.poll(store, settings, (source.name, feed, plan.LIVE), claims.new_owner(), force=True)
            assert outcome.status == "done", outcome
            asked += outcome.pages
    return Read(watch.seconds, asked)


def _script(base: str, path: Path) -> float:
    """Seconds the loop takes that one would write first: fetch, decode, insert or ignore by id, commit each page."""
    with closing(sqlite3.connect(path, isolation_level=None)) as c, requests.Session() as session:
        c.execute("PRAGMA journal_mode = WAL")
        c.execute("PRAGMA synchronous = FULL")
        c.executescript("""
            CREATE TABLE events (id PRIMARY KEY, feed, at, kind, campaign, contact, email, ip, url, external_id);
            CREATE INDEX by_campaign ON events (campaign, kind, contact);
            CREATE INDEX by_contact ON events (contact, at);
            CREATE INDEX by_time ON events (at, kind);
        """)
        with Watch() as watch:
            for feed in FEEDS:
                for page in count():
                    answer = session.get(f"{base}/campaigns/email/{feed}", params={"page_index": str(page)}, timeout=30)
                    rows = msgspec.json.decode(answer.content)
                    if not rows:
                        break
                    c.execute("BEGIN")
                    c.executemany(
                        "INSERT OR IGNORE INTO events VALUES (?,?,?,?,?,?,?,?,?,?)",
                        [
                            (
                                f"{feed}/{row.get('id') or row['row_index']}",
                                feed,
                                row.get("action_date") or row.get("date_sent") or row["create_date"],
                                row.get("action_type"),
                                row["campaign_id"],
                                row["contact_id"],
                                row.get("email"),
                                row.get("ip"),
                                row.get("additional_data"),
                                row.get("external_id"),
                            )
                            for row in rows
                        ],
                    )
                    c.execute("COMMIT")
    return watch.seconds


def _settings(directory: Path, port: int, *, delay_ms: int) -> Settings:
    source = Source(
        name=life.SOURCE,
        provider=life.PROVIDER,
        time_zone=life.ZONE,
        base_url=f"http://127.0.0.1:{port}/{delay_ms}",
        api_key="a-key-of-32-characters-000000001",
        feeds=list(FEEDS),
        overlap="2h",
        backfill="0s",
        max_rate=1_000_000,
    )
    return Settings(server=Server(database=f"sqlite:///{directory}/aftersend.db"), sources=[source])
