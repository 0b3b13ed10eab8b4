"""The three reports on the whole account: dashboard, overall and histogram (providers/benchmark-email.md §2.1-2.3)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from aftersend.receiver.dialects.benchmark import campaigns
from aftersend.receiver.dialects.benchmark.answers import (
    Bucket,
    Compared,
    Contacts,
    Dashboard,
    DeliveryTimeStats,
    Flat,
    Histogram,
    Overall,
    Point,
    RateCompared,
    Rated,
    Reaction,
)
from aftersend.receiver.dialects.benchmark.desk import Desk, Tally
from aftersend.receiver.dialects.benchmark.histograms import peak_of
from aftersend.receiver.dialects.benchmark.period import PARTS, Part, Period, stamp
from aftersend.receiver.dialects.benchmark.shares import diff, printed, share
from aftersend.storage.contract import Filter
from aftersend.vocabulary import Kind

WEEKLY = 28
"""From so many days on the dashboard's contacts are counted every seven days, below it every day (§9)."""
BOUNCED = "email-bounced"
EVENT_TYPES: dict[str, Callable[[Tally], int]] = {
    "email-sent": lambda tally: tally.sent,
    "email-delivered": lambda tally: tally.delivered,
    BOUNCED: lambda tally: tally.bounces,
    "first-contact-unsubscribed": lambda tally: tally.unsubscribes,
    "first-email-complaint": lambda tally: tally.complaints,
    "first-email-opened": lambda tally: tally.opens,
    "first-email-clicked": lambda tally: tally.clicks,
}
"""``eventType`` → what a bucket's total counts (§2.3)."""


def dashboard(desk: Desk, period: Period) -> Dashboard:
    """What was mailed, beside the period before, and how many contacts are known."""
    prev, now = desk.tallies(period.both)
    return {
        "campaign": {
            "sent": _flat(now.sent, prev.sent),
            "delivered": _flat(now.delivered, prev.delivered),
            "uniqueOpens": _reaction(now.opens, prev.opens, now.open_rate, prev.open_rate),
            "uniqueClicks": _reaction(now.clicks, prev.clicks, now.click_rate, prev.click_rate),
        },
        "contact": _contacts(desk, period),
    }


def overall(desk: Desk, period: Period) -> Overall:
    """Every figure beside the period before; when mail that is opened is delivered; the period's campaigns."""
    prev, now = desk.tallies(period.both)

    def bounced(value: int, before: int) -> Rated:
        return _rated(value, before, now.bounce_rate(value), prev.bounce_rate(before))

    return {
        "stats": {
            "sent": {"count": _compared(now.sent, prev.sent)},
            "delivered": {"count": _compared(now.delivered, prev.delivered)},
            "uniqueOpens": _rated(now.opens, prev.opens, now.open_rate, prev.open_rate),
            "uniqueClicks": _rated(now.clicks, prev.clicks, now.click_rate, prev.click_rate),
            "hardBounces": bounced(now.hard, prev.hard),
            "softBounces": bounced(now.soft, prev.soft),
            "totalBounces": bounced(now.bounces, prev.bounces),
            "unsubscribes": {"count": _compared(now.unsubscribes, prev.unsubscribes)},
            "complaints": {"count": _compared(now.complaints, prev.complaints)},
        },
        "deliveryTimeStats": _delivery_times(desk, period),
        "campaignComparison": campaigns.comparison(desk, period),
    }


def histogram(desk: Desk, period: Period, event_type: str) -> Histogram:
    """One of :data:`EVENT_TYPES`, day by day, empty days too."""
    count = EVENT_TYPES[event_type]
    buckets: list[Bucket] = []
    for begins, tally in zip(period.days, desk.tallies(period.days), strict=False):
        bucket: Bucket = {"date": stamp(begins), "total": count(tally)}
        if event_type == BOUNCED:
            bucket["detail"] = {"hard": tally.hard, "soft": tally.soft}
        buckets.append(bucket)
    return {"start": stamp(period.start), "end": stamp(period.end), "histogram": buckets, "peak": peak_of(buckets)}


def _contacts(desk: Desk, period: Period) -> Contacts:
    instants = period.days[:-1:7] if len(period.days) > WEEKLY else period.days[:-1]
    *found, at_end = desk.store.known(Filter(sources=desk.sources), [*instants, period.end])
    points: list[Point] = [{"date": stamp(at), "total": total} for at, total in zip(instants, found, strict=True)]
    return {
        "count": {"value": at_end, "diff": diff(at_end, found[0])},
        "histogram": {
            "start": stamp(period.start),
            "end": stamp(period.end),
            "histogram": points,
            "peak": max(points, key=lambda point: point["total"]),
        },
    }


def _delivery_times(desk: Desk, period: Period) -> DeliveryTimeStats:
    """Of the mail delivered in each part of the day, the share that was opened, whenever that was."""
    edges, parts = period.parts()
    opened: dict[Part, int] = dict.fromkeys(PARTS.values(), 0)
    delivered = dict(opened)
    for part, found in zip(parts, desk.figures(edges), strict=True):
        opened[part] += found.opened
        delivered[part] += found.counts[Kind.DELIVERED].messages
    rates = {part: printed(share(opened[part], delivered[part])) for part in opened}
    return {
        "morning": rates["morning"],
        "afternoon": rates["afternoon"],
        "evening": rates["evening"],
        "night": rates["night"],
    }


def _flat(value: int, prev: int) -> Flat:
    return {"count": value, "diff": diff(value, prev)}


def _reaction(value: int, prev: int, rate: Fraction, prev_rate: Fraction) -> Reaction:
    return {
        "count": {"value": value, "diff": diff(value, prev)},
        "rate": {"value": printed(rate), "diff": diff(rate, prev_rate)},
    }


def _compared(value: int, prev: int) -> Compared:
    return {"value": value, "prev": prev, "diff": diff(value, prev)}


def _rated(value: int, prev: int, rate: Fraction, prev_rate: Fraction) -> Rated:
    compared: RateCompared = {"value": printed(rate), "prev": printed(prev_rate), "diff": diff(rate, prev_rate)}
    return {"count": _compared(value, prev), "rate": compared}
