"""`aftersend sync`: poll a source now, in the foreground."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import click

from aftersend import logs
from aftersend.console.opening import ready_store, settings
from aftersend.console.progress import Show, several
from aftersend.console.tables import clock, plural
from aftersend.providers import provider_of
from aftersend.settings import Settings, Source
from aftersend.storage.contract import FeedRow, Store
from aftersend.vocabulary import ConfigurationError, Instant, PermanentError, now
from aftersend.worker import claims, plan
from aftersend.worker.poller import Outcome, poll
from aftersend.zones import from_wall, moment

FIRST_YEAR = 1971
"""Of the first email, and the first whose instants are positive in every zone."""
AT_ONCE = 4
"""Most backfills that are read at the same time."""
WAIT = 1.0
"""Seconds between two attempts at a feed that somebody else is reading."""


class Day(click.ParamType[date]):
    """A day, as 2026-11-21."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            day = datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 - a day of the source's zone
        except ValueError:
            self.fail(f"'{value}' is not a day, as 2026-11-21 is", param, ctx)
        if not FIRST_YEAR <= day.year < 9999:
            self.fail(f"there was no email on {value}", param, ctx)
        return day


@click.command()
@click.argument("source")
@click.option("--feed", help="Only this feed; default: all that are switched on.")
@click.option("--from", "first", type=Day(), metavar="DATE", help="Backfill from this day.")
@click.option("--to", "last", type=Day(), metavar="DATE", help="Backfill up to this day, included; default: today.")
def sync(source: str, feed: str | None, first: date | None, last: date | None) -> None:
    """Poll SOURCE now, in the foreground.

    With dates it reads a range of days again, in the source's time zone, beside the live positions. It may be
    stopped or killed at any moment; the same command goes on where it was.
    """
    if first and last and first > last:
        raise click.UsageError(f"--from {first} lies after --to {last}")
    logs.configure("critical")  # what goes wrong is said once, by this command
    found = settings()
    account = found.source(source)
    with ready_store(found) as store, _stop_flag() as stopped:
        rows = _rows(store, account, feed, first, last)
        problems = []
        for group in _together(rows):
            outcomes = _all_polled(store, found, group, stopped)
            for row, outcome in zip(group, outcomes, strict=True):
                click.echo(f"{_name(row)}: {_told(outcome)}.")
            if stopped():
                raise click.Abort
            problems += [outcome.problem for outcome in outcomes if outcome.problem]
            if any(outcome.status == "stopped" for outcome in outcomes):
                break
        waiting = store.backlog().deliveries
    if waiting:
        wait = plural(waiting, "delivery waits", "deliveries wait")
        click.echo(f"{wait} to be worked off: the worker does it, or `aftersend drain`.")
    if problems:
        raise PermanentError(problems[0])


def _rows(store: Store, account: Source, feed: str | None, first: date | None, last: date | None) -> list[FeedRow]:
    """What to poll: the live positions and what is left of backfills, or with dates a backfill of that range."""
    plan.ensure(store, account, now())
    enabled = plan.feeds(account)
    rows = [row for row in store.feeds(account.name) if row.feed in enabled]
    if feed is not None and feed not in enabled:
        raise ConfigurationError(
            f"Source '{account.name}' has no feed '{feed}' switched on; it has: {', '.join(enabled) or 'none'}."
        )
    if first is None and last is None:
        # Live positions first: they are what goes stale. Of these, what others go by first, as the provider has them.
        chosen = [row for row in rows if not row.finished and feed in (None, row.feed)]
        order = list(enabled)
        return sorted(chosen, key=lambda row: (row.lane != plan.LIVE, order.index(row.feed)))
    since, until = _range(account, first, last)
    names = [feed] if feed else [name for name in enabled if enabled[name].windowed]
    if not names:
        raise ConfigurationError(f"No feed of source '{account.name}' can be asked for a range of dates.")
    chosen = plan.backfill_rows(account, names, since, until, rows)
    store.ensure_feeds(chosen)
    return chosen


def _range(account: Source, first: date | None, last: date | None) -> tuple[Instant, Instant]:
    """The range's first instant and the one after its last, in the source's zone. Without a first day it is as
    long as the source's backfill."""
    zone = provider_of(account).zone(account)
    last = last or moment(now(), zone).date()
    first = first or last - timedelta(milliseconds=account.backfill_ms)
    if first > last:
        raise click.UsageError(f"--from {first} lies in the future")
    return _midnight(first, zone), _midnight(last + timedelta(days=1), zone)


def _midnight(day: date, zone: str) -> Instant:
    return from_wall(datetime.combine(day, datetime.min.time()), zone)[0]


def _together(rows: list[FeedRow]) -> list[list[FeedRow]]:
    """What is read at the same time: live feeds one after the other, since some begin with what an earlier one has
    learned; then all backfills at once."""
    live = [[row] for row in rows if row.lane == plan.LIVE]
    backfills = [row for row in rows if row.lane != plan.LIVE]
    return live + ([backfills] if backfills else [])


def _all_polled(store: Store, found: Settings, group: list[FeedRow], stopped: Callable[[], bool]) -> list[Outcome]:
    """Poll feeds to their ends, each in a thread; the budget of their credentials is theirs together."""
    with several() as begin, ThreadPoolExecutor(min(len(group), AT_ONCE), thread_name_prefix="sync") as threads:
        polls = [threads.submit(_polled, store, found, row, stopped, begin(_name(row))) for row in group]
        return [polling.result() for polling in polls]


def _polled(store: Store, found: Settings, row: FeedRow, stopped: Callable[[], bool], show: Show) -> Outcome:
    """Poll a feed to its end, waiting for whoever is reading it now."""
    told = False

    def shown(_feed: str, rows: int, pages: int, at: dict[str, Any]) -> None:
        note = f"{plural(rows, 'row')}, {plural(pages, 'page')}  {at.get('window', '')}"
        show(at.get("done", 0), at.get("total"), note.rstrip())

    while True:
        outcome = poll(store, found, row.key, claims.new_owner(), force=True, progress=shown, pause=stopped)
        if outcome.status != "busy":
            return outcome
        if stopped():
            return Outcome(status="paused")
        if any(other.key == row.key and other.finished for other in store.feeds(row.source)):
            return Outcome(status="done")
        if not claims.release_dead(store):
            if not told:
                click.echo(f"{_name(row)}: another process is reading it; waiting.")
            told = True
            time.sleep(WAIT)


@contextmanager
def _stop_flag() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C or SIGTERM came: the page under way is finished and the feed released. A second signal
    doesn't wait for the page."""
    came = 0

    def note(_number: int, _frame: object) -> None:
        nonlocal came
        came += 1
        if came > 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: came > 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _told(outcome: Outcome) -> str:
    """How a poll ended, in words."""
    read = f"{plural(outcome.rows, 'row')} in {plural(outcome.pages, 'page')}"
    if outcome.status == "parked" and outcome.until is not None:
        return f"{read}, then parked until {clock(outcome.until)} UTC"
    if outcome.status in ("paused", "stopped"):
        return f"{read}, then {outcome.status}"
    if outcome.status == "lost":
        return f"{read}, then another process went on with it"
    return read


def _name(row: FeedRow) -> str:
    return row.feed if row.lane == plan.LIVE else f"{row.feed} ({row.lane})"
