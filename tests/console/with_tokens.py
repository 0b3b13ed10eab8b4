"""The command with a platform of OAuth known: ``python -m tests.console.with_tokens connect acme``."""

from __future__ import annotations

import sys

from aftersend import providers
from aftersend.console import run
from tests.worker.oauth import TokenProvider

if __name__ == "__main__":
    providers.PROVIDERS["token"] = TokenProvider()
    sys.exit(run(sys.argv[1:]))
