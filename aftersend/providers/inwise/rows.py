"""Rows of inwise's lists (provider file 2.3): pages of bare arrays in, events out.

A good page is decoded by msgspec in one go, typed. Anything else (a bad row, a cut answer, an external id under an
unusual spelling) takes the careful way of :mod:`~aftersend.providers.inwise.arrays`, row by row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from aftersend.providers.contract import Malformed
from aftersend.providers.inwise.arrays import Piece, pieces
from aftersend.providers.inwise.identity import contact_key, digest, fact_key, slot
from aftersend.providers.inwise.times import notes, to_minute
from aftersend.providers.inwise.words import kind_of
from aftersend.providers.items import problem, unreadable
from aftersend.vocabulary import BadInput, BounceClass, Channel, Delivery, Event, Kind, Problem, Reading

ROW_IDS, MAY_CHANGE = "x-row-ids", "may-change"
"""A header that inwise doesn't send and an Aftersend that speaks its dialect does: a row that it knew from a webhook
first has another id once its own feeds have shown it."""

Id = int | str | None
"""Documented as integers of any size; text is accepted."""


class ActivityRow(msgspec.Struct, gc=False):
    """A row of ``activities`` and ``recentActivities``."""

    id: Id = None
    action_date: str | None = None
    contact_id: Id = None
    campaign_id: Id = None
    ip: str | None = None
    action_type: str | None = None
    remarks: Id = None
    additional_data: str | None = None
    external_id: Id = None


class SentRow(msgspec.Struct, gc=False):
    """A row of ``sentEmails``."""

    row_index: Id = None
    transaction_id: Id = None
    contact_id: Id = None
    campaign_id: Id = None
    date_sent: str | None = None
    email: str | None = None
    message_size: Id = None
    sending_source: str | None = None
    external_id: Id = None


class UndeliveredRow(msgspec.Struct, gc=False):
    """A row of ``undelivered``."""

    id: Id = None
    campaign_id: Id = None
    email: str | None = None
    contact_id: Id = None
    reason: str | None = None
    create_date: str | None = None
    external_id: Id = None


def read(delivery: Delivery, source: str, zone: str) -> Reading:
    """The events of one page of one of the lists. An array's bad items are problems of their own; what is no
    array is one problem."""
    shape = _SHAPES.get(delivery.feed)
    if shape is None:
        reason = f"inwise has no list '{delivery.feed}'."
        return unreadable(delivery, reason)
    reading = Reading()
    for number, row in enumerate(_rows(delivery.body, shape)):
        if isinstance(row, Problem):
            reading.problems.append(row)
            continue
        try:
            reading.events.append(shape.event(row, delivery.feed, source, zone))
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    if delivery.context.get(f"header.{ROW_IDS}") == MAY_CHANGE:
        reading.events = _placed(reading.events)
    elif not all(map(attrgetter("row"), reading.events)):
        reading.events = _counted(reading.events)
    return reading


def row_ids(body: bytes) -> list[str]:
    """An id for every item of a whole answer, readable or not. Raises Malformed for what is no whole array."""
    try:
        ids = [row.row_index if row.id is None else row.id for row in _NUMBERED.decode(body)]
    except (ValueError, RecursionError):
        ids = [None]
    if None not in ids:
        return [str(row_id) for row_id in ids]
    if not pieces(body).closed:
        raise Malformed("The answer ends before its array does.")
    return salvaged_ids(body)


def salvaged_ids(body: bytes) -> list[str]:
    """An id for every readable item of whatever there is of an array. Raises Malformed where there is none."""
    return [digest(piece.text) for piece in pieces(body).items if not piece.reason]


def text(value: Id) -> str | None:
    """A value as the vocabulary has it: text, trimmed, never empty."""
    if value is None:
        return None
    return str(value) if isinstance(value, int) else value.strip() or None


def first_address(chain: str | None) -> str | None:
    """The client's address of ``a,b``, a chain of proxies without a space (7.2)."""
    return chain.partition(",")[0].strip() or None if chain else None


def _rows(body: bytes, shape: _Shape) -> Iterable[msgspec.Struct | Problem]:
    odd_names = body.count(b"xternal") + body.count(b"XTERNAL") != body.count(b'"external_id"')
    if not odd_names and b"\\u0000" not in body:
        try:
            return shape.decoder.decode(body)  # type: ignore[no-any-return]
        except (ValueError, RecursionError):
            pass
    try:
        return [_row(number, piece, shape.row) for number, piece in enumerate(pieces(body).items)]
    except Malformed as error:
        return [problem(0, body, error)]


def _row(number: int, piece: Piece, shape: type[msgspec.Struct]) -> msgspec.Struct | Problem:
    reason = piece.reason
    if not reason and not isinstance(piece.value, dict):
        reason = "A row must be an object."
    if not reason:
        # The external id's spelling in rows is not documented: looked for in any case (section 8).
        fields = {name.lower(): value for name, value in piece.value.items()}
        if "externalid" in fields:
            fields.setdefault("external_id", fields["externalid"])
        try:
            return msgspec.convert(fields, shape)
        except msgspec.ValidationError as error:
            reason = f"{error}."
    return problem(number, piece.text.encode("utf-8", "replace"), reason)


def _counted(events: list[Event]) -> list[Event]:
    """Rows without an id told apart: by all their fields, and by how often the same has come in this one answer."""
    met: Counter[str] = Counter()
    counted = []
    for event in events:
        if not event.row:
            same = digest(msgspec.json.encode(event).decode())
            met[same] += 1
            event = msgspec.structs.replace(event, row=f"{same}.{met[same]}")  # noqa: PLW2901
        counted.append(event)
    return counted


