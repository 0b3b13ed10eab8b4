"""Query parameters, strictly: what can't be meant is refused by name (providers/benchmark-email.md §10).

Parameters that the platform doesn't know are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from flask import request

from aftersend import zones
from aftersend.vocabulary import BadInput


def given(name: str) -> str | None:
    """A parameter as it was sent, ``None`` where it wasn't. Raises BadInput where it was sent twice."""
    values = request.args.getlist(name)
    if len(values) > 1:
        raise BadInput(f"{name} must be given once", name)
    return values[0] if values else None


def whole(name: str, lowest: int, highest: int | None = None, default: int | None = None) -> int:
    """A whole number in decimal digits. Without a default it must be given."""
    text = given(name)
    if text is None and default is not None:
        return default
    digits = text.lstrip("0") if text is not None and re.fullmatch("[0-9]+", text) else None
    # A number of more digits is beyond every range, and far enough for a page.
    value = None if digits is None else int(digits[:18] or "0")
    if value is None or value < lowest or (highest is not None and value > highest):
        limits = f"at least {lowest}" if highest is None else f"between {lowest} and {highest}"
        raise BadInput(f"{name} must be {limits}", name)
    return value


def choice(name: str, words: Collection[str], default: str | None = None) -> str:
    """One of several words. Without a default it must be given."""
    text = given(name)
    if text is None and default is not None:
        return default
    if text not in words or text is None:
        raise BadInput(f"{name} must be one of {', '.join(words)}", name)
    return text


def time_zone() -> str:
    """``timezone``, an IANA name; UTC where it isn't given."""
    name = given("timezone")
    if name is None:
        return "UTC"
    try:
        zones.zone(name)
    except BadInput as error:
        raise BadInput("timezone must be an IANA time zone, as America/New_York", "timezone") from error
    return name
