"""Resend's webhooks: who may call, and what a call says (Webhook; Events).

One event a call, ``{type, created_at, data}``. Whose it is says ``data.to``, if it names one recipient.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from aftersend.providers import marks
from aftersend.providers.agents import agent
from aftersend.providers.contract import Handshake, Malformed, Request, check_address, check_method
from aftersend.providers.items import unreadable
from aftersend.providers.resend import contacts
from aftersend.providers.resend.calls import Call, opened
from aftersend.providers.resend.identity import WEBHOOK, alone, of_email, row
from aftersend.providers.resend.values import address, recipient, tags
from aftersend.providers.resend.words import (
    BLOCKED,
    CLASSES,
    EMAILS,
    INBOUND,
    OLD_HARD,
    OLD_WITHHELD,
    PASSING,
    SUPPRESSIONS,
    WITHHELD,
)
from aftersend.providers.standard import check_signature
from aftersend.providers.values import first_time, known, text
from aftersend.settings import Source
from aftersend.vocabulary import BadInput, BounceClass, Delivery, Event, Kind, Reading

_CODE = re.compile(r"(?<![\w.])([2-5][0-9]{2})(?!\w|\.[0-9])", re.ASCII)
"""An SMTP code, and no part of an address or of an enhanced code."""


def verify(request: Request, source: Source) -> Handshake | None:
    """The signature over the raw bytes must be one of the source's secrets', and at most five minutes old or ahead."""
    check_method(request, "Resend")
    check_address(request, source)
    if request.method != "POST":
        return Handshake()
    check_signature(request, source, "Resend shows it (whsec_…) on the webhook's page; a call may be five minutes old")
    return None


def read(delivery: Delivery, options: marks.Options) -> Reading:
    """What a call says: of an email, of a contact, of a suppression. What tells of nobody passes by."""
    try:
        call = opened(delivery)
        if call.word.startswith(PASSING):
            return Reading()
        if call.word.startswith("contact."):
            return contacts.read(call)
        if call.word in SUPPRESSIONS:
            return Reading(events=[_suppression(call)])
        if call.word == INBOUND:
            return Reading(events=[_inbound(call)])
        return Reading(events=[_of_email(call, options)])
    except (BadInput, Malformed) as error:
        return unreadable(delivery, error)


class _Sort(NamedTuple):
    """What became of an email, with what explains it."""

    kind: Kind
    bounce_class: BounceClass | None = None
    reason: str | None = None
    smtp_code: str | None = None
    metadata: dict[str, str] = {}  # noqa: RUF012 - never changed


def _of_email(call: Call, options: marks.Options) -> Event:
    email_id, sort, click = call.text("email_id"), _sort(call), call.part("click")
    at = first_time(click.get("timestamp")) or call.at
    who, link = recipient(call.data.get("to")), text(click.get("link"))
    told = row(sort.kind, who, sort.bounce_class or "", at.at if at else None, link or "") if who else None
    place: dict[str, Any] = {"slot": alone(call.source, call.word, call.id)}
    if email_id:
        slot = of_email(call.source, sort.kind, email_id, call.word)
        place = {"slot": slot, "list": WEBHOOK, "row": told or call.id}
    marked = _headers(call.data.get("headers")) | tags(call.data.get("tags"))
    user_agent, stood = text(click.get("userAgent")), at or call.received
    found = agent(user_agent)
    return Event(
        **place,
        kind=sort.kind,
        word=call.word,
        row_id=call.own_id,
        occurred_at=stood.at,
        precision=stood.precision,
        clock=stood.clock,
        campaign_id=call.text("broadcast_id") or marks.told(marked, options.campaign_id),
        message_id=email_id,
        by_message=bool(email_id),
        template=call.text("template_id"),
        external_id=marks.told(marked, options.external_id),
        email=who,
        url=link,
        ip=text(click.get("ipAddress")),
        user_agent=user_agent,
        device=found.device,
        machine=found.machine,
        machine_reason=found.machine_reason,
        bounce_class=sort.bounce_class,
        reason=sort.reason,
        smtp_code=sort.smtp_code,
        metadata=_letter(call) | sort.metadata | marked,
    )


def _sort(call: Call) -> _Sort:
    match EMAILS.get(call.word, Kind.OTHER):
        case Kind.BOUNCED:
            return _bounced(call.part("bounce"))
        case Kind.DROPPED:
            failed, suppressed = call.part("failed"), call.part("suppressed")
            sort = text(suppressed.get("type"))
            reason = text(failed.get("reason")) or text(suppressed.get("message")) or sort
            return _Sort(Kind.DROPPED, reason=reason, metadata=known(suppression_type=sort))
        case kind:
            return _Sort(kind)


def _bounced(bounce: dict[str, Any]) -> _Sort:
    word, sub, message = (text(bounce.get(name)) for name in ("type", "subType", "message"))
    said = marks.flat({"diagnostic_code": bounce.get("diagnosticCode")}).get("diagnostic_code", "")
    code = _CODE.search(said)
    found: BounceClass | None = CLASSES.get(word or "", BounceClass.UNDETERMINED)
    if sub in WITHHELD or (not word and OLD_WITHHELD in (message or "").lower()):
        found = None
    elif found is BounceClass.SOFT and sub in BLOCKED:
        found = BounceClass.BLOCK
    elif not word and OLD_HARD in (message or "").lower():
        found = BounceClass.HARD
    return _Sort(
        Kind.BOUNCED if found else Kind.DROPPED,
        found,
        message or sub,
        code[1] if code else None,
        known(bounce_type=word, bounce_sub_type=sub, diagnostic_code=said),
    )


def _letter(call: Call) -> dict[str, str]:
    """What is kept of the email itself. Its id in the head is not the one Resend knows it by."""
    sender, subject, own = call.text("from"), call.text("subject"), call.text("message_id")
    return known(**{"from": sender, "subject": subject, "rfc_message_id": own})


def _headers(said: Any) -> dict[str, str]:
    """The sender's own headers, seen on ``email.sent``."""
    own = tags(said) if isinstance(said, list) else {}
    return {name: value for name, value in own.items() if name.lower().startswith("x-")}


def _inbound(call: Call) -> Event:
    """Of who wrote it. The body is to be fetched from Resend."""
    own = call.text("email_id")
    metadata = marks.flat({"to": call.data.get("to"), "received_id": own}) | _letter(call)
    return _other(call, own, email=address(call.data.get("from")), metadata=metadata)


def _suppression(call: Call) -> Event:
    """That sending to an address is withheld from now on, or no longer."""
    own = call.text("id")
    metadata = known(suppression_id=own, source_id=call.text("source_id"))
    return _other(call, own, email=call.text("email"), reason=call.text("origin"), metadata=metadata)


def _other(call: Call, own: str | None, **said: Any) -> Event:
    """What the vocabulary has no kind for, told once: by its own id, else by the call's."""
    at = call.at or call.received
    return Event(
        slot=alone(call.source, call.word, own or call.id),
        kind=Kind.OTHER,
        word=call.word,
        row_id=call.own_id,
        occurred_at=at.at,
        precision=at.precision,
        clock=at.clock,
        **said,
    )
