"""What is told about campaigns: the summaries (provider file, 3.1), and a campaign and its activities (3.8)."""

from __future__ import annotations

from typing import Any

from aftersend.providers.constant_contact.values import count, next_of, opened, when
from aftersend.providers.constant_contact.words import ROLES, TYPES, UNITEMISED
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.values import figure, rows_of, text
from aftersend.vocabulary import CampaignInfo, Delivery, Instant, Kind, Reading, Snapshot

SUMMARIES = "bulk_email_campaign_summaries"
FIGURES = ("sends", "opens", "clicks", "forwards", "optouts", "abuse", "bounces", "not_opened")
"""``unique_counts``: each contact counts once for a campaign and kind."""
ONCE = {"sends": Kind.SENT, "optouts": Kind.UNSUBSCRIBED, "abuse": Kind.COMPLAINED}
"""What seldom happens to a contact twice in a campaign, so that the unique figure is near to the whole one."""
OFTEN = {"opens": Kind.OPENED, "clicks": Kind.CLICKED, "forwards": Kind.FORWARDED, "bounces": Kind.BOUNCED}
UNTIL = "itemised_since"
"""In the context of a page of summaries: campaigns sent before this instant are known by their summary alone."""


class Summary:
    """A row of the summaries, understood."""

    def __init__(self, row: Any):
        """Raises Malformed where it is none."""
        if not isinstance(row, dict) or (campaign := text(row.get("campaign_id"))) is None:
            raise Malformed("A summary must be an object with a campaign_id.")
        told = row.get("unique_counts")
        self.id, self.type = campaign, text(row.get("campaign_type"))
        self.sent = when(row.get("last_sent_date"))
        self.raw: dict[str, Any] = told if isinstance(told, dict) else {}
        self.counts = [count(self.raw.get(name)) for name in FIGURES]

    def snapshot(self, read_at: Instant, itemised_since: Instant | None) -> Snapshot | None:
        """The figures that can be compared with ours; of a campaign that isn't read event by event, all of them: then
        they are at least how often it happened."""
        alone = itemised_since is not None and self.sent is not None and self.sent < itemised_since
        kinds = ONCE | OFTEN if alone else ONCE
        told = dict(zip(FIGURES, self.counts, strict=True))
        counts = {kind: (n, n) for name, kind in kinds.items() if (n := told[name]) is not None}
        if not self.raw:
            return None
        return Snapshot(
            list="summaries",
            campaign_id=self.id,
            read_at=read_at,
            counts={kind: counts[kind] for kind in Kind if kind in counts},
            raw={text(name) or "": figure(value) for name, value in self.raw.items()},
            stands_for=tuple(kind for kind in UNITEMISED if kind in counts),
        )


def look(answer: Answer) -> Page:
    """A page of the summaries."""
    said = opened(answer.body)
    return Page(ids=[_id(row) for row in rows_of(said, SUMMARIES)], next=next_of(said))


def summaries(answer: Answer) -> list[Summary]:
    """Those rows of a page that can be understood. Raises Malformed for what is no page."""
    found = []
    for row in rows_of(opened(answer.body), SUMMARIES):
        try:
            found.append(Summary(row))
        except Malformed:
            continue  # read() keeps it as a problem
    return found


def read_summaries(delivery: Delivery) -> Reading:
    """A snapshot of each campaign, and its type."""
    try:
        rows = rows_of(opened(delivery.body), SUMMARIES)
    except Malformed as error:
        return unreadable(delivery, error)
    since = delivery.context.get(UNTIL, "")
    reading = Reading()
    for number, row in enumerate(rows):
        try:
            summary = Summary(row)
        except Malformed as error:
            reading.problems.append(problem(number, row, error))
            continue
        snapshot = summary.snapshot(delivery.received_at, int(since) if since.isdecimal() else None)
        if snapshot is None:
            reading.problems.append(problem(number, row, "unique_counts is missing."))
        else:
            reading.snapshots.append(snapshot)
        if summary.type:
            reading.campaigns.append(CampaignInfo(campaign_id=summary.id, type=summary.type))
    return reading


def _id(row: Any) -> str:
    return (text(row.get("campaign_id")) if isinstance(row, dict) else None) or repr(row)


# -- details -------------------------------------------------------------------------------------------------


def look_at_details(answer: Answer) -> Page:
    """A campaign, or an activity."""
    said = opened(answer.body)
    return Page(ids=[text(said.get("campaign_activity_id")) or text(said.get("campaign_id")) or repr(said)])


def activities(answer: Answer) -> list[dict[str, str]]:
    """The activities of a campaign that can be reported on: ``{"id": …, "role": …}``."""
    said = opened(answer.body).get("campaign_activities")
    found = []
    for row in said if isinstance(said, list) else []:
        if isinstance(row, dict):
            own, role = text(row.get("campaign_activity_id")), text(row.get("role"))
            if own is not None and role in ROLES:
                found.append({"id": own, "role": role})
    return found


def read_details(delivery: Delivery) -> Reading:
    """What is told about a campaign: by itself (name, status, type, when it was made), or by its activity (subject)."""
    try:
        said = opened(delivery.body)
    except Malformed as error:
        return unreadable(delivery, error)
    campaign = text(said.get("campaign_id")) or delivery.context.get("campaign")
    if not campaign:
        return unreadable(delivery, "campaign_id is missing.")
    if "subject" in said or "role" in said:
        info = CampaignInfo(campaign_id=campaign, subject=text(said.get("subject")))
        return Reading(campaigns=[info] if info.subject else [])
    return Reading(
        campaigns=[
            CampaignInfo(
                campaign_id=campaign,
                name=text(said.get("name")),
                status=text(said.get("current_status")),
                type=TYPES.get(count(said.get("type_code")) or 0),
                created_at=when(said.get("created_at")),
            )
        ]
    )
