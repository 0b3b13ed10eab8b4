"""Values as Mailjet writes them: numbers that may be text, zeros that mean nothing, payloads that may be JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from aftersend.providers.values import LAST, Stamp, text
from aftersend.vocabulary import BadInput, Precision
from aftersend.zones import instant

_SMTP = re.compile(r"(?:^|\()([245]\d\d)\b")
_LAST_SECOND = instant(LAST) // 1000


def own_id(value: Any) -> str | None:
    """An id as text; ``None`` for 0 and what is empty, which both mean that there is none."""
    found = text(value)
    return None if found == "0" else found


def truth(value: Any) -> bool | None:
    """A boolean, also where it came as a number or as text; ``None`` for what is none."""
    match str(value).lower():
        case "true" | "1":
            return True
        case "false" | "0":
            return False
    return None


def seconds(value: Any, name: str) -> Stamp:
    """A time in Unix seconds. Raises BadInput naming the field."""
    found = text(value)
    if found is None:
        raise BadInput(f"{name} is missing.", name)
    if not (found.isascii() and found.isdecimal() and len(found) < 13 and int(found) <= _LAST_SECOND):
        raise BadInput(f"{name} is not a time.", name)
    return Stamp(int(found) * 1000, Precision.SECOND)


def smtp_code(reply: str | None) -> str | None:
    """The three digits of a server's answer, at its beginning or behind a bracket: ``sent (250 2.0.0 OK)``."""
    found = _SMTP.search(reply or "")
    return found[1] if found else None


def payload(value: Any) -> tuple[dict[str, Any], str | None]:
    """The sender's ``Payload``: its fields if it is a JSON object, else its text."""
    said = text(value)
    if said is None:
        return {}, None
    try:
        fields = json.loads(said)
    except (ValueError, RecursionError):
        return {}, said
    return (fields, None) if isinstance(fields, dict) else ({}, said)
