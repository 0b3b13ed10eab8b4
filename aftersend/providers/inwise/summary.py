"""``activitiesSummary``: the totals inwise itself claims for a campaign (provider file 2.3), as a snapshot."""

from __future__ import annotations

from typing import Any

import msgspec

from aftersend.providers.contract import Malformed
from aftersend.providers.inwise.arrays import clean
from aftersend.providers.inwise.words import COUNTERS, UNITEMISED
from aftersend.providers.items import problem, unreadable
from aftersend.vocabulary import Delivery, Kind, Problem, Reading, Snapshot


def read(delivery: Delivery) -> Reading:
    """One snapshot. A counter that is no number is a problem of its own; the others are kept."""
    try:
        claimed = _decoded(delivery.body)
    except Malformed as error:
        return unreadable(delivery, error)
    if not isinstance(claimed, dict) or not claimed:
        return unreadable(delivery, "The summary is not an object.")
    problems: list[Problem] = []
    counts: dict[Kind, tuple[int, int | None]] = {}
    for kind, (total, unique) in COUNTERS.items():
        figures = [_figure(claimed.get(name)) for name in (total, unique or total)]
        if figures[0] is not None:
            counts[kind] = (figures[0], figures[1] if unique else None)
    for number, (name, value) in enumerate(claimed.items()):
        if name in _NAMES and _figure(value) is None:
            problems.append(problem(number, {name: value}, f"{name} is not a count."))
    if not counts:
        problems.append(problem(0, delivery.body, "The summary has no counter."))
        return Reading(problems=problems)
    raw_figures = {clean(name): _storable(value) for name, value in claimed.items()}
    snapshot = Snapshot(
        list=delivery.feed,
        campaign_id=delivery.context.get("campaign_id") or None,
        read_at=delivery.received_at,
        counts=counts,
        raw=raw_figures,
        stands_for=tuple(kind for kind in UNITEMISED if kind in counts),
    )
    return Reading(snapshots=[snapshot], problems=problems)


def row_ids(body: bytes) -> list[str]:
    """One id for a summary, none for JSON of another shape, which is a problem of its campaign alone. Raises
    Malformed for what is no JSON: then the platform itself is in trouble."""
    return ["summary"] if isinstance(_decoded(body), dict) else []


_NAMES = frozenset(name for names in COUNTERS.values() for name in names if name)


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        raise Malformed("The answer is not JSON.") from None


def _storable(value: Any) -> int | float | str | None:
    if value is None or isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    return str(clean(value))[:200]


def _figure(value: Any) -> int | None:
    """A counter, as a number or as text."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 19:
        return int(value)
    return value if type(value) is int and 0 <= value < 2**63 else None
