"""Processes that a benchmark starts: found a port, waited for, ended with everything they started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aftersend.console.lifeline import as_child_of

ROOT = Path(__file__).resolve().parent.parent
START_S, STOP_S = 60, 20


def environment() -> dict[str, str]:
    """This process's, without what would win over a configuration file; our packages can be imported."""
    named = {"PORT", "HOST", "DATABASE_URL", "REDIS_URL", "AFTERSEND_CONFIG"}
    return {k: v for k, v in os.environ.items() if k not in named} | {"PYTHONPATH": str(ROOT)}


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def server(
    module: str, *arguments: str, port: int, python: Path | None = None, variables: dict[str, str] | None = None
) -> Iterator[int]:
    """``python -m module arguments`` in a session of its own, from when it listens until the block is left.
    Gives its process id."""
    process = subprocess.Popen(
        [python or sys.executable, "-m", module, *arguments],
        env=environment() | (variables or {}),
        start_new_session=True,
        preexec_fn=as_child_of(os.getpid()),  # noqa: PLW1509 - no other thread runs when a server is started
    )
    try:
        _wait_for(process, port)
        yield process.pid
    finally:
        end(process)


def cpu_seconds(session: int) -> float:
    """CPU time of all processes of a session, and of those children of theirs that have ended."""
    ticks = sum(int(field) for _, fields in _members(session) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(*sessions: int) -> float:
    """What all processes of some sessions hold now; what several share is counted once (PSS)."""
    kib = 0
    for session in sessions:
        for process, _ in _members(session):
            with suppress(OSError):
                lines = (process / "smaps_rollup").read_text().splitlines()
                kib += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kib / 1024


def peak_mb(session: int) -> float:
    """The most that each process of a session ever held (VmHWM), added up: what several share is counted for each."""
    kib = 0
    for process, _ in _members(session):
        with suppress(OSError):
            fields = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
            kib += int(fields["VmHWM"].split()[0])
    return kib / 1024


def _members(session: int) -> Iterator[tuple[Path, list[str]]]:
    """The processes of a session: each one's directory, and what its ``stat`` says from field 3 on."""
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name in parentheses may hold anything; what follows is numbers.
            fields = file.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                yield file.parent, fields


@contextmanager
def companion(module: str, *arguments: str) -> Iterator[int]:
    """``python -m module arguments`` in a session of its own, from when it has said a line until the block is left,
    when it is told to stop and waited for. Gives its process id."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=environment(),
        stdout=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=as_child_of(os.getpid()),  # noqa: PLW1509 - no other thread runs when it is started
    )
    assert process.stdout is not None
    try:
        if not process.stdout.readline():
            raise RuntimeError(f"{process.args!r} did not start")
        yield process.pid
    finally:
        end(process)
        process.stdout.close()


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and everything it started."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} did not start")
