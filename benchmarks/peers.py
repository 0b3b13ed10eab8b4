"""What we are compared with in SQLite: the same rows by bare executemany, and a naive table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import Any

from aftersend.storage.sqlite.file import File
from benchmarks.measure import Watch, bytes_written

Row = tuple[Any, ...]

BATCH, NAIVE_BATCH = 10_000, 1_000

_NAIVE = "key, campaign, kind, contact, at, message, word, row_id, email, external_id, url, ip, reason, received_at"
_NAIVE_SCHEMA = f"""
    CREATE TABLE events ({_NAIVE.replace("key", "key TEXT UNIQUE", 1)});
    CREATE INDEX by_campaign ON events (campaign, kind, contact);
    CREATE INDEX by_contact ON events (contact, at);
    CREATE INDEX by_time ON events (at, kind);
"""


def executemany(reference: Path, path: Path) -> float:
    """Rows a second of our own events table, written bare: the same columns, rows, indexes, pragmas and batches
    as in the store ``reference``, and nothing derived, looked up or read. Only the writing is timed."""
    file, watch, count = File(path, cache_mb=64), Watch(), 0
    with closing(sqlite3.connect(reference)) as source:
        statements = source.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = 'events' AND sql IS NOT NULL ORDER BY type DESC"
        ).fetchall()
        with file.write() as c:
            for (statement,) in statements:
                c.execute(statement)
        for rows in _batches(source, "SELECT * FROM events ORDER BY id", BATCH):
            insert = f"INSERT INTO events VALUES ({_marks(rows)})"
            with watch, file.write() as c:
                c.executemany(insert, rows)
            count += len(rows)
    file.close()
    return count / watch.seconds


def naive_bytes(reference: Path, path: Path) -> float:
    """Bytes written per event by what one would write first: a random text key, three plain indexes, SQLite's
    defaults, a commit every 1,000 rows. Not synchronous, because here only bytes count."""
    before, count = bytes_written(), 0
    with closing(sqlite3.connect(reference)) as source, closing(sqlite3.connect(path, isolation_level=None)) as c:
        c.execute("PRAGMA journal_mode = WAL")
        c.execute("PRAGMA synchronous = OFF")
        c.executescript(_NAIVE_SCHEMA)
        columns = _NAIVE.replace("key", "id", 1)
        for rows in _batches(source, f"SELECT {columns} FROM events ORDER BY id", NAIVE_BATCH):
            keyed = [(_random_key(row[0]), *row[1:]) for row in rows]
            c.execute("BEGIN")
            c.executemany(f"INSERT OR IGNORE INTO events VALUES ({_marks(rows)})", keyed)
            c.execute("COMMIT")
            count += len(rows)
    return (bytes_written() - before) / count


def _batches(source: sqlite3.Connection, query: str, size: int) -> Iterator[list[Row]]:
    cursor = source.execute(query)
    while rows := cursor.fetchmany(size):
        yield rows


def _marks(rows: list[Row]) -> str:
    return ",".join("?" * len(rows[0]))


def _random_key(number: int) -> str:
    return blake2b(str(number).encode(), digest_size=16).hexdigest()
