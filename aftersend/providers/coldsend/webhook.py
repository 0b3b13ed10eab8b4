"""A webhook of ColdSend's, should there be one: its documentation specifies none (provider file, section 3).

So the door is shut unless the source's option ``webhook`` opens it. Then any JSON object is taken, under a token in the
path, and read leniently; only the shape of ``reply`` was ever shown.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from aftersend.providers.coldsend.identity import REPLY, WEBHOOK, of_lead, without_lead
from aftersend.providers.coldsend.values import Fields, Stamp, decoded, digest, stamp
from aftersend.providers.coldsend.words import ONCE, WEBHOOKS
from aftersend.providers.contract import Handshake, Malformed, Never, Request, check_address, check_token
from aftersend.providers.items import unreadable
from aftersend.providers.values import known, text
from aftersend.settings import Source
from aftersend.vocabulary import (
    BadInput,
    BounceClass,
    CampaignInfo,
    Clock,
    ContactInfo,
    Delivery,
    Event,
    Kind,
    Reading,
    Rejected,
)


def verify(request: Request, source: Source, *, taken: bool) -> Handshake | None:
    """The token in the path and, where the source lists some, the client's address; nothing is accepted unless webhooks
    are ``taken``."""
    if not taken:
        raise Rejected(
            f"ColdSend documents no webhooks, so source '{source.name}' takes none; should your account offer them, "
            "set webhook = true and a token in webhook_secrets."
        )
    if request.method not in ("POST", "GET", "HEAD"):
        raise Never(405, "Webhooks come by POST.", allow="POST")
    check_token(request, source)
    check_address(request, source)
    if request.method != "POST":
        return Handshake()
    if not request.body:
        raise Never(400, "The body is empty.")
    return None


class _Call(NamedTuple):
    """A call, opened."""

    word: str
    told: Fields
    data: Fields
    at: Stamp
    source: str

    def text(self, name: str) -> str | None:
        """A field of the data, else of the envelope."""
        return text(self.data.get(name)) or text(self.told.get(name))


def read(delivery: Delivery, source: str, zone: str) -> Reading:
    """The event of a call, and what it tells about its campaign and lead."""
    try:
        call = _call(delivery, source, zone)
    except (BadInput, Malformed) as error:
        return unreadable(delivery, error)
    reading = Reading(events=[_event(call)])
    campaign, name = call.text("campaign_id"), call.text("campaign_name")
    if campaign and name:
        reading.campaigns.append(CampaignInfo(campaign_id=campaign, name=name))
    email, first, last = call.text("email"), call.text("first_name"), call.text("last_name")
    if email and (first or last):
        reading.contacts.append(ContactInfo(email=email, first_name=first, last_name=last))
    return reading


def _call(delivery: Delivery, source: str, zone: str) -> _Call:
    told = decoded(delivery.body)
    if not isinstance(told, dict):
        raise BadInput("A webhook's JSON must be an object.")
    word = text(told.get("event"))
    if not word:
        raise BadInput("event is missing.", "event")
    data = told.get("data")
    data = data if isinstance(data, dict) else {}
    received = Stamp(delivery.received_at - delivery.received_at % 1000, Clock.RECEIVED)
    at = _time(data.get("reply_timestamp"), zone) or _time(told.get("timestamp"), zone) or received
    return _Call(word, told, data, at, source)


def _time(value: Any, zone: str) -> Stamp | None:
    try:
        return stamp(value, "timestamp", zone)
    except BadInput:
        return None


def _event(call: _Call) -> Event:
    name = re.sub(r"[^a-z0-9]+", "_", call.word.lower()).strip("_")
    kind = WEBHOOKS.get(name, Kind.OTHER)
    fact = {Kind.REPLIED: REPLY, Kind.OTHER: f"other {name}"}.get(kind, str(kind))
    lead, email, campaign = call.text("lead_id"), call.text("email"), call.text("campaign_id")
    if lead:
        slot = of_lead(call.source, fact, lead)
    else:
        slot = without_lead(call.source, fact, campaign, email or digest(call.told))
    return Event(
        slot=slot,
        kind=kind,
        word=call.word,
        occurred_at=call.at.at,
        clock=call.at.clock,
        list=WEBHOOK,
        row=_row(call, kind),
        campaign_id=campaign,
        email=email,
        url=call.text("url") or call.text("link") if kind is Kind.CLICKED else None,
        bounce_class=BounceClass.UNDETERMINED if kind is Kind.BOUNCED else None,
        reason=call.text("reason") if kind is Kind.BOUNCED else None,
        metadata=known(lead_id=lead),
    )


def _row(call: _Call, kind: Kind) -> str:
    """What tells two calls apart. One that is repeated may have another time on its envelope: a reply has its own."""
    if kind in ONCE:
        return ""
    return digest(call.data) if "reply_timestamp" in call.data else digest(call.told)
