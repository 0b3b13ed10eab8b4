"""An installation that was told the sandbox's truth through both doors, and a client for all it serves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

from aftersend.providers.speaker import speaker_of
from aftersend.receiver import create_app
from aftersend.receiver.dialects import DIALECTS
from aftersend.sandbox.truth import Scenario
from aftersend.sandbox.truth import Truth as Sandbox
from aftersend.settings import Server, Settings, Source
from aftersend.storage import open_store
from aftersend.storage.contract import Store
from aftersend.vocabulary import Delivery, Door, Instant, now
from aftersend.worker.normalizer import drain
from tests.agreement.truth import Truth

ZONE = "Asia/Kolkata"
"""The source's: its times carry no zone, so that in a zone that turns its clocks back an hour would be had twice."""
KEY = "the-admin-key"


class Installation:
    """What was told, and who answers for it."""

    def __init__(self, directory: Path, until: Instant, days: float, contacts: int):
        settings = Settings(
            server=Server(database=f"sqlite:///{directory}/store.db"),
            sources=[Source(name="acme", provider="inwise", time_zone=ZONE)],
            admin_key=KEY,
            limits=dict.fromkeys(("v1", *(dialect.NAME for dialect in DIALECTS)), "off"),
        )
        self.store: Store = open_store(settings.server.database)
        self.store.migrate()
        told = Sandbox(Scenario(until=until, campaigns=5, contacts=contacts, days=days))
        self.truth = Truth(told.facts)
        self.store.append(_deliveries(told))
        drain(self.store, settings)
        assert self.store.quarantined() == 0
        self.client: FlaskClient = create_app(settings, self.store).test_client()

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a 200."""
        answer = self.client.get(
            path, query_string=query or None, headers={"X-API-Key": KEY, "Authorization": f"Bearer {KEY}"}
        )
        assert answer.status_code == 200, (path, query, answer.text)
        return answer.json

    def text(self, path: str, **query: Any) -> str:
        answer = self.client.get(path, query_string=query or None, headers={"Authorization": f"Bearer {KEY}"})
        assert answer.status_code == 200, (path, query, answer.text)
        return answer.text

    def pages(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All rows of a list that is read by ``_links.next.href``."""
        answer = self.get(path, **query)
        rows = list(answer["tracking_activities"])
        while href := (answer.get("_links") or {}).get("next", {}).get("href"):
            answer = self.get(href)
            rows += answer["tracking_activities"]
        return rows


def _deliveries(told: Sandbox) -> list[Delivery]:
    """A webhook for every fact that has one, and a feed's row for every fact."""
    speaker = speaker_of("inwise")
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    deliveries = []
    for fact in told.facts:
        feed, row = speaker.row(fact, ZONE)
        rows[feed].append(row)
        if webhook := speaker.webhook(fact, ZONE):
            deliveries.append(
                Delivery(
                    source="acme",
                    door=Door.WEBHOOK,
                    received_at=now(),
                    body=webhook.body,
                    content_type=webhook.content_type,
                )
            )
    for feed, shown in rows.items():
        body = msgspec.json.encode(shown)
        page = Delivery(
            source="acme",
            door=Door.FEED,
            received_at=now(),
            body=body,
            feed=feed,
            content_type="application/json",
        )
        deliveries.append(page)
    return deliveries


@pytest.fixture(scope="module")
def recent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Five campaigns of the last week."""
    installation = Installation(tmp_path_factory.mktemp("recent"), now() - 3_600_000, 6, 90)
    yield installation
    installation.store.close()


@pytest.fixture(scope="module", params=["2025-03-31T12:00:00Z", "2025-10-27T12:00:00Z"], ids=["spring", "autumn"])
def clocks_change(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Campaigns around the days on which Europe's clocks change: 30 March 2025 has 23 hours, 26 October 25."""
    from aftersend.zones import parse

    until = parse(request.param, "until")
    installation = Installation(tmp_path_factory.mktemp("clocks"), until, 3, 60)
    yield installation
    installation.store.close()
