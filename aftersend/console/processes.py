"""One process each, as the Procfile starts them: receiver, worker, scheduler.

What a process forks (server processes, work-horses) dies with it: an orphan would keep the port.
"""

from __future__ import annotations

import os

import click

from aftersend import logs
from aftersend.console.lifeline import bind_forks
from aftersend.console.opening import settings
from aftersend.settings import Settings


@click.command()
def serve() -> None:
    """Run the receiver: webhooks in; reports, dashboard and health out.

    Listens where server.listen says; PORT and HOST in the environment win.
    """
    from aftersend.receiver.serve import serve as run

    run(_prepared())


@click.command()
def worker() -> None:
    """Run one worker: it works off the inbox and polls feeds when Redis says so."""
    from aftersend.worker.process import run

    run(_prepared())


@click.command()
def scheduler() -> None:
    """Run one scheduler: it finds what is due. Any number may run."""
    from aftersend.worker.scheduler import run

    run(_prepared())


def _prepared() -> Settings:
    """The settings, for this process and for those it forks."""
    found = settings()
    logs.configure(found.server.log_level)
    if found.path:
        os.environ["AFTERSEND_CONFIG"] = found.path
    bind_forks()
    return found
