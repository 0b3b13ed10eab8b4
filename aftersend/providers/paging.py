# ruff: noqa: ARG002 - families and walks are called alike, and not each needs all it is told
"""How lists are read page after page: families of paging, and the walks made of them. Nothing here knows the data.

A provider says how to look at an answer (:data:`Look`): which rows it has, and what it says about going on. A
**family** takes one list from its first page to its end; there are :class:`PageNumbers`, :class:`Offsets`,
:class:`NextLinks`, :class:`Cursors` and :class:`Moving` (a beginning that moves on with the rows), and
:class:`Single` for a list of one page. A **walk** says which lists: :class:`Windows` of time, newest first; the
:class:`Whole` list; :class:`Each` of several; :class:`Deltas`, for a list that knows itself what is new.

Positions are plain JSON, complete after every answer. A walk killed in the middle of a run is resumed by making it
again; lists of numbered pages then step back one page, because rows may have moved meanwhile. Rows that move to a
later page are seen twice, which does no harm; a row that moves to an earlier one is missed by this run and found by
the next, which reads the overlap again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from aftersend.providers.contract import Answer, Ask, Context, Malformed, Position, Walk
from aftersend.vocabulary import Instant
from aftersend.zones import moment

DAY = 86_400_000
WEEK = 7 * DAY
SHORTEST = 60_000
"""A window is never cut into shorter ones than a minute."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What paging needs to see of an answer."""

    ids: list[str]
    """One for each row, telling the rows of the list apart."""
    next: str | None = None
    """The next link or cursor, as the answer has it."""
    total: int | None = None
    """Rows of the whole list, as the answer says."""
    more: bool | None = None
    """Whether the answer says that there are more pages."""
    oldest: Instant | None = None
    newest: Instant | None = None
    """Times of its rows, where the list is ordered by them."""
    deep: bool = False
    """The list can't be read to its end as it was asked: a shorter window is needed."""


Look = Callable[[Answer], Page]
"""Sees an answer's page. Raises :class:`Malformed`."""
Place = dict[str, Any]
"""Where a family stands, as plain JSON; empty at the beginning."""


def described(position: Position, zone: str) -> str:
    """What a person sees of a position: how far an unfinished run has come, else up to when the list was read."""
    if "run" in position:
        run = position["run"]
        since = max(run["since"], run["window_until"] - run["span"])
        return f"page {run['pages']}, {_day(since, zone)} to {_day(run['window_until'] - 1, zone)}"
    if "pages" in position:
        done = position.get("done")
        return f"page {position['pages']}" + (f", {len(done)} done" if done else "")
    if "reads" in position:
        return f"{position['reads']} reads"
    if "through" in position:
        return f"through {moment(position['through'], zone):%Y-%m-%d %H:%M}"
    return "–"


def _day(at: Instant, zone: str) -> str:
    return moment(at, zone).date().isoformat()


class Lately:
    """The ids met lately, in bounded memory: at least the last ``most``, at most twice as many.

    Enough to see that rows moved between pages or that an answer comes again; the store knows all the rest.
    """

    def __init__(self, most: int = 20_000):
        self._most = most
        self._newer: set[str] = set()
        self._older: set[str] = set()

    def unseen(self, ids: Sequence[str]) -> int:
        """How many of these were not met lately; they are now."""
        new = {i for i in ids if i not in self._newer and i not in self._older}
        self._newer |= new
        if len(self._newer) >= self._most:
            self._older, self._newer = self._newer, set()
        return len(new)


# -- families ------------------------------------------------------------------------------------------------


class Family(ABC):
    """One list, from its first page to its end. Made from its place, by :data:`FamilyOf`."""

    MOST_PAGES = 100_000
    """A list that goes on for longer has no end."""

    over = False
    fresh = 0
    """Rows of the last page that had not been met lately."""

    def __init__(self, first: Ask, place: Place, at: Instant):
        """``first`` asks for the list; ``at`` is the present, which tells the age of what is in ``place``."""
        self.first, self.place, self.at = first, dict(place), at
        self._lately, self._barren = Lately(), 0

    @abstractmethod
    def ask(self) -> Ask:
        """The next page."""

    def take(self, page: Page, at: Instant) -> None:
        """Look at the next page, received at an instant, and move ``place``. Raises :class:`Malformed`."""
        pages = self.place.get("pages", 0) + 1
        if pages > self.MOST_PAGES:
            raise Malformed(f"The list goes on for more than {self.MOST_PAGES} pages: it has no end.")
        self.fresh = self._lately.unseen(page.ids)
        self._barren = 0 if self.fresh else self._barren + 1
        self.move(page, at)
        self.place["pages"] = pages

    @abstractmethod
    def move(self, page: Page, at: Instant) -> None:
        """Say where the page leads: change ``place`` or be ``over``. Raises :class:`Malformed`."""

    def ahead(self) -> list[Ask]:
        """Pages that will be asked for after the next, if everything goes on as it looks."""
        return []

    def lost(self) -> bool:
        """The platform refused the last ask. True: it is asked otherwise now, ``place`` has changed."""
        return False

    def _with(self, **params: str) -> Ask:
        given = {name: text for name, text in params.items() if name}
        return msgspec.structs.replace(self.first, params=self.first.params | given)

    def _nothing_new(self) -> bool:
        """Two pages in a row without a new row are the end of a list that doesn't say where it ends: one may be an
        empty page in the middle, or the second where a platform counts from 1 and we from 0."""
        return self._barren >= 2


