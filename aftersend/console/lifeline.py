"""No process outlives the one that started it, not even after kill -9.

Linux sends a signal of our choice to a child when its parent dies (prctl PR_SET_PDEATHSIG). It holds through
exec but not through fork, so each process asks for itself. Elsewhere these functions do nothing. SIGKILL is
safe for every process of ours: that is what the laws are for.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that forked it ends."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def bind_forks() -> None:
    """From here on every process forked by this one, at any depth, dies with the one that forked it."""
    os.register_at_fork(after_in_child=die_with_parent)


def as_child_of(parent: int) -> Callable[[], None]:
    """What to run in a new process between fork and exec, so that it can't outlive ``parent``.

    Ctrl-C reaches the whole foreground process group at once; it is blocked here, so that the parent can stop
    its children in an order of its own (with SIGTERM). A closed terminal likewise.
    """

    def prepare() -> None:
        die_with_parent()
        if os.getppid() != parent:  # it died before we could ask
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})

    return prepare
