"""The page at ``/``: what came in, what happened, and what is wrong, for a person to look at.

One self-contained file, readable by anybody because it holds no data: it asks for an API key, keeps it for as
long as the tab is open, and reads ``/v1`` and ``/readyz`` with it.
"""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Flask, Response

_PAGE = Path(__file__).parent / "templates" / "dashboard.html"
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def register(app: Flask) -> None:
    """Serve the dashboard."""
    blueprint = Blueprint("dashboard", __name__)

    @blueprint.get("/")
    def dashboard() -> Response:
        page = Response(_PAGE.read_text(encoding="utf-8"), content_type="text/html; charset=utf-8")
        # Whatever text an event carries, nothing on this page may reach another host.
        page.headers["Content-Security-Policy"] = _POLICY
        page.headers["Cache-Control"] = "no-cache"
        return page

    app.register_blueprint(blueprint)
