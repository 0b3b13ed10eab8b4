"""The truth: what happened to every email of an invented platform, the same for the same seed.

A :class:`Truth` begins with a history of campaigns and goes on for as long as somebody asks for its next
fact. What one campaign lives through depends on the seed and the campaign's id alone, so a truth that is
begun again with later ids never repeats itself. :meth:`Truth.funnel` counts the facts in the plainest way
there is: it is the yardstick, and shares no code with the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from random import Random

import msgspec

from aftersend.providers.speaker import Contact, Fact
from aftersend.vocabulary import BounceClass, Instant, Kind

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

NAMES = ("Dana", "Omer", "Noa", "Lukas", "דנה", "עומר", "Zoë", "Amélie", "Ravi", "Mei")
DROP_REASONS = ("unsubscribed", "bounced", "frequency_limit", "other")
LINKS = tuple(
    f"https://www.example.com/{page}" for page in ("offer", "news?id=7&lang=he", "terms", "café", "unsubscribe")
)
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
)
MACHINES = (
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
)
"""User agents by which prefetching mail services are known."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """What a truth is made of. The same scenario is the same truth, always."""

    until: Instant
    """When the history ends and the live facts begin."""
    seed: int = 1
    campaigns: int = 6
    """Campaigns in the history; 0 for none."""
    contacts: int = 150
    days: float = 3
    """Over how many days before ``until`` the history is spread."""
    first_campaign: int = 1_000_001
    first_number: int = 1


class Truth:
    """Everything that happened: the history at once, then fact by fact. For one thread."""

    def __init__(self, scenario: Scenario):
        self.scenario = scenario
        self.contacts = _contacts(scenario.seed, scenario.contacts)
        self.facts: list[Fact] = []
        self._last_at: dict[tuple[object, ...], Instant] = {}
        for at, fact in self._history():
            self._add(fact, at)
        self._coming = self._live()

    def next(self, at: Instant) -> Fact:
        """The next live fact, which happens at this instant (cut to the second)."""
        return self._add(next(self._coming), at)

    def funnel(self, campaign_id: str | None = None) -> dict[Kind, tuple[int, int]]:
        """Every kind → (facts, different pairs of contact and campaign), of one campaign or of all."""
        counted = {}
        for kind in Kind:
            facts = [f for f in self.facts if f.kind is kind and campaign_id in (None, f.campaign_id)]
            counted[kind] = (len(facts), len({(f.campaign_id, f.contact.id) for f in facts}))
        return counted

    @property
    def campaign_ids(self) -> list[str]:
        """The campaigns in which anything has happened, oldest first."""
        return sorted({f.campaign_id for f in self.facts}, key=int)

    def _add(self, fact: Fact, at: Instant) -> Fact:
        """No two facts are alike to the second: what a platform's webhooks cannot tell apart is no truth
        that could be compared with."""
        act = (fact.kind, fact.campaign_id, fact.contact.id, fact.url)
        at = max(at // SECOND * SECOND, self._last_at.get(act, 0) + SECOND)
        self._last_at[act] = at
        fact = msgspec.structs.replace(fact, at=at, number=self.scenario.first_number + len(self.facts))
        self.facts.append(fact)
        return fact

    def _history(self) -> list[tuple[Instant, Fact]]:
        told = self.scenario
        span = int(told.days * DAY)
        happened = []
        for index in range(told.campaigns):
            start = told.until - span + index * span // told.campaigns
            story = _story(told.seed, told.first_campaign + index, self.contacts, sending=20 * MINUTE)
            happened += [(start + fact.at, fact) for fact in story if start + fact.at < told.until]
        return sorted(happened, key=lambda pair: pair[0])

    def _live(self) -> Iterator[Fact]:
        campaign = self.scenario.first_campaign + self.scenario.campaigns
        while True:
            # Sent as slowly as people open, so that every kind flows from the first minute.
            yield from _story(self.scenario.seed, campaign, self.contacts, sending=6 * HOUR)
            campaign += 1


def _contacts(seed: int, count: int) -> list[Contact]:
    draw = Random(f"{seed}/contacts")  # noqa: S311 - invented data
    contacts = []
    for number in range(40_001, 40_001 + count):
        contacts.append(
            Contact(
                id=str(number),
                email=f"reader.{number}@example.com",
                name=draw.choice(NAMES),
                external_id=f"crm-{number}" if draw.random() < 0.8 else None,
            )
        )
    return contacts


def _story(seed: int, campaign: int, contacts: list[Contact], sending: int) -> list[Fact]:
    """One campaign's facts in order; ``at`` counts milliseconds from its start, sending takes ``sending``."""
    draw = Random(f"{seed}/{campaign}")  # noqa: S311 - invented data
    facts = [fact for contact in contacts for fact in _message(draw, str(campaign), contact, sending)]
    return sorted(facts, key=lambda fact: fact.at)


def _message(draw: Random, campaign_id: str, contact: Contact, sending: int) -> Iterator[Fact]:
    """What happens to one contact's email."""
    at = draw.randrange(sending)
    fact = partial(Fact, number=0, campaign_id=campaign_id, contact=contact)
    if draw.random() < 0.06:
        yield fact(kind=Kind.DROPPED, at=at, reason=draw.choice(DROP_REASONS))
        return
    yield fact(kind=Kind.SENT, at=at, message_id=f"{draw.getrandbits(84):021x}")
    if draw.random() < 0.05:
        bounce_class = BounceClass.HARD if draw.random() < 0.4 else BounceClass.SOFT
        yield fact(kind=Kind.BOUNCED, at=at + draw.randint(5, 90) * SECOND, bounce_class=bounce_class)
        return
    if draw.random() < 0.15:
        machine = partial(fact, machine=True, user_agent=draw.choice(MACHINES))
        yield machine(
            kind=Kind.OPENED,
            at=at + draw.randint(1, 4) * SECOND,
            ip_chain=f"203.0.113.{draw.randint(1, 254)}",
        )
    agent, ip = draw.choice(BROWSERS), f"192.0.2.{draw.randint(1, 254)}"
    if draw.random() < 0.12:
        ip += f",198.51.100.{draw.randint(1, 254)}"
    while draw.random() < 0.4:
        at += 20 * SECOND + int(draw.expovariate(1 / (4 * HOUR)))
        yield from _visit(draw, partial(fact, user_agent=agent, ip_chain=ip), at)


def _visit(draw: Random, fact: Callable[..., Fact], at: int) -> Iterator[Fact]:
    """Somebody opens the email, and perhaps does something with it."""
    yield fact(kind=Kind.OPENED, at=at)
    if draw.random() < 0.15:
        yield fact(kind=Kind.OPENED, at=at + draw.randint(2, 20) * SECOND)
    if draw.random() < 0.35:
        for number in draw.sample(range(len(LINKS)), draw.randint(1, 3)):
            clicked_at = at + draw.randint(3, 120) * SECOND
            yield fact(kind=Kind.CLICKED, at=clicked_at, url=LINKS[number], link_number=str(number + 1))
    for kind, chance in ((Kind.WEB_VIEWED, 0.05), (Kind.PRINTED, 0.03), (Kind.UNSUBSCRIBED, 0.03)):
        if draw.random() < chance:
            yield fact(kind=kind, at=at + draw.randint(5, 180) * SECOND)
