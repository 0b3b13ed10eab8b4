"""The days an account-wide report speaks of, and how a report writes an instant (providers/benchmark-email.md §5).

A period is cut along the local calendar of the zone asked for, so that a day of it may last 23 or 25 hours. It ends
where tomorrow begins: today counts.
"""

from __future__ import annotations

from datetime import datetime, time
from itertools import pairwise
from typing import Literal

import msgspec

from aftersend.receiver import slots
from aftersend.vocabulary import Instant
from aftersend.zones import from_wall, moment

Part = Literal["morning", "afternoon", "evening", "night"]
PARTS: dict[int, Part] = {4: "morning", 10: "afternoon", 16: "evening", 22: "night"}
"""Local hour → the part of the day that begins then (§2.2)."""


class Period(msgspec.Struct, frozen=True):
    """So many local days, and equally many before them."""

    zone: str
    before: Instant
    """Where the period before begins; it ends where this one begins."""
    days: list[Instant]
    """Where each day begins, and last where the period ends."""

    @property
    def start(self) -> Instant:
        return self.days[0]

    @property
    def end(self) -> Instant:
        return self.days[-1]

    @property
    def both(self) -> list[Instant]:
        """The edges of the period before and this one."""
        return [self.before, self.start, self.end]

    def parts(self) -> tuple[list[Instant], list[Part]]:
        """The edges of the parts of the days, and which part each slot between two of them is."""
        cuts: dict[Instant, Part] = {}
        for begins, _ in pairwise(self.days):
            cuts[begins] = "night"
            day = moment(begins, self.zone).date()
            cuts |= {from_wall(datetime.combine(day, time(hour)), self.zone)[0]: part for hour, part in PARTS.items()}
        return [*cuts, self.end], [*cuts.values()]


def past(count: int, zone: str, at: Instant) -> Period:
    """The ``count`` days of which the last is the one in which ``at`` lies."""
    end = slots.following(at, 1, "day", zone)[1]
    start = slots.before(end, count, "day", zone)
    return Period(zone, slots.before(start, count, "day", zone), slots.edges(start, end, "day", zone))


def stamp(at: Instant) -> str:
    """``2026-05-05T04:00:00.000Z``."""
    return moment(at).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
