"""Constant Contact's words and ours, as dictionaries. Sections are those of the provider file."""

from __future__ import annotations

from typing import NamedTuple

from aftersend.vocabulary import BounceClass, Kind

KINDS: dict[str, Kind] = {
    "em_sends": Kind.SENT,
    "em_opens": Kind.OPENED,
    "em_clicks": Kind.CLICKED,
    "em_forwards": Kind.FORWARDED,
    # The guide's glossary once writes it without its beginning (3.5).
    "forwards": Kind.FORWARDED,
    "em_optouts": Kind.UNSUBSCRIBED,
    # The contact reports' word for the same (3.7).
    "em_unsubscribes": Kind.UNSUBSCRIBED,
    "em_bounces": Kind.BOUNCED,
}
"""``tracking_activity_type`` → kind. Of a bounce its code decides, see :data:`BOUNCES`."""


class Tracked(NamedTuple):
    """One of the lists of an activity (3.5)."""

    word: str
    """Its rows' ``tracking_activity_type``."""
    counter: str
    """The statistic of an activity (3.4) that moves when the list does."""
    every: bool
    """Whether the counter counts every row, and not each contact once."""


LISTS: dict[str, Tracked] = {
    "sends": Tracked("em_sends", "em_sends", False),
    "opens": Tracked("em_opens", "em_opens_all", True),
    "clicks": Tracked("em_clicks", "em_clicks_all", True),
    "forwards": Tracked("em_forwards", "em_forwards", False),
    "optouts": Tracked("em_optouts", "em_optouts", False),
    "bounces": Tracked("em_bounces", "em_bounces", False),
}
"""The lists that show events. ``unique_opens`` and ``didnotopens`` show states (section 8)."""


class Returned(NamedTuple):
    """What a bounce code means (3.5, section 8)."""

    kind: Kind
    bounce_class: BounceClass | None
    reason: str | None


BOUNCES: dict[str, Returned] = {
    "B": Returned(Kind.BOUNCED, BounceClass.HARD, "invalid_address"),
    "D": Returned(Kind.BOUNCED, BounceClass.SOFT, "unreachable"),
    "F": Returned(Kind.BOUNCED, BounceClass.SOFT, "mailbox_full"),
    # The platform withheld it, and subtracts it from its sends all the same: so it is a bounce, not a drop.
    "S": Returned(Kind.BOUNCED, BounceClass.HARD, "suppressed"),
    # It arrived; the platform counts it among its bounces, we don't.
    "V": Returned(Kind.AUTO_REPLIED, None, None),
    "X": Returned(Kind.BOUNCED, BounceClass.UNDETERMINED, None),
    "Z": Returned(Kind.BOUNCED, BounceClass.BLOCK, "blocked"),
}
UNKNOWN_BOUNCE = BOUNCES["X"]
NEVER_ATTEMPTED = "S"

UNITEMISED = (Kind.COMPLAINED,)
"""Given only as totals, ``em_abuse`` and ``abuse``: no recipient is ever named (section 10)."""

ROLES = ("primary_email", "resend")
"""The roles of activities that can be reported on (section 0)."""

TYPES: dict[int, str] = {
    1: "Default",
    2: "Bulk Email",
    10: "Newsletter",
    11: "Announcement",
    12: "Product/Service News",
    14: "Business Letter",
    15: "Card",
    16: "Press release",
    17: "Flyer",
    18: "Feedback Request",
    19: "Ratings and Reviews",
    20: "Event Announcement",
    21: "Simple Coupon",
    22: "Sale Promotion",
    23: "Product Promotion",
    24: "Membership Drive",
    25: "Fundraiser",
    26: "Custom Code Email",
    57: "A/B Test",
}
"""``type_code`` → the name that the summaries print (3.9)."""
