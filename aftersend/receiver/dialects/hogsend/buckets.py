"""Buckets of time in which something happened, cut in UTC; empty ones are left out (providers/hogsend.md §5)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TypeVar

from aftersend.receiver import slots
from aftersend.receiver.slots import Unit
from aftersend.vocabulary import Instant
from aftersend.zones import moment

T = TypeVar("T")
Window = tuple[Instant | None, Instant | None]
"""From its first instant on, up to but without its second; ``None``: no end."""

_DAY = 86_400_000
_REACH: dict[Unit, Instant] = {"hour": 40 * _DAY, "day": 1_000 * _DAY, "week": 7_000 * _DAY, "month": 30_000 * _DAY}
"""How much time is counted at once: about a thousand buckets, so that no range, however long, makes many more."""


def label(at: Instant) -> str:
    """A bucket's name: how the platform's database writes its beginning."""
    return moment(at).strftime("%Y-%m-%d %H:%M:%S+00")


def filled(
    unit: Unit,
    window: Window,
    extent: Callable[[Window], tuple[Instant, Instant] | None],
    count: Callable[[list[Instant]], list[T]],
) -> Iterator[tuple[str, T]]:
    """Labels and counts of a window's buckets, ascending, long stretches without anything left out; what else is empty
    is the caller's to leave out.

    ``extent`` says when the first and the last thing in a window happened, ``None`` if nothing did; ``count`` counts
    between neighbouring edges.
    """
    since, until = window
    while found := extent((since, until)):
        first, last = found
        edges = slots.edges(first, min(last + 1, first + _REACH[unit]), unit, "UTC")
        # A bucket keeps its name where the window cuts it.
        low, high = -math.inf if since is None else since, math.inf if until is None else until
        cut = dict.fromkeys(int(min(max(edge, low), high)) for edge in edges)
        yield from zip(map(label, edges), count([*cut]), strict=False)
        since = edges[-1]
