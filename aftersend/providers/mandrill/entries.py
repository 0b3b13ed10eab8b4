"""Entries of the lists of addresses: the deny list and the allow list (provider file, Events and Pull feed).

Sync events of webhooks tell changes of both; ``rejects/list`` shows up to 1,000 entries of the deny list as they are
now. An entry made because its owner unsubscribed or complained says just that, without naming a message; any other is
``other``: a suppression is no event of a message. The list can't tell entries that were removed, and of those it has
more than 1,000 of, only these.
"""

from __future__ import annotations

import re
from typing import Any

from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.mandrill.identity import ENTERED, of_address, of_entry
from aftersend.providers.mandrill.messages import rows_in
from aftersend.providers.mandrill.values import dated, digest, seconds, smtp
from aftersend.providers.mandrill.words import ADDED, LISTS
from aftersend.providers.paging import Page
from aftersend.providers.values import Stamp, known, text
from aftersend.vocabulary import BadInput, Delivery, Event, Kind, Reading

DENYLIST, ADD = "denylist", "add"
ROW = "rejects/list"
"""The word of a row, which has none."""


def synced(item: dict[str, Any], source: str) -> Event:
    """The event of a sync event. Raises BadInput naming the field."""
    type_, action = text(item.get("type")) or "", text(item.get("action")) or ""
    entry = next((item[name] for name in ("reject", "entry") if isinstance(item.get(name), dict)), None)
    if entry is None:
        raise BadInput("The sync event has no entry.", "reject")
    which = LISTS.get(re.sub(r"[\s_-]", "", type_.lower()), type_)
    ts = seconds(item["ts"], "ts") if item.get("ts") is not None else None
    return _event(entry, which, action.lower(), f"{type_} {action}".strip(), ts, None, source)


def read(delivery: Delivery, source: str) -> Reading:
    """An event for each entry of the deny list."""
    try:
        rows = rows_in(delivery.body)
    except Malformed as error:
        return unreadable(delivery, error)
    received = Stamp(delivery.received_at).about()
    reading = Reading()
    for number, row in enumerate(rows):
        try:
            if not isinstance(row, dict):
                raise BadInput("An entry must be an object.")
            reading.events.append(_event(row, DENYLIST, ADD, ROW, None, received, source))
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    return reading


def look(answer: Answer) -> Page:
    return Page(ids=[digest(row) for row in rows_in(answer.body)])


def _event(
    entry: dict[str, Any], which: str, action: str, word: str, ts: Stamp | None, received: Stamp | None, source: str
) -> Event:
    """``ts``: when a webhook says the change was; ``received``: what stands in where nothing says it."""
    email = text(entry.get("email"))
    if not email:
        raise BadInput("email is missing.", "email")
    created = dated(entry.get("created_at"), "created_at")
    at = ts or created or received
    if at is None:
        raise BadInput("Neither ts nor created_at says when it was.", "ts")
    why, detail = text(entry.get("reason")), text(entry.get("detail"))
    added = which == DENYLIST and action == ADD
    kind = ADDED.get(why or "", Kind.OTHER) if added else Kind.OTHER
    # What was added is known by the entry's own time, which the list shows too; other changes only by the webhook's.
    known_by = (created or ts) if action == ADD else (ts or created)
    when = str(known_by.at // 1000) if known_by else digest(sorted(entry.items(), key=str))
    place: dict[str, Any]
    if kind is Kind.OTHER:
        place = {"slot": of_entry(source, which, action, email, when)}
    else:
        place = {"slot": of_address(source, kind, email), "list": ENTERED, "row": when}
    return Event(
        kind=kind,
        word=word,
        occurred_at=at.at,
        precision=at.precision,
        clock=at.clock,
        email=email,
        reason=detail or why,
        smtp_code=smtp(detail)[0],
        metadata=known(
            list=which,
            action=action,
            reject_reason=why,
            created_at=text(entry.get("created_at")),
            last_event_at=text(entry.get("last_event_at")),
            expires_at=text(entry.get("expires_at")),
            expired="yes" if entry.get("expired") is True else None,
            subaccount=text(entry.get("subaccount")),
            sender=text(entry.get("sender")),
        ),
        **place,
    )