FamilyOf = Callable[[Ask, Place, Instant], Family]
"""Makes a family from what asks for its list, its place and the present."""


class Single(Family):
    """A list of one page."""

    def ask(self) -> Ask:
        return self.first

    def move(self, page: Page, at: Instant) -> None:
        self.over = True


class _Counted(Family):
    """What page numbers and offsets have in common: how many rows lie before the next page."""

    def __init__(self, first: Ask, place: Place, at: Instant, size: int):
        super().__init__(first, place, at)
        self.size = place.get("size", size)
        """Rows of a page as asked, or the platform's default once that was all that came."""
        self._full = False
        self._total: int | None = None
        # One page back: rows may have moved while nobody looked.
        self.rows = place.get("before", 0)

    def _reached_the_end(self, page: Page, before: int) -> bool:
        """``before``: rows before this page. What the list itself says of its end is believed, emptiness only twice."""
        self.rows = before + len(page.ids)
        self._full, self._total = bool(page.ids) and len(page.ids) >= self.size, page.total
        if page.more is not None:
            return not page.more or self._nothing_new()
        if page.total is not None:
            return self.rows >= page.total or self._nothing_new()
        return self.rows == 0 or self._nothing_new()

    def _pages_ahead(self) -> list[int]:
        """How many pages behind the next those lie that are expected; none behind the total."""
        if not self._full or self.over:
            return []
        return [n for n in (1, 2, 3) if self._total is None or self.rows + n * self.size < self._total]


class PageNumbers(_Counted):
    """Pages by number. ``page`` and ``size`` name the parameters (an empty name is not sent), ``asked`` is the size to
    ask for, ``begin`` the number of the first page.

    A short page ends nothing. A first page of exactly ``default`` rows shows that the size asked for was ignored; the
    walk goes on with that.
    """

    def __init__(
        self,
        first: Ask,
        place: Place,
        at: Instant,
        *,
        page: str,
        size: str,
        asked: int,
        begin: int = 0,
        default: int | None = None,
    ):
        super().__init__(first, place, at, asked)
        self._page, self._size, self._begin, self._default = page, size, begin, default
        self.number: int = max(begin, place.get("page", begin) - 1)

    def ask(self) -> Ask:
        return self._numbered(self.number)

    def move(self, page: Page, at: Instant) -> None:
        before = self.rows
        self.over = self._reached_the_end(page, before)
        if self.number == self._begin and len(page.ids) == self._default:
            self.size = min(self.size, self._default)
            self._full = True
        self.number += 1
        self.place = {"page": self.number, "before": before, "size": self.size}

    def ahead(self) -> list[Ask]:
        return [self._numbered(self.number + n) for n in self._pages_ahead()]

    def _numbered(self, number: int) -> Ask:
        return self._with(**{self._page: str(number), self._size: str(self.size)})


class Offsets(_Counted):
    """Pages by how many rows lie before them; an offset moves on by what came, whatever was asked for."""

    def __init__(self, first: Ask, place: Place, at: Instant, *, offset: str, size: str, asked: int):
        super().__init__(first, place, at, asked)
        self._offset, self._size = offset, size

    def ask(self) -> Ask:
        return self._behind(self.rows)

    def move(self, page: Page, at: Instant) -> None:
        before = self.rows
        self.over = self._reached_the_end(page, before)
        self.place = {"before": before, "size": self.size}

    def ahead(self) -> list[Ask]:
        return [self._behind(self.rows + n * self.size) for n in self._pages_ahead()]

    def _behind(self, rows: int) -> Ask:
        return self._with(**{self._offset: str(rows), self._size: str(self.size)})


