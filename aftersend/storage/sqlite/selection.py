"""What a filter means: which sources, campaigns, contacts, channels and time."""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

from aftersend.storage.contract import Filter
from aftersend.storage.sqlite.codes import CHANNEL
from aftersend.storage.sqlite.statements import marks
from aftersend.vocabulary import Channel, Instant


def sources_of(c: sqlite3.Connection, which: Filter) -> dict[int, str]:
    names = dict(c.execute("SELECT id, name FROM sources"))
    return {id: name for id, name in names.items() if which.sources is None or name in which.sources}


OF_ACTIVITY = "e.activity_id = ? AND NOT e.by_message"
"""Events of an activity: those whose message is keyed by it."""


class Scope(NamedTuple):
    """Something that has counters of its own: a source, a campaign, or an activity of one."""

    number: int
    """In the derived tables: a campaign's row, or a source's as a negative number."""
    condition: str
    """Its events, as a condition on ``events e``."""
    values: tuple[Any, ...]
    gatherer: str
    """What is counted once in it, as a column of ``messages m``: the pair, in an activity the message."""


def scopes_of(c: sqlite3.Connection, which: Filter) -> list[Scope]:
    """The scopes that add up to what a filter's source, campaign and activity name."""
    if which.activity_id is not None:
        return [
            Scope(id, f"e.campaign = ? AND {OF_ACTIVITY}", (campaign, which.activity_id), "m.id")
            for id, campaign in activities_of(c, which)
        ]
    if which.campaign_id is not None:
        return [Scope(id, "e.campaign = ?", (id,), "m.pair") for id in campaigns_of(c, which)]
    return [Scope(-id, "e.source = ?", (id,), "m.pair") for id in sources_of(c, which)]


def campaigns_of(c: sqlite3.Connection, which: Filter) -> list[int]:
    """The campaigns of that id in the sources asked for."""
    sources = list(sources_of(c, which))
    return [
        id
        for (id,) in c.execute(
            "SELECT id FROM campaigns WHERE campaign_id = ? AND activity_id = '' "
            f"AND source IN ({marks(len(sources))})",
            (which.campaign_id, *sources),
        )
    ]


def activities_of(c: sqlite3.Connection, which: Filter) -> list[tuple[int, int]]:
    """The activities of that id in the sources and the campaign asked for, each with its campaign."""
    sources = list(sources_of(c, which))
    named, values = ("", []) if which.campaign_id is None else ("AND a.campaign_id = ?", [which.campaign_id])
    return c.execute(
        "SELECT a.id, g.id FROM campaigns a JOIN campaigns g ON g.source = a.source "
        "AND g.campaign_id = a.campaign_id AND g.activity_id = '' "
        f"WHERE a.activity_id = ? AND a.activity_id != '' AND a.source IN ({marks(len(sources))}) {named}",
        (which.activity_id, *sources, *values),
    ).fetchall()


def channels_of(which: Filter) -> list[int]:
    return [CHANNEL[channel] for channel in (Channel if which.channels is None else which.channels)]


def contacts_of(c: sqlite3.Connection, which: Filter) -> list[int] | None:
    """The contacts a filter names, or ``None`` where it names none.

    Who is known under an address or external id has more than one row where some events name them by the
    platform's id and others only by address; an external id leads to both.
    """
    if which.contact_id is None and which.external_id is None and which.email is None:
        return None
    sources = list(sources_of(c, which))
    among = f"source IN ({marks(len(sources))})"
    sets = []
    if which.contact_id is not None:
        keys = (f"i:{which.contact_id}", f"e:{which.contact_id.lower()}")
        sets.append(c.execute(f"SELECT id FROM contacts WHERE {among} AND key IN (?,?)", (*sources, *keys)))
    if which.email is not None:
        lowered = lowered_as_sqlite(which.email)
        sets.append(
            c.execute(
                f"SELECT id FROM contacts WHERE {among} AND lower(email) = ? AND email IS NOT NULL UNION "
                f"SELECT id FROM contacts WHERE {among} AND key = ?",
                (*sources, lowered, *sources, f"e:{which.email.lower()}"),
            )
        )
    if which.external_id is not None:
        sets.append(
            c.execute(
                "WITH known AS NOT MATERIALIZED ("
                f"SELECT id, source, email FROM contacts WHERE {among} AND external_id = ? "
                "AND external_id IS NOT NULL) SELECT id FROM known UNION "
                "SELECT a.id FROM known k JOIN contacts a ON a.source = k.source AND lower(a.email) = lower(k.email) "
                "AND a.email IS NOT NULL WHERE a.external_id IS NULL",
                (*sources, which.external_id),
            )
        )
    found = [{id for (id,) in rows_} for rows_ in sets]
    return sorted(set.intersection(*found))


def lowered_as_sqlite(text: str) -> str:
    """As SQLite's lower(): ASCII letters only."""
    return "".join(chr(ord(letter) + 32) if "A" <= letter <= "Z" else letter for letter in text)


def window_of(which: Filter) -> tuple[Instant, Instant]:
    return (0 if which.since is None else max(0, which.since), 1 << 52 if which.until is None else which.until)
