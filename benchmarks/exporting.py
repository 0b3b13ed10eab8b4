"""A million events as a CSV file over HTTP: how soon it begins, how fast it comes, what the receiver holds meanwhile.

A real ``aftersend serve`` with a copy of the store of an invented history (:mod:`benchmarks.history`), a new one for
each file, so that its peak is that file's. Against the plain table's rows through Python's csv writer in one process,
without HTTP (:mod:`benchmarks.plain`).
"""

from __future__ import annotations

import csv
import io
import sqlite3
import time
from contextlib import closing
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from aftersend.receiver.auth import CONTACTS, REPORTS, mint
from aftersend.storage import open_store
from aftersend.vocabulary import Instant
from aftersend.zones import isoformat
from benchmarks import history, life, plain
from benchmarks.measure import Goal, Measured, figure, in_turns
from benchmarks.processes import free_port, peak_mb, server

NEVER_SLOWER, CONSTANT, FIRST = Goal("≥", 1), Goal("≤", 1.05), Goal("≤", 1)
FIRST_MS = 50.0
PIECE = 1 << 16
PAGE = 2_000


class Size(msgspec.Struct, frozen=True):
    """How much of everything."""

    events: int = 1_000_000
    """In the store; all of them are the long file."""
    few: int = 50_000
    """In the short file."""
    rounds: int = 2
    kept: bool = True
    """Whether the store is kept for the next run."""


QUICK = Size(events=2_000, few=500, rounds=1, kept=False)


class File(msgspec.Struct, frozen=True):
    """One file as it came."""

    rows: int
    first_ms: float
    """From the question to the first row."""
    rate: float
    """Rows a second."""
    peak: float
    """What the receiver's processes held at most, in MB."""


def run(size: Size, where: Path) -> Measured:
    """Measure, in a directory that the caller empties."""
    if size.kept:
        kept = history.kept(size.events)
    else:
        kept = where / "kept" / "aftersend.db"
        kept.parent.mkdir()
        history.fill(kept, size.events)
    table = plain.kept(kept)
    store = history.copy_of(kept, where / "copy")
    with closing(open_store(f"sqlite:///{store}")) as opened:
        _, key = mint(opened, "bench", (REPORTS, CONTACTS))
        rows = opened.last_number()
    until, few = _after(table, size.few)

    def ours() -> tuple[File, File]:
        return _file(store, key, where), _file(store, key, where, until)

    pairs = in_turns(size.rounds, ours, lambda: _written(table))
    for (long, short), _ in pairs:
        if (long.rows, short.rows) != (rows, few):
            raise AssertionError(f"the files had {long.rows} and {short.rows} rows instead of {rows} and {few}")
    name = f"export over HTTP: CSV of {size.events:,} events"
    firsts = [(long.first_ms, FIRST_MS) for (long, _), _ in pairs]
    return Measured(
        [
            figure(f"{name} vs csv writer", "rows/s", [(long.rate, other) for (long, _), other in pairs], NEVER_SLOWER),
            figure(f"{name}, first row vs the limit", "ms", firsts, FIRST),
            figure(
                f"{name}, peak memory vs {size.few:,}",
                "MB",
                [(long.peak, short.peak) for (long, short), _ in pairs],
                CONSTANT,
            ),
        ],
        [],
    )


def _file(store: Path, key: str, where: Path, until: Instant | None = None) -> File:
    """The file of what happened before ``until``, from a receiver of its own."""
    port = free_port()
    config = where / "export.toml"
    sources = "".join(
        f'[[sources]]\nname = "{name}"\nprovider = "{life.PROVIDER}"\ntime_zone = "UTC"\n' for name in history.SOURCES
    )
    config.write_text(f'[server]\nlisten = "127.0.0.1:{port}"\ndatabase = "sqlite:///{store}"\n{sources}')
    with (
        server("aftersend.console", "serve", "--config", str(config), port=port) as pid,
        closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection,
    ):
        # A worker's first question opens files.
        _ask(connection, key, history.BEGAN + 1)
        rows, first_ms, seconds = _ask(connection, key, until)
        return File(rows, first_ms, rows / seconds, peak_mb(pid))


def _ask(connection: HTTPConnection, key: str, until: Instant | None) -> tuple[int, float, float]:
    """Rows, milliseconds to the first of them, seconds to the last."""
    query = {"format": "csv"} | ({"to": isoformat(until)} if until else {})
    began, first, lines = time.perf_counter(), 0.0, 0
    connection.request("GET", f"/v1/export?{urlencode(query)}", headers={"X-API-Key": key})
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"the receiver answered {answer.status}: {answer.read()[:300]!r}")
    while piece := answer.read1(PIECE):
        lines += piece.count(b"\n")
        if lines > 1 and not first:
            first = time.perf_counter() - began
    return lines - 1, first * 1000, time.perf_counter() - began


def _written(table: Path) -> float:
    """Rows a second of the plain table by the csv writer."""
    with closing(plain.Plain(table)) as opened:
        began, rows = time.perf_counter(), 0
        cursor = opened.export(-1)
        while page := list(islice(cursor, PAGE)):
            text = io.StringIO(newline="")
            csv.writer(text).writerows(page)
            text.getvalue().encode()
            rows += len(page)
        return rows / (time.perf_counter() - began)


def _after(table: Path, rows: int) -> tuple[Instant, int]:
    """When about so many have happened, and how many that are."""
    with closing(sqlite3.connect(table)) as c:
        (at,) = c.execute("SELECT at FROM events ORDER BY at LIMIT 1 OFFSET ?", (rows,)).fetchone()
        (before,) = c.execute("SELECT count(*) FROM events WHERE at < ?", (at,)).fetchone()
    return int(at), int(before)
