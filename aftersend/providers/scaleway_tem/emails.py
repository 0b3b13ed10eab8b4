"""The list of emails: what became of each, as far as its state shows (provider file, "Pull feed").

It has no events and no headers, so neither campaign nor external id. It can't tell when Scaleway withheld an email for
its blocklist, nor deferrals before the last three attempts. The shape of a row is that of Scaleway's SDK.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.scaleway_tem.identity import EMAILS as LIST
from aftersend.providers.scaleway_tem.identity import of_email
from aftersend.providers.scaleway_tem.words import FLAGS, NEW, STATES
from aftersend.providers.values import Stamp, decoded, first_time, known, rows_of, stamp, text
from aftersend.vocabulary import BadInput, BounceClass, Delivery, Event, Kind, Precision, Reading

ROWS = "emails"
Try = tuple[int, int, Stamp | None, str | None]
"""Number, code (0: no server was reached), time, answer."""


def read(delivery: Delivery) -> Reading:
    """What the emails of a page show."""
    try:
        rows = rows_of(decoded(delivery.body), ROWS)
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, row in enumerate(rows):
        try:
            reading.events += _events(row, delivery)
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    return reading


def look(answer: Answer) -> Page:
    """A page, in any order."""
    said = decoded(answer.body)
    rows = rows_of(said, ROWS)
    total = said.get("total_count")
    return Page(
        ids=[text(row.get("id") if isinstance(row, dict) else None) or repr(row) for row in rows],
        total=total if type(total) is int else None,
    )


def _events(row: Any, delivery: Delivery) -> list[Event]:
    if not isinstance(row, dict):
        raise BadInput("A row must be an object.")
    own = text(row.get("id"))
    if not own:
        raise BadInput("id is missing.", "id")
    created = stamp(row.get("created_at"), "created_at")
    if created is None:
        raise BadInput("created_at is missing.", "created_at")
    return list(_told(row, own, created, delivery))


def _told(row: dict[str, Any], own: str, created: Stamp, delivery: Delivery) -> Iterator[Event]:
    common: dict[str, Any] = {
        "list": LIST,
        "message_id": own,
        "by_message": True,
        "email": text(row.get("mail_rcpt")) or text(row.get("rcpt_to")),
        "metadata": known(
            project_id=text(row.get("project_id")),
            rfc_message_id=text(row.get("message_id")),
            subject=text(row.get("subject")),
            **{"from": text(row.get("mail_from"))},
        ),
    }

    def event(kind: Kind, word: str, at: Stamp, row_: str, **fields: Any) -> Event:
        return Event(
            slot=of_email(delivery.source, kind, word, own),
            kind=kind,
            word=word,
            # Of the second, as events print theirs: a finer time would speak before them.
            occurred_at=at.at - at.at % 1000,
            precision=Precision.SECOND,
            clock=at.clock,
            row=row_,
            **(common | fields),
        )

    yield event(Kind.QUEUED, NEW, created, "queued")
    tries = _tries(row)
    for number, code, at, answer in tries:
        if 400 <= code < 500 and at:
            yield event(Kind.DEFERRED, "last_tries", at, f"try {number}", smtp_code=str(code), reason=answer)
    word = text(row.get("status")) or ""
    kind = STATES.get(word)
    if kind is None:
        return
    code, at, answer = tries[-1][1:] if tries else (0, None, None)
    happened = at or _updated(row) or Stamp(delivery.received_at).about()
    fields: dict[str, Any] = {"smtp_code": str(code) if 200 <= code < 600 else None}
    if kind is not Kind.DELIVERED:
        fields["reason"] = answer or text(row.get("status_details")) or word
    if kind is Kind.BOUNCED and not fields["smtp_code"]:
        # No server refused it: it was never handed over.
        kind = Kind.DROPPED
    if kind is Kind.BOUNCED:
        fields["bounce_class"] = _class(row, code)
    yield event(kind, word, happened, "outcome", **fields)


def _updated(row: dict[str, Any]) -> Stamp | None:
    """The last change of the row, which stands in for the time of an outcome that has none."""
    found = first_time(row.get("updated_at"))
    return found.about(found.precision) if found else None


def _tries(row: dict[str, Any]) -> list[Try]:
    """The last attempts, in their order."""
    listed = row.get("last_tries")
    found: list[Try] = []
    for told in listed if isinstance(listed, list) else []:
        rank, code = (told.get("rank"), told.get("code")) if isinstance(told, dict) else (None, None)
        if type(rank) is not int or type(code) is not int:
            continue
        found.append((rank, code, first_time(told.get("tried_at")), text(told.get("message"))))
    return sorted(found, key=lambda one: one[0])


def _class(row: dict[str, Any], code: int) -> BounceClass:
    listed = row.get("flags")
    flags = listed if isinstance(listed, list) else []
    return next((found for flag, found in FLAGS.items() if flag in flags), _of_code(code))


def _of_code(code: int) -> BounceClass:
    return BounceClass.HARD if code >= 500 else BounceClass.SOFT
