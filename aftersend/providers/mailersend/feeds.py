"""MailerSend's lists and how they are walked (provider file, "Pull feed"): activities, a list for each sending domain,
by numbered pages within both ends of a range.

Which domains there are is asked once a day. Ordering isn't documented, and pages shift while activities come in: so a
window ends a minute ago, before its first page is asked for. How far back a plan shows anything isn't told either; a
window that reaches too far back is refused with 422, and a shorter time is tried and remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from aftersend.providers import paging
from aftersend.providers.contract import Answer, Ask, Context, Feed, Position, Walk
from aftersend.providers.mailersend import rows
from aftersend.providers.mailersend.options import Options
from aftersend.providers.paging import DAY, GONE
from aftersend.settings import duration
from aftersend.vocabulary import Instant

MINUTE = 60_000
LATE = 5 * MINUTE
"""How long an activity may take to appear in the list."""
MARGIN = 60 * MINUTE
"""How much earlier than it should a plan may forget, and the longest that one window takes to be read."""
SPAN = 6 * DAY
"""Of a window: an older text of the documentation allows 7 days."""
RETENTIONS = [days * DAY for days in (30, 14, 7, 3, 1)]
"""What plans have, or may have."""
REFUSED = 422
DOMAINS, RETENTION = "domains", "retention"
"""Notes: the domains there are, and how far back the plan shows anything, each with the time it was learned."""
MOST, DEFAULT = 100, 25
"""Rows of a page: as asked for, and where that is ignored."""


def feeds(options: Options) -> list[Feed]:
    """The one feed. Raises ConfigurationError naming the option."""
    every, retention = duration(options.activity_every, "activity_every"), duration(options.retention, "retention")
    domains = [own for own in (part.strip() for part in options.domains.split(",")) if own]
    return [
        Feed(
            name=rows.ACTIVITY,
            walk=partial(Activities, domains, retention),
            windowed=True,
            complete=True,
            every=every,
        )
    ]


def probe() -> Ask:
    """The quota, which costs nothing."""
    return Ask(path="v1/api-quota")


_numbered = partial(paging.PageNumbers, page="page", size="limit", asked=MOST, begin=1, default=DEFAULT)


class Activities(Walk):
    """The activities of one domain after the other, in windows; before that, the domains, if they aren't known.

    The position keeps that of each domain's windows, and those that are done in this run."""

    def __init__(self, domains: list[str], retention: Instant, position: Position, context: Context):
        until = context.now - MINUTE
        end = None if context.until is None else min(context.until, until)
        self._context = msgspec.structs.replace(context, now=until, until=end)
        self._now = context.now
        self.position, self.notes = position, {}
        self._places: dict[str, Position] = dict(position.get("domains", {}))
        self._done: list[str] = list(position.get("done", ()))
        self._retention = min(retention, self._noted(RETENTION, 30 * DAY, retention))
        self._domains = domains or self._noted(DOMAINS, DAY, None)
        self._found: list[str] = []
        self._pages = 0
        self._finding: paging.Family | None = None
        self._windows: paging.Windows | None = None
        if self._domains is None:
            self._finding = _numbered(Ask(path="v1/domains", about={"list": rows.DOMAINS}), {}, context.now)
        else:
            self._go_on()

    def _noted(self, name: str, lasts: Instant, otherwise: Any) -> Any:
        note = self._context.recall(name).get(name)
        return note["is"] if note and self._context.now - note["at"] < lasts else otherwise

    def _note(self, name: str, value: Any) -> None:
        self.notes[name] = {"is": value, "at": self._context.now}

    # -- what is asked -----------------------------------------------------------------------------------

    def ask(self) -> Ask | None:
        if self._finding:
            return self._finding.ask()
        return self._windows.ask() if self._windows else None

    def ahead(self) -> Sequence[Ask]:
        return self._windows.ahead() if self._windows and not self._finding else ()

    def take(self, answer: Answer) -> None:
        walk = self._windows
        if self._finding:
            self._learn(self._finding, answer)
        elif walk:
            self._now = max(self._now, answer.received_at)
            walk.take(answer)
            self.rows, self.fresh = walk.rows, walk.fresh
            self._go_on()
        self._pages += 1

    def refused(self, status: int) -> bool:
        if self._finding or not self._windows:
            return False
        own = self._left()[0]
        if status in GONE:
            self._done.append(own)
            # How far it was read holds nothing up.
            self._places.pop(own, None)
        elif status == REFUSED and (shorter := [one for one in RETENTIONS if one < self._retention]):
            self._retention = shorter[0]
            self._note(RETENTION, self._retention)
            self._places[own] = {name: value for name, value in self._places.get(own, {}).items() if name != "run"}
        else:
            return False
        self._windows = None
        self._go_on()
        return True

    # -- where that leads --------------------------------------------------------------------------------

    def _learn(self, family: paging.Family, answer: Answer) -> None:
        page = rows.look(answer)
        family.take(page, answer.received_at)
        self.rows, self.fresh = len(page.ids), family.fresh
        self._found += rows.domains(answer)
        if family.over:
            self._domains = sorted(set(self._found))
            self._note(DOMAINS, self._domains)
            self._finding = None
            self._go_on()

    def _left(self) -> list[str]:
        return [own for own in self._domains or () if own not in self._done]

    def _go_on(self) -> None:
        """To the next domain, if the windows of this one are all read."""
        left = self._left()
        while left:
            walk = self._windows or self._of(left[0])
            self._places[left[0]] = walk.position
            if walk.ask() is not None:
                self._windows = walk
                self.position = {"domains": dict(self._places), "done": list(self._done)}
                return
            self._done.append(left.pop(0))
            self._windows = None
        self._finish()

    def _of(self, domain: str) -> paging.Windows:
        def ask(since: Instant, until: Instant) -> Ask:
            # A run that began long ago reaches back further than the plan does by now.
            first = max(since, self._now - self._retention + MARGIN) // 1000
            params = {"date_from": str(first), "date_to": str(max(-(-until // 1000), first + 1))}
            return Ask(path=f"v1/activity/{domain}", params=params, about={"domain": domain})

        return paging.Windows(
            self._places.get(domain, {}),
            self._context,
            ask=ask,
            look=rows.look,
            family=_numbered,
            span=SPAN,
            trust=LATE,
            horizon=self._retention - MARGIN,
        )

    def _finish(self) -> None:
        domains = self._domains or []
        reached = [self._places[own]["through"] for own in domains if "through" in self._places.get(own, {})]
        kept = {own: place for own, place in self._places.items() if own in domains}
        self.position = {"domains": kept}
        if self._context.since is not None:
            # A backfill that is over stays so.
            self.position["done"] = list(self._done)
        elif reached:
            self.complete_until = min(reached)
            self.position["through"] = self.complete_until

    def progress(self) -> dict[str, Any]:
        known = self._domains or []
        inner = self._windows.progress()["window"] if self._windows else ""
        return {"window": inner, "page": self._pages, "done": len(self._done), "total": len(known)}
