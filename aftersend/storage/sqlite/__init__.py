"""The embedded store: two SQLite files, so that taking in never waits for working off.

``aftersend.db`` holds events and everything derived and is written by the normalizer alone;
``aftersend.inbox.db`` beside it holds deliveries, feeds, keys and readers and is written by everybody, briefly.
"""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from aftersend.storage.contract import (
    ActivityRow,
    Applied,
    Backlog,
    Bookmark,
    Budget,
    CampaignOrder,
    CampaignRow,
    Claims,
    Cohort,
    ContactRow,
    Difference,
    Doors,
    EventRow,
    Facets,
    FeedRow,
    Filter,
    Funnel,
    KeyRow,
    LogFilter,
    LogOrder,
    Marks,
    MessageRow,
    Order,
    QuarantineRow,
    Read,
    Sighting,
    SnapshotRow,
    Store,
    TemplateRow,
    Token,
)
from aftersend.storage.sqlite import (
    budgets,
    campaigns,
    counts,
    derived,
    doors,
    feeds,
    inbox,
    keys,
    lists,
    log,
    people,
    schema,
    snapshots,
    tokens,
    totals,
)
from aftersend.storage.sqlite.apply import Applier
from aftersend.storage.sqlite.file import File, transaction
from aftersend.storage.sqlite.rows import ACCOUNT
from aftersend.storage.sqlite.statements import batched, marks
from aftersend.vocabulary import (
    AftersendError,
    ConfigurationError,
    Delivery,
    Door,
    Heard,
    Instant,
    Kind,
    Problem,
    Rate,
    Reading,
    Snapshot,
    TemporaryError,
    now,
)


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """A batch makes a hundred thousand tuples and not one cycle; looking for cycles takes a fifth of its time.
    Around a whole function, so that the batch is gone when the collector wakes."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class SqliteStore(Store):
    """A :class:`~aftersend.storage.contract.Store` in two SQLite files. Safe across threads and processes; after
    a fork, each process opens connections of its own."""

    def __init__(self, path: str):
        events = Path(path)
        self._events = File(events, cache_mb=64)
        self._inbox = File(events.with_name(f"{events.stem}.inbox{events.suffix}"), cache_mb=8)
        self._schemas = ((self._inbox, schema.inbox), (self._events, schema.events))
        self._applier = Applier()

    # -- schema --

    def migrate(self) -> list[str]:
        taken = []
        for file, steps in self._schemas:
            with file.turn() as c:
                _refuse_later(file, steps, Database(c))
        for file, steps in self._schemas:
            with file.turn() as c:
                db = Database(c)
                with db.atomic():  # the table of the steps and its index
                    steps.ensure_migrations_table(db)
                taken += [step.name for step in steps.pending(db)]
                steps.apply(db)
        # An inbox that was restored from a backup older than the events must not give out numbers again that
        # were worked off already: new deliveries would lie behind our back.
        with self._inbox.write() as c:
            inbox.go_on_after(c, self._position())
        return taken

    def ready(self) -> None:
        for file, steps in self._schemas:
            with file.read() as c:
                db = Database(c)
                _refuse_later(file, steps, db)
                if steps.pending(db):
                    raise ConfigurationError(f"The schema of {file.path.name} is not current; run `aftersend migrate`.")

    def check_room(self) -> None:
        self._inbox.check_room()

    def close(self) -> None:
        self._inbox.close()
        self._events.close()

    # -- inbox --

    def append(self, deliveries: Sequence[Delivery]) -> list[int]:
        with self._inbox.write() as c:
            return inbox.append(c, deliveries)

    def append_page(
        self,
        feed: FeedRow,
        delivery: Delivery,
        position: dict[str, Any] | None,
        claimed_until: Instant,
        notes: Mapping[str, Any] | None = None,
    ) -> int:
        with self._inbox.write() as c:
            held = feeds.move(c, feed, position, claimed_until)
            if held and notes:
                feeds.note(c, feed.source, notes)
            stored = inbox.append(c, [delivery]) if held or position is None else []
        if not held:
            raise feeds.lost(feed)
        return stored[0]

    def move_feed(
        self, feed: FeedRow, position: dict[str, Any], claimed_until: Instant, notes: Mapping[str, Any] | None = None
    ) -> None:
        with self._inbox.write() as c:
            held = feeds.move(c, feed, position, claimed_until)
            if held and notes:
                feeds.note(c, feed.source, notes)
        if not held:
            raise feeds.lost(feed)

    def notes(self, source: str, prefix: str = "") -> dict[str, Any]:
        with self._inbox.read() as c:
            return feeds.notes(c, source, prefix)

    def backlog(self) -> Backlog:
        position = self._position()
        with self._inbox.read() as c:
            return Backlog(*inbox.waiting(c, position))

    def delivery(self, delivery_id: int) -> Delivery | None:
        with self._inbox.read() as c:
            return inbox.one(c, delivery_id)

    def deliveries(self, first: int, last: int | None = None, source: str | None = None) -> Iterator[Delivery]:
        position = first - 1
        while True:
            with self._inbox.read() as c:
                some = list(inbox.after(c, position, 500, last=last, source=source))
            if not some:
                return
            yield from some
            position = some[-1].id

    def prune(self, before: Instant) -> int:
        with self._events.read() as c:
            kept = {id for (id,) in c.execute("SELECT DISTINCT delivery FROM quarantine")}
            position = c.execute("SELECT position FROM state").fetchone()[0]
        with self._inbox.write() as c:
            inbox.forget_proofs(c, now())
            return inbox.prune(c, position, before, kept)

    # -- normalizing --

    def _position(self) -> int:
        with self._events.read() as c:
            position: int = c.execute("SELECT position FROM state").fetchone()[0]
            return position

    @collector_at_rest()
    def work_off(
        self, read: Callable[[Delivery], Reading], most_deliveries: int = 5_000, most_events: int = 10_000
    ) -> Applied | None:
        if self.backlog().oldest_received_at is None:
            return None
        with self._events.turn() as c:
            # Whoever had the turn before may have worked everything off.
            position, as_of = c.execute("SELECT position, as_of FROM state").fetchone()
            reads: list[Read] = []
            events = 0
            with self._inbox.read() as i:
                for delivery in inbox.after(i, position, most_deliveries):
                    reads.append(Read(delivery, safely(read, delivery)))
                    events += len(reads[-1].reading.events)
                    if events >= most_events:
                        break
            if not reads:
                return None
            with self._applying(c):
                applied = self._applier.apply(c, reads)
                c.execute(
                    "UPDATE state SET position = ?, as_of = ?",
                    (reads[-1].delivery.id, max(as_of or 0, *(r.delivery.received_at for r in reads))),
                )
            news = self._applier.news
        self._drop([r.delivery.id for r in reads if r.delivery.door is Door.FEED and r.delivery.id not in news])
        return applied

    def _drop(self, silent: Sequence[int]) -> None:
        """Remove pages that told nothing new. If that can't be done now, they stay until they are pruned."""
        if silent:
            with suppress(TemporaryError), self._inbox.write() as c:
                inbox.remove(c, silent)

    @contextmanager
    def _applying(self, c: sqlite3.Connection) -> Iterator[None]:
        try:
            with transaction(c):
                self._applier.begin(c)
                yield
        except BaseException:
            self._applier.forget()
            raise

    @collector_at_rest()
    def apply(self, reads: Sequence[Read]) -> Applied:
        with self._events.turn() as c, self._applying(c):
            return self._applier.apply(c, reads)

    def reapply(
        self, deliveries: Sequence[Delivery], read: Callable[[Delivery], Reading], *, dry_run: bool = False
    ) -> Applied:
        applied = Applied()
        with self._events.turn() as c:
            try:
                with self._applying(c):
                    ids = [d.id for d in deliveries]
                    reads = [Read(d, safely(read, d)) for d in deliveries]
                    told = self._applier.told_by(c, ids)
                    slots = sorted(told | {event.slot for r in reads for event in r.reading.events})
                    before = _census(c, slots)
                    self._applier.withdraw(c, ids, told)
                    c.executemany("DELETE FROM quarantine WHERE delivery = ?", [(id,) for id in ids])
                    applied = self._applier.apply(c, reads)
                    after = _census(c, slots)
                    applied.events_added = len(after.keys() - before.keys())
                    applied.events_removed = len(before.keys() - after.keys())
                    applied.events_changed = sum(after[id] != before[id] for id in after.keys() & before.keys())
                    if dry_run:
                        raise _Undo
            except _Undo:
                pass
        return applied

    def quarantine(self, source: str | None = None, limit: int = 1000) -> list[QuarantineRow]:
        with self._events.read() as c:
            return [
                QuarantineRow(
                    delivery_id=delivery,
                    item=item,
                    source=name,
                    door=door,
                    feed=feed,
                    received_at=received_at,
                    reason=reason,
                    raw=raw,
                )
                for delivery, item, name, door, feed, received_at, reason, raw in c.execute(
                    "SELECT * FROM quarantine WHERE source = coalesce(?, source) ORDER BY delivery DESC, item LIMIT ?",
                    (source, limit),
                )
            ]

    def quarantined(self) -> int:
        with self._events.read() as c:
            count: int = c.execute("SELECT count(*) FROM quarantine").fetchone()[0]
            return count

    def rebuild(self) -> None:
        with self._events.write() as c:
            derived.rebuild(c)

    def differences(self, limit: int = 100) -> list[Difference]:
        with self._events.read() as c:
            return derived.differences(c, limit)

    # -- feeds, claims, budgets --

    def ensure_feeds(self, rows: Sequence[FeedRow]) -> None:
        with self._inbox.read() as c:
            known = {row.key: row.fingerprint for row in feeds.select(c)}
        news = [row for row in rows if known.get(row.key) != row.fingerprint]
        if news:
            with self._inbox.write() as c:
                feeds.ensure(c, news)

    def feeds(self, source: str | None = None) -> list[FeedRow]:
        with self._inbox.read() as c:
            return feeds.select(c, "source = coalesce(?, source)", (source,))

    def due_feeds(self, at: Instant) -> list[FeedRow]:
        with self._inbox.read() as c:
            return feeds.due(c, at)

    def claim(
        self, key: tuple[str, str, str], owner: str, until: Instant, *, at: Instant, force: bool = False
    ) -> FeedRow | None:
        with self._inbox.write() as c:
            return feeds.claim(c, key, owner, until, at, force)

    def finish(
        self,
        feed: FeedRow,
        *,
        due_at: Instant,
        rows: int | None,
        complete_until: Instant | None,
        finished: bool = False,
    ) -> None:
        with self._inbox.write() as c:
            feeds.finish(c, feed, due_at=due_at, rows=rows, complete_until=complete_until, finished=finished, at=now())

    def park(self, feed: FeedRow, until: Instant, problem: str, body: str = "") -> None:
        with self._inbox.write() as c:
            feeds.park(c, feed, until, problem, body)

    def stop_source(self, feed: FeedRow, problem: str, body: str = "") -> None:
        with self._inbox.write() as c:
            feeds.stop_source(c, feed, problem, body)

    def release(self, feed: FeedRow) -> None:
        with self._inbox.write() as c:
            feeds.release(c, feed)

    def reserve(
        self,
        budget: str,
        interval_ms: int,
        at: Instant,
        rates: Sequence[Rate] = (),
        patience_ms: int | None = None,
    ) -> Instant:
        with self._inbox.write() as c:
            return budgets.reserve(c, budget, interval_ms, at, rates, patience_ms)

    def learned(self, budget: str, heard: Sequence[Heard], at: Instant) -> None:
        with self._inbox.write() as c:
            budgets.learned(c, budget, heard, at)

    def silence(self, budget: str, until: Instant | None) -> None:
        with self._inbox.write() as c:
            budgets.silence(c, budget, until)

    def left(self, budget: str, at: Instant) -> list[Budget]:
        with self._inbox.read() as c:
            return budgets.left(c, budget, at)

    # -- tokens --

    def token(self, account: str) -> Token | None:
        with self._inbox.read() as c:
            return tokens.get(c, account)

    def keep_token(self, token: Token) -> None:
        with self._inbox.write() as c:
            tokens.keep(c, token)

    def lock_token(self, account: str, generation: int, at: Instant, until: Instant) -> bool:
        with self._inbox.write() as c:
            return tokens.lock(c, account, generation, at, until)

    def unlock_token(self, account: str) -> None:
        with self._inbox.write() as c:
            tokens.unlock(c, account)

    # -- keys and readers --

    def add_key(self, row: KeyRow, digest: bytes) -> None:
        with self._inbox.write() as c:
            keys.add(c, row, digest)

    def key(self, digest: bytes) -> KeyRow | None:
        with self._inbox.read() as c:
            return keys.by_digest(c, digest)

    def keys(self) -> list[KeyRow]:
        with self._inbox.read() as c:
            return keys.all_keys(c)

    def revoke_key(self, key_id: str, at: Instant) -> bool:
        with self._inbox.write() as c:
            return bool(
                c.execute("UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?", (at, key_id)).rowcount
            )

    def reader_position(self, reader: str) -> int | None:
        with self._inbox.read() as c:
            row = c.execute("SELECT position FROM readers WHERE name = ?", (reader,)).fetchone()
            return row[0] if row else None

    def move_reader(self, reader: str, seen: int | None, position: int) -> bool:
        with self._inbox.write() as c:
            return keys.move_reader(c, reader, seen, position)

    # -- reports --

    def funnel(self, which: Filter) -> Funnel:
        with self._events.read() as c:
            return counts.funnel(c, which)

    def claims(self, which: Filter) -> Claims:
        with self._events.read() as c:
            return totals.claims(c, which)

    def telling(self, kind: Kind) -> dict[str, bool]:
        with self._events.read() as c:
            return counts.telling(c, kind)

    def timeline(self, which: Filter, edges: Sequence[Instant]) -> list[Funnel]:
        with self._events.read() as c:
            return counts.timeline(c, which, edges)

    def marks(self, which: Filter, edges: Sequence[Instant] | None = None) -> list[Marks]:
        with self._events.read() as c:
            return counts.marked(c, which, edges)

    def facets(self, which: Filter) -> Facets:
        with self._events.read() as c:
            return campaigns.facets(c, which)

    def known(self, which: Filter, instants: Sequence[Instant]) -> list[int]:
        with self._events.read() as c:
            return counts.known(c, which, instants)

    def campaigns(
        self, which: Filter, order: CampaignOrder = "first", limit: int = 1000, offset: int = 0
    ) -> list[CampaignRow]:
        with self._events.read() as c:
            return campaigns.campaigns(c, which, order, limit, offset)

    def activities(self, which: Filter) -> list[ActivityRow]:
        with self._events.read() as c:
            return campaigns.activities(c, which)

    def latest(self, which: Filter) -> dict[Kind, Instant]:
        with self._events.read() as c:
            return campaigns.latest(c, which)

    def events(
        self, which: Filter, order: Order, *, limit: int, offset: int = 0, after: Bookmark | None = None
    ) -> list[EventRow]:
        with self._events.read() as c:
            return lists.events(c, which, order, limit, offset, after)

    def last_events(
        self,
        which: Filter,
        kind: Kind,
        without: Sequence[Kind] = (),
        *,
        limit: int,
        after: Bookmark | None = None,
    ) -> list[EventRow]:
        with self._events.read() as c:
            return lists.last_events(c, which, kind, without, limit, after)

    def event(self, event_id: str) -> tuple[EventRow, list[Sighting]] | None:
        with self._events.read() as c:
            return lists.event(c, event_id)

    def contacts(self, which: Filter, limit: int = 100) -> list[ContactRow]:
        with self._events.read() as c:
            return people.contacts(c, which, limit)

    def messages(self, which: Filter, limit: int = 1000) -> list[MessageRow]:
        with self._events.read() as c:
            return people.messages(c, which, limit)

    def log(
        self,
        which: LogFilter,
        order: LogOrder = "created",
        *,
        descending: bool = True,
        limit: int,
        offset: int = 0,
        after: tuple[Instant, int] | None = None,
    ) -> list[MessageRow]:
        with self._events.read() as c:
            return log.log(c, which, order, descending, limit, offset, after)

    def log_size(self, which: LogFilter) -> int:
        with self._events.read() as c:
            return log.log_size(c, which)

    def cohorts(self, which: LogFilter, edges: Sequence[Instant] | None = None) -> list[Cohort]:
        with self._events.read() as c:
            return log.cohorts(c, which, edges)

    def templates(self, sources: Sequence[str] | None = None) -> list[TemplateRow]:
        with self._events.read() as c:
            return log.templates(c, sources)

    def doors(self, which: Filter, edges: Sequence[Instant] | None = None) -> list[Doors]:
        with self._events.read() as c:
            return doors.doors(c, which, edges)

    def doors_began(self, source: str) -> dict[Door, Instant]:
        with self._events.read() as c:
            return doors.began(c, source)

    def snapshots(self, source: str, campaign_id: str | None = None) -> list[Snapshot]:
        which = Filter(sources=(source,), campaign_id=campaign_id)
        return [row.snapshot for row in self.latest_snapshots(which, limit=-1)]

    def latest_snapshots(
        self, which: Filter, list_: str | None = None, *, limit: int, offset: int = 0
    ) -> list[SnapshotRow]:
        with self._events.read() as c:
            return snapshots.latest(c, which, list_, limit, offset)

    def snapshot_history(self, source: str, campaign_id: str | None, list_: str) -> list[Snapshot]:
        with self._events.read() as c:
            return snapshots.history(c, source, campaign_id, list_)

    def last_number(self) -> int:
        with self._events.read() as c:
            number: int = c.execute("SELECT last_number FROM state").fetchone()[0]
            return number

    def as_of(self) -> Instant | None:
        with self._events.read() as c:
            at: Instant | None = c.execute("SELECT as_of FROM state").fetchone()[0]
            return at


