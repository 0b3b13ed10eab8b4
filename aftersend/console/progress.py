"""How a long command shows that it moves: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from aftersend.console.tables import console

Show = Callable[[int, int | None, str], None]
"""Called with how much is done, of how much (``None``: nobody knows), and a note."""
EVERY = 2.0
"""Seconds between two plain lines."""


@contextmanager
def progress(what: str) -> Iterator[Show]:
    """Show how far ``what`` has come, for as long as the block lasts."""
    with several() as begin:
        yield begin(what)


@contextmanager
def several() -> Iterator[Callable[[str], Show]]:
    """Show how far several things have come at the same time. Yields what begins one of them, by its name; it may be
    called from any thread."""
    if not sys.stdout.isatty():
        yield _lines
        return
    with _columns() as bars:

        def begin(what: str) -> Show:
            task = bars.add_task(what, total=None, note="")
            return lambda done, total, note: bars.update(task, completed=done, total=total, note=note)

        yield begin


def _columns() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=32),
        TaskProgressColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TextColumn("[dim]left"),
        TimeRemainingColumn(),
        console=console(),
    )


def _lines(what: str) -> Show:
    last = time.monotonic()

    def show(_done: int, _total: int | None, note: str) -> None:
        nonlocal last
        if time.monotonic() - last >= EVERY:
            last = time.monotonic()
            click.echo(f"{what}: {note}")
            sys.stdout.flush()

    return show
