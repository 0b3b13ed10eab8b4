"""Hogsend's lists and how each is walked (provider file, sections 2 and 7).

Outcomes come late and don't move ``createdAt``, which is all that sends can be asked by: so those of the last
``look_back`` are read again and again. The export does that for one request per 50,000 sends, the log for one per 100;
hence the export's short interval and the log's long one. All bounds are inclusive and times are cut to milliseconds
(section 2): an end is asked one millisecond later than the last instant that is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from aftersend.providers import paging
from aftersend.providers.contract import Answer, Ask, Context, Feed, Position, Walk
from aftersend.providers.hogsend import hits, sends, suppressions, totals
from aftersend.providers.hogsend.values import written
from aftersend.providers.paging import DAY, Item, Page
from aftersend.settings import duration
from aftersend.vocabulary import Instant

ADMIN = "v1/admin/"
MOST = "100"
"""Rows a page of a list, 2."""
MOST_SUPPRESSIONS = 200
"""Rows a page of suppressions, 2.7."""
LATE = 60_000
"""A row is there by then at the latest, if its clock is ours."""
BEGINNING = written(0)
SUPPRESSIONS = "suppressions/top"
"""The note of the rows that were on top of the suppressions."""
TOP = 20
CAMPAIGN = "campaign/"
"""Notes of Hogsend's own campaigns: the last hour in which a hit naming it was read, and when its figures were."""
HOUR = 3_600_000
MONTH = 30 * DAY


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Hogsend's own options of a source."""

    look_back: str = "14d"
    """For how long outcomes of a send are awaited: sends created within are read again."""
    export_every: str = "10m"
    """How often these are read from the export, 50,000 a request."""
    sends_every: str = "6h"
    """How often these are read from the log, 100 a request: it has what the export lacks, ids and categories."""
    totals_every: str = "1h"
    """How often Hogsend's own totals and suppressions are read."""


def feeds(options: Options) -> list[Feed]:
    """Every list of a source. Raises ConfigurationError naming the option."""
    look_back = duration(options.look_back, "look_back")
    seldom = duration(options.totals_every, "totals_every")
    return [
        Feed(
            name="export",
            walk=partial(_export, look_back),
            windowed=True,
            complete=True,
            every=duration(options.export_every, "export_every"),
        ),
        Feed(name="sends", walk=partial(_sends, look_back), every=duration(options.sends_every, "sends_every")),
        Feed(name="hits", walk=_Hits, windowed=True, complete=True),
        Feed(name="metrics", walk=_metrics, every=seldom),
        Feed(name="campaigns", walk=_campaigns, every=seldom),
        Feed(name="suppressions", walk=_suppressions, every=seldom),
    ]


def probe() -> Ask:
    """The newest send."""
    return Ask(path=ADMIN + "emails", params={"limit": "1"})


def _asking(path: str, **params: str) -> Callable[[Instant, Instant], Ask]:
    def ask(since: Instant, until: Instant) -> Ask:
        return Ask(path=ADMIN + path, params={"from": written(since), "to": written(until), **params})

    return ask


def _looking_back(context: Context, look_back: Instant) -> Context:
    source = msgspec.structs.replace(context.source, overlap=f"{look_back}ms")
    return msgspec.structs.replace(context, source=source)


def _export(look_back: Instant, position: Position, context: Context) -> Walk:
    return paging.Windows(
        position,
        _looking_back(context, look_back),
        ask=_asking("reporting/sends/export"),
        look=sends.look_at_export,
        family=paging.Single,
        span=look_back + DAY,
        trust=LATE,
        first=look_back,
    )


def _sends(look_back: Instant, position: Position, context: Context) -> Walk:
    return paging.Windows(
        position,
        _looking_back(context, look_back),
        ask=_asking("emails", sort="createdAt", order="asc", limit=MOST),
        look=sends.look_at_log,
        family=partial(paging.Moving, since="from", text=written, offset="offset"),
        span=look_back + DAY,
        trust=LATE,
        first=look_back,
    )


class _Hits(paging.Windows):
    """The list of hits, newest first: the end of what is asked for moves back with the rows. Notes the campaigns that
    are named in it."""

    def __init__(self, position: Position, context: Context):
        super().__init__(
            position,
            context,
            ask=_asking("events", source="tracking", limit=MOST),
            look=hits.look,
            family=partial(paging.Moving, since="to", text=lambda last: written(last + 1), offset="offset"),
            span=MONTH,
            trust=LATE,
        )
        self._recall = context.recall

    def take(self, answer: Answer) -> None:
        super().take(answer)
        noted = self._recall(CAMPAIGN)
        for campaign in hits.campaigns(answer):
            named = self._now // HOUR * HOUR
            if noted.get(CAMPAIGN + campaign, {}).get("named", -1) < named:
                self.notes[CAMPAIGN + campaign] = {**noted.get(CAMPAIGN + campaign, {}), "named": named}
        for name, note in noted.items():
            if note["named"] < self._now - MONTH and name not in self.notes:
                self.notes[name] = None


def _metrics(position: Position, context: Context) -> Walk:
    lifelong = {totals.DELIVERABILITY: {"period": "month", "from": BEGINNING, "to": written(context.now)}}
    items = [
        Item(
            key=report,
            ask=Ask(path=f"{ADMIN}metrics/{report}", params=lifelong.get(report, {}), about={"report": report}),
        )
        for report in totals.REPORTS
    ]
    return paging.Each(position, context, items=items, look=totals.look)


def _campaigns(position: Position, context: Context) -> Walk:
    """The figures of campaigns that hits named lately: until they were read once after the hour in which that was."""
    noted = context.recall(CAMPAIGN)
    items = [
        Item(key=name, ask=Ask(path=f"{ADMIN}campaigns/{campaign}/stats", about={"campaign": campaign}))
        for name, note in sorted(noted.items())
        if note.get("read", 0) < note["named"] + HOUR and (campaign := name.removeprefix(CAMPAIGN))
    ]

    def done(item: Item) -> dict[str, Any]:
        return {item.key: {**noted[item.key], "read": context.now}}

    return paging.Each(position, context, items=items, look=totals.look, done=done)


def _suppressions(position: Position, context: Context) -> Walk:
    """The list down to a row that was on top before."""
    known: list[str] = context.recall(SUPPRESSIONS).get(SUPPRESSIONS, [])
    item = Item(
        key="suppressions",
        ask=Ask(path=ADMIN + "suppressions", params={"type": "unsubscribed"}, about={"known": " ".join(known)}),
    )
    at_the_top = not position

    def enough(_item: Item, page: Page) -> bool:
        return not set(known).isdisjoint(page.ids)

    def learn(_item: Item, answer: Answer) -> dict[str, Any]:
        nonlocal at_the_top
        top, was_at_the_top = suppressions.look(answer).ids[:TOP], at_the_top
        at_the_top = False
        return {SUPPRESSIONS: top} if was_at_the_top and top != known else {}

    return paging.Each(
        position,
        context,
        items=[item],
        look=suppressions.look,
        family=partial(paging.Offsets, offset="offset", size="limit", asked=MOST_SUPPRESSIONS),
        enough=enough,
        learn=learn,
    )
