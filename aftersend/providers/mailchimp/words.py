"""Mailchimp's words and what they mean to us (provider file, Events and Pull feed)."""

from __future__ import annotations

from aftersend.vocabulary import BounceClass, Kind

TYPES = {
    "subscribe": Kind.RESUBSCRIBED,
    "unsubscribe": Kind.UNSUBSCRIBED,
    "cleaned": Kind.OTHER,
    "profile": Kind.OTHER,
    "upemail": Kind.OTHER,
    "campaign": Kind.OTHER,
}
"""``type`` of a webhook → kind, unless its reason says more (:data:`REASONS`)."""
REASONS = {
    ("unsubscribe", "abuse"): Kind.COMPLAINED,
    ("cleaned", "abuse"): Kind.COMPLAINED,
    ("cleaned", "hard"): Kind.BOUNCED,
}
"""``type`` and ``data[reason]`` → kind."""
ADDRESSED = frozenset({"subscribe", "unsubscribe", "cleaned", "profile", "upemail"})
"""Types that name a recipient."""
CAMPAIGN, DELETED = "campaign", "delete"
"""The type without a recipient; the ``action`` of being taken out of the audience."""
REMOVED = "removed from the audience"

ACTIONS = {"open": Kind.OPENED, "click": Kind.CLICKED, "bounce": Kind.BOUNCED}
"""``action`` of an activity → kind."""
BOUNCES = {"hard": BounceClass.HARD, "soft": BounceClass.SOFT}
"""``type`` of a bounce, ``status`` of who it was sent to → class."""
