"""What most commands begin with: the settings of this call, and its store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from aftersend.settings import Settings, load
from aftersend.storage import open_store
from aftersend.storage.contract import Store


def config_path() -> str | None:
    """What ``--config`` named, before or after the command; ``None`` where it wasn't given."""
    named: str | None = click.get_current_context().meta.get("aftersend.config")
    return named


def settings() -> Settings:
    """The configuration of this call. Raises ConfigurationError."""
    return load(config_path())


@contextmanager
def unchecked_store(of: Settings) -> Iterator[Store]:
    """The store, whether its schema is current or not; closed at the end."""
    store = open_store(of.server.database)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def ready_store(of: Settings) -> Iterator[Store]:
    """The store with a current schema. Raises ConfigurationError where `aftersend migrate` has yet to run."""
    with unchecked_store(of) as store:
        store.ready()
        yield store
