"""An event as a row of the table ``events``, both ways. The order of the columns is written here once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from aftersend.storage.sqlite.codes import (
    CHANNEL,
    CHANNELS,
    CLOCK,
    CLOCKS,
    KIND,
    KINDS,
    MACHINE,
    MACHINES,
    PRECISION,
    PRECISIONS,
)
from aftersend.storage.sqlite.facts import sort_of
from aftersend.storage.sqlite.statements import values
from aftersend.vocabulary import BounceClass, Event, Instant

PLACE = ["id", "slot", "n", "source", "campaign", "contact", "message"]
"""Where an event stands in the store."""

WEIGHT = ["doors", "sightings", "delivery", "received_at", "digest"]
"""What is known of its sightings."""

ACCOUNT = [
    "kind",
    "channel",
    "machine",
    "at",
    "precision",
    "clock",
    "list",
    "row",
    "word",
    "row_id",
    "activity_id",
    "message_id",
    "by_message",
    "template",
    "external_id",
    "email",
    "phone",
    "url",
    "link_number",
    "ip",
    "ip_chain",
    "user_agent",
    "device",
    "machine_reason",
    "bounce_class",
    "reason",
    "smtp_code",
    "metadata",
    "sort",
]
"""What it says. Campaign and contact ids stand in their own tables."""

NULLABLE = set(ACCOUNT[ACCOUNT.index("row_id") : -1]) - {"by_message"}

COLUMNS = PLACE + WEIGHT + ACCOUNT

INSERT = f"INSERT INTO events ({','.join(COLUMNS)}) VALUES ({values(COLUMNS, NULLABLE)})"
UPDATE = f"UPDATE events SET ({','.join(COLUMNS[1:])}) = ({values(COLUMNS[1:], NULLABLE)}) WHERE id=?"

_json = msgspec.json.Encoder(order="deterministic")


def account(e: Event) -> tuple[Any, ...]:
    """The values of :data:`ACCOUNT`, the empty text for NULL (:func:`statements.values`)."""
    kind = KIND[e.kind]
    return (
        kind,
        CHANNEL[e.channel],
        MACHINE[e.machine],
        e.occurred_at,
        PRECISION[e.precision],
        CLOCK[e.clock],
        e.list,
        e.row,
        e.word,
        e.row_id or "",
        e.activity_id or "",
        e.message_id or "",
        1 if e.by_message else 0,
        e.template or "",
        e.external_id or "",
        e.email or "",
        e.phone or "",
        e.url or "",
        e.link_number or "",
        e.ip or "",
        e.ip_chain or "",
        e.user_agent or "",
        e.device or "",
        e.machine_reason or "",
        e.bounce_class.value if e.bounce_class else "",
        e.reason or "",
        e.smtp_code or "",
        _json.encode(e.metadata).decode() if e.metadata else "",
        sort_of(kind, e.bounce_class, e.reason),
    )


def event(slot: bytes, campaign_id: str, contact_id: str | None, told: Sequence[Any]) -> Event:
    """The event that :func:`account` was made of."""
    (
        kind, channel, machine, at, precision, clock, list_, row, word, row_id, activity_id,
        message_id, by_message, template, external_id, email, phone, url, link_number, ip,
        ip_chain, user_agent, device, machine_reason, bounce_class, reason, smtp_code, metadata, _sort,
    ) = told  # fmt: skip
    return Event(
        slot=slot,
        kind=KINDS[kind],
        word=word,
        occurred_at=Instant(at),
        list=list_,
        row=row,
        row_id=row_id,
        precision=PRECISIONS[precision],
        clock=CLOCKS[clock],
        channel=CHANNELS[channel],
        campaign_id=campaign_id or None,
        activity_id=activity_id,
        message_id=message_id,
        by_message=bool(by_message),
        template=template,
        contact_id=contact_id,
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
        bounce_class=BounceClass(bounce_class) if bounce_class else None,
        reason=reason,
        smtp_code=smtp_code,
        metadata=msgspec.json.decode(metadata) if metadata else {},
    )
