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

from aftersend.providers.contract import Provider
from aftersend.worker.client import AT_ONCE
from benchmarks import life
from benchmarks.measure import Goal, Measured, Round, Watch, figure, in_turns
from benchmarks.processes import free_port, server
from benchmarks.sync import CHAINED, FEEDS, PAGED, Platform, lay_out_life, new_store, sync, sync_of

AGAIN, SERIAL, PARALLEL = Goal("≥", 1.8), Goal("≥", 0.94), Goal("≥", 0.92)
DELAY_MS = 50


class Size(msgspec.Struct, frozen=True):
    """How much of everything."""

    rows: int = 100_000
    rounds: int = 3


QUICK = Size(rows=3_000, rounds=2)


class Polled(msgspec.Struct, frozen=True):
    """One round of ours: rows a second."""

    first: float
    again: float


def run(size: Size, where: Path) -> Measured:
    """Measure, in a directory that the caller empties."""
    platform = Platform(free_port(), lay_out_life(size.rows, where / "pages"))

    def ours() -> Polled:
        with new_store(platform, where) as (store, settings):
            first = sync(store, settings)
            life.check(store, platform.truth)
            again = sync(store, settings)
            life.check(store, platform.truth)
        return Polled(size.rows / first.seconds, size.rows / again.seconds)

    def script() -> float:
        with TemporaryDirectory(dir=where) as directory:
            return size.rows / _script(platform.address(), Path(directory) / "rows.db")

    def waiting(provider: Provider, at_once: int) -> Round:
        synced = sync_of(platform, where, provider=provider, delay_ms=DELAY_MS)
        return size.rows / synced.seconds, size.rows / (synced.asked / at_once * DELAY_MS / 1000)

    with server("benchmarks.pages", str(platform.port), str(where / "pages"), port=platform.port):
        fast = in_turns(size.rounds, ours, script)
        slow = in_turns(size.rounds, lambda: waiting(CHAINED, 1), lambda: waiting(PAGED, AT_ONCE))
    unit = "rows/s"
    return Measured(
        [
            figure("rows polled, stored, counted vs a bare script", unit, [(o.first, other) for o, other in fast]),
            figure("the same rows polled again vs the first time", unit, [(o.again, o.first) for o, _ in fast], AGAIN),
            figure(
                f"rows polled at {DELAY_MS} ms a page, one page naming the next, vs the latency limit",
                unit,
                [chained for chained, _ in slow],
                SERIAL,
            ),
            figure(
                f"rows polled at {DELAY_MS} ms a page, numbered pages, vs the latency limit of {AT_ONCE} at once",
                unit,
                [paged for _, paged in slow],
                PARALLEL,
            ),
        ],
        [],
    )


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
