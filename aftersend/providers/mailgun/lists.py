"""Pages of Mailgun's lists (provider file, "Pull feed")."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.mailgun.events import event_of
from aftersend.providers.mailgun.identity import LOGS
from aftersend.providers.mailgun.values import record
from aftersend.providers.marks import Options
from aftersend.providers.paging import Page
from aftersend.providers.values import decoded, rows_of, text
from aftersend.vocabulary import BadInput, Delivery, Reading


def read(delivery: Delivery, source: str, options: Options) -> Reading:
    """The events of a page."""
    try:
        rows = rows_of(decoded(delivery.body), "items")
    except Malformed as error:
        return unreadable(delivery, error)
    reading, shown_by = Reading(), LOGS if delivery.feed == LOGS else ""
    for number, row in enumerate(rows):
        try:
            event = event_of(row, source, options, asked=delivery.context.get("domain", ""), shown_by=shown_by)
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
            continue
        if event:
            reading.events.append(event)
    return reading


def look_at_events(answer: Answer) -> Page:
    """A page of events, with the address of the next, which there always is."""
    page = _look(answer, "paging")
    if page.ids and not page.next:
        raise Malformed("The answer does not say where the list goes on.")
    return page


def look_at_logs(answer: Answer) -> Page:
    """A page of logs, with the token of the next."""
    return _look(answer, "pagination")


def _look(answer: Answer, paging: str) -> Page:
    """The empty page is the end: it names a next one, too."""
    said = decoded(answer.body)
    rows = rows_of(said, "items")
    next_ = text(record(said.get(paging)).get("next"))
    return Page(ids=[_row_id(row) for row in rows], next=next_ if rows else None)


def _row_id(row: Any) -> str:
    own = text(row.get("id")) if isinstance(row, dict) else None
    return own or blake2b(repr(row).encode("utf-8", "replace"), digest_size=16).hexdigest()
