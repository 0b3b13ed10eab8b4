"""Run one of our processes with the fake platform known: ``python -m tests.worker.installation worker FILE``."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading

from aftersend import providers
from aftersend.settings import Settings, load
from aftersend.worker import poller, process, scheduler
from tests.worker.platform import FakeProvider


class Swallows(logging.Handler):
    """Gets the signal while RQ's loop says that Redis is gone. What its handler raises ends here, as in logging."""

    told = False

    def emit(self, record: logging.LogRecord) -> None:
        here = threading.current_thread() is threading.main_thread()
        if here and not self.told and record.levelno >= logging.ERROR:
            self.told = True
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            except Exception:
                self.handleError(record)


def stopped_while_logging(settings: Settings) -> None:
    logging.getLogger("rq.worker").addHandler(Swallows())
    process.run(settings)


if __name__ == "__main__":
    providers.PROVIDERS["fake"] = FakeProvider()
    poller.CLAIM_MS = 2_000  # what a killed worker held is free again soon
    what = {"worker": process.run, "stopped-while-logging": stopped_while_logging, "scheduler": scheduler.run}
    what[sys.argv[1]](load(sys.argv[2]))
