"""What each report answers: the shapes of providers/hogsend.md §2, described from here in ``/openapi.json``.

Times are text as ``2026-06-02T08:15:25.771Z``; a column without its event is ``null``. Rates are fractions.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class Totals(TypedDict):
    sent: int
    delivered: int
    opened: int
    clicked: int
    bounced: int
    complained: int
    deliveryRate: float
    openRate: float
    clickRate: float
    clickToDeliveryRate: float


class Bucket(TypedDict):
    date: str
    sent: int
    delivered: int
    opened: int
    clicked: int
    bounced: int


Window = TypedDict("Window", {"from": str | None, "to": str | None})


class TemplateReport(TypedDict):
    templateKey: str
    window: Window
    totals: Totals
    series: list[Bucket]


class Person(TypedDict):
    externalId: str | None
    email: str | None


class Send(TypedDict):
    id: str
    templateKey: str | None
    subject: str
    status: str
    sentAt: str | None
    deliveredAt: str | None
    openedAt: str | None
    clickedAt: str | None
    bouncedAt: str | None
    complainedAt: str | None
    bounceType: str | None
    createdAt: str


class ContactActivity(TypedDict):
    contact: Person
    sends: list[Send]
    total: int
    limit: int
    offset: int


class Email(TypedDict):
    id: str
    journeyStateId: None
    templateKey: str | None
    messageId: str | None
    resendId: str | None
    fromEmail: str
    toEmail: str
    subject: str
    category: None
    status: str
    userId: str | None
    journeyId: None
    sentAt: str | None
    deliveredAt: str | None
    openedAt: str | None
    clickedAt: str | None
    bouncedAt: str | None
    complainedAt: str | None
    createdAt: str
    updatedAt: str


class EmailLog(TypedDict):
    emails: list[Email]
    total: int
    limit: int
    offset: int


class Moment(TypedDict):
    type: str
    timestamp: str
    url: NotRequired[str]
    ipAddress: NotRequired[str | None]
    userAgent: NotRequired[str | None]


class LinkClick(TypedDict):
    id: str
    clickedAt: str
    ipAddress: str | None
    userAgent: str | None


class TrackedLink(TypedDict):
    id: str
    originalUrl: str
    clickCount: int
    clicks: list[LinkClick]


class EmailDetail(TypedDict):
    email: Email
    events: list[Moment]
    trackedLinks: list[TrackedLink]
    journeyContext: None


class Overview(TypedDict):
    totalContacts: int
    activeJourneys: int
    activeBuckets: int
    bucketMembers: int
    emailsSent24h: int
    emailsSent7d: int
    emailsSent30d: int
    bounceRate30d: float
    unsubscribeRate: float


class TemplateFigures(TypedDict):
    templateKey: str
    sent: int
    delivered: int
    opened: int
    clicked: int
    bounced: int
    deliveryRate: float
    openRate: float
    clickRate: float
    clickToDeliveryRate: float


class TemplateMetrics(TypedDict):
    templates: list[TemplateFigures]


class Point(TypedDict):
    date: str
    total: int
    delivered: int
    bounced: int
    complained: int
    deliveryRate: float


class Deliverability(TypedDict):
    points: list[Point]


class EventCount(TypedDict):
    event: str
    date: str
    count: int


class EventMetrics(TypedDict):
    events: list[EventCount]


class Journeys(TypedDict):
    journeys: list[dict[str, Any]]


class JourneyFunnel(TypedDict):
    journeyId: str
    enrolled: int
    emailSent: int
    emailOpened: int
    emailClicked: int
    completed: int
    failed: int
    exited: int


class CampaignStats(TypedDict):
    sends: int
    delivered: int
    opened: int
    clicked: int
    bounced: int
    complained: int
    failed: int
    skipped: int
    lastSentAt: str | None


class Hit(TypedDict):
    id: str
    userId: str | None
    event: str
    properties: dict[str, str | None]
    occurredAt: str
    source: str
    userEmail: str | None
    contactId: str | None


class Hits(TypedDict):
    events: list[Hit]
    total: int
    limit: int
    offset: int


class Refusal(TypedDict):
    """Every error but a parameter that can't be understood (§4)."""

    error: str


class Issues(TypedDict):
    name: str
    message: str
    """The issues, as text: JSON indented by two spaces."""


class Validation(TypedDict):
    """A parameter that can't be understood (§4)."""

    success: bool
    error: Issues
