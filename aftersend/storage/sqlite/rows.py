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

COLUMNS = PLACE + WEIGHT + ACCOUNT

INSERT = f"INSERT INTO events ({','.join(COLUMNS)}) VALUES ({','.join('?' * len(COLUMNS))})"
UPDATE = f"UPDATE events SET {','.join(f'{c}=?' for c in COLUMNS[1:])} WHERE id=?"

_json = msgspec.json.Encoder(order="deterministic")


def account(e: Event) -> tuple[Any, ...]:
    """The values of :data:`ACCOUNT`."""
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
        e.row_id,
        e.activity_id,
        e.message_id,
        e.by_message,
        e.template,
        e.external_id,
        e.email,
        e.phone,
        e.url,
        e.link_number,
        e.ip,
        e.ip_chain,
        e.user_agent,
        e.device,
        e.machine_reason,
        e.bounce_class,
        e.reason,
        e.smtp_code,
        _json.encode(e.metadata).decode() if e.metadata else None,
        sort_of(kind, e.bounce_class, e.reason),
    )


def event(slot: bytes, campaign_id: str, contact_id: str | None, values: Sequence[Any]) -> Event:
    """The event that :func:`account` was made of."""
    (
        kind, channel, machine, at, precision, clock, list_, row, word, row_id, activity_id,
        message_id, by_message, template, external_id, email, phone, url, link_number, ip,
        ip_chain, user_agent, device, machine_reason, bounce_class, reason, smtp_code, metadata, _sort,
    ) = values  # fmt: skip
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
