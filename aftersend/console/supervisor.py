"""A small supervisor: starts processes tier by tier, passes on what they print, starts again what died, and
stops them in reverse order.

One thread and one selector: the children's output, their deaths (SIGCHLD) and our own stop signals all wake
the same loop. It must be called from the main thread, because children die with the thread that forked them.
"""

from __future__ import annotations

import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import click

from aftersend.console.lifeline import as_child_of
from aftersend.vocabulary import TemporaryError

READY_WITHIN = 120.0
"""Seconds a tier may take until the next one starts: where everything starts at once on a busy machine, ten times what
it takes alone. Giving up would only begin the same work anew."""
STOP_WITHIN = 10.0
"""Seconds a tier has to end after SIGTERM; then it is killed, which every process of ours survives."""
BACKOFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before a process that died is started again: the next figure with every death in a row."""
STEADY_AFTER = 30.0
"""A process that ran this many seconds begins the backoff anew."""
_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_red")
_LONGEST_LINE = 3500  # below PIPE_BUF with its prefix: what select calls writable takes it whole


@dataclass(frozen=True)
class Child:
    """A process to keep running."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] | None = None
    ready: Callable[[], bool] = lambda: True
    """Whether it does its work by now; asked a few times a second, so it must be quick."""
    ready_line: str = ""
    """It also has to print a line that contains this before it counts as ready."""
    apart: bool = False
    """In a process group of its own: a signal to our whole group doesn't end it before those that use it."""


class _Life:
    """One run of a child, from its start to its death."""

    def __init__(self, child: Child):
        self.child = child
        self.began = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own argument lists, no shell
            child.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=child.environment,
            process_group=0 if child.apart else None,
            preexec_fn=as_child_of(os.getpid()),  # noqa: PLW1509 - safe: this process has no other thread
        )
        assert self.process.stdout is not None
        self.output = self.process.stdout
        os.set_blocking(self.output.fileno(), False)
        self.announced = not child.ready_line
        self._unfinished = b""

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def lines(self) -> list[str]:
        """The lines written since the last call; with ``output`` closed at the end of them."""
        try:
            data = os.read(self.output.fileno(), 65536)
        except BlockingIOError:
            return []
        if not data:
            self.output.close()
        *lines, self._unfinished = (self._unfinished + (data or b"\n")).split(b"\n")
        return [line.decode(errors="replace").rstrip() for line in lines if line.strip()]


