"""A small platform with behaviour: it serves two lists over HTTP, has faults on request, and knows the truth.

``/pages`` is an ordinary list, newest first, three rows a page. ``/once`` hands out each row once. Faults are
taken from :attr:`Platform.faults`, one for each request, before the list is served.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from aftersend.providers.contract import Ask, Context, Feed, Handshake, Malformed, Position, Provider, Request, Walk
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Event, Kind, Problem, Reading, slot_key

PER_PAGE = 3
KEY = "k3y-of-the-test"
T0 = 1_763_700_000_000


class Platform:
    """``with Platform() as platform: platform.url``; every request is noted in ``asked``."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.faults: list[Callable[[_Handler, bytes], None]] = []
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.before: Callable[[str], None] = lambda _path: None
        self.lock = Lock()
        self._given = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.platform = self  # type: ignore[attr-defined]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Platform:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def happen(self, count: int) -> None:
        """So many further events happen."""
        with self.lock:
            self.rows += range(len(self.rows), len(self.rows) + count)

    @property
    def truth(self) -> list[str]:
        """Ids of all events, oldest first."""
        return [str(row) for row in self.rows]

    def answer(self, path: str, query: dict[str, list[str]]) -> bytes:
        with self.lock:
            if path == "/once":
                rows = self.rows[self._given : self._given + PER_PAGE]
                self._given += len(rows)
            elif path in ("/totals", "/probe"):
                rows = []
            else:
                first = int(query["page"][0]) * PER_PAGE
                rows = self.rows[::-1][first : first + PER_PAGE]
        return json.dumps([{"id": row, "at": T0 + row * 1000} for row in rows]).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet: in two, the second waits 40 ms for an acknowledgement
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        platform: Platform = self.server.platform  # type: ignore[attr-defined]
        asked = urlsplit(self.path)
        platform.before(asked.path)
        with platform.lock:
            platform.asked.append(self.path)
            platform.headers.append(dict(self.headers))
            fault = platform.faults.pop(0) if platform.faults else None
        if fault is None or getattr(fault, "serves", False):
            body = platform.answer(asked.path, parse_qs(asked.query))
        else:
            body = b""
        if fault:
            fault(self, body)
        else:
            self.reply(200, body)

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def status(code: int, body: bytes = b'"no"', **headers: str) -> Callable[[_Handler, bytes], None]:
    return lambda handler, _: handler.reply(code, body, **headers)


def says(body: bytes) -> Callable[[_Handler, bytes], None]:
    """Status 200, and this instead of the list."""
    return status(200, body)


def cut(keep: float = 0.6, *, chunked: bool = False) -> Callable[[_Handler, bytes], None]:
    """The list's answer, whose connection ends after a part of it. What it handed out, it handed out."""

    def fault(handler: _Handler, body: bytes) -> None:
        part = body[: int(len(body) * keep)]
        handler.send_response(200)
        if chunked:
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            handler.wfile.write(b"%x\r\n%s" % (len(body), part))
        else:
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(part)
        handler.close_connection = True

    fault.serves = True  # type: ignore[attr-defined]
    return fault


def truncated() -> Callable[[_Handler, bytes], None]:
    """A whole answer that holds half of the list's JSON."""

    def fault(handler: _Handler, body: bytes) -> None:
        handler.reply(200, body[: len(body) // 2])

    fault.serves = True  # type: ignore[attr-defined]
    return fault


def hang_up(handler: _Handler, _: bytes) -> None:
    """No answer at all."""
    handler.close_connection = True


class Options(msgspec.Struct):
    pass


class FakeProvider(Provider):
    """What Aftersend knows of the platform."""

    name = "fake"
    title = "Fake"
    base_url = "http://127.0.0.1:9"
    options: ClassVar[type[msgspec.Struct]] = Options

    def verify(self, request: Request, source: Source) -> Handshake | None:
        return None

    def credentials(self, source: Source) -> dict[str, str]:
        return {"X-Key": source.api_key}

    def probe(self, source: Source) -> Ask:
        return Ask(path="probe")

    def setup(self, source: Source, webhook_url: str) -> str:
        return webhook_url

    def feeds(self, source: Source) -> list[Feed]:
        return [
            Feed(name="pages", walk=Pages, windowed=True),
            Feed(name="once", walk=Once, read_once=True),
            Feed(name="totals", walk=Totals),
        ]

    def read(self, delivery: Delivery, source: Source) -> Reading:
        rows, whole = salvage(delivery.body)
        events = [
            Event(
                slot=slot_key(row["at"], source.name, "opened", str(row["id"])),
                kind=Kind.OPENED,
                word="open",
                occurred_at=row["at"],
                row_id=str(row["id"]),
                campaign_id="7",
                contact_id=str(row["id"]),
            )
            for row in rows
        ]
        return Reading(events, [], [] if whole else [Problem(item=len(rows), reason="The list is not whole.")])


def salvage(body: bytes) -> tuple[list[dict[str, Any]], bool]:
    """The whole rows of a JSON array, and whether that is all of it."""
    text, rows, decoder = body.decode("utf-8", "replace"), [], json.JSONDecoder()
    position = 1 if text.startswith("[") else len(text)
    while position < len(text):
        try:
            row, position = decoder.raw_decode(text, position)
        except ValueError:
            break
        rows.append(row)
        position += len(text[position:]) - len(text[position:].lstrip(", "))
    return rows, text.endswith("]")


def listed(body: bytes) -> list[Any]:
    try:
        rows = json.loads(body)
    except ValueError:
        raise Malformed("It is not JSON.") from None
    if not isinstance(rows, list):
        raise Malformed("It is not a list.")
    return rows


class Pages(Walk):
    """Page by page until one is empty."""

    def __init__(self, position: Position, context: Context):
        self.position, self.notes, self.done = position, {}, False
        self.context = context

    def ask(self) -> Ask | None:
        page = self.position.get("page", 0)
        return None if self.done else Ask(path="pages", params={"page": str(page)})

    def take(self, answer: Any) -> None:
        self.rows = self.fresh = len(listed(answer.body))
        if self.rows:
            self.position = {"page": self.position.get("page", 0) + 1}
        else:
            self.position, self.done, self.complete_until = {}, True, self.context.now

    def progress(self) -> dict[str, Any]:
        return {"page": self.position.get("page", 0)}


class Once(Walk):
    """Again and again until the answer is empty."""

    def __init__(self, position: Position, context: Context):
        self.position, self.notes, self.done = position, {}, False

    def ask(self) -> Ask | None:
        return None if self.done else Ask(path="once")

    def take(self, answer: Any) -> None:
        rows = salvage(answer.body)[0] if answer.cut else listed(answer.body)
        self.rows = self.fresh = len(rows)
        self.done = not rows and not answer.cut


class Totals(Walk):
    """Once for each campaign."""

    def __init__(self, position: Position, context: Context):
        self.position, self.notes, self.left = position, {}, list(context.campaigns)

    def ask(self) -> Ask | None:
        return Ask(path="totals", params={"campaign": self.left[0]}) if self.left else None

    def take(self, answer: Any) -> None:
        self.rows = self.fresh = len(listed(answer.body))
        self.left.pop(0)
