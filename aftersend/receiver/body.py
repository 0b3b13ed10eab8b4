"""The body of a request, whole or not at all, and never more memory than ``max_body``.

The limit holds three times: for the length a client declares (before a byte is read), for what comes in
pieces of undeclared length, and for what a compressed body becomes.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping
from typing import IO, Any

_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_STEP = 65_536
_LINGER_BYTES = 64_000_000
_LINGER_SECONDS = 2.0


class TooLarge(Exception):
    """The body is larger than the limit."""


class Unreadable(Exception):
    """The body can't be what its headers say; ``status`` is 400 or 415."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


def read_body(environ: Mapping[str, Any], limit: int) -> bytes:
    """The body of a WSGI request, inflated where it is compressed: at most ``limit`` bytes before and after.

    Raises TooLarge or Unreadable. A body shorter than its Content-Length was cut on the way and is Unreadable.
    (A chunked body that was cut looks whole through granian 2.8, tried 2026-11-21: it is taken as it came.)
    """
    body = _raw(environ, limit)
    encoding = environ.get("HTTP_CONTENT_ENCODING")
    return inflate(body, encoding, limit) if encoding else body


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo a Content-Encoding: ``gzip``, ``deflate`` (with or without its zlib header) or ``identity``."""
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return body
    if encoding not in _WINDOW_BITS:
        raise Unreadable(415, "The Content-Encoding must be gzip, deflate or none.")
    stream = zlib.decompressobj(_WINDOW_BITS[encoding])
    try:
        whole = stream.decompress(body, limit + 1)
    except zlib.error:
        if encoding != "deflate":
            raise Unreadable(400, "The body is not valid gzip.") from None
        # What HTTP calls deflate is zlib; several clients send the bare stream.
        stream = zlib.decompressobj(-15)
        try:
            whole = stream.decompress(body, limit + 1)
        except zlib.error:
            raise Unreadable(400, "The body is not valid deflate.") from None
    if len(whole) > limit:
        raise TooLarge
    if not stream.eof or stream.unused_data.strip(b"\0"):
        raise Unreadable(400, "The compressed body is cut short, or something follows it.")
    return whole


def _raw(environ: Mapping[str, Any], limit: int) -> bytes:
    stream: IO[bytes] = environ["wsgi.input"]
    declared = environ.get("CONTENT_LENGTH")
    if declared:
        if not declared.isdecimal():
            raise Unreadable(400, "The Content-Length is not a number.")
        length = int(declared)
        if length > limit:
            _linger(environ, stream)
            raise TooLarge
        body = stream.read(length)
        if len(body) < length:
            raise Unreadable(400, "The body is shorter than its Content-Length.")
        return body
    if not environ.get("wsgi.input_terminated"):
        return b""
    body = stream.read(limit + 1)
    if len(body) > limit:
        _linger(environ, stream)
        raise TooLarge
    return body


def _linger(environ: Mapping[str, Any], stream: IO[bytes]) -> None:
    """Throw away what is still being sent, within bounds.

    A client that writes its whole body before it reads (Python's http.client, tried 2026-11-21) sees a broken
    pipe instead of the 413 when the server closes under it. One that asked first is spared the sending.
    """
    if environ.get("HTTP_EXPECT"):
        return
    left, deadline = _LINGER_BYTES, time.monotonic() + _LINGER_SECONDS
    while left > 0 and time.monotonic() < deadline and (piece := stream.read(_STEP)):
        left -= len(piece)
