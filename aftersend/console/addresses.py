"""Where people and platforms reach this installation."""

from __future__ import annotations

from aftersend.providers import provider_of
from aftersend.settings import Settings, Source


def webhook_urls(found: Settings, source: Source) -> list[str]:
    """The addresses that a source's platform may post to: one, or for unsigned webhooks one per secret."""
    base = f"{found.server.url}/webhooks/{source.name}"
    if provider_of(source).signs(source):
        return [base]
    return [f"{base}/{secret}" for secret in source.webhook_secrets if secret]


def masked_webhook_url(found: Settings, source: Source) -> str:
    """The first of these addresses without its token."""
    urls = webhook_urls(found, source)
    if not urls:
        return "none: the source has no webhook_secrets"
    base = f"{found.server.url}/webhooks/{source.name}"
    return base if urls[0] == base else f"{base}/…"
