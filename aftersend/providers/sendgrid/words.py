"""SendGrid's words and what they mean to us (provider file, "Events", "Bounce classification", "Pull feed")."""

from __future__ import annotations

from aftersend.vocabulary import BounceClass, Kind

WEBHOOKS = {
    "processed": Kind.QUEUED,
    "deferred": Kind.DEFERRED,
    "delivered": Kind.DELIVERED,
    "bounce": Kind.BOUNCED,
    "dropped": Kind.DROPPED,
    "open": Kind.OPENED,
    "click": Kind.CLICKED,
    "spamreport": Kind.COMPLAINED,
    "spam_report": Kind.COMPLAINED,
    "unsubscribe": Kind.UNSUBSCRIBED,
    "group_unsubscribe": Kind.UNSUBSCRIBED,
    "group_resubscribe": Kind.RESUBSCRIBED,
}
"""``event`` → kind. The settings call the complaint ``spam_report``, the payload ``spamreport``."""

ACCOUNT = "account_status_change"
"""A notice about the account: it has no recipient and is no event of an email."""
OF_GROUP = frozenset({"group_unsubscribe", "group_resubscribe"})
"""They are of one unsubscribe group, not of all mail."""

ACTIVITY = WEBHOOKS | {
    "bounced": Kind.BOUNCED,
    "blocked": Kind.BOUNCED,
    "drop": Kind.DROPPED,
    "deferral": Kind.DEFERRED,
    "opened": Kind.OPENED,
    "clicked": Kind.CLICKED,
    "unsubscribed": Kind.UNSUBSCRIBED,
}
"""``event_name`` of a message's events → kind. Its words aren't documented: those of webhooks and their like."""

BOUNCES = {
    "bounce": BounceClass.HARD,
    "blocked": BounceClass.BLOCK,
    "expired": BounceClass.SOFT,
    "hard": BounceClass.HARD,
    "soft": BounceClass.SOFT,
}
"""``type`` (webhook) and ``bounce_type`` (activity) → class. The list is open."""

CLASSIFICATIONS = {
    "invalid": BounceClass.HARD,
    "mailbox": BounceClass.SOFT,
    "reputation": BounceClass.BLOCK,
    "content": BounceClass.BLOCK,
    "frequency": BounceClass.BLOCK,
}
"""How a ``bounce_classification`` begins, in any case → class, where ``type`` says nothing that is known. The others
(``Technical Failure``, ``Unclassified``) tell no class."""

SUPPRESSIONS = {
    "bounces": Kind.BOUNCED,
    "blocks": Kind.BOUNCED,
    "spam_reports": Kind.COMPLAINED,
    "invalid_emails": Kind.DROPPED,
    "unsubscribes": Kind.UNSUBSCRIBED,
}
"""Suppression list → what put an address there."""


def bounce_class(type_: str | None, classification: str | None, status: str | None) -> BounceClass:
    """The class of a bounce: its type's; where that is unknown, its classification's. What is called permanent, or
    nothing, but has a temporary status (``4.…``) is soft."""
    said = (classification or "").lower()
    classes = (class_ for word, class_ in CLASSIFICATIONS.items() if said.startswith(word))
    found = BOUNCES.get((type_ or "").lower()) or next(classes, BounceClass.UNDETERMINED)
    temporary = (status or "").startswith("4") and found in (BounceClass.HARD, BounceClass.UNDETERMINED)
    return BounceClass.SOFT if temporary else found
