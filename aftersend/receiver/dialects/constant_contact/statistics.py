"""Statistics of campaigns and activities: providers/constant-contact.md 3.1 to 3.4 for the shapes, 7 for the formulas.

The base of every percentage is sent − bounced, also where a source reports deliveries.
"""

from __future__ import annotations

from typing import Any, TypedDict

import msgspec

from aftersend.receiver import cursors
from aftersend.receiver.dialects.constant_contact.desk import (
    CODES,
    PREFIX,
    Desk,
    Unknown,
    asked,
    given,
    limited,
    next_link,
    one_decimal,
    time,
)
from aftersend.receiver.rounding import percent
from aftersend.storage.contract import CampaignRow, Claims, Facets, Filter, Funnel
from aftersend.storage.metrics import DEVICES
from aftersend.vocabulary import BadInput, Bounce, Kind, now

SUMMARIES = f"{PREFIX}/summary_reports/email_campaign_summaries"
MOST_CAMPAIGNS, MOST_ACTIVITIES = 150, 10
_PLACE = tuple[cursors.Whole, cursors.Whole, str, str, str]

TYPE_CODES = {
    "default": 1,
    "bulk email": 2,
    "newsletter": 10,
    "announcement": 11,
    "product/service news": 12,
    "business letter": 14,
    "card": 15,
    "press release": 16,
    "flyer": 17,
    "feedback request": 18,
    "ratings and reviews": 19,
    "event announcement": 20,
    "simple coupon": 21,
    "sale promotion": 22,
    "product promotion": 23,
    "membership drive": 24,
    "fundraiser": 25,
    "custom code email": 26,
    "a/b test": 57,
}
"""3.9."""
NEWSLETTER = 10
_BY_CODE = {
    "nonexistent_address": Bounce.HARD,
    "undeliverable": Bounce.SOFT,
    "mailbox_full": Bounce.MAILBOX_FULL,
    "suspended": Bounce.SUPPRESSED,
    "vacation": None,
    "other": Bounce.UNDETERMINED,
    "blocked": Bounce.BLOCK,
}
"""Names of the bounce counters in the order of 3.3; ``None``: auto-replies."""
assert {bounce for bounce in _BY_CODE.values() if bounce} == set(CODES)


class UniqueCounts(TypedDict):
    sends: int
    opens: int
    clicks: int
    forwards: int
    optouts: int
    abuse: int
    bounces: int
    not_opened: int


class Summary(TypedDict):
    campaign_id: str
    campaign_type: str
    last_sent_date: str
    unique_counts: UniqueCounts


class AggregatePercents(TypedDict):
    click: float
    open: float
    did_not_open: float
    bounce: float
    unsubscribe: float


class Summaries(TypedDict, total=False):
    bulk_email_campaign_summaries: list[Summary]
    aggregate_percents: AggregatePercents
    _links: dict[str, Any]


class StatsError(TypedDict):
    error_key: str
    error_message: str


class CampaignStats(TypedDict):
    campaign_id: str
    stats: dict[str, int]
    percents: dict[str, float]
    last_refresh_time: str


class CampaignsStats(TypedDict):
    errors: list[StatsError]
    results: list[CampaignStats]


class ActivityStats(TypedDict):
    campaign_id: str
    campaign_activity_id: str
    campaign_activity_type: int
    stats: dict[str, int]
    last_refresh_time: str


class ActivitiesStats(TypedDict):
    errors: list[StatsError]
    results: list[ActivityStats]


class Totals(msgspec.Struct, frozen=True):
    """The letters of section 7: recipients."""

    S: int
    O: int  # noqa: E741 - the provider file's letter
    C: int
    F: int
    U: int
    A: int
    B: int
    N: int

    @classmethod
    def of(cls, counts: Funnel, bounced: int) -> Totals:
        unique = {kind: count.unique for kind, count in counts.items()}
        return cls(
            S=unique[Kind.SENT],
            O=unique[Kind.OPENED],
            C=unique[Kind.CLICKED],
            F=unique[Kind.FORWARDED],
            U=unique[Kind.UNSUBSCRIBED],
            A=unique[Kind.COMPLAINED],
            B=bounced,
            N=max(0, unique[Kind.SENT] - unique[Kind.OPENED] - bounced),
        )

    def percents(self) -> dict[str, msgspec.Raw]:
        """Those that a campaign and a page of summaries share."""
        return {
            "click": shown(self.C, self.O),
            "open": shown(self.O, self.S - self.B),
            "did_not_open": shown(self.N, self.S - self.B),
            "bounce": shown(self.B, self.S),
            "unsubscribe": shown(self.U, self.S - self.B),
        }


