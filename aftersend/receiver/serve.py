"""Running the receiver: granian with worker processes, until a signal says stop."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import socket
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from aftersend.settings import Server, Settings
from aftersend.storage import open_store
from aftersend.vocabulary import ConfigurationError

MOST_CONNECTIONS = 4096
"""Open connections per worker process. granian stops accepting beyond it, idle keep-alive connections
included, and its default (512 for two workers) is soon reached by a platform that keeps many open."""
STOP_WITHIN = 8
"""Seconds for requests in progress to end; less than a supervisor waits before it kills."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Workers read the configuration again from ``settings.path``.

    Raises ConfigurationError when the address can't be listened on, or a setting or source can't be right: said here
    once, and not by every worker.
    """
    server = settings.server
    _check_address(server)
    _check_app(settings)
    if settings.path:
        os.environ["AFTERSEND_CONFIG"] = settings.path
    # Workers start as fresh interpreters: nothing that this process opened is shared by accident, and
    # prometheus-client looks for its directory when it is imported.
    multiprocessing.set_start_method("spawn", force=True)
    with TemporaryDirectory(prefix=f"aftersend-counters-{os.getpid()}-", dir=_memory()) as counters:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = counters
        Granian(
            "aftersend.receiver.wsgi:app",
            address=server.host,
            port=server.port,
            interface=Interfaces.WSGI,
            workers=server.web_workers,
            blocking_threads=server.web_threads,
            backlog=MOST_CONNECTIONS,
            backpressure=MOST_CONNECTIONS,
            respawn_failed_workers=True,
            workers_kill_timeout=STOP_WITHIN,
            websockets=False,
            log_access=False,
            log_level=LogLevels.info if server.log_level == "debug" else LogLevels.error,
        ).serve(target_loader=load_app, wrap_loader=False)


def _check_app(settings: Settings) -> None:
    from aftersend.receiver import create_app

    store = open_store(settings.server.database)
    try:
        create_app(settings, store)
    finally:
        store.close()


def _memory() -> str | None:
    """A directory in memory, where there is one: counters are mapped files, and writing to one on a full disk
    would kill the worker (SIGBUS) that should have answered 503."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - the directory made there is private


def load_app() -> Callable[..., Any]:
    """The application, in a new worker process."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent,), name="lifeline", daemon=True).start()
    from aftersend.receiver.wsgi import app  # here, because importing it opens the store

    return app


def _end_with(parent: BaseProcess) -> None:
    """A worker whose parent was killed would hold the port for ever. It may end at once: what it has
    acknowledged is on disk. It only tidies up what the parent could not."""
    parent.join()
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
    os._exit(1)


def _check_address(server: Server) -> None:
    """granian's sockets share their port, so a second receiver would silently get half of the requests."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ConfigurationError(
            f"The receiver can't listen on {server.listen}: {error.strerror}. Change server.listen or PORT."
        ) from None
