"""Helpers for statements over many values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def marks(n: int) -> str:
    """``?,?,?``: placeholders for n values."""
    return ",".join("?" * n)


def values(columns: Sequence[str], nullable: Collection[str]) -> str:
    """``?,nullif(?,''),?``: placeholders for these columns, where an empty text stands for NULL in the nullable ones.

    Python's sqlite3 looks for an adapter of every ``None`` (and ``bool``) it binds, which takes six times as long as
    binding a text; half of an event's columns are NULL."""
    return ",".join("nullif(?,'')" if column in nullable else "?" for column in columns)


def batched(many: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """Consecutive pieces of at most that size."""
    for start in range(0, len(many), size):
        yield many[start : start + size]
