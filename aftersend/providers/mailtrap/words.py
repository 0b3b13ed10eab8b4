"""Mailtrap's words and what they mean to us (provider file, "Events")."""

from __future__ import annotations

from aftersend.vocabulary import BounceClass, Kind

KINDS = {
    "delivery": Kind.DELIVERED,
    "soft_bounce": Kind.DEFERRED,
    "bounce": Kind.BOUNCED,
    # The sending domain isn't verified yet: tried again, then delivered or rejected.
    "suspension": Kind.DEFERRED,
    "reject": Kind.DROPPED,
    "spam": Kind.COMPLAINED,
    "unsubscribe": Kind.UNSUBSCRIBED,
    "open": Kind.OPENED,
    "click": Kind.CLICKED,
}
"""Event, as :func:`plain` has it → kind. Any other is ``other``."""
CLICK = "click"
_SAME = {"spam_complaint": "spam"}

PASSED_BY = ("inbound", "audit")
"""How the events of webhooks begin that are of no email sent."""

BOUNCES = {
    "badrecipient": BounceClass.HARD,
    "dnsfail": BounceClass.HARD,
    "overquota": BounceClass.SOFT,
    "timeout": BounceClass.SOFT,
    "transientfail": BounceClass.SOFT,
    "greylisting": BounceClass.SOFT,
    "serverfail": BounceClass.SOFT,
    "generalfail": BounceClass.SOFT,
    "badsender": BounceClass.BLOCK,
    "verifyfail": BounceClass.BLOCK,
    "relayfail": BounceClass.BLOCK,
    "block": BounceClass.BLOCK,
    "serverpolicy": BounceClass.BLOCK,
    "spam_gmail": BounceClass.BLOCK,
    "content": BounceClass.BLOCK,
    "spam": BounceClass.BLOCK,
    "other": BounceClass.UNDETERMINED,
}
"""``bounce_category`` in lower case → class. The list is open; a ``bounce`` is permanent, so any other is hard."""


def plain(word: str) -> str:
    """One spelling of two: webhooks write ``soft bounce`` and ``spam``, the API ``soft_bounce`` and, in places,
    ``spam_complaint``."""
    found = "_".join(word.lower().split())
    return _SAME.get(found, found)


def bounce_class(category: str | None) -> BounceClass:
    """The class of a ``bounce``."""
    return BOUNCES.get((category or "").lower(), BounceClass.HARD)
