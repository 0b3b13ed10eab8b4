"""Resend's words and what they mean to us (Events; Pull feed)."""

from __future__ import annotations

from aftersend.vocabulary import BounceClass, Kind

EMAILS = {
    "email.scheduled": Kind.QUEUED,
    "email.sent": Kind.SENT,
    "email.delivered": Kind.DELIVERED,
    "email.delivery_delayed": Kind.DEFERRED,
    "email.delivered_delayed": Kind.DEFERRED,  # as an old sample spells it
    "email.bounced": Kind.BOUNCED,
    "email.complained": Kind.COMPLAINED,
    "email.opened": Kind.OPENED,
    "email.clicked": Kind.CLICKED,
    "email.failed": Kind.DROPPED,
    "email.suppressed": Kind.DROPPED,
}
"""``type`` of what happened to an email that was sent → kind. Of a bounce, ``data.bounce`` decides."""
INBOUND = "email.received"
"""An email that came in. Nothing documented ties it to one that was sent: ``other``."""

CREATED, UPDATED, DELETED, TOPICS = "contact.created", "contact.updated", "contact.deleted", "contact.topics.updated"
CHOICES = {"opt_out": Kind.UNSUBSCRIBED, "opt_in": Kind.RESUBSCRIBED}
"""``subscription`` of a topic → kind."""
SUPPRESSIONS = frozenset({"suppression.added", "suppression.removed"})
"""A state that follows a hard bounce, a complaint or a person's action: ``other``."""
PASSING = ("domain.", "topic.", "inbox.")
"""How the types begin that tell of nobody."""

CLASSES = {
    "Permanent": BounceClass.HARD,
    "Transient": BounceClass.SOFT,
    "Temporary": BounceClass.SOFT,
    "Undetermined": BounceClass.UNDETERMINED,
}
"""``bounce.type`` → class."""
WITHHELD = frozenset({"Suppressed", "OnAccountSuppressionList"})
"""``bounce.subType`` of what was never sent: ``dropped``."""
BLOCKED = frozenset({"ContentRejected", "AttachmentRejected"})
"""``bounce.subType`` that makes a soft bounce a block."""
OLD_WITHHELD, OLD_HARD = "suppressed sending", "hard bounce"
"""What the message says in payloads of old, which have neither."""

TOLD = frozenset(EMAILS.values()) | frozenset(CHOICES.values())
"""The kinds Resend's webhooks tell."""

STATES = {
    "queued": Kind.QUEUED,
    "scheduled": Kind.QUEUED,
    "sent": Kind.SENT,
    "delivered": Kind.DELIVERED,
    "delivery_delayed": Kind.DEFERRED,
    "bounced": Kind.BOUNCED,
    "complained": Kind.COMPLAINED,
    "opened": Kind.OPENED,
    "clicked": Kind.CLICKED,
    "failed": Kind.DROPPED,
    "suppressed": Kind.DROPPED,
}
"""``last_event`` of the list → kind; any other, ``canceled`` among them, is ``other``."""
BEFORE = frozenset({"queued", "scheduled", "canceled"})
"""States of an email before its time has come."""
