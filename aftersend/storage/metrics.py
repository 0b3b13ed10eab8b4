"""What every metric means, once, in words, and as functions where words aren't exact enough. The SQL of each store
keeps to these.

============== =================================================================================================
metric         definition
============== =================================================================================================
total          Events of the kind: facts, each counted once however often and through whichever door it was told.
unique         Pairs of recipient and campaign with at least one event of the kind. In a window of time: pairs whose
               *first ever* event of the kind lies in the window, so that neighbouring windows add up.
messages       Messages with at least one event of the kind; in a window: whose first one lies in it. Like ``unique``
               where a recipient gets one message of a campaign.
machine        ``exclude`` leaves out events that a machine caused; a pair then counts at its first event that no
               machine caused. What nobody can tell stays in.
channel        Only ``email`` enters email reports; ``sms``, ``form`` and ``site`` have counts of their own.
snapshot kinds A kind that a platform gives only as a total per campaign counts as the latest snapshot says, where
               that is more than its events say, and only when no time is asked for. In a campaign of which there is no
               email event at all, every kind of its latest snapshots does.
doors          Events of every channel, by the doors through which any of their sightings came.
window         From its first instant on, up to but without its last: [since, until).
sent           Where a source's platform tells of sends: these. Else derived: what it queued and didn't drop, at the
               time it was queued; or where nothing was queued, what was delivered or bounced, at the first of these
               (by :mod:`aftersend.receiver.figures`, from the mark ``handed``).
delivered      Where a source reports deliveries: these. Else derived: what was sent and never bounced, at the time it
               was sent (by :mod:`aftersend.receiver.figures`, from the mark ``returned``).
marks          What became of a message or pair, at one instant each: :func:`marks`.
bounce         Why a bounce happened: :func:`bounce_of`. A recipient with several counts under the first that applies.
created_at     When a message was queued or dropped, else the earliest time known of it.
status         Where a message stands, by rank: :func:`status`.
device         What the platform says, as ``computer mobile tablet other``; ``other`` too for one that is none of them
               and for a user agent nobody understood; ``none`` where neither was told.
known          A contact is known from its first event on, whatever happened in it.
============== =================================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from aftersend.storage.contract import Mark
from aftersend.vocabulary import Bounce, BounceClass, Channel, Instant, Kind, Status

CHANNEL_OF_SNAPSHOT = {Kind.VISITED: Channel.SITE}
"""The channel in which a snapshot's kind counts; every other kind counts as ``email``."""

FOR_GOOD = (Bounce.HARD, Bounce.SUPPRESSED)
"""Bounces after which the address is not to be written to again."""

DEVICES = ("computer", "mobile", "tablet", "other", "none")
_DEVICES = {"computer": "computer", "desktop": "computer", "laptop": "computer", "mobile": "mobile", "phone": "mobile"}
_DEVICES |= {"tablet": "tablet"}

_FULL = re.compile(r"mailbox[ _]?(is )?full|over ?quota")
"""A reason, in lower case, that says that a mailbox has no room."""
_WITHHELD = ("suppress", "unsubscrib", "bounced", "frequency", "capped", "spam", "complain")

MAIL = frozenset(Kind) - {Kind.UNSUBSCRIBED, Kind.RESUBSCRIBED, Kind.VISITED, Kind.OTHER}
"""Kinds that need a message to happen to: without one of them there is none to log."""

COHORT = (Kind.SENT, Kind.DELIVERED, Kind.OPENED, Kind.CLICKED, Kind.BOUNCED, Kind.COMPLAINED)
"""The kinds that a cohort counts."""


class Span(NamedTuple):
    """How often something happened to a message, first and last."""

    times: int
    first_at: Instant
    last_at: Instant


class Drop(StrEnum):
    """Why a message was never handed over, as far as it matters to where it stands."""

    WITHHELD = "withheld"
    """The address is suppressed, unsubscribed or has had enough (:func:`withheld`)."""


Word = Kind | Bounce | Drop
"""What can happen to a message: a kind, and with a bounce or drop also its sort."""
Happened = Mapping[Word, Span]


