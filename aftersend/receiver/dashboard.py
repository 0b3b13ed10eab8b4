"""The page at ``/``: what came in, what happened, and what is wrong, for a person to look at.

One self-contained file, readable by anybody because it holds no data: it asks for an API key, keeps it for as
long as the tab is open, and reads ``/v1`` and ``/readyz`` with it.
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response

from aftersend.receiver.pages import page


def register(app: Flask) -> None:
    """Serve the dashboard."""
    blueprint = Blueprint("dashboard", __name__)

    @blueprint.get("/")
    def dashboard() -> Response:
        return page("dashboard.html")

    app.register_blueprint(blueprint)
