"""Whether this installation is well: ``/healthz``, ``/readyz`` and ``/metrics``.

``/healthz`` says that the process answers, and asks nothing else. ``/readyz`` says whether deliveries can be
taken in, and what needs attention: a problem doesn't make the receiver unready, because turning webhooks away
would only make it worse. None of them needs a key; none shows an address or a secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from flask import Blueprint, Flask, Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from aftersend.receiver.installation import installation
from aftersend.receiver.metrics import Meters
from aftersend.receiver.reports import enabled_feeds
from aftersend.settings import Source
from aftersend.storage.contract import FeedRow, Store
from aftersend.vocabulary import AftersendError, Instant, now
from aftersend.zones import isoformat

log = structlog.get_logger(__name__)

QUIET_RUNS = 12
"""Runs without a row, of a feed that used to have some, after which it is called quiet: an hour at the
default pace."""

OVERDUE_MS = 120_000
"""How long something may wait for a worker before that is called a problem."""

ASK_FOR_A_WORKER = "for more than two minutes: is a worker running, and does Redis answer?"
REFUSING = "The last webhooks could not be stored; their senders were told to send them again. The log says why."


def register(app: Flask, meters: Meters) -> None:
    """Add the three addresses to the app."""
    health = Blueprint("health", __name__)

    @health.get("/healthz")
    def healthz() -> Response:
        """The process answers."""
        return Response("ok", content_type="text/plain; charset=utf-8")

    @health.get("/readyz")
    def readyz() -> Response:
        """The store can be reached and written, its schema is current; what waits, and what needs attention."""
        try:
            here = installation()
            state = readiness(here.store, here.settings.sources, meters.rejected(), meters.refusing())
        except Exception as error:
            return _json({"ready": False, "reason": _reason(error)}, 503)
        return _json(state, 200)

    @health.get("/metrics")
    def metrics() -> Response:
        """Everything measured, for Prometheus."""
        return Response(meters.exposition(), content_type=CONTENT_TYPE_LATEST)

    app.register_blueprint(health)


def readiness(
    store: Store, sources: Sequence[Source], rejected: dict[str, int], refusing: bool = False
) -> dict[str, Any]:
    """The answer of a store that is ready, as plain JSON. ``rejected`` counts refused webhooks per source;
    ``refusing``: the last ones couldn't be stored.

    Raises what the store raises when it isn't ready.
    """
    store.ready()
    store.check_room()
    at, backlog = now(), store.backlog()
    oldest = backlog.oldest_received_at
    return {
        "ready": True,
        "unprocessed": backlog.deliveries,
        "oldest_unprocessed_seconds": None if oldest is None else max(0, at - oldest) / 1000,
        "quarantined": store.quarantined(),
        "problems": [p for feed in store.feeds() if (p := _problem(feed, at))]
        + [_rejections(source, count) for source, count in sorted(rejected.items())]
        + ([{"state": "failing", "message": REFUSING}] if refusing else [])
        + [{"state": "waiting", "message": message} for message in overdue(store, sources, at)],
    }


def overdue(store: Store, sources: Sequence[Source], at: Instant) -> list[str]:
    """What has been waiting for a worker for more than :data:`OVERDUE_MS`, in sentences.

    A worker that is away or stands still can't say so himself.
    """
    said, since, oldest = [], at - OVERDUE_MS, store.backlog().oldest_received_at
    if oldest is not None and oldest < since:
        said.append(f"Deliveries have been waiting {ASK_FOR_A_WORKER}")
    due = [
        row for s in sources for row in store.feeds(s.name) if row.feed in enabled_feeds(s) and _due_before(row, since)
    ]
    if due:
        said.append(f"{len(due)} {'feed has' if len(due) == 1 else 'feeds have'} been due {ASK_FOR_A_WORKER}")
    return said


def _due_before(feed: FeedRow, since: Instant) -> bool:
    """Whether a feed that runs was due before an instant, and nobody has had it since then."""
    if feed.finished or feed.stopped or feed.last_run_at is None:
        return False
    return max(feed.due_at, feed.last_run_at, feed.parked_until or 0, feed.claimed_until or 0) < since


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
