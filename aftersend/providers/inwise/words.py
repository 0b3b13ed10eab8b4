"""inwise's words and ours. All words are compared in lower case: the documentation mixes cases (3.2, 7.4)."""

from __future__ import annotations

from aftersend.vocabulary import BounceClass, Channel, Kind

WORDS: dict[str, tuple[Kind, Channel | None]] = {
    "emailsent": (Kind.SENT, Channel.EMAIL),
    "emailopened": (Kind.OPENED, Channel.EMAIL),
    "emailclicked": (Kind.CLICKED, Channel.EMAIL),
    "emailbounced": (Kind.BOUNCED, Channel.EMAIL),
    "emailunsubscribed": (Kind.UNSUBSCRIBED, Channel.EMAIL),
    "emailwebversion": (Kind.WEB_VIEWED, Channel.EMAIL),
    "emailpublicwebversion": (Kind.WEB_VIEWED, Channel.EMAIL),
    "emailprinted": (Kind.PRINTED, Channel.EMAIL),
    "undelivered": (Kind.DROPPED, None),
    "smssent": (Kind.SENT, Channel.SMS),
    "smsclicked": (Kind.CLICKED, Channel.SMS),
    "smsreply": (Kind.REPLIED, Channel.SMS),
    "smsunsubscribed": (Kind.UNSUBSCRIBED, Channel.SMS),
    "onsite": (Kind.VISITED, Channel.SITE),
    "dynamicpage": (Kind.VISITED, Channel.SITE),
    "makecontactform": (Kind.OTHER, Channel.FORM),
}
"""``trigger_type`` (3.2) and ``action_type`` (2.2) → kind and channel (5.1). ``None``: as ``channel_type`` says."""

TRANSACTIONAL: dict[str, tuple[Kind, BounceClass | None]] = {
    "send": (Kind.SENT, None),
    "open": (Kind.OPENED, None),
    "click": (Kind.CLICKED, None),
    "hard_bounce": (Kind.BOUNCED, BounceClass.HARD),
    "soft_bounce": (Kind.BOUNCED, BounceClass.SOFT),
    "reject": (Kind.DROPPED, None),
    "unsubscribe": (Kind.UNSUBSCRIBED, None),
    "spam": (Kind.COMPLAINED, None),
}
"""``event`` of the transactional webhook (3.4) → kind and bounce class; the last two are expected, not seen."""

CHANNELS = {"email": Channel.EMAIL, "sms": Channel.SMS}
"""``channel_type`` (3.2); it is empty for form events."""

BOUNCES = {"hardbounce": BounceClass.HARD, "softbounce": BounceClass.SOFT}
"""``bounce_type`` (3.2: ``hardBounce`` and ``SoftBounce``)."""

COUNTERS: dict[Kind, tuple[str, str | None]] = {
    Kind.SENT: ("sent", None),
    Kind.DROPPED: ("undelivered", None),
    Kind.BOUNCED: ("bounces", "bounces_unique"),
    Kind.OPENED: ("opens", "opens_unique"),
    Kind.CLICKED: ("clicks", "clicks_unique"),
    Kind.UNSUBSCRIBED: ("unsubscribes", "unsubscribes_unique"),
    Kind.COMPLAINED: ("report_spam", "report_spam_unique"),
    # No total is given (2.3): the unique figure is the least the total can be.
    Kind.WEB_VIEWED: ("webversions_unique", "webversions_unique"),
    Kind.VISITED: ("onsite", "onsite_unique"),
}
"""``activitiesSummary`` (2.3): kind → the names of its total and unique counter."""

FACT_WORDS = frozenset({Kind.OTHER, Kind.WEB_VIEWED, Kind.VISITED})
"""Kinds that stand for several of inwise's words: there the word is part of the identity."""


def kind_of(word: str, channel_type: str | None) -> tuple[Kind, Channel]:
    """Kind and channel of a word in lower case. An unknown one is ``other``, never an error."""
    kind, channel = WORDS.get(word, (Kind.OTHER, None))
    return kind, channel or CHANNELS.get((channel_type or "").lower()) or _channel_by_name(word)


def _channel_by_name(word: str) -> Channel:
    if word.startswith("sms"):
        return Channel.SMS
    # Only form events come without a channel_type (3.2).
    return Channel.EMAIL if word.startswith("email") or word == "undelivered" else Channel.FORM


UNITEMISED = (Kind.COMPLAINED, Kind.VISITED)
"""Kinds that inwise gives only as totals of the summary (provider file 5.1); its site webhooks name no campaign."""
