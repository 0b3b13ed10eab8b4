"""Brevo's words and what they mean to us (provider file, "Events").

Brevo has three vocabularies: that in which webhooks are created (``hardBounce``), that of their payloads
(``hard_bounce``) and that of the list (``hardBounces``). All three are understood everywhere, in any case and with any
separators.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from aftersend.vocabulary import BounceClass, Kind


class Word(NamedTuple):
    """What a word means. Words with the same ``fact`` tell of the same fact, through whichever door."""

    fact: str
    kind: Kind
    bounce_class: BounceClass | None = None
    proxied: bool = False
    """A privacy proxy loaded the pictures, not a person."""


_QUEUED = Word("request", Kind.QUEUED)
_DELIVERED = Word("delivered", Kind.DELIVERED)
_SOFT = Word("soft_bounce", Kind.BOUNCED, BounceClass.SOFT)
_HARD = Word("hard_bounce", Kind.BOUNCED, BounceClass.HARD)
_INVALID = Word("invalid", Kind.DROPPED)
_SPAM = Word("spam", Kind.COMPLAINED)
_OPENED = Word("opened", Kind.OPENED)
_PROXY = Word("proxy_open", Kind.OPENED, proxied=True)
_CLICKED = Word("click", Kind.CLICKED)
_UNSUBSCRIBED = Word("unsubscribed", Kind.UNSUBSCRIBED)

WORDS = {
    "request": _QUEUED,
    "requests": _QUEUED,
    "sent": _QUEUED,
    "delivered": _DELIVERED,
    "deferred": Word("deferred", Kind.DEFERRED),
    "softbounce": _SOFT,
    "softbounces": _SOFT,
    "hardbounce": _HARD,
    "hardbounces": _HARD,
    "blocked": Word("blocked", Kind.DROPPED),
    "invalid": _INVALID,
    "invalidemail": _INVALID,
    "error": Word("error", Kind.DROPPED),
    "spam": _SPAM,
    "complaint": _SPAM,
    "opened": _OPENED,
    "uniqueopened": _OPENED,
    "proxyopen": _PROXY,
    "uniqueproxyopen": _PROXY,
    "loadedbyproxy": _PROXY,
    "click": _CLICKED,
    "clicked": _CLICKED,
    "clicks": _CLICKED,
    "unsubscribe": _UNSUBSCRIBED,
    "unsubscribed": _UNSUBSCRIBED,
    "listaddition": Word("list_addition", Kind.RESUBSCRIBED),
}
"""Plain word → meaning. Brevo has no word for what it handed over: after ``request`` comes ``delivered``."""

INVALID = _INVALID.fact
"""A drop whose reason is its name."""
DELETED = "contactdeleted"
"""The plain word for a contact that is gone."""

DEVICES = {"desktop": "computer", "mobile": "mobile", "tablet": "tablet"}
"""``device_used`` → device."""


def plain(word: str) -> str:
    """A word without case and separators."""
    return re.sub(r"[\W_]+", "", word.lower())


def meaning(word: str) -> Word:
    """What a word means; an unknown one is ``other``, and a fact of its own."""
    bare = plain(word)
    return WORDS.get(bare) or Word(f"other {bare or word}", Kind.OTHER)