class _Linked(Family):
    """What next links and cursors have in common. The list ends with the page that has no next one, not with an empty
    one.

    A link that came before shows that the list goes in circles, and one that is refused that it has expired: the list
    is then read from its beginning, once. A link found in a place older than ``lasts`` milliseconds isn't tried at all.
    """

    RESTARTS = 1

    def __init__(self, first: Ask, place: Place, at: Instant, *, lasts: int | None = None):
        super().__init__(first, place, at)
        if lasts is not None and at - place.get("at", at) > lasts:
            self.place = {}
        self._met = {self.link} if self.link else set()
        self._restarts = 0

    @property
    def link(self) -> str | None:
        found: str | None = self.place.get("next")
        return found

    def move(self, page: Page, at: Instant) -> None:
        if not page.next:
            self.over = True
            return
        if page.next not in self._met:
            self._met.add(page.next)
            self.place = {"next": page.next, "at": at}
        elif not self.lost():
            raise Malformed("The next page is one that was read already: the list goes in circles.")

    def lost(self) -> bool:
        if not self.link or self._restarts >= self.RESTARTS:
            return False
        self.place, self._met = {}, set()
        self._restarts += 1
        return True


class NextLinks(_Linked):
    """Each page names the address of the next."""

    def ask(self) -> Ask:
        if not self.link:
            return self.first
        return Ask(path=self.link, headers=self.first.headers, about=self.first.about | self.first.params)


class Cursors(_Linked):
    """Each page has a token that asks for the next, in a parameter of that name."""

    def __init__(self, first: Ask, place: Place, at: Instant, *, param: str, lasts: int | None = None):
        super().__init__(first, place, at, lasts=lasts)
        self._param = param

    def ask(self) -> Ask:
        return self._with(**{self._param: self.link}) if self.link else self.first


class Moving(Family):
    """A list in ascending order of time, whose beginning moves on with its rows: the next page begins at the time of
    the last row met (``newest``), so that no row that is inserted or deleted meanwhile moves the rest.

    ``since`` names the parameter of the beginning, ``text`` writes an instant into it. Where a whole page has one and
    the same time, ``offset`` leads on behind it.
    """

    def __init__(
        self, first: Ask, place: Place, at: Instant, *, since: str, text: Callable[[Instant], str], offset: str
    ):
        super().__init__(first, place, at)
        self._since, self._text, self._offset = since, text, offset
        self._widest = 0

    def ask(self) -> Ask:
        since = self.place.get("since")
        moved = {} if since is None else {self._since: self._text(since)}
        return self._with(**moved, **{self._offset: str(self.place.get("offset", 0))})

    def move(self, page: Page, at: Instant) -> None:
        since, offset = self.place.get("since"), self.place.get("offset", 0)
        self._widest = max(self._widest, len(page.ids))
        # A total is of what was asked now: of the rows from ``since`` on.
        self.over = not page.ids or (page.total is not None and offset + len(page.ids) >= page.total)
        if page.newest is None or page.newest == since:
            self.over = self.over or (not self.fresh and len(page.ids) < self._widest)
            self.place = {"since": since, "offset": offset + len(page.ids)}
        else:
            self.over = self.over or not self.fresh
            self.place = {"since": page.newest, "offset": 0}


# -- walks ---------------------------------------------------------------------------------------------------


def _whole(answer: Answer) -> Answer:
    if answer.cut:
        raise Malformed("The connection ended before the whole answer had come.")
    return answer


def _never(*_: object) -> bool:
    return False


def _no_notes(*_: object) -> dict[str, Any]:
    return {}


