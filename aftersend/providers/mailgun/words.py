"""Mailgun's words and what they mean to us (provider file, "Events")."""

from __future__ import annotations

from aftersend.vocabulary import Kind, Machine

KINDS = {
    "accepted": Kind.QUEUED,
    "rejected": Kind.DROPPED,
    "delivered": Kind.DELIVERED,
    "opened": Kind.OPENED,
    "clicked": Kind.CLICKED,
    "unsubscribed": Kind.UNSUBSCRIBED,
    "complained": Kind.COMPLAINED,
}
"""``event`` → kind. ``failed`` stands apart: its severity, reason and code decide. Any other is ``other``."""
REJECTED, FAILED, UNSUBSCRIBED = "rejected", "failed", "unsubscribed"
ASKED = (*KINDS, FAILED)
"""What the logs are asked for."""

PASSED_BY = frozenset(
    {
        # Inbound mail, which names no sent message.
        "stored",
        # Firsts of opens and clicks, which are told as opens and clicks, too.
        "unique_opened",
        "unique_clicked",
        # Of no email of ours.
        "list_member_uploaded",
        "list_member_upload_error",
        "list_uploaded",
        "email_validation",
        "trapped",
    }
)
"""Read, and no event of ours."""

TEMPORARY, PERMANENT = "temporary", "permanent"
"""``severity`` of ``failed``."""
SUPPRESSED = "suppress-"
"""How the reasons begin of what Mailgun never tried to send."""
SUPPRESSED_CODES = frozenset({605, 607})
"""Bounced before, complained before."""
OLD, BLOCKED = "old", "espblock"
"""Reasons: tried for too long; refused by the receiving side's policy."""
BLOCKED_STATUS = "5.7."
"""How the enhanced codes of a refusal by policy begin."""
NO_SMTP_CODES = frozenset({498, 499})
"""Mailgun's own codes below 600: no MX found, MX not reached."""

BOTS = {"apple": Machine.MACHINE, "generic": Machine.MACHINE, "gmail": Machine.UNKNOWN}
"""``client-info.bot`` → who acted. Gmail's proxy fetches for real readers, too. Any other word names a machine."""
NO_BOT = ("", "false")
"""What stands there where none was detected."""
DEVICES = {"desktop": "computer", "mobile": "mobile", "tablet": "tablet"}
"""``client-info.device-type`` → our word."""
UNRESOLVED = "unknown"
"""What stands, in any case of letters, where Mailgun found nothing out."""
