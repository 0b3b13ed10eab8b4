"""Every way inwise writes a time (provider file, section 6). None carries a zone: the source's is assumed."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from aftersend.vocabulary import BadInput, Clock, Instant, Precision
from aftersend.zones import from_wall, instant, moment

MINUTE = 60_000
DAY = 86_400_000

_ASSUMED = Clock.ASSUMED
_ISO = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_SLASHED = re.compile(r"(\d\d?)/(\d\d?)/(\d{4}) (\d\d?):(\d\d):(\d\d)", re.ASCII)
_SPACED = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.\d+)?", re.ASCII)


class Stamp(NamedTuple):
    """A time as it was understood."""

    at: Instant
    precision: Precision
    clock: Clock
    day_first: bool = False
    """A slash date whose first number can't be a month."""


@lru_cache(maxsize=8192)
def to_second(text: str, zone: str) -> Stamp:
    """A time of the automation webhook: ``YYYY-MM-DD HH:MM:SS`` or ``MM/DD/YYYY HH:MM:SS``; also ISO 8601 with
    ``T``, any number of digits of a second, and an offset. Raises :class:`BadInput`."""
    try:
        if _ISO.fullmatch(text):
            return _stamp(datetime.fromisoformat(text), zone)
        if slashed := _SLASHED.fullmatch(text):
            first, second, year, hour, minute, seconds = (int(number) for number in slashed.groups())
            month, day = (second, first) if first > 12 else (first, second)
            wall = datetime(year, month, day, hour, minute, seconds)  # noqa: DTZ001 - the zone is applied in _stamp
            return _stamp(wall, zone)._replace(day_first=first > 12)
    except (ValueError, OverflowError):
        pass
    raise BadInput("The time can't be read.")


@lru_cache(maxsize=8192)
def to_minute(text: str, zone: str) -> Stamp:
    """The same for lists that cut to the minute: seconds ``00`` are taken as not stated (section 6), real ones
    (an Aftersend that serves this list prints them) are believed."""
    stamp = to_second(text, zone)
    return stamp._replace(precision=Precision.MINUTE) if stamp.at % MINUTE == 0 else stamp


def transactional(text: str, zone: str, received_at: Instant) -> Stamp:
    """``created_at`` of the transactional webhook, which has a broken form.

    "looks like ``YYYY-??-DD hh:MM:SS``": the 24-hour hour is printed where the month belongs, and the hour itself
    is on a 12-hour clock. A space instead of the ``T`` gives it away. Its month is never believed: the fact happened
    on the day of receipt, or a neighbouring one, that has its day number, at its 24-hour time, if that is within a
    day of the receipt. Where it isn't, the two disagree, and the time of receipt stands in (``received``).
    """
    spaced = _SPACED.fullmatch(text)
    if not spaced:
        return to_minute(text, zone)
    year, month, day, hour, minute, second = (int(number) for number in spaced.groups())
    if 1 <= hour <= 12 and month < 24 and month % 12 == hour % 12:
        month, hour = 0, month  # no month is stated
    here = moment(received_at, zone)
    for days in (0, -1, 1):
        near = here + timedelta(days=days)
        if (near.year, near.day) != (year, day) or month not in (0, near.month):
            continue
        candidate = f"{near:%Y-%m-%d} {hour:02}:{minute:02}:{second:02}"
        try:
            stamp = to_minute(candidate, zone)
        except BadInput:
            continue
        if abs(stamp.at - received_at) <= DAY:
            return stamp
    return Stamp(received_at, Precision.SECOND, Clock.RECEIVED)


def notes(field: str, text: str, stamp: Stamp) -> dict[str, str]:
    """What is worth keeping beside the instant: the raw text wherever the zone was not simply assumed."""
    if stamp.clock is _ASSUMED and not stamp.day_first:
        return {}
    kept = {} if stamp.clock is _ASSUMED else {field: text}
    return kept | {"date": "day_first"} if stamp.day_first else kept


def _stamp(time: datetime, zone: str) -> Stamp:
    if not 2000 <= time.year < 2200:
        # 0001-01-01 and 9999-12-31 are how some platforms write that they have no time.
        raise ValueError
    precision = Precision.MILLISECOND if time.microsecond else Precision.SECOND
    if time.tzinfo:
        return Stamp(instant(time), precision, Clock.STATED)
    at, clock = from_wall(time, zone)
    return Stamp(at, precision, clock)
