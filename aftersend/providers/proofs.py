"""Proofs that a webhook is a platform's: what the schemes have in common.

A source has a *list* of live secrets, the old one and the new one while they are rotated. Every one is tried, so that
the time taken tells nothing about which was right, and any one suffices. What is compared is compared in constant time.
"""

from __future__ import annotations

import base64
import hmac
from binascii import Error
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Literal

from aftersend.providers.contract import Handshake, Never, Request, check_address, check_method
from aftersend.settings import Source
from aftersend.vocabulary import Instant, Once, Rejected, now

Digest = Literal["sha1", "sha256", "sha512"]
Form = Literal["hex", "base64"]


def secrets(source: Source) -> list[str]:
    """The live secrets of a source, trimmed, none of them empty."""
    return [secret.strip() for secret in source.webhook_secrets if secret.strip()]


def accept(source: Source, fits: Callable[[str], bool], hint: str) -> None:
    """Accept what fits any one of the source's secrets; ``fits`` mustn't raise. Raises Rejected with a sentence that
    ends with ``hint``: where the platform shows the secret."""
    found = [fits(secret) for secret in secrets(source)]
    if not any(found):
        raise Rejected(
            f"The signature fits no secret in webhook_secrets of source '{source.name}': {hint}."
            if found
            else f"Source '{source.name}' has no webhook_secrets, so nothing can be verified: {hint}."
        )


def mac(key: str | bytes, message: bytes, digest: Digest = "sha256", form: Form = "hex") -> str:
    """An HMAC, printed in lower-case hex or base64."""
    made = hmac.digest(key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key, message, digest)
    return made.hex() if form == "hex" else base64.b64encode(made).decode()


def same(given: str, wanted: str) -> bool:
    """Whether two texts are equal, found out in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode("utf-8", "surrogatepass"))


def unbase64(text: str) -> bytes | None:
    """What standard base64 stands for; ``None`` for what is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (Error, ValueError):
        return None


def check_age(seconds: str, tolerance_s: int, source: Source, at: Instant | None = None) -> None:
    """Accept a time of signing (Unix seconds in decimal digits) at most ``tolerance_s`` away from the present (or
    ``at``), in either direction: clocks differ. Raises Rejected."""
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) < 12):
        raise Rejected(f"The webhook of source '{source.name}' does not say when it was signed.")
    if abs((now() if at is None else at) - int(seconds) * 1000) > tolerance_s * 1000:
        raise Rejected(
            f"The webhook of source '{source.name}' was signed more than {_span(tolerance_s)} from now: "
            "it is a replay, or a clock is wrong."
        )


def _span(seconds: int) -> str:
    return f"{seconds // 60} minutes" if seconds < 7200 else f"{seconds // 3600} hours"


def verify_shared(request: Request, source: Source, title: str, headers: Sequence[str] = ()) -> Handshake | None:
    """The whole verification of a platform that doesn't sign: :func:`check_shared`, for the questions whether we are
    there too. Raises Rejected and Never."""
    check_method(request, title)
    check_address(request, source)
    check_shared(request, source, headers)
    if request.method != "POST":
        return Handshake()
    if not request.body:
        raise Never(400, "The body is empty.")
    return None


def check_shared(request: Request, source: Source, headers: Sequence[str] = ()) -> None:
    """Accept a secret that isn't made into a signature: as the path's token, as the password of basic auth (or
    ``user:password``, whole), as a bearer token, or in one of these ``headers`` (lower case). Raises Rejected."""
    given_in = [request.headers.get(name, "").strip() for name in headers]
    offered = [given.encode("utf-8", "surrogatepass") for given in (*_offered(request), *given_in)]
    live = [secret.encode("utf-8", "surrogatepass") for secret in secrets(source)]
    found = [hmac.compare_digest(given, secret) for given in offered for secret in live]
    if not any(found):
        raise Rejected(
            f"The webhook carries none of the webhook_secrets of source '{source.name}': "
            f"`aftersend check {source.name}` prints the right address."
        )


def _offered(request: Request) -> Iterable[str]:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    yield request.token
    if scheme.lower() == "bearer":
        yield value.strip()
    if scheme.lower() == "basic":
        pair = (unbase64(value.strip()) or b"").decode("utf-8", "replace")
        yield pair
        yield pair.partition(":")[2]


def once(source: Source, token: str, fact: str | bytes, until: Instant) -> Once:
    """A token that stands for one fact: with the same fact it may come again (the platform didn't hear our 200), with
    another one it is a forgery."""
    return Once(_digest(source.name, token), _digest(fact), until)


def _digest(*parts: str | bytes) -> bytes:
    whole = b"\x1f".join(part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass") for part in parts)
    return blake2b(whole, digest_size=16).digest()
