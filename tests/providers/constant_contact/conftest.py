"""Nobody waits: neither between two tries, nor an hour or a day until it is time to ask again."""

from __future__ import annotations

import pytest
import structlog

from aftersend.providers.constant_contact import feeds, notes
from aftersend.worker import client, poller


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAUSE_S", 0.001)
    monkeypatch.setattr(poller, "SAVE_PAUSE_S", 0.001)
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be asked after hours or a day is asked with the next run."""
    monkeypatch.setattr(notes, "AFTERWARDS", 0)
    monkeypatch.setattr(notes, "AGES", ())
    monkeypatch.setattr(feeds, "REREAD", 0)
    monkeypatch.setattr(feeds, "WHOLE", 0)
