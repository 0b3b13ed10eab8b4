"""Mandrill's words and what they mean to us (provider file, Events and Pull feed)."""

from __future__ import annotations

from aftersend.vocabulary import BounceClass, Kind

EVENTS = {
    "send": Kind.SENT,
    "delivered": Kind.DELIVERED,
    "deferral": Kind.DEFERRED,
    "hard_bounce": Kind.BOUNCED,
    "soft_bounce": Kind.BOUNCED,
    "reject": Kind.DROPPED,
    "open": Kind.OPENED,
    "click": Kind.CLICKED,
    "spam": Kind.COMPLAINED,
    "unsub": Kind.UNSUBSCRIBED,
}
"""``event`` of a webhook → kind."""
INBOUND = "inbound"
"""Mail that came in: no matter of what was sent."""
BOUNCES = {"hard_bounce": BounceClass.HARD, "soft_bounce": BounceClass.SOFT}
"""``event`` of a bounce → class, unless the server's answer says that it was blocked (5.7.x)."""

LISTS = {
    "blacklist": "denylist",
    "denylist": "denylist",
    "rejectlist": "denylist",
    "whitelist": "allowlist",
    "safelist": "allowlist",
    "allowlist": "allowlist",
}
"""``type`` of a sync event, in all its spellings (without spaces, hyphens and underscores) → which list changed."""
ADDED = {"unsub": Kind.UNSUBSCRIBED, "spam": Kind.COMPLAINED}
"""``reason`` for which an address was put on the deny list → what its owner did; others are ``other``."""

STATES = {
    "sent": Kind.SENT,
    "bounced": Kind.BOUNCED,
    "soft-bounced": Kind.BOUNCED,
    "rejected": Kind.DROPPED,
    "spam": Kind.COMPLAINED,
    "unsub": Kind.UNSUBSCRIBED,
}
"""``state`` of a message in the list → what became of it at last; all but what was rejected was sent before."""
PENDING = frozenset({"deferred", "queued", "scheduled"})
"""States in which a message was not handed over yet."""
STATE_BOUNCES = {"soft-bounced": BounceClass.SOFT}
"""The list's ``bounced`` doesn't say which class: only sent, bounced and rejected are documented there."""

ACCEPTED, PUT_OFF = "sent", "deferred"
"""``type`` of what a server answered, in ``smtp_events``."""
ROBOT = "robot"
"""``user_agent_parsed.type``, the only hint at machines."""
EXAMPLE = "example"
"""How message ids of the web application's test begin."""
