"""The poller with a real provider: inwise's lists, as a server that misbehaves shows them.

What a well-behaved and a faulty inwise look like in full is tested with the sandbox (tests/sandbox).
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from aftersend.settings import Settings
from aftersend.storage.contract import Store
from aftersend.vocabulary import now
from aftersend.worker import claims, normalizer, plan, poller
from aftersend.zones import moment
from tests.worker.conftest import ids
from tests.worker.platform import KEY, Platform

LIVE = ("acme", "activities", "live")


class Inwise(Platform):
    """Serves ``activities`` newest first, at most ``cap`` rows a page whatever is asked."""

    cap = 100
    moving = False
    stuck = False

    def answer(self, path: str, query: dict[str, list[str]]) -> bytes:
        assert path == "/campaigns/email/activities"
        page = 0 if self.stuck else int(query["page_index"][0])
        if self.moving and page == 1:
            self.happen(5)
        first = page * self.cap
        return json.dumps([self._row(row) for row in self.rows[::-1][first : first + self.cap]]).encode()

    def _row(self, number: int) -> dict[str, Any]:
        return {
            "id": number,
            "action_date": moment(self.began + number * 60_000, "Asia/Jerusalem").strftime("%Y-%m-%d %H:%M:00"),
            "contact_id": number % 7,
            "campaign_id": 1000001,
            "action_type": "emailOpened",
        }

    def __enter__(self) -> Inwise:
        self.began = now() - 5 * 86_400_000
        super().__enter__()
        return self


@pytest.fixture
def platform():
    with Inwise() as running:
        yield running


@pytest.fixture
def settings(settings: Settings, platform: Platform) -> Settings:
    source = msgspec.structs.replace(settings.sources[0], provider="inwise", base_url=platform.url, api_key=KEY)
    return msgspec.structs.replace(settings, sources=[source])


def read(store: Store, settings: Settings) -> poller.Outcome:
    plan.ensure(store, settings.sources[0], now())
    outcome = poller.poll(store, settings, LIVE, claims.new_owner(), force=True)
    normalizer.drain(store, settings)
    return outcome


def test_a_page_size_that_is_ignored_loses_nothing(platform: Inwise, store: Store, settings: Settings):
    platform.happen(450)
    assert read(store, settings).status == "done"
    assert ids(store) == platform.truth
    assert platform.headers[0]["X-API-Key"] == KEY


def test_rows_that_move_between_pages_are_all_found_and_none_doubled(
    platform: Inwise, store: Store, settings: Settings
):
    platform.happen(450)
    platform.moving = True
    assert read(store, settings).status == "done"
    platform.moving = False
    assert read(store, settings).status == "done"
    assert ids(store) == platform.truth


def test_the_same_page_for_ever_ends_and_is_counted_once(platform: Inwise, store: Store, settings: Settings):
    platform.happen(100)
    platform.stuck = True
    assert read(store, settings).status == "done"
    assert ids(store) == platform.truth
    asked = [query.partition("page_index=")[2][0] for query in platform.asked]
    assert sorted(asked)[:3] == ["0", "1", "2"]
    assert len(asked) <= 6, "what was asked ahead of its turn costs three requests at most"
