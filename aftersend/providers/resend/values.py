"""Values as Resend writes them through both doors: recipients, times, tags."""

from __future__ import annotations

import re
from typing import Any

from aftersend.providers import marks
from aftersend.providers.values import text

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


def tags(said: Any) -> dict[str, str]:
    """Tags as an object or, in payloads of old, as a list of names and values."""
    if isinstance(said, list):
        return marks.flat({text(tag.get("name")) or "": tag.get("value") for tag in said if isinstance(tag, dict)})
    return marks.flat(said)
