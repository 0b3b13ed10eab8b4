"""Constant Contact's limits (provider file, 5.2): no header tells of them, only the body of a refusal."""

from __future__ import annotations

from typing import Any

from aftersend.providers.contract import Malformed
from aftersend.providers.paging import DAY
from aftersend.providers.values import decoded
from aftersend.vocabulary import Instant, Rate

RATES = (Rate(4, 1000), Rate(10_000, DAY))
"""Of an application, all its accounts together."""
SHORTLY = 2_000
SHORT = ("throttled", "mashery.not.authorized.over.qps")
FOR_TODAY = ("quota_exceeded", "mashery.not.authorized.over.ratelimit")
"""``error_key`` of the two limits, and what very old answers said with a 403."""


def not_before(status: int, headers: dict[str, str], body: bytes, at: Instant) -> Instant | None:
    """When to ask again: in two seconds, or with the next day, which begins at 00:00 UTC."""
    if status not in (403, 429):
        return None
    said = {*_keys(body), *headers.values()}
    if not said.isdisjoint(FOR_TODAY):
        return (at // DAY + 1) * DAY
    if not said.isdisjoint(SHORT):
        return at + SHORTLY
    return None


def _keys(body: bytes) -> set[str]:
    """The ``error_key`` of an object, or of each in an array (5.1)."""
    try:
        said: Any = decoded(body)
    except Malformed:
        return set()
    errors = said if isinstance(said, list) else [said]
    return {str(error.get("error_key")) for error in errors if isinstance(error, dict)}
