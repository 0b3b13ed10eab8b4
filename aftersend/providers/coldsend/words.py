"""ColdSend's words and what they mean to us (provider file, sections 2.7, 3 and 5). All are compared in one case."""

from __future__ import annotations

from aftersend.vocabulary import BounceClass, Kind

STATUSES: dict[str, Kind | None] = {
    "PENDING": None,
    "QUEUED": None,
    "SENT": None,
    "OPENED": None,
    "REPLIED": None,
    "EXTERNAL": None,
    "FAILED": Kind.DROPPED,
    "BOUNCED": Kind.BOUNCED,
    "UNSUBSCRIBED": Kind.UNSUBSCRIBED,
}
"""Status of a lead, its latest state (2.7) → what it alone tells; ``None``: nothing that isn't told better
elsewhere."""

CONTACTED = frozenset({"SENT", "OPENED", "REPLIED", "BOUNCED", "UNSUBSCRIBED"})
"""Statuses of a lead whose last contact was an e-mail that went out."""
WAITING = frozenset({"PENDING", "QUEUED"})
"""Statuses of a lead to which nothing need have happened."""
EXTERNAL = "EXTERNAL"
"""An unsolicited sender, no lead of a campaign; as a campaign's name (2.8): a thread that belongs to none."""

DELIVERY: dict[str, tuple[Kind, BounceClass | None] | None] = {
    "delivered": (Kind.DELIVERED, None),
    "bounced": (Kind.BOUNCED, BounceClass.HARD),
    "suppressed": (Kind.DROPPED, None),
    "filteredspam": (Kind.DROPPED, None),
    "quarantined": (Kind.DROPPED, None),
    "failed": (Kind.BOUNCED, BounceClass.UNDETERMINED),
    "pending": None,
    "queued": None,
    "sent": None,
    "expanded": None,
    "outfordelivery": None,
}
"""``delivery_status``, of the latest e-mail (5; the words are Azure's, ColdSend documents none). ``None``: still on its
way."""

WEBHOOKS: dict[str, Kind] = {
    **dict.fromkeys(("sent", "email_sent"), Kind.SENT),
    **dict.fromkeys(("delivered", "email_delivered"), Kind.DELIVERED),
    **dict.fromkeys(("open", "opened", "email_opened", "lead_opened"), Kind.OPENED),
    **dict.fromkeys(("click", "clicked", "email_clicked", "link_clicked", "lead_clicked"), Kind.CLICKED),
    **dict.fromkeys(("reply", "replied", "lead_replied", "email_replied", "reply_received"), Kind.REPLIED),
    **dict.fromkeys(("bounce", "bounced", "email_bounced", "lead_bounced"), Kind.BOUNCED),
    **dict.fromkeys(
        ("unsubscribe", "unsubscribed", "email_unsubscribed", "lead_unsubscribed", "contact_unsubscribed"),
        Kind.UNSUBSCRIBED,
    ),
}
"""``event`` of a webhook (3: nothing is specified) in lower case with underscores → kind. Any other is ``other``."""

ONCE = frozenset({Kind.BOUNCED, Kind.UNSUBSCRIBED, Kind.DELIVERED})
"""Kinds of which a webhook tells once of a lead, however often it comes."""

CAMPAIGN_COUNTERS = {
    "sent_count": Kind.SENT,
    "open_count": Kind.OPENED,
    "reply_count": Kind.REPLIED,
    "bounce_count": Kind.BOUNCED,
    "unsubscribe_count": Kind.UNSUBSCRIBED,
}
"""Counter of a campaign (2.5) → kind."""

ANALYTICS_COUNTERS = {
    "total_sent": Kind.SENT,
    "total_opened": Kind.OPENED,
    "total_replied": Kind.REPLIED,
    "total_bounced": Kind.BOUNCED,
}
"""The same of the analytics (2.2)."""
