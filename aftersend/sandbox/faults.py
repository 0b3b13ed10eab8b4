"""Everything that goes wrong at a platform, on request: a WSGI layer over the sandbox's feeds.

Faults are drawn from a seed, each with a rate, or put up for the very next requests. ``POST /sandbox/faults``
takes a :class:`FaultPlan` as JSON, ``GET`` answers with the plan and how often each fault has happened.

What is decided before the feed is asked loses nothing: the read position of a read-once feed stays where it
was. A ``cut``, ``truncated`` or ``lost`` answer was generated, so there the position has moved.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request, Response

from aftersend.providers.speaker import Speaker

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CONTROL = "/sandbox/faults"
OTHER_SPACE = 600_000_000
"""How far the ids of a read-once feed lie from those of the other feeds, under ``two_spaces``."""


class Fault(StrEnum):
    """What can go wrong with a request to a feed."""

    SHIFT = "shift"
    """Before a later page is answered, held-back rows enter at the front: all rows move down."""
    CAP = "cap"
    """The page size asked for is ignored."""
    TWO_SPACES = "two_spaces"
    """A read-once feed numbers its rows otherwise than the rest."""
    SLOW = "slow"
    """The answer comes late."""
    UNAUTHORIZED = "unauthorized"
    """401, as with a revoked key."""
    BUSY = "busy"
    """429 with ``Retry-After`` in seconds."""
    BUSY_UNTIL = "busy_until"
    """429 with ``Retry-After`` as an HTTP date."""
    ERROR = "error"
    """500."""
    HTML = "html"
    """A page for people, with status 200."""
    STRING = "string"
    """A JSON string in place of the array, with status 200."""
    TRUNCATED = "truncated"
    """The first half of the JSON, with an honest Content-Length."""
    CUT = "cut"
    """The connection breaks in the middle of the body."""
    LOST = "lost"
    """A read-once feed's answer is generated, and the connection breaks before its first byte."""


ENDINGS = tuple(Fault)[tuple(Fault).index(Fault.UNAUTHORIZED) :]
"""Faults of which a request can suffer only one."""


class FaultPlan(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which faults happen."""

    rates: dict[Fault, float] = {}
    """Chance per request, 0 to 1."""
    next: list[Fault] = []
    """Faults of the next requests, one each, before any is drawn."""
    path: str = ""
    """Only requests whose path contains this suffer."""
    retry_after: int = 2
    """Seconds to be away after a 429."""
    slow: float = 1.0
    """Seconds a slow answer takes."""

    def __post_init__(self) -> None:
        if wrong := [f for f, rate in self.rates.items() if not 0 <= rate <= 1]:
            raise ValueError(f"the rate of {wrong[0]} must lie between 0 and 1")


class Faults:
    """A WSGI application that answers as ``app`` does, unless something goes wrong.

    ``shift`` is called to let held-back rows enter the feeds.
    """

    def __init__(self, app: WSGIApplication, speaker: Speaker, shift: Callable[[], object], plan: FaultPlan, seed: int):
        self.app = app
        self.speaker = speaker
        self.shift = shift
        self.plan = plan
        self.happened: Counter[Fault] = Counter()
        self._draw = Random(seed)  # noqa: S311 - repeatable on purpose
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        if request.path == CONTROL:
            response = self._control(request)
        elif request.path.startswith(self.speaker.base_path + "/"):
            response = self._answer(request)
        else:
            return self.app(environ, start_response)
        return response(environ, start_response)

    def _control(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                self.plan = msgspec.json.decode(request.get_data(), type=FaultPlan)
            except msgspec.DecodeError as error:
                return _json({"error": str(error)}, 400)
        return _json({"plan": self.plan, "happened": self.happened})

    def _answer(self, request: Request) -> Response:
        faults = self._drawn(request)
        ending = next((fault for fault in ENDINGS if fault in faults), None)
        if Fault.SLOW in faults:
            time.sleep(self.plan.slow)
        if instead := self._instead(ending):
            return instead
        if Fault.SHIFT in faults:
            self.shift()
        if Fault.CAP in faults:
            request.environ["QUERY_STRING"] = _without(request, self.speaker.size_param)
        response = Response.from_app(self.app, request.environ, buffered=True)
        if Fault.TWO_SPACES in faults and response.status_code == 200:
            response.set_data(self._renumbered(response.get_data()))
        whole = response.get_data()
        if ending is Fault.TRUNCATED:
            response.set_data(whole[: len(whole) // 2])
        if ending in (Fault.CUT, Fault.LOST):
            kept = whole[: len(whole) // 2] if ending is Fault.CUT else b""
            response.content_length = len(whole)
            response.response = _broken_off(kept, request.environ["werkzeug.socket"])
        return response

    def _drawn(self, request: Request) -> set[Fault]:
        """The faults this request suffers: those put up for it, or else drawn; only such as it can suffer."""
        with self._lock:
            if self.plan.path not in request.path:
                return set()
            if self.plan.next:
                faults = {self.plan.next.pop(0)}
            else:
                # Every request draws for every fault, so that one rate doesn't disturb the luck of another.
                faults = {f for f in Fault if self._draw.random() < self.plan.rates.get(f, 0)}
            faults -= self._impossible(request)
            endings = [fault for fault in ENDINGS if fault in faults]
            faults -= set(endings[1:])
            self.happened.update(faults)
            return faults

    def _impossible(self, request: Request) -> set[Fault]:
        read_once = request.path.rpartition("/")[2] in self.speaker.read_once
        first_page = request.args.get(self.speaker.page_param, "0") == "0"
        return ({Fault.SHIFT} if first_page else set()) | (set() if read_once else {Fault.TWO_SPACES, Fault.LOST})

    def _instead(self, ending: Fault | None) -> Response | None:
        """An answer for which the feed needn't be asked."""
        match ending:
            case Fault.UNAUTHORIZED:
                return _json("You are not authorized.", 401)
            case Fault.BUSY:
                return _json("Too many requests.", 429, {"Retry-After": str(self.plan.retry_after)})
            case Fault.BUSY_UNTIL:
                until = formatdate(time.time() + self.plan.retry_after, usegmt=True)
                return _json("Too many requests.", 429, {"Retry-After": until})
            case Fault.ERROR:
                return _json("Something went wrong.", 500)
            case Fault.HTML:
                return Response("<html><body><h1>We will be back soon.</h1></body></html>", mimetype="text/html")
            case Fault.STRING:
                return _json("No data.", 200)
            case _:
                return None

    def _renumbered(self, body: bytes) -> bytes:
        rows = msgspec.json.decode(body)
        name = self.speaker.id_field
        return msgspec.json.encode([row | {name: row[name] + OTHER_SPACE} for row in rows])


def _broken_off(kept: bytes, connection: socket.socket) -> Iterator[bytes]:
    """Some bytes of an answer, then the end of the connection. The first item sends the headers."""
    yield kept
    connection.shutdown(socket.SHUT_RDWR)


def _without(request: Request, param: str) -> str:
    rest: MultiDict[str, str] = request.args.copy()
    rest.poplist(param)
    return urlencode(list(rest.items(multi=True)))


def _json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, headers, mimetype="application/json")
