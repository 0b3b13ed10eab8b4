"""An invented life of campaigns, the same in every run, and how it looks as pages and webhooks.

Campaigns go out every 36 hours to a part of 200,000 contacts and have about 125,000 events each. Emails are
dropped (3 %), sent, bounced (2 %), opened again and again over days (5 % of the opens come twice within the
minute), clicked now and then. Everything is in the order of time, as it would come in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random

import msgspec

from aftersend.providers.speaker import Contact, Fact, Webhook, speaker_of
from aftersend.storage.contract import Filter, Store
from aftersend.vocabulary import BounceClass, Delivery, Door, Instant, Kind

SOURCE, PROVIDER, ZONE = "bench", "inwise", "Asia/Jerusalem"
TOKEN = "a-token-of-32-characters-00000001"

CONTACTS = 200_000
PER_CAMPAIGN = 125_000
PAGE = 1_000
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
EVERY = 36 * HOUR
BEGAN: Instant = 1_772_323_200_000
"""2026-03-01T00:00Z."""
FIRST_CAMPAIGN = 1_000_001


class Page(msgspec.Struct, frozen=True):
    """One page of one feed, as the platform answers it."""

    feed: str
    at: Instant
    rows: int
    body: bytes


class Act(msgspec.Struct, frozen=True):
    """Something that happened, without the fact's number, which follows from the order of all."""

    at: Instant
    kind: Kind
    campaign: int
    contact: int
    message_id: str | None = None
    link: int = 0
    ip: str | None = None
    bounce_class: BounceClass | None = None
    reason: str | None = None


def life(events: int, *, seed: int = 7) -> list[Fact]:
    """The first so many facts of the life that belongs to a seed, in the order of time. A life of fewer facts
    than a campaign has is one of smaller campaigns, so that it has acts of every kind."""
    draw = Random(seed)
    contacts = [_contact(number) for number in range(CONTACTS)]
    acts: list[Act] = []
    per_campaign = min(PER_CAMPAIGN, events)
    for index in range(-(-events // per_campaign) + 1):
        # 1.64 events come of one recipient.
        for contact in draw.sample(range(CONTACTS), int(per_campaign / 1.64) + 1):
            acts += _story(draw, BEGAN + index * EVERY, FIRST_CAMPAIGN + index, contact)
    acts.sort(key=lambda act: act.at)
    return [_fact(number, act, contacts[act.contact]) for number, act in enumerate(acts[:events], 1)]


def pages(facts: Iterable[Fact]) -> Iterator[Page]:
    """The facts as pages of the platform's feeds, each given out when it is full, the rest at the end."""
    speaker = speaker_of(PROVIDER)
    rows: dict[str, list[dict[str, object]]] = {}
    at = BEGAN
    for fact in facts:
        feed, row = speaker.row(fact, ZONE)
        at = fact.at
        rows.setdefault(feed, []).append(row)
        if len(rows[feed]) == PAGE:
            yield Page(feed, at, PAGE, msgspec.json.encode(rows.pop(feed)))
    for feed, left in sorted(rows.items()):
        yield Page(feed, at, len(left), msgspec.json.encode(left))


def webhooks(facts: Iterable[Fact]) -> Iterator[tuple[Instant, Webhook]]:
    """The facts as webhooks, one each."""
    speaker = speaker_of(PROVIDER)
    for fact in facts:
        said = speaker.webhook(fact, ZONE)
        assert said is not None, "every kind of this life has a webhook"
        yield fact.at, said


def page_deliveries(all_pages: Iterable[Page]) -> list[Delivery]:
    """Pages as a poller puts them into the inbox."""
    return [
        Delivery(
            source=SOURCE,
            door=Door.FEED,
            feed=page.feed,
            received_at=page.at,
            content_type="application/json",
            body=page.body,
        )
        for page in all_pages
    ]


def webhook_deliveries(said: Iterable[tuple[Instant, Webhook]]) -> list[Delivery]:
    """Webhooks as the receiver puts them into the inbox."""
    context = {"path": f"/webhooks/{SOURCE}/…", "query": "", "address": "192.0.2.7"}
    return [
        Delivery(
            source=SOURCE,
            door=Door.WEBHOOK,
            received_at=at,
            content_type=webhook.content_type,
            context=context,
            body=webhook.body,
        )
        for at, webhook in said
    ]


Truth = dict[Kind, int]
"""How often what happened."""


def truth_of(facts: Iterable[Fact]) -> Truth:
    """What a store that was told these facts must count."""
    return dict(Counter(fact.kind for fact in facts))


def check(store: Store, truth: Truth) -> None:
    """A benchmark that counts wrongly measures nothing: compare the store's funnel with the truth."""
    told = {kind: count.total for kind, count in store.funnel(Filter()).items() if count.total}
    if told != truth:
        raise AssertionError(f"the store counted {told}, the truth is {truth}")


def _contact(number: int) -> Contact:
    return Contact(
        id=str(4_000_000 + number),
        email=f"reader.{number}@example.com",
        name="Dana",
        external_id=f"crm-{number}" if number % 5 else None,
    )


def _story(draw: Random, start: Instant, campaign: int, contact: int) -> Iterator[Act]:
    """What happens to one email. No two acts of a story are alike to the second."""
    at = start + draw.randrange(HOUR) // SECOND * SECOND
    if draw.random() < 0.03:
        yield Act(at, Kind.DROPPED, campaign, contact, reason=draw.choice(("unsubscribed", "bounced", "other")))
        return
    yield Act(at, Kind.SENT, campaign, contact, message_id=f"{draw.getrandbits(84):021x}")
    if draw.random() < 0.02:
        yield Act(at + 30 * SECOND, Kind.BOUNCED, campaign, contact, bounce_class=BounceClass.HARD)
        return
    ip, again = f"192.0.2.{draw.randrange(1, 255)}", 0.35
    while draw.random() < again:
        at += MINUTE + int(draw.expovariate(1 / (8 * HOUR))) // SECOND * SECOND
        yield Act(at, Kind.OPENED, campaign, contact, ip=ip)
        if draw.random() < 0.05:
            yield Act(at + 7 * SECOND, Kind.OPENED, campaign, contact, ip=ip)
        if draw.random() < 0.15:
            yield Act(at + 20 * SECOND, Kind.CLICKED, campaign, contact, ip=ip, link=draw.randrange(1, 6))
        again = 0.4


def _fact(number: int, act: Act, contact: Contact) -> Fact:
    return Fact(
        number=number,
        kind=act.kind,
        at=act.at,
        campaign_id=str(act.campaign),
        contact=contact,
        message_id=act.message_id,
        url=f"https://www.example.com/offer/{act.link}" if act.link else None,
        link_number=str(act.link) if act.link else None,
        ip_chain=act.ip,
        bounce_class=act.bounce_class,
        reason=act.reason,
    )
