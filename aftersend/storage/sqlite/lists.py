"""Lists of events: walks along ``(source, kind, at)`` or ``(campaign, kind, at)``, one for each source and kind that
occurs, merged; a contact's events through its messages; what is new by number."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from aftersend.storage.contract import Bookmark, EventRow, Filter, Order, Sighting
from aftersend.storage.sqlite import rows
from aftersend.storage.sqlite.codes import (
    ACTED_BY_MACHINE,
    CHANNELS,
    CLOCKS,
    DOORS,
    KIND,
    KINDS,
    LIFETIME,
    MACHINES,
    PRECISIONS,
)
from aftersend.storage.sqlite.people import EXTERNAL_ID, contact_id_of
from aftersend.storage.sqlite.selection import campaigns_of, channels_of, contacts_of, sources_of
from aftersend.storage.sqlite.slots import stored
from aftersend.storage.sqlite.statements import batched, marks
from aftersend.vocabulary import BadInput

_SELECT = f"""
    SELECT e.id, e.slot, e.n, s.name, g.campaign_id, c.key, coalesce(e.email, c.email), coalesce(e.phone, c.phone),
           {EXTERNAL_ID.format("e.external_id, c.external_id")}, e.doors, e.received_at,
           {", ".join(f"e.{name}" for name in rows.ACCOUNT)}
"""
_JOINED = """
    JOIN sources s ON s.id = e.source JOIN campaigns g ON g.id = e.campaign JOIN contacts c ON c.id = e.contact
"""
_ORDERS = {
    "newest": "at DESC, slot DESC, n DESC",
    "oldest": "at, slot, n",
    "arrival": "id",
}


class _Walk(NamedTuple):
    """One walk along an index: a condition that an index answers in the order wanted."""

    condition: str
    values: tuple[Any, ...]


def events(
    c: sqlite3.Connection, which: Filter, order: Order, limit: int, offset: int, after: Bookmark | None
) -> list[EventRow]:
    walks = _walks(c, which, order)
    conditions, values = _conditions(which, order, after)
    if order == "arrival" and (named := contacts_of(c, which)) is not None:
        conditions, values = f"{conditions} AND e.contact IN ({marks(len(named))})", [*values, *named]
    most = limit + offset
    inner = " UNION ALL ".join(
        f"SELECT * FROM (SELECT e.id, e.at, e.slot, e.n FROM events e {walk.condition} AND {conditions} "
        f"ORDER BY {', '.join(f'e.{term}' for term in _ORDERS[order].split(', '))} LIMIT ?)"
        for walk in walks
    )
    if not inner:
        return []
    ids = [
        id
        for id, *_ in c.execute(
            f"SELECT * FROM ({inner}) ORDER BY {_ORDERS[order]} LIMIT ? OFFSET ?",
            (*(value for walk in walks for value in (*walk.values, *values, most)), limit, offset),
        )
    ]
    found: dict[int, EventRow] = {}
    for chunk in batched(ids):
        for row in c.execute(f"{_SELECT} FROM events e {_JOINED} WHERE e.id IN ({marks(len(chunk))})", chunk):
            found[row[0]] = _event_row(row)
    return [found[id] for id in ids]


def _walks(c: sqlite3.Connection, which: Filter, order: Order) -> list[_Walk]:
    if order == "arrival":
        sources = tuple(sources_of(c, which))
        # The plus keeps the planner from an index by source, which would sort all of its events by number.
        return [_Walk(f"WHERE +e.source IN ({marks(len(sources))})", sources)] if sources else []
    named = contacts_of(c, which)
    if named is not None:
        return [_Walk("JOIN messages m ON m.id = e.message WHERE m.contact = ?", (contact,)) for contact in named[:200]]
    if which.campaign_id is not None:
        column, ids, scopes = "campaign", (found := campaigns_of(c, which)), found
    else:
        column, ids = "source", list(sources_of(c, which))
        scopes = [-id for id in ids]
    # Only kinds that occur at all, so that an index isn't asked in vain; SQLite joins at most 500 walks.
    kinds = set(range(len(KINDS))) if which.kinds is None else {KIND[kind] for kind in which.kinds}
    walks = []
    for id, scope in zip(ids, scopes, strict=True):
        present = {
            kind
            for (kind,) in c.execute(
                f"SELECT DISTINCT kind FROM buckets WHERE scope = ? AND channel IN ({marks(len(CHANNELS))}) "
                f"AND kind IN ({marks(len(KINDS))}) AND quarter = ?",
                (scope, *range(len(CHANNELS)), *range(len(KINDS)), LIFETIME),
            )
        }
        walks += [_Walk(f"WHERE e.{column} = ? AND e.kind = ?", (id, kind)) for kind in sorted(kinds & present)]
    return walks


def _conditions(which: Filter, order: Order, after: Bookmark | None) -> tuple[str, list[Any]]:
    conditions = ["true"]
    values: list[Any] = []

    def add(condition: str, *more: Any) -> None:
        conditions.append(condition)
        values.extend(more)

    if which.channels is not None:
        add(f"e.channel IN ({marks(len(which.channels))})", *channels_of(which))
    if which.kinds is not None:
        add(f"e.kind IN ({marks(len(which.kinds))})", *(KIND[kind] for kind in which.kinds))
    if which.campaign_id is not None:
        add("e.campaign IN (SELECT id FROM campaigns WHERE campaign_id = ?)", which.campaign_id)
    if which.word is not None:
        add("e.word = ?", which.word)
    if which.message_id is not None:
        add("e.message_id = ?", which.message_id)
    if which.since is not None:
        add("e.at >= ?", which.since)
    if which.until is not None:
        add("e.at < ?", which.until)
    if which.machine == "exclude":
        add("e.machine != ?", ACTED_BY_MACHINE)
    if after is not None:
        if order == "arrival":
            add("e.id > ?", after[0])
        else:
            at, id = after
            slot, n = event_key(str(id))
            turned = "<" if order == "newest" else ">"
            # The first condition alone lets the index skip what was read.
            add(f"e.at {turned}= ? AND (e.at, e.slot, e.n) {turned} (?,?,?)", at, at, slot, n)
    return " AND ".join(conditions), values


def event_id(slot: bytes, n: int) -> str:
    """An event's public id: the same whatever the order of arrival."""
    return f"{slot.hex()}-{n}" if n else slot.hex()


