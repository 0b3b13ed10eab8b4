"""What is to be polled: the rows of feeds that the configuration asks for.

A source has one ``live`` row per feed. Together with the first live row of a feed that can be asked for
dates comes a lane ``backfill:first`` for what happened before; other ranges are lanes made on request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import count

from aftersend.providers import provider_of
from aftersend.providers.contract import Feed
from aftersend.settings import Settings, Source
from aftersend.storage.contract import FeedRow, Store
from aftersend.vocabulary import ConfigurationError, Instant
from aftersend.zones import moment

LIVE = "live"
FIRST = "backfill:first"


def feeds(source: Source) -> dict[str, Feed]:
    """The feeds of a source that are switched on, by name: those it lists, else all its provider has. Raises
    ConfigurationError naming a feed that doesn't exist."""
    provider = provider_of(source)
    enabled = provider.enabled(source)
    for name in source.feeds or ():
        if name not in enabled:
            known = ", ".join(feed.name for feed in provider.feeds(source))
            raise ConfigurationError(f"Source '{source.name}': {provider.title} has no feed '{name}'; it has: {known}.")
    return enabled


def fingerprint(source: Source) -> str:
    """A digest of where a source's API is and what opens it; says nothing about either. Two sources with the
    same credential have the same. Raises ConfigurationError where a credential is missing."""
    provider = provider_of(source)
    digest = blake2b(provider.url(source).encode(), digest_size=16)
    for name, value in sorted((provider.credentials(source) | provider.posted(source)).items()):
        digest.update(f"\x1f{name.lower()}\x1f{value}".encode())
    if oauth := provider.oauth(source):
        digest.update(f"\x1f{oauth.client_id}\x1f{oauth.client_secret}".encode())
    return digest.hexdigest()


def backfill_rows(
    source: Source, wanted: Sequence[str], since: Instant, until: Instant, known: Iterable[FeedRow] = ()
) -> list[FeedRow]:
    """Rows that read a range [since, until) of these feeds, beside their live positions.

    The lane is named by the range's days in the source's zone, both included:
    ``backfill:2025-01-01..2025-02-28``. Asked for again it is the same lane, so a killed backfill goes on
    where it was; one that is finished among the ``known`` rows gets a successor (``…#2``). Raises
    ConfigurationError for a feed that is switched off, unknown, or can't be asked for dates.
    """
    zone, enabled, print_ = provider_of(source).zone(source), feeds(source), fingerprint(source)
    first, last = moment(since, zone).date(), moment(max(since, until - 1), zone).date()
    finished = {row.key for row in known if row.finished}
    rows = []
    for name in wanted:
        if name not in enabled:
            raise ConfigurationError(
                f"Source '{source.name}' has no feed '{name}' switched on; it has: {', '.join(enabled)}."
            )
        if not enabled[name].windowed:
            raise ConfigurationError(f"Feed '{name}' of source '{source.name}' can't be asked for a range of dates.")
        base = f"backfill:{first}..{last}"
        lanes = (base if number == 1 else f"{base}#{number}" for number in count(1))
        lane = next(lane for lane in lanes if (source.name, name, lane) not in finished)
        rows.append(_row(source, enabled[name], lane, print_, since=since, until=until))
    return rows


def ensure(store: Store, source: Source, at: Instant) -> None:
    """Make sure that the store has the rows of this source. Writes only when one is missing or the
    credentials have changed (then a stopped source starts again). Raises ConfigurationError."""
    enabled = feeds(source)
    if not enabled:
        return  # a source of webhooks alone needs no credentials
    print_ = fingerprint(source)
    stored = {row.key: row for row in store.feeds(source.name)}
    rows = []
    for feed in enabled.values():
        if (source.name, feed.name, LIVE) in stored:
            continue
        rows.append(_row(source, feed, LIVE, print_))
        if feed.windowed and source.backfill_ms:
            rows.append(_row(source, feed, FIRST, print_, since=at - source.backfill_ms, until=at))
    rows += [
        _row(source, enabled[row.feed], row.lane, print_, since=row.since, until=row.until)
        for row in stored.values()
        if row.feed in enabled and row.fingerprint != print_
    ]
    if rows:
        store.ensure_feeds(rows)


def start_again(store: Store, source: Source) -> None:
    """Start a stopped source again, though its credentials are the same: they were found to work, or the
    operator restarted us. Raises ConfigurationError."""
    rows = [row for row in store.feeds(source.name) if row.stopped]
    if not rows:
        return
    # The store starts a source again when its credentials change: they change, and change back.
    for print_ in ("", fingerprint(source)):
        for row in rows:
            row.fingerprint = print_
        store.ensure_feeds(rows)


def row_of(settings: Settings, key: tuple[str, str, str]) -> tuple[Source, Feed]:
    """The source and feed a row belongs to. Raises ConfigurationError if it isn't configured (any more)."""
    source = settings.source(key[0])
    enabled = feeds(source)
    if key[1] not in enabled:
        raise ConfigurationError(
            f"Source '{source.name}' has no feed '{key[1]}' switched on; it has: {', '.join(enabled)}."
        )
    return source, enabled[key[1]]


def _row(
    source: Source,
    feed: Feed,
    lane: str,
    print_: str,
    *,
    since: Instant | None = None,
    until: Instant | None = None,
) -> FeedRow:
    # A read-once list hands a row to whoever asks first with that credential: one reader for all its sources.
    resource = f"once/{print_}" if feed.read_once else f"{source.name}/{feed.name}/{lane}"
    return FeedRow(
        source=source.name,
        feed=feed.name,
        lane=lane,
        resource=resource,
        since=since,
        until=until,
        fingerprint=print_,
    )
