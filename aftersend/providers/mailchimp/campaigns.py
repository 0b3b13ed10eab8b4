"""Campaigns: one row each in ``reports``, with counters (provider file, Pull feed).

They name the campaigns, are kept as snapshots, and tell by their counters which lists have to be asked for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.mailchimp.values import stamp
from aftersend.providers.values import Figure, decoded, figure, rows_of, text
from aftersend.vocabulary import BadInput, CampaignInfo, Delivery, Instant, Kind, Reading, Snapshot

ROWS = "reports"
COUNTERS = {
    "sent": ("emails_sent", "bounces.hard_bounces", "bounces.soft_bounces"),
    "activity": (
        *("opens.opens_total", "clicks.clicks_total", "bounces.hard_bounces", "bounces.soft_bounces"),
        *("opens.unique_opens", "opens.last_open", "clicks.last_click"),
    ),
    "opens": ("opens.opens_total", "opens.unique_opens", "opens.last_open"),
    "unsubscribed": ("unsubscribed",),
    "complaints": ("abuse_reports",),
}
"""Feed → the counters that move when it has something new."""


class Campaign(NamedTuple):
    """A campaign that was sent."""

    id: str
    sent: Instant
    send_time: str
    """As it is written."""
    figures: dict[str, str]
    """Feed → its counters."""


def campaigns(answer: Answer) -> list[Campaign]:
    """The campaigns of a page that were sent. Raises Malformed."""
    found = []
    for row in rows_of(decoded(answer.body), ROWS):
        said = row if isinstance(row, dict) else {}
        own, send_time = text(said.get("id")), text(said.get("send_time"))
        if own and send_time:
            try:
                at = stamp(send_time, "send_time").at
            except BadInput:
                continue
            told = _flat(said)
            figures = {feed: " ".join(str(told.get(name)) for name in names) for feed, names in COUNTERS.items()}
            found.append(Campaign(own, at, send_time, figures))
    return found


def read(delivery: Delivery) -> Reading:
    """What is told about campaigns, and their counters."""
    try:
        rows = rows_of(decoded(delivery.body), ROWS)
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, row in enumerate(rows):
        try:
            info, snapshot = _campaign(row, delivery)
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
            continue
        reading.campaigns.append(info)
        reading.snapshots.append(snapshot)
    return reading


def _campaign(row: Any, delivery: Delivery) -> tuple[CampaignInfo, Snapshot]:
    own = text(row.get("id")) if isinstance(row, dict) else None
    if own is None:
        raise BadInput("id is missing.", "id")
    send_time = text(row.get("send_time"))
    info = CampaignInfo(
        campaign_id=own,
        name=text(row.get("campaign_title")),
        type=text(row.get("type")),
        subject=text(row.get("subject_line")),
        scheduled_at=stamp(send_time, "send_time").at if send_time else None,
    )
    told = _flat(row)
    sent, hard, soft = (_count(told.get(name)) for name in COUNTERS["sent"])
    counts = {
        Kind.SENT: (sent, sent),
        Kind.BOUNCED: (None if hard is None or soft is None else hard + soft, None),
        Kind.OPENED: (_count(told.get("opens.opens_total")), _count(told.get("opens.unique_opens"))),
        Kind.CLICKED: (_count(told.get("clicks.clicks_total")), _count(told.get("clicks.unique_subscriber_clicks"))),
        Kind.UNSUBSCRIBED: (_count(told.get("unsubscribed")), None),
        Kind.COMPLAINED: (_count(told.get("abuse_reports")), None),
    }
    return info, Snapshot(
        list="campaigns",
        campaign_id=own,
        read_at=delivery.received_at,
        counts={kind: (total, unique) for kind, (total, unique) in counts.items() if total is not None},
        raw=told,
    )


def _flat(row: dict[str, Any]) -> dict[str, Figure]:
    """The figures and texts of a row, those of an object within it under both names."""
    found: dict[str, Figure] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            found |= {
                f"{name}.{inner}": figure(said) for inner, said in value.items() if not isinstance(said, (dict, list))
            }
        elif not isinstance(value, list):
            found[name] = figure(value)
    return found


def _count(value: Figure) -> int | None:
    return value if type(value) is int and 0 <= value < 2**63 else None
