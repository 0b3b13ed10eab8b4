"""Polls a feed: claims it, walks it page by page, stores each page with the position after it."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal

import msgspec
import structlog
import tenacity

from aftersend.providers.contract import Answer, Ask, Context, Feed, Malformed, Walk
from aftersend.settings import Settings, Source
from aftersend.storage.contract import ClaimLost, FeedRow, Filter, Store
from aftersend.vocabulary import ConfigurationError, Delivery, Door, Instant, TemporaryError, now
from aftersend.worker import plan
from aftersend.worker.client import DAY_MS, SHORT_MS, Client
from aftersend.worker.failures import Refused, Unavailable, Unexpected

log = structlog.get_logger()

CLAIM_MS = 120_000
"""How long a feed stays claimed after its last page: longer than the slowest request with its retries, and
short, because a killed worker's feed waits that long. Turns of the source's budget come on top."""
FIRST_PARK_S, LAST_PARK_S = 30, 900
"""Parking after a failure: from 30 seconds, doubling, to 15 minutes."""
CAMPAIGN_DAYS = 14
"""Totals are read for campaigns with an event in the last 14 days."""
SAVE_PAUSE_S = 0.2

Status = Literal["done", "paused", "busy", "parked", "stopped", "lost"]
Progress = Callable[[str, int, int, dict[str, Any]], None]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a poll ended.

    ``done``: the walk is complete. ``paused``: left in mid-walk as asked, due at once. ``busy``: not due, or
    somebody else has it. ``parked``: not before ``until``, see ``problem``. ``stopped``: the credentials were
    refused, see ``problem``. ``lost``: the claim ran out and somebody else goes on. Whatever the status,
    all pages counted here are stored, with the position after them.
    """

    status: Status
    rows: int = 0
    pages: int = 0
    problem: str = ""
    until: Instant | None = None


def poll(
    store: Store,
    settings: Settings,
    key: tuple[str, str, str],
    owner: str,
    *,
    force: bool = False,
    progress: Progress | None = None,
    pause: Callable[[], bool] | None = None,
) -> Outcome:
    """Poll one feed (source, feed, lane) until its walk is complete.

    1. Claim the row; if somebody was faster, that is fine.
    2. Ask for a page, within the source's budget, with short retries; while it is stored, the next one is
       already asked for, and where the platform's limits allow, some more of those that are expected.
    3. Store the page, the position after it and what it taught in one transaction, which extends the claim. A
       read-once page is stored before it is looked at, whatever arrived of it (law 5).
    4. Again from 2, until the walk is complete, or ``pause()`` is true after a page.
    5. Release the row: due again after its interval, parked, or stopped.

    ``force`` polls a row that is not due, parked or stopped, or whose platform wanted silence. ``progress`` is called
    after each page with the feed's name, the rows and pages so far and the walk's own progress. Raises
    ConfigurationError for a row that isn't configured or lacks credentials, and TemporaryError when the store can't be
    written.
    """
    source, feed = plan.row_of(settings, key)
    client = Client(store, source)
    try:
        row = store.claim(key, owner, _claimed_until(client), at=now(), force=force)
        if row is None:
            return Outcome(status="busy")
        if force:
            client.insist()
        return _Run(store, client, source, feed, row).through(progress, pause)
    finally:
        client.close()


