"""Mailjet's words and what they mean to us (provider file, Events and Pull feed)."""

from __future__ import annotations

from aftersend.vocabulary import BounceClass, Kind

EVENTS = {
    "sent": Kind.DELIVERED,
    "open": Kind.OPENED,
    "click": Kind.CLICKED,
    "bounce": Kind.BOUNCED,
    "blocked": Kind.DROPPED,
    "spam": Kind.COMPLAINED,
    "unsub": Kind.UNSUBSCRIBED,
}
"""``event`` of a webhook → kind. ``sent`` means that the destination accepted the message."""

GREYLISTED = "greylisted"
"""The ``error`` of a bounce that is none: delivery is tried again."""

ERRORS = {
    "user unknown": BounceClass.HARD,
    "mailbox inactive": BounceClass.HARD,
    "quota exceeded": BounceClass.SOFT,
    "invalid domain": BounceClass.HARD,
    "no mail host": BounceClass.HARD,
    "relay/access denied": BounceClass.BLOCK,
    "typofix": BounceClass.HARD,
    "sender blocked": BounceClass.BLOCK,
    "content blocked": BounceClass.BLOCK,
    "policy issue": BounceClass.BLOCK,
    "system issue": BounceClass.SOFT,
    "protocol issue": BounceClass.SOFT,
    "connection issue": BounceClass.SOFT,
}
"""``error`` → class of a bounce; that a bounce is hard or soft is told beside it, and wins over these two."""

HISTORY: dict[str, tuple[Kind, BounceClass | None]] = {
    "sent": (Kind.DELIVERED, None),
    "opened": (Kind.OPENED, None),
    "clicked": (Kind.CLICKED, None),
    "bounced": (Kind.BOUNCED, BounceClass.UNDETERMINED),
    "bounce": (Kind.BOUNCED, BounceClass.UNDETERMINED),
    "hardbounced": (Kind.BOUNCED, BounceClass.HARD),
    "softbounced": (Kind.BOUNCED, BounceClass.SOFT),
    "deferred": (Kind.DEFERRED, None),
    "blocked": (Kind.DROPPED, None),
    "spam": (Kind.COMPLAINED, None),
    "unsub": (Kind.UNSUBSCRIBED, None),
}
"""``EventType`` of a history, in lower case without what is no letter → kind, and class of a bounce."""

STATUSES = {
    "queued": Kind.QUEUED,
    "sent": Kind.SENT,
    "opened": Kind.SENT,
    "clicked": Kind.SENT,
    "bounce": Kind.SENT,
    "spam": Kind.SENT,
    "unsub": Kind.SENT,
    "hardbounced": Kind.SENT,
    "softbounced": Kind.SENT,
    "deferred": Kind.SENT,
}
"""``Status`` of a message → what it tells of the time it arrived at. A blocked one was not sent, and an unknown one
tells nothing; what happened later is told by its history."""

REPEATING = frozenset({"opened", "clicked", "spam", "unsub"})
"""Statuses behind which more opens and clicks may follow that change no status."""

STATES = {
    1: "user unknown",
    2: "mailbox inactive",
    3: "quota exceeded",
    4: "invalid domain",
    5: "no mail host",
    6: "relay/access denied",
    7: "sender blocked",
    8: "content blocked",
    9: "policy issue",
    10: "system issue",
    11: "protocol issue",
    12: "connection issue",
    13: GREYLISTED,
    14: "preblocked",
    15: "duplicate in campaign",
    16: "spam preblocked",
    17: "bad or empty template",
    18: "error in template language",
    19: "typofix",
    20: "blacklisted",
    21: "spam reporter",
}
"""``StateID`` → ``error``, should a history print its number."""

LIST_UNSUBSCRIBE = "List-Unsubscribe"
"""The ``agent`` of an ``unsub`` that used the mail's header: no program of anybody's."""
