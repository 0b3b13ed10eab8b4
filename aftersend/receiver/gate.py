"""The gate in front of every report: whose key it is, what it may open, and how often it may ask.

Our own API and each dialect have a :class:`Gate` of their own. It raises; the dialect's error handler says the
platform's words. Checks come in the order key, scopes, limit (providers/benchmark-email.md §10, coldsend.md
"Details for serving").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import msgspec
from flask import g, request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import Forbidden, TooManyRequests, Unauthorized

from aftersend.receiver import auth
from aftersend.receiver.auth import Caller
from aftersend.receiver.installation import installation
from aftersend.settings import Unit, windows
from aftersend.vocabulary import Instant, now


class KeyMissing(Unauthorized):
    """The request has no key."""


class KeyUnknown(Unauthorized):
    """There is no such key, or it was revoked."""


class KeyExpired(Unauthorized):
    """The key's time is over."""


class ScopeMissing(Forbidden):
    """The key lacks a scope. ``required`` and ``granted`` are scopes in our words; ``words`` has the dialect's."""

    def __init__(self, required: tuple[str, ...], granted: tuple[str, ...], words: Mapping[str, str]):
        lacking = next(scope for scope in required if scope not in granted)
        super().__init__(f"This API key lacks the scope {words.get(lacking, lacking)}.")
        self.lacking = words.get(lacking, lacking)
        """The first scope that is missing, in the dialect's words."""
        self.required = tuple(dict.fromkeys(words.get(scope, scope) for scope in required))
        """In the dialect's words."""
        self.granted = granted
        """The key's own scopes, in ours."""


class Quota(msgspec.Struct, frozen=True):
    """How often the key may still ask at this gate, in its shortest window."""

    limit: int
    remaining: int
    reset_at: Instant
    """When the key's oldest call leaves the window."""

    @property
    def reset_s(self) -> int:
        """``reset_at`` in whole Unix seconds, never too early: what X-RateLimit-Reset says."""
        return math.ceil(self.reset_at / 1000)


class LimitReached(TooManyRequests):
    """The key has asked too often. ``quota.reset_at`` is when it may ask again."""

    def __init__(self, quota: Quota, seconds: int, window: Unit):
        super().__init__(f"Too many requests; ask again in {seconds} second{'s' * (seconds > 1)}.")
        self.quota = quota
        self.seconds = seconds
        """Whole seconds to wait, at least 1: what Retry-After says."""
        self.window = window
        """``second``, ``minute``, ``hour`` or ``day``: the limit that was reached."""


def from_key_header(headers: Headers) -> str:
    """The secret in ``X-API-Key``, or ``""``."""
    return headers.get("X-API-Key", "").strip()


def from_bearer(headers: Headers) -> str:
    """The secret in ``Authorization: Bearer``, or ``""``."""
    scheme, _, token = headers.get("Authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class Gate:
    """The gate of our own API, or of one dialect."""

    def __init__(
        self,
        name: str,
        secret_of: Callable[[Headers], str],
        words: Mapping[str, str] | None = None,
        *,
        limits: str = "off",
    ):
        """``name`` is the dialect's, or ``v1``; limits are per key and gate. ``words`` names our scopes as the platform
        does. ``limits`` is the gate's rate limit where ``[limits]`` sets none, as ``100/minute;1000/hour``."""
        self.name = name
        self._secret_of = secret_of
        self._words = words or {}
        self._limits = windows(limits, f"limits.{name}")

    def enter(self, *scopes: str) -> Caller:
        """Who asks. Raises KeyMissing, KeyUnknown, KeyExpired, ScopeMissing or LimitReached. Afterwards :func:`quota`
        tells what is left."""
        secret = self._secret_of(request.headers)
        if not secret:
            raise KeyMissing("Give an API key.")
        key = installation().store.key(auth.digest(secret))
        if key is None or key.revoked_at is not None:
            raise KeyUnknown("This API key is unknown or revoked.")
        if key.expires_at is not None and key.expires_at <= now():
            raise KeyExpired("This API key has expired.")
        caller = Caller(key)
        if caller.lacks(*scopes) is not None:
            raise ScopeMissing(scopes, key.scopes, self._words)
        self._count(key.id)
        return caller

    def _count(self, key_id: str) -> None:
        """One call more of this key. The key's id names the counter: its secret is nowhere."""
        here = installation()
        limits = here.limits.get(self.name, self._limits)
        if not limits:
            return
        turn = here.limiter.take(limits, self.name, key_id)
        g.quota = Quota(limits[0].calls, turn.remaining, turn.free_at)
        if turn.refused_by is not None:
            seconds = max(1, math.ceil((turn.free_at - now()) / 1000))
            raise LimitReached(g.quota, seconds, turn.refused_by.unit)


def quota() -> Quota | None:
    """What the key of the present request has left; ``None`` where the gate has no limit or wasn't entered."""
    found: Quota | None = g.get("quota")
    return found
