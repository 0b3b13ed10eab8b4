"""What Benchmark claims itself, as snapshots: its list of campaigns and its five reports (provider file, 2.1–2.5, 2.8).

The list of campaigns and the report of one campaign are of its whole life, so that their figures stand beside ours.
Benchmark tells unique opens and never their total, so the unique figure stands for both; clicks have totals per link,
whose sum is a campaign's. The other four reports are of the last days only: their figures are kept under Benchmark's
names and compared with nothing.
"""

from __future__ import annotations

from typing import Any

from aftersend.providers.benchmark.values import count, decoded, flattened, instant_of, listed
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.values import Figure, text
from aftersend.vocabulary import CampaignInfo, Delivery, Instant, Kind, Reading, Snapshot

STATS = {
    Kind.SENT: ("sent",),
    Kind.DELIVERED: ("delivered",),
    Kind.OPENED: ("opens", "unique"),
    Kind.CLICKED: ("clicks", "unique"),
    Kind.BOUNCED: ("totalBounces", "count"),
    Kind.UNSUBSCRIBED: ("unsubscribes",),
    Kind.COMPLAINED: ("complaints",),
}
"""Kind → where its figure stands in ``stats`` of 2.4; the list of campaigns, 2.8, has the first four."""
FIGURES = ("totalRecipients", "sentCount", "failedCount", "stats")
"""Fields of a campaign in the list that are claims."""
PERIODS = {"dashboard": "campaign", "overall": "stats", "histogram": "histogram", "engagement": "histogram"}
"""Report of the last days → the field it must have."""
Figures = list[int | None]


def look_at_list(answer: Answer) -> Page:
    """A page of the list of campaigns, with the time the newest of them was made, where these times fall from row to
    row. Raises Malformed."""
    rows, total = listed(answer.body)
    made = [instant_of(row.get("createdAt")) or 0 for row in rows if isinstance(row, dict)]
    falling = bool(made) and len(made) == len(rows) and made == sorted(made, reverse=True)
    return Page(
        ids=[_id(row) or str(place) for place, row in enumerate(rows)], total=total, newest=made[0] if falling else None
    )


def look_at_report(answer: Answer) -> Page:
    """A report is one row; JSON of another shape is none, and a problem of its own when it is read. Raises Malformed
    for what is no JSON: then the platform itself is in trouble."""
    return Page(ids=["report"] if isinstance(decoded(answer.body), dict) else [])


def moved(answer: Answer) -> dict[str, tuple[Figures, Instant]]:
    """Campaign → the figures that the list tells of it, and when it was scheduled (or made), for those of which
    something was sent."""
    rows, _ = listed(answer.body)
    found = {}
    for row in rows:
        campaign, stats = _id(row), row.get("stats") if isinstance(row, dict) else None
        figures = [_figure(stats, path) for path in list(STATS.values())[:4]]
        if campaign and any(figures):
            found[campaign] = figures, instant_of(row.get("scheduledAt")) or instant_of(row.get("createdAt")) or 0
    return found


def read_list(delivery: Delivery) -> Reading:
    """Campaigns and what the list claims of each; drafts claim nothing."""
    try:
        rows, _ = listed(delivery.body)
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, row in enumerate(rows):
        campaign = _id(row)
        if campaign is None:
            reading.problems.append(problem(number, row, "_id is missing."))
            continue
        reading.campaigns.append(
            CampaignInfo(
                campaign_id=campaign,
                name=text(row.get("name")),
                status=text(row.get("status")),
                subject=text(row.get("subject")),
                created_at=instant_of(row.get("createdAt")),
                scheduled_at=instant_of(row.get("scheduledAt")),
            )
        )
        if isinstance(row.get("stats"), dict):
            counts = _counts(row["stats"])
            raw = flattened({name: row[name] for name in FIGURES if name in row})
            reading.snapshots.append(_snapshot(delivery, delivery.feed, campaign, counts, raw))
    return reading


def read_campaign(delivery: Delivery) -> Reading:
    """The lifetime totals of one campaign. A figure that is none is a problem of its own; the others are kept."""
    said, campaign = _report(delivery), delivery.context.get("campaign")
    stats = said.get("stats") if said else None
    if said is None or not isinstance(stats, dict) or not campaign:
        return unreadable(delivery, "The report of a campaign has no 'stats'.")
    reading = Reading()
    counts = _counts(stats)
    for number, (kind, path) in enumerate(STATS.items()):
        if kind not in counts and stats.get(path[0]) is not None:
            reading.problems.append(problem(number, stats[path[0]], f"stats.{'.'.join(path)} is not a count."))
    if Kind.CLICKED in counts:
        _, unique = counts[Kind.CLICKED]
        counts[Kind.CLICKED] = max(unique, _clicks_of(said.get("linkActivity"))), unique
    reading.snapshots.append(_snapshot(delivery, delivery.feed, campaign, counts, flattened(said)))
    return reading


def read_period(delivery: Delivery) -> Reading:
    """A report of the last days: figures under their own names."""
    said, wanted = _report(delivery), PERIODS[delivery.feed]
    if said is None or wanted not in said:
        return unreadable(delivery, f"The report has no '{wanted}'.")
    which = delivery.context.get("eventType") or delivery.context.get("period")
    list_ = f"{delivery.feed}/{which}" if which else delivery.feed
    return Reading(snapshots=[_snapshot(delivery, list_, delivery.context.get("campaign"), {}, flattened(said))])


def _report(delivery: Delivery) -> dict[str, Any] | None:
    try:
        said = decoded(delivery.body)
    except Malformed:
        return None
    return said if isinstance(said, dict) else None


def _counts(stats: dict[str, Any]) -> dict[Kind, tuple[int, int]]:
    told = {kind: _figure(stats, path) for kind, path in STATS.items()}
    return {kind: (figure, figure) for kind, figure in told.items() if figure is not None}


def _figure(stats: Any, path: tuple[str, ...]) -> int | None:
    for name in path:
        stats = stats.get(name) if isinstance(stats, dict) else None
    return count(stats)


def _clicks_of(links: Any) -> int:
    found = links if isinstance(links, list) else []
    return sum(_figure(link, ("clicks", "total")) or 0 for link in found)


def _snapshot(
    delivery: Delivery,
    list_: str,
    campaign: str | None,
    counts: dict[Kind, tuple[int, int]],
    raw: dict[str, Figure],
) -> Snapshot:
    return Snapshot(list=list_, campaign_id=campaign, read_at=delivery.received_at, counts={**counts}, raw=raw)


def _id(row: Any) -> str | None:
    return text(row.get("_id")) if isinstance(row, dict) else None
