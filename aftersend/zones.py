"""Wall clocks and instants: where a zone is applied, and nowhere else (law 9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aftersend.vocabulary import BadInput, Clock, Instant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLI = timedelta(milliseconds=1)


@lru_cache(maxsize=512)
def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name. Raises :class:`BadInput` for a name that is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(f"'{name[:60]}' is not an IANA time zone, as Europe/Berlin is.", "time_zone") from error


def instant(moment: datetime) -> Instant:
    """An aware datetime as milliseconds since the epoch, cut (not rounded) to the millisecond."""
    return (moment - EPOCH) // _MILLI


def moment(at: Instant, zone_name: str = "UTC") -> datetime:
    """An instant as an aware datetime in a zone."""
    return (EPOCH + at * _MILLI).astimezone(zone(zone_name))


def from_wall(wall: datetime, zone_name: str) -> tuple[Instant, Clock]:
    """The instant of a naive wall-clock time in a zone, and how sure that is.

    A wall time that occurred twice is taken as its first occurrence (``doubled``); one that never occurred
    is moved forward by the length of the gap (``missing``); any other is ``assumed``.
    """
    tz = zone(zone_name)
    first, second = wall.replace(tzinfo=tz, fold=0), wall.replace(tzinfo=tz, fold=1)
    clock = Clock.ASSUMED
    if first.utcoffset() != second.utcoffset():
        # In a gap, fold=0 carries the offset from before it: converting through UTC lands behind the gap.
        back = first.astimezone(UTC).astimezone(tz).replace(tzinfo=None)
        clock = Clock.DOUBLED if back == wall else Clock.MISSING
    return instant(first.astimezone(UTC)), clock


def isoformat(at: Instant | None) -> str | None:
    """``2026-11-21T10:00:00Z``, with milliseconds only where there are some."""
    if at is None:
        return None
    minute, rest = divmod(at, 60_000)
    text = f"{_minute(minute)}{rest // 1000:02d}"
    return f"{text}.{rest % 1000:03d}Z" if rest % 1000 else f"{text}Z"


@lru_cache(maxsize=4096)
def _minute(minute: int) -> str:
    """``2026-11-21T10:00:``, kept because what is shown together lies close together in time."""
    return (EPOCH + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:")


def parse(text: str, field: str, zone_name: str = "UTC", *, end: bool = False) -> Instant:
    """A caller's date or time as an instant.

    ``2026-11-21`` is the day's first instant in the zone (with ``end``: the first of the day after, so that
    a range ``from``/``to`` of days includes both). ``2026-11-21T10:00:00``, with ``Z``, an offset, or
    without (then in the zone). Raises :class:`BadInput` naming the field.
    """
    try:
        if len(text) == 10:
            day = datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 - the zone is applied below
            return from_wall(day + timedelta(days=1) if end else day, zone_name)[0]
        # A query string turns the plus of an offset into a space.
        value = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return instant(value) if value.tzinfo else from_wall(value, zone_name)[0]
    except (ValueError, OverflowError) as error:
        raise BadInput(f"'{field}' must be a date or time as 2026-11-21 or 2026-11-21T10:00:00Z.", field) from error
