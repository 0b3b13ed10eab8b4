"""Scaleway's own addresses (provider file, "Verification" and "Handshake").

Anybody may have a bucket below ``scw.cloud``: that a certificate lies there proves nothing, only its authority does.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from aftersend.providers.sns import Platform

_CERTIFICATE = re.compile(r"https://([a-z0-9-]+\.)+scw\.cloud(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+\.pem")
_CONFIRM = re.compile(
    r"https://([a-z0-9-]+\.)+(?:scw\.cloud|scaleway\.com)/?(?:[A-Za-z0-9_-][A-Za-z0-9._/-]*)?"
    r"\?([A-Za-z0-9_.~!$&'()*+,;=:@/?%-]+)"
)
LONGEST = 2_000
"""Characters of an address that is looked at: its pattern costs their square."""


def signs_at(address: str, _topic: str) -> bool:
    """Whether a certificate may be fetched there."""
    return _CERTIFICATE.fullmatch(address) is not None


def confirms_at(address: str, topic: str) -> bool:
    """Whether opening it may subscribe to the topic. Its form isn't documented: what it says of action and topic, as
    SNS's do, must be right."""
    found = _CONFIRM.fullmatch(address) if len(address) <= LONGEST else None
    if found is None:
        return False
    asked = parse_qs(found[2], keep_blank_values=True)
    return asked.get("TopicArn", [topic]) == [topic] and asked.get("Action", [_ACTION]) == [_ACTION]


_ACTION = "ConfirmSubscription"

SCALEWAY = Platform(title="Scaleway Topics and Events", signs_at=signs_at, confirms_at=confirms_at, chained=True)
