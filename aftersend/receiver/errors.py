"""The one shape of an error: ``{"error": {"code": …, "message": …, "field": …}}``.

Everything of our own answers with it, whatever went wrong and wherever. A dialect answers as its platform
does: it registers a handler for its paths, and the path alone decides, so that an address that doesn't
exist below a dialect's prefix is that platform's 404 too.

Every answer of our own to a key with a rate limit says in ``X-RateLimit-Limit``, ``-Remaining`` and ``-Reset``
(Unix seconds) how often it may still ask; a dialect has its platform's headers.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import structlog
from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, Unauthorized

from aftersend.receiver.gate import LimitReached, quota
from aftersend.vocabulary import BadInput, Instant, PermanentError, Rejected, TemporaryError, now

log = structlog.get_logger(__name__)

DialectHandler = Callable[[int, str, Exception], Response]
"""(status, message for people, what was raised) → the platform's own error answer."""

CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "unsupported_type",
    422: "bad_request",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
}
SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not answer that method.",
    413: "The body is larger than this server accepts.",
    500: "Something went wrong here; it has been logged.",
}
RETRY_AFTER = 5
"""Seconds to wait where nothing better is known: a stalled disk may have recovered by then."""


def envelope(status: int, message: str, field: str | None = None) -> bytes:
    """The body of an error answer, as JSON."""
    code = CODES.get(status, "error")
    return msgspec.json.encode({"error": {"code": code, "message": message, "field": field}})


def seconds_until(at: Instant | None) -> int:
    """The value of a Retry-After header for a TemporaryError's ``not_before``."""
    return RETRY_AFTER if at is None else max(1, math.ceil((at - now()) / 1000))


def register_dialect(app: Flask, prefix: str, handler: DialectHandler) -> None:
    """Let ``handler`` answer every error at and below ``prefix``, 404 and 405 included. The longest prefix
    that matches a path wins. ``Allow`` is added to its 405 and ``Retry-After`` to its 503 and 429, if that has
    none."""
    dialects: dict[str, DialectHandler] = app.extensions.setdefault("aftersend.dialects", {})
    dialects[prefix.rstrip("/")] = handler


def register(app: Flask) -> None:
    """Answer every error of the app in the one shape, or the dialect's."""
    app.register_error_handler(Exception, _answer)
    app.after_request(_with_quota)


def _answer(exception: Exception) -> Response:
    if isinstance(exception, HTTPException) and (exception.response or (exception.code or 500) < 400):
        # A redirect, or an answer that was complete when it was raised.
        return current_app.make_response(exception.get_response(request.environ))
    status, message, field = _told(exception)
    if status == 500:
        log.error("request failed", method=request.method, path=request.path, exc_info=exception)
    handler = _dialect(request.path)
    if handler:
        response = handler(status, message, exception)
    else:
        response = Response(envelope(status, message, field), status, content_type="application/json")
        if isinstance(exception, Unauthorized):
            response.headers["WWW-Authenticate"] = 'Bearer realm="Aftersend"'
    if response.status_code == 405 and isinstance(exception, MethodNotAllowed) and exception.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(exception.valid_methods))
    if isinstance(exception, TemporaryError):
        response.headers.setdefault("Retry-After", str(seconds_until(exception.not_before)))
    if isinstance(exception, LimitReached):
        response.headers.setdefault("Retry-After", str(exception.seconds))
    return response


def _with_quota(response: Response) -> Response:
    left = quota()
    if left is not None and _dialect(request.path) is None:
        response.headers["X-RateLimit-Limit"] = str(left.limit)
        response.headers["X-RateLimit-Remaining"] = str(left.remaining)
        response.headers["X-RateLimit-Reset"] = str(left.reset_s)
    return response


def _told(exception: Exception) -> tuple[int, str, str | None]:
    """Status, message and field of an exception, saying nothing that only we should know."""
    match exception:
        case BadInput():
            return 400, str(exception), exception.field
        case Rejected():
            return 401, str(exception), None
        case TemporaryError():
            return 503, str(exception), None
        case PermanentError():
            return 400, str(exception), None
        case HTTPException(code=int(status)):
            field = getattr(exception, "field", None)
            own = exception.description != type(exception).description
            message = exception.description if own else SENTENCES.get(status, exception.description)
            return status, message or exception.name, field
    return 500, SENTENCES[500], None


def _dialect(path: str) -> DialectHandler | None:
    dialects: dict[str, DialectHandler] = current_app.extensions.get("aftersend.dialects", {})
    fitting = [p for p in dialects if path == p or path.startswith(p + "/")]
    return dialects[max(fitting, key=len)] if fitting else None
