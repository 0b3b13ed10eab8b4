"""Reports as queries. The README beside this file names the index behind each.

Counts come from the derived tables and cost the same at ten million events as at ten thousand; only the edges
of a window that don't lie on a quarter hour are counted from events. Lists walk ``(source, kind, at)`` or
``(campaign, kind, at)``, one walk per source and kind, merged.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from aftersend.storage.contract import (
    Bookmark,
    CampaignRow,
    ContactRow,
    Count,
    EventRow,
    Filter,
    Funnel,
    MessageRow,
    Order,
    Outcome,
    Sighting,
)
from aftersend.storage.metrics import CHANNEL_OF_SNAPSHOT
from aftersend.storage.sqlite import rows
from aftersend.storage.sqlite.codes import (
    ACTED_BY_MACHINE,
    CHANNEL,
    CHANNELS,
    CLOCKS,
    DOORS,
    KIND,
    KINDS,
    LIFETIME,
    MACHINES,
    PRECISIONS,
    QUARTER,
    RETURNED,
)
from aftersend.storage.sqlite.slots import stored
from aftersend.storage.sqlite.statements import batched, marks
from aftersend.vocabulary import BadInput, Channel, Instant, Kind, Snapshot

# -- who and what is asked for ---------------------------------------------------------------------------


def _sources(c: sqlite3.Connection, which: Filter) -> dict[int, str]:
    names = dict(c.execute("SELECT id, name FROM sources"))
    return {id: name for id, name in names.items() if which.sources is None or name in which.sources}


def _campaigns(c: sqlite3.Connection, which: Filter) -> list[int]:
    """The campaigns of that id in the sources asked for."""
    sources = list(_sources(c, which))
    return [
        id
        for (id,) in c.execute(
            f"SELECT id FROM campaigns WHERE campaign_id = ? AND source IN ({marks(len(sources))})",
            (which.campaign_id, *sources),
        )
    ]


def _channels(which: Filter) -> list[int]:
    return [CHANNEL[channel] for channel in (Channel if which.channels is None else which.channels)]


def _contact_ids(c: sqlite3.Connection, which: Filter) -> list[int] | None:
    """The contacts a filter names, or ``None`` where it names none.

    Who is known under an address or external id has more than one row where some events name them by the
    platform's id and others only by address; an external id leads to both.
    """
    if which.contact_id is None and which.external_id is None and which.email is None:
        return None
    sources = list(_sources(c, which))
    among = f"source IN ({marks(len(sources))})"
    sets = []
    if which.contact_id is not None:
        keys = (f"i:{which.contact_id}", f"e:{which.contact_id.lower()}")
        sets.append(c.execute(f"SELECT id FROM contacts WHERE {among} AND key IN (?,?)", (*sources, *keys)))
    if which.email is not None:
        lowered = _lower(which.email)
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
                f"WITH known AS (SELECT id, source, email FROM contacts WHERE {among} AND external_id = ? "
                "AND external_id IS NOT NULL) SELECT id FROM known UNION "
                "SELECT a.id FROM known k JOIN contacts a ON a.source = k.source AND lower(a.email) = lower(k.email) "
                "AND a.email IS NOT NULL WHERE a.external_id IS NULL",
                (*sources, which.external_id),
            )
        )
    found = [{id for (id,) in rows_} for rows_ in sets]
    return sorted(set.intersection(*found))


def _lower(text: str) -> str:
    """As SQLite's lower(): ASCII letters only."""
    return "".join(chr(ord(letter) + 32) if "A" <= letter <= "Z" else letter for letter in text)


# -- counts ----------------------------------------------------------------------------------------------


def funnel(c: sqlite3.Connection, which: Filter) -> Funnel:
    _counts_only(which)
    scopes = _scopes(c, which)
    counts: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    if which.since is None and which.until is None:
        _add_buckets(c, counts, which, scopes, "quarter = ?", (LIFETIME,))
        return _with_snapshots(c, which, _funnel(counts))
    since, until = _window(which)
    _add_window(c, counts, which, scopes, since, until)
    return _funnel(counts)


