"""What MailerSend says about its quota (provider file, "Errors and rate limits"). How large it is no header says."""

from __future__ import annotations

from aftersend.providers.values import stamp
from aftersend.vocabulary import BadInput, Instant

DAY = 86_400_000


def not_before(headers: dict[str, str], at: Instant) -> Instant | None:
    """When a refusal ends: a quota that is used up, at its reset or else at midnight UTC; a short-term limit doesn't
    say."""
    if headers.get("x-apiquota-remaining", "").strip() != "0":
        return None
    midnight = at - at % DAY + DAY
    try:
        reset = stamp(headers.get("x-apiquota-reset"), "x-apiquota-reset")
    except BadInput:
        return midnight
    return reset.at if reset and at < reset.at <= at + DAY else midnight
