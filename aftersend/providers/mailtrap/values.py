"""Values as Mailtrap writes them."""

from __future__ import annotations

from typing import Any

from aftersend.providers.values import FIRST, LAST, Stamp, text
from aftersend.vocabulary import BadInput, Instant, Precision
from aftersend.zones import instant, moment

_FIRST, _LAST = instant(FIRST), instant(LAST)
_MILLIS = 10**11
"""From here on a number of Unix time is one of milliseconds: as seconds it would lie beyond the year 5000."""


def unix(value: Any) -> Stamp:
    """Unix seconds; milliseconds, as some of its webhooks have, are known by their size. Raises BadInput."""
    if value is None or value == "":
        raise BadInput("timestamp is missing.", "timestamp")
    try:
        number = float(text(value) or "")
        in_millis = abs(number) >= _MILLIS
        millis = number if in_millis else number * 1000
        if not _FIRST <= millis <= _LAST:
            raise ValueError
    except (ValueError, OverflowError):
        raise BadInput("timestamp is not a time.", "timestamp") from None
    return Stamp(int(millis), Precision.MILLISECOND) if in_millis else Stamp(int(number) * 1000, Precision.SECOND)


def written(at: Instant) -> str:
    """An instant as Mailtrap wants bounds: ISO 8601, ``Z``."""
    return f"{moment(at):%Y-%m-%dT%H:%M:%SZ}"


def record(value: Any) -> dict[str, Any]:
    """An object; where there is none an empty one."""
    return value if isinstance(value, dict) else {}
