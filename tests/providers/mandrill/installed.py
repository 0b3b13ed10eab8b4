"""An installation that polls the fake and takes its webhooks, and what it knows in the form of the fake's truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aftersend.receiver import create_app
from aftersend.settings import Source
from aftersend.vocabulary import Kind
from aftersend.worker.normalizer import drain
from tests.fakes import Polling
from tests.providers.mandrill.fake import KEY, SECRET, Fact, FakeMandrill, batch

TIMED = (Kind.DELIVERED, Kind.BOUNCED, Kind.OPENED, Kind.CLICKED)
OF_ADDRESS = (Kind.COMPLAINED, Kind.UNSUBSCRIBED)


@contextmanager
def install(directory: Path, fake: FakeMandrill, **fields: Any) -> Iterator[Polling]:
    """Without a budget, unless ``fields`` give one: faults cost more requests than a minute has."""
    plain = {"api_key": KEY, "webhook_secrets": [SECRET], "budget": "off"}
    polling = Polling(
        directory, Source(**({"name": "acme", "provider": "mandrill", "base_url": fake.url} | plain | fields))
    )
    try:
        yield polling
    finally:
        polling.close()


def call(polling: Polling, notices: Sequence[dict[str, Any]], size: int = 7) -> None:
    """Send webhooks to the receiver, in batches."""
    client = create_app(polling.settings, polling.store).test_client()
    for first in range(0, len(notices), size):
        body, headers = batch(list(notices[first : first + size]))
        answer = client.post("/webhooks/acme", data=body, headers=headers)
        assert (answer.status_code, answer.data) == (200, b"ok")
    drain(polling.store, polling.settings)


def known(polling: Polling) -> list[Fact]:
    """What the store knows, in the form of the truth."""
    return sorted(
        (
            event.kind.value,
            (event.email if event.kind in OF_ADDRESS else event.message_id) or "",
            event.occurred_at // 1000 if event.kind in TIMED else 0,
            event.url or "",
        )
        for event in polling.events()
    )
