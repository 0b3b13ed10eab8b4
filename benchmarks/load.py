"""A load generator: posts each body once, with so many requests in flight at any moment.

``python -m benchmarks.load PORT PATH CONNECTIONS [HEADER] < requests`` reads a msgpack list of (content type, body) and
prints an :class:`Answered` as JSON. One thread, kept-alive sockets, no HTTP library: what it costs is taken
from the same cores as the server's work.
"""

from __future__ import annotations

import re
import select
import socket
import sys
import time
from statistics import quantiles

import msgspec

PATIENCE_S = 60.0
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """How the load was answered: all of it with 200. Times are of the machine's monotonic clock, in seconds."""

    requests: int
    began: float
    ended: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        return self.requests / (self.ended - self.began)


def post_all(
    port: int, path: str, connections: int, bodies: list[tuple[str, bytes]], header: str = "Accept: */*"
) -> Answered:
    """Post all bodies, each with that header. Raises RuntimeError for any answer but 200."""
    waiting = [_request(path, header, *body) for body in bodies]
    total, times = len(waiting), []
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(min(connections, total))]
    by_number = {s.fileno(): s for s in sockets}
    sent_at: dict[int, float] = {}
    poll = select.epoll()
    began = time.monotonic()
    for number, open_socket in by_number.items():
        open_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(number, select.EPOLLIN)
        sent_at[number] = time.monotonic()
        open_socket.sendall(waiting.pop())
    heard = dict.fromkeys(by_number, b"")
    while sent_at:
        ready = poll.poll(PATIENCE_S)
        if not ready:
            raise RuntimeError(f"{len(sent_at)} requests were not answered within {PATIENCE_S:g} s")
        for number, _ in ready:
            answer = heard[number] + by_number[number].recv(65_536)
            if not _whole(answer):
                _complain(answer, heard[number])
                heard[number] = answer
                continue
            heard[number] = b""
            at = time.monotonic()
            times.append(at - sent_at.pop(number))
            if waiting:
                sent_at[number] = at
                by_number[number].sendall(waiting.pop())
    ended = time.monotonic()
    for open_socket in sockets:
        open_socket.close()
    cuts = quantiles(times, n=100)
    return Answered(requests=total, began=began, ended=ended, p50=cuts[49], p99=cuts[98])


def _complain(answer: bytes, before: bytes) -> None:
    if answer == before:
        raise RuntimeError("the server closed the connection")
    if b"\r\n\r\n" in answer and not answer.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"the server answered {answer[:80]!r}")


def _whole(answer: bytes) -> bool:
    """Whether it is a 200 with all of its body."""
    head, end, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    return bool(end) and answer.startswith(b"HTTP/1.1 200 ") and length is not None and len(body) == int(length[1])


def _request(path: str, header: str, content_type: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}"
    return f"{head}\r\nUser-Agent: bench\r\n{header}\r\n\r\n".encode() + body


if __name__ == "__main__":
    given = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[tuple[str, bytes]])
    print(msgspec.json.encode(post_all(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), given, *sys.argv[4:])).decode())
