"""What the tests of our own API share: a campaign of four recipients, and counts as they are answered."""

from __future__ import annotations

from reading_world import World, event

from aftersend.storage.contract import Read
from aftersend.vocabulary import CampaignInfo, ContactInfo, Delivery, Door, Event, Kind, Machine, Reading, now

DAY = 86_400_000
NOTHING = {kind.value: {"total": 0, "unique": 0} for kind in Kind}
NO_RATES = {"open": None, "click": None, "bounce": None}


def counts(**given: tuple[int, int]) -> dict[str, dict[str, int]]:
    return {**NOTHING, **{kind: {"total": total, "unique": unique} for kind, (total, unique) in given.items()}}


def campaign_of_four(source: str = "acme", campaign: str = "1000001") -> list[Event]:
    """Four were sent to; one bounced, one opened twice and clicked, one opened by machine; a fifth was dropped."""
    more = {"source": source, "campaign": campaign}
    return [
        *(event(Kind.SENT, "2025-03-18 09:00:00", contact, row=contact, **more) for contact in "1234"),
        event(Kind.BOUNCED, "2025-03-18 09:01:00", "1", row="5", **more),
        event(Kind.OPENED, "2025-03-18 09:30:00", "2", row="6", **more),
        event(Kind.OPENED, "2025-03-19 10:00:00", "2", row="7", **more),
        event(Kind.CLICKED, "2025-03-19 10:01:00", "2", row="8", url="https://www.example.com/offer", **more),
        event(Kind.OPENED, "2025-03-18 09:00:00", "3", row="9", machine=Machine.MACHINE, **more),
        event(Kind.DROPPED, "2025-03-18 08:59:00", "5", row="10", reason="unsubscribed", **more),
    ]


FOUR = counts(sent=(4, 4), delivered=(3, 3), bounced=(1, 1), opened=(3, 2), clicked=(1, 1), dropped=(1, 1))
FOUR_RATES = {"open": 0.6667, "click": 0.3333, "bounce": 0.25}


def told(world: World, *about: CampaignInfo | ContactInfo, source: str = "acme") -> None:
    """Something is told about campaigns and contacts, and nothing happened."""
    reading = Reading(
        campaigns=[info for info in about if isinstance(info, CampaignInfo)],
        contacts=[info for info in about if isinstance(info, ContactInfo)],
    )
    delivery = Delivery(id=1_000_000, source=source, door=Door.WEBHOOK, received_at=now(), body=b"{}")
    world.store.apply([Read(delivery, reading)])
