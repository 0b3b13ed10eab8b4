"""Benchmark's words and what they mean to us (provider file, sections 2.6 and 7). Compared without case."""

from __future__ import annotations

from aftersend.vocabulary import BounceClass, Kind

KINDS = {
    "email-sent": Kind.SENT,
    "email-delivered": Kind.DELIVERED,
    "email-delayed": Kind.DEFERRED,
    "email-bounced": Kind.BOUNCED,
    "email-rejected": Kind.DROPPED,
    "email-skipped": Kind.DROPPED,
    "email-complaint": Kind.COMPLAINED,
    "email-opened": Kind.OPENED,
    "email-clicked": Kind.CLICKED,
    "contact-unsubscribed": Kind.UNSUBSCRIBED,
    "contact-reactivated": Kind.RESUBSCRIBED,
    "contact-created": Kind.OTHER,
    "contact-updated": Kind.OTHER,
    "contact-update-failed": Kind.OTHER,
}
"""Type of an event → kind, 7. A word that isn't here is ``other``."""
REJECTED, SKIPPED = "email-rejected", "email-skipped"
NOT_SPAM = "not-spam"
"""A complaint's feedback type that takes a complaint back: information, not a complaint, 7."""

CLASSES = {
    "permanent": BounceClass.HARD,
    "hard": BounceClass.HARD,
    "transient": BounceClass.SOFT,
    "soft": BounceClass.SOFT,
}
"""What ``emailBounceType`` holds → class, 2.6; the first that is found."""
REASONS = {
    "noemail": "invalid_address",
    "mailboxfull": "mailbox_full",
    "suppressed": "suppressed",
    "onaccountsuppressionlist": "suppressed",
    "messagetoolarge": "content",
    "contentrejected": "content",
    "attachmentrejected": "content",
}
"""``emailBounceSubType`` → reason, 7. A suppressed address stays a bounce, as in Benchmark's own totals."""

HISTOGRAMS = (
    *("email-sent", "email-delivered", "email-bounced", "first-contact-unsubscribed", "first-email-complaint"),
    *("first-email-opened", "first-email-clicked"),
)
"""Values of ``eventType``, 2.3; each has to be asked by itself."""
