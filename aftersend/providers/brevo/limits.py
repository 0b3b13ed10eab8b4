"""What Brevo's headers say about its limits (provider file, "Errors and rate limits")."""

from __future__ import annotations

from aftersend.vocabulary import Heard, Instant

HOUR = 3_600_000
STATISTICS = 300
"""Requests an hour for the list of events, on the general plan; others have more, and their headers say so."""


def heard(headers: dict[str, str], at: Instant) -> list[Heard]:
    """The budget of the hour."""
    most, left = _number(headers.get("x-sib-ratelimit-limit")), _number(headers.get("x-sib-ratelimit-remaining"))
    if most is None or left is None or left > most:
        return []
    return [Heard(HOUR, most, left, reset(headers, at))]


def reset(headers: dict[str, str], at: Instant) -> Instant | None:
    """When the window ends: the header has the seconds left. More than an hour's can't be such."""
    left = _number(headers.get("x-sib-ratelimit-reset"))
    return at + left * 1000 if left is not None and left * 1000 <= HOUR else None


def _number(value: str | None) -> int | None:
    said = (value or "").strip()
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 10 else None
