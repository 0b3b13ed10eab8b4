"""Hogsend's words and what they mean to us (provider file, sections 3.1, 2.7 and 7)."""

from __future__ import annotations

from aftersend.vocabulary import BounceClass, Kind

WEBHOOKS = {
    "email.sent": Kind.SENT,
    "email.delivered": Kind.DELIVERED,
    "email.opened": Kind.OPENED,
    "email.clicked": Kind.CLICKED,
    "email.bounced": Kind.BOUNCED,
    "email.complained": Kind.COMPLAINED,
    "email.replied": Kind.REPLIED,
    "email.action": Kind.OTHER,
    "contact.unsubscribed": Kind.UNSUBSCRIBED,
    "contact.subscribed": Kind.RESUBSCRIBED,
}
"""Outbound event → kind, 3.1. There is none for deferred, failed, rejected and suppressed."""

EMAIL = "email."
"""How the events of an email begin; a new one is ``other``."""
TOLD = frozenset({"contact.created", "contact.updated"})
"""Events that tell about a contact and are none of an email. All other events are acknowledged and pass by, 3.1."""
GONE = "contact.deleted"

HITS = {
    "email.opened": Kind.OPENED,
    "email.link_clicked": Kind.CLICKED,
    "email.replied": Kind.REPLIED,
}
"""Names in the list of tracking events → kind, 2.7. Any other is the answer to a semantic link: ``other``."""

BOUNCES = {
    "permanent": BounceClass.HARD,
    "transient": BounceClass.SOFT,
    "unknown": BounceClass.UNDETERMINED,
}
"""``bounceType`` → class, 7."""
COMPLAINT = "complaint"
"""A ``bounceType`` that is a complaint, 7."""

SUPPRESSED, FAILED, DELIVERED = "suppressed", "failed", "delivered"
"""Statuses that tell what no column does, 7."""
REJECTED = "rejected"
"""Why a send failed that the email provider had accepted, 7."""

COUNTERS = {
    "sent": Kind.SENT,
    "delivered": Kind.DELIVERED,
    "opened": Kind.OPENED,
    "clicked": Kind.CLICKED,
    "bounced": Kind.BOUNCED,
    "complained": Kind.COMPLAINED,
}
"""Counter of the metrics → kind, 5. All count sends, so a total is as good as unique."""
