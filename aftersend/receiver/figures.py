"""Counts in which sends and deliveries are settled: explicit where a source reports them, else derived.

A source that never reports a delivery has delivered what it sent and what never bounced, at the time it was sent. One
whose platform never tells of a send (:attr:`~aftersend.providers.contract.Provider.tells_sends`) has sent what it
queued and didn't drop, or what was delivered or bounced. Where several sources are asked together, each is settled by
itself. What snapshots stand for is added as the platform claims it; where it claims sends but no deliveries, these are
the sends less the bounces.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

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

K = TypeVar("K")


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
    claims = store.claims(which) if edges is None else NO_CLAIMS
    explicit, parts = _parts(store, names, which, edges)
    handed = _handed(store, known.quiet.intersection(names), which, edges, len(parts))
    settled = [_settled(*part, claims, sends) for part, sends in zip(parts, handed, strict=True)]
    (reported, _), (told, _) = parts[0]
    silent = not (reported[Kind.SENT].total or told[Kind.SENT].total)
    return settled, _with_sends(_derived(claims, silent=silent, explicit=explicit), handed)


def itemised(store: Store, known: Configured, which: Filter) -> Funnel:
    """What the events alone say of one source or campaign, over all time."""
    names = which.sources or ()
    _, (part,) = _parts(store, names, which, None)
    (sends,) = _handed(store, known.quiet.intersection(names), which, None, 1)
    return _settled(*part, NO_CLAIMS, sends).counts


def of_campaign(store: Store, known: Configured, row: CampaignRow) -> tuple[Figures, list[Kind]]:
    """The lifetime figures of a campaign; and the kinds that were derived."""
    return of_campaigns(store, known, [row])[0]


def of_campaigns(store: Store, known: Configured, rows: Sequence[CampaignRow]) -> list[tuple[Figures, list[Kind]]]:
    """The same of several campaigns."""
    reporting = reporting_deliveries(store)
    return [_of_row(row, explicit=row.source in reporting, quiet=row.source in known.quiet) for row in rows]


def _of_row(row: CampaignRow, *, explicit: bool, quiet: bool) -> tuple[Figures, list[Kind]]:
    own: Part = _less(row.counts, row.claims), row.marks
    handed = row.marks[Mark.HANDED] if quiet else _NONE
    settled = _settled(*((own, _NOTHING) if explicit else (_NOTHING, own)), row.claims, handed)
    silent = not own[0][Kind.SENT].total
    return settled, _with_sends(_derived(row.claims, silent=silent, explicit=explicit), [handed])


def reporting_deliveries(store: Store) -> set[str]:
    """The sources that ever reported one, in an event."""
    return {source for source, told in store.telling(Kind.DELIVERED).items() if told}


_NONE = Count()
Part = tuple[Funnel, Marks]
_NOTHING: Part = dict.fromkeys(Kind, _NONE), dict.fromkeys(Mark, _NONE)


def _parts(
    store: Store, names: Sequence[str], which: Filter, edges: Sequence[Instant] | None
) -> tuple[bool, list[tuple[Part, Part]]]:
    """What events say, slot by slot: of the sources that report deliveries, and of all others; and whether all of
    ``names`` report them."""
    told = store.telling(Kind.DELIVERED)
    explicit = [name for name in names if told.get(name)]
    # A source that is no longer configured counts as one of the others.
    others = [name for name in (told if which.sources is None else which.sources) if name not in explicit]
    parts = [_part(store, msgspec.structs.replace(which, sources=tuple(some)), edges) for some in (explicit, others)]
    return bool(names) and len(explicit) == len(names), list(zip(*parts, strict=True))


def _part(store: Store, which: Filter, edges: Sequence[Instant] | None) -> list[Part]:
    if not which.sources:
        return [_NOTHING] * (1 if edges is None else len(edges) - 1)
    funnels = [_less(store.funnel(which), store.claims(which))] if edges is None else store.timeline(which, edges)
    return list(zip(funnels, store.marks(which, edges), strict=True))


def _handed(
    store: Store, quiet: frozenset[str], which: Filter, edges: Sequence[Instant] | None, slots: int
) -> list[Count]:
    """What sources sent whose platform doesn't tell, slot by slot."""
    if not quiet:
        return [_NONE] * slots
    return [
        marks[Mark.HANDED] for marks in store.marks(msgspec.structs.replace(which, sources=tuple(sorted(quiet))), edges)
    ]


def _less(funnel: Funnel, claims: Claims) -> Funnel:
    """What events say, without what snapshots gave."""
    if claims == NO_CLAIMS:
        return funnel
    return {
        kind: _minus(count, more) for (kind, count), more in zip(funnel.items(), claims.counts.values(), strict=True)
    }


def _settled(reported: Part, others: Part, claims: Claims, handed: Count) -> Figures:
    """``reported`` is what happened in sources that report deliveries, ``handed`` the sends of those that report
    none."""
    (funnel, marks), (derived, unsettled) = reported, others
    kept = _minus(derived[Kind.SENT], unsettled[Mark.RETURNED])
    received = Count(max(0, kept.total), max(0, kept.unique), max(0, kept.messages))
    counts = _together(funnel, derived)
    counts[Kind.SENT] = _sum(counts[Kind.SENT], handed)
    counts[Kind.DELIVERED] = _sum(_sum(counts[Kind.DELIVERED], received), claims.received)
    return Figures(
        counts if claims is NO_CLAIMS else _together(counts, claims.counts),
        _together(marks, unsettled),
        marks[Mark.DELIVERED_OPENED].messages + unsettled[Mark.KEPT_OPENED].messages,
        [kind for kind, count in claims.counts.items() if count != _NONE],
    )


def _together(one: dict[K, Count], other: dict[K, Count]) -> dict[K, Count]:
    return {key: _sum(count, other[key]) for key, count in one.items()}


def _sum(one: Count, other: Count) -> Count:
    if other == _NONE:
        return one
    return Count(one.total + other.total, one.unique + other.unique, one.messages + other.messages)


def _minus(one: Count, other: Count) -> Count:
    return Count(one.total - other.total, one.unique - other.unique, one.messages - other.messages)


def _with_sends(derived: list[Kind], handed: Sequence[Count]) -> list[Kind]:
    return [Kind.SENT, *derived] if any(count != _NONE for count in handed) else derived


def _derived(claims: Claims, *, silent: bool, explicit: bool) -> list[Kind]:
    """Whether deliveries are derived: of a source that reports none, unless its platform claims them all. ``silent``:
    no event tells of a send."""
    claimed = claims.counts[Kind.DELIVERED].total > 0 and silent
    return [Kind.DELIVERED] if claims.received.total or not (explicit or claimed) else []
