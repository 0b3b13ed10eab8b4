"""Klaviyo's lists and how each is walked (provider file, "Pull feed").

One list for each metric of emails, in ascending order of time, page after page by the next links. The filter wants the
metric's id, which each account has of its own: a feed that doesn't know it reads the list of metrics first, unless
another one has done so within ``poll_every``, and notes for all feeds what it finds. A metric appears there with its
first event; until then there is nothing to be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from aftersend.providers import marks, paging
from aftersend.providers.contract import Answer, Ask, Context, Feed, Position, Walk
from aftersend.providers.klaviyo import pages
from aftersend.providers.klaviyo.words import METRICS
from aftersend.settings import duration
from aftersend.vocabulary import Instant
from aftersend.zones import moment

LATE = 600_000
"""Events may be written late; how late is not documented."""
NOTE = "metric/"
"""Notes of the metrics' ids, by our word."""
LISTED = NOTE + "listed"
"""The note of when the list of metrics was read last, all of it."""
BASE_URL = "https://a.klaviyo.com"
UNKNOWN = (400, 404)
"""What an id is answered with that the account doesn't have: its key is another account's now."""


class Options(marks.Options, frozen=True, kw_only=True):
    """Klaviyo's own options of a source."""

    revision: str = "2026-01-15"
    """The revision of the API that lists are asked in."""
    page_size: int = 0
    """Events a page, up to 1,000; 0 leaves it to Klaviyo (200), since older revisions refuse to be asked."""
    tolerance: str = "off"
    """How far the time inside a webhook may be from now, as in ``15m``; ``off``: as far as it likes."""

    def __post_init__(self) -> None:
        _ = self.tolerance_ms

    @property
    def tolerance_ms(self) -> int | None:
        """``None`` where the age isn't looked at. Raises ConfigurationError."""
        return None if self.tolerance == "off" else duration(self.tolerance, "tolerance")


def feeds(options: Options) -> list[Feed]:
    """Every list of a source."""
    return [Feed(name=word, walk=partial(_Metric, word, options), windowed=True, complete=True) for word in METRICS]


def metrics(options: Options) -> Ask:
    """The account's metrics."""
    return Ask(
        path="api/metrics",
        headers={"revision": options.revision},
        about={"list": pages.METRICS_LIST},
    )


def _events(options: Options, metric: str, since: Instant, until: Instant) -> Ask:
    wanted = f'equals(metric_id,"{metric}")'
    params = {
        "filter": f"{wanted},greater-or-equal(datetime,{_written(since)}),less-than(datetime,{_written(until)})",
        "sort": "datetime",
        "include": "profile",
        "fields[profile]": "email,external_id" + ("" if options.external_id == "external_id" else ",properties"),
    }
    if options.page_size:
        params["page[size]"] = str(options.page_size)
    return Ask(path="api/events", params=params, headers={"revision": options.revision}, about={"metric": metric})


def _written(at: Instant) -> str:
    return moment(at).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Metric(Walk):
    """The events of one metric; before them the list of metrics, where the metric's id isn't known."""

    def __init__(self, word: str, options: Options, position: Position, context: Context):
        self._word, self._options, self._context = word, options, context
        self._through = {name: value for name, value in position.items() if name != "metrics"}
        self.position, self.notes = position, {}
        self._look = partial(pages.look, base=context.source.base_url or BASE_URL)
        notes = context.recall(NOTE)
        noted = {name: note["id"] for name, note in notes.items() if "id" in note}
        listed: Instant | None = notes.get(LISTED, {}).get("at")
        self._noted = noted
        self._sought = NOTE + word not in noted
        """Whether the list of metrics was asked for in this walk."""
        self._inner: Walk
        if self._sought and listed is not None and context.now - listed < context.source.poll_every_ms:
            self._inner = paging.Each({}, context, items=(), look=self._look)
            self.position = self._through
            self.complete_until = listed - LATE if context.since is None else None
        elif self._sought:
            self._inner = self._metrics(position.get("metrics", {}))
        else:
            self._inner = self._list(noted[NOTE + word])

    @property
    def _listing(self) -> bool:
        return isinstance(self._inner, paging.Whole)

    def _metrics(self, position: Position) -> Walk:
        return paging.Whole(
            position,
            self._context,
            ask=metrics(self._options),
            look=self._look,
            family=paging.NextLinks,
            learn=self._learn,
            complete=self._context.since is None,
        )

    def _learn(self, answer: Answer) -> dict[str, Any]:
        found = {NOTE + word: own for word, own in pages.metrics(answer).items()}
        fresh = {name: {"id": own} for name, own in found.items() if self._noted.get(name) != own}
        self._noted |= found
        return fresh

    def _list(self, metric: str) -> Walk:
        return paging.Windows(
            self._through,
            self._context,
            ask=partial(_events, self._options, metric),
            look=self._look,
            family=paging.NextLinks,
            trust=LATE,
        )

    def ask(self) -> Ask | None:
        return self._inner.ask()

    def ahead(self) -> Sequence[Ask]:
        return self._inner.ahead()

    def take(self, answer: Answer) -> None:
        self._inner.take(answer)
        self.rows, self.fresh = self._inner.rows, self._inner.fresh
        self.notes |= self._inner.notes
        self._inner.notes.clear()
        listed = self._listing and self._inner.ask() is None
        if listed:
            self.notes[LISTED] = {"at": self._context.now}
        if listed and NOTE + self._word in self._noted:
            self._inner = self._list(self._noted[NOTE + self._word])
            self.position = self._through
        else:
            self._settle()

    def refused(self, status: int) -> bool:
        if self._inner.refused(status):
            self._settle()
            return True
        if self._sought or status not in UNKNOWN:
            return False
        self._sought = True
        self.notes |= {NOTE + self._word: None, LISTED: None}
        self._noted.pop(NOTE + self._word, None)
        self._inner = self._metrics({})
        self._settle()
        return True

    def _settle(self) -> None:
        if self._listing and self._inner.position:
            self.position = {**self._through, "metrics": self._inner.position}
        else:
            self.position = self._through if self._listing else self._inner.position
        if (through := self._inner.complete_until) is not None:
            self.complete_until = through - LATE if self._listing else through

    def progress(self) -> dict[str, Any]:
        return self._inner.progress()
