"""Campaigns and their activities, with lifetime counts, what is known about them, and what they are made of."""

from __future__ import annotations

import sqlite3
from typing import Any

from aftersend.storage.contract import (
    NO_CLAIMS,
    ActivityRow,
    CampaignOrder,
    CampaignRow,
    Facets,
    Filter,
    Link,
    Mark,
)
from aftersend.storage.metrics import DEVICES
from aftersend.storage.sqlite import told, totals
from aftersend.storage.sqlite.codes import (
    ACTED_BY_MACHINE,
    AUTO_REPLIED,
    BOUNCES,
    CHANNELS,
    KIND,
    KINDS,
    LIFETIME,
    LINKS,
    MARK,
)
from aftersend.storage.sqlite.counts import Counts, lifetimes, refuse, with_claims
from aftersend.storage.sqlite.selection import channels_of, scopes_of, sources_of
from aftersend.storage.sqlite.statements import marks
from aftersend.vocabulary import BadInput, Bounce, Instant, Kind

_SENT = KIND[Kind.SENT]
_SENT_AT = f"(SELECT {{0}}(at) FROM events INDEXED BY events_campaign WHERE campaign = g.id AND kind = {_SENT})"
_ORDERS = {
    "first": "first_at DESC NULLS LAST",
    "sent": "last_sent_at DESC NULLS LAST",
    "created": "coalesce(json_extract(g.about, '$.created_at[1]'), first_at) DESC NULLS LAST",
}


def campaigns(c: sqlite3.Connection, which: Filter, order: CampaignOrder, limit: int, offset: int) -> list[CampaignRow]:
    sources = sources_of(c, which)
    channels = channels_of(which)
    conditions = [f"source IN ({marks(len(sources))})", "activity_id = ''"]
    values: list[Any] = [*sources]
    timed = which.since is not None or which.until is not None
    # A campaign of text messages alone is none of an email report.
    happened = (
        f"EXISTS (SELECT 1 FROM buckets b WHERE b.scope = g.id AND b.channel IN ({marks(len(channels))}) "
        "AND b.kind = ? AND b.quarter = ? AND b.uniq > 0)"
    )
    values += [*channels, _SENT if order == "sent" else MARK[Mark.TOUCHED], LIFETIME]
    if timed or order == "sent":
        conditions.append(happened)
    else:
        # One that nobody has told anything of but text messages isn't told of.
        stood_for = (
            "EXISTS (SELECT 1 FROM totals t WHERE t.source = g.source AND t.campaign = g.id "
            f"AND t.channel IN ({marks(len(channels))}))"
        )
        conditions.append(f"({happened} OR {stood_for} OR (about IS NOT NULL AND first_at IS NULL))")
        values += channels
    if which.campaign_id is not None:
        conditions.append("campaign_id = ?")
        values.append(which.campaign_id)
    if which.since is not None:
        conditions.append("last_at >= ?")
        values.append(which.since)
    if which.until is not None:
        conditions.append("first_at < ?")
        values.append(which.until)
    found = c.execute(
        f"SELECT id, source, campaign_id, about, first_at, last_at, {_SENT_AT.format('min')} AS first_sent_at, "
        f"{_SENT_AT.format('max')} AS last_sent_at FROM campaigns g WHERE {' AND '.join(conditions)} "
        f"ORDER BY {_ORDERS[order]}, source, campaign_id LIMIT ? OFFSET ?",
        (*values, limit, offset),
    ).fetchall()
    counted = lifetimes(c, [row[0] for row in found], channels, human=which.machine == "exclude")
    claims = totals.of_campaigns(c, which, [row[0] for row in found])
    answer = []
    for id, source, campaign_id, about, *instants in found:
        info = told.known(about)
        counts, marked = counted[id]
        claimed = claims.get(id, NO_CLAIMS)
        answer.append(
            CampaignRow(
                source=sources[source],
                campaign_id=campaign_id or None,
                name=info.get("name"),
                status=info.get("status"),
                type=info.get("type"),
                subject=info.get("subject"),
                template=info.get("template"),
                created_at=info.get("created_at"),
                scheduled_at=info.get("scheduled_at"),
                first_at=instants[0],
                last_at=instants[1],
                first_sent_at=instants[2],
                last_sent_at=instants[3],
                counts=with_claims(counts, claimed),
                marks=marked,
                claims=claimed,
            )
        )
    return answer


