"""Values as Mailgun writes them: times, and variables that senders attach."""

from __future__ import annotations

import json
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

from aftersend.providers.mailgun.words import UNRESOLVED
from aftersend.providers.marks import flat
from aftersend.providers.values import FIRST, LAST, Stamp, stamp, text
from aftersend.vocabulary import BadInput, Instant, Precision
from aftersend.zones import instant, moment

_FIRST, _LAST = instant(FIRST), instant(LAST)


def time_of(row: dict[str, Any]) -> Stamp:
    """When it happened: ``timestamp``, Unix seconds with a fraction; in logs ``@timestamp``, ISO 8601. Cut to the
    millisecond. Raises BadInput where there is neither."""
    seconds = row.get("timestamp")
    if seconds is not None:
        return _unix(seconds)
    found = stamp(row.get("@timestamp"), "@timestamp")
    if found is None:
        raise BadInput("timestamp is missing.", "timestamp")
    return found


def _unix(value: Any) -> Stamp:
    """In decimal, as printed: as a binary fraction, x.278 times a thousand may fall short of 278."""
    printed = text(value) or ""
    try:
        millis = Decimal(printed) * 1000
        if not _FIRST <= millis <= _LAST:
            raise ValueError
    except (ArithmeticError, ValueError):
        raise BadInput("timestamp is not a time.", "timestamp") from None
    return Stamp(int(millis), Precision.MILLISECOND if "." in printed else Precision.SECOND)


def rfc2822(at: Instant) -> str:
    """An instant as the logs want bounds."""
    return format_datetime(moment(at))


def record(value: Any) -> dict[str, Any]:
    """An object; where there is none (null, ``[]``, missing) an empty one."""
    return value if isinstance(value, dict) else {}


def resolved(value: Any) -> str | None:
    """A text that Mailgun found out."""
    found = text(value)
    return None if found is None or found.lower() == UNRESOLVED else found


def variables(value: Any) -> dict[str, str]:
    """``user-variables``, one level: a value may be JSON text, whose names are joined to its own."""
    return flat({name: _unpacked(inner) for name, inner in record(value).items()})


def _unpacked(value: Any) -> Any:
    if not (isinstance(value, str) and value.lstrip().startswith(("{", "["))):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    # A list of objects can't be laid flat: it stays text.
    return found if not found or flat({"value": found}) else value
