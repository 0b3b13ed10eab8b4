"""Counts in which sends and deliveries are settled: explicit where a source reports them, else derived.

A source that never reports a delivery has delivered what it sent and what never bounced, at the time it was sent. One
whose platform never tells of a send (:attr:`~aftersend.providers.contract.Provider.tells_sends`) has sent what it
queued and didn't drop, or what was delivered or bounced. Where several sources are asked together, each is settled by
itself. What snapshots stand for is added as the platform claims it; where it claims sends but no deliveries, these are
the sends less the bounces.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aftersend.providers import provider_of
from aftersend.settings import Source
from aftersend.storage.contract import (
    NO_CLAIMS,
    CampaignRow,
    Claims,
    Count,
    Filter,
    Funnel,
    Mark,
    Marks,
    Store,
)
from aftersend.vocabulary import Instant, Kind


class Configured(msgspec.Struct, frozen=True):
    """The sources there are."""

    names: tuple[str, ...]
    quiet: frozenset[str]
    """Those that never tell of a send, or only in lists that aren't read."""


def configured(sources: Sequence[Source]) -> Configured:
    """Raises ConfigurationError naming a provider that doesn't exist."""
    quiet = frozenset(source.name for source in sources if _is_quiet(source))
    return Configured(tuple(source.name for source in sources), quiet)


def _is_quiet(source: Source) -> bool:
    provider = provider_of(source)
    if not provider.tells_sends:
        return True
    # Its lists may tell of sends, but nobody reads them.
    pushed = provider.webhooks
    return not provider.polls(source) and pushed is not None and Kind.SENT not in pushed.kinds


class Figures(msgspec.Struct, frozen=True):
    """What happened in one span of time."""

    counts: Funnel
    """With ``sent`` and ``delivered`` settled."""
    marks: Marks
    opened: int
    """Messages of those delivered in this span that were opened, whenever that was."""
    from_snapshot: list[Kind]
    """Kinds to which a snapshot's figure gave something."""


def figures(
    store: Store, known: Configured, which: Filter, edges: Sequence[Instant] | None = None
) -> tuple[list[Figures], list[Kind]]:
    """Figures of the filter's time, or of each slot between neighbouring ``edges``; and the kinds that were derived
    for at least one source. A filter that names no sources means all that are ``known``."""
    names = which.sources if which.sources is not None else known.names
    explicit = tuple(name for name in names if reports_deliveries(store, name))
    claims = store.claims(which) if edges is None else NO_CLAIMS
    parts = _parts(store, explicit, which, edges)
    handed = _handed(store, known.quiet.intersection(names), which, edges, len(parts))
    settled = [_settled(*part, claims, sends) for part, sends in zip(parts, handed, strict=True)]
    derived = _derived(parts[0][0], claims, explicit=bool(names) and len(explicit) == len(names))
    return settled, _with_sends(derived, handed)


def itemised(store: Store, known: Configured, which: Filter) -> Funnel:
    """What the events alone say of one source or campaign, over all time."""
    names = which.sources or ()
    explicit = tuple(name for name in names if reports_deliveries(store, name))
    (part,) = _parts(store, explicit, which, None)
    (sends,) = _handed(store, known.quiet.intersection(names), which, None, 1)
    return _settled(*part, NO_CLAIMS, sends).counts


def of_campaign(store: Store, known: Configured, row: CampaignRow) -> tuple[Figures, list[Kind]]:
    """The lifetime figures of a campaign; and the kinds that were derived."""
    return of_campaigns(store, known, [row])[0]


def of_campaigns(store: Store, known: Configured, rows: Sequence[CampaignRow]) -> list[tuple[Figures, list[Kind]]]:
    """The same of several campaigns."""
    explicit = {source for source in {row.source for row in rows} if reports_deliveries(store, source)}
    return [_of_row(row, explicit=row.source in explicit, quiet=row.source in known.quiet) for row in rows]


def _of_row(row: CampaignRow, *, explicit: bool, quiet: bool) -> tuple[Figures, list[Kind]]:
    events = _less(row.counts, row.claims)
    reported, theirs = (events, row.marks) if explicit else (_NOTHING, _UNMARKED)
    handed = row.marks[Mark.HANDED] if quiet else Count()
    settled = _settled(events, row.marks, reported, theirs, row.claims, handed)
    return settled, _with_sends(_derived(events, row.claims, explicit=explicit), [handed])


