"""The store: inbox, events, and reports as queries."""

from __future__ import annotations

from aftersend.storage.contract import Store
from aftersend.vocabulary import ConfigurationError


def open_store(database: str) -> Store:
    """The store behind a database URL: ``sqlite:///relative.db``, ``sqlite:////absolute.db``.

    Opening creates neither files nor tables; :meth:`Store.migrate` does. Raises ConfigurationError for an
    address that is none of ours.
    """
    if database.startswith("sqlite:///"):
        from aftersend.storage.sqlite import SqliteStore

        return SqliteStore(database.removeprefix("sqlite:///"))
    scheme = database.partition(":")[0]
    raise ConfigurationError(
        f"server.database must begin with sqlite:///, as in sqlite:///data/aftersend.db; got '{scheme}:'."
    )
