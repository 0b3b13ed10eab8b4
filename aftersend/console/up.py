"""`aftersend up`: everything in one foreground process group, on a bare machine too."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import click
from rich.panel import Panel
from rich.table import Table

from aftersend.console import redis_server
from aftersend.console.addresses import masked_webhook_url, webhook_urls
from aftersend.console.opening import settings, unchecked_store
from aftersend.console.supervisor import Child, Supervisor
from aftersend.console.tables import console
from aftersend.providers import provider_of
from aftersend.receiver.auth import ADMIN, authenticate, mint
from aftersend.sandbox import demo_config
from aftersend.settings import DEMO, Settings, load
from aftersend.storage.contract import Store
from aftersend.vocabulary import ConfigurationError
from aftersend.worker.plan import feeds

DEMO_PORT = 9025
"""Where the demo's sandbox listens, unless somebody else does."""
SANDBOX_READY = "The sandbox plays"
"""What a sandbox prints once its feeds show the whole history."""


@click.command()
def up() -> None:
    """Run everything in the foreground.

    Receiver, workers, scheduler, and Redis where none is given. Without an aftersend.toml a sandbox source is
    set up and started too. Ctrl-C stops it all.
    """
    found = settings()
    _check_address(found)
    with _alone(found.data_dir):
        demo_port = None
        if found.path in ("", str(DEMO.resolve())):
            demo_port = _free_port(DEMO_PORT)
            found = _demo(demo_port)
        for source in found.sources:
            provider_of(source).configured(source)
            feeds(source)
        with unchecked_store(found) as store:
            store.migrate()
            key = _admin_key(found, store)
        with _redis(found) as redis:
            tiers = _tiers(found, redis, demo_port)
            Supervisor(tiers).run(lambda: _welcome(found, key))
    click.echo("Everything has stopped.")


# -- before ----------------------------------------------------------------------------------------------


def _check_address(found: Settings) -> None:
    """Raises ConfigurationError if nobody could listen at ``server.listen``."""
    server = found.server
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with closing(socket.socket(family)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((server.host, server.port))
        except OSError as error:
            raise ConfigurationError(
                f"Cannot listen on {server.listen} ({error.strerror}): stop what listens there, "
                "or choose another port with PORT=8001."
            ) from None


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Hold the data directory for as long as the block lasts. Raises ConfigurationError if another `up` does."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(f"`aftersend up` is already running with the data in {directory}.") from None
        yield


def _demo(port: int) -> Settings:
    """Write the demo's configuration for a sandbox on that port, and read it."""
    DEMO.parent.mkdir(parents=True, exist_ok=True)
    text = demo_config(DEMO.parent, port)
    with _private(DEMO) as file:
        file.write(text)
    return load(DEMO)


def _admin_key(found: Settings, store: Store) -> str:
    """What to tell about the admin key: AFTERSEND_ADMIN_KEY, else one kept beside the store, made when needed."""
    if found.admin_key:
        return "the one in AFTERSEND_ADMIN_KEY"
    kept = found.data_dir / "admin-key"
    secret = kept.read_text().strip() if kept.exists() else ""
    if not secret or authenticate(store, secret) is None:
        _, secret = mint(store, "made by `aftersend up`", [ADMIN])
        with _private(kept) as file:
            file.write(secret + "\n")
    return f"[bold]{secret}[/]  (kept in {kept})"


def _private(path: Path) -> TextIO:
    """A file to write that only this user can read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8")


@contextmanager
def _redis(found: Settings) -> Iterator[redis_server.Server | None]:
    """A Redis of our own to start, or ``None`` where the operator gave one."""
    if found.server.redis:
        if not redis_server.answers(found.server.redis):
            click.echo("Redis does not answer: webhooks are taken in, but work waits until it is back.", err=True)
        yield None
        return
    server = redis_server.prepare(redis_server.find_binary(), found.data_dir / "redis")
    try:
        yield server
    finally:
        server.clean_up()


def _free_port(wished: int) -> int:
    """The wished port on 127.0.0.1 if nobody has it, else another one."""
    for port in (wished, 0):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ConfigurationError("No port is free on 127.0.0.1.")


# -- what runs -------------------------------------------------------------------------------------------


def _tiers(found: Settings, redis: redis_server.Server | None, demo_port: int | None) -> list[list[Child]]:
    """The processes in the order in which they start; they stop in reverse: the web first, Redis last."""
    environment = {
        **os.environ,
        "AFTERSEND_CONFIG": found.path,
        "REDIS_URL": redis.url if redis else found.server.redis,
        "PYTHONUNBUFFERED": "1",
    }

    def child(name: str, *arguments: str, **readiness: Any) -> Child:
        return Child(name, [sys.executable, "-m", "aftersend.console", *arguments], environment, **readiness)

    count = found.server.workers
    workers = [child(f"worker-{n}" if count > 1 else "worker", "worker") for n in range(1, count + 1)]
    tiers = [[*workers, child("scheduler", "scheduler")], [child("web", "serve", ready=partial(_listens, found))]]
    if redis:
        tiers.insert(0, [Child("redis", redis.argv, ready=partial(redis_server.answers, redis.url), apart=True)])
    if demo_port:
        source = found.sources[0]
        # Both are secrets, and everybody on this machine can read an argument list.
        environment["AFTERSEND_SANDBOX_API_KEY"] = source.api_key
        environment["AFTERSEND_SANDBOX_WEBHOOK"] = webhook_urls(found, source)[0]
        # Before anybody polls it: a first run that saw half of the history would not look for the rest.
        sandbox = child("sandbox", "sandbox", "--port", str(demo_port), ready_line=SANDBOX_READY)
        tiers.insert(1 if redis else 0, [sandbox])
    return tiers


def _listens(found: Settings) -> bool:
    """Whether somebody listens at ``server.listen``."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(found.server.host, found.server.host)  # noqa: S104 - to be asked
    try:
        socket.create_connection((host, found.server.port), timeout=0.5).close()
    except OSError:
        return False
    return True


# -- what it says ----------------------------------------------------------------------------------------


def _welcome(found: Settings, key: str) -> None:
    """Where to look, which key to use, and what to type in another terminal."""
    url, command = found.server.url, _command()
    lines = Table.grid(padding=(0, 2))
    lines.add_row("Dashboard", f"[link={url}/]{url}/[/]")
    lines.add_row("API", f"{url}/docs")
    lines.add_row("Admin key", key)
    for source in found.sources:
        lines.add_row(f"Source {source.name}", f"{provider_of(source).title}: {', '.join(feeds(source)) or 'no feeds'}")
        if provider_of(source).takes_webhooks(source):
            whole = f"(whole: {command} check {source.name})"
            lines.add_row("", f"webhooks at {masked_webhook_url(found, source)}  {whole}")
    lines.add_row("To look", f"[cyan]{command} report funnel[/], [cyan]{command} sources[/]")
    lines.add_row("To stop", "Ctrl-C")
    console().print(Panel.fit(lines, title="Aftersend is running", border_style="green"))
    sys.stdout.flush()


def _command() -> str:
    """How this command can be typed in a shell of this directory."""
    if shutil.which("aftersend"):
        return "aftersend"
    script = Path(sys.executable).parent / "aftersend"
    return str(script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script)
