"""How the list of events is read: by looks at the last days (provider file, sections 2.6, 4.3 and 9).

The list can only be asked for its last 1 to 90 days, has no ids, shifts while it is paged, and its order isn't
promised. A look reads so many days of it; what it shows again is known by its identity. There are three sorts:

- **short**, with every run: the days of the overlap. A list of many pages is left where its rows are older than what
  was read before, provided that their times fall from row to row;
- **daily**: the same days to their end, because opens and bounces may trail;
- **whole**, at first and every two weeks: all 90 days.

A list that had fewer rows than it said, or that shrank, so that rows may have moved to a page already read, is read
again, twice at most. One of more than 10,000 rows, where search engines often stop, is read type by type; a type that
can't be read to its end and isn't newest first is read with half the days too. After several pages the first is read
once more, for what arrived meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from aftersend.providers.benchmark.pages import NumberedPages
from aftersend.providers.contract import Answer, Ask, Context, Malformed, Position, Walk
from aftersend.providers.paging import DAY, Look, Page
from aftersend.vocabulary import Instant

HOUR = 3_600_000
HORIZON = 90
"""Days that Benchmark shows, section 0."""
DEEPEST = 10_000
"""Rows of a list that can be relied upon, section 9."""
PATIENCE = 6 * HOUR
"""A page behind these that hasn't come for so long isn't waited for any longer."""
WHOLE_EVERY = 14 * DAY
TRUST = HOUR // 6
"""By then a row is there, as a rule; what is younger is read, but not relied upon."""
LATE = 2 * HOUR
"""How much further back than that a short look reads."""
SHORT_PAGES = 3
"""A short look reads as many pages of a list in any case."""
AGAIN = 2
"""How often a list is read again."""
EVERY = ""
"""All types that are wanted."""


class Slice(msgspec.Struct, frozen=True):
    """One list of a look: which types of how many days; to its end, or only its ``top`` page."""

    types: str
    days: int
    top: bool = False


class Reach(msgspec.Struct, kw_only=True):
    """How far a slice is read."""

    place: dict[str, Any] = {}
    pages: int = 0
    rows: int = 0
    total: int | None = None
    shrank: bool = False
    newest: Instant | None = None
    """The time of the last page's first row."""
    falling: bool = True
    """Whether times fell from row to row and page to page."""
    again: int = 0


class Looking(msgspec.Struct, kw_only=True):
    """A look under way, as the position keeps it."""

    began: Instant
    at: Instant
    """When the last page came."""
    sort: str
    left: list[Slice]
    here: Reach = msgspec.field(default_factory=Reach)
    """Of the first slice that is left."""
    pages: int = 0


