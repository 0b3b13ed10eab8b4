"""Feeds: positions, due times, claims, parking; and what their walks noted.

A claim is an UPDATE that names what it saw: a free resource. Whoever's UPDATE changes a row has the feed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from aftersend.storage.contract import ClaimLost, FeedRow
from aftersend.vocabulary import Instant

_COLUMNS = list(FeedRow.__struct_fields__)
_BOOLS = {"stopped", "finished"}
Key = tuple[str, str, str]
_KEY = "source = ? AND feed = ? AND lane = ?"
_AHEAD = 60_000
"""A run that began more than so many milliseconds after now was begun by a clock that was set back since: what it wrote
of times (due, parked, claimed) is void, or the feed would wait until the clock is there again."""
_SET_BACK = f"coalesce(last_run_at, 0) > :at + {_AHEAD}"
_TAKEN = (
    "EXISTS (SELECT 1 FROM feeds o WHERE o.resource = feeds.resource AND o.owner IS NOT NULL "
    f"AND o.claimed_until > :at AND o.last_run_at <= :at + {_AHEAD})"
)
_READY = f"NOT stopped AND (due_at <= :at AND coalesce(parked_until, 0) <= :at OR {_SET_BACK})"
_RELEASE = "owner = NULL, claimed_until = NULL"


def ensure(c: sqlite3.Connection, rows: Sequence[FeedRow]) -> None:
    for row in rows:
        values = [_value(getattr(row, name)) for name in _COLUMNS]
        c.execute(
            f"INSERT INTO feeds ({','.join(_COLUMNS)}) VALUES ({','.join('?' * len(_COLUMNS))}) ON CONFLICT DO NOTHING",
            values,
        )
        c.execute(
            f"UPDATE feeds SET fingerprint = ?, resource = ?, stopped = 0, failures = 0, parked_until = NULL "
            f"WHERE {_KEY} AND fingerprint != ?",
            (row.fingerprint, row.resource, *row.key, row.fingerprint),
        )


def select(
    c: sqlite3.Connection, condition: str = "true", values: Sequence[Any] | dict[str, Any] = ()
) -> list[FeedRow]:
    rows = c.execute(
        f"SELECT {','.join(_COLUMNS)} FROM feeds WHERE {condition} ORDER BY source, feed, lane", values
    ).fetchall()
    return [_row(row) for row in rows]


def due(c: sqlite3.Connection, at: Instant) -> list[FeedRow]:
    rows = select(
        c,
        f"NOT finished AND {_READY} AND NOT {_TAKEN}",
        {"at": at},
    )
    return sorted(rows, key=lambda row: row.due_at)


def claim(c: sqlite3.Connection, key: Key, owner: str, until: Instant, at: Instant, force: bool) -> FeedRow | None:
    ready = "true" if force else _READY
    taken = c.execute(
        f"""
        UPDATE feeds SET owner = :owner, claimed_until = :until, last_run_at = :at
        WHERE source = :source AND feed = :feed AND lane = :lane AND NOT finished AND {ready} AND NOT {_TAKEN}
        """,
        {"source": key[0], "feed": key[1], "lane": key[2], "owner": owner, "until": until, "at": at},
    ).rowcount
    return select(c, _KEY, key)[0] if taken else None


def move(c: sqlite3.Connection, feed: FeedRow, position: dict[str, Any] | None, claimed_until: Instant) -> bool:
    """Move the position and lengthen the claim; False if the claim was lost, and nothing changed."""
    changed = "" if position is None else "position = ?, "
    values = [] if position is None else [msgspec.json.encode(position).decode()]
    return bool(
        c.execute(
            f"UPDATE feeds SET {changed}claimed_until = ? WHERE {_KEY} AND owner = ?",
            (*values, claimed_until, *feed.key, feed.owner),
        ).rowcount
    )


def note(c: sqlite3.Connection, source: str, notes: Mapping[str, Any]) -> None:
    """Keep notes of a source; ``None`` forgets one."""
    kept = [(source, name, msgspec.json.encode(value).decode()) for name, value in notes.items() if value is not None]
    c.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", kept)
    forgotten = [(source, name) for name, value in notes.items() if value is None]
    c.executemany("DELETE FROM notes WHERE source = ? AND name = ?", forgotten)


def notes(c: sqlite3.Connection, source: str, prefix: str) -> dict[str, Any]:
    # No name holds U+10FFFF, so this is the end of all that begin with the prefix.
    rows = c.execute(
        "SELECT name, value FROM notes WHERE source = ? AND name >= ? AND name < ?",
        (source, prefix, prefix + "\U0010ffff"),
    )
    return {name: msgspec.json.decode(value) for name, value in rows}


def lost(feed: FeedRow) -> ClaimLost:
    return ClaimLost(f"Somebody else reads {feed.source}/{feed.feed} ({feed.lane}) now.")


def finish(
    c: sqlite3.Connection,
    feed: FeedRow,
    *,
    due_at: Instant,
    rows: int | None,
    complete_until: Instant | None,
    finished: bool,
    at: Instant,
) -> None:
    c.execute(
        f"""
        UPDATE feeds SET {_RELEASE}, due_at = ?, last_success_at = ?, finished = ?, parked_until = NULL, failures = 0,
            stopped = 0, problem = NULL, problem_body = NULL,
            complete_until = nullif(max(iif(complete_until > ?, 0, coalesce(complete_until, 0)), coalesce(?, 0)), 0),
            quiet_runs = CASE WHEN ? IS NULL THEN quiet_runs WHEN ? > 0 THEN 0
                WHEN last_rows > 0 OR quiet_runs > 0 THEN quiet_runs + 1 ELSE 0 END,
            last_rows = coalesce(?, last_rows)
        WHERE {_KEY} AND owner = ?
        """,
        (due_at, at, finished, at, complete_until, rows, rows, rows, *feed.key, feed.owner),
    )


def park(c: sqlite3.Connection, feed: FeedRow, until: Instant, problem: str, body: str) -> None:
    c.execute(
        f"UPDATE feeds SET {_RELEASE}, parked_until = ?, failures = failures + 1, problem = ?, problem_body = ? "
        f"WHERE {_KEY} AND owner = ?",
        (until, problem, body[:2000] or None, *feed.key, feed.owner),
    )


def stop_source(c: sqlite3.Connection, feed: FeedRow, problem: str, body: str) -> None:
    c.execute(
        f"UPDATE feeds SET {_RELEASE}, failures = failures + 1, problem_body = ? WHERE {_KEY} AND owner = ?",
        (body[:2000] or None, *feed.key, feed.owner),
    )
    c.execute("UPDATE feeds SET stopped = 1, problem = ? WHERE source = ? AND NOT finished", (problem, feed.source))


def release(c: sqlite3.Connection, feed: FeedRow) -> None:
    c.execute(f"UPDATE feeds SET {_RELEASE} WHERE {_KEY} AND owner = ?", (*feed.key, feed.owner))


def _value(value: Any) -> Any:
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else value


def _row(values: Sequence[Any]) -> FeedRow:
    named = dict(zip(_COLUMNS, values, strict=True))
    named["position"] = msgspec.json.decode(named["position"])
    for name in _BOOLS:
        named[name] = bool(named[name])
    return FeedRow(**named)
