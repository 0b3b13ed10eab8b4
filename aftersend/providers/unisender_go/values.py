"""Values as Unisender Go writes them: compressed bodies, answers, times, SMTP answers."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime
from typing import Any

from aftersend.providers.contract import Malformed
from aftersend.providers.values import FIRST, LAST, decoded, text
from aftersend.vocabulary import BadInput, Instant
from aftersend.zones import instant, moment

GZIP = b"\x1f\x8b"
"""How a compressed body begins, whatever its headers say ("Quirks")."""
MOST_BYTES = 5_000_000
"""More than this is no webhook of 100 events."""
TIME = "%Y-%m-%d %H:%M:%S"
_REPLY = re.compile(r"([245]\d\d)\b")

Fields = dict[str, Any]
"""A JSON object."""


def fields(value: Any) -> Fields:
    """An object, empty where there is none."""
    return value if isinstance(value, dict) else {}


def inflated(body: bytes) -> bytes:
    """A body as JSON text, where it came compressed and nobody has undone that. Raises Malformed."""
    if not body.startswith(GZIP):
        return body
    stream = zlib.decompressobj(31)
    try:
        whole = stream.decompress(body, MOST_BYTES + 1)
    except zlib.error:
        raise Malformed("The body is not valid gzip.") from None
    if len(whole) > MOST_BYTES or not stream.eof or stream.unused_data:
        raise Malformed("The compressed body is too large, cut short, or something follows it.")
    return whole


def time(value: Any, name: str) -> Instant:
    """A time as the platform writes it everywhere: UTC, to the second, without saying so. Raises BadInput."""
    said = text(value)
    if said is None:
        raise BadInput(f"{name} is missing.", name)
    try:
        found = datetime.strptime(said, TIME).replace(tzinfo=UTC)
    except ValueError:
        raise BadInput(f"{name} is not a time.", name) from None
    if not FIRST <= found <= LAST:
        raise BadInput(f"{name} is not a time that can be.", name)
    return instant(found)


def written(at: Instant) -> str:
    """An instant as the platform wants it, cut to the second."""
    return moment(at).strftime(TIME)


def reply_code(answer: str | None) -> str | None:
    """The code an SMTP answer begins with."""
    found = _REPLY.match(answer or "")
    return found[1] if found else None


def success(body: bytes) -> Fields:
    """What a method answered. Raises Malformed where that is no success."""
    said = decoded(body)
    if not isinstance(said, dict) or said.get("status") != "success":
        raise Malformed("The answer is no success.")
    return said


def error_code(body: bytes) -> int | None:
    """The code of an error; ``None`` where it has none."""
    try:
        code = fields(decoded(body)).get("code")
    except Malformed:
        return None
    return code if type(code) is int else None