def _placed(events: list[Event]) -> list[Event]:
    """Rows whose ids may change told apart by their place among those of the same slot in this one answer, in a list
    of its own: as many events as any single answer shows."""
    met: Counter[bytes] = Counter()
    placed = []
    for event in events:
        met[event.slot] += 1
        place = str(met[event.slot])
        placed.append(msgspec.structs.replace(event, list=f"{event.list} by place", row=place, row_id=None))
    return placed


_SENT = fact_key(Kind.SENT, Channel.EMAIL, "")
_DROPPED = fact_key(Kind.DROPPED, Channel.EMAIL, "")


class _Action(NamedTuple):
    """What an ``action_type`` means."""

    kind: Kind
    channel: Channel
    fact: str
    is_click: bool
    bounce_class: BounceClass | None
    is_public: bool


@lru_cache(maxsize=1024)
def _action(word: str) -> _Action:
    # Every list here is one of email campaigns, so a word that is unknown is an email's.
    kind, channel = kind_of(word.lower(), "email")
    return _Action(
        kind=kind,
        channel=channel,
        fact=fact_key(kind, channel, word.lower()),
        is_click=kind is Kind.CLICKED,
        # REST rows carry no bounce type (5.1).
        bounce_class=BounceClass.UNDETERMINED if kind is Kind.BOUNCED else None,
        is_public=word.lower() == "emailpublicwebversion",
    )


def _activity(row: ActivityRow, feed: str, source: str, zone: str) -> Event:
    word, at_text = text(row.action_type), row.action_date
    if not word:
        raise BadInput("action_type is missing.", "action_type")
    if not at_text:
        raise BadInput("action_date is missing.", "action_date")
    action = _action(word)
    at, precision, clock, _ = stamp = to_minute(at_text, zone)
    contact, campaign = text(row.contact_id), text(row.campaign_id)
    external, url = text(row.external_id), text(row.additional_data)
    row_id, chain = text(row.id), row.ip
    metadata = notes("action_date", at_text, stamp)
    if action.is_public:
        metadata["public"] = "true"
    return Event(
        slot=slot(at, source, action.fact, campaign, contact or external, url if action.is_click else None),
        kind=action.kind,
        word=word,
        occurred_at=at,
        list=feed,
        row=row_id or "",
        row_id=row_id,
        precision=precision,
        clock=clock,
        channel=action.channel,
        campaign_id=campaign,
        contact_id=contact,
        external_id=external,
        url=url,
        link_number=text(row.remarks),
        ip=first_address(chain),
        ip_chain=chain if chain and "," in chain else None,
        bounce_class=action.bounce_class,
        metadata=metadata,
    )


def _sent(row: SentRow, feed: str, source: str, zone: str) -> Event:
    if not row.date_sent:
        raise BadInput("date_sent is missing.", "date_sent")
    stamp = to_minute(row.date_sent, zone)
    contact, campaign, external, email = (
        text(row.contact_id),
        text(row.campaign_id),
        text(row.external_id),
        text(row.email),
    )
    extra = {"message_size": text(row.message_size), "sending_source": text(row.sending_source)}
    row_id = text(row.row_index)
    key = contact_key(contact, email, None, external)
    return Event(
        slot=slot(stamp.at, source, _SENT, campaign, key, None),
        kind=Kind.SENT,
        word="emailSent",
        occurred_at=stamp.at,
        list=feed,
        row=row_id or "",
        row_id=row_id,
        precision=stamp.precision,
        clock=stamp.clock,
        campaign_id=campaign,
        # About 21 digits, another space than the transactional ids, and on no other row (7.7, 5.2).
        message_id=text(row.transaction_id),
        contact_id=contact,
        external_id=external,
        email=email,
        metadata=notes("date_sent", row.date_sent, stamp) | {k: v for k, v in extra.items() if v},
    )


def _undelivered(row: UndeliveredRow, feed: str, source: str, zone: str) -> Event:
    if not row.create_date:
        raise BadInput("create_date is missing.", "create_date")
    stamp = to_minute(row.create_date, zone)
    contact, campaign, external, email = (
        text(row.contact_id),
        text(row.campaign_id),
        text(row.external_id),
        text(row.email),
    )
    row_id = text(row.id)
    key = contact_key(contact, email, None, external)
    return Event(
        slot=slot(stamp.at, source, _DROPPED, campaign, key, None),
        kind=Kind.DROPPED,
        word="undelivered",
        occurred_at=stamp.at,
        list=feed,
        row=row_id or "",
        row_id=row_id,
        precision=stamp.precision,
        clock=stamp.clock,
        campaign_id=campaign,
        contact_id=contact,
        external_id=external,
        email=email,
        reason=text(row.reason),
        metadata=notes("create_date", row.create_date, stamp),
    )


class _Numbered(msgspec.Struct, gc=False):
    id: Id = None
    row_index: Id = None


_NUMBERED = msgspec.json.Decoder(list[_Numbered])


class _Shape(NamedTuple):
    row: type[msgspec.Struct]
    decoder: msgspec.json.Decoder[Any]
    event: Callable[[Any, str, str, str], Event]


def _shape(row: type[msgspec.Struct], event: Callable[[Any, str, str, str], Event]) -> _Shape:
    return _Shape(row, msgspec.json.Decoder(list[row]), event)  # type: ignore[valid-type]


_SHAPES = {
    "activities": _shape(ActivityRow, _activity),
    "recentActivities": _shape(ActivityRow, _activity),
    "sentEmails": _shape(SentRow, _sent),
    "recentSentEmails": _shape(SentRow, _sent),
    "undelivered": _shape(UndeliveredRow, _undelivered),
    "recentUndelivered": _shape(UndeliveredRow, _undelivered),
}
