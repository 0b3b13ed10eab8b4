"""Mailchimp's lists and how each is walked (provider file, Pull feed).

Campaigns are listed by the time they were sent; everything else is a list of one campaign, by offset. No list says what
is new since a point in time but ``email-activity`` and ``open-details``, so nothing is asked without need. The walks
remember:

| note | written by | says |
| --- | --- | --- |
| ``campaign/<campaign>`` | ``campaigns`` | when it was sent, its counters, and when those of each list moved last |
| ``listed`` | ``campaigns`` | when campaigns were listed last |
| ``read/<list>/<campaign>`` | that list | when it was read last, and when without ``since`` |

A list is read until an hour after its counters moved; that of a young campaign with every run, because counters may be
late. Once a day a list that is asked by ``since`` is read whole: the order of its rows is not documented, so a row may
slip from one page to another.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from aftersend.providers import paging
from aftersend.providers.contract import Answer, Ask, Context, Feed, Position
from aftersend.providers.mailchimp import campaigns, members
from aftersend.providers.mailchimp.options import Options
from aftersend.providers.mailchimp.values import written
from aftersend.providers.paging import DAY, WEEK, Item
from aftersend.settings import duration
from aftersend.vocabulary import Instant

HOUR = 3_600_000
LATE = 600_000
"""How long something may take to be shown. It isn't documented."""
CAMPAIGN, LISTED, READ = "campaign/", "listed", "read/"
LINKS = "_links"


class _List(NamedTuple):
    """A list of a campaign's report."""

    name: str
    path: str
    since: bool = False
    """Whether it can be asked for what happened since."""
    always: bool = True
    """Whether it is read with every run while the campaign is young."""


LISTS = (
    # Who it was sent to moves with its counters only, and is as long as the campaign is big.
    _List("sent", "sent-to", always=False),
    _List("activity", "email-activity", since=True),
    _List("opens", "open-details", since=True),
    _List("unsubscribed", "unsubscribed"),
    _List("complaints", "abuse-reports"),
)


def feeds(options: Options) -> list[Feed]:
    """Every list of a source. Raises ConfigurationError naming the option."""
    look_back, young = duration(options.look_back, "look_back"), duration(options.young, "young")
    opens_every = duration(options.opens_every, "opens_every")
    return [
        Feed(name="campaigns", walk=partial(_Campaigns, look_back, options.page_size), windowed=True),
        *(
            Feed(
                name=one.name,
                walk=partial(_Members, one, young, options.page_size),
                complete=one.name != "opens",
                every=opens_every if one.name == "opens" else 0 if one.always else HOUR,
            )
            for one in LISTS
        ),
    ]


def probe() -> Ask:
    """One campaign."""
    return Ask(path="reports", params={"count": "1", "fields": "total_items"})


def _family(size: int) -> paging.FamilyOf:
    return partial(paging.Offsets, offset="offset", size="count", asked=size)


class _Campaigns(paging.Windows):
    """Campaigns by the time they were sent. Notes those it sees, and forgets those nobody watches any more."""

    def __init__(self, look_back: Instant, size: int, position: Position, context: Context):
        source = msgspec.structs.replace(context.source, overlap=f"{look_back}ms")
        super().__init__(
            position,
            msgspec.structs.replace(context, source=source),
            ask=_reports,
            look=partial(members.look, campaigns.ROWS),
            family=_family(size),
            span=look_back + DAY,
            trust=LATE,
            first=look_back,
        )
        self._recall, self._look_back = context.recall, look_back

    def take(self, answer: Answer) -> None:
        super().take(answer)
        noted = self._recall(CAMPAIGN)
        for campaign in campaigns.campaigns(answer):
            name = CAMPAIGN + campaign.id
            before = noted.pop(name, {"figures": {}, "moved": {}})
            moved = {
                feed: before["moved"].get(feed, self._now) if before["figures"].get(feed) == figures else self._now
                for feed, figures in campaign.figures.items()
            }
            note = {"at": campaign.sent, "send_time": campaign.send_time, "figures": campaign.figures, "moved": moved}
            if note != before:
                self.notes[name] = note
        self._forget(noted)
        if self.complete_until is not None:
            self.notes[LISTED] = self._now
            # That campaigns were listed tells nothing about events.
            self.complete_until = None

    def _forget(self, noted: dict[str, Any]) -> None:
        """Campaigns that are no longer listed, once there was time to read them: a backfill's are as old as it goes.
        Those of the run's own range are in another of its windows."""
        oldest = min(self._run.since, self._now - self._look_back)
        for name, note in noted.items():
            if note["at"] < oldest and max(note["moved"].values()) < self._now - WEEK:
                campaign = name.removeprefix(CAMPAIGN)
                self.notes |= {name: None} | {f"{READ}{one.name}/{campaign}": None for one in LISTS}


def _reports(since: Instant, until: Instant) -> Ask:
    between = {"since_send_time": written(since), "before_send_time": written(until + 999)}
    return Ask(path="reports", params={**between, "exclude_fields": f"{LINKS},{campaigns.ROWS}.{LINKS}"})


class _Members(paging.Each):
    """One list of all campaigns that have something new in it."""

    def __init__(self, which: _List, young: Instant, size: int, position: Position, context: Context):
        self._which, self._prefix = which, f"{READ}{which.name}/"
        # As of the run's beginning, so that a walk that is resumed asks as it did.
        self._at: Instant = position.get("began", context.now)
        self._reads = context.recall(self._prefix)
        self._listed: Instant | None = context.recall(LISTED).get(LISTED)
        noted = {name.removeprefix(CAMPAIGN): note for name, note in context.recall(CAMPAIGN).items()}
        newest_first = sorted(noted, key=lambda campaign: (-noted[campaign]["at"], campaign))
        super().__init__(
            position,
            context,
            items=[self._item(one, noted[one]) for one in newest_first if self._due(one, noted[one], young)],
            look=partial(members.look, members.ROWS[which.name]),
            family=_family(size),
            done=self._read,
        )

    def _due(self, campaign: str, note: dict[str, Any], young: Instant) -> bool:
        if self._which.always and note["at"] > self._at - young:
            return True
        read = self._reads.get(self._prefix + campaign, {}).get("read")
        return read is None or read < note["moved"][self._which.name] + HOUR

    def _whole(self, campaign: str) -> bool:
        """Whether it is to be read without ``since``."""
        last = self._reads.get(self._prefix + campaign, {})
        return not self._which.since or last.get("whole", -DAY) <= self._at - DAY

    def _item(self, campaign: str, note: dict[str, Any]) -> Item:
        rows = members.ROWS[self._which.name]
        params = {"exclude_fields": f"{LINKS},{rows}.{LINKS}"}
        if not self._whole(campaign):
            params["since"] = written(self._reads[self._prefix + campaign]["read"] - HOUR)
        return Item(
            key=campaign,
            ask=Ask(
                path=f"reports/{quote(campaign, safe='')}/{self._which.path}",
                params=params,
                about={"campaign": campaign, "send_time": note["send_time"]},
            ),
        )

    def _read(self, item: Item) -> dict[str, Any]:
        name = self._prefix + item.key
        whole = self._at if self._whole(item.key) else self._reads[name]["whole"]
        return {name: {"read": self._at, "whole": whole}}

    def _settle(self) -> None:
        """Complete as far as campaigns had been listed when it began."""
        super()._settle()
        if self.complete_until is not None:
            self.complete_until = None if self._listed is None else min(self.complete_until, self._listed) - LATE
