"""How often Resend lets itself be asked (Errors and rate limits).

Ten requests a second for a team, two of old; the team's own sending shares them. So it is asked twice a second, and its
headers are believed.
"""

from __future__ import annotations

import re

from aftersend.vocabulary import Heard, Instant, Rate, now

SECOND = 1000
RATES = (Rate(2, SECOND),)


def heard(headers: dict[str, str]) -> list[Heard]:
    """What an answer says about the budget."""
    most, left = _number(headers, "ratelimit-limit"), _number(headers, "ratelimit-remaining")
    return [] if most is None or left is None else [Heard(SECOND, most, left, reset(headers, now()))]


def reset(headers: dict[str, str], at: Instant) -> Instant | None:
    """When the window ends, where that is said."""
    seconds = _number(headers, "ratelimit-reset")
    return None if seconds is None else at + seconds * SECOND


def _number(headers: dict[str, str], name: str) -> int | None:
    found = re.match(r"\s*([0-9]{1,6})(?![0-9])", headers.get(name, ""), re.ASCII)
    return int(found[1]) if found else None
