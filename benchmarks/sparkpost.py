"""A life as SparkPost tells it: the platform that is spoken to Aftersend and to django-anymail alike.

Both verify its webhooks by the same basic auth, both read its batches, and django-anymail supports it officially. Its
events carry what the platform's own carry, so neither side reads less than it would.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec

from aftersend.providers.speaker import Fact
from aftersend.vocabulary import Instant, Kind
from benchmarks.life import Truth

PROVIDER = "sparkpost"
SECRET = "bench:a-token-of-32-characters-00000001"
AUTHORIZATION = f"Authorization: Basic {b64encode(SECRET.encode()).decode()}"
TYPES = {
    Kind.SENT: ("message_event", "delivery"),
    Kind.DROPPED: ("gen_event", "generation_rejection"),
    Kind.BOUNCED: ("message_event", "bounce"),
    Kind.OPENED: ("track_event", "open"),
    Kind.CLICKED: ("track_event", "click"),
}
"""What happens in a life → the class and the type of SparkPost's event. What was sent is told as delivered: the
platform has no event of a sending."""
_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
_PARSED = {
    "agent_family": "Chrome",
    "device_brand": "Other",
    "device_family": "Other",
    "os_family": "Windows",
    "os_version": "10",
    "is_mobile": False,
    "is_proxy": False,
    "is_prefetched": False,
}


def bodies(facts: Iterable[Fact], per_delivery: int) -> Iterator[tuple[Instant, bytes]]:
    """The facts as webhooks of so many events each, with the time of the last."""
    facts = iter(facts)
    while batch := list(islice(facts, per_delivery)):
        yield batch[-1].at, msgspec.json.encode([{"msys": _event(fact)} for fact in batch])


def truth_of(facts: Iterable[Fact]) -> Truth:
    """What a store that was told these facts must count."""
    return dict(Counter(Kind.DELIVERED if fact.kind is Kind.SENT else fact.kind for fact in facts))


def _event(fact: Fact) -> dict[str, Any]:
    wrapping, type_ = TYPES[fact.kind]
    contact = fact.contact
    told: dict[str, Any] = {
        "type": type_,
        "event_id": f"{9_000_000_000_000_000 + fact.number}",
        "timestamp": str(fact.at // 1000),
        "campaign_id": fact.campaign_id,
        "customer_id": "1",
        "subaccount_id": "101",
        "transmission_id": f"6583{fact.campaign_id}",
        "message_id": f"{fact.campaign_id}-{contact.id}",
        "template_id": "welcome",
        "template_version": "1",
        "rcpt_to": contact.email,
        "raw_rcpt_to": contact.email,
        "rcpt_type": "to",
        "rcpt_meta": {"external_id": contact.external_id} if contact.external_id else {},
        "rcpt_tags": ["gold"],
        "subject": "Hello",
        "delv_method": "esmtp",
        "ip_address": fact.ip_chain or "198.51.100.25",
    }
    if fact.kind in (Kind.OPENED, Kind.CLICKED):
        told |= {"user_agent": _AGENT, "user_agent_parsed": _PARSED, "geo_ip": {"country": "US", "city": "Columbia"}}
    if fact.url:
        told |= {"target_link_url": fact.url, "target_link_name": "Offer"}
    if fact.kind is Kind.BOUNCED:
        told |= {"bounce_class": "10", "error_code": "550", "reason": "550 5.1.1 ...@... user unknown"}
    return {wrapping: told}
