"""Totals: the statistics of activities (provider file, 3.3 and 3.4), and their links (3.6), as snapshots."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from aftersend.providers.constant_contact.values import count, opened
from aftersend.providers.constant_contact.words import UNITEMISED
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.values import figure, rows_of, text
from aftersend.vocabulary import Delivery, Kind, Reading, Snapshot

PARTLY = "partly"
"""In the context of a page of statistics: campaigns of whose activities it has not all."""
ROLE, ACTIVITY, CAMPAIGN = "role", "activity", "campaign"
PRIMARY = "primary_email"

COUNTERS: dict[Kind, tuple[str, str | None]] = {
    Kind.SENT: ("em_sends", "em_sends"),
    Kind.OPENED: ("em_opens_all", "em_opens"),
    Kind.CLICKED: ("em_clicks_all", "em_clicks"),
    Kind.UNSUBSCRIBED: ("em_optouts", "em_optouts"),
    Kind.COMPLAINED: ("em_abuse", "em_abuse"),
    Kind.FORWARDED: ("em_forwards", "em_forwards"),
    Kind.AUTO_REPLIED: ("em_bounces_vacation", "em_bounces_vacation"),
}
"""Kind → the counters of all and of each contact once. Forwards are counted once for each contact only."""
BOUNCES, VACATION = "em_bounces", "em_bounces_vacation"


class Statistics(NamedTuple):
    """What is claimed of an activity; counters by their names with underscores (3.4)."""

    activity: str
    campaign: str
    counters: dict[str, int]
    raw: dict[str, int | float | str | None]


def look(answer: Answer) -> Page:
    """A page of statistics; what is no answer of it is Malformed."""
    return Page(ids=[repr(row) for row in _results(answer.body)])


def statistics(answer: Answer) -> dict[str, Statistics]:
    """The activities a page has statistics of, by id. Raises Malformed for what is no page."""
    found = {}
    for row in _results(answer.body):
        try:
            one = _statistics(row)
        except Malformed:
            continue  # read() keeps it as a problem
        found[one.activity] = one
    return found


def read(delivery: Delivery) -> Reading:
    """A snapshot of each campaign: the sums over its activities. Of a campaign of which the page has only some of the
    activities, a snapshot of each of these, in a list of its own. Ids without statistics (``errors``) were deleted or
    never sent; they add nothing (3.3)."""
    try:
        rows = _results(delivery.body)
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    found: dict[str, dict[str, Statistics]] = defaultdict(dict)
    for number, row in enumerate(rows):
        try:
            one = _statistics(row)
        except Malformed as error:
            reading.problems.append(problem(number, row, error))
        else:
            found[one.campaign][one.activity] = one
    partly = set(delivery.context.get(PARTLY, "").split(","))
    for campaign, of in found.items():
        groups = (
            [(f"stats/{own}", [one]) for own, one in of.items()]
            if campaign in partly
            else [("stats", list(of.values()))]
        )
        reading.snapshots += [_snapshot(name, campaign, group, delivery) for name, group in groups]
    return reading


def _results(body: bytes) -> list[Any]:
    """Raises Malformed."""
    said = opened(body)
    if "results" not in said and isinstance(said.get("errors"), list):
        return []
    return rows_of(said, "results")


def _statistics(row: Any) -> Statistics:
    """Raises Malformed."""
    told = row.get("stats") if isinstance(row, dict) else None
    if not isinstance(told, dict):
        raise Malformed("A result must be an object with stats.")
    activity, campaign = text(row.get("campaign_activity_id")), text(row.get("campaign_id"))
    if activity is None or campaign is None:
        raise Malformed("A result must name its campaign_id and campaign_activity_id.")
    # One guide spells the same counters with dots (3.4).
    named = {(text(name) or "").replace(".", "_"): value for name, value in told.items()}
    counters = {name: n for name, value in named.items() if (n := count(value)) is not None}
    raw = {name: figure(value) for name, value in named.items()}
    return Statistics(activity, campaign, counters, {**raw, "last_refresh_time": figure(row.get("last_refresh_time"))})


def _snapshot(name: str, campaign: str, group: list[Statistics], delivery: Delivery) -> Snapshot:
    claimed = {kind: _sum(group, total, unique, kind) for kind, (total, unique) in COUNTERS.items()}
    claimed[Kind.BOUNCED] = _bounced(group)
    counts = {kind: found for kind in Kind if (found := claimed.get(kind)) is not None}
    return Snapshot(
        list=name,
        campaign_id=campaign,
        read_at=delivery.received_at,
        counts=counts,
        raw=_raw(group),
        stands_for=tuple(kind for kind in UNITEMISED if kind in counts),
    )


def _sum(group: list[Statistics], total: str, unique: str | None, kind: Kind) -> tuple[int, int | None] | None:
    """The sum of a counter. How many contacts are in several activities isn't said: so a campaign with more than one
    has no unique figure; only of complaints, which reports take from here, there are at least as many as one has."""
    told = [one for one in group if total in one.counters]
    if not told:
        return None
    uniques = [one.counters[unique] for one in told if unique in one.counters] if unique else []
    known = uniques and (len(told) == 1 or kind in UNITEMISED)
    return sum(one.counters[total] for one in told), max(uniques) if known else None


def _bounced(group: list[Statistics]) -> tuple[int, int | None] | None:
    """Bounces without auto-replies, which the platform counts among them though the mail arrived (9.3)."""
    told = [max(0, one.counters[BOUNCES] - one.counters.get(VACATION, 0)) for one in group if BOUNCES in one.counters]
    return (sum(told), told[0] if len(told) == 1 else None) if told else None


def _raw(group: list[Statistics]) -> dict[str, int | float | str | None]:
    """The platform's own figures, those of several activities with the activity before the name."""
    if len(group) == 1:
        return group[0].raw
    return {f"{one.activity}/{name}": value for one in group for name, value in one.raw.items()}


# -- links ---------------------------------------------------------------------------------------------------


def look_at_links(answer: Answer) -> Page:
    return Page(ids=[repr(row) for row in rows_of(opened(answer.body), "link_click_counts")])


def read_links(delivery: Delivery) -> Reading:
    """How many contacts clicked each link of an activity: a snapshot of figures by URL, whose kinds are told by the
    other lists. That of a resend is a list of its own."""
    try:
        said = opened(delivery.body)
        rows = rows_of(said, "link_click_counts")
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    raw: dict[str, int | float | str | None] = {}
    for number, row in enumerate(rows):
        url = text(row.get("link_url")) if isinstance(row, dict) else None
        clicks = count(row.get("unique_clicks")) if url else None
        if url is None or clicks is None:
            reading.problems.append(problem(number, row, "A link must have link_url and unique_clicks."))
        else:
            raw[url] = clicks
    campaign = delivery.context.get(CAMPAIGN)
    activity = text(said.get("campaign_activity_id")) or delivery.context.get(ACTIVITY) or ""
    if campaign and raw:
        primary = delivery.context.get(ROLE, PRIMARY) == PRIMARY
        name = "links" if primary else f"links/{activity}"
        reading.snapshots.append(
            Snapshot(list=name, campaign_id=campaign, read_at=delivery.received_at, counts={}, raw=raw)
        )
    return reading
