"""Values as Postmark writes them: times of up to seven decimals, details of SMTP, names that say nothing."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, NamedTuple

from aftersend.providers.values import Stamp, stamp, text
from aftersend.vocabulary import Instant
from aftersend.zones import moment

_SMTP = re.compile(r"(?:smtp;\s*)?([245]\d\d)\b", re.IGNORECASE)


class When(NamedTuple):
    """A time, and all its digits for telling two facts apart."""

    stamp: Stamp
    exact: str
    """Microseconds since 1970 in UTC: what follows the sixth decimal is cut, however the time was written."""


def when(value: Any, name: str) -> When | None:
    """A time of Postmark's; ``None`` where there is none. Raises BadInput naming the field."""
    found = stamp(value, name)
    if found is None:
        return None
    micros = datetime.fromisoformat(value.strip()).microsecond % 1000
    return When(found, f"{found.at}{micros:03d}")


def written(at: Instant, zone: str) -> str:
    """An instant as the filters of lists want it: a wall clock's second in a zone."""
    return moment(at, zone).strftime("%Y-%m-%dT%H:%M:%S")


def smtp_code(details: Any) -> str | None:
    """The three digits of the server's answer at the beginning of ``Details``, which is free text."""
    found = _SMTP.match(text(details) or "")
    return found[1] if found else None


def named(value: Any, field: str = "Name") -> str | None:
    """A text of an object (``Client``, ``OS``, ``Geo``) that may be empty, missing or say ``unknown``."""
    found = text(value.get(field)) if isinstance(value, dict) else None
    return None if found is None or found.lower() == "unknown" else found
