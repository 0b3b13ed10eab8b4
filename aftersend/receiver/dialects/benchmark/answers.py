"""What each endpoint answers: the shapes of providers/benchmark-email.md §2, described from here in ``/openapi.json``.

Times are text as ``2026-05-05T04:00:00.000Z``. A :data:`Number` is a percentage of at most two decimals, an integer
where it has none: the platform writes ``4`` and ``25.8``. Of ``sent`` there are three shapes (§8.1), of ``peak`` two.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

Number = int | float


# -- the dashboard (§2.1) ------------------------------------------------------------------------------


class Flat(TypedDict):
    count: int
    diff: Number


class Change(TypedDict):
    value: int
    diff: Number


class RateChange(TypedDict):
    value: Number
    diff: Number


class Reaction(TypedDict):
    count: Change
    rate: RateChange


class Mailed(TypedDict):
    sent: Flat
    delivered: Flat
    uniqueOpens: Reaction
    uniqueClicks: Reaction


class Point(TypedDict):
    date: str
    total: int


class ContactHistogram(TypedDict):
    start: str
    end: str
    histogram: list[Point]
    peak: Point


class Contacts(TypedDict):
    count: Change
    histogram: ContactHistogram


class Dashboard(TypedDict):
    campaign: Mailed
    contact: Contacts


# -- the overall report (§2.2) -------------------------------------------------------------------------


class Compared(TypedDict):
    value: int
    prev: int
    diff: Number


class RateCompared(TypedDict):
    value: Number
    prev: Number
    diff: Number


class Counted(TypedDict):
    count: Compared


class Rated(TypedDict):
    count: Compared
    rate: RateCompared


class OverallStats(TypedDict):
    sent: Counted
    delivered: Counted
    uniqueOpens: Rated
    uniqueClicks: Rated
    hardBounces: Rated
    softBounces: Rated
    totalBounces: Rated
    unsubscribes: Counted
    complaints: Counted


class DeliveryTimeStats(TypedDict):
    morning: Number
    afternoon: Number
    evening: Number
    night: Number


class Rates(TypedDict):
    opens: Number
    clicks: Number


class ComparedCampaign(TypedDict):
    _id: str
    name: str
    rates: Rates
    scheduledAt: str


class Overall(TypedDict):
    stats: OverallStats
    deliveryTimeStats: DeliveryTimeStats
    campaignComparison: list[ComparedCampaign]


# -- histograms (§2.3, §2.5) ---------------------------------------------------------------------------


class BounceDetail(TypedDict):
    hard: int
    soft: int


class Bucket(TypedDict):
    date: str
    total: int
    detail: NotRequired[BounceDetail]


class Peak(TypedDict):
    startDate: str
    endDate: str
    total: int


class Histogram(TypedDict):
    start: str
    end: str
    histogram: list[Bucket]
    peak: Peak


class ReactionDetail(TypedDict):
    uniqueOpens: int
    uniqueClicks: int


class EngagementBucket(TypedDict):
    date: str
    total: int
    detail: ReactionDetail


class Engagement(TypedDict):
    start: str
    end: str
    histogram: list[EngagementBucket]
    peak: Peak


# -- one campaign (§2.4) -------------------------------------------------------------------------------


class Reactions(TypedDict):
    unique: int
    rate: Number
    last: NotRequired[str]


class Bounces(TypedDict):
    count: int
    rate: Number


class CampaignStats(TypedDict):
    sent: int
    delivered: int
    opens: Reactions
    clicks: Reactions
    totalBounces: Bounces
    hardBounces: Bounces
    softBounces: Bounces
    unsubscribes: int
    complaints: int


class LinkClicks(TypedDict):
    unique: int
    total: int


class LinkActivity(TypedDict):
    id: str
    path: str
    clicks: LinkClicks


class CampaignReport(TypedDict):
    stats: CampaignStats
    linkActivity: list[LinkActivity]


# -- the list of campaigns (§2.8) ----------------------------------------------------------------------


class UniqueRate(TypedDict):
    unique: int
    rate: Number


class ListedStats(TypedDict):
    sent: int
    delivered: int
    opens: UniqueRate
    clicks: UniqueRate


class Scheduled(TypedDict):
    scheduledAt: NotRequired[str]


class Dated(TypedDict):
    createdAt: NotRequired[str]
    updatedAt: NotRequired[str]


class Campaign(Scheduled, Dated):
    _id: str
    status: str
    subStatus: str | None
    cancelledAt: str | None
    totalRecipients: int
    sentCount: int
    failedCount: int


ListedCampaign = TypedDict(
    "ListedCampaign",
    {
        "_id": str,
        "name": str,
        "from": str,
        "subject": str,
        "previewText": NotRequired[str],
        "status": str,
        "subStatus": NotRequired[str | None],
        "scheduledAt": NotRequired[str],
        "cancelledAt": NotRequired[str | None],
        "createdAt": NotRequired[str],
        "updatedAt": NotRequired[str],
        "totalRecipients": NotRequired[int],
        "sentCount": NotRequired[int],
        "failedCount": NotRequired[int],
        "stats": NotRequired[ListedStats],
    },
)
"""A draft lacks what only sending brings; a date that nobody told is left out."""


class CampaignList(TypedDict):
    total: int
    records: list[ListedCampaign]


# -- errors (§4.1) -------------------------------------------------------------------------------------


class Error(TypedDict):
    errorType: str
    message: str
    field: NotRequired[str]


class Errors(TypedDict):
    errors: list[Error]
