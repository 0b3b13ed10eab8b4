"""Klaviyo's words and what they mean to us (provider file, "Events").

A topic of webhooks (``event:klaviyo.opened_email``) and a metric of the API (``Opened Email``) name the same thing; the
word we keep is what they have in common (``opened_email``). A topic that is none of Klaviyo's own is kept whole.
"""

from __future__ import annotations

from aftersend.vocabulary import BounceClass, Kind

OWN = "event:klaviyo."
"""How topics of Klaviyo's own begin."""

EVENTS = {
    "received_email": Kind.DELIVERED,
    "opened_email": Kind.OPENED,
    "clicked_email": Kind.CLICKED,
    "bounced_email": Kind.BOUNCED,
    "dropped_email": Kind.DROPPED,
    "marked_email_as_spam": Kind.COMPLAINED,
    "unsubscribed_from_email_marketing": Kind.UNSUBSCRIBED,
    "subscribed_to_email_marketing": Kind.RESUBSCRIBED,
    "updated_email_preferences": Kind.OTHER,
    "manually_suppressed_from_email_marketing": Kind.OTHER,
    "manually_unsuppressed_from_email_marketing": Kind.OTHER,
    "subscribed_to_list": Kind.RESUBSCRIBED,
    "unsubscribed_from_list": Kind.UNSUBSCRIBED,
    "unsubscribed": Kind.UNSUBSCRIBED,
}
"""Word → kind. There is none for queued, sent and deferred. Any other word is ``other``."""

TOLD = frozenset(EVENTS.values()) - {Kind.OTHER}
"""The kinds that are told."""

METRICS = {
    "received_email": "Received Email",
    "opened_email": "Opened Email",
    "clicked_email": "Clicked Email",
    "bounced_email": "Bounced Email",
    "dropped_email": "Dropped Email",
    "marked_email_as_spam": "Marked Email as Spam",
    "unsubscribed_from_email_marketing": "Unsubscribed from Email Marketing",
    "subscribed_to_email_marketing": "Subscribed to Email Marketing",
    "updated_email_preferences": "Updated Email Preferences",
    "subscribed_to_list": "Subscribed to List",
    "unsubscribed_from_list": "Unsubscribed from List",
    "unsubscribed": "Unsubscribed",
}
"""Word → name of the metric, of the integration :data:`INTEGRATION`: others may have metrics of the same name."""

INTEGRATION = "Klaviyo"

ELSEWHERE = frozenset({"sms", "mms", "push", "review", "reviews", "whatsapp"})
"""Parts of the words of what is no mail; such events pass by."""

BOUNCES = {"hard": BounceClass.HARD, "soft": BounceClass.SOFT}
"""``Bounce Type`` in lower case → class; anything else is undetermined."""

DEVICES = {
    "desktop": "computer",
    "mobile": "mobile",
    "phone": "mobile",
    "tablet": "tablet",
    "mobile browser": "mobile",
}
"""``Client OS Family`` or ``Client Type`` in lower case → device."""
