"""An installation that polls the fake and takes its webhooks, and what it knows in the form of the fake's truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from aftersend.receiver import create_app
from aftersend.settings import Source
from aftersend.worker.normalizer import drain
from tests.fakes import Polling
from tests.providers.mailjet.fake import KEY, SECRET, Fact, FakeMailjet


@contextmanager
def install(directory: Path, fake: FakeMailjet, **fields: Any) -> Iterator[Polling]:
    plain = {"name": "acme", "provider": "mailjet", "base_url": fake.url}
    source = Source(**(plain | {"api_key": KEY, "webhook_secrets": [SECRET]} | fields))
    polling = Polling(directory, source)
    try:
        yield polling
    finally:
        polling.close()


def call(polling: Polling, notices: Iterable[Any]) -> None:
    """Send webhooks to the receiver, each as its own request: an event alone, or a list of them."""
    client = create_app(polling.settings, polling.store).test_client()
    for notice in notices:
        body = msgspec.json.encode(notice)
        answer = client.post(f"/webhooks/acme/{SECRET}", data=body, content_type="application/json")
        assert (answer.status_code, answer.data) == (200, b"ok")
    drain(polling.store, polling.settings)


def known(polling: Polling, *, queued: bool = True) -> list[Fact]:
    """What the store knows, in the form of the truth."""
    return sorted(
        (event.kind.value, event.message_id or "", str(event.bounce_class or ""), event.occurred_at // 1000)
        for event in polling.events()
        if event.kind.value != "queued" or queued
    )
