"""Gaps: what a platform claims of a campaign, beside what its events say.

The difference is the platform's figure less ours, so that a positive one is what we lack. Ours are the lifetime
counts, machines included, deliveries settled. A kind that the platform gives only as a total is taken from its
snapshot by every report (law 2), and so has no gap unless our events say more.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aftersend.receiver.answers import Claim, SnapshotAnswer
from aftersend.receiver.figures import figures
from aftersend.storage.contract import Filter, Funnel, Store
from aftersend.storage.metrics import CHANNEL_OF_SNAPSHOT
from aftersend.vocabulary import Kind, Snapshot
from aftersend.zones import isoformat


def snapshots(store: Store, source: str, campaign_id: str) -> list[SnapshotAnswer]:
    """The latest snapshot of every list that told of a campaign, each with its gaps."""
    claimed = store.snapshots(source, campaign_id)
    ours = _ours(store, source, campaign_id) if claimed else {}
    return [_shown(source, snapshot, ours) for snapshot in claimed]


def _ours(store: Store, source: str, campaign_id: str) -> Funnel:
    """Our counts, each in the channel in which a snapshot's kind counts."""
    which = Filter(sources=(source,), campaign_id=campaign_id)
    (settled,), _ = figures(store, (source,), which)
    elsewhere = {
        kind: store.funnel(msgspec.structs.replace(which, channels=(channel,)))[kind]
        for kind, channel in CHANNEL_OF_SNAPSHOT.items()
    }
    return {**settled.counts, **elsewhere}


def _shown(source: str, snapshot: Snapshot, ours: Funnel) -> SnapshotAnswer:
    kinds: Sequence[Kind] = [kind for kind in Kind if kind in snapshot.counts]
    claims = {kind: _claim(*snapshot.counts[kind]) for kind in kinds}
    gaps = {
        kind: _claim(
            claims[kind]["total"] - ours[kind].total,
            None if (unique := claims[kind]["unique"]) is None else unique - ours[kind].unique,
        )
        for kind in kinds
    }
    return {
        "source": source,
        "list": snapshot.list,
        "read_at": isoformat(snapshot.read_at),
        "counts": claims,
        "gaps": {kind: gap for kind, gap in gaps.items() if gap["total"] or gap["unique"]},
        "raw": snapshot.raw,
    }


def _claim(total: int, unique: int | None) -> Claim:
    return {"total": total, "unique": unique}
