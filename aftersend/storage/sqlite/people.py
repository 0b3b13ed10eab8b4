"""Contacts, and the messages of a contact."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from aftersend.storage import metrics
from aftersend.storage.contract import ContactRow, Filter, MessageRow, Outcome
from aftersend.storage.sqlite import told
from aftersend.storage.sqlite.codes import ACTED_BY_MACHINE, CHANNELS, KINDS
from aftersend.storage.sqlite.derived import happened
from aftersend.storage.sqlite.facts import activity_of
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
        for source, key, email, external_id, phone, about, first_at, last_at in c.execute(
            f"""
            SELECT s.name, c.key, c.email, {EXTERNAL_ID.format("c.external_id")}, c.phone, c.about, c.first_at,
                   (SELECT max(o.last_at) FROM messages m JOIN outcomes o ON o.message = m.id WHERE m.contact = c.id)
            FROM contacts c JOIN sources s ON s.id = c.source WHERE c.id IN ({marks(len(chunk))})
            """,
            chunk,
        ):
            names = told.known(about)
            if first_at is None and about is None:
                continue
            answer.append(
                ContactRow(
                    source=source,
                    contact_id=contact_id_of(key),
                    external_id=external_id,
                    email=email,
                    phone=phone,
                    first_name=names.get("first_name"),
                    last_name=names.get("last_name"),
                    deleted_at=names.get("deleted_at"),
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
    since, until = window_of(which)
    for chunk in batched(ids):
        for message, kind, n, first_at, last_at in c.execute(
            f"""
            SELECT m.id, e.kind, count(*), min(e.at), max(e.at)
            FROM messages m JOIN events e ON e.message = m.id JOIN campaigns g ON g.id = m.campaign
            WHERE m.contact IN ({marks(len(chunk))}) AND m.channel IN ({marks(len(channels))}) AND e.at >= ?
              AND e.at < ? {campaign} {human}
            GROUP BY m.id, e.kind
            """,
            (*chunk, *channels, since, until, *([] if which.campaign_id is None else [which.campaign_id])),
        ):
            gathered[message][KINDS[kind]] = Outcome(n, first_at, last_at)
    answer = [
        msgspec.structs.replace(
            row, outcomes={kind: gathered[row.number][kind] for kind in KINDS if kind in gathered[row.number]}
        )
        for row in message_rows(c, sorted(gathered))
    ]
    answer.sort(key=_names)
    answer.sort(key=lambda m: min(o.first_at for o in m.outcomes.values()), reverse=True)
    return answer[:limit]


def _names(row: MessageRow) -> tuple[str, ...]:
    """What orders messages that began at the same instant, whatever the order in which they were told."""
    names = (row.source, row.campaign_id, row.activity_id, row.message_id, row.contact_id, row.email, row.channel)
    return (*(name or "" for name in names), row.template or "", row.status)


def message_rows(c: sqlite3.Connection, ids: Sequence[int]) -> list[MessageRow]:
    """Messages with all that ever happened to them, in the order of their numbers asked for."""
    found: dict[int, MessageRow] = {}
    outcomes: dict[int, dict[int, list[Any]]] = defaultdict(dict)
    for chunk in batched(ids):
        among = f"IN ({marks(len(chunk))})"
        for message, kind, *outcome in c.execute(f"SELECT * FROM outcomes WHERE message {among}", chunk):
            outcomes[message][kind] = outcome
        for (
            message,
            source,
            campaign_id,
            about,
            channel,
            key,
            message_id,
            contact,
            email,
            external_id,
            template,
        ) in c.execute(
            f"""
            SELECT m.id, s.name, g.campaign_id, g.about, m.channel, m.key,
                   CASE WHEN m.key LIKE 'm:%' THEN substr(m.key, 3)
                   ELSE (SELECT min(message_id) FROM events WHERE message = m.id) END, c.key, c.email,
                   {EXTERNAL_ID.format("c.external_id")}, t.template
            FROM messages m JOIN standings d ON d.message = m.id JOIN templates t ON t.id = d.template
            JOIN campaigns g ON g.id = m.campaign JOIN contacts c ON c.id = m.contact JOIN sources s ON s.id = c.source
            WHERE m.id {among}
            """,
            chunk,
        ):
            facts = happened(outcomes[message])
            found[message] = MessageRow(
                number=message,
                source=source,
                campaign_id=campaign_id or None,
                activity_id=activity_of(key) or None,
                message_id=message_id,
                contact_id=contact_id_of(contact),
                external_id=external_id,
                email=email,
                channel=CHANNELS[channel],
                template=template or None,
                subject=_subject(about),
                created_at=metrics.created_at({word: span.first_at for word, span in facts.items()}),
                status=metrics.status(facts),
                bounce=metrics.worst(facts) if Kind.BOUNCED in facts else None,
                outcomes={kind: Outcome(*facts[kind]) for kind in KINDS if kind in facts},
            )
    return [found[id] for id in ids]


@lru_cache(maxsize=1000)
def _subject(about: str | None) -> str | None:
    """The subject among what was told about a campaign; many messages share it."""
    subject: str | None = told.known(about).get("subject")
    return subject


def contact_id_of(key: str) -> str | None:
    """The platform's id in a contact's key, if it is one."""
    return key[2:] if key.startswith("i:") else None
