"""Families of walks: how a list is asked for, page after page. They know nothing of the data.

A walk is told how to find the ids of an answer's rows (``row_ids``, which raises :class:`Malformed`), a path, and
the names of parameters. Positions are plain JSON, complete after every answer: a walk killed in the middle of
a run is resumed by making it again, and steps back one page, because rows may have moved meanwhile.

A finished walk has ``complete_until``: everything that happened before that instant has been read, or ``None``
where that can't be said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from aftersend.providers.contract import Answer, Ask, Context, Malformed, Position, Walk
from aftersend.vocabulary import Instant
from aftersend.zones import moment

RowIds = Callable[[bytes], list[str]]
"""Ids of the rows of an answer, one for each row. Raises :class:`Malformed`."""

DAY = 86_400_000
WEEK = 7 * DAY


class Lately:
    """The ids met lately, in bounded memory: at least the last ``most``, at most twice as many.

    Enough to see that rows moved between pages or that an answer comes again; the store knows all the rest.
    """

    def __init__(self, most: int = 20_000):
        self._most = most
        self._newer: set[str] = set()
        self._older: set[str] = set()

    def unseen(self, ids: list[str]) -> int:
        """How many of these were not met lately; they are now."""
        new = {i for i in ids if i not in self._newer and i not in self._older}
        self._newer |= new
        if len(self._newer) >= self._most:
            self._older, self._newer = self._newer, set()
        return len(new)


class DateNames(msgspec.Struct, frozen=True, kw_only=True):
    """Names of a dated, paged list's parameters. An empty name is not sent."""

    page: str
    size: str
    since: str
    until: str


class _Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run through a range of time, newest window first. Instants; windows are at most a week long."""

    began: Instant
    since: Instant
    until: Instant
    window_until: Instant
    """End of the window being read; at ``since`` or before it, the run is over."""
    page: int = 0
    """The page to ask next."""
    size: int
    """Rows a page, as asked; the platform's default once that was all that came."""
    rows: int = 0
    """Rows of this run so far."""

    @property
    def over(self) -> bool:
        return self.window_until <= self.since

    @property
    def window_since(self) -> Instant:
        return max(self.since, self.window_until - WEEK)