def shown(part: int, base: int) -> msgspec.Raw:
    """A percentage with one decimal, ``0.0`` where there is nothing to divide by."""
    return one_decimal((percent(part, base, 1) or 0.0) if base > 0 else 0.0)


def summaries(desk: Desk) -> dict[str, Any]:
    """Campaigns by their last send, newest first."""
    digest = asked(desk, "summaries")
    limit, after, narrowed = limited(50, 500), None, given("source") or ""
    if (cursor := given("next")) is not None:
        limit, at, source, campaign_id, narrowed = cursors.read(cursor, "summaries", digest, _PLACE)
        after = (-at, source, campaign_id)
        desk = Desk(desk.caller, narrowed or None)
    # By place and not by offset: what is sent meanwhile goes to the top and moves nobody out of a page.
    rows = sorted(desk.store.campaigns(Filter(sources=desk.sources), "sent", limit=1_000_000), key=_place)
    left = [row for row in rows if after is None or _place(row) > after]
    page = left[:limit]
    totals = [Totals.of(row.counts, _bounced(desk, row)) for row in page]
    answer: dict[str, Any] = {
        "bulk_email_campaign_summaries": [_summary(row, of) for row, of in zip(page, totals, strict=True)],
        "aggregate_percents": Totals(
            *(sum(getattr(of, letter) for of in totals) for letter in Totals.__struct_fields__)
        ).percents(),
    }
    if len(left) > limit:
        last = page[-1]
        mark = (limit, last.last_sent_at or 0, last.source, last.campaign_id or "", narrowed)
        answer["_links"] = next_link(SUMMARIES, cursors.write("summaries", digest, mark))
    return answer


def _place(row: CampaignRow) -> tuple[int, str, str]:
    return (-(row.last_sent_at or 0), row.source, row.campaign_id or "")


def _bounced(desk: Desk, row: CampaignRow) -> int:
    """Auto-replies are among the bounces, and nobody counts twice."""
    if not row.counts[Kind.AUTO_REPLIED].unique or row.campaign_id is None:
        return row.counts[Kind.BOUNCED].unique
    which = Filter(sources=(row.source,), campaign_id=row.campaign_id)
    return _all_bounces(desk.store.facets(which), row.claims)


def _all_bounces(facets: Facets, claims: Claims) -> int:
    """Those of events, and what snapshots give to a campaign without events."""
    claimed = claims.counts[Kind.BOUNCED].unique + claims.counts[Kind.AUTO_REPLIED].unique
    return sum(facets.bounces.values()) + facets.auto_replied + claimed


def _summary(row: CampaignRow, of: Totals) -> Summary:
    return {
        "campaign_id": row.campaign_id or "",
        "campaign_type": row.type or "Newsletter",
        "last_sent_date": time(row.last_sent_at or 0),
        "unique_counts": {
            "sends": of.S,
            "opens": of.O,
            "clicks": of.C,
            "forwards": of.F,
            "optouts": of.U,
            "abuse": of.A,
            "bounces": of.B,
            "not_opened": of.N,
        },
    }


def of_campaigns(desk: Desk, ids: str) -> dict[str, Any]:
    """Statistics of up to 150 campaigns. Raises Unknown if any of them is."""
    wanted = _ids(ids, MOST_CAMPAIGNS, "campaign_ids")
    for campaign_id in wanted:
        if desk.campaign(campaign_id) is None:
            raise Unknown(
                "reportingsvc.not_found.invalid_path_param.campaign_ids.",
                f"No stats were found for the campaign {campaign_id[:200]}.",
            )
    return {"errors": [], "results": [_campaign_stats(desk, campaign_id) for campaign_id in wanted]}


