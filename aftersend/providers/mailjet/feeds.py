"""Mailjet's lists and how each is walked (provider file, Pull feed).

There is no list of events. So messages that arrived within ``look_back`` are read again and again, a thousand for one
request, and each whose status has changed is noted; for each that is noted its history is read, one request each. Of a
message that was opened or clicked the history is read once more a day before it leaves ``look_back``, since further
opens and clicks change no status.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from aftersend.providers import paging
from aftersend.providers.contract import Answer, Ask, Context, Feed, Position
from aftersend.providers.mailjet.messages import About, Row, look, messages
from aftersend.providers.mailjet.options import Options
from aftersend.providers.mailjet.words import REPEATING
from aftersend.providers.paging import DAY, GONE, Item
from aftersend.settings import duration
from aftersend.vocabulary import ConfigurationError, Instant

MOST = 1000
"""Rows a page."""
LATE = 60_000
"""A row is there by then at the latest, if its clock is ours; nothing is documented."""
MESSAGE = "message/"
"""Notes of messages: when one arrived, its status, the status its history was read at, and what it is about."""


def feeds(options: Options) -> list[Feed]:
    """Every list of a source. Raises ConfigurationError naming the option."""
    look_back = duration(options.look_back, "look_back")
    every = duration(options.messages_every, "messages_every")
    if options.histories_at_once < 1:
        raise ConfigurationError("histories_at_once must be 1 or more.")
    return [
        Feed(name="messages", walk=partial(_Messages, look_back), windowed=True, complete=True, every=every),
        Feed(name="histories", walk=partial(_Histories, options.histories_at_once)),
    ]


def probe() -> Ask:
    """Any message."""
    return Ask(path="message", params={"Limit": "1"})


def _ask(since: Instant, until: Instant) -> Ask:
    params = {"FromTS": str(since // 1000), "ToTS": str(-(-until // 1000))}
    return Ask(
        path="message", params=params | {"ShowContactAlt": "true", "ShowCustomID": "true", "ShowSubject": "true"}
    )


class _Messages(paging.Windows):
    """The list of messages; notes those whose status changed."""

    def __init__(self, look_back: Instant, position: Position, context: Context):
        source = msgspec.structs.replace(context.source, overlap=f"{look_back}ms")
        super().__init__(
            position,
            msgspec.structs.replace(context, source=source),
            ask=_ask,
            look=look,
            family=partial(paging.Offsets, offset="Offset", size="Limit", asked=MOST),
            span=look_back + DAY,
            trust=LATE,
            first=look_back,
        )
        self._look_back, self._noted = look_back, context.recall(MESSAGE)

    def take(self, answer: Answer) -> None:
        super().take(answer)
        self._forget()
        for row in messages(answer):
            name, status = MESSAGE + row.about.message, self._status(row)
            before = self._noted.get(name, {})
            if before.get("status") != status:
                about = msgspec.to_builtins(row.about)
                note = {**before, "arrived": row.arrived, "status": status, "about": about}
                self.notes[name] = self._noted[name] = note

    def _forget(self) -> None:
        """Notes of messages that are read no more, once nothing is left to be read of them."""
        oldest = self._now - self._look_back - DAY
        for name, note in list(self._noted.items()):
            if note["arrived"] < oldest and note.get("read") == note["status"]:
                self.notes[name] = None
                del self._noted[name]

    def _status(self, row: Row) -> str:
        """What makes a history worth reading when it changes."""
        late = row.status in REPEATING and row.arrived < self._now - self._look_back + DAY
        return f"{row.status}/{row.state}" + ("/late" if late else "")


class _Histories(paging.Each):
    """The histories of messages that were noted and not read since, newest first, so many in one run."""

    def __init__(self, most: int, position: Position, context: Context):
        self._noted = context.recall(MESSAGE)
        unread = [note for note in self._noted.values() if note.get("read") != note["status"]]
        unread.sort(key=lambda note: (-note["arrived"], note["about"]["message"]))
        super().__init__(
            position,
            context,
            items=[_item(msgspec.convert(note["about"], About)) for note in unread[:most]],
            look=look,
            done=self._read,
            complete=False,
        )

    def refused(self, status: int) -> bool:
        item = self._left[0]
        passed_over = super().refused(status)
        if status in GONE:
            self.notes.update(self._read(item))
        return passed_over

    def _read(self, item: Item) -> dict[str, Any]:
        note = self._noted[item.key]
        return {item.key: {**note, "read": note["status"]}}


def _item(about: About) -> Item:
    told = {name: value for name, value in msgspec.to_builtins(about).items() if value}
    # Otherwise ten rows come.
    ask = Ask(path=f"messagehistory/{about.message}", params={"Limit": str(MOST)}, about=told)
    return Item(key=MESSAGE + about.message, name=about.message, ask=ask)
