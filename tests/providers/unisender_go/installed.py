"""An installation that polls the fake and takes its webhooks, and what it knows in the form of the fake's truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from aftersend.receiver import create_app
from aftersend.settings import Source
from aftersend.worker.normalizer import drain
from tests.fakes import Polling
from tests.providers.unisender_go.fake import KEY, Fact, FakeUnisender


class Installed(Polling):
    """One that takes webhooks, too."""

    @cached_property
    def client(self) -> FlaskClient:
        return create_app(self.settings, self.store).test_client()


@contextmanager
def install(directory: Path, fake: FakeUnisender, **fields: Any) -> Iterator[Installed]:
    plain = {"api_key": KEY, "webhook_secrets": [KEY], "budget": "off"}
    source = Source(**({"name": "acme", "provider": "unisender_go", "base_url": fake.url} | plain | fields))
    polling = Installed(directory, source)
    try:
        yield polling
    finally:
        polling.close()


def call(polling: Installed, notices: Iterable[bytes]) -> None:
    """Send webhooks to the receiver, each as its own request."""
    for body in notices:
        answer = polling.client.post("/webhooks/acme", data=body)
        assert (answer.status_code, answer.data) == (200, b"ok")
    drain(polling.store, polling.settings)


def known(polling: Polling) -> list[Fact]:
    """What the store knows, in the form of the truth."""
    return sorted(
        (event.kind.value, event.message_id or "", event.email or "", event.occurred_at) for event in polling.events()
    )
