"""Waiting for bodies: clients that are slow, or silent, keep nobody else from being served.

granian hands a request over as soon as its headers are there, and has no limit for how long a body may take (2.8:
reading blocks a thread until the body is whole or the connection gone). Therefore

* threads that wait for bodies are many. Requests without a body, reports for instance, are worked on by a few of them
  at a time, each at a *desk*;
* large bodies, which cost memory while they come, are few at a time;
* a body has ``timeout`` seconds. Afterwards its connection is cut, and what came of it is never taken for a whole.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Collection, Iterable
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic, sleep
from typing import IO, TYPE_CHECKING, Any

import structlog

from aftersend.vocabulary import TemporaryError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.get_logger(__name__)

LARGE = 256_000
"""Bytes of a body above which it counts as large. One whose length isn't known counts too: in pieces, or compressed."""
_LAST_DATA_SENT = 44
"""Where struct tcp_info of Linux has the milliseconds since data was last sent, or the connection was made."""


class WaitingRoom:
    """An application in which many requests may wait for their bodies."""

    def __init__(self, app: WSGIApplication, *, desks: int, timeout: float):
        """At most ``desks`` requests without a body are worked on at once, and as many with a large one; ``timeout`` is
        in seconds."""
        self.timeout = timeout
        self.reading: set[Body] = set()
        self.large = _tokens(desks)
        self._app = app
        self._desks = _tokens(desks)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("CONTENT_LENGTH", "0") == "0" and "HTTP_TRANSFER_ENCODING" not in environ:
            self._desks.get()
            try:
                return self._app(environ, start_response)
            finally:
                self._desks.put(None)
        body = environ["wsgi.input"] = Body(self, environ)
        try:
            return self._app(environ, start_response)
        finally:
            if body.is_large:
                self.large.put(None)

    def overdue(self) -> set[str]:
        """The addresses whose bodies should have been here by now."""
        latest = monotonic() - self.timeout
        return {body.address for body in list(self.reading) if body.since < latest}


class Body:
    """``wsgi.input`` of one request: reads from a client that may be slow."""

    __slots__ = ("_room", "_stream", "_undecided", "address", "is_large", "since")

    def __init__(self, room: WaitingRoom, environ: WSGIEnvironment):
        self._room = room
        self._stream: IO[bytes] = environ["wsgi.input"]
        length = environ.get("CONTENT_LENGTH", "")
        known = length.isdecimal() and "HTTP_CONTENT_ENCODING" not in environ
        self._undecided = not known or int(length) > LARGE
        self.is_large = False
        self.address: str = environ.get("REMOTE_ADDR", "")
        self.since = monotonic()

    def read(self, size: int = -1) -> bytes:
        """The next bytes, fewer than ``size`` only at the end. Raises TemporaryError when they took too long."""
        room = self._room
        if self._undecided:
            self._take_place()
        room.reading.add(self)
        try:
            piece = self._stream.read(sys.maxsize if size < 0 else size)
        finally:
            room.reading.discard(self)
        if monotonic() - self.since > room.timeout:
            # It may be cut, which granian tells nobody, and a body of undeclared length would look whole.
            raise TemporaryError("The body did not come in time.")
        return piece

    def _take_place(self) -> None:
        try:
            self._room.large.get(timeout=self._room.timeout)
        except Empty:
            raise TemporaryError("Too many large bodies are coming in.") from None
        self._undecided, self.is_large, self.since = False, True, monotonic()


def watch(room: WaitingRoom, port: int, *, silence: float, every: float) -> None:
    """Cut overdue connections of this process to ``port``, for ever, in a thread of its own, where the system can
    tell which they are (Linux). Times are in seconds; for ``silence`` see :func:`cut`."""
    if sys.platform == "linux":
        Thread(target=_watch, args=(room, port, silence, every), name="watch", daemon=True).start()


def _watch(room: WaitingRoom, port: int, silence: float, every: float) -> None:
    while True:
        sleep(every)
        overdue = room.overdue()
        if overdue and (count := cut(overdue, port, silence)):
            log.warning("connections cut", connections=count, reason="The bodies did not come in time.")


def cut(addresses: Collection[str], port: int, silence: float) -> int:
    """Shut the connections of this process from such addresses to ``port`` on which nothing was sent for ``silence``
    seconds, and say how many they were.

    A WSGI application isn't told which connection a request came on, and granian's own sockets are out of reach. But
    one that has waited for headers longer than the time for headers is closed by granian. So what was silent for that
    and the time for a body has been in one request for longer than a body may take.
    """
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            if not os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(name))) as connection:
                if _is_silent(connection, addresses, port, silence):
                    connection.shutdown(socket.SHUT_RDWR)
                    found += 1
        except OSError:
            continue  # closed meanwhile, or nobody's connection
    return found


def _is_silent(connection: socket.socket, addresses: Collection[str], port: int, silence: float) -> bool:
    if connection.family not in {socket.AF_INET, socket.AF_INET6} or connection.type != socket.SOCK_STREAM:
        return False
    if connection.getsockname()[1] != port or connection.getpeername()[0] not in addresses:
        return False
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA_SENT + 4)
    milliseconds: int = struct.unpack_from("=I", told, _LAST_DATA_SENT)[0]
    return milliseconds >= silence * 1000


def _tokens(count: int) -> SimpleQueue[Any]:
    tokens: SimpleQueue[Any] = SimpleQueue()
    for _ in range(count):
        tokens.put(None)
    return tokens