class Supervisor:
    """Keeps tiers of children running. A tier starts when the one before is ready; tiers stop last first."""

    def __init__(self, tiers: Sequence[Sequence[Child]]):
        self._tiers = tiers
        self._names = [child.name for tier in tiers for child in tier]
        self._lives: dict[str, _Life] = {}
        self._deaths: dict[str, int] = {}
        self._restarts: dict[str, tuple[float, Child]] = {}
        self._selector = selectors.DefaultSelector()
        self._stops = 0
        self._unsaid = 0

    def run(self, started: Callable[[], None]) -> None:
        """Start everything, call ``started`` once all is ready, and return when a signal has stopped it all.

        1. Tier by tier: start, wait until ready. Raises TemporaryError if one doesn't get ready in time.
        2. Pass on output and start again what died, until SIGTERM, SIGINT or SIGHUP.
        3. Stop the tiers, the last first. Another signal kills what is left at once, in the same order.
        """
        with self._woken_by_signals():
            try:
                for tier in self._tiers:
                    self._start(tier)
                if not self._stops:
                    started()
                while not self._stops:
                    self._turn(1.0)
                    self._revive()
            finally:
                for tier in reversed(self._tiers):
                    self._stop(tier)
                self._selector.close()

    def say(self, name: str, line: str) -> None:
        """Print a line under a child's name.

        Never waits: a terminal that was halted, or a pipe that nobody reads, must not halt the receiver.
        """
        prefix = f"{name:<{max(map(len, self._names))}} │"
        colour = _COLOURS[self._names.index(name) % len(_COLOURS)]
        try:
            if not select.select([], [sys.stdout], [], 0)[1]:
                self._unsaid += 1
                return
            if self._unsaid:
                click.echo(f"({self._unsaid} lines were left out while nobody read this)")
                self._unsaid = 0
            click.echo(f"{click.style(prefix, fg=colour)} {line[:_LONGEST_LINE]}")
        except (OSError, ValueError):  # stdout is closed, or is no descriptor: there is nobody to tell
            self._unsaid += 1

    # -- 1: start -------------------------------------------------------------------------------------

    def _start(self, tier: Sequence[Child]) -> None:
        for child in tier:
            if not self._stops:
                self._spawn(child)
        deadline = time.monotonic() + READY_WITHIN
        while not self._stops and (waiting := [c.name for c in tier if not self._ready(c)]):
            if time.monotonic() > deadline:
                raise TemporaryError(
                    f"Not ready after {READY_WITHIN:.0f} seconds: {', '.join(waiting)}; see the lines above."
                )
            self._turn(0.1)
            self._revive()

    def _ready(self, child: Child) -> bool:
        life = self._lives.get(child.name)
        return life is not None and life.alive and life.announced and child.ready()

    def _spawn(self, child: Child) -> None:
        life = self._lives[child.name] = _Life(child)
        self._selector.register(life.output, selectors.EVENT_READ, life)

    # -- 2: keep running ------------------------------------------------------------------------------

    def _turn(self, wait: float) -> None:
        """Wait for output or a signal, at most so many seconds, and pass on what was printed."""
        for key, _ in self._selector.select(wait):
            if key.data is None:
                self._wake.recv(4096)
            else:
                self._pass_on(key.data)

    def _pass_on(self, life: _Life) -> None:
        output = life.output
        descriptor = output.fileno()
        for line in life.lines():
            life.announced |= life.child.ready_line in line
            self.say(life.child.name, line)
        if output.closed:
            self._selector.unregister(descriptor)

    def _revive(self) -> None:
        """Notice the dead, and start those again whose pause is over."""
        for life in [life for life in self._lives.values() if not life.alive]:
            self._bury(life)
            steady = time.monotonic() - life.began > STEADY_AFTER
            deaths = self._deaths[life.child.name] = 1 if steady else self._deaths.get(life.child.name, 0) + 1
            pause = BACKOFF[min(deaths, len(BACKOFF)) - 1]
            self._restarts[life.child.name] = (time.monotonic() + pause, life.child)
            self.say(life.child.name, f"{_ending(life.process.returncode)}; starts again in {pause:g} s")
        for name, (at, child) in list(self._restarts.items()):
            if at <= time.monotonic() and not self._stops:
                del self._restarts[name]
                self._spawn(child)

    def _bury(self, life: _Life) -> None:
        """Pass on the last words of a child that ended, and let go of its pipe (a grandchild may hold it)."""
        for _ in range(2):  # what is left in the pipe, then its end
            if not life.output.closed:
                self._pass_on(life)
        if not life.output.closed:
            self._selector.unregister(life.output)
            life.output.close()
        del self._lives[life.child.name]

    # -- 3: stop --------------------------------------------------------------------------------------

    def _stop(self, tier: Sequence[Child]) -> None:
        lives = [self._lives[child.name] for child in tier if child.name in self._lives]
        for life in lives:
            life.process.terminate()
        deadline = time.monotonic() + STOP_WITHIN
        while any(life.alive for life in lives) and time.monotonic() < deadline and self._stops < 2:
            self._turn(0.1)
        for life in lives:
            life.process.kill()
            life.process.wait()
            self._bury(life)

    @contextmanager
    def _woken_by_signals(self) -> Iterator[None]:
        """Count stop signals, and let every signal wake the selector."""

        def count(_number: int, _frame: object) -> None:
            self._stops += 1

        self._wake, signalled = socket.socketpair()
        self._wake.setblocking(False)
        signalled.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ, None)
        before = {number: signal.signal(number, count) for number in _STOPS}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        woken = signal.set_wakeup_fd(signalled.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._wake.close()
            signalled.close()


def _ending(status: int) -> str:
    """How a process ended, in words."""
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
