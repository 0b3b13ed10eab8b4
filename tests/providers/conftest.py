"""Nobody waits for long between two tries, nothing is printed, and no certificate is known from another test."""

from __future__ import annotations

import pytest
import structlog

from aftersend.providers import sns
from aftersend.worker import client, poller


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAUSE_S", 0.001)
    monkeypatch.setattr(poller, "SAVE_PAUSE_S", 0.001)
    # Two tests may be given the same port of this machine, and so the same address of a certificate.
    monkeypatch.setattr(sns, "FETCHED", sns._Fetched())
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
