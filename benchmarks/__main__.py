"""``python -m benchmarks``: measure, print the table, keep it in ``benchmarks/results/latest.json`` and draw it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console

from aftersend import logs
from benchmarks import (
    apply,
    exporting,
    footprint,
    growth,
    memory,
    normalizing,
    poll,
    reading,
    receive,
    reports,
    rest_api,
    saving,
    sheet,
)
from benchmarks.measure import Measured

LATEST = Path(__file__).resolve().parent / "results" / "latest.json"
WIDTH = 150
"""Of the table where the output is no terminal: no figure is cut."""

Benchmark = Callable[[Path], Measured]

FULL: dict[str, Benchmark] = {
    "receive": lambda where: receive.run(receive.Size(), where),
    "django": lambda where: saving.run(saving.Size(), where),
    "reading": lambda where: reading.run(reading.Size(), where),
    "anymail": lambda where: reading.against_anymail(reading.Size(), where),
    "apply": lambda where: apply.run(apply.Size(), where),
    "normalizing": lambda where: normalizing.run(normalizing.Size(), where),
    "growth": lambda where: growth.run(growth.full(), where),
    "poll": lambda where: poll.run(poll.Size(), where),
    "dlt": lambda where: rest_api.run(rest_api.Size(), where),
    "memory": lambda where: memory.run(memory.Size(), where),
    "reports": lambda where: reports.run(reports.full(), where),
    "export": lambda where: exporting.run(exporting.Size(), where),
    "footprint": lambda where: footprint.run(footprint.Size(), where),
}
QUICK: dict[str, Benchmark] = {
    "receive": lambda where: receive.run(receive.QUICK, where),
    "django": lambda where: saving.run(saving.QUICK, where),
    "reading": lambda where: reading.run(reading.QUICK, where),
    "anymail": lambda where: reading.against_anymail(reading.QUICK, where),
    "apply": lambda where: apply.run(apply.QUICK, where),
    "normalizing": lambda where: normalizing.run(normalizing.QUICK, where),
    "growth": lambda where: growth.run(growth.QUICK, where),
    "poll": lambda where: poll.run(poll.QUICK, where),
    "dlt": lambda where: rest_api.run(rest_api.QUICK, where),
    "memory": lambda where: memory.run(memory.QUICK, where),
    "reports": lambda where: reports.run(reports.QUICK, where),
    "export": lambda where: exporting.run(exporting.QUICK, where),
    "footprint": lambda where: footprint.run(footprint.QUICK, where),
}
BY_NAME_ONLY = ("memory",)
"""Takes minutes, so it is not part of a whole run, but of ``make bench-full``."""


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(FULL)))
@click.option("--quick", is_flag=True, help="Tiny sizes: shows that everything runs, not how fast.")
@click.option("--everything", is_flag=True, help="Also what takes minutes: memory.")
@click.option("--profile", is_flag=True, help="Also show where the time of applying goes.")
@click.option("--output", type=click.Path(path_type=Path), help="Where to keep the figures.")
def main(names: tuple[str, ...], *, quick: bool, everything: bool, profile: bool, output: Path | None) -> None:
    """Measure NAMES, or everything but memory, and print one table of ratios.

    A whole run at full size, without --everything, is kept in benchmarks/results/latest.json; any other only where
    --output says. Beside the file stand where its figures come from (.machine.json) and their chart (.png, .svg).
    """
    logs.configure("critical")
    # A polite end too: servers and files are taken away by the blocks that made them.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    benchmarks = QUICK if quick else FULL
    console = Console() if Console().is_terminal else Console(width=WIDTH)
    with TemporaryDirectory(prefix="aftersend-bench-") as directory:
        where = Path(directory)
        head = sheet.header(where, "quick" if quick else "full")
        measured: dict[str, Measured] = {}
        seconds: dict[str, float] = {}
        for name in names or [name for name in benchmarks if everything or name not in BY_NAME_ONLY]:
            click.echo(f"Measuring: {name}", err=True)
            began = time.monotonic()
            with TemporaryDirectory(dir=where) as own:
                measured[name] = benchmarks[name](Path(own))
            seconds[name] = time.monotonic() - began
            click.echo(f"Measured: {name}, in {seconds[name]:.0f} s", err=True)
        told = sheet.Sheet(header=head, measured=measured, seconds=seconds)
        sheet.show(told, console)
        if profile:
            for what, own_time in apply.profile(apply.QUICK if quick else apply.Size(), where).items():
                console.print(f"\nWhere the time of applying {what} goes (cProfile, which slows small functions):")
                console.print(own_time, markup=False, highlight=False, soft_wrap=True)
    file = output or (LATEST if not (quick or names or everything) else None)
    if file:
        sheet.write(told, file)
        click.echo(sheet.draw(file))


if __name__ == "__main__":
    main()
