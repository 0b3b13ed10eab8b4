"""Totals: what reports take from snapshots, because no events tell it.

A kind that a platform gives only as a total counts so in every campaign; in a campaign of which there is no email
event at all, every kind its snapshots have does. Of several lists the greater figure stands. Where the platform claims
sends but no deliveries, what was delivered is the sends less the bounces.

The table is a function of the latest snapshots and of which campaigns have events, kept by :func:`settle` in the
transaction that changes either.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec

from aftersend.storage.contract import NO_CLAIMS, Claims, Count, Filter, Mark
from aftersend.storage.metrics import CHANNEL_OF_SNAPSHOT
from aftersend.storage.sqlite.codes import CHANNEL, EMAIL, KIND, KINDS, LIFETIME, MARK, RECEIVED
from aftersend.storage.sqlite.selection import campaigns_of, channels_of, sources_of
from aftersend.storage.sqlite.statements import batched, marks
from aftersend.vocabulary import Channel, Kind, Snapshot

_decode = msgspec.json.Decoder(Snapshot).decode
_HAS_EVENTS = (
    f"EXISTS (SELECT 1 FROM {{0}}buckets b WHERE b.scope = g.id AND b.channel = {EMAIL} "
    f"AND b.kind = {MARK[Mark.TOUCHED]} AND b.quarter = {LIFETIME} AND b.uniq > 0)"
)
_CLAIMED = (
    f"SELECT g.source, g.id, {_HAS_EVENTS}, l.snapshot FROM main.campaigns g JOIN main.latest_snapshots l "
    "ON l.source = g.source AND l.campaign_id = g.campaign_id WHERE g.campaign_id != '' AND g.activity_id = ''"
)

Total = tuple[int, int, int, int, int, int, bool]
"""A row of the table: source, campaign, kind, channel, total, unique, and whether it stands only as long as the
campaign has no events."""


# -- keeping -----------------------------------------------------------------------------------------


def settle(c: sqlite3.Connection, claimed: set[int], touched: set[int]) -> None:
    """Keep the totals of campaigns of which new snapshots came, and of those whose events changed."""
    changed = set(claimed)
    for chunk in batched(sorted(touched - claimed)):
        # The first event of a campaign, and the withdrawal of its last one.
        turned = c.execute(
            f"SELECT g.id FROM campaigns g WHERE g.id IN ({marks(len(chunk))}) AND (NOT {_HAS_EVENTS.format('main.')} "
            "OR EXISTS (SELECT 1 FROM totals t WHERE t.source = g.source AND t.campaign = g.id AND t.eventless))",
            chunk,
        )
        changed |= {id for (id,) in turned}
    for chunk in batched(sorted(changed)):
        among = f"IN ({marks(len(chunk))})"
        c.execute(
            f"DELETE FROM totals WHERE source IN (SELECT source FROM campaigns WHERE id {among}) AND campaign {among}",
            (*chunk, *chunk),
        )
        _write(c, "main.", c.execute(f"{_CLAIMED.format('main.')} AND g.id {among} ORDER BY g.id", chunk))


def compute(c: sqlite3.Connection, into: str) -> None:
    """Fill the table beside those named ``into``, from the latest snapshots and the buckets there."""
    _write(c, into, c.execute(f"{_CLAIMED.format(into)} ORDER BY g.id"))


def _write(c: sqlite3.Connection, into: str, found: Iterable[tuple[int, int, int, str]]) -> None:
    rows = [
        total
        for (source, campaign, has_events), some in groupby(found, key=lambda row: row[:3])
        for total in _totals(source, campaign, bool(has_events), [_decode(text) for *_, text in some])
    ]
    c.executemany(f"INSERT INTO {into}totals VALUES (?,?,?,?,?,?,?)", rows)


def _totals(source: int, campaign: int, has_events: bool, snapshots: Sequence[Snapshot]) -> Iterator[Total]:
    """The totals of one campaign, zeros left out."""
    claimed: dict[Kind, tuple[int, int]] = {}
    lasting = {kind for snapshot in snapshots for kind in snapshot.stands_for}
    for snapshot in snapshots:
        for kind, (total, unique) in snapshot.counts.items():
            if kind in snapshot.stands_for or not has_events:
                most, most_unique = claimed.get(kind, (0, 0))
                claimed[kind] = (max(most, total), max(most_unique, total if unique is None else unique))
    for kind, (total, unique) in sorted(claimed.items()):
        if total or unique:
            channel = CHANNEL[CHANNEL_OF_SNAPSHOT.get(kind, Channel.EMAIL)]
            yield (source, campaign, KIND[kind], channel, total, unique, kind not in lasting)
    if not has_events and Kind.DELIVERED not in claimed:
        sent, bounced = claimed.get(Kind.SENT, (0, 0)), claimed.get(Kind.BOUNCED, (0, 0))
        total, unique = (max(0, s - b) for s, b in zip(sent, bounced, strict=True))
        if total or unique:
            yield (source, campaign, RECEIVED, EMAIL, total, unique, True)


# -- answering ---------------------------------------------------------------------------------------


def claims(c: sqlite3.Connection, which: Filter) -> Claims:
    """What snapshots give to the lifetime funnel of a filter's sources or campaign."""
    if which.since is not None or which.until is not None or which.activity_id is not None:
        return NO_CLAIMS
    sources = list(sources_of(c, which))
    if which.campaign_id is None:
        return _claims(c.execute(_sums("", len(sources), which), (*sources, *channels_of(which))))
    campaigns = campaigns_of(c, which)
    among = f"AND t.campaign IN ({marks(len(campaigns))})"
    return _claims(c.execute(_sums(among, len(sources), which), (*sources, *campaigns, *channels_of(which))))


def of_campaigns(c: sqlite3.Connection, which: Filter, campaigns: Sequence[int]) -> dict[int, Claims]:
    """The same of each of these campaigns for which a snapshot stands."""
    sources, channels = list(sources_of(c, which)), channels_of(which)
    found: dict[int, Claims] = {}
    for chunk in batched(sorted(campaigns)):
        among = f"AND t.campaign IN ({marks(len(chunk))})"
        rows = c.execute(_sums(among, len(sources), which, "t.campaign, "), (*sources, *chunk, *channels))
        for campaign, some in groupby(rows, key=lambda row: row[0]):
            found[campaign] = _claims(row[1:] for row in some)
    return found


def _sums(among: str, sources: int, which: Filter, by: str = "") -> str:
    """By how much totals exceed what events tell, kind by kind."""
    n, uniq, msgs = ("human_n", "human_uniq", "human_msgs") if which.machine == "exclude" else ("n", "uniq", "msgs")
    return f"""
        SELECT {by}t.kind, sum(max(0, t.total - coalesce(b.{n}, 0))), sum(max(0, t.uniq - coalesce(b.{uniq}, 0))),
               sum(max(0, t.uniq - coalesce(b.{msgs}, 0)))
        FROM totals t LEFT JOIN buckets b
          ON b.scope = t.campaign AND b.channel = t.channel AND b.kind = t.kind AND b.quarter = {LIFETIME}
        WHERE t.source IN ({marks(sources)}) {among} AND t.channel IN ({marks(len(channels_of(which)))})
        GROUP BY {by}t.kind ORDER BY {by}t.kind
    """


def _claims(rows: Iterable[tuple[int, int, int, int]]) -> Claims:
    found = {kind: Count(*counts) for kind, *counts in rows}
    if not found:
        return NO_CLAIMS
    return Claims(
        counts={word: found.get(number, Count()) for number, word in enumerate(KINDS)},
        received=found.get(RECEIVED, Count()),
    )
