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
from tests.providers.mailtrap.fake import SECRETS, TOKEN, Fact, FakeMailtrap, signed


@contextmanager
def install(directory: Path, fake: FakeMailtrap, **fields: Any) -> Iterator[Polling]:
    """Without a budget, unless ``fields`` give one: faults cost more requests than ten seconds have."""
    plain = {"api_key": TOKEN, "webhook_secrets": list(SECRETS), "budget": "off"}
    source = Source(**({"name": "acme", "provider": "mailtrap", "base_url": fake.url} | plain | fields))
    polling = Polling(directory, source)
    try:
        yield polling
    finally:
        polling.close()


def call(polling: Polling, bodies: Iterable[bytes]) -> None:
    """Send webhooks to the receiver, by turns with the secret of one stream and of the other."""
    client = create_app(polling.settings, polling.store).test_client()
    for number, body in enumerate(bodies):
        answer = client.post("/webhooks/acme", data=body, headers=signed(body, SECRETS[number % 2]))
        assert (answer.status_code, answer.data) == (200, b"ok")
    drain(polling.store, polling.settings)


def known(polling: Polling) -> list[Fact]:
    """What the store knows, in the form of the truth."""
    return sorted(
        (event.message_id or "", event.kind.value, event.url or "", event.occurred_at) for event in polling.events()
    )
