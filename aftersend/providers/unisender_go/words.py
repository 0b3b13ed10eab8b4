"""Unisender Go's words and what they mean to us (provider file, "Events")."""

from __future__ import annotations

from aftersend.vocabulary import BounceClass, Kind

STATUS, SPAM_BLOCK = "transactional_email_status", "transactional_spam_block"
"""``event_name`` of what happened to a message, and of a domain that blocks or unblocks sending servers."""

STATUSES = {
    "accepted": Kind.QUEUED,
    "sent": Kind.SENT,
    "delivered": Kind.DELIVERED,
    "opened": Kind.OPENED,
    "clicked": Kind.CLICKED,
    "unsubscribed": Kind.UNSUBSCRIBED,
    "subscribed": Kind.RESUBSCRIBED,
    "soft_bounced": Kind.DEFERRED,
    "hard_bounced": Kind.BOUNCED,
    "spam": Kind.COMPLAINED,
}
"""``status`` → kind. ``soft_bounced`` is never the end, whatever its ``delivery_status`` sounds like; ``accepted`` is
in dumps alone. Any other is ``other``."""

HARD_BOUNCED = "hard_bounced"

BOUNCES = {
    "err_user_unknown": BounceClass.HARD,
    "err_user_inactive": BounceClass.HARD,
    "err_mailbox_discarded": BounceClass.HARD,
    "err_domain_inactive": BounceClass.HARD,
    "err_no_dns": BounceClass.HARD,
    "err_no_smtp": BounceClass.HARD,
    "err_mailbox_full": BounceClass.SOFT,
    "err_destination_misconfigured": BounceClass.SOFT,
    "err_too_large": BounceClass.SOFT,
    "err_spam_rejected": BounceClass.BLOCK,
    "err_blacklisted": BounceClass.BLOCK,
}
"""``delivery_status`` of what is hard_bounced → class. The list is open: any other is undetermined."""

DROPS = frozenset(
    {
        *("err_spam_skipped", "err_spam_removed", "err_unsubscribed", "err_unreachable", "skip_dup_unreachable"),
        *("err_skip_letter", "skip_dup_temp_unreachable", "skip_dup_mailbox_full", "err_lost", "err_internal"),
    }
)
"""``delivery_status`` of what is called hard_bounced and was never handed over."""
