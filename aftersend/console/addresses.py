"""Where people and platforms reach this installation."""

from __future__ import annotations

from aftersend.providers import provider_of
from aftersend.settings import Settings, Source

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "": "127.0.0.1"}  # noqa: S104 - to be shown, not listened on


def shown_url(found: Settings) -> str:
    """The installation's address, which can be opened also where it listens on every interface."""
    server = found.server
    if server.public_url:
        return server.url
    host, _, port = server.listen.rpartition(":")
    return f"http://{_ANYWHERE.get(host, host)}:{port}"


def webhook_urls(found: Settings, source: Source) -> list[str]:
    """The addresses that a source's platform may post to: one, or for unsigned webhooks one per secret."""
    base = f"{shown_url(found)}/webhooks/{source.name}"
    if provider_of(source).signed:
        return [base]
    return [f"{base}/{secret}" for secret in source.webhook_secrets if secret]


def masked_webhook_url(found: Settings, source: Source) -> str:
    """The first of these addresses without its token."""
    urls = webhook_urls(found, source)
    if not urls:
        return "none: the source has no webhook_secrets"
    base = f"{shown_url(found)}/webhooks/{source.name}"
    return base if urls[0] == base else f"{base}/…"
