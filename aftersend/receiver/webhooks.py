"""The door for webhooks: ``/webhooks/{source}`` and ``/webhooks/{source}/{token}``.

For each request:

1. find the source (404), read the body within bounds (413, 415, 400),
2. let its provider verify the raw bytes (401; 400, 405, 415 for what can never be a delivery; a handshake is
   answered at once),
3. put it into the inbox, wait until it is on disk, answer 200. When that fails, for whatever reason, answer
   with the status that makes this platform send it again, never with a 4xx of our own making.

Nothing is parsed here. The door is a WSGI application in front of Flask's, because Flask's dispatch alone
would cost more than everything above (docs/architecture.md); all other paths are passed on to Flask.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
import structlog

from aftersend.providers import provider_of
from aftersend.providers.contract import Handshake, Never, Provider, Request
from aftersend.receiver.body import TooLarge, Unreadable, read_body
from aftersend.receiver.confirming import visit
from aftersend.receiver.errors import SENTENCES, envelope, seconds_until
from aftersend.receiver.installation import Installation
from aftersend.receiver.intake import Intake
from aftersend.receiver.metrics import NO_SOURCE, Meters
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Rejected, TemporaryError, now

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.get_logger(__name__)

ROUTES = {
    "/webhooks/{source}": "Takes a webhook of a platform that signs.",
    "/webhooks/{source}/{token}": "Takes a webhook of one that doesn't; the token is a webhook secret.",
}
"""The door's paths, which are not in Flask's map of routes."""

_PREFIX = "/webhooks/"
_METHODS = frozenset({"POST", "GET", "HEAD"})
_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What the door says."""

    status: int
    body: bytes
    content_type: str = _JSON
    header: tuple[str, str] | None = None


_STORED = Answer(200, b"ok", _TEXT)
_UNKNOWN = Answer(404, envelope(404, "There is no source of that name here."))


class WebhookDoor:
    """Answers what comes in below ``/webhooks/`` and hands everything else to ``rest``."""

    def __init__(self, installation: Installation, intake: Intake, meters: Meters, rest: WSGIApplication):
        settings = installation.settings
        self._sources = {source.name: (source, provider_of(source)) for source in settings.sources}
        self._client_address = installation.client_address
        self._max_body = settings.server.max_body_bytes
        self._url = settings.server.url
        self._put = intake.put
        self._answered = meters.answered
        self._rest = rest

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if not path.startswith(_PREFIX):
            return self._rest(environ, start_response)
        name, _, token = path[len(_PREFIX) :].partition("/")
        known = self._sources.get(name)
        answer = self._receive(environ, *known, token) if known else _UNKNOWN
        self._answered(name if known else NO_SOURCE, answer.status)
        headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))]
        if answer.header:
            headers.append(answer.header)
        start_response(_status_line(answer.status), headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.body]

    def _receive(self, environ: WSGIEnvironment, source: Source, provider: Provider, token: str) -> Answer:
        method = environ["REQUEST_METHOD"]
        if method not in _METHODS:
            return _refusal(405, SENTENCES[405], ("Allow", "POST"))
        try:
            query = environ.get("QUERY_STRING", "")
            request = Request(
                method=method,
                url=f"{self._url}{_PREFIX}{source.name}{'/' if token else ''}{token}{'?' if query else ''}{query}",
                token=_decoded(token),
                query=query,
                headers=_headers(environ),
                address=self._client_address(environ),
                body=read_body(environ, self._max_body) if method == "POST" else b"",
            )
            handshake = _verified(provider, request, source)
            if handshake is not None:
                return Answer(handshake.status, handshake.body.encode(), _TEXT)
            self._put(_delivery(request, source, provider))
        except Rejected as rejected:
            return _refusal(401, str(rejected))
        except Never as never:
            return _refusal(never.status, str(never), ("Allow", never.allow) if never.allow else None)
        except Unreadable as unreadable:
            return _refusal(unreadable.status, str(unreadable))
        except TooLarge:
            return _refusal(413, f"The body is larger than {self._max_body} bytes.")
        except TemporaryError as later:
            return _later(provider, later.not_before)
        except Exception as fault:
            log.error("webhook not taken in", source=source.name, exc_info=fault)
            return _later(provider, None)
        return _STORED


def _verified(provider: Provider, request: Request, source: Source) -> Handshake | None:
    """The provider's judgement; an address that it wants to be opened has been."""
    try:
        handshake = provider.verify(request, source)
        if handshake is not None and handshake.visit:
            visit(handshake.visit)
    except TemporaryError as later:
        log.warning("webhook can't be verified now", source=source.name, reason=str(later))
        raise
    return handshake


@lru_cache(maxsize=64)
def _status_line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


def _refusal(status: int, message: str, header: tuple[str, str] | None = None) -> Answer:
    return Answer(status, envelope(status, message), _JSON, header)


def _later(provider: Provider, at: Instant | None) -> Answer:
    retry_after = ("Retry-After", str(seconds_until(at)))
    return _refusal(provider.retry_status, "It can't be stored now; please send it again.", retry_after)


def _delivery(request: Request, source: Source, provider: Provider) -> Delivery:
    context = {
        # The token is a secret and is not kept.
        "path": f"{_PREFIX}{source.name}/…" if request.token else f"{_PREFIX}{source.name}",
        "query": request.query,
        "address": request.address,
    }
    for name in provider.kept_headers:
        if name in request.headers:
            context[f"header.{name}"] = request.headers[name]
    return Delivery(
        source=source.name,
        door=Door.WEBHOOK,
        received_at=now(),
        body=request.body,
        content_type=request.headers.get("content-type", ""),
        context=context,
        once=provider.once(request, source),
    )


def _decoded(token: str) -> str:
    """A piece of PATH_INFO, which is bytes dressed as Latin-1 (PEP 3333), as the text that was meant."""
    return token if token.isascii() else token.encode("latin-1", "replace").decode("utf-8", "replace")


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    headers = {_header_name(key): value for key, value in environ.items() if key.startswith("HTTP_")}
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if value := environ.get(key):
            headers[_header_name(key)] = value
    return headers


@lru_cache(maxsize=256)
def _header_name(key: str) -> str:
    return key.removeprefix("HTTP_").replace("_", "-").lower()
