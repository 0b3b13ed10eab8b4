"""Values as SendGrid writes them: times, custom args, ids and answers of remote servers."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from aftersend.providers.values import text
from aftersend.vocabulary import BadInput, Instant

_REPLY = re.compile(r"([245]\d\d)(?=[ -]|$)")


def unique_args(value: Any) -> dict[str, Any]:
    """Custom args that stand in an object, or in one that is printed as text."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def x_message_id(message: str | None) -> str | None:
    """The ``X-Message-Id`` that Mail Send answered with: what stands before the first dot, which some drops lack."""
    own = (message or "").partition(".")[0]
    return own if own and not own.startswith("filter") else None


def reply_code(said: str | None) -> str | None:
    """The SMTP code a remote answer begins with. What SendGrid says itself has none."""
    found = _REPLY.match(said or "")
    return found[1] if found else None


def seconds(value: Any, name: str = "timestamp") -> Instant:
    """Unix seconds as an instant. Raises BadInput naming the field."""
    said = text(value)
    if said is None:
        raise BadInput(f"{name} is missing.", name)
    whole = said.partition(".")[0] if isinstance(value, float) else said
    if not (whole.isascii() and whole.isdecimal() and len(whole) < 12):
        raise BadInput(f"{name} is not a time in Unix seconds.", name)
    return int(whole) * 1000
