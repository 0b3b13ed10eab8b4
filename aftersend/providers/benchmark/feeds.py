"""Benchmark's lists and reports, and how each is walked (provider file, sections 2 and 4.3).

A free account has some 5,000 requests a month, 6 an hour: hence the long intervals. The list of campaigns tells of
which campaigns the figures moved; only their reports are read, those of quiet ones once a week.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import msgspec

from aftersend.providers import paging
from aftersend.providers.benchmark import events, reports
from aftersend.providers.benchmark.looks import Looks
from aftersend.providers.benchmark.pages import NumberedPages
from aftersend.providers.benchmark.words import HISTOGRAMS, KINDS
from aftersend.providers.contract import Answer, Ask, Context, Feed, Position, Walk
from aftersend.providers.paging import DAY, GONE, Item, Page
from aftersend.settings import duration
from aftersend.vocabulary import ConfigurationError, Kind

EVENTS, CAMPAIGNS, REPORTS = "api/contact/events", "api/email/campaign", "api/reports/"
CAMPAIGN = "campaign/"
"""Notes of campaigns: the figures of the list, when they moved, and when the campaign was scheduled."""
REPORT, ENGAGEMENT = "report/", "engagement/"
"""Notes of the reports read: at which move, and when."""
RECENT = 90 * DAY
"""Campaigns scheduled within are looked at closely."""
LASTS = {"24hours": 2 * DAY, "week": 8 * DAY, "month": 32 * DAY}
"""How long after its beginning the engagement of a campaign changes."""
MOST = 100
"""Campaigns whose reports are read in one run, the newest first."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Benchmark's own options of a source."""

    types: list[str] = msgspec.field(default_factory=lambda: [t for t, kind in KINDS.items() if kind is not Kind.OTHER])
    """Types of events to ask for: what happens to emails and subscriptions. `contact-created`, `contact-updated` and
    `contact-update-failed` may be added."""
    events_every: str = "30m"
    """How often events are read."""
    campaigns_every: str = "1h"
    """How often the list of campaigns is read, and the reports of those that moved."""
    reports_every: str = "1d"
    """How often the reports of the whole account and the engagement are read."""
    report_days: Annotated[int, msgspec.Meta(ge=1, le=90)] = 30
    """How many days the reports of the whole account look back; 90 is the documented most."""
    engagement_period: Literal["24hours", "week", "month"] = "month"
    """Which period of each campaign the engagement is read of."""


def feeds(options: Options, zone: str) -> list[Feed]:
    """Everything there is to read of a source. Raises ConfigurationError naming the option."""
    if not options.types or (wrong := [t for t in options.types if t not in KINDS]):
        raise ConfigurationError(
            f"types: {wrong[0] if options.types else 'nothing'} is no type of event; there are: {', '.join(KINDS)}."
        )
    often = duration(options.campaigns_every, "campaigns_every")
    daily = duration(options.reports_every, "reports_every")
    period = {"pastDays": str(options.report_days), "timezone": zone}
    accounts = {
        "dashboard": [_item("dashboard", "dashboard", period)],
        "overall": [_item("overall", "email/overall", period)],
        "histogram": [_item(type_, "email/overall/histogram", {**period, "eventType": type_}) for type_ in HISTOGRAMS],
    }
    asked = {"period": options.engagement_period, "timezone": zone}
    return [
        Feed(
            name="events",
            walk=partial(_events, options.types),
            windowed=True,
            complete=True,
            every=duration(options.events_every, "events_every"),
        ),
        Feed(name="campaigns", walk=Campaigns, every=often),
        Feed(name="reports", walk=partial(OfCampaigns, REPORT, "", {}, None), every=often),
        Feed(
            name="engagement",
            walk=partial(OfCampaigns, ENGAGEMENT, "/engagement", asked, LASTS[options.engagement_period]),
            every=daily,
        ),
        *(Feed(name=name, walk=partial(OfAccount, items), every=daily) for name, items in accounts.items()),
    ]


def probe() -> Ask:
    """The newest event of the last day or so."""
    return Ask(path=EVENTS, params={"pastDays": "1", "page": "1", "size": "1"})


def _item(key: str, path: str, params: dict[str, str]) -> Item:
    return Item(key=key, ask=Ask(path=REPORTS + path, params=params))


def _events(types: list[str], position: Position, context: Context) -> Walk:
    def ask(these: str, days: int) -> Ask:
        return Ask(path=EVENTS, params={"types": these, "pastDays": str(days)})

    return Looks(position, context, types=types, ask=ask, look=events.look)


