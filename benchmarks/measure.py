"""Rounds and figures: two ways of doing the same, in turns, and what their ratio was."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Literal, TypeVar

import msgspec

Ours = TypeVar("Ours")
Other = TypeVar("Other")

Round = tuple[float, float]
"""What one round measured: ours, other."""


class Goal(msgspec.Struct, frozen=True):
    """What a ratio should be (design.md 10)."""

    sign: Literal["≥", "≤"]
    bound: float

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g}"

    def met(self, ratio: float) -> bool:
        return ratio >= self.bound if self.sign == "≥" else ratio <= self.bound


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table. ``ours``, ``other`` and ``ratio`` are medians over the rounds; ``spread`` is the
    largest minus the smallest ratio of a round, by the median ratio. Without a goal ``met`` is ``None``."""

    name: str
    ours: float
    other: float
    unit: str
    ratio: float
    goal: str
    met: bool | None
    spread: float


class Measured(msgspec.Struct, frozen=True):
    """What a benchmark found: figures, and sentences about what is no ratio."""

    figures: list[Figure]
    notes: list[str]


def figure(name: str, unit: str, rounds: Sequence[Round], goal: Goal | None = None) -> Figure:
    """The figure of these rounds, ours by other."""
    ratios = [ours / other for ours, other in rounds]
    ratio = median(ratios)
    return Figure(
        name=name,
        ours=median(ours for ours, _ in rounds),
        other=median(other for _, other in rounds),
        unit=unit,
        ratio=ratio,
        goal=str(goal) if goal else "",
        met=goal.met(ratio) if goal else None,
        spread=(max(ratios) - min(ratios)) / ratio,
    )


def in_turns(rounds: int, ours: Callable[[], Ours], other: Callable[[], Other]) -> list[tuple[Ours, Other]]:
    """Both, ``rounds`` times; who begins changes with every round, so that a slow minute hits both."""
    pairs = []
    for number in range(rounds):
        if number % 2 == 0:
            first = ours()
            pairs.append((first, other()))
        else:
            second = other()
            pairs.append((ours(), second))
    return pairs


class Watch:
    """Adds up the time spent in its ``with`` blocks, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> Watch:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._began


def bytes_written() -> int:
    """What this process has handed to write() so far, by all its threads. Unlike times, the same in every run."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["wchar"])
