"""Tokens of accounts that were connected by OAuth, and the right to refresh one."""

from __future__ import annotations

import sqlite3

from aftersend.storage.contract import Token
from aftersend.vocabulary import Instant

_COLUMNS = "account, access, refresh, expires_at, scope, generation"


def get(c: sqlite3.Connection, account: str) -> Token | None:
    row = c.execute(f"SELECT {_COLUMNS} FROM tokens WHERE account = ?", (account,)).fetchone()
    return Token(**dict(zip(_COLUMNS.split(", "), row, strict=True))) if row else None


def keep(c: sqlite3.Connection, token: Token) -> None:
    c.execute(
        f"INSERT INTO tokens ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET "
        "access = excluded.access, refresh = excluded.refresh, expires_at = excluded.expires_at, "
        "scope = excluded.scope, "
        "generation = tokens.generation + 1, refreshing_until = NULL",
        (token.account, token.access, token.refresh, token.expires_at, token.scope),
    )


def lock(c: sqlite3.Connection, account: str, generation: int, at: Instant, until: Instant) -> bool:
    # Whoever looked at the clock after us may have got here before us, so a lock may well last longer than ours would.
    # One that lasts as long again was taken before the clock was set back.
    taken = c.execute(
        "UPDATE tokens SET refreshing_until = :until WHERE account = :account AND generation = :generation "
        "AND coalesce(refreshing_until, 0) NOT BETWEEN :at + 1 AND :until + (:until - :at)",
        {"until": until, "account": account, "generation": generation, "at": at},
    )
    return bool(taken.rowcount)


def unlock(c: sqlite3.Connection, account: str) -> None:
    c.execute("UPDATE tokens SET refreshing_until = NULL WHERE account = ?", (account,))
