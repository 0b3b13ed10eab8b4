"""Amazon's own addresses (provider file, "Auth / verification", 2, and "Subscription handshake")."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from aftersend.providers.sns import Platform

_HOST = r"https://sns\.([a-z0-9-]{3,32})\.amazonaws\.com(\.cn)?"
_CERTIFICATE = re.compile(_HOST + r"/SimpleNotificationService-[A-Za-z0-9]{8,64}\.pem")
_QUERY = re.compile(_HOST + r"/\?([A-Za-z0-9_.~!$&'()*+,;=:@/?%-]+)")


def _region(topic: str) -> str:
    """The fourth part of an ARN."""
    return (topic.split(":") + [""] * 4)[3]


def _of_region(found: re.Match[str] | None, topic: str) -> bool:
    """Whether an address is of the topic's own region; China's have a domain of their own."""
    return found is not None and found[1] == _region(topic) and bool(found[2]) == found[1].startswith("cn-")


def signs_at(address: str, topic: str) -> bool:
    """Whether Amazon keeps the certificates of the topic's region there."""
    return _of_region(_CERTIFICATE.fullmatch(address), topic)


def confirms_at(address: str, topic: str) -> bool:
    """Whether opening it subscribes to the topic and does nothing else."""
    found = _QUERY.fullmatch(address)
    if found is None or not _of_region(found, topic):
        return False
    asked = parse_qs(found[3], keep_blank_values=True)
    return asked.get("Action") == ["ConfirmSubscription"] and asked.get("TopicArn") == [topic]


AMAZON = Platform(title="Amazon SNS", signs_at=signs_at, confirms_at=confirms_at)
