"""The reports in other platforms' own paths, shapes and words: one thin file per platform.

A dialect is a module with

* ``NAME``; ``PREFIX``, its common path; ``SCHEME``, how it takes a key: ``key`` (``X-API-Key``) or ``bearer``;
* ``ENDPOINTS``, what ``/openapi.json`` says of it;
* ``LIMITS``, its rate limit where ``[limits]`` sets none, which it gives to its Gate;
* ``SCOPES``, the platform's names of scopes → ours, by which a key may be made;
* ``register(app)``.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask

from aftersend.receiver import auth
from aftersend.receiver.dialects import benchmark, coldsend, constant_contact, hogsend, inwise
from aftersend.receiver.installation import Installation
from aftersend.vocabulary import BadInput, ConfigurationError

DIALECTS = (benchmark, coldsend, constant_contact, hogsend, inwise)


def register(app: Flask) -> None:
    """Answer at every platform's paths. Raises ConfigurationError for a rate limit of what isn't there."""
    here: Installation = app.extensions["aftersend"]
    gates = ["v1", *(dialect.NAME for dialect in DIALECTS)]
    for name in here.limits:
        if name not in gates:
            raise ConfigurationError(f"limits.{name} limits nothing; there are {', '.join(gates)}.")
    for dialect in DIALECTS:
        dialect.register(app)


def aliases() -> dict[str, tuple[str, ...]]:
    """The platforms' names of scopes → ours. Where two platforms have one name, it opens what both mean."""
    found: dict[str, tuple[str, ...]] = {}
    for dialect in DIALECTS:
        for alias, scopes in dialect.SCOPES.items():
            found[alias] = tuple(dict.fromkeys((*found.get(alias, ()), *scopes)))
    return found


def scopes_named(names: Sequence[str]) -> tuple[str, ...]:
    """Scopes by our names or a platform's, in our words and order. Raises BadInput for one that nobody has."""
    known = {**aliases(), **{scope: (scope,) for scope in auth.SCOPES}}
    for name in names:
        if name not in known:
            raise BadInput(f"There is no scope '{name[:60]}'; scopes are {', '.join(known)}.", "scopes")
    meant = {scope for name in names for scope in known[name]}
    return tuple(scope for scope in auth.SCOPES if scope in meant)
