"""Gaps: what a platform claims of a campaign, beside what its events say.

The difference is the platform's figure less ours, so that a positive one is what we lack. Ours are the lifetime
counts, machines included, deliveries settled. A kind that the platform gives only as a total is taken from its
snapshot by every report (law 2), and so has no gap unless our events say more. Where reports take everything from the
snapshot because there are no events at all, ours are nothing, and the gap is all of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aftersend.receiver.answers import Claim, SnapshotAnswer, SnapshotRowAnswer
from aftersend.receiver.figures import Configured, figures, itemised
from aftersend.storage.contract import Filter, Funnel, SnapshotRow, Store
from aftersend.storage.metrics import CHANNEL_OF_SNAPSHOT
from aftersend.vocabulary import Kind, Snapshot
from aftersend.zones import isoformat


class Ours(msgspec.Struct, frozen=True):
    """What we know of a campaign, or of a whole source."""

    itemised: Funnel
    """What the events say."""
    reported: Funnel
    """What reports say."""
    from_snapshot: list[Kind]

    def beside(self, snapshot: Snapshot, kind: Kind) -> Claim:
        count = (self.reported if kind in snapshot.stands_for else self.itemised)[kind]
        return _claim(count.total, count.unique)


def snapshots(store: Store, known: Configured, source: str, campaign_id: str) -> list[SnapshotAnswer]:
    """The latest snapshot of every list that told of a campaign, each with its gaps."""
    claimed = store.snapshots(source, campaign_id)
    if not claimed:
        return []
    ours = _ours(store, known, source, campaign_id)
    return [_shown(source, snapshot, ours) for snapshot in claimed]


def rows(store: Store, known: Configured, found: Sequence[SnapshotRow], *, history: bool) -> list[SnapshotRowAnswer]:
    """Snapshots with what we know of the same, its gaps, and with ``history`` the series of what changed."""
    shown: list[SnapshotRowAnswer] = []
    for row in found:
        snapshot = row.snapshot
        ours = _ours(store, known, row.source, snapshot.campaign_id)
        series = store.snapshot_history(row.source, snapshot.campaign_id, snapshot.list) if history else None
        shown.append(
            {
                **_shown(row.source, snapshot, ours),
                "campaign_id": snapshot.campaign_id,
                "ours": {kind: ours.beside(snapshot, kind) for kind in _kinds(snapshot)},
                "from_snapshot": ours.from_snapshot,
                "history": None
                if series is None
                else [{"read_at": isoformat(one.read_at), "counts": _claims(one), "raw": one.raw} for one in series],
            }
        )
    return shown


def _ours(store: Store, known: Configured, source: str, campaign_id: str | None) -> Ours:
    """Our counts, each in the channel in which a snapshot's kind counts."""
    which = Filter(sources=(source,), campaign_id=campaign_id)
    (reported,), _ = figures(store, known, which)
    events, whole, standing = itemised(store, known, which), reported.counts, set(reported.from_snapshot)
    for kind, channel in CHANNEL_OF_SNAPSHOT.items():
        there = msgspec.structs.replace(which, channels=(channel,))
        (elsewhere,), _ = figures(store, known, there)
        events, whole = {**events, kind: itemised(store, known, there)[kind]}, {**whole, kind: elsewhere.counts[kind]}
        standing |= {kind} & set(elsewhere.from_snapshot)
    # Of a whole account nothing is taken from what the platform claims of it.
    return Ours(events, whole, [] if campaign_id is None else [kind for kind in Kind if kind in standing])


def _shown(source: str, snapshot: Snapshot, ours: Ours) -> SnapshotAnswer:
    claims = _claims(snapshot)
    gaps = {kind: _gap(claim, ours.beside(snapshot, kind)) for kind, claim in claims.items()}
    return {
        "source": source,
        "list": snapshot.list,
        "read_at": isoformat(snapshot.read_at),
        "counts": claims,
        "gaps": {kind: gap for kind, gap in gaps.items() if gap["total"] or gap["unique"]},
        "raw": snapshot.raw,
    }


def _kinds(snapshot: Snapshot) -> list[Kind]:
    return [kind for kind in Kind if kind in snapshot.counts]


def _claims(snapshot: Snapshot) -> dict[Kind, Claim]:
    return {kind: _claim(*snapshot.counts[kind]) for kind in _kinds(snapshot)}


def _gap(claim: Claim, ours: Claim) -> Claim:
    unique, known = claim["unique"], ours["unique"]
    return _claim(claim["total"] - ours["total"], None if unique is None or known is None else unique - known)


def _claim(total: int, unique: int | None) -> Claim:
    return {"total": total, "unique": unique}
