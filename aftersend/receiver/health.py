"""Whether this installation is well: ``/healthz``, ``/readyz`` and ``/metrics``.

``/healthz`` says that the process answers, and asks nothing else. ``/readyz`` says whether deliveries can be
taken in, and what needs attention: a problem doesn't make the receiver unready, because turning webhooks away
would only make it worse. None of them needs a key; none shows an address or a secret.
"""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from flask import Blueprint, Flask, Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from aftersend.receiver.installation import installation
from aftersend.receiver.metrics import Meters
from aftersend.storage.contract import FeedRow, Store
from aftersend.vocabulary import AftersendError, Instant, now
from aftersend.zones import isoformat

log = structlog.get_logger(__name__)

QUIET_RUNS = 12
"""Runs without a row, of a feed that used to have some, after which it is called quiet: an hour at the
default pace."""


def register(app: Flask, meters: Meters) -> None:
    """Add the three addresses to the app."""
    health = Blueprint("health", __name__)

    @health.get("/healthz")
    def healthz() -> Response:
        """The process answers."""
        return Response("ok", content_type="text/plain; charset=utf-8")

    @health.get("/readyz")
    def readyz() -> Response:
        """The store can be reached and its schema is current; what waits, and what needs attention."""
        try:
            state = readiness(installation().store, meters.rejected())
        except Exception as error:
            return _json({"ready": False, "reason": _reason(error)}, 503)
        return _json(state, 200)

    @health.get("/metrics")
    def metrics() -> Response:
        """Everything measured, for Prometheus."""
        return Response(meters.exposition(), content_type=CONTENT_TYPE_LATEST)

    app.register_blueprint(health)


def readiness(store: Store, rejected: dict[str, int]) -> dict[str, Any]:
    """The answer of a store that is ready, as plain JSON. ``rejected`` counts refused webhooks per source.

    Raises what the store raises when it isn't ready.
    """
    store.ready()
    at, backlog = now(), store.backlog()
    oldest = backlog.oldest_received_at
    return {
        "ready": True,
        "unprocessed": backlog.deliveries,
        "oldest_unprocessed_seconds": None if oldest is None else max(0, at - oldest) / 1000,
        "quarantined": store.quarantined(),
        "problems": [p for feed in store.feeds() if (p := _problem(feed, at))]
        + [_rejections(source, count) for source, count in sorted(rejected.items())],
    }


def _problem(feed: FeedRow, at: Instant) -> dict[str, Any] | None:
    """What is wrong with a feed, ``None`` if nothing is."""
    if feed.finished:
        return None
    told: dict[str, Any] = {"source": feed.source, "feed": feed.feed, "lane": feed.lane}
    if feed.stopped:
        return told | {"state": "stopped", "message": feed.problem}
    if feed.parked_until is not None and feed.parked_until > at:
        return told | {"state": "parked", "message": feed.problem, "until": isoformat(feed.parked_until)}
    if feed.failures:
        return told | {"state": "failing", "message": feed.problem}
    if feed.quiet_runs >= QUIET_RUNS:
        message = f"No rows in the last {feed.quiet_runs} runs, though there were some before."
        return told | {"state": "quiet", "message": message}
    return None


def _rejections(source: str, count: int) -> dict[str, Any]:
    message = f"{count} webhook requests had a wrong token, signature or address since the receiver started."
    return {"source": source, "state": "rejected", "message": message}


def _reason(error: Exception) -> str:
    if isinstance(error, AftersendError):
        return str(error)
    log.error("the store can't be read", exc_info=error)
    return "The store can't be read; the reason has been logged."


def _json(value: Any, status: int) -> Response:
    return Response(msgspec.json.encode(value), status, content_type="application/json")
