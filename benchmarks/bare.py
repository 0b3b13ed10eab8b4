"""The same no-op with nothing of ours around it, for granian's own command: what Flask and its server take anyway.

:mod:`benchmarks.noop` runs on our ``serve()``, and so has all our code in memory.
"""

from __future__ import annotations

from flask import Flask, request

app = Flask(__name__)


@app.post("/webhooks/<source>/<token>")
def ok(source: str, token: str) -> str:  # noqa: ARG001 - a route of the same shape
    """Read the body, as any handler must."""
    request.get_data()
    return "ok"
