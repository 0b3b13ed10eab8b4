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
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from aftersend.receiver.waiting import WaitingRoom, watch
from aftersend.settings import Server, Settings, load
from aftersend.storage import open_store
from aftersend.vocabulary import ConfigurationError

MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "262144"}
"""Told to the C library (glibc), unless the environment says otherwise: workers then give the memory of large bodies
back instead of keeping some for each thread (after 200 bodies of 10 MB, compressed: 290 MB instead of 606 MB)."""
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
    for name, value in MEMORY.items():
        os.environ.setdefault(name, value)
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
            # Threads are made as they are needed. Those beyond web_threads wait for bodies (see waiting.py).
            blocking_threads=server.web_threads + server.web_waiting,
            backlog=server.web_connections,
            backpressure=server.web_connections,
            # Nobody who sends webhooks speaks HTTP/2 without TLS, and listening for it leaves silent connections
            # open for ever (granian 2.8, tried 2026-11-21).
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(
                header_read_timeout=server.header_timeout_ms, max_buffer_size=server.max_headers_bytes
            ),
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

    server = load().server
    patience = server.body_timeout_ms / 1000
    room = WaitingRoom(app, desks=server.web_threads, timeout=patience)
    watch(room, server.port, silence=patience + server.header_timeout_ms / 1000, every=min(1.0, patience))
    return room


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
