"""Our drain, in a process of its own beside a receiver: ``python -m benchmarks.draining CONFIG``.

Works off the inbox until SIGTERM, as a worker's job does (:func:`aftersend.worker.normalizer.working_off`), and says
``ready`` when it has begun.
"""

from __future__ import annotations

import signal
import sys
from contextlib import closing
from threading import Event

from aftersend import logs
from aftersend.settings import load
from aftersend.storage import open_store
from aftersend.worker.normalizer import working_off


def main(config: str) -> None:
    """Until the signal comes."""
    logs.configure("error")
    leave = Event()
    signal.signal(signal.SIGTERM, lambda *_: leave.set())
    settings = load(config, env={})
    with closing(open_store(settings.server.database)) as store, working_off(store, settings):
        print("ready", flush=True)
        leave.wait()


if __name__ == "__main__":
    main(sys.argv[1])
