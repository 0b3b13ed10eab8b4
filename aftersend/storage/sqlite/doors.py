"""Doors: through which of them the events of a source were seen, from a table of quarter hours."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from aftersend.storage.contract import Doors, Filter, Seen
from aftersend.storage.sqlite.codes import KIND, KINDS, QUARTER
from aftersend.storage.sqlite.counts import refuse
from aftersend.storage.sqlite.quarters import Quarters, Tally, add
from aftersend.storage.sqlite.selection import sources_of, window_of
from aftersend.storage.sqlite.statements import marks
from aftersend.vocabulary import Door, Instant

COLUMNS = ("webhook", "feed", "both")
"""Seen only by webhook, only in a feed, through both: the place of an event's doors (:data:`codes.DOOR`), less one."""


def doors(c: sqlite3.Connection, which: Filter, edges: Sequence[Instant] | None) -> list[Doors]:
    refuse(which, "campaign_id", "activity_id", "contact_id", "external_id", "email", "message_id", "word")
    kinds = [KIND[kind] for kind in (KINDS if which.kinds is None else which.kinds)]
    slots = 1 if edges is None else len(edges) - 1
    answer: list[Doors] = [{} for _ in range(slots)]
    for id, name in sources_of(c, which).items():
        through = _Through(c, "doors WHERE source = ?", COLUMNS, [(id,)])
        if edges is not None:
            tallies = through.slots(kinds, edges)
        elif which.since is None and which.until is None:
            tallies = [through.lifetime(kinds)]
        else:
            tallies = [through.between(kinds, *window_of(which))]
        for slot, tally in zip(answer, tallies, strict=True):
            slot[name] = {KINDS[kind]: Seen(*tally[kind]) for kind in sorted(tally) if any(tally[kind])}
    return answer


def began(c: sqlite3.Connection, source: str) -> dict[Door, Instant]:
    found = {}
    for door in Door:
        ((quarter,),) = c.execute(
            "SELECT min(quarter) FROM doors WHERE source = (SELECT id FROM sources WHERE name = ?) AND quarter >= 0 "
            f"AND {door.value} + both > 0",
            (source,),
        )
        if quarter is not None:
            found[door] = quarter * QUARTER
    return found


class _Through(Quarters):
    """The events of one source by their doors."""

    def _add_edge(self, tally: Tally, kinds: Sequence[int], since: Instant, until: Instant) -> None:
        ((source,),) = self._places
        for kind, seen, count in self._c.execute(
            f"SELECT kind, doors, count(*) FROM events WHERE source = ? AND kind IN ({marks(len(kinds))}) "
            "AND at >= ? AND at < ? GROUP BY 1, 2",
            (source, *kinds, since, until),
        ):
            add(tally, kind, [count * (seen == place) for place in (1, 2, 3)])
