"""Postal's words and what they mean to us (provider file, "Events")."""

from __future__ import annotations

import re

from aftersend.vocabulary import BounceClass, Kind

WEBHOOKS = {
    "MessageSent": Kind.DELIVERED,
    "MessageDelayed": Kind.DEFERRED,
    "MessageDeliveryFailed": Kind.BOUNCED,
    "MessageHeld": Kind.DROPPED,
    "MessageBounced": Kind.BOUNCED,
    "MessageLinkClicked": Kind.CLICKED,
    "MessageLoaded": Kind.OPENED,
}
"""``event`` → kind. A held message may be released later, and is then sent."""

STATUSES = {
    "Sent": Kind.DELIVERED,
    "SoftFail": Kind.DEFERRED,
    "HardFail": Kind.BOUNCED,
    "Held": Kind.DROPPED,
}
"""``payload.status`` → kind, where ``event`` is unknown."""

OF_NO_MESSAGE = frozenset({"DomainDNSError", "SendLimitApproaching", "SendLimitExceeded"})
"""Notices about the mail server: they are no events of an email."""

INCOMING = "incoming"
"""``direction`` of mail that Postal received: none of ours."""

CLASSES = {
    "5.7": BounceClass.BLOCK,
    "5.2.2": BounceClass.SOFT,
    "4": BounceClass.SOFT,
    "5": BounceClass.HARD,
}
"""How an enhanced status code begins → class, the first that fits; of a plain reply code the first digit counts."""

_REPLY = re.compile(r"^\s*([245]\d\d)(?=[ -]|$)")
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")


def smtp_code(*answers: str | None) -> str | None:
    """The code that one of these answers of a remote server begins with, else an enhanced status code in it."""
    said = [answer for answer in answers if answer]
    return next((found[1] for code in (_REPLY, _ENHANCED) for answer in said if (found := code.search(answer))), None)


def bounce_class(*answers: str | None) -> BounceClass:
    """The class that the codes in these answers tell. Hard where they tell none: Postal has given up."""
    enhanced = next((found[1] for answer in answers if answer and (found := _ENHANCED.search(answer))), None)
    code = enhanced or (smtp_code(*answers) or "")[:1]
    return next((class_ for begin, class_ in CLASSES.items() if _begins(code, begin)), BounceClass.HARD)


def _begins(code: str, begin: str) -> bool:
    return f"{code}.".startswith(f"{begin}.")
