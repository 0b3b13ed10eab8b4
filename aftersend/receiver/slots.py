"""Slots: a span of time cut along a zone's calendar into hours, days, weeks from Monday, or months.

Slots are contiguous and whole; a day lasts 23 or 25 hours where the zone changes its offset. Where a zone
moves by half an hour, one slot of hours is shorter.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Literal

from aftersend.vocabulary import BadInput, Instant, now
from aftersend.zones import from_wall, moment

Unit = Literal["hour", "day", "week", "month"]
MOST = 10_000
DEFAULT = 30
_HOUR = 3_600_000


def edges(since: Instant | None, until: Instant | None, unit: Unit, zone: str, count: int = DEFAULT) -> list[Instant]:
    """The edges of the slots that cover ``since`` to ``until`` (exclusive), ascending, one more than slots.

    Without ``until``: up to the present one. Without ``since``: the ``count`` slots before the end.
    Raises BadInput for more than :data:`MOST` slots.
    """
    until = now() + 1 if until is None else until
    with _calendar():
        if since is None:
            since = _shifted(_floor(until - 1, unit, zone), unit, zone, 1 - count)
        found = [_floor(since, unit, zone)]
        while len(found) < 2 or found[-1] < until:
            if len(found) > MOST:
                raise BadInput(f"That is more than {MOST} slots of one {unit}; ask for less time.", "from")
            found.append(_shifted(found[-1], unit, zone, 1))
    return found


def following(at: Instant, count: int, unit: Unit, zone: str) -> list[Instant]:
    """The edges of the ``count`` slots of which the first is the one in which ``at`` lies."""
    with _calendar():
        found = [_floor(at, unit, zone)]
        for _ in range(count):
            found.append(_shifted(found[-1], unit, zone, 1))
    return found


def before(start: Instant, count: int, unit: Unit, zone: str) -> Instant:
    """The beginning of the ``count`` slots that end where the slot ``start`` begins."""
    with _calendar():
        return _shifted(start, unit, zone, -count)


@contextmanager
def _calendar() -> Iterator[None]:
    """What lies beyond the calendar of computers is the caller's mistake."""
    try:
        yield
    except (OverflowError, ValueError) as error:
        raise BadInput("'from' and 'to' must lie between the years 2 and 9998.", "from") from error


def _floor(at: Instant, unit: Unit, zone: str) -> Instant:
    """The beginning of the slot in which an instant lies."""
    wall = moment(at, zone)
    if unit == "hour":
        return at - (wall.minute * 60 + wall.second) * 1000 - at % 1000
    return from_wall(_midnight(wall, unit), zone)[0]


def _midnight(wall: datetime, unit: Unit) -> datetime:
    day = datetime(wall.year, wall.month, wall.day)  # noqa: DTZ001 - a wall clock's; the caller applies the zone
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


def _shifted(start: Instant, unit: Unit, zone: str, count: int) -> Instant:
    """The beginning of the slot ``count`` slots after the one that begins at ``start``."""
    if unit == "hour":
        at = start + count * _HOUR
        # Behind a shift by half an hour the wall clock is off the full hour for one slot.
        return _floor(at, unit, zone) if _floor(at, unit, zone) > start or count < 0 else at
    day = _midnight(moment(start, zone), unit)
    if unit == "month":
        months = day.year * 12 + day.month - 1 + count
        return from_wall(day.replace(year=months // 12, month=months % 12 + 1), zone)[0]
    return from_wall(day + timedelta(days=count * (7 if unit == "week" else 1)), zone)[0]
