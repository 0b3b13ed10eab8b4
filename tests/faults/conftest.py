"""What tests of faults share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.faults.ledger import Ledger
from tests.worker.conftest import RedisServer


@pytest.fixture
def ledger() -> Ledger:
    """The ledger of this run."""
    return Ledger(os.environ.get("AFTERSEND_FAULTS_LEDGER", ""))


@pytest.fixture
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of the operator's own, which no supervisor starts again."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()
