"""An installation with one source that reads the fake, and what it knows in the form of the fake's truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aftersend.receiver import create_app
from aftersend.settings import Source
from aftersend.worker.normalizer import drain
from tests.fakes import Polling
from tests.providers.mailgun.fake import DOMAINS, KEY, SIGNING, Fact, FakeMailgun, signed


@contextmanager
def install(directory: Path, fake: FakeMailgun, domains: Iterable[str] = DOMAINS, **fields: Any) -> Iterator[Polling]:
    plain = {"api_key": KEY, "webhook_secrets": [SIGNING], "options": {"domains": list(domains)}}
    source = Source(**({"name": "acme", "provider": "mailgun", "base_url": fake.url} | plain | fields))
    polling = Polling(directory, source)
    try:
        yield polling
    finally:
        polling.close()


def call(polling: Polling, events: Iterable[dict[str, Any]]) -> None:
    """Send webhooks to the receiver, each as its own request with its own token."""
    client = create_app(polling.settings, polling.store).test_client()
    for number, event in enumerate(events):
        answer = client.post("/webhooks/acme", json=signed(event, f"{number:010d}{event['id']:0>40}"))
        assert (answer.status_code, answer.data) == (200, b"ok")
    drain(polling.store, polling.settings)


def known(polling: Polling) -> list[Fact]:
    """What the store knows, in the form of the truth."""
    return sorted(
        (event.metadata["domain"], event.row_id or "", event.kind.value, event.occurred_at)
        for event in polling.events()
    )
