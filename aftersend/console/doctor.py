"""`aftersend doctor`: looks at everything that can be wrong without anybody noticing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Literal

import click
import msgspec
from rich.markup import escape
from rich.table import Table

from aftersend.console.opening import settings, unchecked_store
from aftersend.console.redis_server import answers
from aftersend.console.tables import Form, clock, console, json_option, plural, print_json, span
from aftersend.providers import provider_of
from aftersend.receiver.reports import Reports
from aftersend.settings import Settings
from aftersend.storage.contract import Store
from aftersend.vocabulary import AftersendError, now
from aftersend.worker.plan import feeds

SHORTEST = 16
"""Characters of a secret below which it is worth a look."""
LATE_AFTER = 10 * 60_000
"""Milliseconds after which an unprocessed delivery means that no worker is at work."""
QUIET_RUNS = 3
"""Runs in a row without a row, in a feed that used to have some, that are worth a look."""
_MARKS = {"fine": "[green]✓[/]", "note": "[yellow]![/]", "wrong": "[red]✗[/]"}


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at. Only ``wrong`` makes the command fail."""

    state: Literal["fine", "note", "wrong"]
    about: str
    sentence: str


@click.command()
@json_option
def doctor(form: Form) -> None:
    """Look for anything that is wrong; exit status 1 if something is.

    Compares the derived tables with the events, and looks at the schema, the backlog, the quarantine, the
    feeds, the sources' settings, Redis and the version of SQLite.
    """
    found = settings()
    with unchecked_store(found) as store, console().status("Examining"):
        findings = list(examine(found, store))
    if form == "json":
        print_json(msgspec.to_builtins(findings))
    else:
        lines = Table.grid(padding=(0, 1))
        for finding in findings:
            lines.add_row(_MARKS[finding.state], f"[bold]{finding.about}[/]", escape(finding.sentence))
        console().print(lines)
    if any(finding.state == "wrong" for finding in findings):
        click.get_current_context().exit(1)


def examine(found: Settings, store: Store) -> Iterator[Finding]:
    """Everything that can be looked at, in the order of how much depends on it."""
    yield from _sources(found)
    yield from _guessable(found)
    try:
        store.ready()
    except AftersendError as error:
        yield Finding("wrong", "store", str(error))
        return
    yield Finding("fine", "store", "reachable, and its schema is current.")
    yield _room(store)
    yield from _readable(found)
    if found.server.database.startswith("sqlite:"):
        yield _sqlite_version(sqlite3.sqlite_version_info)
    yield _derived(store)
    yield _backlog(store)
    yield _quarantine(store)
    yield from _feeds(found, store)
    yield from _quiet(found, store)
    if found.server.redis:
        yield _redis(found)


def _sources(found: Settings) -> Iterator[Finding]:
    if not found.sources:
        yield Finding("note", "sources", "none is configured: add [[sources]] to aftersend.toml.")
    for source in found.sources:
        try:
            provider = provider_of(source)
            provider.configured(source)
            if feeds(source):
                provider.credentials(source)
        except AftersendError as error:
            yield Finding("wrong", f"source {source.name}", str(error))


def _guessable(found: Settings) -> Iterator[Finding]:
    """Secrets that people chose; those we make have 32 characters."""
    told = {"AFTERSEND_ADMIN_KEY": [found.admin_key]} | {
        f"webhook_secrets of source '{source.name}'": source.webhook_secrets for source in found.sources
    }
    for name, secrets in told.items():
        if any(0 < len(secret) < SHORTEST for secret in secrets):
            yield Finding("note", "secrets", f"{name} has fewer than {SHORTEST} characters and may be guessed.")


def _readable(found: Settings) -> Iterator[Finding]:
    """Files with addresses or keys that others on this machine may open, as a copy that was put back may be."""
    kept = [*found.data_dir.glob("*.db*"), *found.data_dir.glob("admin-key")]
    opened = sorted(file.name for file in kept if file.stat().st_mode & 0o077)
    if opened:
        yield Finding("wrong", "files", f"others may open {', '.join(opened)} in {found.data_dir}: run chmod 600.")


def _sqlite_version(version: tuple[int, ...]) -> Finding:
    """3.51.3 mended a rare fault of writing and checkpointing at once; 3.50.7 and 3.44.6 did so too."""
    name = ".".join(map(str, version))
    if version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45):
        return Finding("fine", "SQLite", f"{name}.")
    return Finding(
        "note",
        "SQLite",
        f"{name} has a rare fault when two connections write and checkpoint at the same instant (mended in "
        "3.51.3, 3.50.7 and 3.44.6); we never do, but other programs should only read these files.",
    )


def _room(store: Store) -> Finding:
    try:
        store.check_room()
    except AftersendError as error:
        return Finding("wrong", "disk", f"{error} Webhooks are refused, and nothing is polled, until there is room.")
    return Finding("fine", "disk", "has room.")


def _derived(store: Store) -> Finding:
    differences = store.differences()
    if not differences:
        return Finding("fine", "derived tables", "equal to the events.")
    first = differences[0]
    return Finding(
        "wrong",
        "derived tables",
        f"{plural(len(differences), 'difference')} from the events, the first in {first.table} at {first.key}:"
        f" {first.stored} is stored and should be {first.computed}; `aftersend rebuild` mends it.",
    )


def _backlog(store: Store) -> Finding:
    backlog = store.backlog()
    if backlog.oldest_received_at is None:
        return Finding("fine", "inbox", "everything is worked off.")
    age = now() - backlog.oldest_received_at
    waits = f"{plural(backlog.deliveries, 'delivery waits', 'deliveries wait')}, the oldest for {span(age)}"
    if age < LATE_AFTER:
        return Finding("fine", "inbox", f"{waits}.")
    return Finding("wrong", "inbox", f"{waits}: start `aftersend worker`, or run `aftersend drain`.")


def _quarantine(store: Store) -> Finding:
    count = store.quarantined()
    if not count:
        return Finding("fine", "quarantine", "empty.")
    return Finding("note", "quarantine", f"{plural(count, 'item')}; `aftersend quarantine` lists them.")


def _feeds(found: Settings, store: Store) -> Iterator[Finding]:
    configured = {source.name for source in found.sources}
    at = now()
    for feed in store.feeds():
        about = f"feed {feed.source}/{feed.feed}" + ("" if feed.lane == "live" else f" ({feed.lane})")
        if feed.source not in configured or feed.finished:
            continue
        if feed.stopped:
            yield Finding("wrong", about, f"stopped: {feed.problem or 'no reason was kept.'}")
        elif feed.parked_until is not None and feed.parked_until > at:
            yield Finding("note", about, f"parked until {clock(feed.parked_until)} UTC: {feed.problem or ''}")
        elif feed.quiet_runs >= QUIET_RUNS:
            yield Finding("note", about, f"no row in the last {feed.quiet_runs} runs, where there used to be some.")


def _quiet(found: Settings, store: Store) -> Iterator[Finding]:
    for source in Reports(store, found).list_sources()["sources"]:
        if source["quiet"]:
            said = "nothing has happened for a day, where something did on most days before."
            yield Finding("note", f"source {source['name']}", said)


def _redis(found: Settings) -> Finding:
    if answers(found.server.redis):
        return Finding("fine", "Redis", "answers.")
    return Finding("note", "Redis", "does not answer; webhooks are taken in, but work waits until it is back.")
