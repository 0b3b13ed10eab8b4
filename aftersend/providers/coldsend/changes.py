"""A walk through lists that show *that* something has changed, and asks row by row *what*.

Each list is read page by page. Of a page, the rows whose fingerprint isn't the one noted are errands: each asks for one
thing or several in a row, and when it is done the new fingerprint is noted. Only then comes the next page. The position
is that of the page whose errands are run: a walk that was killed asks for the page again and finds only the errands
that are left, since the others are noted by now.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from aftersend.providers.contract import Answer, Ask, Context, Malformed, Position, Walk
from aftersend.providers.paging import GONE, FamilyOf, Page
from aftersend.vocabulary import Instant


class Errand(msgspec.Struct, frozen=True):
    """Something to be asked because a row has changed."""

    ask: Ask
    notes: dict[str, Any]
    """To be made when all is done."""
    then: Callable[[Answer], Errand | None]
    """What the answer leads to; ``None``: all is done. Raises :class:`Malformed`."""


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """One list to look through for changes."""

    key: str
    """What it is remembered by while it is looked through, and what a person sees."""
    ask: Ask
    begun: Any = None
    """Plain JSON that is true of the list when its search begins, and remembered until it ends."""


class Changes(Walk):
    """Several searches, one after the other. A list that is gone (404, 410) is passed over, and so is what an errand
    asks for."""

    def __init__(self, position: Position, context: Context, *, searches: Sequence[Search], family: FamilyOf):
        self.position, self.notes = position, {}
        self._now, self._family_of = context.now, family
        self._began: Instant = position.get("began", context.now)
        self._pages: int = position.get("pages", 0)
        begun = {search.key: search for search in searches}.get(position.get("at", ""))
        self._left = deque(search for search in searches if search is not begun)
        self._all = len(searches)
        self._passed_over = 0
        if begun is not None:
            # What it was begun with is what its end will be told of, whatever has happened since.
            self._left.appendleft(msgspec.structs.replace(begun, begun=position["begun"]))
        self._begin(position["place"] if begun is not None else {})
        if not self._left:
            self._settle()

    @abstractmethod
    def look(self, search: Search, answer: Answer) -> tuple[Page, list[Errand]]:
        """A page of a list and the errands it leads to. Raises :class:`Malformed`."""

    @abstractmethod
    def done(self, search: Search, ids: set[str] | None) -> dict[str, Any]:
        """The notes of a list that was looked through; ``ids`` are those of all its rows that were met, ``None`` where
        another walk began with it."""

    def enough(self, search: Search, page: Page, errands: Sequence[Errand]) -> bool:  # noqa: ARG002
        """Whether what follows a page need not be looked at."""
        return False

    def _begin(self, place: dict[str, Any]) -> None:
        self._errands: deque[Errand] = deque()
        self._last_page, self._resumed = False, bool(place)
        self._ids: set[str] | None = None if place else set()
        if self._left:
            self._family = self._family_of(self._left[0].ask, place, self._now)

    def ask(self) -> Ask | None:
        if self._errands:
            return self._errands[0].ask
        return self._family.ask() if self._left else None

    def take(self, answer: Answer) -> None:
        if answer.cut:
            raise Malformed("The connection ended before the whole answer had come.")
        if self._errands:
            self._run_errand(answer)
        else:
            self._turn_page(answer)
        self._pages += 1
        self._settle()

    def refused(self, status: int) -> bool:
        if status not in GONE:
            return False
        if self._errands:
            self._errands.popleft()
        else:
            self._passed_over += 1
            self._next()
        self._settle()
        return True

    def _run_errand(self, answer: Answer) -> None:
        errand = self._errands[0]
        following = errand.then(answer)
        self.rows = self.fresh = 1
        if following is None:
            self.notes.update(errand.notes)
            self._errands.popleft()
        else:
            self._errands[0] = following

    def _turn_page(self, answer: Answer) -> None:
        search = self._left[0]
        page, errands = self.look(search, answer)
        self._family.take(page, answer.received_at)
        self.rows, self.fresh = len(page.ids), self._family.fresh
        if self._ids is not None:
            self._ids.update(page.ids)
        self._errands = deque(errands)
        # A page that is read again after a kill may have had changes: it can't show that what follows has none.
        enough = not self._resumed and self.enough(search, page, errands)
        self._last_page, self._resumed = self._family.over or enough, False

    def _next(self) -> None:
        self._left.popleft()
        self._begin({})

    def _settle(self) -> None:
        if self._left and self._last_page and not self._errands:
            self.notes.update(self.done(self._left[0], self._ids))
            self._next()
        if self._left:
            search = self._left[0]
            at = {"at": search.key, "begun": search.begun, "place": self._family.place} if self._family.place else {}
            self.position = {"began": self._began, "pages": self._pages, **at}
        else:
            self.position = {}

    def progress(self) -> dict[str, Any]:
        return {
            "window": self._left[0].key if self._left else "",
            "page": self._pages,
            "done": self._all - len(self._left),
            "total": self._all,
        }
