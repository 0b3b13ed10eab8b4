"""The send log: messages by the time of their creation, and the cohorts they make."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from aftersend.storage import metrics
from aftersend.storage.contract import Cohort, Filter, LogFilter, LogOrder, MessageRow, TemplateRow
from aftersend.storage.sqlite.codes import KIND, LIFETIME, QUARTER, QUARTERS_OF_DAY, STATUS, STATUSES, day
from aftersend.storage.sqlite.people import message_rows
from aftersend.storage.sqlite.selection import campaigns_of, contacts_of, sources_of
from aftersend.storage.sqlite.statements import batched, marks
from aftersend.vocabulary import BadInput, Instant, Kind

_FLAGS = ("sent", "delivered", "opened", "clicked", "bounced", "complained")
_EVERY_STATUS = tuple(range(len(STATUSES)))
_LONG_AGO, _FAR_OFF = 0, 1 << 52

Sums = dict[int, list[int]]
"""Status → messages, then how many have each flag."""


class _Walk(NamedTuple):
    """Messages that an index finds, in the order of their creation where it says so."""

    condition: str
    values: tuple[Any, ...]


def log(
    c: sqlite3.Connection,
    which: LogFilter,
    order: LogOrder,
    descending: bool,
    limit: int,
    offset: int,
    after: tuple[Instant, int] | None,
) -> list[MessageRow]:
    turn = "DESC" if descending else "ASC"
    conditions, values = _conditions(which)
    if order == "created":
        key, outcome = "d.created_at", ""
        if after is not None:
            turned = "<" if descending else ">"
            # The first condition alone lets the index skip what was read.
            conditions += f" AND d.created_at {turned}= ? AND (d.created_at, d.message) {turned} (?,?)"
            values += [after[0], *after]
    elif after is not None:
        raise BadInput("A page behind a row can only be asked for in the order of creation.", "after")
    else:
        key = "o.first_at"
        outcome = f"LEFT JOIN outcomes o ON o.message = d.message AND o.kind = {KIND[Kind(order)]}"
    # Nothing comes first when descending, last when ascending.
    by = f"ORDER BY {{0}} {turn} NULLS {'FIRST' if descending else 'LAST'}, {{1}} {turn}"
    walks = _walks(c, which)
    inner = " UNION ALL ".join(
        f"SELECT * FROM (SELECT d.message, {key} AS at FROM standings d JOIN messages m ON m.id = d.message {outcome} "
        f"WHERE {walk.condition} AND {conditions} {by.format(key, 'd.message')} LIMIT ?)"
        for walk in walks
    )
    if not inner:
        return []
    most = limit + offset
    ids = c.execute(
        f"SELECT message FROM ({inner}) {by.format('at', 'message')} LIMIT ? OFFSET ?",
        (*(value for walk in walks for value in (*walk.values, *values, most)), limit, offset),
    ).fetchall()
    return message_rows(c, [id for (id,) in ids])


def log_size(c: sqlite3.Connection, which: LogFilter) -> int:
    plain = msgspec.structs.replace(which, status=None)
    if _counted(plain):
        (cohort,) = cohorts(c, plain, None)
        return cohort.messages if which.status is None else cohort.statuses[which.status]
    conditions, values = _conditions(which)
    return sum(
        c.execute(
            "SELECT count(*) FROM standings d JOIN messages m ON m.id = d.message "
            f"WHERE {walk.condition} AND {conditions}",
            (*walk.values, *values),
        ).fetchone()[0]
        for walk in _walks(c, which)
    )


def _walks(c: sqlite3.Connection, which: LogFilter) -> list[_Walk]:
    """Where the messages are to be found; a message is in one of them at most."""
    sources = list(sources_of(c, Filter(sources=which.sources)))
    if which.number is not None:
        return [_Walk(f"d.message = ? AND d.source IN ({marks(len(sources))})", (which.number, *sources))]
    who = Filter(sources=which.sources, contact_id=which.contact_id, external_id=which.external_id, email=which.email)
    named = contacts_of(c, who)
    if named is not None:
        exact = "" if which.email is None else "AND EXISTS (SELECT 1 FROM contacts c WHERE c.id = ? AND c.email = ?)"
        return [
            _Walk(f"m.contact = ? {exact}", (contact, contact, which.email) if exact else (contact,))
            for contact in named[:200]
        ]
    if which.campaign_id is not None:
        found = campaigns_of(c, Filter(sources=which.sources, campaign_id=which.campaign_id))
        return [_Walk("m.campaign = ?", (campaign,)) for campaign in found]
    column, scopes = ("template", _templates_of(c, which)) if which.template is not None else ("source", sources)
    return [_Walk(f"d.{column} = ?", (scope,)) for scope in scopes]


def _conditions(which: LogFilter) -> tuple[str, list[Any]]:
    conditions = ["d.created_at IS NOT NULL"]
    values: list[Any] = []
    for condition, value in (
        ("d.created_at >= ?", which.since),
        ("d.created_at < ?", which.until),
        ("d.status = ?", None if which.status is None else STATUS[which.status]),
        (
            "EXISTS (SELECT 1 FROM outcomes h WHERE h.message = d.message AND h.kind = ?)",
            None if which.happened is None else KIND[which.happened],
        ),
        ("m.campaign IN (SELECT id FROM campaigns WHERE campaign_id = ?)", which.campaign_id),
        ("d.template IN (SELECT id FROM templates WHERE template = ?)", which.template),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    return " AND ".join(conditions), values


def _templates_of(c: sqlite3.Connection, which: LogFilter) -> list[int]:
    sources = list(sources_of(c, Filter(sources=which.sources)))
    return [
        id
        for (id,) in c.execute(
            f"SELECT id FROM templates WHERE template = ? AND source IN ({marks(len(sources))})",
            (which.template, *sources),
        )
    ]


# -- cohorts -------------------------------------------------------------------------------------------


def cohorts(c: sqlite3.Connection, which: LogFilter, edges: Sequence[Instant] | None) -> list[Cohort]:
    if not _counted(which):
        raise BadInput("Cohorts are counted by source, template and time only.", None)
    if which.template is not None:
        column, scopes = "template", {id: id for id in _templates_of(c, which)}
    else:
        column, scopes = "source", {-id: id for id in sources_of(c, Filter(sources=which.sources))}
    counting = _Counting(c, column, scopes)
    if edges is not None:
        return [_cohort(counting.between(*slot)) for slot in pairwise(max(_LONG_AGO, edge) for edge in edges)]
    if which.since is None and which.until is None:
        return [_cohort(counting.sums(LIFETIME, LIFETIME + 1))]
    since = _LONG_AGO if which.since is None else max(_LONG_AGO, which.since)
    return [_cohort(counting.between(since, _FAR_OFF if which.until is None else which.until))]


def _counted(which: LogFilter) -> bool:
    """Whether nothing is asked but what cohorts are counted by."""
    return LogFilter() == msgspec.structs.replace(which, sources=None, template=None, since=None, until=None)


class _Counting:
    def __init__(self, c: sqlite3.Connection, column: str, scopes: dict[int, int]):
        """``scopes``: number in the table ``cohorts`` → value of ``column`` in ``standings``."""
        self._c = c
        self._column = column
        self._scopes = scopes

    def between(self, since: Instant, until: Instant) -> Sums:
        """Whole UTC days, then whole quarter hours, then messages one by one."""
        first, last = -(-since // QUARTER), until // QUARTER
        if first > last:
            return self._messages(since, until)
        found = self._messages(since, first * QUARTER)
        _add(found, self._messages(last * QUARTER, until))
        morning, evening = -(-first // QUARTERS_OF_DAY) * QUARTERS_OF_DAY, last // QUARTERS_OF_DAY * QUARTERS_OF_DAY
        if morning >= evening:
            _add(found, self.sums(first, last))
            return found
        _add(found, self.sums(first, morning))
        _add(found, self.sums(day(evening) + 1, day(morning) + 1))
        _add(found, self.sums(evening, last))
        return found

    def sums(self, first: int, last: int) -> Sums:
        """Buckets from one up to but without another."""
        found: Sums = defaultdict(lambda: [0] * 7)
        if first >= last:
            return found
        for scope in self._scopes:
            for status, *counts in self._c.execute(
                f"SELECT status, sum(n), {', '.join(f'sum({flag})' for flag in _FLAGS)} FROM cohorts "
                f"WHERE scope = ? AND status IN ({marks(len(_EVERY_STATUS))}) AND quarter >= ? AND quarter < ? "
                "GROUP BY 1",
                (scope, *_EVERY_STATUS, first, last),
            ):
                _add(found, {status: counts})
        return found

    def _messages(self, since: Instant, until: Instant) -> Sums:
        found: Sums = defaultdict(lambda: [0] * 7)
        if since >= until:
            return found
        flags = ", ".join(
            f"sum(EXISTS (SELECT 1 FROM outcomes o WHERE o.message = d.message AND o.kind = {KIND[kind]}))"
            for kind in metrics.COHORT
        )
        for home in self._scopes.values():
            for status, *counts in self._c.execute(
                f"SELECT d.status, count(*), {flags} FROM standings d WHERE d.{self._column} = ? "
                "AND d.created_at IS NOT NULL AND d.created_at >= ? AND d.created_at < ? GROUP BY 1",
                (home, since, until),
            ):
                _add(found, {status: counts})
        return found


def _add(sums: Sums, more: Sums) -> None:
    for status, counts in more.items():
        sums[status] = [a + b for a, b in zip(sums.get(status, [0] * 7), counts, strict=True)]


def _cohort(sums: Sums) -> Cohort:
    totals = [sum(counts) for counts in zip(*sums.values(), strict=True)] or [0] * 7
    return Cohort(
        messages=totals[0],
        happened=dict(zip(metrics.COHORT, totals[1:], strict=True)),
        statuses={word: sums[number][0] if number in sums else 0 for number, word in enumerate(STATUSES)},
    )


def templates(c: sqlite3.Connection, sources: Sequence[str] | None) -> list[TemplateRow]:
    names = sources_of(c, Filter(sources=None if sources is None else tuple(sources)))
    found = c.execute(
        f"SELECT id, source, template FROM templates WHERE source IN ({marks(len(names))})", list(names)
    ).fetchall()
    sums: dict[int, Sums] = defaultdict(dict)
    for chunk in batched([id for id, _, _ in found]):
        for scope, status, *counts in c.execute(
            f"SELECT scope, status, n, {', '.join(_FLAGS)} FROM cohorts WHERE scope IN ({marks(len(chunk))}) "
            f"AND status IN ({marks(len(_EVERY_STATUS))}) AND quarter = ?",
            (*chunk, *_EVERY_STATUS, LIFETIME),
        ):
            sums[scope][status] = counts
    rows = [
        TemplateRow(source=names[source], template=template, cohort=_cohort(sums[id]))
        for id, source, template in found
        if id in sums
    ]
    return sorted((row for row in rows if row.cohort.messages), key=lambda row: (row.source, row.template))
