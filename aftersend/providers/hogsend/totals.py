"""What Hogsend claims itself (provider file, sections 2.6 and 2.7), as snapshots.

All its counts are of sends (section 5), so opens and clicks are unique ones. ``bounced`` and ``complained`` of the
metrics are those whose status says so *now*: a later notice takes them away, which snapshots show and events don't.
"""

from __future__ import annotations

from typing import Any

from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.hogsend.identity import digest
from aftersend.providers.hogsend.words import COUNTERS
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.values import decoded, text
from aftersend.vocabulary import Delivery, Kind, Reading, Snapshot

OVERVIEW, EMAILS, DELIVERABILITY = "overview", "emails", "emails/deliverability"
REPORTS = (OVERVIEW, EMAILS, DELIVERABILITY)
"""Below ``metrics/``."""
UNTEMPLATED = "(none)"

Figure = int | float | str | None


def look(answer: Answer) -> Page:
    """A report is one row. Raises Malformed for what is no object."""
    if not isinstance(decoded(answer.body), dict):
        raise Malformed("The report is not an object.")
    return Page(ids=[digest(answer.body)])


def read_metrics(delivery: Delivery) -> Reading:
    """The snapshots of one report: of the account, or of each template."""
    report = delivery.context.get("report", "")
    try:
        said = decoded(delivery.body)
        if not isinstance(said, dict):
            raise Malformed("The report is not an object.")
        match report:
            case "emails":
                return _templates(_rows(said, "templates"), delivery)
            case "emails/deliverability":
                return Reading(snapshots=[_deliverability(_rows(said, "points"), delivery)])
            case _:
                return Reading(snapshots=[_snapshot(delivery, None, {}, said)])
    except Malformed as error:
        return unreadable(delivery, error)


def read_campaign(delivery: Delivery) -> Reading:
    """The figures of one of Hogsend's own campaigns. They are kept as it says them and count nowhere: its sends are
    counted under their templates already, since no list of sends names the campaign."""
    try:
        said = decoded(delivery.body)
        if not isinstance(said, dict):
            raise Malformed("The report is not an object.")
    except Malformed as error:
        return unreadable(delivery, error)
    return Reading(snapshots=[_snapshot(delivery, delivery.context.get("campaign"), {}, said)])


def _templates(rows: list[Any], delivery: Delivery) -> Reading:
    reading = Reading()
    for number, row in enumerate(rows):
        template = text(row.get("templateKey")) if isinstance(row, dict) else None
        if template is None:
            reading.problems.append(problem(number, row, "templateKey is missing."))
        elif template != UNTEMPLATED:
            counts = {kind: count for name, kind in COUNTERS.items() if (count := _count(row.get(name))) is not None}
            reading.snapshots.append(_snapshot(delivery, template, counts, row))
    return reading


def _deliverability(rows: list[Any], delivery: Delivery) -> Snapshot:
    """The sum of all months: what the account claims of its whole life. ``total`` counts also what was never sent
    (section 5), and so is no count of ours."""
    sums: dict[str, int] = {}
    for row in rows:
        for name in ("total", "delivered", "bounced", "complained"):
            sums[name] = sums.get(name, 0) + ((_count(row.get(name)) if isinstance(row, dict) else None) or 0)
    counts = {COUNTERS[name]: sums[name] for name in ("delivered", "bounced", "complained") if name in sums}
    return _snapshot(delivery, None, counts, sums)


def _snapshot(delivery: Delivery, campaign: str | None, counts: dict[Kind, int], said: dict[str, Any]) -> Snapshot:
    report = delivery.context.get("report")
    return Snapshot(
        list=f"{delivery.feed}/{report}" if report else delivery.feed,
        campaign_id=campaign,
        read_at=delivery.received_at,
        counts={kind: (count, count) for kind, count in counts.items()},
        raw={text(name) or "": _figure(value) for name, value in said.items() if not isinstance(value, (dict, list))},
    )


def _rows(said: dict[str, Any], name: str) -> list[Any]:
    rows = said.get(name)
    if not isinstance(rows, list):
        raise Malformed(f"The report has no list '{name}'.")
    return rows


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 2**63 else None


def _figure(value: Any) -> Figure:
    if value is None or isinstance(value, float) or (type(value) is int and abs(value) < 2**63):
        return value
    return (text(str(value)) or "")[:200]
