"""Calls signed as Svix signs them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from standardwebhooks import Webhook

SECRET = "whsec_cmVzZW5kLXRlc3Qtc2VjcmV0LTMyLWJ5dGVzLWxvbmc="


def signed(own: str, body: bytes, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """The headers of a call, signed at an instant (seconds; default: now)."""
    seconds = int(time.time() if at is None else at)
    signature = Webhook(secret).sign(own, datetime.fromtimestamp(seconds, UTC), body.decode())
    return {
        "Content-Type": "application/json",
        "svix-id": own,
        "svix-timestamp": str(seconds),
        "svix-signature": signature,
    }
