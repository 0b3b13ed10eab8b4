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
from tests.providers.brevo.fake import KEY, SECRET, Fact, FakeBrevo


@contextmanager
def install(directory: Path, fake: FakeBrevo, **fields: Any) -> Iterator[Polling]:
    """Without a budget: faults cost more requests than an hour has. A page is of ten rows."""
    plain = {"api_key": KEY, "webhook_secrets": [SECRET], "budget": "off", "options": {"page_size": 10}}
    source = Source(**({"name": "acme", "provider": "brevo", "base_url": fake.url} | plain | fields))
    polling = Polling(directory, source)
    try:
        yield polling
    finally:
        polling.close()


def call(polling: Polling, bodies: Iterable[bytes]) -> None:
    """Send webhooks to the receiver, each as its own request."""
    client = create_app(polling.settings, polling.store).test_client()
    for body in bodies:
        answer = client.post(f"/webhooks/acme/{SECRET}", data=body, content_type="application/json")
        assert (answer.status_code, answer.data) == (200, b"ok")
    drain(polling.store, polling.settings)


def known(polling: Polling) -> list[Fact]:
    """What the store knows, in the form of the truth."""
    return sorted(
        (event.kind.value, event.message_id or "", event.email or "", event.url or "", event.occurred_at // 1000)
        for event in polling.events()
    )
