"""What MailerSend says about its quota (provider file, "Errors and rate limits"). How large it is no header says."""

from __future__ import annotations

from aftersend.providers.values import first_time
from aftersend.vocabulary import Instant

DAY = 86_400_000


def not_before(headers: dict[str, str], at: Instant) -> Instant | None:
    """When a refusal ends: a quota that is used up, at its reset or else at midnight UTC; a short-term limit doesn't
    say."""
    if headers.get("x-apiquota-remaining", "").strip() != "0":
        return None
    midnight = at - at % DAY + DAY
    reset = first_time(headers.get("x-apiquota-reset"))
    return reset.at if reset and at < reset.at <= at + DAY else midnight
