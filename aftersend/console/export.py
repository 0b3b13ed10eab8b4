"""`aftersend export`: the files of ``/v1/export``, to stdout or into a file that is there whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from werkzeug.datastructures import MultiDict

from aftersend.console.opening import ready_store, settings
from aftersend.console.tables import plural
from aftersend.receiver.export import Export, Exporter, ExportQuestion
from aftersend.receiver.params import decode


@click.command()
@click.option("--what", metavar="events|messages", help="A row for each event (default), or for each message.")
@click.option("--format", metavar="csv|jsonl", help="Default: csv.")
@click.option(
    "--columns", metavar="NAME,…", multiple=True, help="These columns, in this order; default: all there are."
)
@click.option(
    "--formulas", metavar="raw|safe", help="safe: an apostrophe before cells that a spreadsheet would compute."
)
@click.option("--source", metavar="NAME", multiple=True, help="Only this source; may be repeated.")
@click.option("--campaign-id", "--campaign", metavar="ID", help="Only this campaign; the platform's own id.")
@click.option("--from", metavar="WHEN", help="A day as 2026-11-21, or a time as 2026-11-21T10:00:00Z.")
@click.option("--to", metavar="WHEN", help="A day, included, or a time, excluded.")
@click.option("--time-zone", metavar="ZONE", help="IANA zone of dates and of times without an offset; default: UTC.")
@click.option("--machine", metavar="include|exclude", help="With or without what machines did; default: with.")
@click.option("--kind", metavar="KIND", multiple=True, help="Only this kind; may be repeated.")
@click.option("--channel", metavar="email|sms|form|site", help="Through what the message went; default: email.")
@click.option("--contact-id", metavar="ID", help="Only this contact; the platform's own id.")
@click.option("--external-id", metavar="ID", help="Only contacts with this id of your own.")
@click.option("--email", metavar="ADDRESS", help="Only this address, in any case of letters.")
@click.option("--message-id", metavar="ID", help="Only this message; the platform's own id.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file, not to stdout.")
def export(output: Path | None, **given: str | tuple[str, ...] | None) -> None:
    """Write events or messages as CSV or JSON Lines, oldest first.

    Dates are whole days, both included, in --time-zone. For messages they are those of their creation, and --kind is
    what happened to them at least once.
    """
    args = MultiDict({name: value for name, value in given.items() if value not in (None, ())})
    question = decode(args, ExportQuestion)
    found = settings()
    with ready_store(found) as store:
        made = Exporter(store, found).export(question)
        with nullcontext(sys.stdout.buffer) if output is None else _whole(output) as file:
            for piece in _watched(made, hidden=output is None and sys.stdout.isatty()):
                file.write(piece)
    if output is not None:
        click.echo(f"Wrote {plural(made.rows, 'row')} to {output}.", err=True)


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name when everything is written, and only for this user: it holds addresses."""
    path = path.resolve()
    if path.exists() and not path.is_file():
        # A pipe or device can't be replaced.
        with path.open("wb") as file:
            yield file
        return
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            yield file  # type: ignore[misc]
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _watched(export: Export, *, hidden: bool) -> Iterator[bytes]:
    """The same pieces, while a terminal shows on stderr how far they have come."""
    columns = (
        SpinnerColumn(),
        TextColumn("[bold]Exporting"),
        TextColumn("{task.completed:,} rows"),
        TimeElapsedColumn(),
    )
    disable = hidden or not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=disable, transient=True) as shown:
        task = shown.add_task("", total=None)
        for piece in export:
            shown.update(task, completed=export.rows)
            yield piece