class _Run:
    """One claimed feed on its way through its walk."""

    def __init__(self, store: Store, client: Client, source: Source, feed: Feed, row: FeedRow):
        self.store, self.client, self.source, self.feed, self.row = store, client, source, feed, row
        self.rows = 0
        self.pages = 0
        self.last_body = b""
        self.ahead = ThreadPoolExecutor(client.at_once, thread_name_prefix="fetch-ahead")
        self.coming: list[tuple[Ask, Future[Answer]]] = []

    def through(self, progress: Progress | None, pause: Callable[[], bool] | None) -> Outcome:
        """Walk, and release the row whatever happens."""
        try:
            walk = self.feed.walk(self.row.position, self._context())
            while walk.ask() is not None:
                leaving = self._page(walk, pause)
                if progress:
                    progress(self.feed.name, self.rows, self.pages, walk.progress())
                if leaving and walk.ask() is not None:
                    return self._paused()
            return self._done(walk)
        except ClaimLost:
            return self._outcome("lost")
        except Refused as refused:
            return self._stopped(str(refused), refused.body)
        except ConfigurationError as wrong:
            return self._parked(now() + LAST_PARK_S * 1000, str(wrong), "")
        except Unexpected as unexpected:
            return self._parked(now() + LAST_PARK_S * 1000, str(unexpected), unexpected.body)
        except Unavailable as unavailable:
            return self._parked(_park_until(unavailable, self.row.failures), str(unavailable), unavailable.body)
        except TemporaryError:
            raise  # our own store: no row can be released either, the claim runs out by itself
        except Exception as error:
            # A fault of ours in one feed must not stop the others, nor run hot, nor stay unseen.
            log.exception("a poll failed", source=self.source.name, feed=self.feed.name)
            name = type(error).__name__
            sentence = f"Reading feed '{self.feed.name}' failed inside Aftersend ({name}); see the log."
            return self._parked(now() + LAST_PARK_S * 1000, sentence, self.client.shown(self.last_body))
        finally:
            self.ahead.shutdown(cancel_futures=True)

    def _context(self) -> Context:
        at, campaigns = now(), []
        if not self.feed.windowed and not self.feed.read_once:
            recent = Filter(sources=(self.source.name,), since=at - CAMPAIGN_DAYS * DAY_MS)
            campaigns = [c.campaign_id for c in self.store.campaigns(recent) if c.campaign_id]
        return Context(
            source=self.source,
            now=at,
            campaigns=campaigns,
            since=self.row.since,
            until=self.row.until,
            recall=lambda prefix: self.store.notes(self.source.name, prefix),
        )

    def _page(self, walk: Walk, pause: Callable[[], bool] | None) -> bool:
        """Read a page and store it. Returns whether it is time to pause."""
        try:
            answer, ask = self.client.patiently(lambda: self._answer(walk))
        except Unexpected as unexpected:
            if not unexpected.status or not walk.refused(unexpected.status):
                raise
            self.store.move_feed(self.row, walk.position, _claimed_until(self.client), _taken(walk))
            return pause is not None and pause()
        leaving = pause is not None and pause()
        if not self.feed.read_once:
            if not leaving:
                self._fetch_ahead(walk)
            self._save(answer, ask, walk.position, _taken(walk))
        self.rows += walk.fresh
        self.pages += 1
        return leaving

    def _fetch_ahead(self, walk: Walk) -> None:
        following = walk.ask()
        if following is None:
            return
        expected = [following, *walk.ahead()][: self.client.at_once]
        known = [ask for ask, _ in self.coming]
        self.coming += [(ask, self.ahead.submit(self.client.get, ask)) for ask in expected if ask not in known]

    def _answer(self, walk: Walk) -> tuple[Answer, Ask]:
        ask = walk.ask()
        assert ask is not None
        if self.coming and self.coming[0][0] == ask:
            answer = self.coming.pop(0)[1].result()
        else:
            # It went on otherwise than it looked: what was asked for meanwhile is of no use.
            self.coming.clear()
            answer = self.client.get(ask, keep_cut=self.feed.read_once)
        self.last_body = answer.body
        if self.feed.read_once:
            self._save(answer, ask, None)
        try:
            walk.take(answer)
        except Malformed as malformed:
            raise Unavailable(
                f"{self.client.provider.title} answered 200 with what is no page of feed '{self.feed.name}' "
                f"(source '{self.source.name}'): {malformed}",
                self.client.shown(answer.body),
            ) from None
        return answer, ask

    def _save(
        self, answer: Answer, ask: Ask, position: dict[str, Any] | None, notes: dict[str, Any] | None = None
    ) -> None:
        delivery = Delivery(
            source=self.source.name,
            door=Door.FEED,
            received_at=answer.received_at,
            body=answer.body,
            feed=self.feed.name,
            content_type=answer.headers.get("content-type", ""),
            context=ask.params | ask.about | self._noted(answer),
        )
        # The platform won't hand out a read-once page again: a store that is busy for a moment is waited for.
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TemporaryError),
            stop=tenacity.stop_after_attempt(5),
            wait=tenacity.wait_random_exponential(SAVE_PAUSE_S, max=5),
            reraise=True,
        ):
            with attempt:
                self.store.append_page(self.row, delivery, position, _claimed_until(self.client), notes)

    def _noted(self, answer: Answer) -> dict[str, str]:
        kept = self.client.provider.kept_headers
        noted = {f"header.{name}": answer.headers[name] for name in kept if name in answer.headers}
        return noted | ({"cut": "yes"} if answer.cut else {})

    def _done(self, walk: Walk) -> Outcome:
        live = self.row.lane == plan.LIVE
        every = self.feed.every or self.source.poll_every_ms
        complete_until = walk.complete_until if live else None
        self.store.finish(
            self.row,
            due_at=now() + every,
            rows=self.rows if self.pages else None,
            complete_until=complete_until,
            finished=not live,
        )
        if self.row.stopped:
            plan.start_again(self.store, self.source)
        return self._outcome("done")

    def _paused(self) -> Outcome:
        self.store.finish(self.row, due_at=now(), rows=self.rows, complete_until=None)
        return self._outcome("paused")

    def _parked(self, until: Instant, problem: str, body: str) -> Outcome:
        self.store.park(self.row, until, problem, body)
        log.warning("feed parked", source=self.source.name, feed=self.feed.name, problem=problem)
        return self._outcome("parked", problem, until)

    def _stopped(self, problem: str, body: str) -> Outcome:
        self.store.stop_source(self.row, problem, body)
        log.error("source stopped", source=self.source.name, problem=problem)
        return self._outcome("stopped", problem)

    def _outcome(self, status: Status, problem: str = "", until: Instant | None = None) -> Outcome:
        return Outcome(status=status, rows=self.rows, pages=self.pages, problem=problem, until=until)


def _taken(walk: Walk) -> dict[str, Any]:
    """What the walk noted since it was last asked."""
    notes = dict(walk.notes)
    walk.notes.clear()
    return notes


def _claimed_until(client: Client) -> Instant:
    # Twenty is as many turns as the client ever waits for.
    return now() + CLAIM_MS + 20 * client.interval_ms


def _park_until(unavailable: Unavailable, failures: int) -> Instant:
    """When the platform said, if that is more than the client itself would have waited."""
    stated = unavailable.not_before or 0
    return stated if stated - now() > SHORT_MS else now() + _backoff_ms(failures)


def _backoff_ms(failures: int) -> int:
    """30 seconds to 15 minutes, doubling with each failure in a row, with jitter: sources that failed
    together must not come back together."""
    seconds = FIRST_PARK_S * 2 ** min(failures, 10) * random.uniform(1, 1.5)  # noqa: S311 - so that feeds do not wake together
    return int(1000 * min(seconds, LAST_PARK_S))
