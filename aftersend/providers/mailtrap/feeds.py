"""Mailtrap's lists and how each is walked (provider file, "Pull feed").

There is no list of events. The log of emails can be asked by the time they were sent; it shows how each stands, and an
email asked for alone shows its events. So the emails of the last ``look_back`` are looked through again and again, and
those are asked for whose standing has changed, or is not final: that an email is tried again doesn't change it.
Complaints and opt-outs don't, either: the log is asked for emails
that have such an event, too, and each of these is read once for it. (A filter that Mailtrap doesn't know is ignored
without an error: then every email is read once more, which does no harm.)

Notes of a source: ``messages/ID``, ``complaints/ID``, ``unsubscribes/ID``: the standing as of which an email was read,
and when it was sent. Those older than ``look_back`` are forgotten.

What the log can't tell: which program opened or clicked, when an email was handed over, and what happens later than
``look_back`` after the sending.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from aftersend.providers import marks, paging
from aftersend.providers.contract import Answer, Ask, Context, Feed, Malformed, Position
from aftersend.providers.mailtrap import emails
from aftersend.providers.mailtrap.values import written
from aftersend.providers.paging import DAY, GONE
from aftersend.providers.values import decoded
from aftersend.settings import duration
from aftersend.vocabulary import Instant

LATE = 300_000
"""A row is there by then at the latest; nothing is documented."""
FILTERS = {"messages": "", "complaints": "spam", "unsubscribes": "unsubscribe"}
"""Feed → the event an email must have; none for all of them."""


class Options(marks.Options, frozen=True, kw_only=True):
    """Mailtrap's own options of a source."""

    account_id: str = ""
    """The account, for an API that has it in its paths, as Mailtrap's older one does."""
    look_back: str = "3d"
    """For how long after an email was sent its events are awaited in the lists."""
    emails_every: str = "30m"
    """How often the emails of that time are looked through."""


def feeds(options: Options) -> list[Feed]:
    """Every list of a source. Raises ConfigurationError naming the option."""
    duration(options.look_back, "look_back")
    every = duration(options.emails_every, "emails_every")
    return [
        Feed(
            name=name,
            walk=partial(Emails, options, name),
            windowed=name == "messages",
            complete=name == "messages",
            every=every,
        )
        for name in FILTERS
    ]


def probe(options: Options) -> Ask:
    """The newest emails."""
    return Ask(path=_path(options))


def _path(options: Options) -> str:
    account = f"accounts/{quote(options.account_id, safe='')}/" if options.account_id else ""
    return f"api/{account}email_logs"


def _asking(options: Options, event: str) -> Callable[[Instant, Instant], Ask]:
    having = {"filters[events][operator]": "include_event", "filters[events][value][]": event} if event else {}

    def ask(since: Instant, until: Instant) -> Ask:
        bounds = {"filters[sent_after]": written(since - 1000), "filters[sent_before]": written(until + 1000)}
        return Ask(path=_path(options), params=bounds | having, about={emails.PART: emails.LIST})

    return ask


class _Errand(NamedTuple):
    """An email to be asked for."""

    ask: Ask
    notes: dict[str, Any]
    """To be made when it was read."""


class Emails(paging.Windows):
    """A list of emails by the time they were sent; behind each page those of its emails that have changed.

    Until these are read the position is that before the page: a walk that was killed asks for the page again, and finds
    the errands that are left.
    """

    def __init__(self, options: Options, name: str, position: Position, context: Context):
        self._look_back = duration(options.look_back, "look_back")
        source = msgspec.structs.replace(context.source, overlap=f"{self._look_back}ms")
        super().__init__(
            position,
            msgspec.structs.replace(context, source=source),
            ask=_asking(options, FILTERS[name]),
            look=emails.look,
            family=partial(paging.Cursors, param="search_after"),
            span=self._look_back + DAY,
            trust=LATE,
            first=self._look_back,
        )
        self._path, self._prefix, self._counted = _path(options), f"{name}/", not FILTERS[name]
        self._noted = context.recall(self._prefix)
        self._errands: deque[_Errand] = deque()
        self._behind = self.position

    def ask(self) -> Ask | None:
        return self._errands[0].ask if self._errands else super().ask()

    def ahead(self) -> Sequence[Ask]:
        return [errand.ask for errand in list(self._errands)[1:4]] if self._errands else super().ahead()

    def take(self, answer: Answer) -> None:
        if self._errands:
            self._run_errand(answer)
            return
        before = self.position
        super().take(answer)
        self._behind = self.position
        self._errands = deque(filter(None, map(self._errand, emails.rows(answer))))
        if self._errands:
            self.position = before
        else:
            self._settle()

    def refused(self, status: int) -> bool:
        if not self._errands:
            return super().refused(status)
        if status not in GONE:
            return False
        self._next()
        return True

    def _run_errand(self, answer: Answer) -> None:
        if answer.cut:
            raise Malformed("The connection ended before the whole answer had come.")
        # One that is JSON but no email is quarantined when it is read: it mustn't hold up the others for ever.
        decoded(answer.body)
        self.rows = self.fresh = 1
        self.notes.update(self._errands[0].notes)
        self._next()

    def _next(self) -> None:
        self._noted.update(self._errands.popleft().notes)
        if not self._errands:
            self._settle()

    def _settle(self) -> None:
        """All emails of a page are read. With the last page of a live run, old notes are forgotten."""
        self.position = self._behind
        if self._live and self.ask() is None:
            old = [name for name, (_, sent) in self._noted.items() if sent < self._now - self._look_back - DAY]
            self.notes.update(dict.fromkeys(old))

    def _errand(self, row: dict[str, Any]) -> _Errand | None:
        own, sent = emails.id_of(row) or "", emails.sent_at(row, self._now)
        name, stands = self._prefix + own, emails.standing(row) if self._counted else []
        pending = self._counted and emails.is_pending(row)
        if not pending and name in self._noted and self._noted[name][0] == stands:
            return None
        # What is older is met in a backfill alone.
        kept = sent >= self._now - self._look_back - DAY
        ask = Ask(path=f"{self._path}/{quote(own, safe='')}", about={emails.PART: emails.ONE})
        return _Errand(ask, {name: [stands, sent]} if kept else {})
