"""What follows from the sandbox's truth, counted in the plainest way: no code is shared with any report."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from aftersend.providers.speaker import Fact
from aftersend.vocabulary import BounceClass, Instant, Kind

Pair = tuple[str, str]
"""Campaign and contact: the sandbox sends one message to each."""


def half_up(part: int, base: int, digits: int, times: int = 1) -> float:
    """``times · part / base``, rounded half away from zero to that many decimals; 0 where there is no base."""
    if base == 0:
        return 0.0
    scaled = Fraction(times * part * 10**digits, base)
    whole = int(abs(scaled) + Fraction(1, 2))
    return (whole if scaled >= 0 else -whole) / 10**digits


class Truth:
    """All facts of one truth, of one campaign or of all."""

    def __init__(self, facts: Iterable[Fact]):
        self.facts = list(facts)

    def of(self, campaign: str) -> Truth:
        return Truth(fact for fact in self.facts if fact.campaign_id == campaign)

    @property
    def campaigns(self) -> list[str]:
        return sorted({fact.campaign_id for fact in self.facts})

    def total(self, kind: Kind) -> int:
        return sum(fact.kind is kind for fact in self.facts)

    def pairs(self, *kinds: Kind) -> set[Pair]:
        return {(fact.campaign_id, fact.contact.id) for fact in self.facts if not kinds or fact.kind in kinds}

    def unique(self, kind: Kind) -> int:
        return len(self.pairs(kind))

    def kept(self) -> set[Pair]:
        """Sent and never bounced: what was delivered, for a platform that reports no deliveries."""
        return self.pairs(Kind.SENT) - self.pairs(Kind.BOUNCED)

    def hard(self) -> set[Pair]:
        return {
            (fact.campaign_id, fact.contact.id)
            for fact in self.facts
            if fact.kind is Kind.BOUNCED and fact.bounce_class is BounceClass.HARD
        }

    def soft(self) -> set[Pair]:
        return self.pairs(Kind.BOUNCED) - self.hard()

    def first(self, *kinds: Kind) -> dict[Pair, Instant]:
        """When one of these kinds first happened to each pair."""
        found: dict[Pair, Instant] = {}
        for fact in sorted(self.facts, key=lambda fact: fact.at):
            if fact.kind in kinds:
                found.setdefault((fact.campaign_id, fact.contact.id), fact.at)
        return found

    def clicks(self) -> dict[str, tuple[int, int]]:
        """URL → (recipients, clicks)."""
        clicks = [fact for fact in self.facts if fact.kind is Kind.CLICKED]
        return {
            url: (
                len({(f.campaign_id, f.contact.id) for f in clicks if f.url == url}),
                sum(f.url == url for f in clicks),
            )
            for url in {str(fact.url) for fact in clicks}
        }

    def last(self, kind: Kind) -> Instant:
        return max(fact.at for fact in self.facts if fact.kind is kind)


def day_of(at: Instant, zone: str) -> str:
    """The calendar day of an instant in a zone."""
    return datetime.fromtimestamp(at / 1000, ZoneInfo(zone)).date().isoformat()


def utc(at: Instant) -> str:
    """``2026-05-04T13:00:00.000Z``; facts lie on whole seconds."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
