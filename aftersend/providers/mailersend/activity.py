"""An activity, from either version of the webhooks or from the list, and its event (provider file, "Events")."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from aftersend.providers.agents import agent
from aftersend.providers.mailersend.identity import ALL, UNIQUE, digest, of_activity, of_body, of_email
from aftersend.providers.mailersend.options import Options
from aftersend.providers.mailersend.words import BOUNCES, DEVICES, KINDS, PREFIX
from aftersend.providers.mailersend.words import UNIQUE as UNIQUE_WORDS
from aftersend.providers.marks import told
from aftersend.providers.values import Stamp, known, text
from aftersend.vocabulary import Event, Kind

REASONS = ("bounce_reason", "unsubscribe_reason", "suppression_reason", "reject_reason")
"""Names of version 2; version 1 has ``reason`` and ``readable_reason``."""


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """What is told, wherever it stands."""

    word: str
    """As the platform wrote it."""
    at: Stamp
    raw: bytes
    """All of it, for want of an id."""
    id: str | None = None
    email_id: str | None = None
    message_id: str | None = None
    email: str | None = None
    sender: str | None = None
    subject: str | None = None
    tags: list[str] = []
    template: str | None = None
    domain: str | None = None
    details: dict[str, Any] = {}
    """``meta`` of version 2, ``morph`` of version 1."""


def tags(value: Any) -> list[str]:
    """Tags; null and missing ones are none."""
    return [said for tag in value if (said := text(tag))] if isinstance(value, list) else []


def fields(value: Any) -> dict[str, Any]:
    """An object; null, and the empty array that MailerSend writes for an empty object, have no fields."""
    return value if isinstance(value, dict) else {}


def encoded(value: Any) -> bytes:
    """A value as JSON; as Python prints it, where it nests too deep for that."""
    try:
        return json.dumps(value).encode()
    except (ValueError, RecursionError):
        return repr(value).encode("utf-8", "replace")


def event(activity: Activity, source: str, options: Options) -> Event:
    """The event of an activity."""
    type_ = activity.word.removeprefix(PREFIX)
    kind, details = KINDS.get(type_, Kind.OTHER), activity.details
    marks = _marks(activity.tags)
    user_agent, code = text(details.get("user_agent")), text(details.get("bounce_code"))
    device = (text(details.get("device_type")) or "").lower()
    actor, reason = agent(user_agent), _reason(kind, details)
    return Event(
        **_place(activity, type_, kind, source),
        kind=kind,
        word=activity.word,
        occurred_at=activity.at.at,
        precision=activity.at.precision,
        clock=activity.at.clock,
        row_id=activity.id,
        message_id=activity.email_id,
        by_message=bool(activity.email_id),
        campaign_id=told(marks, options.campaign_id),
        template=activity.template,
        external_id=told(marks, options.external_id),
        email=activity.email,
        url=text(details.get("url")),
        ip=text(details.get("ip")),
        user_agent=user_agent,
        device=DEVICES.get(device) or actor.device,
        machine=actor.machine,
        machine_reason=actor.machine_reason,
        bounce_class=BOUNCES.get(type_),
        reason=reason,
        smtp_code=code if kind is Kind.BOUNCED else None,
        metadata=_metadata(activity, reason),
    )


def _place(activity: Activity, type_: str, kind: Kind, source: str) -> dict[str, Any]:
    if kind in (Kind.OPENED, Kind.CLICKED) and activity.email_id:
        return {
            "slot": of_email(source, kind, activity.email_id),
            "list": UNIQUE if type_ in UNIQUE_WORDS else ALL,
            "row": activity.id or digest(activity.raw),
        }
    return {"slot": of_activity(source, activity.id) if activity.id else of_body(source, activity.raw)}


def _marks(tagged: list[str]) -> dict[str, str | None]:
    pairs = (tag.partition(":") for tag in tagged)
    named = {name.strip(): value.strip() for name, _, value in pairs if name.strip() and value.strip()}
    return {"tag": tagged[0] if tagged else None} | named


def _reason(kind: Kind, details: dict[str, Any]) -> str | None:
    plain, readable = text(details.get("reason")), text(details.get("readable_reason"))
    # Of an opt-out, ``reason`` is a code such as option_3.
    version_1 = readable or plain if kind is Kind.UNSUBSCRIBED else plain or readable
    return next((said for name in REASONS if (said := text(details.get(name)))), version_1)


def _metadata(activity: Activity, reason: str | None) -> dict[str, str]:
    details = activity.details
    plain, readable = text(details.get("reason")), text(details.get("readable_reason"))
    return known(
        browser=text(details.get("browser")),
        country=text(details.get("country")),
        device_type=text(details.get("device_type")),
        domain_id=activity.domain,
        message_id=activity.message_id,
        readable_reason=None if readable == reason else readable,
        reason_code=None if plain == reason else plain,
        sender=activity.sender,
        subject=activity.subject,
        surveys=text(encoded(details["surveys"]).decode()) if details.get("surveys") else None,
        tags=", ".join(activity.tags),
    )
