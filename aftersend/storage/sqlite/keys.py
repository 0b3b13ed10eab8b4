"""API keys and the positions of named readers."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from aftersend.storage.contract import KeyRow

_COLUMNS = "id, name, scopes, sources, created_at, expires_at, revoked_at"


def add(c: sqlite3.Connection, row: KeyRow, digest: bytes) -> None:
    c.execute("DELETE FROM keys WHERE id = ? OR digest = ?", (row.id, digest))
    c.execute(
        f"INSERT INTO keys ({_COLUMNS}, digest) VALUES (?,?,?,?,?,?,?,?)",
        (
            row.id,
            row.name,
            msgspec.json.encode(row.scopes).decode(),
            None if row.sources is None else msgspec.json.encode(row.sources).decode(),
            row.created_at,
            row.expires_at,
            row.revoked_at,
            digest,
        ),
    )


def by_digest(c: sqlite3.Connection, digest: bytes) -> KeyRow | None:
    row = c.execute(f"SELECT {_COLUMNS} FROM keys WHERE digest = ?", (digest,)).fetchone()
    return _row(row) if row else None


def all_keys(c: sqlite3.Connection) -> list[KeyRow]:
    return [_row(row) for row in c.execute(f"SELECT {_COLUMNS} FROM keys ORDER BY created_at, id")]


def move_reader(c: sqlite3.Connection, reader: str, seen: int | None, position: int) -> bool:
    if seen is None:
        return bool(c.execute("INSERT OR IGNORE INTO readers VALUES (?, ?)", (reader, position)).rowcount)
    return bool(
        c.execute("UPDATE readers SET position = ? WHERE name = ? AND position = ?", (position, reader, seen)).rowcount
    )


def _row(values: Sequence[Any]) -> KeyRow:
    id, name, scopes, sources, created_at, expires_at, revoked_at = values
    return KeyRow(
        id=id,
        name=name,
        scopes=tuple(msgspec.json.decode(scopes)),
        sources=None if sources is None else tuple(msgspec.json.decode(sources)),
        created_at=created_at,
        expires_at=expires_at,
        revoked_at=revoked_at,
    )
