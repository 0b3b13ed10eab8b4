"""Mailgun's lists and how each is walked (provider file, "Pull feed").

**Late rows.** Events reach the lists late and out of order, and are put into pages that were served already: who
follows next links in real time loses some. A page is to be trusted only when it is half an hour old. So every run reads
what happened since half an hour before the last one (``settle``) again, from a new beginning and not by an old link:
what is younger is kept, but not relied upon.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec

from aftersend.providers import marks, paging
from aftersend.providers.contract import Answer, Ask, Context, Feed, Position, Walk
from aftersend.providers.mailgun import lists
from aftersend.providers.mailgun.values import rfc2822
from aftersend.providers.mailgun.words import ASKED
from aftersend.settings import duration
from aftersend.vocabulary import ConfigurationError, Instant, now

MOST = 300
"""Rows a page of events."""


class Options(marks.Options, frozen=True, kw_only=True):
    """Mailgun's own options of a source."""

    domains: list[str] = msgspec.field(default_factory=list)
    """The sending domains: events are listed for each alone."""
    tolerance: str = "24h"
    """How old the signature of a webhook may be: Mailgun repeats a call for eight hours, and may not sign anew."""
    settle: str = "30m"
    """How long an event may take to appear in the lists: what is younger is read again."""
    retention: str = "30d"
    """How far back the lists go, which depends on the plan."""
    logs_limit: int = 100
    """Rows a page of logs; the most that Mailgun allows is not documented."""


def feeds(options: Options) -> list[Feed]:
    """Both lists. Raises ConfigurationError naming the option."""
    for name in ("tolerance", "settle", "retention"):
        duration(getattr(options, name), name)
    return [
        Feed(name="events", walk=partial(_events, options), windowed=True, complete=True),
        Feed(name="logs", walk=partial(_logs, options), windowed=True, complete=True),
    ]


def probe(options: Options) -> Ask:
    """One row of the list that is read."""
    if options.domains:
        return Ask(path=_path(options.domains[0]), params={"limit": "1", "ascending": "no"})
    at = now()
    return _asking_logs(msgspec.structs.replace(options, logs_limit=1))(at - paging.DAY, at)


def _events(options: Options, position: Position, context: Context) -> Walk:
    if not options.domains:
        raise ConfigurationError(
            f"Source '{context.source.name}': Mailgun lists the events of one domain: name yours in 'domains', "
            "or read 'logs' instead."
        )

    def of_domain(domain: str, position: Position) -> Walk:
        return _windows(
            options, position, context, ask=_asking_events(domain), look=lists.look_at_events, family=paging.NextLinks
        )

    return InTurn(position, dict.fromkeys(options.domains), of_domain)


def _logs(options: Options, position: Position, context: Context) -> Walk:
    return _windows(options, position, context, ask=_asking_logs(options), look=lists.look_at_logs, family=_Tokens)


def _windows(options: Options, position: Position, context: Context, **how: Any) -> Walk:
    """The range that isn't settled; on the first run that of the source's ``overlap``."""
    source = msgspec.structs.replace(context.source, overlap="0s")
    return paging.Windows(
        position,
        msgspec.structs.replace(context, source=source),
        trust=duration(options.settle, "settle"),
        first=context.source.overlap_ms,
        horizon=duration(options.retention, "retention"),
        **how,
    )


def _path(domain: str) -> str:
    return f"v3/{quote(domain, safe='')}/events"


def _asking_events(domain: str) -> Callable[[Instant, Instant], Ask]:
    def ask(since: Instant, until: Instant) -> Ask:
        bounds = {"begin": str(since // 1000), "end": str(-(-until // 1000))}
        return Ask(
            path=_path(domain),
            params={**bounds, "ascending": "yes", "limit": str(MOST)},
            about={"domain": domain},
        )

    return ask


def _asking_logs(options: Options) -> Callable[[Instant, Instant], Ask]:
    def ask(since: Instant, until: Instant) -> Ask:
        start, end = rfc2822(since // 1000 * 1000), rfc2822(-(-until // 1000) * 1000)
        body: dict[str, Any] = {
            "start": start,
            "end": end,
            "events": list(ASKED),
            "include_subaccounts": True,
            "include_totals": False,
            "pagination": {"sort": "timestamp:asc", "limit": options.logs_limit},
        }
        if options.domains:
            values = [{"label": domain, "value": domain} for domain in options.domains]
            body["filter"] = {"AND": [{"attribute": "domain", "comparator": "=", "values": values}]}
        return Ask(path="v1/analytics/logs", post=body, about={"start": start, "end": end})

    return ask


class _Tokens(paging.Cursors):
    """Cursors in the body that is posted."""

    def __init__(self, first: Ask, place: paging.Place, at: Instant):
        super().__init__(first, place, at, param="token")

    def ask(self) -> Ask:
        post = self.first.post or {}
        token = {"token": self.link} if self.link else {}
        return msgspec.structs.replace(self.first, post=post | {"pagination": post["pagination"] | token})


class InTurn(Walk):
    """Several walks, one after the other, each with its own position.

    Those that an interrupted run didn't finish come first. One that is refused makes way for the others, and is asked
    again behind them: a domain that was misspelt, or is gone, delays none, and its refusal is seen all the same.
    """

    def __init__(self, position: Position, names: dict[str, None], make: Callable[[str, Position], Walk]):
        self.position, self.notes = position, {}
        places: dict[str, Position] = position.get("lists", {})
        done: list[str] = position.get("done", [])
        self._left = [(name, make(name, places.get(name, {}))) for name in sorted(names, key=done.__contains__)]
        self._places = {name: places.get(name, {}) for name in names}
        self._done: list[str] = []
        self._total = len(names)
        self._pages = 0
        self._reached: list[Instant | None] = []
        self._postponed: set[str] = set()
        self._go_on()

    def ask(self) -> Ask | None:
        return self._left[0][1].ask() if self._left else None

    def take(self, answer: Answer) -> None:
        walk = self._left[0][1]
        walk.take(answer)
        self.rows, self.fresh = walk.rows, walk.fresh
        self._pages += 1
        self._go_on()

    def refused(self, status: int) -> bool:
        name, walk = self._left[0]
        if not walk.refused(status):
            if name in self._postponed or len(self._left) == 1:
                return False
            self._postponed.add(name)
            self._left.append(self._left.pop(0))
        self._go_on()
        return True

    def _go_on(self) -> None:
        while self._left:
            name, walk = self._left[0]
            self._places[name] = walk.position
            if walk.ask() is not None:
                break
            self._reached.append(walk.complete_until)
            self._done.append(name)
            self._left.pop(0)
        self.position = {"lists": dict(self._places)}
        if self._left:
            self.position["done"] = list(self._done)
            return
        reached = [at for at in self._reached if at is not None]
        if len(reached) == self._total:
            self.complete_until = min(reached)
            self.position["through"] = self.complete_until

    def progress(self) -> dict[str, Any]:
        return {
            "window": self._left[0][0] if self._left else "",
            "page": self._pages,
            "done": len(self._done),
            "total": self._total,
        }
