"""A migration that is killed anywhere and repeated ends as one that nobody disturbed."""

from __future__ import annotations

import re
import shutil
import struct
from collections.abc import Iterator
from itertools import chain, count
from pathlib import Path

import pytest

from tests.upgrades.conftest import FILES, KEPT, everything, put_back
from tests.upgrades.killed import END, STATEMENT, STEP, migrate, migrate_killed

NOTHING = "nothing"
"""The schema of a store that isn't there yet."""
_WHEN = re.compile(r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00:00'")


@pytest.fixture(params=(NOTHING, *KEPT))
def origin(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A directory with a store, which is copied for every attempt."""
    origin = tmp_path / "origin"
    if request.param == NOTHING:
        origin.mkdir()
        return origin
    return put_back(request.param, origin)


@pytest.fixture
def undisturbed(origin: Path) -> list[str]:
    """What becomes of the store."""
    directory = copied(origin)
    migrate(directory)
    return content(directory)


def content(directory: Path) -> list[str]:
    """Everything but the times of the steps."""
    return [_WHEN.sub("'then'", line) for line in everything(directory)]


def copied(origin: Path) -> Path:
    directory = origin.with_name("copy")
    shutil.rmtree(directory, ignore_errors=True)
    return Path(shutil.copytree(origin, directory))


def moments(origin: Path) -> Iterator[int]:
    """Every statement; of those that make the tables of a new store one in five, as they are one transaction."""
    return count(1) if any(origin.iterdir()) else chain(range(1, 12), count(12, 5))


@pytest.mark.processes
def test_killed_before_any_of_its_statements(origin, undisturbed):
    for number in moments(origin):
        directory = copied(origin)
        killed = migrate_killed(directory, STATEMENT, number)
        migrate(directory)
        assert content(directory) == undisturbed, f"killed before statement {number}"
        if not killed:
            break
    assert number > 3


@pytest.mark.processes
def test_killed_inside_of_statements(origin, undisturbed):
    for number in (2**power for power in range(20)):
        directory = copied(origin)
        killed = migrate_killed(directory, STEP, number)
        migrate(directory)
        assert content(directory) == undisturbed, f"killed in step {number}"
        if not killed:
            break
    assert not killed


@pytest.mark.processes
def test_killed_again_and_again_on_its_way(origin, undisturbed):
    directory = copied(origin)
    for number in range(1, 10):
        migrate_killed(directory, STATEMENT, number)
    migrate(directory)
    assert content(directory) == undisturbed


@pytest.mark.processes
@pytest.mark.parametrize("file", FILES)
def test_killed_between_any_two_writes_of_its_commits(origin, undisturbed, file):
    directory = copied(origin)
    assert migrate_killed(directory, END)
    done = directory.rename(directory.with_name("done"))
    log = (done / f"{file}.db-wal").read_bytes()
    for length in cuts(log):
        directory = copied(done)
        for name in FILES:
            (directory / f"{name}.db-shm").unlink()
        (directory / f"{file}.db-wal").write_bytes(log[:length])
        if file == FILES[0]:
            # The events come second: they wait for the inbox.
            for left in directory.glob(f"{FILES[1]}.db*"):
                left.unlink()
            for first in done.with_name("origin").glob(f"{FILES[1]}.db*"):
                shutil.copy(first, directory)
        migrate(directory)
        assert content(directory) == undisturbed, f"{file}: killed after {length} bytes"


def cuts(log: bytes) -> list[int]:
    """Lengths of a write-ahead log before, between and inside of its frames, each 24 bytes and a page."""
    if not log:
        return [0]
    frame = 24 + struct.unpack(">I", log[8:12])[0]
    whole = range(32, len(log) + 1, frame)
    return [0, 20, *(length + part for length in whole for part in (0, 3000) if length + part <= len(log))]
