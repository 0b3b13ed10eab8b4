"""Making events, deliveries and readings for the conformance suite and the laws."""

from __future__ import annotations

import msgspec

from aftersend.storage.contract import Filter, LogFilter, MessageRow, Read, Store
from aftersend.vocabulary import Channel, Delivery, Door, Event, Kind, Reading, Status, slot_key

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
                    everything[f"claims {name}"] = store.claims(which)
                    everything[f"marks {name}"] = store.marks(which)
                    everything[f"campaigns {name}"] = store.campaigns(which)
                    for order in ("newest", "oldest"):
                        rows = store.events(which, order, limit=1000)
                        everything[f"{order} {name}"] = [
                            msgspec.structs.replace(row, number=0, received_at=0) for row in rows
                        ]
            which = Filter(machine=machine, channels=channels)
            edges = [T0 + n * 15 * MINUTE for n in range(-1, 4)]
            everything[f"timeline {machine} {channels}"] = store.timeline(which, edges)
            everything[f"marks {machine} {channels}"] = store.marks(which, [e + 7_000 for e in edges])
            everything[f"odd timeline {machine} {channels}"] = store.timeline(which, [e + 7_000 for e in edges])
    for name in ("a", "b", "c"):
        for who in (
            Filter(contact_id=name),
            Filter(email=f"{name}@example.com"),
            Filter(external_id=f"crm-{name}"),
        ):
            everything[f"contact {who}"] = [store.contacts(who), _unnumbered(store.messages(who))]
    for machine in ("include", "exclude"):
        for campaign, activity in (("7", None), ("8", None), (None, "7a"), (None, "7b"), ("7", "7b")):
            which = Filter(machine=machine, campaign_id=campaign, activity_id=activity)
            name = f"{machine} {campaign} {activity}"
            everything[f"facets {name}"] = store.facets(which)
            everything[f"latest {name}"] = store.latest(which)
            everything[f"activities {name}"] = store.activities(which)
            everything[f"activity funnel {name}"] = [store.funnel(which), store.marks(which)]
            for kind, without in ((Kind.OPENED, ()), (Kind.SENT, (Kind.OPENED, Kind.BOUNCED))):
                rows = store.last_events(which, kind, without, limit=100)
                everything[f"last {kind} {name}"] = [r.id for r in rows]
    everything["known"] = store.known(Filter(), [T0, T0 + 61_000, T0 + 15 * MINUTE, T0 + 3600 * MINUTE])
    for order in ("sent", "created"):
        everything[f"campaigns {order}"] = store.campaigns(Filter(), order)
    for which in (
        LogFilter(),
        LogFilter(template="7"),
        LogFilter(template="t"),
        LogFilter(campaign_id="8"),
        LogFilter(email="a@example.com"),
        LogFilter(happened=Kind.OPENED),
        LogFilter(since=T0 + 61_000, until=T0 + 17 * MINUTE + 500),
        *(LogFilter(status=status) for status in Status),
    ):
        rows = sorted(_unnumbered(store.log(which, limit=100)), key=msgspec.json.encode)
        everything[f"log {which}"] = [store.log_size(which), rows]
    for which in (LogFilter(), LogFilter(template="t"), LogFilter(since=T0 + 500, until=T0 + 17 * MINUTE)):
        edges = [T0 - 86_400_000, T0, T0 + MINUTE, T0 + 60 * MINUTE, T0 + 86_400_000]
        everything[f"cohorts {which}"] = [store.cohorts(which), store.cohorts(which, edges)]
    everything["templates"] = store.templates()
    everything["doors"] = [
        store.doors(Filter()),
        [store.doors_began(source) for source in ("acme", "beta")],
        store.doors(Filter(), [T0 - MINUTE, T0, T0 + 61_000, T0 + 60 * MINUTE]),
    ]
    everything["snapshots"] = store.latest_snapshots(Filter(), limit=100)
    everything["arrived"] = sorted(row.id for row in store.events(Filter(channels=None), "arrival", limit=1000))
    return msgspec.json.encode(everything, order="deterministic")


def _unnumbered(rows: list[MessageRow]) -> list[MessageRow]:
    """Messages without what depends on the order of arrival."""
    return [msgspec.structs.replace(row, number=0) for row in rows]
