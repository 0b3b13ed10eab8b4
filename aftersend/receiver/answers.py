"""What each report answers: plain dictionaries, typed here, described from here in ``/openapi.json``.

Keys are always there; what is not known is ``null``. Times are UTC as 2026-11-21T10:00:00Z, except where a
timeline's zone is asked for.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from aftersend.vocabulary import Bounce, Channel, Door, Kind, Status

Kinds = list[Kind]


class Total(TypedDict):
    total: int
    unique: int


class Rates(TypedDict):
    open: float | None
    click: float | None
    bounce: float | None


FunnelAnswer = TypedDict(
    "FunnelAnswer",
    {
        "source": str | None,
        "campaign_id": str | None,
        "from": str | None,
        "to": str | None,
        "counts": dict[Kind, Total],
        "rates": Rates,
        "derived": list[Kind],
        "from_snapshot": list[Kind],
        "as_of": str | None,
        "complete_until": str | None,
    },
)


class Row(TypedDict):
    source: str
    id: str
    kind: Kind
    word: str
    channel: Channel
    occurred_at: str | None
    precision: str
    clock: str
    campaign_id: str | None
    activity_id: str | None
    template: str | None
    contact_id: str | None
    external_id: str | None
    email: str | None
    phone: str | None
    message_id: str | None
    url: str | None
    link_number: str | None
    ip: str | None
    ip_chain: str | None
    user_agent: str | None
    device: str | None
    machine: str
    machine_reason: str | None
    bounce_class: str | None
    reason: str | None
    smtp_code: str | None
    row_id: str | None
    doors: list[str]
    metadata: dict[str, str]


class Currency(TypedDict):
    as_of: str | None
    complete_until: str | None


class ListAnswer(TypedDict):
    rows: list[Row]
    next_cursor: str | None
    as_of: str | None
    complete_until: str | None


class RecentAnswer(TypedDict):
    rows: list[Row]
    cursor: str
    next_cursor: str
    more: bool
    as_of: str | None
    complete_until: str | None


class OutcomeAnswer(TypedDict):
    count: int
    first_at: str | None
    last_at: str | None


class MessageAnswer(TypedDict):
    campaign_id: str | None
    campaign_name: str | None
    activity_id: str | None
    subject: str | None
    template: str | None
    message_id: str | None
    channel: Channel
    created_at: str | None
    status: Status
    bounce: Bounce | None
    outcomes: dict[Kind, OutcomeAnswer]
    events: list[str]


class ContactAnswer(TypedDict):
    source: str
    contact_id: str | None
    external_id: str | None
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    deleted_at: str | None
    first_at: str | None
    last_at: str | None
    counts: dict[Kind, Total]
    messages: list[MessageAnswer]


class ContactsAnswer(TypedDict):
    contacts: list[ContactAnswer]
    as_of: str | None
    complete_until: str | None


class CampaignAnswer(TypedDict):
    source: str
    campaign_id: str | None
    name: str | None
    status: str | None
    type: str | None
    subject: str | None
    template: str | None
    created_at: str | None
    scheduled_at: str | None
    first_at: str | None
    last_at: str | None
    first_sent_at: str | None
    last_sent_at: str | None
    counts: dict[Kind, Total]
    rates: Rates
    derived: list[Kind]
    from_snapshot: list[Kind]


class CampaignsAnswer(TypedDict):
    campaigns: list[CampaignAnswer]
    next_page_index: int | None
    as_of: str | None
    complete_until: str | None


class Slot(TypedDict):
    start: str
    end: str
    counts: dict[Kind, Total]
    rates: Rates


TimelineAnswer = TypedDict(
    "TimelineAnswer",
    {
        "source": str | None,
        "campaign_id": str | None,
        "from": str,
        "to": str,
        "time_zone": str,
        "unit": str,
        "slots": list[Slot],
        "derived": list[Kind],
        "as_of": str | None,
        "complete_until": str | None,
    },
)


class LinkAnswer(TypedDict):
    url: str
    number: str | None
    total: int
    unique: int


class EngagementSlot(TypedDict):
    start: str
    end: str
    opened: Total
    clicked: Total


class Engagement(TypedDict):
    time_zone: str
    hours: list[EngagementSlot]
    days: list[EngagementSlot]


class Claim(TypedDict):
    total: int
    unique: int | None


class SnapshotAnswer(TypedDict):
    source: str
    list: str
    read_at: str | None
    counts: dict[Kind, Claim]
    gaps: dict[Kind, Claim]
    raw: dict[str, int | float | str | None]


class SnapshotChange(TypedDict):
    read_at: str | None
    counts: dict[Kind, Claim]
    raw: dict[str, int | float | str | None]


Series = list[SnapshotChange]


class SnapshotRowAnswer(SnapshotAnswer):
    campaign_id: str | None
    ours: dict[Kind, Claim]
    from_snapshot: Kinds
    history: Series | None


class SnapshotsAnswer(TypedDict):
    snapshots: list[SnapshotRowAnswer]
    next_page_index: int | None
    as_of: str | None
    complete_until: str | None


class DoorFigures(TypedDict):
    both: int
    webhook_only: int
    feed_only: int
    webhook: int
    feed: int
    webhooks_lost: float | None
    feeds_lost: float | None
    settled: bool


class DoorDay(DoorFigures):
    source: str
    day: str


class DoorKind(DoorFigures):
    kind: Kind


class DoorSource(DoorFigures):
    source: str
    doors: list[Door]
    sentence: str | None
    kinds: list[DoorKind]


DoorsAnswer = TypedDict(
    "DoorsAnswer",
    {
        "from": str,
        "to": str,
        "time_zone": str,
        "sources": list[DoorSource],
        "rows": list[DoorDay],
        "as_of": str | None,
        "complete_until": str | None,
    },
)


class CampaignDetailAnswer(TypedDict):
    source: str | None
    campaign_id: str
    name: str | None
    status: str | None
    type: str | None
    subject: str | None
    template: str | None
    created_at: str | None
    scheduled_at: str | None
    first_at: str | None
    last_at: str | None
    first_sent_at: str | None
    last_sent_at: str | None
    counts: dict[Kind, Total]
    rates: Rates
    derived: list[Kind]
    from_snapshot: list[Kind]
    links: list[LinkAnswer]
    devices: dict[Kind, dict[str, int]]
    bounces: dict[Bounce, int]
    auto_replied: int
    engagement: Engagement
    snapshots: list[SnapshotAnswer]
    as_of: str | None
    complete_until: str | None


class Known(TypedDict):
    known: int
    new: int


Period = TypedDict(
    "Period",
    {"from": str, "to": str, "counts": dict[Kind, Total], "rates": Rates, "contacts": Known},
)


class TotalChange(TypedDict):
    total: float | None
    unique: float | None


class KnownChange(TypedDict):
    known: float | None
    new: float | None


class Change(TypedDict):
    counts: dict[Kind, TotalChange]
    rates: Rates
    contacts: KnownChange


DashboardAnswer = TypedDict(
    "DashboardAnswer",
    {
        "source": str | None,
        "campaign_id": str | None,
        "from": str,
        "to": str,
        "time_zone": str,
        "days": int,
        "counts": dict[Kind, Total],
        "rates": Rates,
        "contacts": Known,
        "previous": Period,
        "diff": Change,
        "slots": list[Slot],
        "campaigns": list[CampaignAnswer],
        "derived": list[Kind],
        "as_of": str | None,
        "complete_until": str | None,
    },
)


class TemplateAnswer(TypedDict):
    source: str
    template: str | None
    messages: int
    counts: dict[Kind, int]
    statuses: dict[Status, int]
    rates: Rates
    derived: list[Kind]


TemplatesAnswer = TypedDict(
    "TemplatesAnswer",
    {
        "from": str | None,
        "to": str | None,
        "templates": list[TemplateAnswer],
        "next_page_index": int | None,
        "as_of": str | None,
        "complete_until": str | None,
    },
)


class RawDelivery(TypedDict):
    id: int
    door: str
    feed: str
    received_at: str | None
    content_type: str
    context: dict[str, str]
    encoding: Literal["utf-8", "base64"]
    body: str


class SightingAnswer(TypedDict):
    door: str
    list: str
    row: str
    delivery_id: int
    received_at: str | None
    word: str
    occurred_at: str | None
    precision: str
    clock: str
    row_id: str | None
    delivery: RawDelivery | None


class EventAnswer(TypedDict):
    event: Row
    sightings: list[SightingAnswer]
    as_of: str | None
    complete_until: str | None


class FeedAnswer(TypedDict):
    feed: str
    lane: str
    enabled: bool
    position: dict[str, Any]
    complete_until: str | None
    lag_seconds: float | None
    last_run_at: str | None
    last_success_at: str | None
    last_rows: int | None
    quiet_runs: int
    due_at: str | None
    parked_until: str | None
    failures: int
    stopped: bool
    finished: bool
    problem: str | None


class BudgetAnswer(TypedDict):
    period_seconds: float
    calls: int
    left: int
    until: str | None


class SourceAnswer(TypedDict):
    name: str
    provider: str
    time_zone: str
    complete_until: str | None
    last_event_at: str | None
    quiet: bool
    budget: list[BudgetAnswer]
    feeds: list[FeedAnswer]


class SourcesAnswer(TypedDict):
    sources: list[SourceAnswer]
    as_of: str | None
    complete_until: str | None
