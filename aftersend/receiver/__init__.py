"""The web process: webhooks in; reports, dialects, dashboard and health out."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask

from aftersend.queue import Nudger
from aftersend.receiver import errors, health
from aftersend.receiver.installation import Installation
from aftersend.receiver.intake import Intake
from aftersend.receiver.metrics import Meters
from aftersend.receiver.reading import register as register_reading
from aftersend.receiver.webhooks import WebhookDoor
from aftersend.settings import Settings
from aftersend.storage.contract import Store
from aftersend.vocabulary import Delivery


def create_app(settings: Settings, store: Store) -> Flask:
    """The receiver as a WSGI application, over an open store, which it neither migrates nor closes.

    Raises ConfigurationError when a source or a setting can't be right, so that it is said at the start and
    not by the first webhook.
    """
    installation = Installation(settings, store)
    meters = Meters(store)
    nudger = Nudger(settings.server.redis)

    def stored(batch: Sequence[Delivery]) -> None:
        meters.stored(batch)
        nudger.nudge()

    app = Flask(__name__, static_folder=None)
    app.extensions["aftersend"] = installation
    app.config["MAX_CONTENT_LENGTH"] = settings.server.max_body_bytes
    errors.register(app)
    health.register(app, meters)
    register_reading(app)
    app.wsgi_app = WebhookDoor(  # type: ignore[method-assign]
        installation, Intake(store, stored, meters.not_stored), meters, app.wsgi_app
    )
    return app
