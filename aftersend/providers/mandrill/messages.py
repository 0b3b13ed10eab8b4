"""Messages: one row each in ``messages/search``, which tells what became of it (provider file, Pull feed).

A row is expanded into its sending, its opens and clicks, what its state says, and what servers answered (up to three
times). It can't tell when somebody complained or a message was rejected, nor the class of a bounce; where a time isn't
told, that of the sending stands in, and gives way to any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from aftersend.providers import marks
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.mandrill.identity import LISTED, OF_ADDRESS, ONCE, of_act, of_address, of_message
from aftersend.providers.mandrill.options import Options
from aftersend.providers.mandrill.values import acted, bounced, digest, seconds, smtp
from aftersend.providers.mandrill.words import ACCEPTED, PENDING, PUT_OFF, STATE_BOUNCES, STATES
from aftersend.providers.paging import Page
from aftersend.providers.values import Stamp, decoded, known, text
from aftersend.vocabulary import BadInput, BounceClass, Delivery, Event, Kind, Precision, Reading

MOST = 1000
"""Rows an answer has at most."""


def about(told: dict[str, Any], options: Options) -> tuple[dict[str, Any], dict[str, str]]:
    """Fields and metadata that each event of a message has, from the webhook's snapshot or the list's row."""
    own = told.get("metadata")
    own = own if isinstance(own, dict) else {}  # [] where it is empty (Fields of a message event)
    tags = told.get("tags")
    first = text(tags[0]) if isinstance(tags, list) and tags else None
    fields = {
        "campaign_id": marks.told(own, options.campaign_id) or (first if options.tag_is_campaign else None),
        "external_id": marks.told(own, options.external_id),
        "template": text(told.get("template")),
        "email": text(told.get("email")),
    }
    metadata = known(
        subject=text(told.get("subject")), sender=text(told.get("sender")), subaccount=text(told.get("subaccount"))
    )
    return fields, marks.flat(own) | metadata | marks.flat(tags, "tags")


def rows_in(body: bytes) -> list[Any]:
    """The rows of an answer. Raises Malformed."""
    rows = decoded(body)
    if not isinstance(rows, list):
        raise Malformed("The answer is not a list.")
    return rows


def look(answer: Answer) -> Page:
    """A window; ``deep`` where it has as many rows as an answer may have."""
    rows = rows_in(answer.body)
    ids = [text(row.get("_id")) if isinstance(row, dict) else None for row in rows]
    return Page(ids=[own or digest(row) for own, row in zip(ids, rows, strict=True)], deep=len(rows) >= MOST)


def read(delivery: Delivery, source: str, options: Options) -> Reading:
    """The events of all rows. What is wrong in a row is a problem, the rest of it is read."""
    try:
        rows = rows_in(delivery.body)
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, row in enumerate(rows):
        try:
            message = _Message(row, source, options)
        except BadInput as error:
            wrong = [str(error)]
        else:
            reading.events += message.events()
            wrong = message.wrong
        reading.problems += [problem(number, row, reason) for reason in wrong]
    return reading


class _Message:
    """A row, understood."""

    def __init__(self, row: Any, source: str, options: Options):
        """Raises BadInput naming the field."""
        if not isinstance(row, dict):
            raise BadInput("A message must be an object.")
        own = text(row.get("_id"))
        if own is None:
            raise BadInput("_id is missing.", "_id")
        self.id, self.row, self.source = own, row, source
        self.at = seconds(row.get("ts"), "ts")
        self.state = (text(row.get("state")) or "").lower()
        self.fields, self.metadata = about(row, options)
        self.wrong: list[str] = []

    def events(self) -> list[Event]:
        return [*self._fate(), *self._answers(), *self._acts(Kind.OPENED), *self._acts(Kind.CLICKED)]

    def _fate(self) -> Iterator[Event]:
        """The sending, and what the state says."""
        kind = STATES.get(self.state, Kind.OTHER)
        if kind not in (Kind.DROPPED, Kind.OTHER) or not self.state:
            yield self._event(Kind.SENT, "sent", self.at, self._once(Kind.SENT))
        match kind:
            case Kind.BOUNCED:
                yield self._bounced()
            case Kind.DROPPED:
                yield self._event(kind, self.state, self.at, self._once(kind))
            case kind if kind in OF_ADDRESS:
                yield self._event(kind, self.state, self._about(), self._of_address(kind))
            case Kind.OTHER if self.state and self.state not in PENDING:
                slot = of_message(self.source, kind, self.id, f"state {self.state}")
                yield self._event(kind, self.state, self._about(), {"slot": slot})

    def _bounced(self) -> Event:
        """When it came back, and why, is the last thing a server refused, if the row shows it."""
        diag: Any = self.row.get("diag")
        at = self._about()
        for answer in self._said("smtp_events"):
            if (smtp(answer.get("diag"))[0] or "2") >= "4" and text(answer.get("type")) != PUT_OFF:
                diag, at = answer.get("diag"), self._time(answer) or at
        fields = bounced(self.row, diag, STATE_BOUNCES.get(self.state, BounceClass.UNDETERMINED))
        return self._event(Kind.BOUNCED, self.state, at, self._once(Kind.BOUNCED), **fields)

    def _answers(self) -> Iterator[Event]:
        """What servers answered: that they took it is a delivery, that they want to be asked later a deferral."""
        for answer in self._said("smtp_events"):
            word, diag = text(answer.get("type")), text(answer.get("diag"))
            code = smtp(diag)[0]
            if word == ACCEPTED and (code or "").startswith("2") and (at := self._time(answer)):
                yield self._event(Kind.DELIVERED, word, at, self._once(Kind.DELIVERED))
            elif word == PUT_OFF and (at := self._time(answer)):
                slot = of_message(self.source, Kind.DEFERRED, self.id)
                place = {"slot": slot, "list": LISTED, "row": str(at.at // 1000)}
                yield self._event(Kind.DEFERRED, word, at, place, reason=diag, smtp_code=code)

    def _acts(self, kind: Kind) -> Iterator[Event]:
        word = "opens" if kind is Kind.OPENED else "clicks"
        met: Counter[tuple[int, str | None, str]] = Counter()
        for act in self._said(f"{word}_detail"):
            if not (at := self._time(act)):
                continue
            url, actor = text(act.get("url")), digest(text(act.get("ip")), text(act.get("ua")))
            # Identical ones of one answer are several: the list has no ids (law 3).
            met[at.at, url, actor] += 1
            row = f"{actor} {met[at.at, url, actor]}"
            place = {"slot": of_act(self.source, kind, self.id, at.at, url), "list": LISTED, "row": row}
            fields, more = acted(act.get("ip"), act.get("ua"), None, act.get("location"))
            yield self._event(kind, word, at, place, more, url=url, **fields)

    def _said(self, name: str) -> Iterator[dict[str, Any]]:
        """The objects in a list of the row; anything else in it is a problem."""
        found = self.row.get(name)
        for item in found if isinstance(found, list) else []:
            if isinstance(item, dict):
                yield item
            else:
                self._complain(f"{name} holds what is no object.")

    def _time(self, item: dict[str, Any]) -> Stamp | None:
        try:
            return seconds(item.get("ts"), "ts")
        except BadInput as error:
            self._complain(str(error))
            return None

    def _complain(self, reason: str) -> None:
        if reason not in self.wrong:
            self.wrong.append(reason)

    def _about(self) -> Stamp:
        """A stand-in for a time that isn't told: so coarse that any that is told wins."""
        return self.at.about(Precision.DAY)

    def _once(self, kind: Kind) -> dict[str, Any]:
        return {"slot": of_message(self.source, kind, self.id), "list": LISTED, "row": ONCE}

    def _of_address(self, kind: Kind) -> dict[str, Any]:
        email = self.fields["email"]
        if not email:
            return self._once(kind)
        return {"slot": of_address(self.source, kind, email), "list": LISTED, "row": self.id}

    def _event(
        self, kind: Kind, word: str, at: Stamp, place: dict[str, Any], more: dict[str, str] | None = None, **fields: Any
    ) -> Event:
        return Event(
            kind=kind,
            word=word,
            occurred_at=at.at,
            precision=at.precision,
            clock=at.clock,
            message_id=self.id,
            by_message=True,
            metadata=self.metadata | (more or {}),
            **place,
            **self.fields,
            **fields,
        )
