"""The load generator takes an answer for what it is."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from benchmarks.load import post_all

BODIES = [("application/json", b"[]")] * 3


@contextmanager
def answering(*pieces: bytes) -> Iterator[int]:
    """A server that answers each request of one connection with these pieces, and at last hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection:
                while asked := connection.recv(65_536):
                    assert b"X-Key: secret\r\n" in asked
                    for piece in pieces:
                        connection.sendall(piece)
                    if not pieces:
                        return

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\ncontent-le", b"ngth: 5\r\nserver: granian\r\n\r\nab", b"cde"),
    ],
)
def test_an_answer_is_heard_to_its_end(pieces):
    with answering(*pieces) as port:
        assert post_all(port, "/", 1, BODIES, "X-Key: secret").requests == len(BODIES)


def test_any_other_status_ends_the_load():
    with (
        answering(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n") as port,
        pytest.raises(RuntimeError, match="503"),
    ):
        post_all(port, "/", 1, BODIES, "X-Key: secret")


def test_a_server_that_hangs_up_ends_the_load():
    with answering() as port, pytest.raises(RuntimeError, match="closed the connection"):
        post_all(port, "/", 1, BODIES, "X-Key: secret")
