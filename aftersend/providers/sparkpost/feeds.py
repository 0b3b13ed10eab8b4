"""SparkPost's list of events and how it is walked (Pull feed).

It shows ten days. Bounds are cut to the minute, so a window is asked for from the minute its beginning lies in to the
one after its end, but never beyond the present: pages are stable only if the end lies in the past. Events arrive late,
so the last :data:`LATE` milliseconds are read but not relied upon. Parameters SparkPost doesn't know it ignores, and
answers with everything: hence no filters.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from msgspec import Meta

from aftersend.providers import marks, paging
from aftersend.providers.contract import Ask, Context, Feed, Position, Walk
from aftersend.providers.paging import DAY
from aftersend.providers.sparkpost import pages
from aftersend.settings import duration
from aftersend.vocabulary import Instant
from aftersend.zones import moment

PATH = "api/v1/events/message"
MINUTE = 60_000
LATE = 10 * MINUTE
SHOWN = 10 * DAY - 5 * MINUTE
"""How far back the list is asked; clocks differ."""


class Options(marks.Options, frozen=True, kw_only=True):
    """SparkPost's own options of a source."""

    secret_header: str = "x-api-key"  # noqa: S105 - the name of a header
    """The header that carries the secret, where the webhook is set up with custom headers."""
    events_every: str = "15m"
    """How often the list of events is read. SparkPost prefers webhooks to polling."""
    per_page: Annotated[int, Meta(ge=1, le=10_000)] = 5000
    """Events of a page; each page counts against SparkPost's limits."""


def feeds(options: Options) -> list[Feed]:
    """Every list of a source. Raises ConfigurationError naming the option."""
    return [
        Feed(
            name="events",
            walk=partial(_events, options.per_page),
            windowed=True,
            complete=True,
            every=duration(options.events_every, "events_every"),
        )
    ]


def probe() -> Ask:
    """The newest event of the last day."""
    return Ask(path=PATH, params={"cursor": "initial", "per_page": "1"})


def _events(size: int, position: Position, context: Context) -> Walk:
    def ask(since: Instant, until: Instant) -> Ask:
        end = min(until + MINUTE - 1, context.now)
        params = {"from": _minute(since), "to": _minute(end), "per_page": str(size), "cursor": "initial"}
        return Ask(path=PATH, params=params)

    return paging.Windows(
        position,
        context,
        ask=ask,
        look=pages.look,
        family=paging.NextLinks,
        trust=LATE,
        horizon=SHOWN,
    )


def _minute(at: Instant) -> str:
    return moment(at).strftime("%Y-%m-%dT%H:%M")
