"""One SQLite file: readers by the thread, writers one at a time.

Everything that opens, writes or checkpoints an SQLite file goes through :class:`File`:

* **Writers take a file lock before BEGIN.** Waiting in the kernel instead of SQLite's busy-sleep takes the
  p99 of a commit from 436 to 9 ms (shared/performance.md 2b).
* **Write transactions begin IMMEDIATE**, so that none fails half-way for having read first.
* **Checkpoints happen under the same lock**: SQLite before 3.51.3 can corrupt a WAL when two connections
  write and checkpoint at the same instant. Readers are opened read-only, so closing one never checkpoints.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aftersend.vocabulary import ConfigurationError, TemporaryError

BUSY_SECONDS = 15
"""How long a foreign writer (a shell, a backup) may hold the file before we answer "not now"."""

PAGE = 8_192
WAL_PAGES = 8_000
"""After so many pages the log is written back and begins anew; a reader that stays long makes it longer for a while."""
SCARCE = 16_000_000
"""With fewer bytes free the log is given back before every write: it must not be what fills the disk, and writing it
back needs some room too."""
ROOM = 1_000_000
"""Bytes that must be free, or nothing can be taken in."""

_LATER = ("locked", "busy", "full", "disk i/o", "readonly", "unable to open")


class File:
    """One database file of the store."""

    def __init__(self, path: Path, *, cache_mb: int):
        self.path = path
        self._cache_mb = cache_mb
        self._turn = threading.Lock()
        self._held: tuple[int, int] | None = None  # process id, descriptor of the lock file
        self._writer: sqlite3.Connection | None = None
        self._local = threading.local()

    # -- reading -----------------------------------------------------------------------------------

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection whose statements all see the same moment. Nested use joins the outer one."""
        connection = self._reader()
        if connection.in_transaction:
            yield connection
            return
        with translated(self.path):
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    def _reader(self) -> sqlite3.Connection:
        held: tuple[int, sqlite3.Connection] | None = getattr(self._local, "reader", None)
        if held and held[0] == os.getpid():
            return held[1]
        if not self.path.exists():
            raise ConfigurationError(f"There is no store at {self.path}; run `aftersend migrate`.")
        with translated(self.path):
            connection = sqlite3.connect(
                f"{self.path.resolve().as_uri()}?mode=ro",
                uri=True,
                isolation_level=None,
                timeout=BUSY_SECONDS,
                check_same_thread=False,
                cached_statements=256,
            )
            connection.execute("PRAGMA cache_size = -16000")
            connection.execute("PRAGMA temp_store = MEMORY")
        self._local.reader = (os.getpid(), connection)
        return connection

    # -- writing -----------------------------------------------------------------------------------

    @contextmanager
    def turn(self) -> Iterator[sqlite3.Connection]:
        """The only writer for a while: the file lock is held, no transaction is open yet."""
        with self._turn, translated(self.path):
            lock = self._lock()
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                connection = self._connection()
                if self._free() < SCARCE:
                    _give_back(connection)
                yield connection
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: on disk when the block is left, undone if it raises."""
        with self.turn() as connection, transaction(connection):
            yield connection

    def _lock(self) -> int:
        if self._held and self._held[0] == os.getpid():
            return self._held[1]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise TemporaryError(f"{self.path.parent} can't be written: {error.strerror}.") from error
        self._held, self._writer = (os.getpid(), descriptor), None
        return descriptor

    def _connection(self) -> sqlite3.Connection:
        if self._writer:
            return self._writer
        # It holds addresses: only this user may read it. SQLite gives the files beside it the same mode.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(
            self.path,
            isolation_level=None,
            timeout=BUSY_SECONDS,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{self._cache_mb * 1000}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_PAGES * PAGE}")
        connection.execute("PRAGMA temp_store = MEMORY")
        self._writer = connection
        return connection

    def _free(self) -> int:
        """Bytes that are free on the disk."""
        disk = os.statvfs(self.path.parent)
        return disk.f_bavail * disk.f_frsize

    def check_room(self) -> None:
        """Raise TemporaryError, with the reason, where the disk takes no :data:`ROOM` more. Takes no lock, writes
        nothing that stays. A directory that isn't there yet has room."""
        try:
            with suppress(FileNotFoundError), tempfile.TemporaryFile(dir=self.path.parent) as probe:
                probe.write(bytes(ROOM))
                probe.flush()
        except OSError as error:
            raise TemporaryError(f"{self.path.parent} can't be written: {error.strerror}.") from error

    def close(self) -> None:
        """Close this thread's reader and the writer; the last one to leave checkpoints, under the lock."""
        held = getattr(self._local, "reader", None)
        if held and held[0] == os.getpid():
            held[1].close()
            del self._local.reader
        with self._turn:
            if not self._held or self._held[0] != os.getpid():
                return
            descriptor, connection = self._held[1], self._writer
            self._held = self._writer = None
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                if connection:
                    connection.close()
            finally:
                os.close(descriptor)


def _give_back(connection: sqlite3.Connection) -> None:
    """Write the log back and give its room to the disk, unless a reader needs it."""
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK if the block raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's passing troubles as :class:`TemporaryError`, a missing schema as :class:`ConfigurationError`."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error).lower()
        if "no such table" in text or "no such column" in text:
            raise ConfigurationError(f"The schema of {path.name} is not current; run `aftersend migrate`.") from error
        if any(word in text for word in _LATER):
            raise TemporaryError(f"{path.name}: {error}.") from error
        raise
