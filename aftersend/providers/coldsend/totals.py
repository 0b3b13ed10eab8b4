"""What ColdSend claims itself, and what it tells about campaigns (provider file, sections 2.2, 2.3, 2.5 and 2.6).

Whether its figures count leads or e-mails is not said (5), so none is taken for a unique one. Its rates are fractions
here and percentages there (7): they are kept under their own names and never used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aftersend.providers.coldsend.values import Fields, decoded, digest, listed, page, plain, stamp
from aftersend.providers.coldsend.words import ANALYTICS_COUNTERS, CAMPAIGN_COUNTERS
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.values import text
from aftersend.vocabulary import BadInput, CampaignInfo, Delivery, Instant, Kind, Reading, Snapshot

DETECTORS = ("total_leads", *CAMPAIGN_COUNTERS)
"""Counters of a campaign that move when something happens in it (2.10)."""


def look(answer: Answer) -> tuple[Page, list[Fields]]:
    """A page of campaigns, and its rows that name one. Raises Malformed."""
    said, rows = listed(answer.body, "campaigns")
    ids = [(isinstance(row, dict) and text(row.get("campaign_id"))) or digest(row) for row in rows]
    return page(said, ids), [row for row in rows if isinstance(row, dict) and text(row.get("campaign_id"))]


def look_at_analytics(answer: Answer) -> Page:
    """A report is one row. Raises Malformed."""
    listed(answer.body, "campaigns")
    return Page(ids=["analytics"])


def look_at_timeline(answer: Answer) -> Page:
    """A row a day. Raises Malformed."""
    _, rows = listed(answer.body, "timeline")
    return Page(ids=[(isinstance(row, dict) and text(row.get("date"))) or digest(row) for row in rows])


def look_at_details(answer: Answer) -> Page:
    """A campaign is one row. Raises Malformed for what is no JSON; another shape is a problem of its campaign alone."""
    decoded(answer.body)
    return Page(ids=["details"])


def moment_of(row: Fields, name: str) -> Instant:
    """A time by which campaigns are put in order; 0 where there is none."""
    try:
        found = stamp(row.get(name), name, "UTC")
    except BadInput:
        return 0
    return found.at if found else 0


def read_campaigns(delivery: Delivery, zone: str) -> Reading:
    """Counters, names, status and dates of each campaign."""
    return _read_rows(delivery, "campaigns", lambda row, into: _campaign(row, into, delivery, CAMPAIGN_COUNTERS, zone))


def read_analytics(delivery: Delivery, zone: str) -> Reading:
    """The same from the analytics, and the workspace's own totals."""
    reading = _read_rows(
        delivery, "campaigns", lambda row, into: _campaign(row, into, delivery, ANALYTICS_COUNTERS, zone)
    )
    try:
        kpis = listed(delivery.body, "campaigns")[0].get("workspace_kpis")
    except Malformed:
        return reading  # told already
    if isinstance(kpis, dict):
        sends = _count(kpis.get("total_sends"))
        counts = {} if sends is None else {Kind.SENT: sends}
        reading.snapshots.append(_snapshot(delivery, delivery.feed, None, counts, kpis))
    return reading


def read_timeline(delivery: Delivery) -> Reading:
    """A snapshot of each day of the workspace, in a list of its own, so that what a day gains later can be seen. They
    count nowhere: what they claim is of a day, and not of a lifetime."""

    def day(row: Fields, into: Reading) -> None:
        date = text(row.get("date"))
        if not date:
            raise BadInput("date is missing.", "date")
        into.snapshots.append(_snapshot(delivery, f"{delivery.feed}/{date}", None, {}, row))

    return _read_rows(delivery, "timeline", day)


def read_details(delivery: Delivery, zone: str) -> Reading:
    """A campaign's configuration; ``enable_tracking`` says whether no opens means that none were measured (7.3)."""
    try:
        said = decoded(delivery.body)
    except Malformed as error:
        return unreadable(delivery, error)
    inside = said.get("campaign") if isinstance(said, dict) else None
    row = inside if isinstance(inside, dict) else said
    if not isinstance(row, dict):
        return unreadable(delivery, "The campaign is not an object.")
    reading = Reading()
    asked = delivery.context.get("campaign")
    try:
        _campaign(row | ({"campaign_id": asked} if asked else {}), reading, delivery, CAMPAIGN_COUNTERS, zone)
    except BadInput as error:
        reading.problems.append(problem(0, said, error))
    return reading


def _read_rows(delivery: Delivery, name: str, read: Callable[[Fields, Reading], None]) -> Reading:
    reading = Reading()
    try:
        _, rows = listed(delivery.body, name)
    except Malformed as error:
        return unreadable(delivery, error)
    for number, row in enumerate(rows):
        try:
            if not isinstance(row, dict):
                raise BadInput("A row is not an object.")
            read(row, reading)
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    return reading


def _campaign(row: Fields, into: Reading, delivery: Delivery, counters: Mapping[str, Kind], zone: str) -> None:
    """Raises BadInput for a row that names no campaign, or of which something can't be understood; the rest is read."""
    campaign = text(row.get("campaign_id")) or text(row.get("id"))
    if not campaign:
        raise BadInput("campaign_id is missing.", "campaign_id")
    problems, dates = [], {}
    for name in ("created_at", "launched_at"):
        try:
            dates[name] = stamp(row.get(name), name, zone)
        except BadInput as error:
            problems.append(str(error))
    figures = {name: _count(row[name]) for name in ("total_leads", *counters) if name in row}
    problems += [f"{name} is not a count." for name, figure in figures.items() if figure is None]
    counts = {kind: count for name, kind in counters.items() if (count := figures.get(name)) is not None}
    into.snapshots.append(_snapshot(delivery, delivery.feed, campaign, counts, row))
    created, launched = dates.get("created_at"), dates.get("launched_at")
    into.campaigns.append(
        CampaignInfo(
            campaign_id=campaign,
            name=text(row.get("name")) or text(row.get("campaign_name")),
            status=text(row.get("status")),
            created_at=created.at if created else None,
            scheduled_at=launched.at if launched else None,
        )
    )
    if problems:
        raise BadInput(" ".join(problems))


def _snapshot(
    delivery: Delivery, list_: str, campaign: str | None, counts: dict[Kind, int], said: dict[str, Any]
) -> Snapshot:
    return Snapshot(
        list=list_,
        campaign_id=campaign,
        read_at=delivery.received_at,
        counts={kind: (count, None) for kind, count in counts.items()},
        raw=plain(said),
    )


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 2**63 else None