class _Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run through a range of time, newest window first."""

    began: Instant
    since: Instant
    until: Instant
    window_until: Instant
    """End of the window being read; at ``since`` or before it, the run is over."""
    span: int
    """Length of the window in milliseconds."""
    place: Place = {}
    pages: int = 0

    @property
    def over(self) -> bool:
        return self.window_until <= self.since

    @property
    def window_since(self) -> Instant:
        return max(self.since, self.window_until - self.span)


class Windows(Walk):
    """A list that can be asked for a range of time.

    **Live lane**: reads from ``overlap`` before the place up to which the list can be trusted up to now; the first run
    ever takes the last ``first`` milliseconds (default: the overlap, at least a week): what lies before is a
    backfill's.
    **Backfill lane**: the range of the context. Both are cut into closed windows of ``span``, newest first, so that
    reports become useful early. A window whose list is too ``deep`` is halved.

    ``ask`` makes the request for a window [since, until). ``trust``: how long a row may take to appear in the list, in
    milliseconds; what is younger is read, but not relied upon. ``horizon``: how far back the platform shows anything.
    """

    def __init__(
        self,
        position: Position,
        context: Context,
        *,
        ask: Callable[[Instant, Instant], Ask],
        look: Look,
        family: FamilyOf,
        span: int = WEEK,
        trust: int = 0,
        first: int | None = None,
        horizon: int | None = None,
        zone: str = "UTC",
    ):
        self._ask, self._look, self._family_of = ask, look, family
        self._span, self._trust, self._zone = span, trust, zone
        self._now, self._live = context.now, context.since is None
        self.position, self.notes = position, {}
        if "run" in position:
            self._run = msgspec.convert(position["run"], _Run)
        else:
            since, until = self._range(context, first)
            since = since if horizon is None else max(since, context.now - horizon)
            self._run = _Run(began=context.now, since=since, until=until, window_until=until, span=span)
        self._family = self._family_here()

    def _range(self, context: Context, first: int | None) -> tuple[Instant, Instant]:
        if context.since is not None:
            return context.since, context.until if context.until is not None else context.now
        overlap = context.source.overlap_ms
        if "through" in self.position:
            return min(self.position["through"], context.now) - overlap, context.now
        return context.now - (first if first is not None else max(overlap, WEEK)), context.now

    def _family_here(self) -> Family:
        run = self._run
        return self._family_of(self._ask(run.window_since, run.window_until), run.place, self._now)

    def ask(self) -> Ask | None:
        return None if self._run.over else self._family.ask()

    def ahead(self) -> Sequence[Ask]:
        return () if self._run.over else self._family.ahead()

    def take(self, answer: Answer) -> None:
        page = self._look(_whole(answer))
        family = self._family
        family.take(page, answer.received_at)
        self.rows, self.fresh = len(page.ids), family.fresh
        run = msgspec.structs.replace(self._run, place=family.place, pages=self._run.pages + 1)
        length = run.window_until - run.window_since
        if page.deep and length > SHORTEST:
            run = msgspec.structs.replace(run, place={}, span=max(SHORTEST, length // 2))
        elif family.over:
            wider = min(self._span, run.span * 2)
            run = msgspec.structs.replace(run, place={}, window_until=run.window_since, span=wider)
        self._go_on(run)
        if not run.place:
            self._family = self._family_here()

    def refused(self, status: int) -> bool:
        if not self._family.lost():
            return False
        self._go_on(msgspec.structs.replace(self._run, place=self._family.place))
        return True

    def _go_on(self, run: _Run) -> None:
        self._run = run
        if run.over and self._live:
            self.complete_until = run.began - self._trust
            self.position = {"through": self.complete_until}
        else:
            self.position = {**self.position, "run": msgspec.to_builtins(run)}

    def progress(self) -> dict[str, Any]:
        run = self._run
        last = min(run.window_until, run.until) - 1
        return {
            "window": "" if run.over else f"{_day(run.window_since, self._zone)} to {_day(last, self._zone)}",
            "page": run.pages,
            "done": -(-(run.until - max(run.window_until, run.since)) // self._span),
            "total": max(0, -(-(run.until - run.since) // self._span)),
        }


class Whole(Walk):
    """A list without dates, read from its beginning with every run. ``enough`` ends it early, where a page shows that
    what follows is known; ``learn`` makes notes of a page. ``complete``: whether a finished run has read everything
    that happened before it began."""

    def __init__(
        self,
        position: Position,
        context: Context,
        *,
        ask: Ask,
        look: Look,
        family: FamilyOf,
        enough: Callable[[Page], bool] = _never,
        learn: Callable[[Answer], dict[str, Any]] = _no_notes,
        complete: bool = False,
    ):
        self._look, self._enough, self._learn, self._complete = look, enough, learn, complete
        self.position, self.notes = position, {}
        self._began: Instant = position.get("began", context.now)
        self._pages: int = position.get("pages", 0)
        self._family = family(ask, position.get("place", {}), context.now)
        self._over = False

    def ask(self) -> Ask | None:
        return None if self._over else self._family.ask()

    def ahead(self) -> Sequence[Ask]:
        return () if self._over else self._family.ahead()

    def take(self, answer: Answer) -> None:
        page = self._look(_whole(answer))
        self._family.take(page, answer.received_at)
        self.rows, self.fresh = len(page.ids), self._family.fresh
        self.notes.update(self._learn(answer))
        self._pages += 1
        self._over = self._family.over or self._enough(page)
        self._settle()

    def refused(self, status: int) -> bool:
        if not self._family.lost():
            return False
        self._settle()
        return True

    def _settle(self) -> None:
        if self._over:
            self.position, self.complete_until = {}, self._began if self._complete else None
        else:
            self.position = {"began": self._began, "pages": self._pages, "place": self._family.place}

    def progress(self) -> dict[str, Any]:
        return {"window": "", "page": self._pages, "done": int(self._over), "total": 1}


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One of the lists that :class:`Each` reads."""

    key: str
    """What it is remembered by."""
    ask: Ask
    name: str = ""
    """What a person sees; default: the key."""


