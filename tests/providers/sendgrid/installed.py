"""An installation that polls the fake and takes its webhooks, and what it knows in the form of the fake's truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from flask.testing import FlaskClient

from aftersend.receiver import create_app
from aftersend.settings import Source
from aftersend.vocabulary import Kind
from aftersend.worker.normalizer import drain
from tests.fakes import Polling
from tests.providers.sendgrid.fake import KEY, Fact, FakeSendGrid, public_key, signed

EVERY = ["bounces", "blocks", "spam_reports", "invalid_emails", "unsubscribes", "messages", "activity"]
LISTED = {"bounced", "complained", "unsubscribed"}
"""Kinds the suppression lists tell."""


@contextmanager
def install(directory: Path, fake: FakeSendGrid, **fields: Any) -> Iterator[Polling]:
    """Without a budget, unless ``fields`` give one."""
    plain = {"api_key": KEY, "webhook_secrets": [public_key("sendgrid-test-key-1")], "budget": "off"}
    source = Source(**({"name": "acme", "provider": "sendgrid", "base_url": fake.url} | plain | fields))
    polling = Polling(directory, source)
    try:
        yield polling
    finally:
        polling.close()


def call(polling: Polling, *batches: Iterable[dict[str, Any]]) -> None:
    """Send webhooks to the receiver, each batch as its own request."""
    client = _client(polling)
    for batch in batches:
        body = msgspec.json.encode(list(batch)) + b"\r\n"
        answer = client.post("/webhooks/acme", data=body, headers=signed(body))
        assert (answer.status_code, answer.data) == (200, b"ok")
    drain(polling.store, polling.settings)


@lru_cache(maxsize=1)
def _client(polling: Polling) -> FlaskClient:
    """Its receiver, which is made once: that takes longer than what it is asked."""
    return create_app(polling.settings, polling.store).test_client()


def known(polling: Polling) -> list[Fact]:
    """What the store knows, in the form of the truth."""
    return sorted(
        (
            event.kind.value,
            event.email or "",
            str(event.bounce_class) if event.bounce_class else "",
            event.url if event.kind is Kind.CLICKED and event.url else "",
            event.occurred_at // 1000,
        )
        for event in polling.events()
    )
