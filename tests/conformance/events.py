"""Making events, deliveries and readings for the conformance suite and the laws."""

from __future__ import annotations

import msgspec

from aftersend.storage.contract import Filter, Read, Store
from aftersend.vocabulary import Channel, Delivery, Door, Event, Kind, Reading, slot_key

T0 = 1_760_000_400_000
"""An instant on a quarter hour: 2025-10-09T09:00:00Z."""
MINUTE = 60_000


def event(kind: Kind, contact: str, at: int, list_: str = "", row: str = "", **more: object) -> Event:
    """An event of campaign 7 unless said otherwise, with the natural slot of its minute."""
    campaign = more.setdefault("campaign_id", "7")
    return Event(
        slot=slot_key(at // MINUTE * MINUTE, "acme", kind, str(campaign), contact),
        kind=kind,
        word=str(more.pop("word", kind)),
        occurred_at=at,
        list=list_,
        row=row,
        contact_id=contact,
        **more,
    )


def read(delivery_id: int, events: list[Event], door: Door = Door.FEED, source: str = "acme", **more: object) -> Read:
    """A delivery of a source with what it says."""
    delivery = Delivery(id=delivery_id, source=source, door=door, received_at=T0 + delivery_id, body=b"{}")
    return Read(delivery, Reading(events=events, **more))


def reports(store: Store) -> bytes:
    """Every report there is, as bytes, without what depends on the moment of arrival."""
    everything = {}
    for machine in ("include", "exclude"):
        for channels in ((Channel.EMAIL,), None):
            for campaign in (None, "7", "8"):
                for window in ((None, None), (T0, T0 + 15 * MINUTE), (T0 + 61_000, T0 + 17 * MINUTE + 500)):
                    which = Filter(
                        machine=machine, channels=channels, campaign_id=campaign, since=window[0], until=window[1]
                    )
                    name = f"{machine} {channels} {campaign} {window}"
                    everything[f"funnel {name}"] = store.funnel(which)
                    everything[f"returns {name}"] = store.returns(which)
                    everything[f"campaigns {name}"] = store.campaigns(which)
                    for order in ("newest", "oldest"):
                        rows = store.events(which, order, limit=1000)
                        everything[f"{order} {name}"] = [
                            msgspec.structs.replace(row, number=0, received_at=0) for row in rows
                        ]
            which = Filter(machine=machine, channels=channels)
            edges = [T0 + n * 15 * MINUTE for n in range(-1, 4)]
            everything[f"timeline {machine} {channels}"] = store.timeline(which, edges)
            everything[f"returns {machine} {channels}"] = store.returns(which, [e + 7_000 for e in edges])
            everything[f"odd timeline {machine} {channels}"] = store.timeline(which, [e + 7_000 for e in edges])
    for name in ("a", "b", "c"):
        for who in (
            Filter(contact_id=name),
            Filter(email=f"{name}@example.com"),
            Filter(external_id=f"crm-{name}"),
        ):
            everything[f"contact {who}"] = [store.contacts(who), store.messages(who)]
    everything["arrived"] = sorted(row.id for row in store.events(Filter(channels=None), "arrival", limit=1000))
    return msgspec.json.encode(everything, order="deterministic")
