"""Law 3 as code: from the sightings of a slot to the events in it.

Pure functions of the *set* of sightings; nothing here knows in which order they came.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from aftersend.vocabulary import FINENESS, BounceClass, Clock, Event, Instant, Machine

_encode = msgspec.msgpack.Encoder(order="deterministic").encode


class Sight(NamedTuple):
    """One sighting on its way into the store."""

    event: Event
    digest: int
    """Of everything the sighting says, and of its door."""
    source: int
    door: int
    delivery: int
    received_at: Instant


class Folded(NamedTuple):
    """One event with the sightings it is made of, in the order of their weight."""

    event: Event
    sights: list[Sight]


def digest(event: Event, door: int) -> int:
    """64 bits of everything an account says and of its door, so that a repeated one is known at a glance. Through the
    other door the same account is another sighting."""
    return int.from_bytes(blake2b(_encode(event), digest_size=8).digest(), "little", signed=True) ^ door


def fold(sights: Iterable[Sight]) -> list[Folded]:
    """The events of one slot.

    1. Within a list, accounts of the same row are versions of one row.
    2. The rows of each list are put in order of time, then row.
    3. The k-th rows of all lists are the k-th event: as many events as the longest list has rows.
    """
    lists: dict[str, dict[str, list[Sight]]] = defaultdict(lambda: defaultdict(list))
    for sight in sights:
        lists[sight.event.list][sight.event.row].append(sight)
    events: list[list[Sight]] = []
    for rows in lists.values():
        versions = [sorted(row, key=_weight) for row in rows.values()]
        for k, row in enumerate(sorted(versions, key=lambda v: (v[0].event.occurred_at, v[0].event.row))):
            if k == len(events):
                events.append([])
            events[k].extend(row)
    folded = [sorted(event, key=_weight) for event in events]
    return [Folded(merge([s.event for s in event]), event) for event in folded]


def _weight(sight: Sight) -> tuple[Any, ...]:
    """What speaks first where accounts differ: a trusted clock, the finer time, the list first in the alphabet. Of what
    was only observed, the first observation."""
    e = sight.event
    observed = e.clock is Clock.RECEIVED
    return (
        observed,
        -FINENESS[e.precision],
        e.occurred_at if observed else 0,
        e.list,
        e.occurred_at,
        e.row,
        sight.digest,
    )


_FIRST = [
    *("row_id", "campaign_id", "activity_id", "message_id", "template", "contact_id", "external_id", "email"),
    *("phone", "url", "link_number", "ip", "ip_chain", "user_agent", "device", "reason", "smtp_code"),
]


def merge(accounts: list[Event]) -> Event:
    """One account out of several of the same event, heaviest first: field by field the first that says something."""
    head = accounts[0]
    if len(accounts) == 1:
        return head
    fields: dict[str, Any] = {}
    for name in _FIRST:
        for account in accounts:
            if (value := getattr(account, name)) is not None:
                fields[name] = value
                break
    actor = next((a for a in accounts if a.machine is not Machine.UNKNOWN), head)
    # Accounts may differ in kind: what one calls a bounce may be put off by a heavier one.
    classes = [a.bounce_class for a in accounts if a.bounce_class and a.kind is head.kind]
    precise = [c for c in classes if c is not BounceClass.UNDETERMINED]
    metadata: dict[str, str] = {}
    for account in accounts:
        for name, text in account.metadata.items():
            metadata.setdefault(name, text)
    return msgspec.structs.replace(
        head,
        **fields,
        machine=actor.machine,
        machine_reason=actor.machine_reason,
        bounce_class=(precise or classes or [None])[0],
        by_message=any(a.by_message for a in accounts),
        metadata=dict(sorted(metadata.items())),
    )
