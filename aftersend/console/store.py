"""Commands that look after the store: migrate, drain, quarantine, replay, rebuild."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import click
from rich.markup import escape

from aftersend.console.opening import ready_store, settings, unchecked_store
from aftersend.console.progress import progress
from aftersend.console.tables import Form, clock, console, json_option, plural, print_json, table
from aftersend.storage.contract import Applied, QuarantineRow, Store
from aftersend.vocabulary import Delivery, PermanentError, TemporaryError
from aftersend.worker.normalizer import drain as work_off
from aftersend.worker.normalizer import reader
from aftersend.zones import isoformat

AT_ONCE = 500
"""Deliveries that are read again in one transaction."""


@click.command()
def migrate() -> None:
    """Bring the schema to the current version. Safe to repeat, and after an interruption."""
    with unchecked_store(settings()) as store:
        steps = store.migrate()
    for step in steps:
        click.echo(f"migrated: {step}")
    if not steps:
        click.echo("The schema is current.")


@click.command()
def drain() -> None:
    """Work off the whole inbox, then exit.

    Ends with status 0 when nothing is left unprocessed. Workers may go on meanwhile; they take turns.
    """
    found = settings()
    with ready_store(found) as store:
        waiting = store.backlog().deliveries

        with progress("Working off the inbox") as show:

            def never() -> bool:
                left = store.backlog().deliveries
                show(waiting - left, waiting, f"{plural(left, 'delivery', 'deliveries')} left")
                return False

            applied = work_off(store, found, never)
        left = store.backlog().deliveries
    click.echo(f"Worked off {plural(waiting, 'delivery', 'deliveries')}: {_told(applied)}.")
    if left:
        raise TemporaryError(f"{plural(left, 'delivery is', 'deliveries are')} left; run `aftersend drain` again.")


@click.command()
@click.option("--source", help="Only this source.")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many items.")
@json_option
def quarantine(source: str | None, limit: int, form: Form) -> None:
    """List the items that could not be understood, newest delivery first.

    `aftersend replay` reads them again once the reason is gone.
    """
    with ready_store(settings()) as store:
        rows, kept = store.quarantine(source, limit), store.quarantined()
    if form == "json":
        print_json([_as_json(row) for row in rows])
        return
    if not rows:
        click.echo("Nothing is in quarantine.")
        return
    shown = table(
        "Quarantine",
        "delivery",
        "item",
        "source",
        "door",
        "received (UTC)",
        "reason",
        right=("delivery", "item"),
    )
    for row in rows:
        door = f"{row.door} {row.feed}".strip()
        shown.add_row(str(row.delivery_id), str(row.item), row.source, door, clock(row.received_at), escape(row.reason))
    console().print(shown)
    click.echo(f"{plural(kept, 'item is', 'items are')} in quarantine; `aftersend replay` reads them again.")


@click.command()
@click.option("--delivery", "ids", type=click.IntRange(1), multiple=True, help="This delivery; may be repeated.")
@click.option("--from-delivery", "first", type=click.IntRange(1), help="All deliveries from this one.")
@click.option("--to-delivery", "last", type=click.IntRange(1), help="All deliveries up to this one.")
@click.option("--source", help="Only deliveries of this source.")
@click.option("--dry-run", is_flag=True, help="Change nothing; print what would change.")
def replay(ids: tuple[int, ...], first: int | None, last: int | None, source: str | None, *, dry_run: bool) -> None:
    """Read deliveries again after a mapping was mended.

    Without further options: those with an item in quarantine.
    """
    ranged = first is not None or last is not None
    if ids and (ranged or source):
        raise click.UsageError("--delivery names deliveries already; leave out the other conditions")
    found = settings()
    if source:
        found.source(source)
    read = reader(found)
    count, total = 0, Applied()
    with ready_store(found) as store:
        if ranged:
            chosen = store.deliveries(first or 1, last, source)
        else:
            chosen = _kept(store, sorted(set(ids)) if ids else _quarantined(store, source))
        with progress("Reading again") as show:
            while batch := list(islice(chosen, AT_ONCE)):
                total += store.reapply(batch, read, dry_run=dry_run)
                count += len(batch)
                show(count, None, plural(count, "delivery", "deliveries"))
        left = store.quarantined()
    verb = "Would read" if dry_run else "Read"
    click.echo(f"{verb} {plural(count, 'delivery', 'deliveries')} again: {_told(total)}.")
    if not dry_run:
        click.echo(f"In quarantine now: {plural(left, 'item')}.")


@click.command()
def rebuild() -> None:
    """Recompute every derived table from the events, in one transaction."""
    with ready_store(settings()) as store, console().status("Rebuilding the derived tables"):
        store.rebuild()
    click.echo("The derived tables are rebuilt; `aftersend doctor` proves them equal to the events.")


def _quarantined(store: Store, source: str | None) -> Sequence[int]:
    """Ids of the deliveries with an item in quarantine, in order."""
    rows = store.quarantine(source, limit=max(1, store.quarantined()))
    return sorted({row.delivery_id for row in rows})


def _kept(store: Store, ids: Sequence[int]) -> Iterator[Delivery]:
    for number in ids:
        delivery = store.delivery(number)
        if delivery is None:
            raise PermanentError(f"There is no delivery {number}: it never was, or keep_raw_days is over for it.")
        yield delivery


def _told(applied: Applied) -> str:
    """What changed, in words; parts that are nothing are left out."""
    parts = [
        (applied.events_added, "event added", "events added"),
        (applied.events_changed, "event changed", "events changed"),
        (applied.events_removed, "event removed", "events removed"),
        (applied.sightings, "sighting", "sightings"),
        (applied.snapshots, "snapshot", "snapshots"),
        (applied.problems, "item not understood", "items not understood"),
    ]
    return ", ".join(plural(*part) for part in parts if part[0]) or "nothing changed"


def _as_json(row: QuarantineRow) -> dict[str, object]:
    return {
        "delivery_id": row.delivery_id,
        "item": row.item,
        "source": row.source,
        "door": row.door,
        "feed": row.feed or None,
        "received_at": isoformat(row.received_at),
        "reason": row.reason,
        "raw": row.raw.decode("utf-8", "backslashreplace"),
    }
