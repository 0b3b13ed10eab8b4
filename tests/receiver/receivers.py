"""What the receiver's tests stand on: an installation in a temporary directory, in this process or as a real one."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from aftersend.settings import Settings, load
from aftersend.storage import open_store
from aftersend.storage.contract import Store
from aftersend.vocabulary import Delivery

TOKEN, OLD_TOKEN = "a-token-of-32-characters-00000001", "a-token-of-32-characters-00000000"
FORM = "application/x-www-form-urlencoded"
OPENED = (
    b"timeStamp=2025-03-18+13%3a59%3a12&trigger_type=emailOpened&channel_type=Email&campaign_id=1000001"
    b"&ip=192.0.2.172&contact%5bid%5d=42&contact%5bemail%5d=dana%40example.com"
)


def configured(directory: Path, *, server: str = "", source: str = "", port: int = 8000) -> Settings:
    """The settings of an installation in a directory, with one source ``acme``; extra lines go into its tables."""
    file = directory / "aftersend.toml"
    file.write_text(
        f"""
[server]
listen = "127.0.0.1:{port}"
database = "sqlite:///{directory}/data/aftersend.db"
{server}

[[sources]]
name = "acme"
provider = "inwise"
time_zone = "Asia/Jerusalem"
webhook_secrets = ["{TOKEN}", "{OLD_TOKEN}"]
{source}
"""
    )
    return load(file, env={})


def migrated(settings: Settings) -> Store:
    """The store of an installation, with its schema."""
    store = open_store(settings.server.database)
    store.migrate()
    return store


def stored(store: Store) -> list[Delivery]:
    """Everything in the inbox."""
    return list(store.deliveries(0))


@contextmanager
def another_writer(directory: Path) -> Iterator[None]:
    """Somebody else is writing to the inbox, and takes their time."""
    (file,) = (directory / "data").glob("*inbox.db.lock")
    with file.open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        fcntl.flock(lock, fcntl.LOCK_UN)


class Receiver:
    """``serve`` in a process group of its own."""

    def __init__(self, directory: Path, *, server: str = "", source: str = "", largest_file: int | None = None):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = configured(directory, server=server, source=source, port=port)
        self.store = migrated(settings)
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.webhook = f"{self.url}/webhooks/acme/{TOKEN}"

        script = "from aftersend.settings import load; from aftersend.receiver.serve import serve; serve(load())"
        if largest_file is not None:
            limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({largest_file}, {largest_file}))"
            script = f"import resource; {limit}; {script}"
        environment = {k: v for k, v in os.environ.items() if k not in {"PORT", "HOST", "DATABASE_URL", "REDIS_URL"}}
        self.process = subprocess.Popen(
            [sys.executable, "-c", script],
            env=environment | {"AFTERSEND_CONFIG": settings.path},
            start_new_session=True,
        )

    def __enter__(self) -> Receiver:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.answers():
                return self
            time.sleep(0.05)
        self.kill()
        raise AssertionError("the receiver did not start")

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.store.close()

    def answers(self) -> bool:
        """Whether anybody answers at its address."""
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def kill(self) -> None:
        """kill -9 of every process at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
