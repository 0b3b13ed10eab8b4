"""Rows polled, stored and counted, against dlt's rest_api source, which polls and stores the same pages.

dlt runs in an environment of its own (:mod:`benchmarks.environment`), a process for each sync
(:mod:`benchmarks.dlt_run`); without it nothing is compared, and a sentence says so.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec

from aftersend.providers.contract import Provider
from benchmarks import environment
from benchmarks.measure import Goal, Measured, figure, in_turns
from benchmarks.poll import DELAY_MS
from benchmarks.processes import environment as variables
from benchmarks.processes import free_port, server
from benchmarks.sync import CHAINED, PAGED, Platform, lay_out_life, sync_of

INTO_SQLITE, INTO_DUCKDB = Goal("≥", 4), Goal("≥", 2.5)
MOST_S = 600


class Size(msgspec.Struct, frozen=True):
    """How much of everything."""

    rows: int = 100_000
    rounds: int = 3
    other_rounds: int = 2
    """Of what has a delay, or links."""


QUICK = Size(rows=3_000, rounds=2, other_rounds=1)


class Run(msgspec.Struct, frozen=True):
    """One sync by dlt, as it says itself."""

    seconds: float
    rows: int
    peak_mb: float
    versions: dict[str, str]


def run(size: Size, where: Path) -> Measured:
    """Measure, in a directory that the caller empties."""
    try:
        python = environment.python()
    except environment.NotThere as why:
        return Measured([], [f"Not compared with dlt. {why}"])
    platform = Platform(free_port(), lay_out_life(size.rows, where / "pages"))

    def ours(delay_ms: int = 0, provider: Provider = PAGED) -> float:
        return size.rows / sync_of(platform, where, provider=provider, delay_ms=delay_ms).seconds

    def dlt(kind: str, delay_ms: int = 0, paging: str = "numbered") -> Run:
        return _run(python, kind, platform, where, delay_ms, paging)

    def linked(delay_ms: int) -> list[tuple[float, Run]]:
        return in_turns(
            size.other_rounds, lambda: ours(delay_ms, CHAINED), lambda: dlt("sqlite", delay_ms, paging="linked")
        )

    with server("benchmarks.pages", str(platform.port), str(where / "pages"), port=platform.port):
        fast = in_turns(size.rounds, ours, lambda: (dlt("sqlite"), dlt("duckdb")))
        slow = in_turns(size.other_rounds, lambda: ours(DELAY_MS), lambda: dlt("sqlite", DELAY_MS))
        fast_linked, slow_linked = linked(0), linked(DELAY_MS)

    unit = "rows/s"
    return Measured(
        [
            figure(
                "rows polled, stored, counted vs dlt into SQLite",
                unit,
                [(mine, size.rows / sqlite.seconds) for mine, (sqlite, _) in fast],
                INTO_SQLITE,
            ),
            figure(
                "rows polled, stored, counted vs dlt into DuckDB",
                unit,
                [(mine, size.rows / duckdb.seconds) for mine, (_, duckdb) in fast],
                INTO_DUCKDB,
            ),
            figure(
                f"rows polled at {DELAY_MS} ms a page vs dlt into SQLite",
                unit,
                [(mine, size.rows / sqlite.seconds) for mine, sqlite in slow],
            ),
            figure(
                "rows polled, one page naming the next, vs dlt into SQLite",
                unit,
                [(mine, size.rows / sqlite.seconds) for mine, sqlite in fast_linked],
                INTO_SQLITE,
            ),
            figure(
                f"rows polled at {DELAY_MS} ms a page, one page naming the next, vs dlt into SQLite",
                unit,
                [(mine, size.rows / sqlite.seconds) for mine, sqlite in slow_linked],
            ),
        ],
        [
            _note("SQLite", [sqlite for _, (sqlite, _) in fast]),
            _note("DuckDB", [duckdb for _, (_, duckdb) in fast]),
        ],
    )


def _run(python: Path, kind: str, platform: Platform, where: Path, delay_ms: int, paging: str) -> Run:
    with TemporaryDirectory(dir=where) as directory:
        done = subprocess.run(
            [python, "-m", "benchmarks.dlt_run", kind, platform.address(delay_ms), directory, paging],
            cwd=directory,
            env=variables(),
            capture_output=True,
            timeout=MOST_S,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"dlt failed: {done.stderr.decode(errors='replace')[-2_000:]}")
    said = msgspec.json.decode(done.stdout, type=Run)
    if said.rows != platform.rows:
        raise AssertionError(f"dlt stored {said.rows} rows, the platform has {platform.rows}")
    return said


def _note(where: str, runs: list[Run]) -> str:
    libraries = ", ".join(f"{name} {number}" for name, number in runs[0].versions.items())
    return f"dlt into {where} ({libraries}) took {median(run.peak_mb for run in runs):.0f} MB at its peak."
