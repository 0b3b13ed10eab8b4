"""Who holds a claim, and whether they still live.

A claim ends by itself when its time is up. A run that was killed on this machine is known to be dead at once,
because a claim's owner says where it runs; its feed needn't wait. Should two machines share a name and a
store, the worst is a run that is told it lost its claim.
"""

from __future__ import annotations

import os
import socket
from uuid import uuid4

import structlog

from aftersend.storage.contract import Store

log = structlog.get_logger()


def new_owner() -> str:
    """A name for one run, unique for ever; says where it runs."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:12]}"


def release_dead(store: Store) -> int:
    """Release the claims of processes of this machine that no longer exist; returns how many."""
    released = 0
    for row in store.feeds():
        if row.owner and _is_dead(row.owner):
            store.release(row)
            released += 1
            log.info("the claim of a killed run is released", source=row.source, feed=row.feed, lane=row.lane)
    return released


def _is_dead(owner: str) -> bool:
    host, pid, _ = (*owner.split(":"), "", "")[:3]
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's, and alive
    return False
