"""How much memory a poll takes, in a process of its own, where there is five times as much to poll.

``python -m benchmarks.memory PORT PAGES DIRECTORY`` is that process: it syncs once and prints its peak in MB.

The pages of a million rows take half a minute to invent, so they are kept in ``benchmarks/.cache`` until the code that
writes them changes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import msgspec

import aftersend
from benchmarks import life
from benchmarks.history import CACHE, digest
from benchmarks.measure import Goal, Measured, figure, in_turns
from benchmarks.processes import environment, free_port, server
from benchmarks.sync import Platform, lay_out_life, sync_of

CONSTANT = Goal("≤", 1.05)
MOST_S = 1_800


class Size(msgspec.Struct, frozen=True):
    """How much of everything."""

    rows: int = 1_000_000
    fewer: int = 200_000
    rounds: int = 1
    """Memory hardly varies from run to run."""
    kept: bool = True
    """Whether the pages are kept for the next run."""


QUICK = Size(rows=5_000, fewer=1_000, kept=False)


def run(size: Size, where: Path) -> Measured:
    """Measure, in a directory that the caller empties."""
    with ExitStack() as stack:

        def served(rows: int) -> tuple[Platform, Path]:
            folder = _kept(rows) if size.kept else _laid_out(rows, where / str(rows))
            truth = msgspec.json.decode((folder / "truth.json").read_bytes(), type=life.Truth)
            port = free_port()
            stack.enter_context(server("benchmarks.pages", str(port), str(folder / "pages"), port=port))
            return Platform(port, truth), folder

        many, few = served(size.rows), served(size.fewer)
        rounds = in_turns(size.rounds, lambda: _peak_mb(*many, where), lambda: _peak_mb(*few, where))
    name = f"peak memory while polling {size.rows:,} rows vs {size.fewer:,}"
    return Measured([figure(name, "MB", rounds, CONSTANT)], [])


def _peak_mb(platform: Platform, folder: Path, where: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", str(platform.port), str(folder), str(where)],
        env=environment(),
        stdout=subprocess.PIPE,
        timeout=MOST_S,
        check=True,
    )
    return float(done.stdout)


def _kept(rows: int) -> Path:
    """The pages of a life of that many rows, kept from an earlier run where there was one."""
    writing = Path(aftersend.__file__).resolve().parent / "providers"
    code = (Path(life.__file__), writing / "speaker.py", *sorted((writing / life.PROVIDER).glob("*.py")))
    place = CACHE / f"pages-{rows}-{digest(*code)}"
    if not place.exists():
        for old in CACHE.glob(f"pages-{rows}-*"):
            shutil.rmtree(old)
        inventing = CACHE / f"inventing-{rows}"
        shutil.rmtree(inventing, ignore_errors=True)
        _laid_out(rows, inventing).rename(place)
    return place


def _laid_out(rows: int, folder: Path) -> Path:
    folder.mkdir(parents=True)
    truth = lay_out_life(rows, folder / "pages")
    (folder / "truth.json").write_bytes(msgspec.json.encode(truth))
    return folder


def _peak_of_a_sync(port: int, folder: Path, where: Path) -> float:
    truth = msgspec.json.decode((folder / "truth.json").read_bytes(), type=life.Truth)
    sync_of(Platform(port, truth), where)
    # Not ru_maxrss: at exec Linux counts the memory of who started this process as its own.
    fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    sys.stdout.write(str(_peak_of_a_sync(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))))
