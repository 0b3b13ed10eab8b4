"""Scaleway's words and what they mean to us (provider file, "Events"; states of emails as its SDK names them)."""

from __future__ import annotations

from aftersend.vocabulary import BounceClass, Kind

EVENTS = {
    "email_queued": Kind.QUEUED,
    "email_delivered": Kind.DELIVERED,
    "email_deferred": Kind.DEFERRED,
    "email_dropped": Kind.BOUNCED,
    "email_mailbox_not_found": Kind.BOUNCED,
    "email_spam": Kind.BOUNCED,
    "email_blocklisted": Kind.DROPPED,
    "blocklist_created": Kind.OTHER,
}
"""``type`` → kind. ``email_dropped`` is a refusal by the recipient's server, ``email_spam`` no complaint."""
SPAM = "email_spam"
"""Without an answer of the recipient's server it was Scaleway that took it for spam: dropped."""
IGNORED = "unknown_type"

BOUNCES = {"email_spam": BounceClass.BLOCK}
"""``type`` → class of the bounce; any other is hard."""

TIMES = {
    "email_queued": "email_queued_at",
    "email_blocklisted": "email_blocklisted_at",
    "blocklist_created": "email_blocklisted_at",
}
"""``type`` → the field that says when it happened, where that isn't ``email_sent_at``."""

NEW = "new"
"""``status`` of an email at its beginning."""
STATES = {"sent": Kind.DELIVERED, "failed": Kind.BOUNCED, "canceled": Kind.DROPPED}
"""``status`` of an email → what became of it; of others (new, sending) nothing yet."""
FLAGS = {
    "mailbox_not_found": BounceClass.HARD,
    "hard_bounce": BounceClass.HARD,
    "spam": BounceClass.BLOCK,
    "mailbox_full": BounceClass.SOFT,
    "soft_bounce": BounceClass.SOFT,
    "greylisted": BounceClass.SOFT,
}
"""Flag of an email that failed → class of its bounce, in this order."""