def timeline(c: sqlite3.Connection, which: Filter, edges: Sequence[Instant]) -> list[Funnel]:
    _counts_only(which)
    scopes = _scopes(c, which)
    if any(edge % QUARTER for edge in edges):
        slots = []
        for since, until in pairwise(edges):
            counts: dict[int, list[int]] = defaultdict(lambda: [0, 0])
            _add_window(c, counts, which, scopes, since, until)
            slots.append(_funnel(counts))
        return slots
    return _aligned_timeline(c, which, scopes, edges)


def _aligned_timeline(
    c: sqlite3.Connection, which: Filter, scopes: list[int], edges: Sequence[Instant]
) -> list[Funnel]:
    """One pass over the buckets, each put into its slot."""
    n, uniq = _measures(which)
    channels = _channels(which)
    counts: list[dict[int, list[int]]] = [defaultdict(lambda: [0, 0]) for _ in edges[1:]]
    quarters = [edge // QUARTER for edge in edges]
    for scope in scopes:
        slot = 0
        for quarter, kind, total, unique in c.execute(
            f"SELECT quarter, kind, sum({n}), sum({uniq}) FROM buckets WHERE scope = ? "
            f"AND channel IN ({marks(len(channels))}) AND kind < ? AND quarter >= ? AND quarter < ? "
            "GROUP BY quarter, kind ORDER BY quarter",
            (scope, *channels, len(KINDS), quarters[0], quarters[-1]),
        ):
            while quarter >= quarters[slot + 1]:
                slot += 1
            both = counts[slot][kind]
            both[0] += total
            both[1] += unique
    return [_funnel(slot_counts) for slot_counts in counts]


def returns(c: sqlite3.Connection, which: Filter, edges: Sequence[Instant] | None) -> list[Count]:
    _counts_only(which)
    scopes = _scopes(c, which)
    if edges is None and which.since is None and which.until is None:
        return [_returned(c, which, scopes, LIFETIME, LIFETIME + 1)]
    since, until = _window(which)
    return [_returned_between(c, which, scopes, *slot) for slot in pairwise((since, until) if edges is None else edges)]


def _returned_between(c: sqlite3.Connection, which: Filter, scopes: list[int], since: Instant, until: Instant) -> Count:
    """Whole quarter hours from the buckets, what sticks out at the edges from the events."""
    whole, edges = _parts(since, until)
    total = unique = 0
    if whole:
        inside = _returned(c, which, scopes, *whole)
        total, unique = inside.total, inside.unique
    channels = _channels(which)
    for start, end in edges:
        for scope in scopes:
            column = "campaign" if scope > 0 else "source"
            found = c.execute(
                f"""
                SELECT coalesce(sum(undone), 0), count(*) FROM (
                    SELECT DISTINCT m.pair, min(s.n, b.n) AS undone FROM events e JOIN messages m ON m.id = e.message
                    JOIN outcomes s ON s.message = m.pair AND s.kind = e.kind AND s.first_at = e.at
                    JOIN outcomes b ON b.message = m.pair AND b.kind = ?
                    WHERE e.{column} = ? AND e.kind = ? AND e.at >= ? AND e.at < ?
                      AND e.channel IN ({marks(len(channels))})
                )
                """,
                (KIND[Kind.BOUNCED], abs(scope), KIND[Kind.SENT], start, end, *channels),
            ).fetchone()
            total, unique = total + found[0], unique + found[1]
    return Count(total, unique)


def _returned(c: sqlite3.Connection, which: Filter, scopes: list[int], first: int, last: int) -> Count:
    channels = _channels(which)
    found = [
        c.execute(
            f"SELECT coalesce(sum(n), 0), coalesce(sum(uniq), 0) FROM buckets WHERE scope = ? "
            f"AND channel IN ({marks(len(channels))}) AND kind = ? AND quarter >= ? AND quarter < ?",
            (scope, *channels, RETURNED, first, last),
        ).fetchone()
        for scope in scopes
    ]
    return Count(sum(total for total, _ in found), sum(unique for _, unique in found))


def _parts(since: Instant, until: Instant) -> tuple[tuple[int, int] | None, list[tuple[Instant, Instant]]]:
    """A window as whole quarter hours (first, behind the last) and what sticks out at its edges."""
    first, last = -(-since // QUARTER), until // QUARTER
    if first > last:
        return None, [(since, until)]
    return (first, last), [
        (start, end) for start, end in ((since, first * QUARTER), (last * QUARTER, until)) if start < end
    ]


def _counts_only(which: Filter) -> None:
    for field in ("contact_id", "external_id", "email", "message_id", "kinds", "word"):
        if getattr(which, field) is not None:
            raise BadInput(f"This report counts whole campaigns and sources; it can't be asked by {field}.", field)


def _window(which: Filter) -> tuple[Instant, Instant]:
    return (0 if which.since is None else max(0, which.since), 1 << 52 if which.until is None else which.until)


def _scopes(c: sqlite3.Connection, which: Filter) -> list[int]:
    """The buckets' scopes that add up to the filter: campaigns, or sources as negative numbers."""
    if which.campaign_id is not None:
        return _campaigns(c, which)
    return [-source for source in _sources(c, which)]


def _measures(which: Filter) -> tuple[str, str]:
    return ("human_n", "human_uniq") if which.machine == "exclude" else ("n", "uniq")


def _add_buckets(
    c: sqlite3.Connection,
    counts: dict[int, list[int]],
    which: Filter,
    scopes: list[int],
    condition: str,
    values: Sequence[int],
) -> None:
    n, uniq = _measures(which)
    channels = _channels(which)
    kinds = range(len(KINDS))  # named one by one, so that the key (scope, channel, kind, quarter) is used whole
    for scope in scopes:
        for kind, total, unique in c.execute(
            f"SELECT kind, sum({n}), sum({uniq}) FROM buckets WHERE scope = ? AND channel IN ({marks(len(channels))}) "
            f"AND kind IN ({marks(len(kinds))}) AND {condition} GROUP BY kind",
            (scope, *channels, *kinds, *values),
        ):
            counts[kind][0] += total
            counts[kind][1] += unique


def _add_window(
    c: sqlite3.Connection,
    counts: dict[int, list[int]],
    which: Filter,
    scopes: list[int],
    since: Instant,
    until: Instant,
) -> None:
    """Whole quarter hours from the buckets, what sticks out at the edges from the events."""
    whole, edges = _parts(since, until)
    if whole:
        _add_buckets(c, counts, which, scopes, "quarter >= ? AND quarter < ?", whole)
    for start, end in edges:
        _add_events(c, counts, which, scopes, start, end)


def _add_events(
    c: sqlite3.Connection,
    counts: dict[int, list[int]],
    which: Filter,
    scopes: list[int],
    since: Instant,
    until: Instant,
) -> None:
    channels = _channels(which)
    human = f"AND e.machine != {ACTED_BY_MACHINE}" if which.machine == "exclude" else ""
    first = "o.human_first_at" if which.machine == "exclude" else "o.first_at"
    for scope in scopes:
        column = "campaign" if scope > 0 else "source"
        for kind, total, unique in c.execute(
            f"""
            SELECT e.kind, count(*), count(DISTINCT CASE WHEN {first} = e.at THEN m.pair END)
            FROM events e JOIN messages m ON m.id = e.message
            JOIN outcomes o ON o.message = m.pair AND o.kind = e.kind
            WHERE e.{column} = ? AND e.kind IN ({marks(len(KINDS))}) AND e.at >= ? AND e.at < ?
              AND e.channel IN ({marks(len(channels))}) {human}
            GROUP BY e.kind
            """,
            (abs(scope), *range(len(KINDS)), since, until, *channels),
        ):
            counts[kind][0] += total
            counts[kind][1] += unique


def _funnel(counts: dict[int, list[int]]) -> Funnel:
    return {word: Count(*counts[number]) if number in counts else Count() for number, word in enumerate(KINDS)}


def _with_snapshots(c: sqlite3.Connection, which: Filter, counted: Funnel) -> Funnel:
    """Kinds that a platform gives only as totals: per campaign the greater of its snapshot and its events."""
    sources = list(_sources(c, which))
    campaign = "" if which.campaign_id is None else "AND campaign_id = ?"
    more: dict[Kind, list[int]] = defaultdict(lambda: [0, 0])
    for source, campaign_id, number, total, unique in c.execute(
        "SELECT source, campaign_id, kind, max(total), max(uniq) FROM totals "
        f"WHERE source IN ({marks(len(sources))}) AND campaign_id != '' {campaign} GROUP BY 1, 2, 3",
        (*sources, *([] if which.campaign_id is None else [which.campaign_id])),
    ):
        kind = KINDS[number]
        if CHANNEL[CHANNEL_OF_SNAPSHOT.get(kind, Channel.EMAIL)] in _channels(which):
            ours = _itemised(c, source, campaign_id, kind, which)
            more[kind][0] += max(0, total - ours.total)
            more[kind][1] += max(0, unique - ours.unique)
    return {kind: Count(count.total + more[kind][0], count.unique + more[kind][1]) for kind, count in counted.items()}


def _itemised(c: sqlite3.Connection, source: int, campaign_id: str, kind: Kind, which: Filter) -> Count:
    """What the campaign's events say of one kind."""
    n, uniq = _measures(which)
    channels = _channels(which)
    row = c.execute(
        f"SELECT coalesce(sum(b.{n}), 0), coalesce(sum(b.{uniq}), 0) FROM campaigns g JOIN buckets b ON b.scope = g.id "
        f"WHERE g.source = ? AND g.campaign_id = ? AND b.channel IN ({marks(len(channels))}) AND b.kind = ? "
        "AND b.quarter = ?",
        (source, campaign_id, *channels, KIND[kind], LIFETIME),
    ).fetchone()
    return Count(*row)


# -- campaigns, contacts, messages -----------------------------------------------------------------------


def campaigns(c: sqlite3.Connection, which: Filter, limit: int, offset: int) -> list[CampaignRow]:
    sources = _sources(c, which)
    channels = _channels(which)
    # A campaign of text messages alone is none of an email report.
    seen = (
        f"EXISTS (SELECT 1 FROM buckets b WHERE b.scope = campaigns.id AND b.channel IN ({marks(len(channels))}) "
        f"AND b.kind IN ({marks(len(KINDS))}) AND b.quarter = ? AND b.n > 0)"
    )
    conditions = [f"source IN ({marks(len(sources))})", seen]
    values: list[Any] = [*sources, *channels, *range(len(KINDS)), LIFETIME]
    if which.campaign_id is not None:
        conditions.append("campaign_id = ?")
        values.append(which.campaign_id)
    if which.since is not None:
        conditions.append("last_at >= ?")
        values.append(which.since)
    if which.until is not None:
        conditions.append("first_at < ?")
        values.append(which.until)
    found = c.execute(
        f"SELECT id, source, campaign_id, first_at, last_at FROM campaigns WHERE {' AND '.join(conditions)} "
        "ORDER BY first_at DESC, source, campaign_id LIMIT ? OFFSET ?",
        (*values, limit, offset),
    ).fetchall()
    lifetime = msgspec.structs.replace(which, since=None, until=None)
    answer = []
    for _, source, campaign_id, first_at, last_at in found:
        one = msgspec.structs.replace(lifetime, sources=(sources[source],), campaign_id=campaign_id)
        answer.append(
            CampaignRow(
                source=sources[source],
                campaign_id=campaign_id or None,
                first_at=first_at,
                last_at=last_at,
                counts=funnel(c, one),
                returned=returns(c, one, None)[0],
            )
        )
    return answer


def contacts(c: sqlite3.Connection, which: Filter, limit: int) -> list[ContactRow]:
    ids = _contact_ids(c, which)
    if ids is None:
        raise BadInput("Name a contact: contact_id, external_id or email.", "contact_id")
    answer = []
    for chunk in batched(ids):
        for source, key, email, external_id, phone, first_at, last_at in c.execute(
            f"""
            SELECT s.name, c.key, c.email, {_EXTERNAL_ID.format("c.external_id")}, c.phone, min(o.first_at),
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
                    contact_id=_contact_id(key),
                    external_id=external_id,
                    email=email,
                    phone=phone,
                    first_at=first_at,
                    last_at=last_at,
                )
            )
    return sorted(answer, key=lambda row: (row.source, row.contact_id or "", row.email or ""))[:limit]


def messages(c: sqlite3.Connection, which: Filter, limit: int) -> list[MessageRow]:
    ids = _contact_ids(c, which)
    if ids is None:
        raise BadInput("Name a contact: contact_id, external_id or email.", "contact_id")
    channels = _channels(which)
    human = f"AND e.machine != {ACTED_BY_MACHINE}" if which.machine == "exclude" else ""
    campaign = "" if which.campaign_id is None else "AND g.campaign_id = ?"
    gathered: dict[int, dict[Kind, Outcome]] = defaultdict(dict)
    about: dict[int, tuple[Any, ...]] = {}
    since, until = _window(which)
    for chunk in batched(ids):
        for message, kind, n, first_at, last_at, *rest in c.execute(
            f"""
            SELECT m.id, e.kind, count(*), min(e.at), max(e.at), s.name, g.campaign_id, m.channel, c.key, c.email,
                   {_EXTERNAL_ID.format("c.external_id")}, min(e.message_id), min(e.template)
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
                contact_id=_contact_id(key),
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


def _contact_id(key: str) -> str | None:
    return key[2:] if key.startswith("i:") else None


# -- events ----------------------------------------------------------------------------------------------

# Who is known only by address takes the external id told for that address elsewhere in the source. The pluses
# keep the planner from walking all contacts by another index in search of the address.
_EXTERNAL_ID = """coalesce({0}, (SELECT a.external_id FROM contacts a WHERE a.source = c.source
    AND lower(a.email) = lower(c.email) AND a.email IS NOT NULL AND +a.external_id IS NOT NULL
    ORDER BY +a.key LIMIT 1))"""

_SELECT = f"""
    SELECT e.id, e.slot, e.n, s.name, g.campaign_id, c.key, coalesce(e.email, c.email), coalesce(e.phone, c.phone),
           {_EXTERNAL_ID.format("e.external_id, c.external_id")}, e.doors, e.received_at,
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
    if order == "arrival" and (named := _contact_ids(c, which)) is not None:
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
        sources = tuple(_sources(c, which))
        # The plus keeps the planner from an index by source, which would sort all of its events by number.
        return [_Walk(f"WHERE +e.source IN ({marks(len(sources))})", sources)] if sources else []
    named = _contact_ids(c, which)
    if named is not None:
        return [_Walk("JOIN messages m ON m.id = e.message WHERE m.contact = ?", (contact,)) for contact in named[:200]]
    if which.campaign_id is not None:
        column, ids, scopes = "campaign", (found := _campaigns(c, which)), found
    else:
        column, ids = "source", list(_sources(c, which))
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
        add(f"e.channel IN ({marks(len(which.channels))})", *_channels(which))
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
        contact_id=_contact_id(contact_key),
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


# -- snapshots -------------------------------------------------------------------------------------------

_snapshot = msgspec.json.Decoder(Snapshot)


def snapshots(c: sqlite3.Connection, source: str, campaign_id: str | None) -> list[Snapshot]:
    condition, values = ("", ()) if campaign_id is None else ("AND l.campaign_id = ?", (campaign_id,))
    return [
        _snapshot.decode(text)
        for (text,) in c.execute(
            "SELECT l.snapshot FROM latest_snapshots l JOIN sources s ON s.id = l.source "
            f"WHERE s.name = ? {condition} ORDER BY l.list, l.campaign_id",
            (source, *values),
        )
    ]
