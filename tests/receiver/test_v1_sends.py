"""Sends of platforms that don't tell of them are what they queued, or what was delivered or bounced."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from aftersend.providers import PROVIDERS
from aftersend.receiver import create_app
from aftersend.receiver.figures import configured
from aftersend.settings import Source
from aftersend.vocabulary import Kind
from tests.receiver.reading_world import World, event

QUIET = next(provider.name for provider in PROVIDERS.values() if not provider.tells_sends)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    quiet = Source(name="quiet", provider=QUIET, time_zone="UTC")
    made.settings = msgspec.structs.replace(made.settings, sources=[*made.settings.sources, quiet])
    made.client = create_app(made.settings, made.store).test_client()
    made.tell(
        event(Kind.QUEUED, "2025-03-18 09:00:00", "1", source="quiet"),
        event(Kind.DELIVERED, "2025-03-18 09:00:10", "1", source="quiet"),
        event(Kind.OPENED, "2025-03-18 11:00:00", "1", source="quiet"),
        event(Kind.DELIVERED, "2025-03-19 09:00:00", "2", source="quiet"),
        event(Kind.BOUNCED, "2025-03-19 10:00:00", "3", source="quiet"),
        event(Kind.QUEUED, "2025-03-19 11:00:00", "4", source="quiet"),
        event(Kind.DROPPED, "2025-03-19 11:00:01", "4", source="quiet"),
        source="quiet",
    )
    return made


LISTING = next(
    provider.name
    for provider in PROVIDERS.values()
    if provider.tells_sends and provider.key_optional and provider.webhooks and Kind.SENT not in provider.webhooks.kinds
)


@pytest.mark.parametrize(
    ("more", "quiet"),
    [({}, True), ({"api_key": "k"}, False), ({"api_key": "k", "feeds": []}, True), ({"feeds": ["messages"]}, False)],
)
def test_sends_that_only_lists_tell_are_derived_where_no_list_is_read(more, quiet):
    assert configured([Source(name="listing", provider=LISTING, **more)]).quiet == ({"listing"} if quiet else set())


def sent(answer: dict, kind: str = "sent") -> tuple[int, int]:
    return answer["counts"][kind]["total"], answer["counts"][kind]["unique"]


def test_the_funnel_counts_them_and_says_that_they_are_derived(world):
    answer = world.get("/v1/funnel", source="quiet")
    assert (sent(answer), sent(answer, "delivered"), answer["derived"]) == ((3, 3), (2, 2), ["sent"])
    assert answer["rates"] == {"open": 0.5, "click": 0.0, "bounce": 0.3333}


def test_neighbouring_windows_add_up(world):
    answer = world.get("/v1/timeline", source="quiet", unit="day", **{"from": "2025-03-18", "to": "2025-03-19"})
    assert [sent(slot) for slot in answer["slots"]] == [(1, 1), (2, 2)]


def test_a_campaign_counts_them_too(world):
    (campaign,) = world.get("/v1/campaigns", source="quiet")["campaigns"]
    assert (sent(campaign), campaign["derived"]) == ((3, 3), ["sent"])


def test_a_source_whose_platform_tells_of_sends_is_counted_by_them_alone(world):
    world.tell(event(Kind.DELIVERED, "2025-03-18 09:00:00", "9"))
    answer = world.get("/v1/funnel", source="acme")
    assert (sent(answer), answer["derived"]) == ((0, 0), [])
    together = world.get("/v1/funnel")
    assert (sent(together), sent(together, "delivered")) == ((3, 3), (3, 3))
