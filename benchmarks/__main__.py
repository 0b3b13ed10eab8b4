"""``python -m benchmarks``: measure, print the table, keep it in ``benchmarks/results/latest.json``."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console

from aftersend import logs
from benchmarks import apply, memory, poll, reading, receive, reports, rest_api, sheet
from benchmarks.measure import Measured

LATEST = Path(__file__).resolve().parent / "results" / "latest.json"
WIDTH = 150
"""Of the table where the output is no terminal: no figure is cut."""

Benchmark = Callable[[Path], Measured]

FULL: dict[str, Benchmark] = {
    "receive": lambda where: receive.run(receive.Size(), where),
    "reading": lambda where: reading.run(reading.Size(), where),
    "anymail": lambda where: reading.against_anymail(reading.Size(), where),
    "apply": lambda where: apply.run(apply.Size(), where),
    "poll": lambda where: poll.run(poll.Size(), where),
    "dlt": lambda where: rest_api.run(rest_api.Size(), where),
    "memory": lambda where: memory.run(memory.Size(), where),
    "reports": lambda where: reports.run(reports.full(), where),
}
QUICK: dict[str, Benchmark] = {
    "receive": lambda where: receive.run(receive.QUICK, where),
    "reading": lambda where: reading.run(reading.QUICK, where),
    "anymail": lambda where: reading.against_anymail(reading.QUICK, where),
    "apply": lambda where: apply.run(apply.QUICK, where),
    "poll": lambda where: poll.run(poll.QUICK, where),
    "dlt": lambda where: rest_api.run(rest_api.QUICK, where),
    "memory": lambda where: memory.run(memory.QUICK, where),
    "reports": lambda where: reports.run(reports.QUICK, where),
}
BY_NAME_ONLY = ("memory",)
"""Takes minutes, so it is not part of a whole run, but of ``make bench-full``."""


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(FULL)))
@click.option("--quick", is_flag=True, help="Tiny sizes: shows that everything runs, not how fast.")
@click.option("--profile", is_flag=True, help="Also show where the time of applying goes.")
@click.option("--output", type=click.Path(path_type=Path), help="Where to keep the figures.")
def main(names: tuple[str, ...], *, quick: bool, profile: bool, output: Path | None) -> None:
    """Measure NAMES, or everything but memory, and print one table of ratios.

    A whole run at full size is kept in benchmarks/results/latest.json; any other only where --output says.
    """
    logs.configure("critical")
    # A polite end too: servers and files are taken away by the blocks that made them.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    benchmarks = QUICK if quick else FULL
    console = Console() if Console().is_terminal else Console(width=WIDTH)
    with TemporaryDirectory(prefix="aftersend-bench-") as directory:
        where = Path(directory)
        head = sheet.header(where, "quick" if quick else "full")
        measured = []
        for name in names or [name for name in benchmarks if name not in BY_NAME_ONLY]:
            click.echo(f"Measuring: {name}", err=True)
            with TemporaryDirectory(dir=where) as own:
                measured.append(benchmarks[name](Path(own)))
        told = sheet.Sheet(
            header=head,
            figures=[figure for m in measured for figure in m.figures],
            notes=[note for m in measured for note in m.notes],
        )
        sheet.show(told, console)
        if profile:
            for what, own_time in apply.profile(apply.QUICK if quick else apply.Size(), where).items():
                console.print(f"\nWhere the time of applying {what} goes (cProfile, which slows small functions):")
                console.print(own_time, markup=False, highlight=False, soft_wrap=True)
    file = output or (LATEST if not (quick or names) else None)
    if file:
        sheet.write(told, file)


if __name__ == "__main__":
    main()