def activities(c: sqlite3.Connection, which: Filter) -> list[ActivityRow]:
    sources = sources_of(c, which)
    conditions, values = [f"source IN ({marks(len(sources))})", "activity_id != ''"], [*sources]
    for column, wanted in (("campaign_id", which.campaign_id), ("activity_id", which.activity_id)):
        if wanted is not None:
            conditions.append(f"{column} = ?")
            values.append(wanted)  # type: ignore[arg-type]
    # An activity that events only seemed to be of, before another sighting told better, has nothing in it.
    conditions.append(
        f"EXISTS (SELECT 1 FROM buckets b WHERE b.scope = campaigns.id AND b.channel IN ({marks(len(CHANNELS))}) "
        "AND b.kind = ? AND b.quarter = ? AND b.uniq > 0)"
    )
    rows = c.execute(
        f"SELECT source, campaign_id, activity_id FROM campaigns WHERE {' AND '.join(conditions)}",
        (*values, *range(len(CHANNELS)), MARK[Mark.TOUCHED], LIFETIME),
    ).fetchall()
    return sorted(
        (
            ActivityRow(source=sources[source], campaign_id=campaign_id or None, activity_id=activity_id)
            for source, campaign_id, activity_id in rows
        ),
        key=lambda row: (row.source, row.activity_id, row.campaign_id or ""),
    )


def latest(c: sqlite3.Connection, which: Filter) -> dict[Kind, Instant]:
    """When each kind that happened last did."""
    refuse(which, "contact_id", "external_id", "email", "message_id", "kinds", "word", "since", "until")
    channels = channels_of(which)
    human = f"AND e.machine != {ACTED_BY_MACHINE}" if which.machine == "exclude" else ""
    found: dict[Kind, Instant] = {}
    for scope in scopes_of(c, which):
        for number, kind in enumerate(KINDS):
            row = c.execute(
                f"SELECT e.at FROM events e WHERE {scope.condition} AND e.kind = ? "
                f"AND e.channel IN ({marks(len(channels))}) {human} ORDER BY e.at DESC LIMIT 1",
                (*scope.values, number, *channels),
            ).fetchone()
            if row is not None:
                found[kind] = max(row[0], found.get(kind, row[0]))
    return {kind: found[kind] for kind in KINDS if kind in found}


def facets(c: sqlite3.Connection, which: Filter) -> Facets:
    refuse(which, "since", "until")
    if which.campaign_id is None and which.activity_id is None:
        raise BadInput("Name a campaign: campaign_id or activity_id.", "campaign_id")
    Counts(c, which)  # refuses what isn't counted
    channels = channels_of(which)
    n, uniq = ("human_n", "human_uniq") if which.machine == "exclude" else ("n", "uniq")
    by_device = {kind: [0] * len(DEVICES) for kind in (Kind.OPENED, Kind.CLICKED)}
    by_bounce = [0] * (len(Bounce) + 1)
    clicked: dict[str, Link] = {}
    for scope in scopes_of(c, which):
        for facet, value, total, unique in c.execute(
            f"SELECT facet, value, sum({n}), sum({uniq}) FROM facets "
            f"WHERE campaign = ? AND channel IN ({marks(len(channels))}) GROUP BY 1, 2",
            (scope.number, *channels),
        ).fetchall():
            if facet == BOUNCES:
                by_bounce[value] += unique
            elif facet == LINKS:
                url, number = c.execute("SELECT url, number FROM links WHERE id = ?", (value,)).fetchone()
                _add_link(clicked, Link(url=url, number=number, total=total, unique=unique))
            else:
                by_device[KINDS[facet]][value] += total
    return Facets(
        devices={kind: dict(zip(DEVICES, counts, strict=True)) for kind, counts in by_device.items()},
        bounces=dict(zip(Bounce, by_bounce, strict=False)),
        auto_replied=by_bounce[AUTO_REPLIED],
        links=sorted((link for link in clicked.values() if link.total), key=lambda link: (-link.unique, link.url)),
    )


def _add_link(clicked: dict[str, Link], link: Link) -> None:
    """The same URL in several campaigns of that id is one link."""
    if known := clicked.get(link.url):
        numbers = sorted((number for number in (known.number, link.number) if number), key=lambda n: (len(n), n))
        link = Link(
            url=link.url,
            number=numbers[0] if numbers else None,
            total=known.total + link.total,
            unique=known.unique + link.unique,
        )
    clicked[link.url] = link
