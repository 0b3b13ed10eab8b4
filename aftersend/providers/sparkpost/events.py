"""An event of SparkPost's, as webhooks wrap it and as the list shows it (Events; External ids and campaign fields)."""

from __future__ import annotations

import re
from typing import Any

from aftersend.providers import marks
from aftersend.providers.agents import Agent, agent
from aftersend.providers.sparkpost.identity import of_event, of_openings
from aftersend.providers.sparkpost.words import (
    ACTED,
    AMP,
    BOUNCES,
    KEPT,
    KINDS,
    PASSING,
    PLACE,
    UNDETERMINED,
    Sort,
)
from aftersend.providers.values import Stamp, stamp, text
from aftersend.vocabulary import BadInput, Delivery, Event, Instant, Kind, Machine, Precision

_UNIX = re.compile(r"([0-9]{1,11})(\.[0-9]+)?", re.ASCII)
Fields = dict[str, Any]


def event(told: Any, delivery: Delivery, options: marks.Options) -> Event | None:
    """The event; ``None`` for one that tells nothing about an email that was sent. Raises BadInput."""
    if not isinstance(told, dict):
        raise BadInput("An event must be an object.")
    word = text(told.get("type"))
    if not word:
        raise BadInput("type is missing.", "type")
    if word in PASSING:
        return None
    own = text(told.get("event_id"))
    if not own:
        raise BadInput("event_id is missing.", "event_id")
    sort, message = _sort(word, told), text(told.get("message_id"))
    if sort.kind is Kind.OPENED and message:
        part = "amp" if word in AMP else "html"
        place: dict[str, Any] = {"slot": of_openings(delivery.source, message, part), "list": word, "row": own}
    else:
        place = {"slot": of_event(delivery.source, own)}
    at, marked, found = _time(told, delivery.received_at), marks.flat(told.get("rcpt_meta")), _agent(told)
    return Event(
        **place,
        kind=sort.kind,
        word=word,
        row_id=own,
        occurred_at=at.at,
        precision=at.precision,
        clock=at.clock,
        campaign_id=text(told.get("campaign_id")) or marks.told(marked, options.campaign_id),
        message_id=message,
        by_message=bool(message),
        template=text(told.get("template_id")),
        external_id=marks.told(marked, options.external_id),
        email=text(told.get("raw_rcpt_to")) or text(told.get("rcpt_to")),
        url=text(told.get("target_link_url")),
        ip=text(told.get("ip_address")) if word in ACTED else None,
        user_agent=text(told.get("user_agent")),
        device=found.device,
        machine=found.machine,
        machine_reason=found.machine_reason,
        bounce_class=sort.bounce_class,
        reason=_reason(told, sort.kind),
        smtp_code=text(told.get("error_code")),
        metadata=_kept(told, word) | marked,
    )


def _sort(word: str, told: Fields) -> Sort:
    kind = KINDS.get(word, Kind.OTHER)
    if kind is not Kind.BOUNCED:
        return Sort(kind)
    return BOUNCES.get(text(told.get("bounce_class")) or "", UNDETERMINED)


def _time(told: Fields, received_at: Instant) -> Stamp:
    """Unix seconds or ISO 8601, whatever the door and type (Time format); what can't be read is as good as missing."""
    for name in ("timestamp", "tdate"):
        value = told.get(name)
        if found := _UNIX.fullmatch(text(value) or ""):
            millis = int((found[2] or ".0")[1:4].ljust(3, "0"))
            return Stamp(int(found[1]) * 1000 + millis, Precision.MILLISECOND if found[2] else Precision.SECOND)
        try:
            if at := stamp(value, name):
                return at
        except BadInput:
            continue
    return Stamp(received_at).about()


def _reason(told: Fields, kind: Kind) -> str | None:
    reason = text(told.get("reason")) or text(told.get("raw_reason"))
    return reason or (text(told.get("fbtype")) if kind is Kind.COMPLAINED else None)


def _agent(told: Fields) -> Agent:
    """What SparkPost says of who acted, else what the user agent does. That something was not prefetched proves no
    person, and a proxy fetches for a person whose program it hides (Machine opens/clicks)."""
    found, parsed = agent(text(told.get("user_agent"))), told.get("user_agent_parsed")
    if not isinstance(parsed, dict):
        return found
    device = found.device
    if _true(parsed.get("is_proxy")):
        device = None
    elif _true(parsed.get("is_mobile")) and device != "tablet":
        device = "mobile"
    if _true(parsed.get("is_prefetched")):
        return Agent(device, Machine.MACHINE, "prefetched")
    return Agent(device, found.machine, found.machine_reason)


def _true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _kept(told: Fields, word: str) -> dict[str, str]:
    """What has no field of its own; empty values and those of the commonest case are left out."""
    kept = {name: told[name] for name in KEPT if name in told}
    geo, account = told.get("geo_ip"), text(told.get("subaccount_id"))
    if isinstance(geo, dict):
        kept["geo_ip"] = {name: geo[name] for name in PLACE if name in geo}
    if account and account != "0":  # the master account, which may as well be missing (Quirks)
        kept["subaccount_id"] = account
    if word not in ACTED:
        kept["ip_address"] = told.get("ip_address")
    if told.get("raw_reason") != told.get("reason"):
        kept["raw_reason"] = told.get("raw_reason")
    if kept.get("rcpt_type") == "to":
        del kept["rcpt_type"]
    if word in AMP:
        kept["part"] = "amp"
    return marks.flat(kept)
