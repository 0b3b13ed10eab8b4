"""``events``: opens, clicks and replies one by one (providers/hogsend.md 2.7)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import islice

from msgspec.structs import replace
from werkzeug.exceptions import NotFound

from aftersend.receiver.auth import CONTACTS, REPORTS
from aftersend.receiver.dialects.hogsend import sends
from aftersend.receiver.dialects.hogsend.answers import Hit, Hits
from aftersend.receiver.dialects.hogsend.desk import Desk
from aftersend.receiver.dialects.hogsend.metrics import EVENTS
from aftersend.storage.contract import EventRow, Filter, LogFilter, Store
from aftersend.vocabulary import Kind

NAMES = {kind: name for name, kind in EVENTS.items()}
TRACKING = "tracking"
READ_AHEAD = 1_000
MOST_MESSAGES = 10_000
"""Of one contact, where they are counted one by one."""


def hits() -> Hits:
    """Newest first. ``source`` is the platform's own filter here; besides ``tracking``, which is all we have, it takes
    the name of a source of ours."""
    desk = Desk(REPORTS, CONTACTS)
    limit, offset = desk.query.page()
    user, event, source = desk.query.text("userId"), desk.query.text("event"), desk.query.text("source")
    since, until = desk.query.window()
    try:
        sources = desk.visible(None if source == TRACKING else source)
    except NotFound:
        sources = ()
    kinds = tuple(EVENTS.values()) if event is None else (EVENTS[event],) if event in EVENTS else ()
    owner = sends.owner_of(desk.store, sources, user)
    filters = _filters(Filter(sources=sources, since=since, until=until), kinds, owner)
    rows = _newest(desk.store, filters, limit, offset)
    return {
        "events": _printed(desk.store, rows),
        "total": sum(_total(desk.store, which) for which in filters),
        "limit": limit,
        "offset": offset,
    }


def _filters(which: Filter, kinds: Sequence[Kind], owner: dict[str, str] | None) -> list[Filter]:
    """What is asked, as filters without a common event. Clicks by machines are left out, opens by machines are not."""
    if owner is None:
        return []
    which = replace(which, **owner)
    clicks = [kind for kind in kinds if kind is Kind.CLICKED]
    others = [kind for kind in kinds if kind is not Kind.CLICKED]
    parts = ((clicks, "exclude"), (others, "include"))
    return [replace(which, kinds=tuple(part), machine=machine) for part, machine in parts if part]


def _newest(store: Store, filters: Sequence[Filter], limit: int, offset: int) -> list[EventRow]:
    if len(filters) == 1:
        return store.events(filters[0], "newest", limit=limit, offset=offset)
    walks = (_walk(store, which) for which in filters)
    merged = heapq.merge(*walks, key=lambda row: (row.occurred_at, row.id), reverse=True)
    return list(islice(merged, offset, offset + limit))


def _walk(store: Store, which: Filter) -> Iterator[EventRow]:
    rows = store.events(which, "newest", limit=READ_AHEAD)
    while rows:
        yield from rows
        rows = store.events(which, "newest", limit=READ_AHEAD, after=(rows[-1].occurred_at, rows[-1].id))


def _total(store: Store, which: Filter) -> int:
    kinds = which.kinds or ()
    if which.contact_id is not None or which.external_id is not None:
        messages = store.messages(which, limit=MOST_MESSAGES)
        return sum(message.outcomes[kind].count for message in messages for kind in kinds if kind in message.outcomes)
    # From the beginning of time: only events, no totals that a platform tells instead of them.
    funnel = store.funnel(replace(which, kinds=None, since=which.since or 0))
    return sum(funnel[kind].total for kind in kinds)


def _printed(store: Store, rows: Sequence[EventRow]) -> list[Hit]:
    numbers: dict[tuple[str | None, ...], int | None] = {}
    answer = []
    for row in rows:
        key = (row.source, row.campaign_id, row.contact_id or row.email, row.message_id)
        if key not in numbers:
            numbers[key] = _message_of(store, row)
        answer.append(_hit(row, numbers[key]))
    return answer


def _message_of(store: Store, row: EventRow) -> int | None:
    """The number of the message that an event happened to."""
    # Where a platform has no id of a contact, the address stands in for it.
    who = row.contact_id or row.email
    if who is None:
        return None
    which = LogFilter(sources=(row.source,), campaign_id=row.campaign_id, contact_id=who)
    found = [message for message in store.log(which, limit=100) if message.campaign_id == row.campaign_id]
    if len(found) > 1:
        found = [message for message in found if message.message_id == row.message_id]
    return found[0].number if found else None


def _hit(row: EventRow, message: int | None) -> Hit:
    properties: dict[str, str | None] = {
        "emailSendId": None if message is None else sends.send_id(message),
        "templateKey": row.template or row.campaign_id,
        "journeyId": None,
        "campaignId": row.campaign_id,
    }
    if row.kind is Kind.CLICKED:
        properties["linkUrl"] = row.url
        properties["linkId"] = sends.link_id(message, row.url) if row.url and message is not None else None
    return {
        "id": sends.hit_id(row.number),
        "userId": row.external_id or row.contact_id,
        "event": NAMES[row.kind],
        "properties": properties,
        "occurredAt": sends.stamp(row.occurred_at),
        "source": TRACKING,
        "userEmail": row.email,
        "contactId": row.contact_id,
    }