GONE = (404, 410)


class Each(Walk):
    """Several lists, one after the other: of each campaign, say. The position remembers those done in this run.

    ``enough(item, page)`` ends a list early. ``learn(item, answer)`` makes notes of a page, ``done(item)`` those of a
    list that was read to its end (or enough). A list that is gone (404, 410) is passed over: ``done`` isn't asked.
    ``complete``: whether a finished run has read everything that happened before it began.
    """

    def __init__(
        self,
        position: Position,
        context: Context,
        *,
        items: Sequence[Item],
        look: Look,
        family: FamilyOf = Single,
        enough: Callable[[Item, Page], bool] = _never,
        learn: Callable[[Item, Answer], dict[str, Any]] = _no_notes,
        done: Callable[[Item], dict[str, Any]] = _no_notes,
        complete: bool = True,
    ):
        self._look, self._family_of = look, family
        self._enough, self._learn, self._done_with, self._complete = enough, learn, done, complete
        self._now = context.now
        self._began: Instant = position.get("began", context.now)
        self._done: list[str] = list(position.get("done", ()))
        finished = set(self._done)
        self._left = [item for item in items if item.key not in finished]
        begun = position.get("at")
        self._left.sort(key=lambda item: item.key != begun)
        self.position, self.notes = position, {}
        self._pages: int = position.get("pages", 0)
        self._begin(position.get("place", {}) if self._left and self._left[0].key == begun else {})
        if not self._left:
            self._settle()

    def _begin(self, place: Place) -> None:
        if self._left:
            self._family = self._family_of(self._left[0].ask, place, self._now)

    def ask(self) -> Ask | None:
        return self._family.ask() if self._left else None

    def ahead(self) -> Sequence[Ask]:
        if not self._left:
            return ()
        return self._family.ahead() or ([item.ask for item in self._left[1:4]] if self._family_of is Single else ())

    def take(self, answer: Answer) -> None:
        item = self._left[0]
        page = self._look(_whole(answer))
        self._family.take(page, answer.received_at)
        self.rows, self.fresh = len(page.ids), self._family.fresh
        self.notes.update(self._learn(item, answer))
        self._pages += 1
        if self._family.over or self._enough(item, page):
            self.notes.update(self._done_with(item))
            self._next()
        self._settle()

    def refused(self, status: int) -> bool:
        if self._family.lost():
            pass
        elif status in GONE:
            self._next()
        else:
            return False
        self._settle()
        return True

    def _next(self) -> None:
        self._done.append(self._left.pop(0).key)
        self._begin({})

    def _settle(self) -> None:
        if self._left:
            here = {"at": self._left[0].key, "place": self._family.place} if self._family.place else {}
            self.position = {"began": self._began, "pages": self._pages, "done": list(self._done), **here}
        else:
            self.position, self.complete_until = {}, self._began if self._complete else None

    def progress(self) -> dict[str, Any]:
        return {
            "window": (self._left[0].name or self._left[0].key) if self._left else "",
            "page": self._pages,
            "done": len(self._done),
            "total": len(self._done) + len(self._left),
        }


class Deltas(Walk):
    """A list that gives out what is new since the last call, and knows itself what that is (inwise 2.6).

    Asks again until an answer is empty, brings no id that is new (the list may not be destructive), or the run has
    asked ``most`` times. An answer that is not whole still counts with its whole rows, read by ``salvage``: what a
    read-once list handed out is not handed out again, so half an answer is taken, and the next one asked for.
    """

    def __init__(self, position: Position, context: Context, *, ask: Ask, look: Look, salvage: Look, most: int = 50):
        self.position, self.notes = position, {}
        self._ask, self._look, self._salvage, self._most = ask, look, salvage, most
        self._began, self._asked, self._barren = context.now, 0, 0
        self._lately, self._all_whole, self._done = Lately(), True, False

    def ask(self) -> Ask | None:
        return None if self._done else self._ask

    def take(self, answer: Answer) -> None:
        whole = not answer.cut
        try:
            page = self._look(answer)
        except Malformed:
            page, whole = self._salvage(answer), False
        self.rows, self.fresh = len(page.ids), self._lately.unseen(page.ids)
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
