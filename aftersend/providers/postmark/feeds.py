"""Postmark's lists and how each is walked (provider file, Pull feed).

Messages, opens, clicks and bounces are read newest first in pages of at most 500, and no deeper than 10,000 rows: a
window that has more is halved. They are asked by dates, which are of US Eastern time, though nobody promises it: in
whatever zone they are understood, windows that follow on each other still do, and a day more is read at both ends of
all of them. The newest window has no end at all.
"""

from __future__ import annotations

from functools import partial

import msgspec

from aftersend.providers import paging
from aftersend.providers.contract import Ask, Context, Feed, Position, Walk
from aftersend.providers.paging import DAY, Item, Offsets, Page, Place
from aftersend.providers.postmark.lists import look
from aftersend.providers.postmark.options import Options, several
from aftersend.providers.postmark.values import written
from aftersend.settings import duration
from aftersend.vocabulary import BadInput, ConfigurationError, Instant
from aftersend.zones import zone

MOST = 500
"""Rows a page."""
LATE = 60_000
"""A row is there by then at the latest, if its clock is ours; nothing is documented."""
PATHS = {
    "messages": "messages/outbound",
    "opens": "messages/outbound/opens",
    "clicks": "messages/outbound/clicks",
    "bounces": "bounces",
}
"""Feed → path of the lists that are asked by dates."""
COMPLETE = frozenset({"messages", "clicks", "bounces"})
"""Of opens the list has only the first of each recipient."""
UNKNOWN = 422
"""The answer for a stream that the server doesn't have."""


def feeds(options: Options) -> list[Feed]:
    """Every list of a source. Raises ConfigurationError naming the option."""
    try:
        zone(options.dates_zone)
    except BadInput as error:
        raise ConfigurationError(f"dates_zone: {error}") from None
    if options.deepest < 1:
        raise ConfigurationError("deepest must be 1 or more.")
    horizon = duration(options.retention, "retention")
    dated = [
        Feed(name=name, walk=partial(_dated, name, options, horizon), windowed=True, complete=name in COMPLETE)
        for name in PATHS
    ]
    seldom = duration(options.suppressions_every, "suppressions_every")
    return [*dated, Feed(name="suppressions", walk=partial(_suppressions, options), every=seldom)]


def probe() -> Ask:
    """The newest message."""
    return Ask(path=PATHS["messages"], params={"count": "1", "offset": "0"})


class Shallow(Offsets):
    """A list of which nothing is shown behind its ``deepest`` row: what is asked for never reaches further."""

    def __init__(self, first: Ask, place: Place, at: Instant, *, deepest: int):
        super().__init__(first, place, at, offset="offset", size="count", asked=min(MOST, deepest))
        self._deepest = deepest

    def move(self, page: Page, at: Instant) -> None:
        super().move(page, at)
        self.over = self.over or self.rows >= self._deepest

    def ahead(self) -> list[Ask]:
        return [ask for ask in super().ahead() if int(ask.params["offset"]) < self._deepest]

    def _behind(self, rows: int) -> Ask:
        return self._with(offset=str(rows), count=str(min(self.size, self._deepest - rows)))


def _dated(name: str, options: Options, horizon: Instant, position: Position, context: Context) -> Walk:
    # A run that is gone on with keeps the end it began with.
    newest = position["run"]["until"] if "run" in position else context.now

    def ask(since: Instant, until: Instant) -> Ask:
        params = {"fromdate": written(since, options.dates_zone)}
        if until < newest or context.until is not None:
            # A second is the least a filter knows.
            params["todate"] = written(until + 999, options.dates_zone)
        return Ask(path=PATHS[name], params=params)

    return paging.Windows(
        position,
        _a_day_more(context),
        ask=ask,
        look=partial(look, feed=name, deepest=options.deepest),
        family=partial(Shallow, deepest=options.deepest),
        trust=LATE,
        horizon=horizon,
    )


def _a_day_more(context: Context) -> Context:
    """The same for a range that is a day longer at each end."""
    source = msgspec.structs.replace(context.source, overlap=f"{context.source.overlap_ms + DAY}ms")
    return msgspec.structs.replace(
        context,
        source=source,
        since=None if context.since is None else context.since - DAY,
        until=None if context.until is None else context.until + DAY,
    )


class _Streams(paging.Each):
    """The lists of streams; one that the server doesn't have is passed over."""

    def refused(self, status: int) -> bool:
        return super().refused(paging.GONE[0] if status == UNKNOWN else status)


def _suppressions(options: Options, position: Position, context: Context) -> Walk:
    items = [
        Item(key=stream, ask=Ask(path=f"message-streams/{stream}/suppressions/dump", about={"stream": stream}))
        for stream in several(options.streams)
    ]
    return _Streams(
        position,
        context,
        items=items,
        look=partial(look, feed="suppressions", deepest=options.deepest),
        complete=False,
    )
