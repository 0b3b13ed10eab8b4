"""Snapshots: the latest of every list and campaign, what it stands for, and a history of what changed.

Which one is the latest depends on when it was read, not on when it came. The history has a row where the
figures differ from those known when it came; no report is made of it.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from aftersend.storage.sqlite.codes import KIND
from aftersend.vocabulary import Snapshot

_json = msgspec.json.Encoder(order="deterministic")
_decode = msgspec.json.Decoder(Snapshot).decode
_KEY = "source = ? AND list = ? AND campaign_id = ?"


def keep(c: sqlite3.Connection, source: int, snapshot: Snapshot) -> bool:
    """Take in a snapshot. Returns whether its figures were news."""
    key = (source, snapshot.list, snapshot.campaign_id or "")
    text = _json.encode(snapshot).decode()
    known = c.execute(f"SELECT read_at, snapshot FROM latest_snapshots WHERE {_KEY}", key).fetchone()
    news = known is None or _figures(text) != _figures(known[1])
    if news:
        c.execute("INSERT OR REPLACE INTO snapshots VALUES (?,?,?,?,?)", (*key, snapshot.read_at, text))
    # Of two of the same instant the greater text stands, so that the order of arrival doesn't matter.
    if known is None or (snapshot.read_at, text) > tuple(known):
        c.execute("INSERT OR REPLACE INTO latest_snapshots VALUES (?,?,?,?,?)", (*key, snapshot.read_at, text))
        c.execute(f"DELETE FROM totals WHERE {_KEY}", key)
        c.executemany(
            "INSERT INTO totals VALUES (?,?,?,?,?,?)",
            [
                (source, key[2], snapshot.list, KIND[kind], total, total if unique is None else unique)
                for kind, (total, unique) in sorted(snapshot.counts.items())
                if kind in snapshot.stands_for and (total or unique)
            ],
        )
    return news


def _figures(text: str) -> Any:
    return {name: value for name, value in msgspec.json.decode(text).items() if name != "read_at"}


def latest(c: sqlite3.Connection, source: str, campaign_id: str | None) -> list[Snapshot]:
    """The latest snapshot of every list and campaign of a source, ordered by both."""
    condition, values = ("", ()) if campaign_id is None else ("AND l.campaign_id = ?", (campaign_id,))
    return [
        _decode(text)
        for (text,) in c.execute(
            "SELECT l.snapshot FROM latest_snapshots l JOIN sources s ON s.id = l.source "
            f"WHERE s.name = ? {condition} ORDER BY l.list, l.campaign_id",
            (source, *values),
        )
    ]
