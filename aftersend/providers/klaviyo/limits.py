"""Klaviyo's limits (provider file, "Errors and rate limits")."""

from __future__ import annotations

from aftersend.vocabulary import Heard, Rate, now

MINUTE = 60_000
RATES = (Rate(350, 1000), Rate(3_500, MINUTE))
"""Of an account, for its events. The list of metrics is seldom asked for."""


def heard(headers: dict[str, str]) -> list[Heard]:
    """What an answer says of the minute. A refusal says nothing of it, but has a ``Retry-After``."""
    said = [headers.get(f"ratelimit-{name}", "").strip() for name in ("limit", "remaining", "reset")]
    if not all(text.isascii() and text.isdecimal() and len(text) < 10 for text in said):
        return []
    most, left, reset = map(int, said)
    return [Heard(MINUTE, most, left, now() + min(reset * 1000, MINUTE))]
