"""Budgets: when a credential's next request may be made.

A budget has a pace (``budgets.next_at``) and windows. A window counts calls in a stretch of time that is aligned to its
period, and remembers the count of the stretch before: as much of that as still lies within one period counts too, so
that no moving window of the platform is overrun. A day is the calendar's, where the platform forgets at midnight.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from aftersend.storage.contract import Budget
from aftersend.vocabulary import Heard, Instant, Rate

DAY = 86_400_000
FARTHEST = DAY + 3_600_000
WAIT = 60_000
"""How long somebody may have waited for the store since he looked at the clock."""


def reserve(
    c: sqlite3.Connection, name: str, interval_ms: int, at: Instant, rates: Sequence[Rate], patience_ms: int | None
) -> Instant:
    row = c.execute("SELECT next_at, silent_until FROM budgets WHERE name = ?", (name,)).fetchone()
    booked, silent = row or (0, 0)
    # Nobody books a turn further ahead than he waits for it, and no platform wants silence for days: such a time was
    # left behind by a clock that was set back since, and so was all that is written beside it.
    set_back = booked - at > (FARTHEST if patience_ms is None else patience_ms) + interval_ms + WAIT
    if set_back or silent - at > FARTHEST:
        booked = silent = 0
    turn: Instant = max(at, booked, silent)
    for rate in rates:
        c.execute(
            "INSERT INTO windows VALUES (?, ?, ?, ?, 0, 0) ON CONFLICT DO UPDATE SET most = min(most, excluded.most)",
            (name, rate.period, rate.calls, _aligned(at, rate.period)),
        )
    periods = _windows(c, name)
    for window in periods if set_back else ():
        window.begin_anew(at)
    # A later turn may be too early for another window again; two rounds settle it but for rare corners.
    for _ in range(2):
        for window in periods:
            turn = max(turn, window.first_turn(turn))
    if patience_ms is not None and turn - at > patience_ms:
        return turn
    c.execute(
        "INSERT INTO budgets (name, next_at, silent_until) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET next_at = excluded.next_at, silent_until = excluded.silent_until",
        (name, turn + interval_ms, silent),
    )
    for window in periods:
        window.forward(turn)
        window.used += 1
        _keep(c, name, window)
    return turn


def learned(c: sqlite3.Connection, name: str, heard: Sequence[Heard], at: Instant) -> None:
    known = {window.period: window for window in _windows(c, name)}
    for one in heard:
        window = known.get(one.period) or _Window(one.period, one.most, _aligned(at, one.period), 0, 0)
        window.forward(at)
        if one.until is not None and one.until > at:
            # The platform's window ends when it says, whatever ours is aligned to.
            window.began = one.until - one.period
        window.most = max(1, one.most)
        counted = window.most - one.left
        if window.is_long:
            window.used, window.began = counted, at
        else:
            # What it counted includes what we did; what others used of the same budget we can't know otherwise.
            window.used = max(window.used, counted)
        _keep(c, name, window)


def silence(c: sqlite3.Connection, name: str, until: Instant | None) -> None:
    c.execute(
        "INSERT INTO budgets VALUES (?, 0, ?) ON CONFLICT DO UPDATE SET silent_until = excluded.silent_until",
        (name, until or 0),
    )


def left(c: sqlite3.Connection, name: str, at: Instant) -> list[Budget]:
    found = []
    for window in _windows(c, name):
        window.forward(at)
        rest = max(0, int(window.most - window.counted(at)))
        until = None if window.is_long else window.began + window.period
        found.append(Budget(period=window.period, most=window.most, left=rest, until=until))
    return found


class _Window:
    """One row of ``windows``."""

    def __init__(self, period: int, most: int, began: Instant, used: int, before: int):
        self.period, self.most, self.began, self.used, self.before = period, most, began, used, before

    @property
    def is_long(self) -> bool:
        """A billing period, say: where it begins and ends is the platform's affair. ``began`` is when it was heard
        of."""
        return self.period > DAY

    def forward(self, at: Instant) -> None:
        """Let the stretch be the one that holds an instant."""
        passed = (at - self.began) // self.period
        if self.began - at > self.period + FARTHEST:  # further ahead than any turn is booked: our clock was set back
            self.begin_anew(at)
        if passed <= 0:
            return
        self.before = self.used if passed == 1 and self.period < DAY else 0
        self.used = 0
        self.began += passed * self.period

    def begin_anew(self, at: Instant) -> None:
        """Know of no call, but those of a long window, which the platform counts."""
        if not self.is_long:
            self.used, self.before, self.began = 0, 0, _aligned(at, self.period)

    def counted(self, at: Instant) -> float:
        """Calls of the last ``period`` milliseconds, those of the stretch before spread evenly over it."""
        return self.used + self.before * max(0.0, 1 - (at - self.began) / self.period)

    def first_turn(self, at: Instant) -> Instant:
        """The first instant, ``at`` or later, at which another call is within the limit."""
        if self.is_long:
            return at if self.used < self.most else max(at, self.began + DAY)
        here = _Window(self.period, self.most, self.began, self.used, self.before)
        here.forward(at)
        while here.counted(at) + 1 > here.most:
            end = here.began + here.period
            if here.used + 1 <= here.most and here.before:
                share = (here.most - 1 - here.used) / here.before
                return min(end, max(at, here.began + int(here.period * (1 - share)) + 1))
            at = end
            here.forward(at)
        return at


def _windows(c: sqlite3.Connection, name: str) -> list[_Window]:
    rows = c.execute(
        "SELECT period, most, began, used, before FROM windows WHERE budget = ? ORDER BY period", (name,)
    ).fetchall()
    return [_Window(*row) for row in rows]


def _keep(c: sqlite3.Connection, name: str, window: _Window) -> None:
    c.execute(
        "INSERT OR REPLACE INTO windows VALUES (?, ?, ?, ?, ?, ?)",
        (name, window.period, window.most, window.began, window.used, window.before),
    )


def _aligned(at: Instant, period: int) -> Instant:
    return at - at % period
