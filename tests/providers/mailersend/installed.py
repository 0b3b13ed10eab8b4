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
from tests.providers.mailersend.fake import SECRET, TOKEN, Fact, FakeMailerSend, signed


@contextmanager
def install(directory: Path, fake: FakeMailerSend, **fields: Any) -> Iterator[Polling]:
    plain = {"api_key": TOKEN, "webhook_secrets": [SECRET], "backfill": "10d"}
    source = Source(**({"name": "acme", "provider": "mailersend", "base_url": fake.url} | plain | fields))
    polling = Polling(directory, source)
    try:
        yield polling
    finally:
        polling.close()


def call(polling: Polling, bodies: Iterable[bytes]) -> None:
    """Send webhooks to the receiver, each as its own request."""
    client = create_app(polling.settings, polling.store).test_client()
    for body in bodies:
        answer = client.post("/webhooks/acme", data=body, headers=signed(body))
        assert (answer.status_code, answer.data) == (200, b"ok")
    drain(polling.store, polling.settings)


def known(polling: Polling) -> list[Fact]:
    """What the store knows, in the form of the truth."""
    return sorted(
        (
            event.kind.value,
            event.message_id or "",
            str(event.bounce_class) if event.bounce_class else "",
            event.occurred_at // 1000,
        )
        for event in polling.events()
    )
