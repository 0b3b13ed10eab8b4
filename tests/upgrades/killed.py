"""A migration that is killed at a moment of one's choice, in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from aftersend.storage import open_store

STATEMENT, STEP, END = "statement", "step", "end"
"""Moments: before the n-th statement that changes something; after n hundred steps of SQLite's virtual machine; when
all is done, but no file is closed."""
STEPS = 100
_LOOKS = ("SELECT", "PRAGMA")

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload([__name__])


def migrate(directory: Path) -> None:
    with closing(open_store(f"sqlite:///{directory}/aftersend.db")) as store:
        store.migrate()


def migrate_killed(directory: Path, moment: str, number: int = 1) -> bool:
    """Migrate, killed by SIGKILL at the n-th such moment. Returns whether there was one."""
    process = _forking.Process(target=_migrate, args=(directory, moment, number))
    process.start()
    process.join(60)
    assert process.exitcode in {0, -signal.SIGKILL}, process.exitcode
    return process.exitcode == -signal.SIGKILL


def _migrate(directory: Path, moment: str, number: int) -> None:
    left = number

    def one_less(statement: str = "") -> int:
        nonlocal left
        # Looking changes nothing, so before and behind it a killed process leaves the same.
        if statement.lstrip().upper().startswith(_LOOKS) and "journal_mode" not in statement:
            return 0
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    class Watched(sqlite3.Connection):
        def __init__(self, *arguments: object, **named: object):
            super().__init__(*arguments, **named)
            if moment == STATEMENT:
                self.set_trace_callback(one_less)
            elif moment == STEP:
                self.set_progress_handler(one_less, STEPS)

    sqlite3.connect = partial(sqlite3.connect, factory=Watched)
    store = open_store(f"sqlite:///{directory}/aftersend.db")
    store.migrate()
    if moment == END:
        one_less()
    store.close()
