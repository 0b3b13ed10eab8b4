"""A working directory of its own, the command line run in it, and a sandbox to poll."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog

from aftersend.console import run
from aftersend.sandbox.server import Sandbox
from aftersend.sandbox.truth import Scenario, Truth
from aftersend.settings import Settings, load
from aftersend.storage import open_store
from aftersend.vocabulary import Delivery, Door, now

PROVIDER = "inwise"
TOKEN = "token-of-the-webhook"
CONFIG = """
[server]
listen = "127.0.0.1:{port}"

[[sources]]
name = "acme"
provider = "inwise"
base_url = "{base_url}"
api_key = "{api_key}"
webhook_secrets = ["token-of-the-webhook"]
backfill = "7d"
max_rate = 1000.0
"""


class Called(SimpleNamespace):
    """How a command ended: ``status``, ``out``, ``err``."""

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The one sentence on stderr, without its prefix."""
        (line,) = self.err.splitlines()
        assert line.startswith("aftersend: ")
        assert "Traceback" not in line
        return line.removeprefix("aftersend: ")


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch) -> Path:
    """An empty working directory, and an environment that says nothing."""
    monkeypatch.chdir(tmp_path)
    for name in ("AFTERSEND_CONFIG", "AFTERSEND_ADMIN_KEY", "PORT", "HOST", "DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def call(capfd):
    """Run one command line in this process."""

    def called(*arguments: str) -> Called:
        capfd.readouterr()
        status = run([str(argument) for argument in arguments])
        structlog.reset_defaults()
        return Called(status=status, **capfd.readouterr()._asdict())

    return called


def command(*arguments: object) -> list[str]:
    """The argument list of the command as a process of its own."""
    return [sys.executable, "-m", "aftersend.console", *map(str, arguments)]


def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """The command as a process of its own, with its output as text."""
    return subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def configure(base_url: str = "http://127.0.0.1:1/rest/v1", api_key: str = "key", port: int = 8000) -> Settings:
    """Write an aftersend.toml with one source, and read it."""
    Path("aftersend.toml").write_text(CONFIG.format(base_url=base_url, api_key=api_key, port=port))
    return load()


@pytest.fixture
def installation() -> Settings:
    """A configured source whose platform can't be reached, and a store with a current schema."""
    settings = configure()
    with_store(settings, lambda store: store.migrate())
    return settings


def with_store(settings: Settings, work):
    """Open the store for one piece of work and return its result."""
    store = open_store(settings.server.database)
    try:
        return work(store)
    finally:
        store.close()


def webhook(body: bytes, content_type: str = "application/x-www-form-urlencoded") -> Delivery:
    """A delivery of the source through its webhook."""
    return Delivery(
        source="acme", door=Door.WEBHOOK, received_at=now(), body=body, content_type=content_type, context={}
    )


def take_in(settings: Settings, *bodies: bytes) -> list[int]:
    """Put webhooks into the inbox."""
    return with_store(settings, lambda store: store.append([webhook(body) for body in bodies]))


@pytest.fixture
def platform(tmp_path_factory) -> Iterator[SimpleNamespace]:
    """A sandbox with a history of about 400 facts, polled by source ``acme`` of the working directory."""
    truth = Truth(Scenario(until=now(), campaigns=2, contacts=60, days=3))
    with Sandbox(tmp_path_factory.mktemp("platform"), PROVIDER) as sandbox:
        sandbox.show(truth.facts)
        settings = configure(sandbox.url, sandbox.api_key)
        with_store(settings, lambda store: store.migrate())
        yield SimpleNamespace(sandbox=sandbox, truth=truth, settings=settings)