def of_activities(desk: Desk, ids: str) -> dict[str, Any]:
    """Statistics of up to 10 activities; what is unknown is among the errors. Raises Unknown for an empty id."""
    wanted = _ids(ids, MOST_ACTIVITIES, "campaign_activity_ids")
    key = "reportingsvc.not_found.invalid_path_param.campaign_activity_ids."
    problems, results = [], []
    for activity_id in wanted:
        if not activity_id:
            raise Unknown(key, "An id is empty.")
        which = desk.activity(activity_id)
        if which is None:
            message = f"No stats were found for the campaign activity {activity_id[:200]}."
            problems.append({"error_key": key, "error_message": message})
        else:
            results.append(_activity_stats(desk, activity_id, which))
    return {"errors": problems, "results": results}


def _ids(text: str, most: int, name: str) -> list[str]:
    """In the order asked for, each once. Raises BadInput."""
    ids = text.split(",")
    if len(ids) > most:
        raise BadInput(f"{name} must name at most {most}.", name)
    return list(dict.fromkeys(ids))


def _campaign_stats(desk: Desk, campaign_id: str) -> dict[str, Any]:
    which = Filter(sources=desk.sources, campaign_id=campaign_id)
    counts, facets = desk.store.funnel(which), desk.store.facets(which)
    of = Totals.of(counts, _all_bounces(facets, desk.store.claims(which)))
    opens, clicks = counts[Kind.OPENED].total, counts[Kind.CLICKED].total
    stats = {
        "em_sends": of.S,
        "em_bounces": of.B,
        "em_not_opened": of.N,
        "em_opens": of.O,
        "em_opens_all": opens,
        **_by_device("em_opens_all", facets, Kind.OPENED),
        "em_clicks": of.C,
        "em_clicks_all": clicks,
        **_by_device("em_clicks_all", facets, Kind.CLICKED),
        "em_forwards": of.F,
        "em_optouts": of.U,
    }
    percents = of.percents()
    for name, kind, total in (("open", Kind.OPENED, opens), ("click", Kind.CLICKED, clicks)):
        mobile = facets.devices[kind]["mobile"] + facets.devices[kind]["tablet"]
        percents[f"desktop_{name}"], percents[f"mobile_{name}"] = shown(total - mobile, total), shown(mobile, total)
    return {
        "campaign_id": campaign_id,
        "stats": stats,
        "percents": dict(sorted(percents.items())),
        "last_refresh_time": _refreshed(desk),
    }


def _activity_stats(desk: Desk, activity_id: str, which: Filter) -> dict[str, Any]:
    counts, facets = desk.store.funnel(which), desk.store.facets(which)
    of = Totals.of(counts, _all_bounces(facets, desk.store.claims(which)))
    campaign_id = desk.campaign_of(which) or ""
    campaign = desk.campaign(campaign_id)
    stats = {
        "em_sends": of.S,
        "em_opens": of.O,
        "em_not_opened": of.N,
        "em_opens.all": counts[Kind.OPENED].total,
        **_by_device("em_opens.all", facets, Kind.OPENED, "."),
        "em_clicks": of.C,
        "em_clicks.all": counts[Kind.CLICKED].total,
        **_by_device("em_clicks.all", facets, Kind.CLICKED, "."),
        "em_forwards": of.F,
        "em_optouts": of.U,
        "em_abuse": of.A,
        "em_bounces": of.B,
        **{
            f"em_bounces_{name}": facets.bounces[bounce] if bounce else facets.auto_replied
            for name, bounce in _BY_CODE.items()
        },
    }
    kind = (campaign.type if campaign else None) or ""
    return {
        "campaign_id": campaign_id,
        "campaign_activity_id": activity_id,
        "campaign_activity_type": TYPE_CODES.get(kind.lower(), NEWSLETTER),
        "stats": stats,
        "last_refresh_time": _refreshed(desk),
    }


def _by_device(name: str, facets: Facets, kind: Kind, dot: str = "_") -> dict[str, int]:
    """The published examples spell activities' names with dots, campaigns' with underscores (3.4)."""
    return {f"{name}{dot}{device}": facets.devices[kind][device] for device in DEVICES}


def _refreshed(desk: Desk) -> str:
    at = desk.store.as_of()
    return time(now() if at is None else at)