class DatedPages(Walk):
    """A list that is asked by days and page numbers, in no promised order (inwise, provider file 2.5).

    **Live lane**: reads from ``overlap`` before the beginning of the last whole run up to now; the first run ever
    takes the last overlap, at least a week: what lies before is a backfill's. **Backfill lane**: the range of
    the context. Both are cut into windows of a week, newest first.

    Pages count from 0. A window ends with its first empty page, or when two consecutive pages beyond page 1 bring
    no id that is new: page 1 may repeat page 0 where a platform counts from 1. A short page ends nothing. A first
    page of exactly ``default_size`` rows shows that the size asked for was ignored; the walk goes on with that.

    Days are those of ``zone``. Both dates are always sent, since a platform's default window would lose rows silently;
    the later one is a day further than it need be, since nobody says whether it is inclusive.

    Rows that move to a later page meanwhile are seen twice, which does no harm; a row that moves to an earlier one
    is missed by this run and found by the next, which reads the overlap again.
    """

    MOST_PAGES = 10_000
    """Of one window. A list that brings new ids for longer than ten million rows a week has no end."""

    complete_until: Instant | None = None

    def __init__(
        self,
        position: Position,
        context: Context,
        *,
        path: str,
        row_ids: RowIds,
        names: DateNames,
        zone: str,
        size: int,
        default_size: int,
        params: Mapping[str, str] | None = None,
    ):
        self._path, self._row_ids, self._names, self._zone = path, row_ids, names, zone
        self._size, self._default_size, self._params = size, default_size, dict(params or {})
        self._live = context.since is None
        self._lately, self._barren = Lately(), 0
        self.position = position
        if "run" in position:
            run = msgspec.convert(position["run"], _Run)
            self._run = msgspec.structs.replace(run, page=max(0, run.page - 1))
        else:
            since, until = self._range(context)
            self._run = _Run(began=context.now, since=since, until=until, window_until=until, size=size)

    def _range(self, context: Context) -> tuple[Instant, Instant]:
        if context.since is not None:
            return context.since, context.until if context.until is not None else context.now
        overlap = context.source.overlap_ms
        if "through" in self.position:
            return self.position["through"] - overlap, context.now
        return context.now - max(overlap, WEEK), context.now

    def ask(self) -> Ask | None:
        run = self._run
        if run.over:
            return None
        sent = {
            self._names.since: self._day(run.window_since),
            self._names.until: self._day(run.window_until - 1 + DAY),
            self._names.page: str(run.page),
            self._names.size: str(run.size),
        }
        return Ask(path=self._path, params=self._params | {name: text for name, text in sent.items() if name})

    def take(self, answer: Answer) -> None:
        run = self._run
        if run.page >= self.MOST_PAGES:
            raise Malformed(f"The list brings new rows on more than {self.MOST_PAGES} pages of a week: it has no end.")
        if answer.cut:
            raise Malformed("The connection ended before the whole answer had come.")
        ids = self._row_ids(answer.body)
        self.rows, self.fresh = len(ids), self._lately.unseen(ids)
        self._barren = 0 if self.fresh or run.page < 2 else self._barren + 1
        run = msgspec.structs.replace(run, rows=run.rows + self.rows)
        if not ids or self._barren == 2:
            self._lately, self._barren = Lately(), 0
            run = msgspec.structs.replace(run, window_until=run.window_since, page=0, size=self._size)
        elif run.page == 0 and self.rows == self._default_size:
            run = msgspec.structs.replace(run, page=1, size=min(run.size, self._default_size))
        else:
            run = msgspec.structs.replace(run, page=run.page + 1)
        self._run = run
        if run.over and self._live:
            self.complete_until = run.began
            self.position = {"through": run.began}
        else:
            self.position = {**self.position, "run": msgspec.to_builtins(run)}

    def progress(self) -> dict[str, Any]:
        run = self._run
        last = min(run.window_until, run.until) - 1
        return {
            "window": "" if run.over else f"{self._day(run.window_since)} to {self._day(last)}",
            "page": run.page,
            "done": -(-(run.until - max(run.window_until, run.since)) // WEEK),
            "total": max(0, -(-(run.until - run.since) // WEEK)),
        }

    def _day(self, at: Instant) -> str:
        return moment(at, self._zone).date().isoformat()


class Deltas(Walk):
    """A list that gives out what is new since the last call, and knows itself what that is (inwise 2.6).

    Asks again until an answer is empty, brings no id that is new (the list may not be destructive), or the run has
    asked ``most`` times. An answer that is not whole still counts with its whole rows, read by ``salvaged_ids``: what a
    read-once list handed out is not handed out again, so half an answer is taken, and the next one asked for.
    """

    complete_until: Instant | None = None

    def __init__(
        self,
        position: Position,
        context: Context,
        *,
        path: str,
        row_ids: RowIds,
        salvaged_ids: RowIds,
        most: int = 50,
    ):
        self.position = position
        self._path, self._row_ids, self._salvaged_ids, self._most = path, row_ids, salvaged_ids, most
        self._began, self._asked, self._barren = context.now, 0, 0
        self._lately, self._all_whole, self._done = Lately(), True, False

    def ask(self) -> Ask | None:
        return None if self._done else Ask(path=self._path)

    def take(self, answer: Answer) -> None:
        whole = not answer.cut
        try:
            ids = self._row_ids(answer.body)
        except Malformed:
            ids, whole = self._salvaged_ids(answer.body), False
        self.rows, self.fresh = len(ids), self._lately.unseen(ids)
        self._asked += 1
        self._all_whole &= whole
        # Half an answer without a new row may have lost its rows: only a second such one is the end.
        self._barren = 0 if self.fresh else self._barren + (2 if whole else 1)
        self.position = {"reads": self.position.get("reads", 0) + 1}
        self._done = self._barren >= 2 or self._asked >= self._most
        if self._barren >= 2 and self._all_whole:
            self.complete_until = self._began

    def progress(self) -> dict[str, Any]:
        return {"window": "new rows", "page": self._asked, "done": int(self._done), "total": 1}


class PerCampaign(Walk):
    """One answer for each of the context's campaigns. The position remembers those already asked in this run."""

    complete_until: Instant | None = None

    def __init__(self, position: Position, context: Context, *, path: str, row_ids: RowIds, param: str):
        self._path, self._row_ids, self._param = path, row_ids, param
        self._began: Instant = position.get("began", context.now)
        self._done: list[str] = list(position.get("done", ()))
        asked = set(self._done)
        self._left = [campaign for campaign in context.campaigns if campaign not in asked]
        self.position = position
        self._settle()

    def ask(self) -> Ask | None:
        return Ask(path=self._path, params={self._param: self._left[0]}) if self._left else None

    def take(self, answer: Answer) -> None:
        self.rows = self.fresh = len(self._row_ids(answer.body))
        self._done.append(self._left.pop(0))
        self.position = {"began": self._began, "done": list(self._done)}
        self._settle()

    def _settle(self) -> None:
        if not self._left:
            self.position, self.complete_until = {}, self._began

    def progress(self) -> dict[str, Any]:
        return {
            "window": self._left[0] if self._left else "",
            "page": len(self._done),
            "done": len(self._done),
            "total": len(self._done) + len(self._left),
        }
