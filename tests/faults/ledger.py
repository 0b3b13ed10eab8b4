"""What was done to the product, and what became of it: one line a test, and the table of them all.

``AFTERSEND_FAULTS_LEDGER`` names the file; without it nothing is written. Every line is one JSON object, written at
once, so that several processes may write. ``python -m tests.faults.ledger FILE`` prints the table.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from rich.table import Table

FULL = os.environ.get("AFTERSEND_FAULTS") == "full"
"""Whether the long form was asked for: hundreds of kills, minutes without Redis."""
long = pytest.mark.skipif(not FULL, reason="takes long: part of `make faults`")
"""A test whose short form would still take too much of CI's time."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What was done in one test, and what became of it."""

    fault: str
    """In words: "kill -9 of anything"."""
    times: int = 1
    webhooks: int = 0
    """Different webhooks that were acknowledged."""
    rows: int = 0
    """Different rows that the feeds showed."""
    lost: int = 0
    doubled: int = 0
    seconds: float = 0
    """From the end of the fault to the truth."""
    note: str = ""
    """What else is worth a figure: "redis 31, worker 40"."""


class Ledger:
    """Where tests write their lines."""

    def __init__(self, path: str):
        self._path = path

    def write(self, line: Line) -> None:
        """Append a line, whoever else does so now."""
        if not self._path:
            return
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, msgspec.json.encode(line) + b"\n")
        finally:
            os.close(descriptor)


def read(path: Path) -> list[Line]:
    """All lines of a ledger, in the order of the tests' ends; none where nothing was written."""
    if not path.exists():
        return []
    return [msgspec.json.decode(line, type=Line) for line in path.read_bytes().splitlines()]


def table(lines: list[Line]) -> Table:
    """The lines and their sums."""
    shown = Table(title="What was done, and what became of it", show_footer=True)
    total = {name: f"{sum(getattr(line, name) for line in lines):,}" for name in ("times", "lost", "doubled")}
    total |= {name: f"{sum(getattr(line, name) for line in lines):,}" for name in ("webhooks", "rows")}
    shown.add_column("fault", "all", overflow="fold")
    for name in ("times", "webhooks", "rows", "lost", "doubled"):
        shown.add_column(name, total[name], justify="right")
    shown.add_column("until the truth", f"{max((line.seconds for line in lines), default=0):.1f} s", justify="right")
    shown.add_column("besides", overflow="fold")
    for line in lines:
        counts = [f"{count:,}" for count in (line.times, line.webhooks, line.rows, line.lost, line.doubled)]
        shown.add_row(line.fault, *counts, f"{line.seconds:.1f} s", line.note)
    return shown


if __name__ == "__main__":
    Console(width=150).print(table(read(Path(sys.argv[1]))))
