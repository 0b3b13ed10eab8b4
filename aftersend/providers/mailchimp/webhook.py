"""Mailchimp's audience webhooks: who may call, and what a call says (provider file, Webhook and Events).

One event a call, as a form with bracketed names: ``type``, ``fired_at``, ``data[...]``, ``data[merges][TAG]``.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from aftersend.providers import marks, proofs
from aftersend.providers.contract import Handshake, Request, check_address, check_method
from aftersend.providers.items import unreadable
from aftersend.providers.mailchimp.identity import ONCE, WEBHOOK, of_audience, of_recipient
from aftersend.providers.mailchimp.options import Options
from aftersend.providers.mailchimp.values import contact, email_id, merges, stamp
from aftersend.providers.mailchimp.words import ADDRESSED, BOUNCES, CAMPAIGN, DELETED, REASONS, REMOVED, TYPES
from aftersend.providers.values import Stamp, known, text
from aftersend.settings import Source
from aftersend.vocabulary import (
    BadInput,
    CampaignInfo,
    Delivery,
    Event,
    Kind,
    Reading,
    Rejected,
)

TOLERANCE_S = 300
HINT = (
    "Mailchimp shows signing_secret once, in the answer that made the webhook; if it is lost, delete the webhook and "
    "make it again"
)
MERGES = "data[merges]["


def verify(request: Request, source: Source, *, signed: bool) -> Handshake | None:
    """Where webhooks are ``signed``, the signature must be one of the source's secrets', and at most 300 seconds off;
    else the end of the address must be one of them. Neither stands in for the other.

    Asking by GET, and an empty POST, are how Mailchimp validates an address when it is saved: they prove nothing and
    hold nothing.
    """
    check_method(request, "Mailchimp")
    check_address(request, source)
    if request.method != "POST" or not request.body:
        return Handshake()
    if signed:
        _check_signature(request, source)
    else:
        proofs.check_shared(request, source)
    return None


def _check_signature(request: Request, source: Source) -> None:
    parts = [part.strip().partition("=") for part in request.headers.get("x-mailchimp-signature", "").split(",")]
    times = [value for name, _, value in parts if name == "t"]
    given = [value for name, _, value in parts if name == "v1"]
    if len(times) != 1 or not given:
        raise Rejected(
            f"The webhook of source '{source.name}' has no X-Mailchimp-Signature; if it was made before Mailchimp "
            "signed, make it again, or set webhook_mode = 'url-secret'."
        )
    proofs.check_age(times[0], TOLERANCE_S, source)
    signed = f"{times[0]}.".encode() + request.body

    def fits(secret: str) -> bool:
        wanted = proofs.mac(secret, signed)
        matches = [proofs.same(one, wanted) for one in given]
        return any(matches)

    proofs.accept(source, fits, HINT)


class _Call(NamedTuple):
    """A call, opened."""

    type: str
    at: Stamp
    fields: dict[str, str]
    merged: dict[str, str]
    source: str
    options: Options

    def data(self, name: str) -> str | None:
        return text(self.fields.get(f"data[{name}]"))


def read(delivery: Delivery, source: str, options: Options, zone: str) -> Reading:
    """The event of a call, and what it tells about its contact or campaign."""
    try:
        call = _call(delivery.body, source, options, zone)
        if call.type == CAMPAIGN:
            return _of_campaign(call)
        return _of_member(call)
    except BadInput as error:
        return unreadable(delivery, error)


def _call(body: bytes, source: str, options: Options, zone: str) -> _Call:
    fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace"))
    type_ = text(fields.get("type"))
    if type_ is None:
        raise BadInput("type is missing.", "type")
    merged = {
        name[len(MERGES) : -1].replace("][", "."): value
        for name, value in fields.items()
        if name.startswith(MERGES) and name.endswith("]")
    }
    return _Call(type_, stamp(fields.get("fired_at"), "fired_at", zone), fields, merged, source, options)


def _of_campaign(call: _Call) -> Reading:
    """A campaign was sent or cancelled. Nobody in particular was."""
    campaign, subject, status = call.data("id"), call.data("subject"), call.data("status")
    if campaign is None:
        raise BadInput("data[id] is missing.", "data[id]")
    event = Event(
        slot=of_audience(call.source, f"{call.type} {status or ''}", call.data("list_id"), campaign, call.at.at),
        kind=Kind.OTHER,
        word=call.type,
        occurred_at=call.at.at,
        precision=call.at.precision,
        clock=call.at.clock,
        campaign_id=campaign,
        reason=call.data("reason"),
        metadata=known(subject=subject, status=status, list_id=call.data("list_id")),
    )
    return Reading(events=[event], campaigns=[CampaignInfo(campaign_id=campaign, subject=subject, status=status)])


def _of_member(call: _Call) -> Reading:
    email = call.data("email") or call.data("new_email") or call.data("old_email")
    if email is None and call.type in ADDRESSED:
        raise BadInput("data[email] is missing.", "data[email]")
    kind = REASONS.get((call.type, call.data("reason") or ""), TYPES.get(call.type, Kind.OTHER))
    own, campaign = email_id(email) if email else None, call.data("campaign_id")
    removed = call.type == "unsubscribe" and call.data("action") == DELETED and kind is Kind.UNSUBSCRIBED
    event = Event(
        kind=kind,
        word=call.type,
        occurred_at=call.at.at,
        precision=call.at.precision,
        clock=call.at.clock,
        campaign_id=campaign,
        contact_id=own,
        external_id=marks.told(call.merged, call.options.external_id),
        email=email,
        ip=call.data("ip_opt") if call.type == "subscribe" else None,
        bounce_class=BOUNCES.get(call.data("reason") or "") if kind is Kind.BOUNCED else None,
        reason=REMOVED if removed else call.data("reason"),
        metadata=merges(call.merged) | _more(call) | (known(reason=call.data("reason")) if removed else {}),
        **_place(call, kind, campaign, own),
    )
    return Reading(events=[event], contacts=contact(email, own, call.merged, call.options))


def _more(call: _Call) -> dict[str, str]:
    names = ("list_id", "web_id", "email_type", "ip_opt", "ip_signup", "action", "old_email", "new_id")
    return known(member_id=call.data("id"), **{name: call.data(name) for name in names})


def _place(call: _Call, kind: Kind, campaign: str | None, own: str | None) -> dict[str, Any]:
    """The identity."""
    if campaign and own and kind is not Kind.OTHER:
        # A person may come back and leave again through one campaign; anything else happens once.
        row = str(call.at.at // 1000) if kind is Kind.UNSUBSCRIBED else ONCE
        return {"slot": of_recipient(call.source, kind, campaign, own), "list": WEBHOOK, "row": row}
    fact = call.type if kind is Kind.OTHER else kind
    who = call.data("id") or call.data("new_id") or own or ""
    return {"slot": of_audience(call.source, fact, call.data("list_id"), who, call.at.at)}
