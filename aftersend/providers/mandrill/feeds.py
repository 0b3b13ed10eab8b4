"""Mandrill's lists and how each is walked (provider file, Pull feed).

Nothing is paged: ``messages/search`` is asked for windows of time, and one that comes back full is halved. Messages can
be asked for by the time of their sending only, so those of the last days are read again and again for what became of
them: of the source's ``overlap`` with every run, of ``look_back`` seldom. Whether a bound is inclusive is not
documented, nor in which order rows come: windows overlap by the second they share, and order doesn't matter.
"""

from __future__ import annotations

from functools import partial

import msgspec

from aftersend.providers import paging
from aftersend.providers.contract import Ask, Context, Feed, Position, Walk
from aftersend.providers.mandrill import entries, messages
from aftersend.providers.mandrill.options import Options
from aftersend.providers.mandrill.values import written
from aftersend.providers.paging import DAY
from aftersend.settings import duration
from aftersend.vocabulary import Instant

SEARCH, REJECTS = "messages/search.json", "rejects/list.json"
LATE = 600_000
"""How long a message may take to be found by the search. It isn't documented."""


def feeds(options: Options) -> list[Feed]:
    """Every list of a source. Raises ConfigurationError naming the option."""
    look_back = duration(options.look_back, "look_back")
    return [
        Feed(name="messages", walk=_windows, windowed=True, complete=True),
        Feed(name="late", walk=partial(_late, look_back), every=duration(options.late_every, "late_every")),
        Feed(name="rejects", walk=_rejects, every=duration(options.rejects_every, "rejects_every")),
    ]


def probe() -> Ask:
    """One message."""
    return Ask(path=SEARCH, post={"limit": 1})


def _search(since: Instant, until: Instant) -> Ask:
    between = {"date_from": written(since), "date_to": written(until + 999)}
    return Ask(path=SEARCH, post={"query": "*", **between, "limit": messages.MOST}, about=between)


def _late(look_back: Instant, position: Position, context: Context) -> Walk:
    source = msgspec.structs.replace(context.source, overlap=f"{look_back}ms")
    return _windows(position, msgspec.structs.replace(context, source=source), first=look_back)


def _windows(position: Position, context: Context, first: Instant | None = None) -> Walk:
    return paging.Windows(
        position,
        context,
        ask=_search,
        look=messages.look,
        family=paging.Single,
        span=7 * DAY,
        trust=LATE,
        first=first,
    )


def _rejects(position: Position, context: Context) -> Walk:
    return paging.Whole(
        position,
        context,
        ask=Ask(path=REJECTS, post={"include_expired": True}),
        look=entries.look,
        family=paging.Single,
    )
