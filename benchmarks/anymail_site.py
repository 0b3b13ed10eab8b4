"""What a Python team would build instead: Django, django-anymail, and a model that each event is saved to.

Inside the peers' environment (:mod:`benchmarks.environment`). ``BENCH_DATABASE`` names the SQLite file,
``BENCH_SECRET`` the basic auth; ``BENCH_ATOMIC`` is ``1`` where a request is one transaction. At its best: no other
middleware, nothing logged, connections that stay open, a write-ahead log, transactions that begin with the lock, and
the cache our writer has. ``synchronous=FULL``, as ours: an answer means that it is on disk. It keeps no totals and
doesn't look whether an event was there before.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from threading import Thread
from typing import Any

import django  # type: ignore[import-not-found]
from django.conf import settings  # type: ignore[import-not-found]

settings.configure(
    SECRET_KEY="bench",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["anymail", "benchmarks"],
    MIDDLEWARE=[f"{__name__}.with_length"],
    LOGGING_CONFIG=None,
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    ANYMAIL={"WEBHOOK_SECRET": os.environ["BENCH_SECRET"]},
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["BENCH_DATABASE"],
            "CONN_MAX_AGE": None,
            "ATOMIC_REQUESTS": os.environ["BENCH_ATOMIC"] == "1",
            "OPTIONS": {
                "timeout": 60,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-64000",
            },
        }
    },
)
django.setup()

from anymail.signals import tracking  # type: ignore[import-not-found] # noqa: E402 - wants the settings
from django.core.wsgi import get_wsgi_application  # type: ignore[import-not-found] # noqa: E402
from django.db import connection, models  # type: ignore[import-not-found] # noqa: E402
from django.dispatch import receiver  # type: ignore[import-not-found] # noqa: E402
from django.urls import include, path  # type: ignore[import-not-found] # noqa: E402


class Event(models.Model):  # type: ignore[misc]
    """One event as django-anymail tells it."""

    esp = models.CharField(max_length=20)
    event_id = models.CharField(max_length=64, null=True, db_index=True)
    event_type = models.CharField(max_length=20)
    timestamp = models.DateTimeField(null=True)
    message_id = models.CharField(max_length=64, null=True)
    recipient = models.CharField(max_length=254, null=True)
    campaign = models.CharField(max_length=64, default="")
    click_url = models.TextField(null=True)
    user_agent = models.TextField(null=True)
    reject_reason = models.CharField(max_length=20, null=True)
    mta_response = models.TextField(null=True)
    metadata = models.JSONField(default=dict)

    class Meta:
        app_label = "benchmarks"
        indexes = (
            models.Index(fields=["campaign", "event_type", "recipient"], name="by_campaign"),
            models.Index(fields=["recipient", "timestamp"], name="by_recipient"),
            models.Index(fields=["timestamp", "event_type"], name="by_time"),
        )


@receiver(tracking)  # type: ignore[untyped-decorator]
def save(event: Any, esp_name: str, **_: object) -> None:
    """Each event as it comes."""
    Event(
        esp=esp_name,
        event_id=event.event_id,
        event_type=event.event_type,
        timestamp=event.timestamp,
        message_id=event.message_id,
        recipient=event.recipient,
        campaign=event.tags[0] if event.tags else "",
        click_url=event.click_url,
        user_agent=event.user_agent,
        reject_reason=event.reject_reason,
        mta_response=event.mta_response,
        metadata=event.metadata,
    ).save()


def with_length(answer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What Django's own CommonMiddleware is needed for, and nothing else of it: an answer in one piece is cheaper."""

    def answered(request: Any) -> Any:
        response = answer(request)
        response["Content-Length"] = str(len(response.content))
        return response

    return answered


urlpatterns = [path("anymail/", include("anymail.urls"))]
application = get_wsgi_application()


def create() -> None:
    """The model's table, in a new file."""
    with connection.schema_editor() as editor:
        editor.create_model(Event)


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


if parent := multiprocessing.parent_process():
    # A worker whose parent was killed would hold the port for ever.
    Thread(target=_end_with, args=(parent,), daemon=True).start()
