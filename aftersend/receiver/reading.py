"""Everything that is read from the receiver: our API, the dialects, the dashboard, the description of it all."""

from __future__ import annotations

from flask import Flask

from aftersend.receiver import auth, dashboard, dialects, export, metadata, openapi, v1
from aftersend.receiver.installation import Installation


def register(app: Flask) -> None:
    """Serve all reports, and keep ``AFTERSEND_ADMIN_KEY`` as a key."""
    here: Installation = app.extensions["aftersend"]
    auth.register_admin(here.settings, here.store)
    v1.register(app)
    export.register(app)
    metadata.register(app)
    dialects.register(app)
    openapi.register(app)
    dashboard.register(app)
