"""Lists of events: walks along ``(source, kind, at)`` or ``(campaign, kind, at)``, one for each source and kind that
occurs, merged; a contact's events through its messages; what is new by number."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from aftersend.storage.contract import Bookmark, EventRow, Filter, Order, Sighting
from aftersend.storage.sqlite import told
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
from aftersend.storage.sqlite.counts import refuse
from aftersend.storage.sqlite.people import EXTERNAL_ID, contact_id_of
from aftersend.storage.sqlite.selection import (
    OF_ACTIVITY,
    activities_of,
    campaigns_of,
    channels_of,
    contacts_of,
    scopes_of,
    sources_of,
)
from aftersend.storage.sqlite.slots import stored
from aftersend.storage.sqlite.statements import batched, marks
from aftersend.vocabulary import BadInput, Kind

_SELECT = f"""
    SELECT e.id, e.slot, e.n, e.at, s.name, e.kind, e.word, e.channel, e.precision, e.clock, e.received_at, e.row_id,
           nullif(g.campaign_id, ''), e.activity_id, e.message_id, e.template, c.key,
           {EXTERNAL_ID.format("e.external_id, c.external_id")}, coalesce(e.email, c.email), coalesce(e.phone, c.phone),
           c.about, c.email, e.url, e.link_number, e.ip, e.ip_chain, e.user_agent, e.device, e.machine,
           e.machine_reason, e.bounce_class, e.reason, e.smtp_code, e.metadata, e.doors
"""
_JOINED = """
    JOIN sources s ON s.id = e.source JOIN campaigns g ON g.id = e.campaign JOIN contacts c ON c.id = e.contact
"""
_ORDERS = {
    "newest": "at DESC, slot DESC, n DESC",
    "oldest": "at, slot, n",
    "arrival": "id",
}
_TOGETHER = 100
"""Walks in one statement. SQLite takes 500 at most; prepared, it keeps some 4 kB for each."""


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
    if which.activity_id is not None:
        conditions, values = f"{conditions} AND {OF_ACTIVITY}", [*values, which.activity_id]
    # SQLite merges walks, and reads each of them only as far as the page needs it.
    pages = [
        c.execute(
            " UNION ALL ".join(
                f"SELECT e.at, e.slot, e.n, e.id FROM events e {walk.condition} AND {conditions}" for walk in some
            )
            + f" ORDER BY {_ORDERS[order]} LIMIT ?",
            (*(value for walk in some for value in (*walk.values, *values)), limit + offset),
        )
        for some in batched(walks, _TOGETHER)
    ]
    merged = heapq.merge(*pages, reverse=order == "newest")
    return _rows(c, [id for *_, id in islice(merged, offset, offset + limit)])


def last_events(
    c: sqlite3.Connection, which: Filter, kind: Kind, without: Sequence[Kind], limit: int, after: Bookmark | None
) -> list[EventRow]:
    """A walk along (campaign, kind, at) that keeps the last event of each recipient: a page costs what it skips."""
    refuse(which, "since", "until", "contact_id", "external_id", "email", "message_id", "kinds", "word")
    if which.campaign_id is None and which.activity_id is None:
        raise BadInput("Name a campaign: campaign_id or activity_id.", "campaign_id")
    conditions, values = _conditions(msgspec.structs.replace(which, campaign_id=None), "newest", after)
    last, n = ("human_last_at", "human_n") if which.machine == "exclude" else ("last_at", "n")
    not_last = (
        "EXISTS (SELECT 1 FROM messages m2 JOIN events f ON f.message = m2.id WHERE {0} = {1} AND f.kind = e.kind "
    )
    not_last += "AND f.at = e.at AND (f.slot, f.n) > (e.slot, e.n))"
    found: list[tuple[int, bytes, int, int]] = []
    for scope in scopes_of(c, which):
        # Ties at the very last instant are rare and looked up one by one, so that the index serves everything else.
        found += c.execute(
            f"""
            SELECT e.at, e.slot, e.n, e.id FROM events e JOIN messages m ON m.id = e.message
            JOIN outcomes o ON o.message = {scope.gatherer} AND o.kind = e.kind
            WHERE {scope.condition} AND e.kind = ? AND {conditions} AND o.{last} = e.at
              AND NOT EXISTS (SELECT 1 FROM outcomes w WHERE w.message = {scope.gatherer}
                              AND w.kind IN ({marks(len(without))}) AND w.{n} > 0)
              AND NOT (o.{n} > 1 AND {not_last.format(scope.gatherer.replace("m.", "m2."), scope.gatherer)})
            ORDER BY e.at DESC, e.slot DESC, e.n DESC LIMIT ?
            """,
            (*scope.values, KIND[kind], *values, *(KIND[other] for other in without), limit),
        ).fetchall()
    return _rows(c, [id for *_, id in sorted(found, reverse=True)[:limit]])


def _rows(c: sqlite3.Connection, ids: Sequence[int]) -> list[EventRow]:
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
    if which.activity_id is not None:
        column, scopes = "campaign", {campaign: campaign for _, campaign in activities_of(c, which)}
    elif which.campaign_id is not None:
        column, scopes = "campaign", {id: id for id in campaigns_of(c, which)}
    else:
        column, scopes = "source", {-id: id for id in sources_of(c, which)}
    channels, kinds = channels_of(which), [KIND[kind] for kind in (KINDS if which.kinds is None else which.kinds)]
    # Only kinds that occur at all, so that an index isn't asked in vain.
    present = c.execute(
        f"SELECT DISTINCT scope, kind FROM buckets WHERE scope IN ({marks(len(scopes))}) "
        f"AND channel IN ({marks(len(channels))}) AND kind IN ({marks(len(kinds))}) AND quarter = ?",
        (*scopes, *channels, *kinds, LIFETIME),
    )
    return [_Walk(f"WHERE e.{column} = ? AND e.kind = ?", (scopes[scope], kind)) for scope, kind in present]


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
        number, slot, n, at, source, kind, word, channel, precision, clock, received_at, row_id,
        campaign_id, activity_id, message_id, template, contact_key, external_id, email, phone,
        about, current_email, url, link_number, ip, ip_chain, user_agent, device, machine,
        machine_reason, bounce_class, reason, smtp_code, metadata, doors,
    ) = row  # fmt: skip
    names = told.known(about) if about else {}
    # By place: naming them all takes half of the time.
    return EventRow(
        event_id(slot, n), number, source, KINDS[kind], word, CHANNELS[channel], at, PRECISIONS[precision],
        CLOCKS[clock], received_at, row_id, campaign_id, activity_id, message_id, template,
        contact_id_of(contact_key), external_id, email, phone, names.get("first_name"), names.get("last_name"),
        current_email, names.get("deleted_at"), url, link_number, ip, ip_chain, user_agent, device,
        MACHINES[machine], machine_reason, bounce_class, reason, smtp_code,
        msgspec.json.decode(metadata) if metadata else {}, list(DOORS[doors]),
    )  # fmt: skip


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
