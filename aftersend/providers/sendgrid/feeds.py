"""SendGrid's lists and how each is walked (provider file, "Pull feed").

The suppression lists are for all plans. The email activity is a paid add-on, so it is read only where the source names
it in ``feeds``: an account without it would answer 403, which stops the whole source. Its answers have no cursor: the
newest come first, and the end of what is asked for moves back with them. Bounds are whole seconds, both included.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from aftersend.providers import paging
from aftersend.providers.contract import Answer, Ask, Context, Feed, Malformed, Position, Walk
from aftersend.providers.paging import DAY, Family, Item, Page, Place
from aftersend.providers.sendgrid import activity, suppressions
from aftersend.providers.sendgrid.options import Options
from aftersend.providers.sendgrid.words import SUPPRESSIONS
from aftersend.settings import duration
from aftersend.vocabulary import Instant
from aftersend.zones import isoformat

SUPPRESSION = "v3/suppression/"
MESSAGES = "v3/messages"
MOST_SUPPRESSIONS = 500
"""Rows a page of a suppression list."""
MOST_MESSAGES, DEFAULT_MESSAGES = 1000, 10
"""Rows of the email activity at most, and where no number is asked for."""
LATE = 300_000
"""A row is in its list by then at the latest; how long that takes isn't documented."""
MONTH = 30 * DAY
"""The email activity goes back no further."""
NOTE = "message/"
"""Notes of messages: when one moved last (``moved``), when its events were read (``read``), and when it had moved last
by then (``then``)."""
AT_ONCE = 500
"""Messages that one run reads at most, so that its position stays short."""
PAID = frozenset({"messages", "activity"})
"""Feeds of the paid add-on."""


def feeds(options: Options) -> list[Feed]:
    """Every list of a source. Raises ConfigurationError naming the option."""
    seldom = duration(options.suppressions_every, "suppressions_every")
    every = duration(options.activity_every, "activity_every")
    return [
        *(Feed(name=name, walk=partial(_suppressed, name), windowed=True, every=seldom) for name in SUPPRESSIONS),
        Feed(name="messages", walk=partial(_Messages, options.activity_query), windowed=True, every=every),
        Feed(name="activity", walk=_activity, every=every),
    ]


def probe() -> Ask:
    """One row of the bounces."""
    return Ask(path=SUPPRESSION + "bounces", params={"limit": "1"})


def _suppressed(name: str, position: Position, context: Context) -> Walk:
    def ask(since: Instant, until: Instant) -> Ask:
        bounds = {"start_time": str(since // 1000), "end_time": str((until - 1) // 1000)}
        return Ask(path=SUPPRESSION + name, params=bounds)

    return paging.Windows(
        position,
        context,
        ask=ask,
        look=suppressions.look,
        family=partial(paging.Offsets, offset="offset", size="limit", asked=MOST_SUPPRESSIONS),
        span=MONTH,
        trust=LATE,
    )


def _range(query: str, since: Instant, until: Instant) -> Ask:
    """Asks for the messages that moved last in [since, until), in whole seconds."""
    bounds = {"{since}": since // 1000 * 1000, "{until}": (until - 1) // 1000 * 1000}
    for name, at in bounds.items():
        query = query.replace(name, isoformat(at) or "")
    return Ask(path=MESSAGES, params={"query": query, "limit": str(MOST_MESSAGES)}, about={"since": str(since)})


class _Narrowing(Family):
    """The email activity: the next page ends with the second of the last row met.

    A page of fewer rows than asked for is the last one, unless it has as many as come where no number is asked for:
    then ours was ignored. Of a second with more rows than a page holds, the rest can't be had.
    """

    def __init__(self, first: Ask, place: Place, at: Instant, *, query: str):
        super().__init__(first, place, at)
        self._query, self._since = query, int(first.about["since"])

    def ask(self) -> Ask:
        until = self.place.get("until")
        return self.first if until is None else _range(self._query, self._since, until)

    def move(self, page: Page, at: Instant) -> None:  # noqa: ARG002
        full = len(page.ids) >= MOST_MESSAGES or len(page.ids) == DEFAULT_MESSAGES
        if not full:
            self.over = True
            return
        if page.oldest is None:
            raise Malformed("No row of a whole page has a time to go on from.")
        until = page.oldest // 1000 * 1000 + 1000
        if until >= self.place.get("until", until + 1):
            until -= 1000
        self.over = until <= self._since
        self.place = {"until": until}


class _Messages(paging.Windows):
    """Notes the messages that have moved, and forgets those that won't be met again or whose history is gone."""

    def __init__(self, query: str, position: Position, context: Context):
        super().__init__(
            position,
            context,
            ask=partial(_range, query),
            look=activity.look_at_list,
            family=partial(_Narrowing, query=query),
            span=MONTH,
            trust=LATE,
            horizon=MONTH,
        )
        self._recall, self._overlap = context.recall, context.source.overlap_ms

    def take(self, answer: Answer) -> None:
        super().take(answer)
        noted = self._recall(NOTE)
        for name, note in noted.items():
            over = not _waits(note) and note["moved"] < self._now - self._overlap - DAY
            if over or note["moved"] < self._now - MONTH - DAY:
                self.notes[name] = None
        for message in activity.summaries(answer):
            name = NOTE + message.id
            if message.moved > noted.get(name, {}).get("moved", -1):
                self.notes[name] = {**noted.get(name, {}), "moved": message.moved}


def _waits(note: dict[str, Any]) -> bool:
    """Whether a message is to be read (again). What happens in the second it moved in doesn't move it, so it is read
    until some time after."""
    return bool(note.get("then") != note["moved"] or note["read"] < note["moved"] + LATE)


class _Activity(paging.Each):
    """A message whose history is gone is forgotten."""

    def refused(self, status: int) -> bool:
        gone = self._left[0].key
        on = super().refused(status)
        if on:
            self.notes[gone] = None
        return on


def _activity(position: Position, context: Context) -> Walk:
    """The messages that moved since they were read, the longest ago first: their history ends first."""
    noted = context.recall(NOTE)
    waiting = sorted((note["moved"], name) for name, note in noted.items() if _waits(note))
    items = [
        Item(key=name, ask=Ask(path=f"{MESSAGES}/{quote(name.removeprefix(NOTE), safe='')}"), name="messages")
        for _, name in waiting[:AT_ONCE]
    ]

    def done(item: Item) -> dict[str, Any]:
        moved = noted[item.key]["moved"]
        return {item.key: {"moved": moved, "read": context.now, "then": moved}}

    return _Activity(position, context, items=items, look=activity.look_at_message, done=done, complete=False)
