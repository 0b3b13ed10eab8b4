"""MailerSend's words and what they mean to us (provider file, "Events")."""

from __future__ import annotations

from aftersend.vocabulary import BounceClass, Kind

PREFIX = "activity."
"""How a webhook's types of activities begin; the list has the rest alone."""

KINDS = {
    "queued": Kind.QUEUED,
    "sent": Kind.SENT,
    "delivered": Kind.DELIVERED,
    "deferred": Kind.DEFERRED,
    "soft_bounced": Kind.BOUNCED,
    "hard_bounced": Kind.BOUNCED,
    "suppressed": Kind.DROPPED,
    "opened": Kind.OPENED,
    "opened_unique": Kind.OPENED,
    "clicked": Kind.CLICKED,
    "clicked_unique": Kind.CLICKED,
    "unsubscribed": Kind.UNSUBSCRIBED,
    "spam_complaint": Kind.COMPLAINED,
    "spam_complaints": Kind.COMPLAINED,
}
"""Type of an activity → kind. Any other, surveys among them, is ``other``. ``queued`` is in the list only."""

BOUNCES = {"soft_bounced": BounceClass.SOFT, "hard_bounced": BounceClass.HARD}
UNIQUE = frozenset({"opened_unique", "clicked_unique"})
"""Tell again, or alone, what happened for the first time."""

TEST, INBOUND = "webhook.test", "inbound.message"
NOTICES = frozenset(
    {
        TEST,
        "sender_identity.verified",
        "maintenance.start",
        "maintenance.end",
        "inbound_forward.failed",
        "inbound_message.rejected",
        INBOUND,
        "email_single.verified",
        "email_list.verified",
        "bulk_email.completed",
    }
)
"""Webhooks that tell of no email that was sent. They are acknowledged and pass by."""

DEVICES = {"desktop": "computer", "mobile": "mobile", "smartphone": "mobile", "phone": "mobile", "tablet": "tablet"}
"""``device_type`` → device. Any other, as ``webmail``, is none."""
