"""DuckDB with the rows of the plain table, in a process of its own (:mod:`benchmarks.duck_run`)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from aftersend.console.lifeline import as_child_of
from aftersend.storage.sqlite.codes import KIND
from benchmarks import environment
from benchmarks.history import digest
from benchmarks.processes import environment as variables

Question = tuple[str, tuple[Any, ...]]
"""A method of :class:`benchmarks.plain.Plain`, which DuckDB's side has too, and what it is given."""


class Duck:
    """Asks the process."""

    def __init__(self, process: subprocess.Popen[bytes]):
        self._process = process

    def rows(self, question: Question) -> Any:
        """What it answers: rows as lists, or several of those."""
        return self._said({"rows": question})

    def times(self, questions: Sequence[Question], seconds: float) -> list[float]:
        """How long each question took, in milliseconds, sorted, until ``seconds`` are over; the first isn't counted."""
        return sorted(self._said({"ask": questions, "seconds": seconds}))

    def wait(self) -> None:
        """Until it can be asked: the first time its database is made."""
        self._heard()

    def _said(self, asked: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(asked) + b"\n")
        self._process.stdin.flush()
        return self._heard()

    def _heard(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("DuckDB's process ended; what it said is above.")
        return msgspec.json.decode(line)


@contextmanager
def columns_of(plain: Path) -> Iterator[Duck]:
    """DuckDB with the rows of that plain table, kept beside it. Raises :class:`environment.NotThere`."""
    python = environment.python()
    path = plain.with_name(f"columns-{digest(Path(__file__).with_name('duck_run.py'), environment.LOCK)}.duckdb")
    kinds = msgspec.json.encode({kind.value: number for kind, number in KIND.items()}).decode()
    process = subprocess.Popen(
        [python, "-m", "benchmarks.duck_run", plain, path, kinds],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=variables(),
        preexec_fn=as_child_of(os.getpid()),  # noqa: PLW1509 - no other thread runs when it is started
    )
    try:
        duck = Duck(process)
        duck.wait()
        yield duck
    finally:
        process.kill()
        process.communicate()
