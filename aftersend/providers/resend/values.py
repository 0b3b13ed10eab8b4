"""Values as Resend writes them through both doors: recipients, times, tags."""

from __future__ import annotations

import re
from typing import Any

from aftersend.providers import marks
from aftersend.providers.values import Stamp, stamp, text
from aftersend.vocabulary import BadInput, Problem

_NAMED = re.compile(r"<\s*([^<>@\s]+@[^<>\s]+)\s*>$")


def address(value: Any) -> str | None:
    """The address of ``Name <addr>``, or of ``addr`` alone."""
    whole = text(value)
    found = _NAMED.search(whole) if whole else None
    return found[1] if found else whole


def recipient(to: Any) -> str | None:
    """The one recipient; ``None`` where there are several or none: whose event it is isn't told then."""
    listed = to if isinstance(to, list) else [to]
    return address(listed[0]) if len(listed) == 1 else None


def time(*told: Any) -> Stamp | None:
    """The first of these that can be read."""
    for value in told:
        try:
            if found := stamp(value, "created_at"):
                return found
        except BadInput:
            continue
    return None


def tags(said: Any) -> dict[str, str]:
    """Tags as an object or, in payloads of old, as a list of names and values."""
    if isinstance(said, list):
        return marks.flat({text(tag.get("name")) or "": tag.get("value") for tag in said if isinstance(tag, dict)})
    return marks.flat(said)


def problem(item: int, error: Exception | str, raw: Any) -> Problem:
    """An item that could not be understood."""
    shown = raw if isinstance(raw, bytes) else repr(raw).encode("utf-8", "replace")
    return Problem(item=item, reason=str(error), raw=shown[:2000])
