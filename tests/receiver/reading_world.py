"""What the tests of reading stand on: a real store filled through ``apply``, a client, and keys of every sort."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from aftersend.receiver import create_app
from aftersend.receiver.auth import mint
from aftersend.settings import Server, Settings, Source
from aftersend.storage import open_store
from aftersend.storage.contract import Read, Store
from aftersend.vocabulary import (
    Channel,
    Clock,
    Delivery,
    Door,
    Event,
    Instant,
    Kind,
    Precision,
    Problem,
    Reading,
    Snapshot,
    now,
    slot_key,
)

WORDS = {
    Kind.SENT: "emailSent",
    Kind.OPENED: "emailOpened",
    Kind.CLICKED: "emailClicked",
    Kind.BOUNCED: "emailBounced",
    Kind.DROPPED: "undelivered",
    Kind.UNSUBSCRIBED: "emailUnsubscribed",
    Kind.WEB_VIEWED: "emailWebVersion",
    Kind.PRINTED: "emailPrinted",
}


def at(text: str) -> Instant:
    """``2025-03-18 11:26:00`` in UTC as an instant."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


class World:
    """An installation with the sources ``acme`` (Jerusalem), ``beta`` (New York) and ``gamma`` (UTC)."""

    def __init__(self, directory: Path, admin_key: str = "the-admin-key"):
        zones = {"acme": "Asia/Jerusalem", "beta": "America/New_York", "gamma": "UTC"}
        self.settings = Settings(
            server=Server(database=f"sqlite:///{directory}/store.db"),
            sources=[Source(name=name, provider="inwise", time_zone=zone) for name, zone in zones.items()],
            admin_key=admin_key,
        )
        self.store: Store = open_store(self.settings.server.database)
        self.store.migrate()
        self.client: FlaskClient = create_app(self.settings, self.store).test_client()
        self.admin = {"X-API-Key": admin_key}
        self._deliveries = 0

    def tell(
        self,
        *events: Event,
        source: str = "acme",
        door: Door = Door.FEED,
        received_at: Instant | None = None,
        snapshots: tuple[Snapshot, ...] = (),
        problems: tuple[Problem, ...] = (),
    ) -> int:
        """One delivery says all this; returns its id."""
        self._deliveries += 1
        delivery = Delivery(
            id=self._deliveries,
            source=source,
            door=door,
            received_at=now() if received_at is None else received_at,
            body=b"{}",
            feed="activities" if door is Door.FEED else "",
        )
        self.store.apply([Read(delivery, Reading(list(events), list(snapshots), list(problems)))])
        return self._deliveries

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        """The JSON of an answer that must be 200."""
        answer = self.client.get(path, query_string=query or None, headers=self.admin if headers is None else headers)
        assert answer.status_code == 200, answer.text
        return answer.json

    def refused(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """Status and JSON of an answer that must not be 200; ``path`` has its query string."""
        answer = self.client.get(path, headers=self.admin if headers is None else headers)
        assert answer.status_code != 200, answer.text
        return answer.status_code, answer.json

    def key(self, *scopes: str, sources: tuple[str, ...] | None = None, expires_at: Instant | None = None):
        """The headers of a new key."""
        _, secret = mint(self.store, "a test", scopes, sources, expires_at)
        return {"X-API-Key": secret}


def event(
    kind: Kind,
    occurred_at: Instant | str,
    contact: str = "42",
    campaign: str | None = "1000001",
    *,
    source: str = "acme",
    row: str = "1",
    **more: Any,
) -> Event:
    """An event as a feed of inwise tells it; ``row`` tells apart what happened in one minute."""
    when = at(occurred_at) if isinstance(occurred_at, str) else occurred_at
    given = {
        "word": WORDS.get(kind, kind.value),
        "list": "activities",
        "row": row,
        "row_id": row,
        "precision": Precision.MINUTE,
        "clock": Clock.ASSUMED,
        "channel": Channel.EMAIL,
        "contact_id": contact,
    }
    slot = slot_key(when // 60_000 * 60_000, source, kind, campaign, contact, more.get("url"))
    return Event(slot=slot, kind=kind, occurred_at=when, campaign_id=campaign, **{**given, **more})
