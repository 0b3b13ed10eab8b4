"""An installation that polls the fake and takes its webhooks, and what it knows in the form of the fake's truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aftersend.receiver import create_app
from aftersend.settings import Source
from aftersend.vocabulary import Kind
from aftersend.worker.normalizer import drain
from tests.fakes import Polling
from tests.providers.postmark.fake import SECRET, TOKEN, Fact, FakePostmark, Notice

OF_CONTACTS = (Kind.UNSUBSCRIBED, Kind.RESUBSCRIBED)


@contextmanager
def install(directory: Path, fake: FakePostmark, **fields: Any) -> Iterator[Polling]:
    plain = {"name": "acme", "provider": "postmark", "base_url": fake.url}
    source = Source(**(plain | {"api_key": TOKEN, "webhook_secrets": [SECRET]} | fields))
    polling = Polling(directory, source)
    try:
        yield polling
    finally:
        polling.close()


def call(polling: Polling, notices: Iterable[Notice]) -> None:
    """Send webhooks to the receiver, each as its own request."""
    client = create_app(polling.settings, polling.store).test_client()
    for notice in notices:
        answer = client.post(f"/webhooks/acme/{SECRET}", data=notice.body, content_type="application/json")
        assert (answer.status_code, answer.data) == (200, b"ok")
    drain(polling.store, polling.settings)


def known(polling: Polling) -> list[Fact]:
    """What the store knows, in the form of the truth. What counts nowhere is left out."""
    return sorted(
        (event.kind.value, "", event.email or "", event.occurred_at // 1000)
        if event.kind in OF_CONTACTS
        else (event.kind.value, event.message_id or "", event.email or "", event.occurred_at)
        for event in polling.events()
        if event.kind is not Kind.OTHER
    )
