"""An installation that polls the fake and takes its posts, and what it knows in the form of the fake's truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aftersend.receiver import create_app
from aftersend.settings import Source
from aftersend.worker.normalizer import drain
from tests.fakes import Polling
from tests.providers.scaleway_tem.fake import KEY, ROOT, TOPIC, WEBHOOK, Fact, FakeScaleway
from tests.providers.topics import post


@contextmanager
def install(directory: Path, fake: FakeScaleway, **fields: Any) -> Iterator[Polling]:
    options = {"topics": [TOPIC], "trust_chain": [ROOT.pem], "webhooks": [WEBHOOK]} | fields.pop("options", {})
    plain = {"name": "acme", "provider": "scaleway_tem", "base_url": fake.url, "api_key": KEY, "budget": "off"}
    polling = Polling(directory, Source(**(plain | fields), options=options))
    try:
        yield polling
    finally:
        polling.close()


def call(polling: Polling, posts: Iterable[dict[str, Any]]) -> None:
    """Send posts to the receiver, each as its own request."""
    client = create_app(polling.settings, polling.store).test_client()
    for told in posts:
        request = post(told)
        answer = client.post("/webhooks/acme", data=request.body, headers=request.headers)
        assert (answer.status_code, answer.data) == (200, b"ok")
    drain(polling.store, polling.settings)


def known(polling: Polling) -> list[Fact]:
    """What the store knows, in the form of the truth."""
    return sorted(
        (event.kind.value, event.message_id or event.row_id or "", str(event.bounce_class or ""))
        for event in polling.events()
    )
