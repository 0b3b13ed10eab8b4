"""The installation whose stores are kept, and what is asked of it. Old code is asked too, so nothing here is ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

TOKEN = "a-token-of-32-characters-00000001"
AT = 1_774_137_600_000
"""When everything was taken in."""
NEWS = "news"
"""The source that is polled too."""
HOOKED = ("coldsend", "hogsend")
"""Sources named as their platforms, with webhooks alone."""
LATER = ("sendgrid", "mailgun", "postmark", "brevo")
"""More of these, since v0.1.0."""

CONFIG = f"""
[server]
database = "sqlite:///aftersend.db"
{{server}}

[[sources]]
name = "{NEWS}"
provider = "inwise"
time_zone = "Asia/Jerusalem"
base_url = "http://127.0.0.1:1/rest/v1"
api_key = "a-key-that-nobody-asks-for"
webhook_secrets = ["{TOKEN}"]
"""
_HOOKED = """
[[sources]]
name = "{name}"
provider = "{name}"
feeds = []
webhook_secrets = ["a-token-of-32-characters-00000001"]
"""

_RANGE = ("--from", "2025-01-01", "--to", "2026-12-31")
_WINDOW = ("--from", "2026-02-28", "--to", "2026-03-20")
QUESTIONS: dict[str, tuple[str, ...]] = {
    "funnel": ("report", "funnel"),
    "funnel without machines": ("report", "funnel", "--machine", "exclude"),
    "funnel of a source": ("report", "funnel", "--source", NEWS),
    "timeline": ("report", "timeline", *_WINDOW, "--time-zone", "Asia/Jerusalem"),
    "timeline by months": ("report", "timeline", *_RANGE, "--unit", "month"),
    "campaigns": ("report", "campaigns", "--limit", "1000"),
    "campaign": ("report", "campaign", "1000001"),
    "templates": ("report", "templates", *_RANGE),
    "doors": ("report", "doors", *_WINDOW),
    "snapshots": ("report", "snapshots"),
    "sent": ("report", "sent", "--limit", "25"),
    "undelivered": ("report", "undelivered", "--limit", "25"),
    "activities": ("report", "activities", "--limit", "60"),
    "quarantine": ("quarantine",),
    "keys": ("keys", "list"),
}
"""Nothing here depends on the day on which it is asked."""


def configure(directory: Path, providers: tuple[str, ...], server: str = "") -> Path:
    """Write the configuration of an installation; its store lies beside it."""
    file = directory / "aftersend.toml"
    file.write_text(CONFIG.format(server=server) + "".join(_HOOKED.format(name=name) for name in providers))
    return file


def called(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command line as a process of its own, of whichever code the environment leads to."""
    return subprocess.run(
        [sys.executable, "-m", "aftersend.console", *arguments],
        cwd=directory,
        env=environment(directory),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def environment(directory: Path) -> dict[str, str]:
    """This process's, for the installation in a directory."""
    apart = {"PORT", "HOST", "DATABASE_URL", "REDIS_URL", "AFTERSEND_ADMIN_KEY"}
    kept = {name: value for name, value in os.environ.items() if name not in apart}
    return kept | {"AFTERSEND_CONFIG": str(directory / "aftersend.toml")}


def answers(ask: Callable[..., str]) -> dict[str, Any]:
    """What is said to every question; ``ask`` takes the arguments of a command and returns what it prints."""
    return {name: json.loads(ask(*question, "--json")) for name, question in QUESTIONS.items()}


def held(store: Any) -> dict[str, Any]:
    """What the inbox's file holds besides what reports say, in plain values."""
    reader = f"{store.keys()[0].id}/crm"
    return msgspec.json.decode(
        msgspec.json.encode(
            {
                "deliveries": [[d.id, d.source, d.door, d.feed, len(d.body)] for d in store.deliveries(1)],
                "waiting": store.backlog().deliveries,
                "feeds": {"/".join(row.key): row for row in store.feeds()},
                "notes": store.notes(NEWS),
                "budget": store.left("a-budget", AT),
                "token": store.token("an-account"),
                "reader": store.reader_position(reader),
                "keys": store.keys(),
            }
        )
    )
