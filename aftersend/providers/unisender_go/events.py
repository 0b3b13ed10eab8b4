"""What happened to a message, as webhooks and dumps tell it with the same names (provider file, "Events")."""

from __future__ import annotations

from aftersend.providers.agents import agent
from aftersend.providers.marks import Options, flat, told
from aftersend.providers.unisender_go.identity import digest, of_status
from aftersend.providers.unisender_go.values import Fields, reply_code, time
from aftersend.providers.unisender_go.words import BOUNCES, DROPS, HARD_BOUNCED, STATUSES
from aftersend.providers.values import known, text
from aftersend.vocabulary import BadInput, BounceClass, Event, Kind

ACTED = (Kind.OPENED, Kind.CLICKED)
FAILED = (Kind.BOUNCED, Kind.DROPPED, Kind.DEFERRED)


def event(
    data: Fields, info: Fields, marks: Fields, source: str, options: Options, where: str, **more: str | None
) -> Event:
    """The event of a status. ``info`` has the details of the delivery, ``marks`` the sender's metadata, ``where`` is
    the list that tells it; ``more`` is kept with it. Raises BadInput."""
    status, email, job = (_needed(data, name) for name in ("status", "email", "job_id"))
    at = time(data.get("event_time"), "event_time")
    detail, answer = text(info.get("delivery_status")), text(info.get("destination_response"))
    kind, bounce_class = _meaning(status, (detail or "").lower())
    url, ip, user_agent = text(data.get("url")), text(info.get("ip")), text(info.get("user_agent"))
    actor = agent(user_agent)
    return Event(
        slot=of_status(source, at, status, job, email),
        kind=kind,
        word=status,
        occurred_at=at,
        list=where,
        row=digest(url, ip, user_agent) if kind in ACTED else "",
        campaign_id=told(marks, options.campaign_id),
        activity_id=job,
        message_id=job,
        external_id=told(marks, options.external_id),
        email=email,
        url=url,
        ip=ip,
        user_agent=user_agent,
        device=actor.device,
        machine=actor.machine,
        machine_reason=actor.machine_reason,
        bounce_class=bounce_class,
        reason=answer or detail if kind in FAILED else None,
        smtp_code=reply_code(answer) if kind in FAILED else None,
        metadata=flat(marks)
        | known(
            city=text(info.get("city")),
            comment=text(data.get("comment")),
            country=text(info.get("country")),
            country_code=text(info.get("country_code")),
            delivery_status=detail,
            destination_response=None if kind in FAILED else answer,
            sender_ip=text(info.get("sender_ip")),
            **more,
        ),
    )


def _needed(data: Fields, name: str) -> str:
    found = text(data.get(name))
    if not found:
        raise BadInput(f"{name} is missing.", name)
    return found


def _meaning(status: str, detail: str) -> tuple[Kind, BounceClass | None]:
    if status != HARD_BOUNCED:
        return STATUSES.get(status, Kind.OTHER), None
    if detail in DROPS:
        return Kind.DROPPED, None
    return Kind.BOUNCED, BOUNCES.get(detail, BounceClass.UNDETERMINED)
