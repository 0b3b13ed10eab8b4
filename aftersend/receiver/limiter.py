"""Counting how often each key asks, so that no one client can have a receiver to itself.

A limit is a moving window: so many calls in any minute, not in each minute of the clock. A call that is refused isn't
counted, so a client that keeps knocking gets in as soon as its oldest call has left the window.

The counts are kept in Redis, where there is one, so that all processes count together. While Redis is away each
process counts for itself: a report is never refused, and hardly later, because Redis is down (law 8).
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec
import structlog
from limits import (
    RateLimitItem,
    RateLimitItemPerDay,
    RateLimitItemPerHour,
    RateLimitItemPerMinute,
    RateLimitItemPerSecond,
)
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from aftersend.settings import Unit, Window
from aftersend.vocabulary import ConfigurationError, Instant

log = structlog.get_logger(__name__)

_ITEMS: dict[Unit, type[RateLimitItem]] = {
    "second": RateLimitItemPerSecond,
    "minute": RateLimitItemPerMinute,
    "hour": RateLimitItemPerHour,
    "day": RateLimitItemPerDay,
}
_WAIT_S = 0.25
"""For an answer of Redis. A count isn't worth more of a caller's time."""
_PAUSE_S = 15.0
"""Between two attempts while Redis is away."""


class Turn(msgspec.Struct, frozen=True):
    """What became of a call."""

    refused_by: Window | None
    """The full window that keeps the caller out longest; ``None``: the call may go on."""
    remaining: int
    """Calls left in the shortest window; 0 for a call that was refused."""
    free_at: Instant
    """When the oldest call leaves the shortest window; for a call that was refused, when the next may be made."""


class Limiter:
    """The counts of one installation, as one of its processes sees them. For any number of threads."""

    def __init__(self, redis_url: str):
        """With an empty address this process counts alone. Raises ConfigurationError for an address that is none."""
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._shared = MovingWindowRateLimiter(_redis(redis_url)) if redis_url else None
        self._away, self._try_at = False, 0.0

    def take(self, windows: Sequence[Window], *who: str) -> Turn:
        """A call of somebody, who is known by these words. ``windows``: at least one, the shortest first. It is
        counted in all of them, or refused and counted in none."""
        items = [_ITEMS[window.unit](window.calls, namespace="aftersend") for window in windows]
        if self._shared is not None and self._may_ask():
            try:
                turn = _turn(self._shared, windows, items, who)
            except RedisError:
                self._lost()
            else:
                self._away = False
                return turn
        return _turn(self._own, windows, items, who)

    def _may_ask(self) -> bool:
        if self._away:
            if time.monotonic() < self._try_at:
                return False
            # This call finds out whether Redis is back; the others don't wait for it.
            self._try_at = time.monotonic() + _PAUSE_S
        return True

    def _lost(self) -> None:
        if not self._away:
            log.warning("Redis cannot be reached; each process counts its callers alone")
        self._away, self._try_at = True, time.monotonic() + _PAUSE_S


def _turn(
    limiter: MovingWindowRateLimiter, windows: Sequence[Window], items: Sequence[RateLimitItem], who: Sequence[str]
) -> Turn:
    # The longer windows are looked at before anything is counted, so that a call they refuse is counted nowhere.
    if all(limiter.test(item, *who) for item in items[1:]) and all(limiter.hit(item, *who) for item in items):
        left = limiter.get_window_stats(items[0], *who)
        return Turn(None, max(0, left.remaining), round(left.reset_time * 1000))
    full = {
        windows[n]: limiter.get_window_stats(item, *who).reset_time
        for n, item in enumerate(items)
        if not limiter.test(item, *who)
    }
    # Where a window became free between the two looks, a moment later is soon enough.
    window, free_at = max(full.items(), key=lambda found: found[1], default=(windows[0], time.time()))
    return Turn(window, 0, round(free_at * 1000))


def _redis(url: str) -> RedisStorage:
    try:
        pool = ConnectionPool.from_url(
            url, socket_connect_timeout=_WAIT_S, socket_timeout=_WAIT_S, retry=Retry(NoBackoff(), 1)
        )
    except ValueError:
        raise ConfigurationError(
            "server.redis must begin with redis://, rediss:// or unix://, as in redis://127.0.0.1:6379/0."
        ) from None
    return RedisStorage("redis://", connection_pool=pool, key_prefix="aftersend:limits")