def bounce_of(bounce_class: str | None, reason: str | None) -> Bounce:
    """Why a bounce happened, from its class and the platform's reason."""
    word = (reason or "").strip().lower()
    match bounce_class:
        case BounceClass.HARD:
            return Bounce.SUPPRESSED if word == Bounce.SUPPRESSED else Bounce.HARD
        case BounceClass.SOFT:
            return Bounce.MAILBOX_FULL if _FULL.search(word) else Bounce.SOFT
        case BounceClass.BLOCK:
            return Bounce.BLOCK
    return Bounce.UNDETERMINED


def withheld(reason: str | None) -> bool:
    """Whether a drop's reason is that the address is suppressed, unsubscribed or has had enough."""
    word = (reason or "").strip().lower()
    return word.startswith(_WITHHELD) or "suppress" in word


def device_of(device: str | None, user_agent: str | None) -> str:
    """One of :data:`DEVICES`."""
    if device:
        return _DEVICES.get(device.strip().lower(), "other")
    return "other" if user_agent else "none"


def worst(happened: Happened) -> Bounce | None:
    """The bounce that stands for a message or pair."""
    return next((bounce for bounce in Bounce if bounce in happened), None)


def marks(happened: Happened) -> dict[Mark, tuple[Instant, int]]:
    """The marks of a message or pair, each with its instant and what it adds to ``total``."""
    found = {Mark.TOUCHED: (min([span.first_at for span in happened.values()]), 0)}
    sent, bounced, opened = happened.get(Kind.SENT), happened.get(Kind.BOUNCED), Kind.OPENED in happened
    if bounced:
        for_good = [happened[bounce].first_at for bounce in FOR_GOOD if bounce in happened]
        found[Mark.HARD if for_good else Mark.SOFT] = (min(for_good) if for_good else bounced.first_at, 0)
        if sent:
            found[Mark.RETURNED] = (sent.first_at, min(sent.times, bounced.times))
    elif sent and opened:
        found[Mark.KEPT_OPENED] = (sent.first_at, 0)
    if opened and (delivered := happened.get(Kind.DELIVERED)):
        found[Mark.DELIVERED_OPENED] = (delivered.first_at, 0)
    if not sent and (handed := _handed(happened)):
        found[Mark.HANDED] = handed
    return found


def _handed(happened: Happened) -> tuple[Instant, int] | None:
    """When what isn't told as sent was handed over first, and how often."""
    queued, dropped = happened.get(Kind.QUEUED), happened.get(Kind.DROPPED)
    if queued and (times := queued.times - (dropped.times if dropped else 0)) > 0:
        return queued.first_at, times
    ends = [happened[kind] for kind in (Kind.DELIVERED, Kind.BOUNCED) if kind in happened]
    return (min(end.first_at for end in ends), sum(end.times for end in ends)) if ends else None


def created_at(firsts: Mapping[Word, Instant]) -> Instant:
    """When a message came into being, from when each thing first happened to it."""
    begun = [firsts[kind] for kind in (Kind.QUEUED, Kind.DROPPED) if kind in firsts]
    return min(begun or firsts.values())


def status(happened: Happened) -> Status:
    """Where a message stands, whatever the order in which things happened or were told
    (providers/hogsend.md §7, "Details for serving")."""
    if Kind.COMPLAINED in happened:
        return Status.COMPLAINED
    if bounced := happened.get(Kind.BOUNCED):
        signs = (happened[kind].last_at for kind in (Kind.DELIVERED, Kind.OPENED, Kind.CLICKED) if kind in happened)
        if any(bounce in happened for bounce in FOR_GOOD) or all(sign <= bounced.last_at for sign in signs):
            return Status.BOUNCED
    for kind, stands in _RANK:
        if kind in happened:
            return stands
    if Kind.DROPPED in happened:
        return Status.SUPPRESSED if Drop.WITHHELD in happened else Status.FAILED
    return Status.QUEUED


_RANK: tuple[tuple[Kind, Status], ...] = (
    (Kind.CLICKED, Status.CLICKED),
    (Kind.OPENED, Status.OPENED),
    (Kind.DELIVERED, Status.DELIVERED),
    (Kind.FAILED, Status.FAILED),
    (Kind.SENT, Status.SENT),
    (Kind.DEFERRED, Status.SENT),
)
