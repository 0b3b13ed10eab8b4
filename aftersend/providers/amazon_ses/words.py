"""Amazon's words and what they mean to us (provider file, "Events")."""

from __future__ import annotations

from typing import NamedTuple

from aftersend.vocabulary import BounceClass, Kind


class Word(NamedTuple):
    """A word of ``eventType`` or ``notificationType``."""

    kind: Kind
    detail: str
    """The object that has the details: not always the word in lower case."""
    recipients: str = ""
    """The list in it that names those concerned; empty: all destinations of the email are."""
    personal: bool = False
    """Whether one person did it, so that of several destinations nobody can tell whose act it was."""


WORDS = {
    "Send": Word(Kind.SENT, "send"),
    "Reject": Word(Kind.DROPPED, "reject"),
    "Rendering Failure": Word(Kind.DROPPED, "failure"),
    "DeliveryDelay": Word(Kind.DEFERRED, "deliveryDelay", "delayedRecipients"),
    "Delivery": Word(Kind.DELIVERED, "delivery", "recipients"),
    "Bounce": Word(Kind.BOUNCED, "bounce", "bouncedRecipients"),
    "Complaint": Word(Kind.COMPLAINED, "complaint", "complainedRecipients"),
    "Open": Word(Kind.OPENED, "open", personal=True),
    "Click": Word(Kind.CLICKED, "click", personal=True),
    "Subscription": Word(Kind.OTHER, "subscription", personal=True),
}
"""What a subscription's change means, its old and new preferences tell."""
INBOUND = "Received"
"""An email that came in: none of ours."""
TEST = "Successfully validated SNS topic"
"""How the text begins that is published when a destination is made; it is no JSON ("Quirks")."""

SUPPRESSED = frozenset({"Suppressed", "OnAccountSuppressionList"})
"""Subtypes of permanent bounces, and of complaints, of emails that were never handed over."""
BOUNCES = {
    ("Transient", "ContentRejected"): BounceClass.BLOCK,
    ("Transient", "AttachmentRejected"): BounceClass.BLOCK,
}
"""``bounceType`` and ``bounceSubType`` → class, where the type alone doesn't say it."""
BOUNCE_TYPES = {"Permanent": BounceClass.HARD, "Transient": BounceClass.SOFT}
"""``bounceType`` → class, also of subtypes that are new. Any other is undetermined."""

NO_SPAM = "not-spam"
"""A ``complaintFeedbackType`` that is the opposite of a complaint: it doesn't count."""
OPT_OUT, OPT_IN = "OptOut", "OptIn"
"""``subscriptionStatus`` of a topic."""