class Looks(Walk):
    """See the module. ``ask`` makes the request for types (joined by commas) and a number of days.

    At rest the position says up to when the list is read (``through``), when the last daily and the last whole look
    began, and the size of pages where it had to be reduced.
    """

    def __init__(
        self,
        position: Position,
        context: Context,
        *,
        types: Sequence[str],
        ask: Callable[[str, int], Ask],
        look: Look,
    ):
        self._types, self._ask, self._look = types, ask, look
        self._now, self._live = context.now, context.since is None
        self._settled: dict[str, Any] = {
            name: position[name] for name in ("through", "daily", "whole", "size") if name in position
        }
        self._known = self._settled.get("through", 0) - LATE
        self.position, self.notes = position, {}
        if "look" not in position:
            self._looking = self._begun(context)
            self._open()
            return
        self._looking = msgspec.convert(position["look"], Looking)
        self._open()
        if self._looking.here.rows >= DEEPEST and context.now - self._looking.at > PATIENCE:
            self._too_deep()
            self._settle()

    def _begun(self, context: Context) -> Looking:
        through, at = self._settled.get("through"), context.now
        if context.since is not None:
            sort, since = "daily", context.since
        elif through is None or at - self._settled.get("whole", 0) >= WHOLE_EVERY:
            sort, since = "whole", at - HORIZON * DAY
            # A size that was refused two weeks ago is tried again.
            self._settled.pop("size", None)
        else:
            sort = "daily" if at - self._settled.get("daily", 0) >= DAY else "short"
            since = min(through, at - context.source.overlap_ms)
        # One day more than it takes: whether days are counted from now or from a midnight, and whose, isn't said.
        days = min(HORIZON, -(-max(0, at - since) // DAY) + 1)
        return Looking(began=at, at=at, sort=sort, left=[Slice(EVERY, days)])

    def _open(self) -> None:
        looking = self._looking
        if not looking.left:
            return
        slice_ = looking.left[0]
        size = {"size": self._settled["size"]} if "size" in self._settled else {}
        first = self._ask(slice_.types or ",".join(self._types), slice_.days)
        self._family = NumberedPages(first, looking.here.place or size, self._now)

    def ask(self) -> Ask | None:
        return self._family.ask() if self._looking.left else None

    def ahead(self) -> Sequence[Ask]:
        return self._family.ahead() if self._looking.left and self._looking.sort != "short" else ()

    def take(self, answer: Answer) -> None:
        if answer.cut:
            raise Malformed("The connection ended before the whole answer had come.")
        page = self._look(answer)
        looking, slice_, here = self._looking, self._looking.left[0], self._looking.here
        self._family.take(page, answer.received_at)
        self.rows, self.fresh = len(page.ids), 0 if slice_.top else self._family.fresh
        looking.pages += 1
        looking.at = answer.received_at
        known = self._met(here, page)
        if self._splits(slice_, here):
            looking.left[:1] = [Slice(type_, slice_.days) for type_ in self._types]
            self._begin_slice()
        elif self._family.over:
            self._at_the_end()
        elif slice_.top or (looking.sort == "short" and known and here.pages >= SHORT_PAGES):
            self._next()
        self._settle()

    def _met(self, here: Reach, page: Page) -> bool:
        """Note what a page shows. Returns whether all that follows it is known, as far as its order can tell."""
        before = here.newest
        if page.ids:
            here.falling &= page.newest is not None and (before is None or before >= page.newest)
            here.newest = page.newest
        if page.total is not None:
            here.shrank |= here.total is not None and page.total < here.total
            here.total = page.total
        here.pages += 1
        here.rows, here.place = self._family.rows, self._family.place
        # Rows of one and the same instant show no order.
        ordered = here.falling and before is not None and page.oldest is not None and before > page.oldest
        return ordered and page.oldest is not None and page.oldest < self._known

    def _splits(self, slice_: Slice, here: Reach) -> bool:
        if slice_.types != EVERY or slice_.top or len(self._types) == 1 or here.pages > 1:
            return False
        # A short look at a list in order doesn't go deep.
        return (here.total or 0) > DEEPEST and not (self._looking.sort == "short" and here.falling)

    def _at_the_end(self) -> None:
        here = self._looking.here
        lacks = here.total is not None and here.rows < here.total
        if here.total is not None and here.total > DEEPEST:
            if lacks:
                self._too_deep()
            else:
                self._next()
        elif (lacks or here.shrank) and here.again < AGAIN:
            self._begin_slice(here.again + 1)
        else:
            self._next()

    def _too_deep(self) -> None:
        slice_, falling = self._looking.left[0], self._looking.here.falling
        self._next()
        if not falling and slice_.days > 1:
            self._looking.left.insert(0, Slice(slice_.types, slice_.days // 2))
            self._begin_slice()

    def _next(self) -> None:
        looking = self._looking
        done = looking.left.pop(0)
        if not looking.left and not done.top and looking.pages > 1:
            looking.left.append(Slice(EVERY, done.days, top=True))
        self._begin_slice()

    def _begin_slice(self, again: int = 0) -> None:
        self._looking.here = Reach(again=again)
        self._open()

    def refused(self, status: int) -> bool:
        here = self._looking.here
        if status == 400 and self._family.lost():
            here.place = self._family.place
            self._settled["size"] = self._family.size
        elif here.rows + self._family.size > DEEPEST:
            self._too_deep()
        elif here.pages and here.again < AGAIN:
            self._begin_slice(here.again + 1)
        else:
            return False
        self._settle()
        return True

    def _settle(self) -> None:
        looking = self._looking
        if looking.left or not self._live:
            self.position = {**self._settled, "pages": looking.pages, "look": msgspec.to_builtins(looking)}
            return
        self.complete_until = looking.began - TRUST
        self._settled["through"] = self.complete_until
        sorts = {"whole": ("daily", "whole"), "daily": ("daily",), "short": ()}[looking.sort]
        self.position = {**self._settled, **dict.fromkeys(sorts, looking.began)}

    def progress(self) -> dict[str, Any]:
        looking = self._looking
        slice_ = looking.left[0] if looking.left else None
        window = f"{slice_.types or 'all types'}, {slice_.days} days" if slice_ else ""
        here = looking.here
        return {"window": window, "page": looking.pages, "done": here.rows, "total": max(here.total or 0, here.rows)}
