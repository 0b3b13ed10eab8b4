"""An installation with a source that a key may see and one that it may not."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest
import structlog

# The receiver's tests lie in no package; what they stand on is used here too.
sys.path.insert(0, str(Path(__file__).parents[1] / "receiver"))

from aftersend.providers import sns
from aftersend.receiver import create_app
from aftersend.receiver.dialects import DIALECTS
from aftersend.settings import Settings

UNLIMITED = dict.fromkeys(("v1", *(dialect.NAME for dialect in DIALECTS)), "off")


def unlimited(settings: Settings) -> Settings:
    """The same settings, under which a key may ask as often as it likes."""
    return msgspec.structs.replace(settings, limits=UNLIMITED)


@pytest.fixture
def world(tmp_path):
    from reading_world import World

    made = World(tmp_path)
    made.client = create_app(unlimited(made.settings), made.store).test_client()
    return made


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """No certificate is known from another test, and what one test made of the logs is no other's."""
    monkeypatch.setattr(sns, "FETCHED", sns._Fetched())
    yield
    structlog.reset_defaults()
