"""An installation that polls the fake and takes its webhooks, and what it knows in the form of the fake's truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aftersend.receiver import create_app
from aftersend.settings import Source
from aftersend.worker.normalizer import drain
from tests.fakes import Polling
from tests.providers.sparkpost.fake import KEY, SECRET, Fact, FakeSparkPost


@contextmanager
def install(directory: Path, fake: FakeSparkPost, *, per_page: int = 12, **fields: Any) -> Iterator[Polling]:
    plain = {"api_key": KEY, "webhook_secrets": [SECRET], "budget": "off", "options": {"per_page": per_page}}
    source = Source(**({"name": "acme", "provider": "sparkpost", "base_url": fake.url} | plain | fields))
    polling = Polling(directory, source)
    try:
        yield polling
    finally:
        polling.close()


def call(polling: Polling, batches: Iterable[list[Any]]) -> None:
    """Send batches to the receiver, each as its own request."""
    client = create_app(polling.settings, polling.store).test_client()
    for number, batch in enumerate(batches):
        answer = client.post(
            f"/webhooks/acme/{SECRET}", json=batch, headers={"X-MessageSystems-Batch-ID": f"batch-{number}"}
        )
        assert (answer.status_code, answer.data) == (200, b"ok")
    drain(polling.store, polling.settings)


def known(polling: Polling) -> list[Fact]:
    """What the store knows, in the form of the truth."""
    return sorted(
        (
            event.kind.value,
            event.message_id or "",
            str(event.bounce_class or event.url or ""),
            0 if event.kind == "opened" else event.occurred_at // 1000,
        )
        for event in polling.events()
    )
