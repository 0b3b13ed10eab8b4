"""An invented history of several sources, as large as wished, and the store that was told it.

Four sources, of which two report deliveries; a campaign for every 10,000 events, spread evenly over 400 days; a
contact for every 20 events. An email is dropped (2 %), or sent; then bounced (2 %) or delivered; opened (40 %, one
open in five by a machine), clicked, unsubscribed. Everything comes in the order of time, and is the same in every run.

A store takes minutes to fill, so it is kept in ``benchmarks/.cache`` until the code that writes it changes.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from hashlib import blake2b
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path
from random import Random
from typing import NamedTuple

import aftersend
from aftersend.storage import open_store
from aftersend.storage.contract import Filter, Read, Store
from aftersend.vocabulary import (
    BounceClass,
    CampaignInfo,
    Delivery,
    Door,
    Event,
    Instant,
    Kind,
    Machine,
    Reading,
    slot_key,
)

SOURCES = ("north", "south", "east", "west")
CONFIRMING = ("north", "south")
"""The sources that report deliveries."""
DAYS = 400
BEGAN: Instant = 1_761_955_200_000
"""2025-11-01T00:00Z."""
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
ENDED: Instant = BEGAN + DAYS * DAY
PER_CAMPAIGN = 10_000
PER_RECIPIENT = 2.46
"""Events that come of one recipient of a campaign, on average."""
PER_CONTACT = 20
TEMPLATES = 40
BATCH = 10_000
FIRST_CAMPAIGN = 500_001
CONTINUED = 1_000_000_000
"""The number of the first delivery of what comes after a history."""

CACHE = Path(__file__).resolve().parent / ".cache"
_WRITING = Path(aftersend.__file__).resolve().parent
_DROPS = ("unsubscribed", "bounced", "frequency", "other")
_BOUNCES = (
    (BounceClass.HARD, "unknown mailbox"),
    (BounceClass.HARD, "suppressed"),
    (BounceClass.SOFT, "mailbox_full"),
    (BounceClass.BLOCK, "listed"),
)
_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"


class Campaign(NamedTuple):
    """One sending of one source."""

    number: int
    source: str
    begins: Instant

    @property
    def id(self) -> str:
        return str(FIRST_CAMPAIGN + self.number)

    @property
    def template(self) -> str:
        return f"template-{self.number % TEMPLATES:02d}"


class Contact(NamedTuple):
    id: str
    email: str
    external_id: str | None


Told = tuple[str, Event]
"""A source, and what it tells."""


def campaigns(events: int) -> list[Campaign]:
    """The campaigns of a history of so many events, in the order of time."""
    count = max(len(SOURCES), events // PER_CAMPAIGN)
    return [
        Campaign(number, SOURCES[number % len(SOURCES)], BEGAN + number * (DAYS - 7) * DAY // count // SECOND * SECOND)
        for number in range(count)
    ]


def history(events: int) -> Iterator[Told]:
    """Everything that happened, in the order of time: about so many events."""
    # Day by day, so that only what is still to come of past campaigns is held in memory.
    coming = campaigns(events)[::-1]
    waiting: list[Told] = []
    day = BEGAN
    while coming or waiting:
        day += DAY
        while coming and coming[-1].begins < day:
            campaign = coming.pop()
            waiting += ((campaign.source, event) for event in _story(campaign, events))
        today = [told for told in waiting if told[1].occurred_at < day]
        waiting = [told for told in waiting if told[1].occurred_at >= day]
        yield from sorted(today, key=lambda told: (told[1].occurred_at, told[1].slot))


def continued(events: int, more: int, rounds: int) -> Iterator[list[list[Read]]]:
    """What happens after a history of that size, to the same contacts: for each round ``more`` events, in batches
    for a store. A campaign begins every day, whatever the size, so that only the store differs."""
    told = _follow(events, more * (rounds + 1))
    number = CONTINUED
    for _ in range(rounds):
        batches = []
        for begun in range(0, more, BATCH):
            batches.append(_reads(list(islice(told, min(BATCH, more - begun))), number))
            number += len(batches[-1])
        yield batches


def _follow(events: int, more: int) -> Iterator[Told]:
    """The campaigns that follow, in the order of time: about ``more`` events."""
    first, per = len(campaigns(events)), recipients(events) * PER_RECIPIENT
    told: list[Told] = []
    for n in range(first, first + int(more / per) + 2):
        begins = ENDED + (n - first) * DAY
        told += ((SOURCES[n % 4], event) for event in _story(Campaign(n, SOURCES[n % 4], begins), events))
    return iter(sorted(told, key=lambda one: (one[1].occurred_at, one[1].slot)))


def contact(source: str, number: int) -> Contact:
    """The contact of a source with that number."""
    id = (SOURCES.index(source) + 1) * 10_000_000 + number
    return Contact(str(id), f"reader.{id}@example.com", f"crm-{id}" if number % 5 else None)


def contacts(events: int) -> int:
    """How many contacts each source of a history of that size has."""
    return max(2 * recipients(events), events // PER_CONTACT // len(SOURCES))


def recipients(events: int) -> int:
    """How many get each campaign. A history of few events has small campaigns, so that everything happens in it."""
    return 1 + int(min(PER_CAMPAIGN, events / len(SOURCES)) / PER_RECIPIENT)


def kept(events: int) -> Path:
    """The store of a history of that size, filled where it isn't yet. Nobody may write to it."""
    code = (Path(__file__), _WRITING / "vocabulary.py", *sorted((_WRITING / "storage").rglob("*.py")))
    place = CACHE / f"{events}-{digest(*code)}"
    path = place / "aftersend.db"
    if not place.exists():
        for old in CACHE.glob(f"{events}-*"):
            shutil.rmtree(old)
        filling = CACHE / f"filling-{events}"
        shutil.rmtree(filling, ignore_errors=True)
        filling.mkdir(parents=True)
        fill(filling / path.name, events)
        filling.rename(place)
    return path


