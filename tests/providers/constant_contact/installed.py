"""An installation that polls the fake, and what it knows in the form of the fake's truth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aftersend.providers import provider_of
from aftersend.settings import Source
from aftersend.worker.tokens import Tokens
from tests.fakes import Polling
from tests.providers.constant_contact.fake import CLIENT, SECRET, Fact, FakeConstantContact


def source_of(fake: FakeConstantContact, **fields: Any) -> Source:
    """Without a budget, unless ``fields`` give one: faults cost more requests than a second has."""
    options = {"client_id": CLIENT, "client_secret": SECRET, "token_url": fake.url.removesuffix("/v3") + "/token"}
    options |= fields.pop("options", {})
    plain = {"name": "acme", "provider": "constant_contact", "base_url": fake.url, "budget": "off", "options": options}
    return Source(**(plain | fields))


def connect(polling: Polling, fake: FakeConstantContact, source: Source | None = None) -> None:
    source = source or polling.source
    oauth = provider_of(source).oauth(source)
    assert oauth is not None
    told = {"access_token": fake.access_token, "refresh_token": fake.refresh_token, "expires_in": 86_400}
    Tokens(polling.store, source, oauth).keep(told)


@contextmanager
def install(directory: Path, fake: FakeConstantContact, **fields: Any) -> Iterator[Polling]:
    polling = Polling(directory, source_of(fake, **fields))
    connect(polling, fake)
    try:
        yield polling
    finally:
        polling.close()


def known(polling: Polling) -> list[Fact]:
    """What the store knows, in the form of the truth."""
    return sorted(
        (
            event.kind.value,
            event.activity_id or "",
            event.contact_id or "",
            event.occurred_at,
            event.url or "",
            str(event.bounce_class or ""),
            event.reason or "",
        )
        for event in polling.events()
    )
