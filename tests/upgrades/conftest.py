"""Kept stores, each put back into a directory of its own, which is the working directory of the test."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from aftersend.console import run
from tests.upgrades.asked import configure

STORES = Path(__file__).parent / "stores"
FILES = ("aftersend.inbox", "aftersend")
KEPT = ("one-inbox-step", "v0.1.0")
"""The schemas that can be migrated, oldest first. v0.1.0 (d2a942c) is the first release; the code before it (b308c4c)
lacked a step, and counted derived sends otherwise."""


def kept(schema: str) -> dict[str, Any]:
    """What the code that wrote a store answered then."""
    return json.loads((STORES / schema / "answers.json").read_text())


def put_back(schema: str, directory: Path) -> Path:
    """The store as it was written, and its configuration, in a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        file = directory / f"{name}.db"
        file.touch(0o600)
        with closing(sqlite3.connect(file)) as c:
            c.execute("PRAGMA page_size = 8192")
            c.executescript((STORES / schema / f"{name}.sql").read_text())
    named = STORES / schema / "answers.json"
    configure(directory, tuple(kept(schema)["providers"]) if named.exists() else ())
    return directory


def everything(directory: Path) -> list[str]:
    """Both files of a store as SQL."""
    lines: list[str] = []
    for name in FILES:
        with closing(sqlite3.connect(directory / f"{name}.db")) as c:
            lines += c.iterdump()
    return lines


@pytest.fixture(params=KEPT)
def schema(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def directory(schema: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the store in it."""
    for name in ("AFTERSEND_CONFIG", "AFTERSEND_ADMIN_KEY", "PORT", "HOST", "DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(put_back(schema, tmp_path))
    return tmp_path


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Callable[..., SimpleNamespace]:
    """Run one command line in this process: its ``status``, and what it printed as ``out`` and ``err``."""

    def called(*arguments: str) -> SimpleNamespace:
        capfd.readouterr()
        status = run(list(arguments))
        structlog.reset_defaults()
        return SimpleNamespace(status=status, **capfd.readouterr()._asdict())

    return called


@pytest.fixture
def ask(call: Callable[..., SimpleNamespace]) -> Callable[..., str]:
    """What a command that succeeds prints."""

    def asked(*arguments: str) -> str:
        done = call(*arguments)
        assert done.status == 0, done.err
        return done.out

    return asked
