"""One Aftersend polls another that takes webhooks and polls feeds itself, while it does so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from aftersend.receiver import create_app
from aftersend.receiver.auth import mint
from aftersend.settings import Server, Settings, Source
from aftersend.storage import open_store
from aftersend.storage.contract import Filter, Store
from aftersend.vocabulary import Delivery, Door, Kind, now
from aftersend.worker import claims, normalizer, plan, poller
from aftersend.zones import moment

FEED_ROW = '{{"id":{id},"action_date":"{minute}:00","contact_id":42,"campaign_id":1000001,"action_type":"emailOpened"}}'
WEBHOOK = "timeStamp={minute}:{second}&trigger_type=emailOpened&channel_type=Email&campaign_id=1000001&contact[id]=42"


class First:
    """The Aftersend that is polled."""

    def __init__(self, directory: Path):
        self.source = Source(name="acme", provider="inwise", api_key="k", webhook_secrets=["t"])
        self.settings = Settings(server=Server(database=f"sqlite:///{directory}/first.db"), sources=[self.source])
        self.store = open_store(self.settings.server.database)
        self.store.migrate()
        self.key = mint(self.store, "second", ["admin"])[1]
        self.server = make_server("127.0.0.1", 0, create_app(self.settings, self.store), threaded=True)
        self.minute = moment(now() - 3_600_000, "Asia/Jerusalem").strftime("%Y-%m-%d %H:%M")

    def hear(self, second: int) -> None:
        body = WEBHOOK.format(minute=self.minute, second=f"{second:02}").replace(" ", "+")
        self._take(Door.WEBHOOK, "", body, "application/x-www-form-urlencoded")

    def read(self, feed: str, *ids: int) -> None:
        rows = ",".join(FEED_ROW.format(id=id, minute=self.minute) for id in ids)
        self._take(Door.FEED, feed, f"[{rows}]", "application/json")

    def _take(self, door: Door, feed: str, body: str, content_type: str) -> None:
        self.store.append(
            [
                Delivery(
                    source="acme",
                    door=door,
                    feed=feed,
                    received_at=now(),
                    body=body.encode(),
                    content_type=content_type,
                )
            ]
        )
        normalizer.drain(self.store, self.settings)


@pytest.fixture
def first(tmp_path: Path) -> Iterator[First]:
    first = First(tmp_path)
    thread = threading.Thread(target=first.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield first
    first.server.shutdown()
    thread.join()
    first.store.close()


@pytest.fixture
def second(first: First, tmp_path: Path) -> Iterator[tuple[Store, Settings]]:
    source = Source(
        name="copy",
        provider="inwise",
        base_url=f"http://127.0.0.1:{first.server.port}/rest/v1",
        api_key=first.key,
        backfill="1d",
    )
    settings = Settings(server=Server(database=f"sqlite:///{tmp_path}/second.db"), sources=[source])
    store = open_store(settings.server.database)
    store.migrate()
    yield store, settings
    store.close()


def poll_all(store: Store, settings: Settings) -> None:
    plan.ensure(store, settings.sources[0], now())
    for row in store.feeds():
        if row.lane == "live":
            assert poller.poll(store, settings, row.key, claims.new_owner(), force=True).status == "done"
    normalizer.drain(store, settings)


def opened(store: Store) -> tuple[int, int]:
    count = store.funnel(Filter())[Kind.OPENED]
    return count.total, count.unique


def test_a_row_whose_id_changes_is_still_one_event(first: First, second: tuple[Store, Settings]) -> None:
    first.hear(12)
    poll_all(*second)
    assert opened(first.store) == opened(second[0]) == (1, 1)
    first.read("recentActivities", 700001)  # now it has the platform's id
    poll_all(*second)
    first.read("activities", 101)  # and now that of the other list
    poll_all(*second)
    assert opened(first.store) == opened(second[0]) == (1, 1)
    # A second open of the same minute, seen by webhook first.
    first.hear(40)
    poll_all(*second)
    first.read("activities", 101, 102)
    poll_all(*second)
    assert opened(first.store) == opened(second[0]) == (2, 1)
    assert second[0].differences() == []


def test_ids_that_cannot_change_are_taken_as_they_are(first: First) -> None:
    """A source of webhooks alone keeps its numbers, so nothing is said of them."""
    first.hear(12)
    client = create_app(first.settings, first.store).test_client()
    path = "/rest/v1/campaigns/email/activities"
    assert client.get(path, headers={"X-API-Key": first.key}).headers["X-Row-Ids"] == "may-change"
    alone = Settings(
        server=first.settings.server, sources=[Source(name="acme", provider="inwise", webhook_secrets=["t"], feeds=[])]
    )
    client = create_app(alone, first.store).test_client()
    assert "X-Row-Ids" not in client.get(path, headers={"X-API-Key": first.key}).headers