def reports_deliveries(store: Store, source: str) -> bool:
    """Whether the source ever reported one, in an event."""
    which = Filter(sources=(source,))
    return _less(store.funnel(which), store.claims(which))[Kind.DELIVERED].total > 0


_NOTHING: Funnel = {kind: Count() for kind in Kind}
_UNMARKED: Marks = {mark: Count() for mark in Mark}


def _parts(
    store: Store, explicit: tuple[str, ...], which: Filter, edges: Sequence[Instant] | None
) -> list[tuple[Funnel, Marks, Funnel, Marks]]:
    """What events say, slot by slot: of all sources, and of those that report deliveries."""
    # What is explicit is taken from all, so that a source that is no longer configured counts as derived.
    reporting = msgspec.structs.replace(which, sources=explicit)
    whole, marks = _funnels(store, which, edges), store.marks(which, edges)
    reported, theirs = _funnels(store, reporting, edges), store.marks(reporting, edges)
    return list(zip(whole, marks, reported, theirs, strict=True))


def _handed(
    store: Store, quiet: frozenset[str], which: Filter, edges: Sequence[Instant] | None, slots: int
) -> list[Count]:
    """What sources sent whose platform doesn't tell, slot by slot."""
    if not quiet:
        return [Count()] * slots
    return [
        marks[Mark.HANDED] for marks in store.marks(msgspec.structs.replace(which, sources=tuple(sorted(quiet))), edges)
    ]


def _funnels(store: Store, which: Filter, edges: Sequence[Instant] | None) -> list[Funnel]:
    return [_less(store.funnel(which), store.claims(which))] if edges is None else store.timeline(which, edges)


def _less(funnel: Funnel, claims: Claims) -> Funnel:
    """What events say, without what snapshots gave."""
    if claims == NO_CLAIMS:
        return funnel
    return {
        kind: _minus(count, more) for (kind, count), more in zip(funnel.items(), claims.counts.values(), strict=True)
    }


def _settled(whole: Funnel, marks: Marks, reported: Funnel, theirs: Marks, claims: Claims, handed: Count) -> Figures:
    """``reported`` and ``theirs`` are the part of those sources that report deliveries, ``handed`` the sends of those
    that report none."""

    def delivered(measure: str) -> int:
        sent = getattr(whole[Kind.SENT], measure) - getattr(reported[Kind.SENT], measure)
        returned = getattr(marks[Mark.RETURNED], measure) - getattr(theirs[Mark.RETURNED], measure)
        explicit: int = getattr(whole[Kind.DELIVERED], measure)
        return int(explicit + max(0, sent - returned))

    received = _sum(Count(delivered("total"), delivered("unique"), delivered("messages")), claims.received)
    settled = {**whole, Kind.SENT: _sum(whole[Kind.SENT], handed), Kind.DELIVERED: received}
    counts = {kind: _sum(count, claims.counts[kind]) for kind, count in settled.items()}
    kept = marks[Mark.KEPT_OPENED].messages - theirs[Mark.KEPT_OPENED].messages
    return Figures(
        counts,
        marks,
        theirs[Mark.DELIVERED_OPENED].messages + kept,
        [kind for kind, count in claims.counts.items() if count != Count()],
    )


def _sum(one: Count, other: Count) -> Count:
    return Count(one.total + other.total, one.unique + other.unique, one.messages + other.messages)


def _minus(one: Count, other: Count) -> Count:
    return Count(one.total - other.total, one.unique - other.unique, one.messages - other.messages)


def _with_sends(derived: list[Kind], handed: Sequence[Count]) -> list[Kind]:
    return [Kind.SENT, *derived] if any(count != Count() for count in handed) else derived


def _derived(events: Funnel, claims: Claims, *, explicit: bool) -> list[Kind]:
    """Whether deliveries are derived: of a source that reports none, unless its platform claims them all."""
    claimed = claims.counts[Kind.DELIVERED].total > 0 and not events[Kind.SENT].total
    return [Kind.DELIVERED] if claims.received.total or not (explicit or claimed) else []