class Campaigns(paging.Whole):
    """The list of campaigns, newest first: with every run down to those older than three months, once a day to its end.

    Notes of which the figures moved. Where the whole list was read in one go, campaigns that are gone from it are
    forgotten. At rest the position keeps when that was (``whole``), and the size of pages where it had to be reduced.
    """

    def __init__(self, position: Position, context: Context):
        self._kept: dict[str, Any] = {name: position[name] for name in ("whole", "size") if name in position}
        self._to_the_end = context.now - self._kept.get("whole", 0) >= DAY
        self._noted, self._now = context.recall(CAMPAIGN), context.now
        self._met: set[str] | None = None if "place" in position else set()
        place = {"place": {"size": self._kept["size"]}} if "size" in self._kept else {}
        super().__init__(
            {**place, **position},
            context,
            ask=Ask(path=CAMPAIGNS, params={"sort": "createdAt:desc"}),
            look=reports.look_at_list,
            family=NumberedPages,
            enough=self._are_old,
            learn=self._moved,
        )

    def take(self, answer: Answer) -> None:
        super().take(answer)
        if self.ask() is None and self._to_the_end:
            self._kept["whole"] = self._began
            self._kept.pop("size", None)
            gone = [] if self._met is None else [name for name in self._noted if name not in self._met]
            for name in gone:
                campaign = name.removeprefix(CAMPAIGN)
                self.notes.update(dict.fromkeys((name, REPORT + campaign, ENGAGEMENT + campaign)))
        self.position = {**self._kept, **self.position}

    def refused(self, status: int) -> bool:
        if status != 400 or not super().refused(status):
            return False
        self._kept["size"] = self._family.place["size"]
        self.position = {**self._kept, **self.position}
        return True

    def _are_old(self, page: Page) -> bool:
        return not self._to_the_end and page.newest is not None and page.newest < self._now - RECENT

    def _moved(self, answer: Answer) -> dict[str, Any]:
        found = {CAMPAIGN + campaign: told for campaign, told in reports.moved(answer).items()}
        if self._met is not None:
            self._met |= found.keys()
        return {
            name: {"figures": figures, "moved": self._now, "at": at}
            for name, (figures, at) in found.items()
            if name not in self._noted or self._noted[name]["figures"] != figures
        }


class OfAccount(paging.Each):
    """Reports of the whole account. One that isn't there (404) is a fault of the configuration and not passed over."""

    def __init__(self, items: list[Item], position: Position, context: Context):
        super().__init__(position, context, items=items, look=reports.look_at_report, complete=False)

    def refused(self, status: int) -> bool:  # noqa: ARG002
        return False


class OfCampaigns(paging.Each):
    """One report of each campaign whose figures moved since it was read, or that is recent and was read a week ago.

    ``read`` is how the notes of what was read begin, ``path`` stands behind the campaign's. ``lasts``: how long after a
    campaign's beginning its report changes; ``None`` for ever.
    """

    def __init__(
        self, read: str, path: str, params: dict[str, str], lasts: int | None, position: Position, context: Context
    ):
        self._read, self._noted = read, context.recall(CAMPAIGN)
        before = context.recall(read)

        def is_due(name: str, note: dict[str, Any]) -> bool:
            last = before.get(read + name.removeprefix(CAMPAIGN))
            if lasts is not None and note["at"] < context.now - lasts:
                return False
            if last is None or last["moved"] != note["moved"]:
                return True
            recent: bool = note["at"] > context.now - RECENT
            return recent and last["at"] <= context.now - paging.WEEK

        due = [name for name, note in self._noted.items() if is_due(name, note)]
        due.sort(key=lambda name: (-self._noted[name]["at"], name))
        items = [
            Item(
                key=name,
                ask=Ask(path=f"{REPORTS}email/{campaign}{path}", params=params, about={"campaign": campaign}),
            )
            for name in due[:MOST]
            if (campaign := name.removeprefix(CAMPAIGN))
        ]
        super().__init__(
            position,
            context,
            items=items,
            look=reports.look_at_report,
            done=lambda item: self._done_at(item.key, context.now),
            complete=False,
        )

    def refused(self, status: int) -> bool:
        asked = self._left[0].key
        if not super().refused(status):
            return False
        if status in GONE:
            # One that was deleted meanwhile isn't asked for again.
            self.notes.update(self._done_at(asked, self._now))
        return True

    def _done_at(self, name: str, at: int) -> dict[str, Any]:
        return {self._read + name.removeprefix(CAMPAIGN): {"moved": self._noted[name]["moved"], "at": at}}
