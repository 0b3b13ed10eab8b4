"""Values as Hogsend writes them: JSON, text, times, users."""

from __future__ import annotations

from typing import Any

from aftersend.providers.values import text
from aftersend.vocabulary import Instant
from aftersend.zones import moment


def written(at: Instant) -> str:
    """An instant as Hogsend wants bounds: UTC, milliseconds, ``Z``."""
    return moment(at).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


def external_id(user: Any, email: str | None) -> str | None:
    """The customer's own id: ``userId``, unless the recipient's address stands there for want of one (3.1)."""
    own = text(user)
    return None if own is None or (email is not None and own.lower() == email.lower()) else own
