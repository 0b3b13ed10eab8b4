"""Serve :mod:`benchmarks.anymail_site` by granian, inside the peers' environment.

``python -m benchmarks.anymail_serve PORT WORKERS THREADS`` makes the table and serves until SIGTERM. This module
imports nothing of Django's but for the table, in a child: workers start as fresh interpreters, as ours do.
"""

from __future__ import annotations

import multiprocessing
import sys

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels


def _create() -> None:
    from benchmarks.anymail_site import create

    create()


def main(port: int, workers: int, threads: int) -> None:
    """Serve, with the settings of our own receiver but for these numbers."""
    multiprocessing.set_start_method("spawn", force=True)
    making = multiprocessing.Process(target=_create)
    making.start()
    making.join()
    if making.exitcode:
        sys.exit("The table could not be made.")
    Granian(
        "benchmarks.anymail_site:application",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        backlog=4096,
        backpressure=4096,
        websockets=False,
        log_access=False,
        log_level=LogLevels.error,
    ).serve()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
