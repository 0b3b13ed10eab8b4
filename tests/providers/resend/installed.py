"""An installation that polls the fake and takes its calls, and what it knows in the form of the fake's truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aftersend.receiver import create_app
from aftersend.settings import Source
from aftersend.worker.normalizer import drain
from tests.fakes import Polling
from tests.providers.resend.fake import KEY, Fact, FakeResend
from tests.providers.resend.signing import SECRET, signed


@contextmanager
def install(directory: Path, fake: FakeResend, **fields: Any) -> Iterator[Polling]:
    plain = {"api_key": KEY, "webhook_secrets": [SECRET], "budget": "off"}
    source = Source(**({"name": "acme", "provider": "resend", "base_url": fake.url} | plain | fields))
    polling = Polling(directory, source)
    try:
        yield polling
    finally:
        polling.close()


def call(polling: Polling, calls: Iterable[tuple[str, bytes]]) -> None:
    """Send calls to the receiver, each as its own request."""
    client = create_app(polling.settings, polling.store).test_client()
    for own, body in calls:
        answer = client.post("/webhooks/acme", data=body, headers=signed(own, body))
        assert (answer.status_code, answer.data) == (200, b"ok")
    drain(polling.store, polling.settings)


def known(polling: Polling) -> list[Fact]:
    """What the store knows, in the form of the truth."""
    return sorted(
        (
            event.kind.value,
            event.message_id or "",
            event.email or "",
            str(event.bounce_class if event.kind == "bounced" else event.url or ""),
            event.occurred_at,
        )
        for event in polling.events()
    )
