"""Counts in which deliveries are settled: explicit where a source reports them, else derived.

A source that never reports a delivery has delivered what it sent and what never bounced, at the time it was
sent. Where several sources are asked together, each is settled by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aftersend.storage.contract import CampaignRow, Count, Filter, Funnel, Mark, Marks, Store
from aftersend.vocabulary import Instant, Kind


class Figures(msgspec.Struct, frozen=True):
    """What happened in one span of time."""

    counts: Funnel
    """With ``delivered`` settled."""
    marks: Marks
    opened: int
    """Messages of those delivered in this span that were opened, whenever that was."""


def figures(
    store: Store, configured: Sequence[str], which: Filter, edges: Sequence[Instant] | None = None
) -> tuple[list[Figures], list[Kind]]:
    """Figures of the filter's time, or of each slot between neighbouring ``edges``; and the kinds that were derived
    for at least one source. ``configured`` are the sources there are, for a filter that names none."""
    names = which.sources if which.sources is not None else tuple(configured)
    explicit = tuple(name for name in names if reports_deliveries(store, name))
    whole, marks = _funnels(store, which, edges), store.marks(which, edges)
    # What is explicit is taken from all, so that a source that is no longer configured counts as derived.
    reporting = msgspec.structs.replace(which, sources=explicit)
    reported, theirs = _funnels(store, reporting, edges), store.marks(reporting, edges)
    settled = [_settled(*parts) for parts in zip(whole, marks, reported, theirs, strict=True)]
    return settled, [] if names and len(explicit) == len(names) else [Kind.DELIVERED]


def of_campaign(store: Store, row: CampaignRow) -> tuple[Figures, list[Kind]]:
    """The lifetime figures of a campaign; and the kinds that were derived."""
    return of_campaigns(store, [row])[0]


def of_campaigns(store: Store, rows: Sequence[CampaignRow]) -> list[tuple[Figures, list[Kind]]]:
    """The same of several campaigns."""
    explicit = {source for source in {row.source for row in rows} if reports_deliveries(store, source)}
    return [
        (_settled(row.counts, row.marks, row.counts, row.marks), [])
        if row.source in explicit
        else (_settled(row.counts, row.marks, _NOTHING, _UNMARKED), [Kind.DELIVERED])
        for row in rows
    ]


def reports_deliveries(store: Store, source: str) -> bool:
    """Whether the source ever reported one."""
    return bool(store.funnel(Filter(sources=(source,)))[Kind.DELIVERED].total)


_NOTHING: Funnel = {kind: Count() for kind in Kind}
_UNMARKED: Marks = {mark: Count() for mark in Mark}


def _funnels(store: Store, which: Filter, edges: Sequence[Instant] | None) -> list[Funnel]:
    return [store.funnel(which)] if edges is None else store.timeline(which, edges)


def _settled(whole: Funnel, marks: Marks, reported: Funnel, theirs: Marks) -> Figures:
    """``reported`` and ``theirs`` are the part of those sources that report deliveries."""

    def delivered(measure: str) -> int:
        sent = getattr(whole[Kind.SENT], measure) - getattr(reported[Kind.SENT], measure)
        returned = getattr(marks[Mark.RETURNED], measure) - getattr(theirs[Mark.RETURNED], measure)
        explicit: int = getattr(whole[Kind.DELIVERED], measure)
        return int(explicit + max(0, sent - returned))

    count = Count(delivered("total"), delivered("unique"), delivered("messages"))
    kept = marks[Mark.KEPT_OPENED].messages - theirs[Mark.KEPT_OPENED].messages
    return Figures({**whole, Kind.DELIVERED: count}, marks, theirs[Mark.DELIVERED_OPENED].messages + kept)
