"""Webhooks signed as Standard Webhooks are, and as Svix, where these come from, names their headers.

The signature is an HMAC-SHA256 over id, time and raw body; there may be several beside each other while a secret is
rotated. The time is that of the attempt, and may be five minutes off in either direction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from standardwebhooks import Webhook

from aftersend.providers.contract import Request
from aftersend.providers.proofs import accept
from aftersend.settings import Source

ID_HEADERS = ("webhook-id", "svix-id")
"""Either holds the id of a call, the same however often it is tried. Where both come, the first is the one that must be
signed, and so the one to be believed."""
_PARTS = ("id", "timestamp", "signature")
_SIGNATURE = re.compile(r"v1,[A-Za-z0-9+/]{43}=")


def check_signature(request: Request, source: Source, hint: str) -> None:
    """Accept a call that is signed with one of the source's secrets (``whsec_`` and base64) and not too old. Raises
    Rejected with a sentence that ends with ``hint``: where the platform shows the secret."""
    headers = request.headers
    given = {f"webhook-{part}": headers.get(f"webhook-{part}") or headers.get(f"svix-{part}", "") for part in _PARTS}
    # The library stumbles over what is no signature; there may be such beside the right one.
    given["webhook-signature"] = " ".join(filter(_SIGNATURE.fullmatch, given["webhook-signature"].split()))
    accept(source, lambda secret: _signed(request.body, given, secret), hint)


def call_id(context: Mapping[str, str]) -> str | None:
    """The id of a call, from the context of its delivery, where the provider keeps :data:`ID_HEADERS`."""
    return next((found for name in ID_HEADERS if (found := context.get(f"header.{name}", "").strip())), None)


def _signed(body: bytes, headers: dict[str, str], secret: str) -> bool:
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except Exception:
        # The library raises its own errors, and whatever base64 and text do: all of them mean no.
        return False
    return True
