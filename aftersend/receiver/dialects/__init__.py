"""The reports in other platforms' own paths, shapes and words: one thin file per platform.

A dialect is a module with ``NAME``, ``BASE`` (its common path), ``ENDPOINTS`` (what ``/openapi.json`` says of it)
and ``register(app)``.
"""

from __future__ import annotations

from flask import Flask

from aftersend.receiver.dialects import inwise

DIALECTS = (inwise,)


def register(app: Flask) -> None:
    """Answer at every platform's paths."""
    for dialect in DIALECTS:
        dialect.register(app)