def event_key(id: str) -> tuple[bytes, int]:
    """Slot and ordinal of a public id. Raises BadInput."""
    slot, _, n = id.partition("-")
    try:
        if len(n) < 10:
            return bytes.fromhex(slot), int(n or 0)
    except ValueError:
        pass
    raise BadInput("That is not an event's id.", "id")


def _event_row(row: Sequence[Any]) -> EventRow:
    (
        number, slot, n, source, campaign_id, contact_key, email, phone, external_id, doors, received_at,
        kind, channel, machine, at, precision, clock, _list, _row, word, row_id, activity_id,
        message_id, _by_message, template, _external, _email, _phone, url, link_number, ip,
        ip_chain, user_agent, device, machine_reason, bounce_class, reason, smtp_code, metadata,
    ) = row  # fmt: skip
    return EventRow(
        id=event_id(slot, n),
        number=number,
        source=source,
        kind=KINDS[kind],
        word=word,
        channel=CHANNELS[channel],
        occurred_at=at,
        precision=PRECISIONS[precision],
        clock=CLOCKS[clock],
        received_at=received_at,
        row_id=row_id,
        campaign_id=campaign_id or None,
        activity_id=activity_id,
        message_id=message_id,
        template=template,
        contact_id=contact_id_of(contact_key),
        external_id=external_id,
        email=email,
        phone=phone,
        url=url,
        link_number=link_number,
        ip=ip,
        ip_chain=ip_chain,
        user_agent=user_agent,
        device=device,
        machine=MACHINES[machine],
        machine_reason=machine_reason,
        bounce_class=bounce_class,
        reason=reason,
        smtp_code=smtp_code,
        metadata=msgspec.json.decode(metadata) if metadata else {},
        doors=list(DOORS[doors]),
    )


def event(c: sqlite3.Connection, id: str) -> tuple[EventRow, list[Sighting]] | None:
    slot, n = event_key(id)
    row = c.execute(f"{_SELECT} FROM events e {_JOINED} WHERE e.slot = ? AND e.n = ?", (slot, n)).fetchone()
    if row is None:
        return None
    sights = stored(c, [slot])[slot][n].folded.sights
    sightings = [
        Sighting(
            door=DOORS[s.door][0],
            list=s.event.list,
            row=s.event.row,
            delivery_id=s.delivery,
            received_at=s.received_at,
            event=s.event,
        )
        for s in sights
    ]
    return _event_row(row), sorted(sightings, key=lambda s: (s.received_at, s.delivery_id, s.list, s.row))
