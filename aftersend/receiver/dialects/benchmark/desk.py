"""What a caller sees of the store, counted as the platform counts (providers/benchmark-email.md §10)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import msgspec

from aftersend.receiver.dialects.benchmark.shares import share
from aftersend.receiver.figures import Configured, Figures, figures, of_campaign
from aftersend.storage.contract import CampaignRow, Filter, Mark, Store
from aftersend.vocabulary import Instant, Kind


class Tally(msgspec.Struct, frozen=True):
    """Counts of one span of time, or of a campaign's whole life.

    Messages are counted by the time of what happened to them, and bounce once: hard before soft. Opens, clicks,
    unsubscribes and complaints are pairs of campaign and contact, counted when it first happened.
    """

    sent: int
    delivered: int
    opens: int
    clicks: int
    hard: int
    soft: int
    unsubscribes: int
    complaints: int

    @property
    def bounces(self) -> int:
        return self.hard + self.soft

    @property
    def open_rate(self) -> Fraction:
        return share(self.opens, self.delivered)

    @property
    def click_rate(self) -> Fraction:
        return share(self.clicks, self.delivered)

    def bounce_rate(self, count: int) -> Fraction:
        """Of bounces: they are per sent, and everything else is per delivered."""
        return share(count, self.sent)


def tally(found: Figures) -> Tally:
    """Figures as the platform counts them."""
    counts, marks = found.counts, found.marks
    return Tally(
        sent=counts[Kind.SENT].messages,
        delivered=counts[Kind.DELIVERED].messages,
        opens=counts[Kind.OPENED].unique,
        clicks=counts[Kind.CLICKED].unique,
        hard=marks[Mark.HARD].messages,
        soft=marks[Mark.SOFT].messages,
        unsubscribes=counts[Kind.UNSUBSCRIBED].unique,
        complaints=counts[Kind.COMPLAINED].unique,
    )


class Desk(msgspec.Struct, frozen=True):
    """A store, as somebody who may see some of its sources sees it."""

    store: Store
    configured: Configured
    sources: tuple[str, ...] | None
    """The sources asked for; ``None``: all."""

    def figures(self, edges: Sequence[Instant]) -> list[Figures]:
        """What happened between neighbouring edges."""
        which = Filter(sources=self.sources, since=edges[0], until=edges[-1])
        return figures(self.store, self.configured, which, edges)[0]

    def tallies(self, edges: Sequence[Instant]) -> list[Tally]:
        """The same, as the platform counts it."""
        return [tally(found) for found in self.figures(edges)]

    def lifetime(self, campaign_id: str) -> Tally:
        """A campaign's whole life; of several sources that have one of that id, together."""
        which = Filter(sources=self.sources, campaign_id=campaign_id)
        (found,), _ = figures(self.store, self.configured, which)
        return tally(found)

    def of_row(self, row: CampaignRow) -> Tally:
        """The whole life of one source's campaign."""
        return tally(of_campaign(self.store, self.configured, row)[0])
