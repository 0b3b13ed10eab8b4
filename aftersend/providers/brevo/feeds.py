"""Brevo's list and how it is walked (provider file, "Pull feed"): transactional events, by whole days, with an offset.

Which zone a day is in isn't documented, so a day of margin is asked for on both sides, though no day that UTC hasn't
reached: what lies on tomorrow's date in the account's zone is seen tomorrow, which is why the last 14 hours aren't
relied upon. Ascending, so that what happens meanwhile comes behind the last page. Marketing campaigns have no list of
events.
"""

from __future__ import annotations

from functools import partial

import msgspec

from aftersend.providers import paging
from aftersend.providers.brevo import rows
from aftersend.providers.brevo.options import Options
from aftersend.providers.contract import Ask, Context, Feed, Position, Walk
from aftersend.providers.paging import DAY
from aftersend.settings import duration
from aftersend.vocabulary import ConfigurationError, Instant
from aftersend.zones import moment

PATH = "v3/smtp/statistics/events"
HOUR = 3_600_000
EASTERNMOST = 14 * HOUR
"""How much earlier than UTC a day may begin."""
SPAN = 30 * DAY
"""Of a window: with its margins well below the 90 days that may be asked for."""


def feeds(options: Options) -> list[Feed]:
    """The one list. Raises ConfigurationError naming the option."""
    look_back = duration(options.look_back, "look_back")
    if not 1 <= options.page_size <= 5000:
        raise ConfigurationError("page_size must lie between 1 and 5000.")
    return [
        Feed(
            name=rows.LIST,
            walk=partial(_events, look_back, options.page_size),
            windowed=True,
            complete=True,
            every=duration(options.events_every, "events_every"),
        )
    ]


def probe() -> Ask:
    """One event of today's."""
    return Ask(path=PATH, params={"days": "1", "limit": "1"})


def _events(look_back: Instant, size: int, position: Position, context: Context) -> Walk:
    today = _day(context.now)

    def ask(since: Instant, until: Instant) -> Ask:
        first, last = _day(since - DAY), min(_day(until - 1 + DAY), today)
        return Ask(path=PATH, params={"startDate": min(first, last), "endDate": last, "sort": "asc"})

    source = msgspec.structs.replace(context.source, overlap=f"{look_back}ms")
    return paging.Windows(
        position,
        msgspec.structs.replace(context, source=source),
        ask=ask,
        look=rows.look,
        family=partial(paging.Offsets, offset="offset", size="limit", asked=size),
        span=SPAN,
        trust=EASTERNMOST,
    )


def _day(at: Instant) -> str:
    return moment(at).date().isoformat()