def copy_of(path: Path, where: Path) -> Path:
    """A copy of a store that may be written to, in a new directory; it is on disk."""
    where.mkdir(parents=True)
    for file in path.parent.glob(f"{path.stem}.*db*"):
        # Locks and shared memory are made anew.
        if file.suffix == ".lock" or file.name.endswith("-shm"):
            continue
        shutil.copyfile(file, where / file.name)
        with (where / file.name).open("rb+") as copied:
            os.fsync(copied.fileno())
    return where / path.name


def fill(path: Path, events: int) -> None:
    """Tell a new store a history, and compare what it counts with what it was told."""
    truth: Counter[Kind] = Counter()
    told = history(events)
    with closing(open_store(f"sqlite:///{path}")) as store:
        store.migrate()
        _tell_names(store, campaigns(events))
        number = 1
        while batch := list(islice(told, BATCH)):
            truth.update(event.kind for _, event in batch)
            reads = _reads(batch, number)
            store.apply(reads)
            number += len(reads)
        counted = {kind: count.total for kind, count in store.funnel(Filter()).items() if count.total}
    if counted != dict(truth):
        raise AssertionError(f"the store counted {counted}, the truth is {dict(truth)}")


def _tell_names(store: Store, some: Iterable[Campaign]) -> None:
    by_source = sorted(some, key=attrgetter("source"))
    reads = []
    for number, (source, own) in enumerate(groupby(by_source, attrgetter("source")), 1):
        infos = [
            CampaignInfo(
                campaign_id=c.id, name=f"Offer {c.number}", subject="Hello", status="sent", created_at=c.begins - HOUR
            )
            for c in own
        ]
        reads.append(Read(_delivery(-number, source, BEGAN), Reading(campaigns=infos)))
    store.apply(reads)


def _reads(batch: list[Told], number: int) -> list[Read]:
    """A batch as one delivery of each source."""
    at = batch[-1][1].occurred_at
    by_source: dict[str, list[Event]] = {}
    for source, event in batch:
        by_source.setdefault(source, []).append(event)
    return [Read(_delivery(number + n, source, at), Reading(own)) for n, (source, own) in enumerate(by_source.items())]


def _delivery(number: int, source: str, at: Instant) -> Delivery:
    return Delivery(id=number, source=source, door=Door.FEED, feed="history", received_at=at, body=b"")


def digest(*files: Path) -> str:
    """Of the code that writes a file we keep: one that was written by other code proves nothing."""
    return blake2b(b"".join(file.read_bytes() for file in files), digest_size=6).hexdigest()


def _story(campaign: Campaign, events: int) -> Iterator[Event]:
    """What happens to one campaign, recipient by recipient."""
    draw = Random(campaign.number)
    for number in draw.sample(range(contacts(events)), recipients(events)):
        yield from _of_recipient(draw, campaign, contact(campaign.source, number))


def _of_recipient(draw: Random, campaign: Campaign, to: Contact) -> Iterator[Event]:
    chance = draw.random
    by_message = campaign.source in CONFIRMING
    message_id = f"{draw.getrandbits(64):016x}"
    device = ("computer", "mobile", "tablet", None)[int(chance() * 4)]

    def event(kind: Kind, at: Instant, **more: object) -> Event:
        return Event(
            slot=slot_key(at, campaign.source, kind, campaign.id, to.id),
            kind=kind,
            word=kind.value,
            occurred_at=at,
            campaign_id=campaign.id,
            template=campaign.template,
            contact_id=to.id,
            external_id=to.external_id,
            email=to.email,
            message_id=message_id,
            by_message=by_message,
            **more,  # type: ignore[arg-type]
        )

    at = campaign.begins + int(chance() * HOUR) // SECOND * SECOND
    if chance() < 0.02:
        yield event(Kind.DROPPED, at, reason=_DROPS[int(chance() * len(_DROPS))])
        return
    yield event(Kind.SENT, at)
    if chance() < 0.02:
        bounce_class, reason = _BOUNCES[int(chance() * len(_BOUNCES))]
        yield event(Kind.BOUNCED, at + 30 * SECOND, bounce_class=bounce_class, reason=reason, smtp_code="550")
        return
    if by_message:
        yield event(Kind.DELIVERED, at + 5 * SECOND)
    again = 0.4
    while chance() < again:
        at += MINUTE + int(draw.expovariate(1 / (8 * HOUR))) // SECOND * SECOND
        who = Machine.MACHINE if chance() < 0.2 else Machine.HUMAN
        by = {"ip": f"192.0.2.{int(chance() * 254) + 1}", "user_agent": _AGENT, "device": device, "machine": who}
        yield event(Kind.OPENED, at, **by, machine_reason="prefetch" if who is Machine.MACHINE else None)
        if chance() < 0.25:
            link = int(chance() * 5) + 1
            url = f"https://www.example.com/offer/{campaign.number}/{link}"
            yield event(Kind.CLICKED, at + 20 * SECOND, **by, url=url, link_number=str(link))
        if chance() < 0.01:
            yield event(Kind.UNSUBSCRIBED, at + 40 * SECOND)
            return
        again = 0.5
