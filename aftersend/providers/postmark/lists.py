"""Pages of Postmark's lists: ``{"TotalCount": n, "<name>": […]}`` (provider file, Pull feed).

Opens, clicks and bounces have the records of webhooks as rows, without ``Metadata``. A message tells that it was
accepted, which no webhook does. A suppression tells, of those who left by themselves, who and when; why an address is
suppressed otherwise is told by bounces, and of reactivations there is no list.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aftersend.providers import marks
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.postmark import records
from aftersend.providers.postmark.identity import SUPPRESSIONS, digest, of_contact, of_message
from aftersend.providers.postmark.options import Options
from aftersend.providers.postmark.records import Record
from aftersend.providers.postmark.values import When, when
from aftersend.providers.postmark.words import MANUAL, RECIPIENT, STATUSES
from aftersend.providers.values import decoded, known, rows_of, text
from aftersend.settings import Source
from aftersend.vocabulary import BadInput, Delivery, Event, Kind, Reading

NAMES = {
    "messages": "Messages",
    "opens": "Opens",
    "clicks": "Clicks",
    "bounces": "Bounces",
    "suppressions": "Suppressions",
}
"""Feed → the name of the list in its answers."""
RECORDS = {"opens": "Open", "clicks": "Click", "bounces": "Bounce"}
"""Feed → ``RecordType`` of its rows, where one says none."""


def read(delivery: Delivery, source: Source, options: Options) -> Reading:
    """The events of a page."""
    name = NAMES.get(delivery.feed)
    try:
        if name is None:
            raise BadInput(f"Postmark has no list '{delivery.feed}'.")
        rows = rows_of(decoded(delivery.body), name)
    except (BadInput, Malformed) as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, row in enumerate(rows):
        try:
            reading.events.extend(_events(row, delivery, source, options))
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    return reading


def look(answer: Answer, *, feed: str, deepest: int) -> Page:
    """A page; ``deep`` where the whole list has as many rows as can be read, or more. Raises Malformed."""
    said = decoded(answer.body)
    rows = rows_of(said, NAMES[feed])
    total = said.get("TotalCount")
    total = total if type(total) is int and total >= 0 else None
    return Page(ids=[digest(row) for row in rows], total=total, deep=total is not None and total >= deepest)


def _events(row: Any, delivery: Delivery, source: Source, options: Options) -> Iterable[Event]:
    if not isinstance(row, dict):
        raise BadInput("A row must be an object.")
    record = Record(row, source.name, options, delivery.received_at)
    if delivery.feed == "messages":
        return _accepted(record)
    if delivery.feed == "suppressions":
        return _suppressed(record, delivery.context.get("stream"))
    return [records.event(record._replace(said={"RecordType": RECORDS[delivery.feed]} | row))]


def _accepted(record: Record) -> list[Event]:
    """One event for each recipient: the message was accepted at ``ReceivedAt``, and stands as ``Status`` says."""
    message, at, word = record.needed("MessageID"), record.when("ReceivedAt").stamp, record.needed("Status")
    recipients = record.said.get("Recipients")
    emails = [email for email in map(text, recipients if isinstance(recipients, list) else []) if email]
    if not emails:
        raise BadInput("Recipients is missing.", "Recipients")
    kind = STATUSES.get(word.capitalize(), Kind.OTHER)
    sender, tag, stream = record.object("Metadata"), record.text("Tag"), record.text("MessageStream")
    told = {"Tag": tag, "MessageStream": stream} | sender
    metadata = known(message_stream=stream, subject=record.text("Subject"), tag=tag, **{"from": record.text("From")})
    return [
        Event(
            slot=of_message(record.source, kind, message, email),
            kind=kind,
            word=word,
            occurred_at=at.at,
            precision=at.precision,
            clock=at.clock,
            message_id=message,
            by_message=True,
            campaign_id=marks.told(told, record.options.campaign_id),
            external_id=marks.told(told, record.options.external_id),
            email=email,
            metadata=metadata | marks.flat(sender),
        )
        for email in dict.fromkeys(emails)
    ]


def _suppressed(record: Record, stream: str | None) -> list[Event]:
    if record.text("SuppressionReason") != MANUAL or record.text("Origin") != RECIPIENT:
        return []
    email = record.needed("EmailAddress")
    at: When | None = when(record.said.get("CreatedAt"), "CreatedAt")
    if at is None:
        raise BadInput("CreatedAt is missing.", "CreatedAt")
    return [
        Event(
            slot=of_contact(record.source, Kind.UNSUBSCRIBED, stream, email),
            kind=Kind.UNSUBSCRIBED,
            word=MANUAL,
            occurred_at=at.stamp.at,
            precision=at.stamp.precision,
            clock=at.stamp.clock,
            list=SUPPRESSIONS,
            row=at.exact,
            email=email,
            metadata=known(message_stream=stream, origin=RECIPIENT, suppression_reason=MANUAL),
        )
    ]
