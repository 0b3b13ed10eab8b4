"""Contacts, and the messages of a contact."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from typing import Any

from aftersend.storage.contract import ContactRow, Filter, MessageRow, Outcome
from aftersend.storage.sqlite.codes import ACTED_BY_MACHINE, CHANNELS, KINDS
from aftersend.storage.sqlite.selection import channels_of, contacts_of, window_of
from aftersend.storage.sqlite.statements import batched, marks
from aftersend.vocabulary import BadInput, Kind

# Who is known only by address takes the external id told for that address elsewhere in the source. The pluses
# keep the planner from walking all contacts by another index in search of the address.
EXTERNAL_ID = """coalesce({0}, (SELECT a.external_id FROM contacts a WHERE a.source = c.source
    AND lower(a.email) = lower(c.email) AND a.email IS NOT NULL AND +a.external_id IS NOT NULL
    ORDER BY +a.key LIMIT 1))"""


def contacts(c: sqlite3.Connection, which: Filter, limit: int) -> list[ContactRow]:
    ids = contacts_of(c, which)
    if ids is None:
        raise BadInput("Name a contact: contact_id, external_id or email.", "contact_id")
    answer = []
    for chunk in batched(ids):
        for source, key, email, external_id, phone, first_at, last_at in c.execute(
            f"""
            SELECT s.name, c.key, c.email, {EXTERNAL_ID.format("c.external_id")}, c.phone, min(o.first_at),
                   max(o.last_at)
            FROM contacts c JOIN sources s ON s.id = c.source JOIN messages m ON m.contact = c.id
            JOIN outcomes o ON o.message = m.id
            WHERE c.id IN ({marks(len(chunk))}) GROUP BY c.id
            """,
            chunk,
        ):
            answer.append(
                ContactRow(
                    source=source,
                    contact_id=contact_id_of(key),
                    external_id=external_id,
                    email=email,
                    phone=phone,
                    first_at=first_at,
                    last_at=last_at,
                )
            )
    return sorted(answer, key=lambda row: (row.source, row.contact_id or "", row.email or ""))[:limit]


def messages(c: sqlite3.Connection, which: Filter, limit: int) -> list[MessageRow]:
    ids = contacts_of(c, which)
    if ids is None:
        raise BadInput("Name a contact: contact_id, external_id or email.", "contact_id")
    channels = channels_of(which)
    human = f"AND e.machine != {ACTED_BY_MACHINE}" if which.machine == "exclude" else ""
    campaign = "" if which.campaign_id is None else "AND g.campaign_id = ?"
    gathered: dict[int, dict[Kind, Outcome]] = defaultdict(dict)
    about: dict[int, tuple[Any, ...]] = {}
    since, until = window_of(which)
    for chunk in batched(ids):
        for message, kind, n, first_at, last_at, *rest in c.execute(
            f"""
            SELECT m.id, e.kind, count(*), min(e.at), max(e.at), s.name, g.campaign_id, m.channel, c.key, c.email,
                   {EXTERNAL_ID.format("c.external_id")}, min(e.message_id), min(e.template)
            FROM messages m JOIN events e ON e.message = m.id JOIN campaigns g ON g.id = m.campaign
            JOIN contacts c ON c.id = m.contact JOIN sources s ON s.id = c.source
            WHERE m.contact IN ({marks(len(chunk))}) AND m.channel IN ({marks(len(channels))}) AND e.at >= ?
              AND e.at < ? {campaign} {human}
            GROUP BY m.id, e.kind
            """,
            (*chunk, *channels, since, until, *([] if which.campaign_id is None else [which.campaign_id])),
        ):
            gathered[message][KINDS[kind]] = Outcome(n, first_at, last_at)
            known = about.get(message, (None,) * len(rest))
            about[message] = tuple(new if new is not None else old for new, old in zip(rest, known, strict=True))
    answer = []
    for message, outcomes in gathered.items():
        source, campaign_id, channel, key, email, external_id, message_id, template = about[message]
        answer.append(
            MessageRow(
                source=source,
                campaign_id=campaign_id or None,
                message_id=message_id,
                contact_id=contact_id_of(key),
                external_id=external_id,
                email=email,
                channel=CHANNELS[channel],
                template=template,
                outcomes={kind: outcomes[kind] for kind in KINDS if kind in outcomes},
            )
        )
    answer.sort(
        key=lambda m: (m.source, m.campaign_id or "", m.message_id or "", m.contact_id or "", m.email or "", m.channel)
    )
    answer.sort(key=lambda m: min(o.first_at for o in m.outcomes.values()), reverse=True)
    return answer[:limit]


def contact_id_of(key: str) -> str | None:
    """The platform's id in a contact's key, if it is one."""
    return key[2:] if key.startswith("i:") else None
