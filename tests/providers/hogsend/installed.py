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
from tests.providers.hogsend.fake import KEY, SECRET, Fact, FakeHogsend, signed


@contextmanager
def install(directory: Path, fake: FakeHogsend, **fields: Any) -> Iterator[Polling]:
    """Without a budget, unless ``fields`` give one: faults cost more requests than a minute has."""
    plain = {"api_key": KEY, "webhook_secrets": [SECRET], "budget": "off"}
    source = Source(**({"name": "acme", "provider": "hogsend", "base_url": fake.url} | plain | fields))
    polling = Polling(directory, source)
    try:
        yield polling
    finally:
        polling.close()


def call(polling: Polling, notices: Iterable[tuple[str, bytes]]) -> None:
    """Send webhooks to the receiver, each as its own request."""
    client = create_app(polling.settings, polling.store).test_client()
    for own, body in notices:
        answer = client.post("/webhooks/acme", data=body, headers=signed(own, body))
        assert (answer.status_code, answer.data) == (200, b"ok")
    drain(polling.store, polling.settings)


def known(polling: Polling) -> list[Fact]:
    """What the store knows, in the form of the truth."""
    return sorted(
        (
            event.kind.value,
            (event.email if event.kind is Kind.UNSUBSCRIBED else event.message_id) or "",
            str(event.bounce_class) if event.bounce_class else "",
            event.occurred_at,
        )
        for event in polling.events()
    )


def timeless(facts: Iterable[Fact]) -> list[Fact]:
    """Opt-outs and deliveries without their times: lists have none of the ones, repeated notices move the others."""
    return sorted((*fact[:3], 0 if fact[0] in ("unsubscribed", "delivered") else fact[3]) for fact in facts)
