"""The inbox: an append-only log of deliveries with increasing ids."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from aftersend.vocabulary import Delivery, Door, Instant, Once

_COLUMNS = "source, door, feed, received_at, content_type, context, body"
_INSERT = f"INSERT INTO deliveries ({_COLUMNS}) VALUES (?,?,?,?,?,?,?)"
_MOST_BYTES = 32_000_000


def append(c: sqlite3.Connection, deliveries: Sequence[Delivery]) -> list[int]:
    """Insert deliveries; their ids follow one another, but for 0 in the place of one that isn't taken."""
    taken = [d.once is None or _proves(c, d.once) for d in deliveries]
    if not any(taken):
        return [0] * len(deliveries)
    c.executemany(_INSERT, [_values(d) for d, take in zip(deliveries, taken, strict=True) if take])
    last: int = c.execute("SELECT seq FROM sqlite_sequence WHERE name = 'deliveries'").fetchone()[0]
    ids = iter(range(last - sum(taken) + 1, last + 1))
    return [next(ids) if take else 0 for take in taken]


def _proves(c: sqlite3.Connection, once: Once) -> bool:
    """Whether a token proves this fact: it does for the first fact it came with, and remembers it."""
    c.execute("INSERT OR IGNORE INTO proofs VALUES (?, ?, ?)", (once.token, once.fact, once.until))
    fact: bytes = c.execute("SELECT fact FROM proofs WHERE token = ?", (once.token,)).fetchone()[0]
    return fact == once.fact


def go_on_after(c: sqlite3.Connection, position: int) -> None:
    """Let the next id be above a position."""
    if c.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'deliveries'", (position,)).rowcount == 0:
        c.execute("INSERT INTO sqlite_sequence VALUES ('deliveries', ?)", (position,))


def one(c: sqlite3.Connection, delivery_id: int) -> Delivery | None:
    row = c.execute(f"SELECT id, {_COLUMNS} FROM deliveries WHERE id = ?", (delivery_id,)).fetchone()
    return _delivery(row) if row else None


def after(
    c: sqlite3.Connection, position: int, most: int, *, last: int | None = None, source: str | None = None
) -> Iterator[Delivery]:
    """Deliveries behind a position, in order, at most so many and so many bytes, at least one."""
    conditions, values = ["id > ?"], [position]
    for condition, value in (("id <= ?", last), ("source = ?", source)):
        if value is not None:
            conditions.append(condition)
            values.append(value)  # type: ignore[arg-type]
    size = 0
    for row in c.execute(
        f"SELECT id, {_COLUMNS} FROM deliveries WHERE {' AND '.join(conditions)} ORDER BY id LIMIT ?", (*values, most)
    ):
        yield _delivery(row)
        size += len(row[-1])
        if size > _MOST_BYTES:
            return


def waiting(c: sqlite3.Connection, position: int) -> tuple[int, Instant | None]:
    """How many deliveries lie behind a position, and when the first of them was received."""
    last = c.execute("SELECT max(id) FROM deliveries").fetchone()[0] or 0
    first = c.execute("SELECT received_at FROM deliveries WHERE id > ? ORDER BY id LIMIT 1", (position,)).fetchone()
    # Ids follow one another without gaps: a transaction that is undone gives its numbers back.
    return max(0, last - position), first[0] if first else None


def prune(c: sqlite3.Connection, position: int, before: Instant, kept: set[int]) -> int:
    """Remove deliveries up to the position and received before an instant, but not those to be kept."""
    ids = [
        id
        for (id,) in c.execute("SELECT id FROM deliveries WHERE id <= ? AND received_at < ?", (position, before))
        if id not in kept
    ]
    remove(c, ids)
    return len(ids)


def forget_proofs(c: sqlite3.Connection, at: Instant) -> None:
    """Remove the tokens that would be refused for their age."""
    c.execute("DELETE FROM proofs WHERE until <= ?", (at,))


def remove(c: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Remove deliveries. Their ids are never given out again."""
    c.executemany("DELETE FROM deliveries WHERE id = ?", [(id,) for id in ids])


def _values(d: Delivery) -> tuple[Any, ...]:
    context = msgspec.json.encode(d.context).decode()
    return (d.source, d.door, d.feed, d.received_at, d.content_type, context, d.body)


def _delivery(row: Sequence[Any]) -> Delivery:
    id, source, door, feed, received_at, content_type, context, body = row
    return Delivery(
        id=id,
        source=source,
        door=Door(door),
        feed=feed,
        received_at=received_at,
        content_type=content_type,
        context=msgspec.json.decode(context),
        body=body,
    )
