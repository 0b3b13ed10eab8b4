"""``reporting/templates/{templateKey}`` and ``reporting/contacts/{id}/activity`` (providers/hogsend.md 2.1, 2.2)."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import islice
from typing import cast

from flask import request
from msgspec.structs import replace

from aftersend.receiver.auth import CONTACTS, REPORTS
from aftersend.receiver.dialects.hogsend import buckets, rates, sends
from aftersend.receiver.dialects.hogsend.answers import Bucket, ContactActivity, TemplateReport
from aftersend.receiver.dialects.hogsend.desk import Desk, Unknown
from aftersend.receiver.slots import Unit
from aftersend.storage.contract import Cohort, ContactRow, Filter, LogFilter, MessageRow, Store
from aftersend.vocabulary import Kind

UNITS = ("day", "week", "month")


def template(key: str) -> TemplateReport:
    """Counts are of messages by the time of their creation: an open three weeks later counts where its send does."""
    desk = Desk(REPORTS)
    window = desk.query.window()
    unit = cast(Unit, desk.query.option("granularity", UNITS) or "day")
    which = LogFilter(sources=desk.sources(), template=key)
    if not desk.store.log(which, limit=1):
        raise Unknown("Template has never been sent")
    (cohort,) = desk.store.cohorts(replace(which, since=window[0], until=window[1]))
    found = buckets.filled(
        unit,
        window,
        lambda window: sends.extent(desk.store, which, window),
        lambda edges: desk.store.cohorts(which, edges),
    )
    return {
        "templateKey": key,
        "window": {"from": request.args.get("from"), "to": request.args.get("to")},
        "totals": {
            "sent": cohort.happened[Kind.SENT],
            "delivered": cohort.happened[Kind.DELIVERED],
            "opened": cohort.happened[Kind.OPENED],
            "clicked": cohort.happened[Kind.CLICKED],
            "bounced": cohort.happened[Kind.BOUNCED],
            "complained": cohort.happened[Kind.COMPLAINED],
            "deliveryRate": rates.delivery_rate(cohort),
            "openRate": rates.open_rate(cohort),
            "clickRate": rates.click_rate(cohort),
            "clickToDeliveryRate": rates.click_to_delivery_rate(cohort),
        },
        "series": [_bucket(date, slot) for date, slot in found if slot.messages],
    }


def _bucket(date: str, cohort: Cohort) -> Bucket:
    return {
        "date": date,
        "sent": cohort.happened[Kind.SENT],
        "delivered": cohort.happened[Kind.DELIVERED],
        "opened": cohort.happened[Kind.OPENED],
        "clicked": cohort.happened[Kind.CLICKED],
        "bounced": cohort.happened[Kind.BOUNCED],
    }


def activity(key: str) -> ContactActivity:
    """Everything sent to a contact, or to its address without anybody's id."""
    desk = Desk(REPORTS, CONTACTS)
    limit, offset = desk.query.page()
    sources = desk.sources()
    found = _contacts(desk.store, sources, key)
    if not found:
        raise Unknown("Contact not found")
    theirs = [*dict.fromkeys(_sent_to(row, sources) for row in found)]
    return {
        "contact": {"externalId": found[0].external_id, "email": found[0].email},
        "sends": [sends.as_activity(row) for row in _newest(desk.store, theirs, limit, offset)],
        "total": sum(desk.store.log_size(which) for which in theirs),
        "limit": limit,
        "offset": offset,
    }


def _contacts(store: Store, sources: tuple[str, ...] | None, key: str) -> list[ContactRow]:
    """Those of that external id, else of that id, else of that address in any case (§7); without deleted ones."""
    by_external = store.contacts(Filter(sources=sources, external_id=key))
    by_id = [row for row in store.contacts(Filter(sources=sources, contact_id=key)) if row.contact_id == key]
    found = by_external or by_id or store.contacts(Filter(sources=sources, email=key))
    return [row for row in found if row.deleted_at is None]


def _sent_to(row: ContactRow, sources: tuple[str, ...] | None) -> LogFilter:
    """The address matters, exactly as written (2.2): what was sent to it without an id belongs to its owner."""
    if row.email is not None:
        return LogFilter(sources=sources, email=row.email)
    if row.contact_id is not None:
        return LogFilter(sources=(row.source,), contact_id=row.contact_id)
    return LogFilter(sources=(row.source,), external_id=row.external_id)


def _newest(store: Store, filters: Sequence[LogFilter], limit: int, offset: int) -> list[MessageRow]:
    """A page of all that the filters match, no message by two of them."""
    if len(filters) == 1:
        return store.log(filters[0], limit=limit, offset=offset)
    lists = (store.log(which, limit=limit + offset) for which in filters)
    merged = heapq.merge(*lists, key=lambda row: (row.created_at, row.number), reverse=True)
    return list(islice(merged, offset, offset + limit))
