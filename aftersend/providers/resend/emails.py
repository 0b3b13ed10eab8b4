"""Resend's list of emails: each with its latest state, newest first (Pull feed).

It tells no time of any event, so an email's own stands in: the one it was scheduled for, else that of its making. What
happened to which of several recipients it doesn't tell, nor what came before the latest state, nor a bounce's class,
links, tags and broadcasts. See ``identity`` for how it adds only what webhooks didn't tell.
"""

from __future__ import annotations

from typing import Any

from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.resend.identity import EMAILS, LATEST, of_email
from aftersend.providers.resend.values import recipient
from aftersend.providers.resend.words import BEFORE, STATES
from aftersend.providers.values import Stamp, decoded, first_time, known, rows_of, text
from aftersend.vocabulary import BadInput, BounceClass, Delivery, Event, Kind, Reading


def read(delivery: Delivery) -> Reading:
    """An event for each email that has a state."""
    try:
        rows = rows_of(decoded(delivery.body), "data")
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, row in enumerate(rows):
        try:
            if event := _event(row, delivery):
                reading.events.append(event)
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    return reading


def look(answer: Answer) -> Page:
    """A page; the id of its last row leads to the next, which is older. Raises Malformed."""
    said = decoded(answer.body)
    rows = rows_of(said, "data")
    more = said.get("has_more")
    ids = [text(row.get("id")) if isinstance(row, dict) else None for row in rows]
    if not isinstance(more, bool) or (more and not (ids and ids[-1])):
        raise Malformed("The answer doesn't say whether there are more emails, or behind which.")
    made = [found.at for row in rows if isinstance(row, dict) and (found := first_time(row.get("created_at")))]
    return Page(
        ids=[own or repr(row) for own, row in zip(ids, rows, strict=True)],
        next=ids[-1] if more else None,
        oldest=min(made, default=None),
    )


def _event(row: Any, delivery: Delivery) -> Event | None:
    if not isinstance(row, dict):
        raise BadInput("A row must be an object.")
    own, state = text(row.get("id")), text(row.get("last_event"))
    if not own:
        raise BadInput("id is missing.", "id")
    if not state:
        return None
    kind = STATES.get(state, Kind.OTHER)
    planned = None if state in BEFORE else row.get("scheduled_at")
    made = first_time(planned, row.get("created_at")) or Stamp(delivery.received_at)
    at = made.about(made.precision)
    alone = not (row.get("cc") or row.get("bcc"))
    return Event(
        slot=of_email(delivery.source, kind, own, state),
        list=EMAILS,
        row=LATEST,
        kind=kind,
        word=state,
        occurred_at=at.at,
        precision=at.precision,
        clock=at.clock,
        message_id=own,
        by_message=True,
        email=recipient(row.get("to")) if alone else None,
        reason=state if state == "suppressed" else None,
        bounce_class=BounceClass.UNDETERMINED if kind is Kind.BOUNCED else None,
        metadata=known(
            **{"from": text(row.get("from"))},
            subject=text(row.get("subject")),
            rfc_message_id=text(row.get("message_id")),
        ),
    )
