"""A provider one can run: it knows the truth, serves feeds, pushes webhooks, and fails on request."""

from __future__ import annotations

import secrets
from pathlib import Path

from aftersend.providers import PROVIDERS
from aftersend.providers.speaker import speaker_of
from aftersend.settings import load

DEMO_SOURCE = "sandbox"
"""Name of the demo's source, and so the end of its webhook's address."""


def demo_provider() -> str:
    """The provider that the demo plays: the first one registered."""
    return next(iter(PROVIDERS))


def demo_config(directory: Path | str, port: int) -> str:
    """The text of an ``aftersend.toml`` for an installation whose only source is a sandbox on this port.

    An ``aftersend.toml`` that already lies in the directory keeps its API key and webhook token.
    """
    api_key, token = _credentials(Path(directory) / "aftersend.toml")
    provider = demo_provider()
    return f"""\
# Written by `aftersend up`, which found no aftersend.toml: a demo whose only source is a sandbox.

[server]
workers = 2 # one works off while the other polls, every two seconds

[[sources]]
name = "{DEMO_SOURCE}"
provider = "{provider}"
base_url = "http://127.0.0.1:{port}{speaker_of(provider).base_path}"
api_key = "{api_key}"
webhook_secrets = ["{token}"]
poll_every = "2s"
backfill = "0d"  # the first run reads a week anyway, and the history is shorter
overlap = "1h"
"""


def _credentials(file: Path) -> tuple[str, str]:
    if file.exists():
        source = load(file).source(DEMO_SOURCE)
        return source.api_key, source.webhook_secrets[0]
    return secrets.token_hex(16), secrets.token_urlsafe(24)
