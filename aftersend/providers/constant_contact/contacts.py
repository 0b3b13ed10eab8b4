"""Opt-outs outside of any email (provider file, 3.10): by the account's owner, or traceable to no email."""

from __future__ import annotations

from typing import Any

from aftersend.providers.constant_contact.identity import STATUS, of_optout
from aftersend.providers.constant_contact.values import next_of, opened, stamp
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.values import rows_of, text
from aftersend.vocabulary import BadInput, ContactInfo, Delivery, Event, Kind, Reading

OPTED_OUT = "unsubscribed"


def look(answer: Answer) -> Page:
    """A page of contacts."""
    said = opened(answer.body)
    rows = rows_of(said, "contacts")
    return Page(
        ids=[(text(row.get("contact_id")) if isinstance(row, dict) else None) or repr(row) for row in rows],
        next=next_of(said),
    )


def read(delivery: Delivery, source: str, zone: str) -> Reading:
    """An event for each contact who opted out, and their names."""
    try:
        rows = rows_of(opened(delivery.body), "contacts")
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, row in enumerate(rows):
        try:
            found, info = _contact(row, source, zone)
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
            continue
        reading.events += found
        reading.contacts += info
    return reading


def _contact(row: Any, source: str, zone: str) -> tuple[list[Event], list[ContactInfo]]:
    """Raises BadInput naming the field."""
    if not isinstance(row, dict):
        raise BadInput("A row must be an object.")
    address = row.get("email_address")
    told: dict[str, Any] = address if isinstance(address, dict) else {}
    contact, email = text(row.get("contact_id")), text(told.get("address"))
    who = contact or (email or "").lower()
    if not who:
        raise BadInput("contact_id is missing.", "contact_id")
    first, last = text(row.get("first_name")), text(row.get("last_name"))
    named = first or last
    info = [ContactInfo(contact_id=contact, email=email, first_name=first, last_name=last)] if named else []
    opted_out = stamp(told.get("opt_out_date"), "email_address.opt_out_date", zone)
    if opted_out is None:
        if (text(told.get("permission_to_send")) or "").lower() == OPTED_OUT:
            raise BadInput("email_address.opt_out_date is missing.", "email_address.opt_out_date")
        return [], info
    by = text(told.get("opt_out_source"))
    return [
        Event(
            slot=of_optout(source, who, opted_out.at),
            kind=Kind.UNSUBSCRIBED,
            word=OPTED_OUT,
            occurred_at=opted_out.at,
            precision=opted_out.precision,
            clock=opted_out.clock,
            list=STATUS,
            row=str(opted_out.at),
            contact_id=contact,
            email=email,
            reason=text(told.get("opt_out_reason")),
            metadata={"opt_out_source": by} if by else {},
        )
    ], info
