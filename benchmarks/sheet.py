"""The result: one table of ratios for people, the same as JSON for comparison, and what it was measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks import environment
from benchmarks.measure import Figure, Measured
from benchmarks.processes import environment as variables

MOST_S = 120
LIBRARIES = ("aftersend", "flask", "granian", "msgspec", "requests")


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when; without it a figure says nothing."""

    date: str
    cores: int
    model: str
    system: str
    filesystem: str
    """Of the directory that was measured in. On tmpfs an fsync costs nothing."""
    load_before: float
    """Load average of the last minute before the start: what else this machine was doing."""
    sizes: str
    """``full``, or ``quick``, whose figures say nothing about speed."""
    versions: dict[str, str]


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one run says."""

    header: Header
    measured: dict[str, Measured]
    """By the name of the part."""
    seconds: dict[str, float]
    """How long each part took."""

    @property
    def figures(self) -> list[Figure]:
        return [figure for measured in self.measured.values() for figure in measured.figures]

    @property
    def notes(self) -> list[str]:
        return [note for measured in self.measured.values() for note in measured.notes]


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What belongs to figures and is none: kept beside them."""

    header: Header
    notes: list[str]
    parts: dict[str, list[str]]
    """The names of the figures of each part, in the order they were measured."""
    seconds: dict[str, float]
    """How long each part took."""


def header(where: Path, sizes: str) -> Header:
    """This machine, now."""
    python = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    return Header(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        cores=os.cpu_count() or 0,
        model=_model(),
        system=f"{platform.system()} {platform.release()}",
        filesystem=_filesystem(where),
        load_before=round(os.getloadavg()[0], 2),
        sizes=sizes,
        versions=python | {name: version(name) for name in LIBRARIES} | _peers(),
    )


def machine_file(file: Path) -> Path:
    """What stands beside a file of figures: ``latest.machine.json`` beside ``latest.json``."""
    return file.with_name(f"{file.stem}.machine.json")


def write(sheet: Sheet, file: Path) -> None:
    """Keep the figures as a list in ``file``, and beside it where they come from."""
    file.parent.mkdir(parents=True, exist_ok=True)
    machine = Machine(
        header=sheet.header,
        notes=sheet.notes,
        parts={part: [figure.name for figure in measured.figures] for part, measured in sheet.measured.items()},
        seconds={part: round(seconds, 1) for part, seconds in sheet.seconds.items()},
    )
    for place, what in ((file, sheet.figures), (machine_file(file), machine)):
        place.write_bytes(msgspec.json.format(msgspec.json.encode(what), indent=2) + b"\n")


def draw(file: Path) -> str:
    """Draw the figures of a file as PNG and SVG beside it; says where, or why not."""
    if not environment.made():
        return "No chart: the environment that draws it is made by the parts django, anymail, dlt and reports."
    pictures = [file.with_suffix(suffix) for suffix in (".png", ".svg")]
    subprocess.run(
        [environment.python(), "-m", "benchmarks.chart", file, machine_file(file), *pictures],
        check=True,
        env=variables(),
        timeout=MOST_S,
    )
    return f"Drawn: {pictures[0]} and {pictures[1].name}"


def show(sheet: Sheet, console: Console) -> None:
    """Print a sheet: where, the table, and the notes under it."""
    head = sheet.header
    console.print(f"{head.date}  {head.cores} cores, {head.model}, {head.system}, {head.filesystem}", highlight=False)
    console.print("  ".join(f"{name} {number}" for name, number in head.versions.items()), highlight=False)
    console.print(_table(sheet.figures))
    notes = list(sheet.notes)
    if head.sizes != "full":
        notes.append("Tiny sizes: these figures say nothing about speed.")
    if head.filesystem == "tmpfs":
        notes.append("Measured on tmpfs, where an fsync costs nothing; set TMPDIR to a directory on a disk.")
    if head.load_before > 0.5:
        notes.append(
            f"The machine was busy before the start (load {head.load_before:g}): measure again when it is quiet."
        )
    notes += [f"Missed: {f.name}: {f.ratio:.2f} where {f.goal} is the goal." for f in sheet.figures if f.met is False]
    for note in notes:
        console.print(f"* {note}", highlight=False, soft_wrap=True)


def _table(figures: Sequence[Figure]) -> Table:
    table = Table(title="Aftersend, ours / other in the same run")
    for column in ("what", "ours", "other", "unit", "ratio", "goal", "met", "spread"):
        table.add_column(column, justify="left" if column in ("what", "unit", "met") else "right")
    for f in figures:
        met = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}[f.met]
        table.add_row(
            f.name, _number(f.ours), _number(f.other), f.unit, f"{f.ratio:.2f}", f.goal, met, f"{f.spread:.0%}"
        )
    return table


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _peers() -> dict[str, str]:
    """What we are compared with, as pinned."""
    lines = environment.LOCK.with_suffix(".in").read_text().splitlines()
    pinned = [line.partition("==")[::2] for line in lines if "==" in line]
    return {name.partition("[")[0]: number for name, number in pinned if not name.startswith(("granian", "matplotlib"))}


def _model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _filesystem(where: Path) -> str:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    holding = [(point, kind) for _, point, kind, *_ in mounts if where.resolve().is_relative_to(point)]
    return max(holding, key=lambda mount: len(mount[0]))[1]
