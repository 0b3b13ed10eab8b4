"""What the tests of hostile clients stand on: raw connections, a client that behaves, and memory of a process tree."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

import requests

from tests.receiver.receivers import FORM, OPENED, TOKEN, Receiver, stored

PATH = f"/webhooks/acme/{TOKEN}".encode()
PATIENCE = 60
"""Seconds within which whatever should happen must have happened."""


def head(*lines: bytes, path: bytes = PATH, method: bytes = b"POST") -> bytes:
    """The head of a request."""
    return b"\r\n".join([method + b" " + path + b" HTTP/1.1", b"Host: x", *lines, b"", b""])


def connect(receiver: Receiver) -> socket.socket:
    return socket.create_connection(("127.0.0.1", receiver.port), PATIENCE)


@contextmanager
def connections(receiver: Receiver, count: int, sent: bytes = b"") -> Iterator[list[socket.socket]]:
    """So many connections on which only this was sent."""
    opened: list[socket.socket] = []
    try:
        for _ in range(count):
            opened.append(connect(receiver))
            if sent:
                opened[-1].sendall(sent)
        yield opened
    finally:
        for client in opened:
            client.close()


def heard(client: socket.socket) -> bytes:
    """Everything the server says until it closes; a reset is an end too."""
    said = b""
    with suppress(ConnectionError):
        while piece := client.recv(65_536):
            said += piece
    return said


def ended(clients: Sequence[socket.socket]) -> int:
    """How many of them the server has closed, of all, within :data:`PATIENCE`."""
    deadline = time.monotonic() + PATIENCE
    count = 0
    for client in clients:
        client.settimeout(max(0.01, deadline - time.monotonic()))
        with suppress(TimeoutError):
            heard(client)
            count += 1
    return count


def status_of(receiver: Receiver, request: bytes) -> int:
    """The status of the first answer to these bytes; 0 where the server closes without one. What can't be sent any more
    isn't."""
    with connect(receiver) as client:
        with suppress(ConnectionError):
            client.sendall(request)
        said = b""
        with suppress(ConnectionError):
            while b"\r\n" not in said and (piece := client.recv(4096)):
                said += piece
    return int(said.split(b" ", 2)[1]) if said.startswith(b"HTTP/1.1 ") else 0


class GoodClient:
    """Posts distinct webhooks steadily, and keeps what it was answered."""

    def __init__(self, receiver: Receiver):
        self._receiver = receiver
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._post)
        self.statuses: list[int | str] = []
        self.times: list[float] = []
        self.acknowledged: list[bytes] = []

    def __enter__(self) -> GoodClient:
        self._already = len(stored(self._receiver.store))
        self._thread.start()
        self.wait_for(1)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def wait_for(self, more: int) -> None:
        """Return when so many more of its webhooks were answered."""
        target, deadline = len(self.statuses) + more, time.monotonic() + PATIENCE
        while len(self.statuses) < target and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.statuses) >= target, "the good client waits"

    def p99(self) -> float:
        """Milliseconds."""
        return 1000 * sorted(self.times)[int(len(self.times) * 0.99)]

    def was_served(self, besides: int = 0) -> None:
        """Every webhook got its 200, and is in the inbox, once, with nothing else but so many other deliveries."""
        assert set(self.statuses) == {200}
        kept = [delivery.body for delivery in stored(self._receiver.store)][self._already :]
        assert sorted(body for body in kept if body.startswith(OPENED + b"&good=")) == sorted(self.acknowledged)
        assert len(kept) == len(self.acknowledged) + besides

    def _post(self) -> None:
        while not self._stop.is_set():
            body = OPENED + b"&good=%d" % time.monotonic_ns()
            began = time.monotonic()
            try:
                # Each on a connection of its own, so that both workers are asked.
                answer = requests.post(
                    self._receiver.webhook, data=body, headers={"Content-Type": FORM}, timeout=PATIENCE
                )
                self.statuses.append(answer.status_code)
            except requests.RequestException as error:
                self.statuses.append(type(error).__name__)
            self.times.append(time.monotonic() - began)
            if self.statuses[-1] == 200:
                self.acknowledged.append(body)
            self._stop.wait(0.02)


def tree(process: int) -> list[int]:
    """A process and all its descendants."""
    found = [process]
    for member in found:
        with suppress(OSError):
            found += map(int, Path(f"/proc/{member}/task/{member}/children").read_text().split())
    return found


def memory_mb(process: int) -> int:
    """Resident memory of a process and its descendants, in MB."""
    total = 0
    for member in tree(process):
        with suppress(OSError):
            total += int(Path(f"/proc/{member}/status").read_text().partition("VmRSS:")[2].split()[0])
    return total // 1000


class Peak:
    """The most memory that a process tree had meanwhile, looked at often."""

    def __init__(self, process: int):
        self._process = process
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.before = self.most = memory_mb(process)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.05):
            self.most = max(self.most, memory_mb(self._process))
