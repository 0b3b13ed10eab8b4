"""What Prometheus is told: the state of the store, read at scrape time, and what this receiver has counted.

The receiver has several worker processes, and a scrape reaches any one of them. What they count is therefore
kept in prometheus-client's multiprocess files, which :mod:`aftersend.receiver.serve` provides for the time it
runs, so that every worker answers for all. Under another server, set ``PROMETHEUS_MULTIPROC_DIR`` to an empty
directory, or the counters are those of the process that happens to answer. What is read from the store is the
same everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from aftersend.storage.contract import FeedRow, Store
from aftersend.vocabulary import AftersendError, Delivery, now

METRICS: dict[str, str] = {
    "aftersend_store_up": "1 if the store can be read and its schema is current, else 0.",
    "aftersend_store_has_room": "1 if there is room on the disk to take something in, else 0.",
    "aftersend_unprocessed_deliveries": "Deliveries taken in but not yet worked off.",
    "aftersend_oldest_unprocessed_seconds": "Age of the oldest unprocessed delivery; 0 when there is none.",
    "aftersend_quarantined_items": "Items that could not be understood.",
    "aftersend_feed_stopped": "1 if the feed is stopped until the operator changes something.",
    "aftersend_feed_parked": "1 if the feed waits for a stated time after a failure.",
    "aftersend_feed_failures": "Failed runs of the feed in a row.",
    "aftersend_feed_quiet_runs": "Runs in a row without a row, after runs that had some.",
    "aftersend_feed_last_success_timestamp_seconds": "When the feed last succeeded; 0 before it did.",
    "aftersend_feed_complete_until_timestamp_seconds": "Everything before it was read; 0: unknown.",
    "aftersend_webhook_requests_total": "Webhook requests since the receiver started, by source and status.",
    "aftersend_webhook_rejected_total": "Webhook requests refused with 401, by source.",
    "aftersend_webhook_last_stored_timestamp_seconds": "When a webhook of the source was last stored.",
    "aftersend_webhook_refusing": "1 if the last webhooks could not be stored, else 0.",
    "aftersend_commit_deliveries": "Webhook deliveries per commit (histogram).",
}
"""Every metric by the name it is scraped under; a histogram by its family's."""

NO_SOURCE = "-"
"""The source label of requests that name none of ours: what strangers ask for must not make labels."""


class Meters:
    """Everything one receiver measures."""

    def __init__(self, store: Store):
        shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        self._state, self._counted = CollectorRegistry(), CollectorRegistry()
        self._state.register(_StoreCollector(store))
        if shared:
            MultiProcessCollector(self._counted)  # type: ignore[no-untyped-call]
        # Counters kept in shared files are collected from the files, not from their objects.
        own = None if shared else self._counted
        self._requests = Counter(*_named("aftersend_webhook_requests_total"), ["source", "status"], registry=own)
        self._rejected = Counter(*_named("aftersend_webhook_rejected_total"), ["source"], registry=own)
        self._last_stored = Gauge(
            *_named("aftersend_webhook_last_stored_timestamp_seconds"),
            ["source"],
            registry=own,
            multiprocess_mode="mostrecent",
        )
        self._refusing = Gauge(*_named("aftersend_webhook_refusing"), registry=own, multiprocess_mode="mostrecent")
        self._commits = Histogram(
            *_named("aftersend_commit_deliveries"), registry=own, buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
        )
        self._counters: dict[tuple[str, int], Counter] = {}

    def answered(self, source: str, status: int) -> None:
        """A webhook request of a source (or :data:`NO_SOURCE`) was answered."""
        counter = self._counters.get((source, status))
        if counter is None:
            counter = self._counters[source, status] = self._requests.labels(source, str(status))
        counter.inc()
        if status == 401:
            self._rejected.labels(source).inc()

    def stored(self, batch: Sequence[Delivery]) -> None:
        """A batch of webhook deliveries was committed."""
        self._commits.observe(len(batch))
        self._refusing.set(0)
        for source, at in {delivery.source: delivery.received_at for delivery in batch}.items():
            self._last_stored.labels(source).set(at / 1000)

    def not_stored(self) -> None:
        """A batch of webhook deliveries could not be committed."""
        self._refusing.set(1)

    def refusing(self) -> bool:
        """Whether the last batch could not be committed."""
        return any(
            sample.value
            for metric in self._counted.collect()
            for sample in metric.samples
            if sample.name == "aftersend_webhook_refusing"
        )

    def rejected(self) -> dict[str, int]:
        """How many requests were rejected since the receiver started, per source that had any."""
        return {
            sample.labels["source"]: int(sample.value)
            for metric in self._counted.collect()
            for sample in metric.samples
            if sample.name == "aftersend_webhook_rejected_total" and sample.value
        }

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._state) + generate_latest(self._counted)


class _StoreCollector(Collector):
    """The store's state at the moment it is asked."""

    def __init__(self, store: Store):
        self._store = store

    def describe(self) -> Iterable[Metric]:
        # Said without asking the store, which may not be there yet when the app is made.
        return ()

    def collect(self) -> Iterator[Metric]:
        try:
            self._store.ready()
            backlog, quarantined, feeds = (
                self._store.backlog(),
                self._store.quarantined(),
                self._store.feeds(),
            )
        except AftersendError:
            yield _gauge("aftersend_store_up", 0)
            return
        try:
            self._store.check_room()
            room = 1
        except AftersendError:
            room = 0
        oldest = backlog.oldest_received_at
        yield _gauge("aftersend_store_up", 1)
        yield _gauge("aftersend_store_has_room", room)
        yield _gauge("aftersend_unprocessed_deliveries", backlog.deliveries)
        yield _gauge("aftersend_oldest_unprocessed_seconds", max(0, now() - oldest) / 1000 if oldest else 0)
        yield _gauge("aftersend_quarantined_items", quarantined)
        yield from _feed_gauges([feed for feed in feeds if not feed.finished])


def _feed_gauges(feeds: Sequence[FeedRow]) -> Iterator[Metric]:
    at = now()
    values: dict[str, Callable[[FeedRow], float]] = {
        "aftersend_feed_stopped": lambda feed: feed.stopped,
        "aftersend_feed_parked": lambda feed: (feed.parked_until or 0) > at,
        "aftersend_feed_failures": lambda feed: feed.failures,
        "aftersend_feed_quiet_runs": lambda feed: feed.quiet_runs,
        "aftersend_feed_last_success_timestamp_seconds": lambda feed: (feed.last_success_at or 0) / 1000,
        "aftersend_feed_complete_until_timestamp_seconds": lambda feed: (feed.complete_until or 0) / 1000,
    }
    for name, value in values.items():
        gauge = GaugeMetricFamily(name, METRICS[name], labels=["source", "feed", "lane"])
        for feed in feeds:
            gauge.add_metric([feed.source, feed.feed, feed.lane], value(feed))
        yield gauge


def _gauge(name: str, value: float) -> Metric:
    return GaugeMetricFamily(name, METRICS[name], value=value)


def _named(name: str) -> tuple[str, str]:
    return name, METRICS[name]
