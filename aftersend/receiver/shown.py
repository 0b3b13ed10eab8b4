"""How what the store knows is shown in our own answers.

Pure functions: a row or figure of the store in, a dictionary of :mod:`~aftersend.receiver.answers` out. Nothing
here tells in which order things came in (law 2). Times are UTC in ISO form, absent is ``None``.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Literal

from aftersend.receiver.answers import (
    BudgetAnswer,
    CampaignAnswer,
    Change,
    FeedAnswer,
    Known,
    KnownChange,
    LinkAnswer,
    MessageAnswer,
    Rates,
    RawDelivery,
    Row,
    SightingAnswer,
    Slot,
    Total,
    TotalChange,
)
from aftersend.receiver.figures import Figures
from aftersend.receiver.rounding import percent, ratio
from aftersend.storage.contract import (
    Budget,
    CampaignRow,
    EventRow,
    FeedRow,
    Funnel,
    Link,
    MessageRow,
    Sighting,
)
from aftersend.vocabulary import Delivery, Kind, now
from aftersend.zones import isoformat

RATES: Mapping[Literal["open", "click", "bounce"], tuple[Kind, Kind]] = {
    "open": (Kind.OPENED, Kind.DELIVERED),
    "click": (Kind.CLICKED, Kind.DELIVERED),
    "bounce": (Kind.BOUNCED, Kind.SENT),
}
"""Rate → of which unique count to which, rounded half up to 4 decimals."""


def counts(funnel: Funnel) -> dict[Kind, Total]:
    """Every kind of the vocabulary, in its order."""
    return {kind: {"total": count.total, "unique": count.unique} for kind, count in funnel.items()}


def rates(unique: Mapping[Kind, int]) -> Rates:
    """:data:`RATES` of unique counts; ``None`` where there is nothing to divide by."""
    found = {name: ratio(unique[part], unique[base], 4) for name, (part, base) in RATES.items()}
    return {"open": found["open"], "click": found["click"], "bounce": found["bounce"]}


def unique(funnel: Funnel) -> dict[Kind, int]:
    """The unique count of each kind."""
    return {kind: count.unique for kind, count in funnel.items()}


def slots(walls: Sequence[str], figures: Sequence[Figures]) -> list[Slot]:
    """A slot between each two neighbouring edges, given as they stand on the wall clock."""
    return [
        {"start": start, "end": end, "counts": counts(slot.counts), "rates": rates(unique(slot.counts))}
        for start, end, slot in zip(walls, walls[1:], figures, strict=False)
    ]


def change(old: Funnel, new: Funnel, old_contacts: Known, new_contacts: Known) -> Change:
    """How much more or less there is than before, in percent of what was before, rounded half away from zero to
    2 decimals; ``None`` where that was nothing. A rate's change is computed from its counts."""
    totals: dict[Kind, TotalChange] = {
        kind: {
            "total": _change(old[kind].total, new[kind].total),
            "unique": _change(old[kind].unique, new[kind].unique),
        }
        for kind in Kind
    }
    was, is_ = unique(old), unique(new)
    of_rates = {
        name: _change(was[part] * is_[base], is_[part] * was[base]) if was[base] and is_[base] else None
        for name, (part, base) in RATES.items()
    }
    contacts: KnownChange = {
        "known": _change(old_contacts["known"], new_contacts["known"]),
        "new": _change(old_contacts["new"], new_contacts["new"]),
    }
    return {
        "counts": totals,
        "rates": {"open": of_rates["open"], "click": of_rates["click"], "bounce": of_rates["bounce"]},
        "contacts": contacts,
    }


def _change(old: int, new: int) -> float | None:
    return percent(new - old, old, 2)


def campaign(row: CampaignRow, settled: Figures, derived: list[Kind]) -> CampaignAnswer:
    """A campaign with its lifetime counts, in which deliveries are settled."""
    return {
        "source": row.source,
        "campaign_id": row.campaign_id,
        "name": row.name,
        "status": row.status,
        "type": row.type,
        "subject": row.subject,
        "template": row.template,
        "created_at": isoformat(row.created_at),
        "scheduled_at": isoformat(row.scheduled_at),
        "first_at": isoformat(row.first_at),
        "last_at": isoformat(row.last_at),
        "first_sent_at": isoformat(row.first_sent_at),
        "last_sent_at": isoformat(row.last_sent_at),
        "counts": counts(settled.counts),
        "rates": rates(unique(settled.counts)),
        "derived": derived,
        "from_snapshot": settled.from_snapshot,
    }


