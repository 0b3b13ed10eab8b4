"""Two helpers for statements over many values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def marks(n: int) -> str:
    """``?,?,?``: placeholders for n values."""
    return ",".join("?" * n)


def batched(values: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """Consecutive pieces of at most that size."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
