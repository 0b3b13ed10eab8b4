"""Run one of our processes with the fake platform known: ``python -m tests.worker.installation worker FILE``."""

from __future__ import annotations

import sys

from aftersend import providers
from aftersend.settings import load
from aftersend.worker import poller, process, scheduler
from tests.worker.platform import FakeProvider

if __name__ == "__main__":
    providers.PROVIDERS["fake"] = FakeProvider()
    poller.CLAIM_MS = 2_000  # what a killed worker held is free again soon
    {"worker": process.run, "scheduler": scheduler.run}[sys.argv[1]](load(sys.argv[2]))
