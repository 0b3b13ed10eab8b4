"""The no-op: a Flask route that reads the body and says ok, on the receiver's own server and settings.

``python -m benchmarks.noop CONFIG`` runs :func:`aftersend.receiver.serve.serve` with this application in the
place of ours, so that nothing else can differ.
"""

from __future__ import annotations

import multiprocessing
import sys
from importlib import import_module
from threading import Thread

from flask import Flask, request

from aftersend.receiver import serve as serving
from aftersend.settings import load

app = Flask(__name__)


@app.post("/webhooks/<source>/<token>")
def ok(source: str, token: str) -> str:  # noqa: ARG001 - a route of the same shape
    """Read the body, as any handler must."""
    request.get_data()
    return "ok"


def load_noop() -> Flask:
    """The application, in a new worker process, which ends with the one that started it, as ours does."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=serving._end_with, args=(parent,), daemon=True).start()
    return app


if __name__ == "__main__":
    # By the module's name, which is how the workers will look for it: here it is called __main__.
    serving.load_app = import_module("benchmarks.noop").load_noop
    serving.serve(load(sys.argv[1]))
