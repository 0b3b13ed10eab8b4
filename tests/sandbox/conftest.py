"""A target that receives webhooks over real HTTP, and a sandbox to poll."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from aftersend.sandbox.server import Sandbox

PROVIDER = "inwise"
ZONE = "Asia/Jerusalem"
UNTIL = 1_781_179_200_000  # 2026-06-11T12:00:00Z, a summer's day: no wall time occurs twice


class _Quiet(WSGIRequestHandler):
    def log_request(self, code="-", size="-"):
        pass


class Target:
    """Keeps what is posted to it. ``statuses`` are the answers of the next requests; then comes 200."""

    def __init__(self):
        self.received: list[tuple[str, bytes]] = []
        self.statuses: list[int] = []
        self._lock = threading.Lock()
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.port}/webhooks/acme/token"

    def _answer(self, environ, start_response):
        request = Request(environ)
        with self._lock:
            self.received.append((request.headers["Content-Type"], request.get_data()))
            status = self.statuses.pop(0) if self.statuses else 200
        return Response("ok", status)(environ, start_response)

    @property
    def bodies(self) -> list[bytes]:
        return [body for _, body in self.received]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()


@pytest.fixture
def target() -> Iterator[Target]:
    target = Target()
    yield target
    target.close()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "sandbox", PROVIDER, time_zone="UTC") as sandbox:
        yield sandbox