def link(row: Link) -> LinkAnswer:
    """A link that was clicked."""
    return {"url": row.url, "number": row.number, "total": row.total, "unique": row.unique}


def event(row: EventRow) -> Row:
    """An event as every list shows it: all keys always there, nothing that tells when it came in."""
    return {
        "source": row.source,
        "id": row.id,
        "kind": row.kind,
        "word": row.word,
        "channel": row.channel,
        "occurred_at": isoformat(row.occurred_at),
        "precision": row.precision,
        "clock": row.clock,
        "campaign_id": row.campaign_id,
        "activity_id": row.activity_id,
        "template": row.template,
        "contact_id": row.contact_id,
        "external_id": row.external_id,
        "email": row.email,
        "phone": row.phone,
        "message_id": row.message_id,
        "url": row.url,
        "link_number": row.link_number,
        "ip": row.ip,
        "ip_chain": row.ip_chain,
        "user_agent": row.user_agent,
        "device": row.device,
        "machine": row.machine,
        "machine_reason": row.machine_reason,
        "bounce_class": row.bounce_class,
        "reason": row.reason,
        "smtp_code": row.smtp_code,
        "row_id": row.row_id,
        "doors": row.doors,
        "metadata": row.metadata,
    }


def sighting(told: Sighting, raw: Delivery | None) -> SightingAnswer:
    """What one delivery said, and the delivery itself where it is still kept."""
    return {
        "door": told.door,
        "list": told.list,
        "row": told.row,
        "delivery_id": told.delivery_id,
        "received_at": isoformat(told.received_at),
        "word": told.event.word,
        "occurred_at": isoformat(told.event.occurred_at),
        "precision": told.event.precision,
        "clock": told.event.clock,
        "row_id": told.event.row_id,
        "delivery": None if raw is None else delivery(raw),
    }


def delivery(raw: Delivery) -> RawDelivery:
    """A raw delivery; its body as text where it is UTF-8, else in base64."""
    encoding: Literal["utf-8", "base64"] = "utf-8"
    try:
        body = raw.body.decode()
    except UnicodeDecodeError:
        encoding, body = "base64", base64.b64encode(raw.body).decode()
    return {
        "id": raw.id,
        "door": raw.door,
        "feed": raw.feed,
        "received_at": isoformat(raw.received_at),
        "content_type": raw.content_type,
        "context": raw.context,
        "encoding": encoding,
        "body": body,
    }


def message(row: MessageRow, campaign_name: str | None, events: list[str]) -> MessageAnswer:
    """A message with what became of it; ``events`` are the ids of those behind it."""
    return {
        "campaign_id": row.campaign_id,
        "campaign_name": campaign_name,
        "activity_id": row.activity_id,
        "subject": row.subject,
        "template": row.template,
        "message_id": row.message_id,
        "channel": row.channel,
        "created_at": isoformat(row.created_at),
        "status": row.status,
        "bounce": row.bounce,
        "outcomes": {
            kind: {
                "count": row.outcomes[kind].count,
                "first_at": isoformat(row.outcomes[kind].first_at),
                "last_at": isoformat(row.outcomes[kind].last_at),
            }
            for kind in Kind
            if kind in row.outcomes
        },
        "events": events,
    }


def budget(found: Budget) -> BudgetAnswer:
    """What is left of a platform's limit."""
    return {
        "period_seconds": found.period / 1000,
        "calls": found.most,
        "left": found.left,
        "until": isoformat(found.until),
    }


def feed(row: FeedRow, enabled: bool) -> FeedAnswer:
    """A feed of a source: how far it has been read, and what is wrong with it."""
    return {
        "feed": row.feed,
        "lane": row.lane,
        "enabled": enabled,
        "position": row.position,
        "complete_until": isoformat(row.complete_until),
        "lag_seconds": None if row.complete_until is None else (now() - row.complete_until) / 1000,
        "last_run_at": isoformat(row.last_run_at),
        "last_success_at": isoformat(row.last_success_at),
        "last_rows": row.last_rows,
        "quiet_runs": row.quiet_runs,
        "due_at": isoformat(row.due_at),
        "parked_until": isoformat(row.parked_until),
        "failures": row.failures,
        "stopped": row.stopped,
        "finished": row.finished,
        "problem": row.problem,
    }
