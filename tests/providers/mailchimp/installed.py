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
from tests.providers.mailchimp.fake import KEY, SECRET, Fact, FakeMailchimp, signed


@contextmanager
def install(directory: Path, fake: FakeMailchimp, **fields: Any) -> Iterator[Polling]:
    plain = {"api_key": KEY, "webhook_secrets": [SECRET]}
    polling = Polling(
        directory, Source(**({"name": "acme", "provider": "mailchimp", "base_url": fake.url} | plain | fields))
    )
    try:
        yield polling
    finally:
        polling.close()


def call(polling: Polling, notices: Iterable[dict[str, str]]) -> None:
    """Send webhooks to the receiver, each as its own request."""
    client = create_app(polling.settings, polling.store).test_client()
    for fields in notices:
        body, headers = signed(fields)
        answer = client.post("/webhooks/acme", data=body, headers=headers)
        assert (answer.status_code, answer.data) == (200, b"ok")
    drain(polling.store, polling.settings)


def known(polling: Polling) -> list[Fact]:
    """What the store knows, in the form of the truth."""
    return sorted(
        (
            event.kind.value,
            event.campaign_id or "",
            event.email or "",
            event.occurred_at // 1000 if event.kind in (Kind.OPENED, Kind.CLICKED) else 0,
            event.url or "",
        )
        for event in polling.events()
    )
