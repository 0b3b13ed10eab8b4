"""An installation that polls the fake, and what it knows in the form of the fake's truth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aftersend.settings import Source
from tests.fakes import Polling
from tests.providers.benchmark.fake import GHOST, KEY, Fact, FakeBenchmark


@contextmanager
def install(directory: Path, fake: FakeBenchmark, **fields: Any) -> Iterator[Polling]:
    """Without a budget, unless ``fields`` give one: faults cost more requests than a minute has."""
    plain = {"name": "acme", "provider": "benchmark", "base_url": fake.url, "api_key": KEY, "budget": "off"}
    polling = Polling(directory, Source(**(plain | fields)))
    try:
        yield polling
    finally:
        polling.close()


def known(polling: Polling) -> list[Fact]:
    """What the store knows of somebody, in the form of the truth."""
    return sorted(
        (
            event.kind.value,
            event.contact_id or "",
            event.campaign_id or "",
            event.occurred_at,
            event.link_number or "",
            str(event.bounce_class) if event.bounce_class else "",
        )
        for event in polling.events()
        if not (event.contact_id or "").startswith(GHOST)
    )
