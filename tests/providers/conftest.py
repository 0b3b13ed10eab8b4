"""Nobody waits for long between two tries, and nothing is printed."""

from __future__ import annotations

import pytest
import structlog

from aftersend.worker import client, poller


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAUSE_S", 0.001)
    monkeypatch.setattr(poller, "SAVE_PAUSE_S", 0.001)
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
