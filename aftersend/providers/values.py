"""Values as platforms print them in JSON, read with care: nothing a platform might send gets past as what it isn't.

What differs from platform to platform stands in the provider's own ``values``.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from aftersend.providers.contract import Malformed
from aftersend.vocabulary import BadInput, Clock, Instant, Precision
from aftersend.zones import instant

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What no store holds: NUL, and halves of characters."""
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
"""Between them lie the times that can be kept and printed."""
Figure = int | float | str | None
"""A figure of a platform's own, as a snapshot keeps it."""


class Stamp(NamedTuple):
    """A time, and how far it can be trusted."""

    at: Instant
    precision: Precision = Precision.MILLISECOND
    clock: Clock = Clock.STATED

    def about(self, precision: Precision = Precision.MILLISECOND) -> Stamp:
        """The same as a stand-in for a time that isn't told."""
        return Stamp(self.at, precision, Clock.RECEIVED)


def decoded(body: bytes, *, errors: str = "replace", what: str = "The answer") -> Any:
    """The JSON value of a body; ``errors``: what becomes of bytes that are no UTF-8, as :meth:`bytes.decode` says.
    Raises Malformed, saying that ``what`` is none."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(body.decode("utf-8-sig", errors), strict=False)
    except (ValueError, RecursionError):
        raise Malformed(f"{what} is not JSON.") from None


def rows_of(said: Any, name: str) -> list[Any]:
    """The list of that name in an answer. Raises Malformed where there is none."""
    rows = said.get(name) if isinstance(said, dict) else None
    if not isinstance(rows, list):
        raise Malformed(f"The answer has no list '{name}'.")
    return rows


def text(value: Any) -> str | None:
    """A value as the vocabulary has it: text, trimmed, never empty, without what no store holds; ``None`` for anything
    that is neither text nor a number."""
    if value is None:
        return None
    if type(value) is str and value.isprintable():  # nearly all; then there is nothing in it that no store holds
        return value.strip() or None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        return UNSTORABLE.sub("\ufffd", str(value)).strip() or None
    except ValueError:  # an integer of thousands of digits
        return None


def figure(value: Any) -> Figure:
    """A figure or a text as a snapshot keeps it."""
    if value is None or isinstance(value, float) or (type(value) is int and abs(value) < 2**63):
        return value
    return (text(str(value)) or "")[:200]


def stamp(value: Any, name: str) -> Stamp | None:
    """An ISO 8601 time, cut to the millisecond; one without a zone is taken as UTC. ``None`` where there is none.
    Raises BadInput naming the field."""
    if value is None or value == "":
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        if not FIRST <= aware <= LAST:
            raise ValueError
    except (AttributeError, ValueError, TypeError, OverflowError):
        raise BadInput(f"{name} is not a time.", name) from None
    return Stamp(
        instant(aware),
        Precision.MILLISECOND if "." in value else Precision.SECOND,
        Clock.STATED if found.tzinfo else Clock.ASSUMED,
    )


def first_time(*values: Any) -> Stamp | None:
    """The first of them that is a time as :func:`stamp` reads it; ``None`` where none is."""
    for value in values:
        try:
            if found := stamp(value, ""):
                return found
        except BadInput:
            continue
    return None


def known(**values: str | None) -> dict[str, str]:
    """Those that say something."""
    return {name: value for name, value in values.items() if value}
