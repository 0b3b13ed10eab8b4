"""Values as Hogsend writes them: JSON, text, times, users."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from aftersend.providers.contract import Malformed
from aftersend.vocabulary import BadInput, Clock, Instant, Precision
from aftersend.zones import instant, moment

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


class Stamp(NamedTuple):
    """A time, and how far it can be trusted."""

    at: Instant
    precision: Precision = Precision.MILLISECOND
    clock: Clock = Clock.STATED

    def about(self, precision: Precision = Precision.MILLISECOND) -> Stamp:
        """The same as a stand-in for a time that isn't told."""
        return Stamp(self.at, precision, Clock.RECEIVED)


def decoded(body: bytes) -> Any:
    """The JSON value of a body. Raises Malformed for what is none."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(body.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError):
        raise Malformed("The answer is not JSON.") from None


def text(value: Any) -> str | None:
    """A value as the vocabulary has it: text, trimmed, never empty, without what no store holds; ``None`` for anything
    that is neither text nor a number."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return _UNSTORABLE.sub("\ufffd", str(value)).strip() or None


def stamp(value: Any, name: str) -> Stamp | None:
    """An ISO 8601 time, as everything but bucket labels is (section 2, common rules), cut to the millisecond; ``None``
    where there is none. Raises BadInput naming the field."""
    if value is None or value == "":
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        if not _FIRST <= aware <= _LAST:
            raise ValueError
    except (AttributeError, ValueError, TypeError, OverflowError):
        raise BadInput(f"{name} is not a time.", name) from None
    return Stamp(
        instant(aware),
        Precision.MILLISECOND if "." in value else Precision.SECOND,
        Clock.STATED if found.tzinfo else Clock.ASSUMED,
    )


def written(at: Instant) -> str:
    """An instant as Hogsend wants bounds: UTC, milliseconds, ``Z``."""
    return moment(at).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


def external_id(user: Any, email: str | None) -> str | None:
    """The customer's own id: ``userId``, unless the recipient's address stands there for want of one (3.1)."""
    own = text(user)
    return None if own is None or (email is not None and own.lower() == email.lower()) else own


def known(**values: str | None) -> dict[str, str]:
    """Those that say something."""
    return {name: value for name, value in values.items() if value}
