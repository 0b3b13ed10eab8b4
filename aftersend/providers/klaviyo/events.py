"""Klaviyo's event object, which webhooks and lists have in common (provider file, "The event object").

The names among ``event_properties`` are free, and their presence varies: each is looked for, none is required. The
recipient's address is no field: it is looked for in the profile, should that come along, then among the properties.
"""

from __future__ import annotations

from typing import Any

from aftersend.providers.klaviyo.identity import of_event
from aftersend.providers.klaviyo.words import BOUNCES, DEVICES, EVENTS
from aftersend.providers.marks import Options, flat, told
from aftersend.providers.values import Stamp, stamp, text
from aftersend.vocabulary import BadInput, BounceClass, CampaignInfo, ContactInfo, Event, Kind, Machine, Precision

Fields = dict[str, Any]
"""A JSON object."""
Profiles = dict[str, Fields]
"""Id → attributes."""

MESSAGE, URL, BOUNCE_TYPE, MACHINE_OPEN = "$message", "URL", "Bounce Type", "machine_open"
ADDRESSES = ("email_address", "Email", "$email")
TAKEN = frozenset({MESSAGE, URL, "$extra"})
"""Properties that have fields of their own whatever happened; ``$extra`` may hold whole emails."""
LAST = 253_402_214_400
"""Unix seconds behind which no time can be printed."""


def fields(value: Any) -> Fields:
    """An object, empty where there is none."""
    return value if isinstance(value, dict) else {}


def related(resource: Fields, name: str) -> str | None:
    """The id of a resource that another one names."""
    return text(fields(fields(fields(resource.get("relationships")).get(name)).get("data")).get("id"))


def profiles(included: Any) -> Profiles:
    """The profiles among the resources that came along."""
    found: Profiles = {}
    for resource in included if isinstance(included, list) else []:
        own = text(resource.get("id")) if isinstance(resource, dict) else None
        if own and resource.get("type") == "profile":
            found[own] = fields(resource.get("attributes"))
    return found


def event(
    resource: Any,
    word: str,
    source: str,
    options: Options,
    people: Profiles,
    *,
    fallback: str | None = None,
    **more: str | None,
) -> Event:
    """The event a resource tells, which is one of this word. ``fallback``: its id, where the resource has none;
    ``more``: what else is to be kept with it. Raises BadInput."""
    if not isinstance(resource, dict):
        raise BadInput("An event must be an object.")
    if resource.get("type", "event") != "event":
        raise BadInput("The resource is no event.", "type")
    attributes = fields(resource.get("attributes"))
    uuid = text(attributes.get("uuid"))
    own = text(resource.get("id")) or fallback or uuid
    if not own:
        raise BadInput("The event has no id.", "id")
    at = _time(attributes)
    properties = fields(attributes.get("event_properties"))
    contact = related(resource, "profile")
    profile = people.get(contact or "", {})
    email = text(profile.get("email")) or next((a for name in ADDRESSES if (a := text(properties.get(name)))), None)
    kind = EVENTS.get(word, Kind.OTHER)
    machine, machine_reason = _machine(properties) if kind is Kind.OPENED else (Machine.UNKNOWN, None)
    bounce_type = text(properties.get(BOUNCE_TYPE)) if kind in (Kind.BOUNCED, Kind.DROPPED) else None
    used = TAKEN | {name for name, found in ((MACHINE_OPEN, machine_reason), (BOUNCE_TYPE, bounce_type)) if found}
    kept = flat({name: value for name, value in properties.items() if name not in used})
    kept |= {
        name: said for name, said in (more | {"metric_id": related(resource, "metric"), "uuid": uuid}).items() if said
    }
    return Event(
        slot=of_event(source, at.at, own),
        kind=kind,
        word=word,
        occurred_at=at.at,
        row_id=own,
        precision=at.precision,
        clock=at.clock,
        campaign_id=text(properties.get(MESSAGE)) or told(properties, options.campaign_id),
        contact_id=contact,
        external_id=told(_own_marks(profile), options.external_id),
        email=email,
        phone=text(profile.get("phone_number")),
        url=text(properties.get(URL)),
        device=_device(properties),
        machine=machine,
        machine_reason=machine_reason,
        bounce_class=BOUNCES.get((bounce_type or "").lower(), BounceClass.UNDETERMINED)
        if kind is Kind.BOUNCED
        else None,
        reason=bounce_type,
        metadata={name: said for name, said in kept.items() if said != email},
    )


def campaign(resource: Fields) -> CampaignInfo | None:
    """What an event tells about the message it belongs to."""
    properties = fields(fields(resource.get("attributes")).get("event_properties"))
    own, name, subject = (text(properties.get(name)) for name in (MESSAGE, "Campaign Name", "Subject"))
    if not own or not (name or subject):
        return None
    return CampaignInfo(campaign_id=own, name=name, subject=subject)


def contacts(people: Profiles, options: Options) -> list[ContactInfo]:
    """The names of the profiles that came along, where they have any."""
    return [
        ContactInfo(
            contact_id=own,
            email=text(profile.get("email")),
            phone=text(profile.get("phone_number")),
            external_id=told(_own_marks(profile), options.external_id),
            first_name=text(profile.get("first_name")),
            last_name=text(profile.get("last_name")),
        )
        for own, profile in people.items()
        if text(profile.get("first_name")) or text(profile.get("last_name"))
    ]


def _own_marks(profile: Fields) -> Fields:
    """Where users keep ids of their own: the profile's properties, and its field ``external_id``."""
    own = profile.get("external_id")
    return fields(profile.get("properties")) | ({"external_id": own} if text(own) else {})


def _time(attributes: Fields) -> Stamp:
    """When it happened. Raises BadInput where that isn't told: it is part of the identity."""
    seconds = text(attributes.get("timestamp")) or ""
    if seconds.isascii() and seconds.isdecimal() and len(seconds) < 13 and int(seconds) < LAST:
        return Stamp(int(seconds) * 1000, Precision.SECOND)
    if found := stamp(attributes.get("datetime"), "datetime"):
        return found
    raise BadInput("The event has no time that can be read.", "timestamp")


def _machine(properties: Fields) -> tuple[Machine, str | None]:
    match str(properties.get(MACHINE_OPEN)).lower():
        case "true":
            return Machine.MACHINE, MACHINE_OPEN
        case "false":
            return Machine.HUMAN, MACHINE_OPEN
    return Machine.UNKNOWN, None


def _device(properties: Fields) -> str | None:
    said = [(text(properties.get(name)) or "").lower() for name in ("Client OS Family", "Client Type")]
    return next((DEVICES[word] for word in said if word in DEVICES), None)
