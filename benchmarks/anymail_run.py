"""Reading webhooks with django-anymail, inside the peers' environment (:mod:`benchmarks.environment`).

``python -m benchmarks.anymail_run TIMES < what.json``: ``what`` holds, for each platform, names and bodies (base64) of
requests. Each is read so many times by anymail's own view, without verification; printed are the seconds a request
took, for those that anymail reads.
"""

from __future__ import annotations

import base64
import importlib
import json
import sys
import time
from importlib.metadata import version
from typing import Any

import django  # type: ignore[import-not-found]
from django.conf import settings  # type: ignore[import-not-found]

settings.configure(ANYMAIL={"WEBHOOK_SECRET": "user:password"}, DATABASES={}, USE_TZ=True)
django.setup()

from django.test import RequestFactory  # type: ignore[import-not-found] # noqa: E402 - wants the settings

VIEWS = {
    "amazon_ses": ("amazon_ses", "AmazonSESTrackingWebhookView", {}),
    "brevo": ("brevo", "BrevoTrackingWebhookView", {}),
    "mailersend": ("mailersend", "MailerSendTrackingWebhookView", {"signing_secret": "x"}),
    "mailgun": ("mailgun", "MailgunTrackingWebhookView", {"webhook_signing_key": "x"}),
    "mailjet": ("mailjet", "MailjetTrackingWebhookView", {}),
    "mailtrap": ("mailtrap", "MailtrapTrackingWebhookView", {}),
    "mandrill": ("mandrill", "MandrillCombinedWebhookView", {"webhook_key": "x"}),
    "postal": ("postal", "PostalTrackingWebhookView", {"webhook_key": "x"}),
    "postmark": ("postmark", "PostmarkTrackingWebhookView", {}),
    "resend": ("resend", "ResendTrackingWebhookView", {}),
    "sendgrid": ("sendgrid", "SendGridTrackingWebhookView", {}),
    "sparkpost": ("sparkpost", "SparkPostTrackingWebhookView", {}),
    "unisender_go": ("unisender_go", "UnisenderGoTrackingWebhookView", {"api_key": "x"}),
}
"""Platforms that anymail knows too: the view, and what it wants to be told."""
TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


def main(times: int) -> None:
    """Read everything, and say how long it took."""
    told: dict[str, dict[str, float]] = {}
    for platform, requests in json.load(sys.stdin).items():
        if view := _view(*VIEWS[platform]) if platform in VIEWS else None:
            found = {name: _seconds(view, name, base64.b64decode(body), times) for name, body in requests.items()}
            told[platform] = {name: seconds for name, seconds in found.items() if seconds}
    sys.stdout.write(json.dumps({"seconds": told, "version": version("django-anymail")}))


def _view(module: str, name: str, options: dict[str, str]) -> Any:
    try:
        return getattr(importlib.import_module(f"anymail.webhooks.{module}"), name)(**options)
    except Exception as error:  # whatever it lacks, it doesn't read this platform
        sys.stderr.write(f"{module}: {error}\n")
        return None


def _seconds(view: Any, name: str, body: bytes, times: int) -> float:
    """Of one reading; 0 where anymail can't read it, or finds no event."""
    factory = RequestFactory()

    def once() -> Any:
        request = factory.post("/", body, content_type=TYPES[name.rpartition(".")[2]])
        began = time.perf_counter()
        events = view.parse_events(request)
        return time.perf_counter() - began, events

    try:
        if not once()[1]:
            return 0.0
    except Exception:  # whatever it raises, it doesn't read it
        return 0.0
    return float(sum(once()[0] for _ in range(times)) / times)


if __name__ == "__main__":
    main(int(sys.argv[1]))
