"""Snapshots: what platforms claim. The latest of every campaign and list, and a history of what changed.

Which one is the latest depends on when it was read, not on when it came. The history has a row where the figures differ
from those read before. One that comes late is put where it belongs; only a return to earlier figures may then be dated
too late, for reads that brought nothing new aren't kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from itertools import groupby
from typing import Any

import msgspec

from aftersend.storage.contract import Filter, SnapshotRow
from aftersend.storage.sqlite.selection import sources_of
from aftersend.storage.sqlite.statements import marks
from aftersend.vocabulary import Snapshot

_json = msgspec.json.Encoder(order="deterministic")
_decode = msgspec.json.Decoder(Snapshot).decode
_KEY = "source = ? AND campaign_id = ? AND list = ?"


def keep(c: sqlite3.Connection, source: int, snapshot: Snapshot) -> bool:
    """Take in a snapshot. Returns whether its figures were news."""
    key = (source, snapshot.campaign_id or "", snapshot.list)
    row = (snapshot.read_at, _json.encode(snapshot).decode())
    before = c.execute(
        f"SELECT snapshot FROM snapshots WHERE {_KEY} AND read_at <= ? ORDER BY read_at DESC LIMIT 1", (*key, row[0])
    ).fetchone()
    news = before is None or _figures(before[0]) != _figures(row[1])
    # Of two of the same instant the greater text stands, so that the order of arrival doesn't matter.
    if news:
        c.execute(
            "INSERT INTO snapshots VALUES (?,?,?,?,?) "
            "ON CONFLICT DO UPDATE SET snapshot = max(snapshot, excluded.snapshot)",
            (*key, *row),
        )
    c.execute(
        "INSERT INTO latest_snapshots VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE "
        "SET read_at = excluded.read_at, snapshot = excluded.snapshot "
        "WHERE (excluded.read_at, excluded.snapshot) > (read_at, snapshot)",
        (*key, *row),
    )
    return news


def latest(c: sqlite3.Connection, which: Filter, list_: str | None, limit: int, offset: int) -> list[SnapshotRow]:
    """The latest snapshot of every campaign and list, ordered by source, campaign and list."""
    sources = sources_of(c, which)
    conditions, values = [f"l.source IN ({marks(len(sources))})"], [*sources]
    for column, wanted in (("campaign_id", which.campaign_id), ("list", list_)):
        if wanted is not None:
            conditions.append(f"l.{column} = ?")
            values.append(wanted)  # type: ignore[arg-type]
    return [
        SnapshotRow(source=name, snapshot=_decode(text))
        for name, text in c.execute(
            "SELECT s.name, l.snapshot FROM latest_snapshots l JOIN sources s ON s.id = l.source "
            f"WHERE {' AND '.join(conditions)} ORDER BY s.name, l.campaign_id, l.list LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
    ]


def history(c: sqlite3.Connection, source: str, campaign_id: str | None, list_: str) -> list[Snapshot]:
    """The snapshots of one campaign and list where the figures changed, oldest first."""
    one = "source = (SELECT id FROM sources WHERE name = :source) AND campaign_id = :campaign_id AND list = :list"
    texts: Iterable[tuple[int, str]] = c.execute(
        f"SELECT read_at, snapshot FROM snapshots WHERE {one} "
        f"UNION SELECT read_at, snapshot FROM latest_snapshots WHERE {one} ORDER BY 1, 2",
        {"source": source, "campaign_id": campaign_id or "", "list": list_},
    )
    return [_decode(next(same)[1]) for _, same in groupby(texts, key=lambda row: _figures(row[1]))]


def _figures(text: str) -> Any:
    return {name: value for name, value in msgspec.json.decode(text).items() if name != "read_at"}