class _Undo(Exception):
    """A dry run is over."""


def _refuse_later(file: File, steps: schema.Steps, db: Database) -> None:
    if later := steps.later(db):
        raise ConfigurationError(
            f"{file.path.name} belongs to a later version of Aftersend, which took the step '{later[0]}': "
            "install that version, or restore a backup from before."
        )


def safely(read: Callable[[Delivery], Reading], delivery: Delivery) -> Reading:
    """Read a delivery; a reader that raises costs its delivery, not the others (law 6)."""
    try:
        return read(delivery)
    except AftersendError as error:
        reason = str(error)
    except Exception as error:
        reason = f"The reader failed: {type(error).__name__}."
    return Reading(problems=[Problem(item=0, reason=reason, raw=delivery.body[:2000])])


def _census(c: sqlite3.Connection, slots: Sequence[bytes]) -> dict[tuple[bytes, int], tuple[Any, ...]]:
    """What the events of these slots say, to count what a replay changes."""
    return {
        (row[0], row[1]): row[2:]
        for chunk in batched(slots)
        for row in c.execute(
            f"SELECT slot, n, campaign, contact, {', '.join(ACCOUNT)} FROM events WHERE slot IN ({marks(len(chunk))})",
            chunk,
        )
    }


__all__ = ["SqliteStore"]
