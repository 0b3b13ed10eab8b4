"""What Constant Contact's walks remember, and what follows from it: who has to be asked what.

No list can be asked for a range of time (3.5), so nothing is asked without need. Each walk writes notes of its own and
reads those of the walks before it:

| note | written by | says |
| --- | --- | --- |
| `campaign/<campaign>` | `campaigns` | when it was sent last, and its unique counts |
| `summaries` | `campaigns` | when they were read, and when down to the last |
| `detail/<campaign>` | `details` | its activities, and of which ``sent`` that is |
| `stats/<campaign>` | `stats` | when they were read, at which unique counts, and the counters of its activities |
| `walk/<list>/<activity>` | that list | at which counter it was walked, its rows, the newest, when it was read whole |
| `links/<activity>` | `links` | at how many clicks they were read |

A campaign that has aged out is forgotten by the first of them, and then by the others.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from aftersend.providers.contract import Context
from aftersend.providers.paging import DAY, WEEK
from aftersend.vocabulary import Instant

HOUR = 3_600_000
CAMPAIGN, DETAIL, STATS, WALK, LINKS = "campaign/", "detail/", "stats/", "walk/", "links/"
SUMMARIES = "summaries"
RECENT = 90 * DAY
"""For that long after it was sent, much may happen to a campaign."""
AGES = ((3 * DAY, 0), (14 * DAY, 6 * HOUR), (RECENT, DAY))
"""Age of a campaign → milliseconds between two readings of its statistics (5.3): at first with every run."""
AFTERWARDS = WEEK
LEEWAY = 600_000
"""A reading that is due within ten minutes is due."""


class Activity(NamedTuple):
    """An activity, and what is claimed of it."""

    id: str
    campaign: str
    role: str
    sent: Instant
    """When its campaign was sent last."""
    counters: dict[str, int]


class Known:
    """Everything that was noted about the campaigns of a source, newest first."""

    def __init__(self, context: Context):
        self.now = context.now
        self.campaigns = _named(context, CAMPAIGN)
        self.details = _named(context, DETAIL)
        self.stats = _named(context, STATS)
        self.summaries: dict[str, Instant] = context.recall(SUMMARIES).get(SUMMARIES, {})
        self.order = sorted(self.campaigns, key=lambda one: (-self.campaigns[one]["sent"], one))

    def activities(self) -> list[Activity]:
        """All activities of which there are statistics."""
        return [
            Activity(row["id"], campaign, row["role"], self.campaigns[campaign]["sent"], counters)
            for campaign in self.order
            for row in self.details.get(campaign, {}).get("activities", ())
            if (counters := self.stats.get(campaign, {}).get("of", {}).get(row["id"])) is not None
        ]

    def undetailed(self) -> dict[str, None]:
        """Campaigns that are new, or were sent again since, in their order."""
        return {one: None for one in self.order if self.details.get(one, {}).get("sent") != self.campaigns[one]["sent"]}

    def due(self) -> list[str]:
        """Campaigns whose statistics are to be read: their summary moved, or it is time."""
        return [one for one in self.order if self.details.get(one, {}).get("activities") and self._is_due(one)]

    def until(self) -> Instant | None:
        """Up to when the statistics tell what happened to recent campaigns; ``None`` where some are yet to be read."""
        read = [self.summaries.get("at")]
        for one in self.order:
            if self.recent(one) and self.details.get(one, {}).get("activities", True):
                read.append(self.stats.get(one, {}).get("at"))
        told = [at for at in read if at is not None]
        return min(told) if len(told) == len(read) else None

    def recent(self, campaign: str) -> bool:
        return self.now - int(self.campaigns[campaign]["sent"]) <= RECENT

    def _is_due(self, campaign: str) -> bool:
        last, about = self.stats.get(campaign), self.campaigns[campaign]
        if last is None or last["seen"] != about["counts"] or last["sent"] != about["sent"]:
            return True
        age = self.now - about["sent"]
        pause = next((pause for most, pause in AGES if age <= most), AFTERWARDS)
        return bool(last["at"] + pause - LEEWAY <= self.now)


def forgotten(context: Context, prefix: str, keep: set[str]) -> dict[str, Any]:
    """Notes that forget whatever isn't kept."""
    return {prefix + name: None for name in _named(context, prefix) if name not in keep}


def _named(context: Context, prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): note for name, note in context.recall(prefix).items()}
