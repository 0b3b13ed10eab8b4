"""MailerSend's webhooks: who may call, and what a call says (provider file, "Verification" to "Example payloads").

One event a call, in one of two versions, which ``data.email`` tells apart: an object in version 1.
"""

from __future__ import annotations

from typing import Any

from aftersend.providers.contract import Handshake, Malformed, Request, check_address, check_method
from aftersend.providers.items import unreadable
from aftersend.providers.mailersend.activity import Activity, event, fields, tags
from aftersend.providers.mailersend.options import Options
from aftersend.providers.mailersend.words import INBOUND, KINDS, NOTICES, PREFIX, TEST
from aftersend.providers.proofs import accept, mac, same
from aftersend.providers.values import Stamp, decoded, first_time, text
from aftersend.settings import Source
from aftersend.vocabulary import BadInput, Delivery, Reading, Rejected

LONGEST_PING = 4096
"""Bytes: a ping has some hundred."""
PUBLIC = "test_Am3L1GuOIc4blLUuHqAPxxwkZaJyEk8G"
"""What MailerSend signs pings with. Everybody knows it, so it proves nothing, also where it is entered as a secret."""


def verify(request: Request, source: Source) -> Handshake | None:
    """The signature over the raw bytes must be one of the source's secrets'. A ping is answered whoever signed it: it
    comes before the secret is known, is signed with one that is public, and changes nothing."""
    check_method(request, "MailerSend")
    check_address(request, source)
    if request.method != "POST":
        return Handshake()
    given = request.headers.get("signature", "").strip()
    try:
        accept(
            source,
            lambda secret: secret != PUBLIC and same(given, mac(secret, request.body)),
            "MailerSend shows the signing secret with the webhook, under Domains, Manage, Webhooks",
        )
    except Rejected:
        if _is_ping(request.body):
            return Handshake()
        raise
    # What others wrote to the customer is nothing of ours: it isn't even stored.
    return Handshake() if _is_inbound(request.body) else None


def _is_ping(body: bytes) -> bool:
    if len(body) > LONGEST_PING:
        return False
    said = _object(body)
    return said.get("type") == TEST and "data" not in said


def _is_inbound(body: bytes) -> bool:
    return INBOUND.encode() in body and _object(body).get("type") == INBOUND


def _object(body: bytes) -> dict[str, Any]:
    try:
        return fields(decoded(body))
    except Malformed:
        return {}


def read(delivery: Delivery, source: str, options: Options) -> Reading:
    """The event of a call. Notices of other things than emails that were sent pass by."""
    try:
        activity = _activity(delivery)
    except (BadInput, Malformed) as error:
        return unreadable(delivery, error)
    return Reading(events=[event(activity, source, options)] if activity else [])


def _activity(delivery: Delivery) -> Activity | None:
    said = decoded(delivery.body, what="The webhook")
    if not isinstance(said, dict):
        raise BadInput("A webhook's JSON must be an object.")
    word = text(said.get("type"))
    if not word:
        raise BadInput("type is missing.", "type")
    if word in NOTICES:
        return None
    data = said.get("data")
    if word.startswith(PREFIX) and not isinstance(data, dict):
        raise BadInput("data must be an object.", "data")
    data = fields(data)
    received = Stamp(delivery.received_at).about()
    if isinstance(data.get("email"), dict):
        found = _version_1(word, said, data, received, delivery.body)
    else:
        found = _version_2(word, said, data, received, delivery.body)
    if found.email is None and word.removeprefix(PREFIX) in KINDS:
        raise BadInput("The recipient is missing.", "recipient")
    return found


def _version_1(word: str, said: dict[str, Any], data: dict[str, Any], received: Stamp, raw: bytes) -> Activity:
    """The outer ``created_at`` is some milliseconds late."""
    email = fields(data.get("email"))
    return Activity(
        word=word,
        at=first_time(data.get("created_at"), said.get("created_at")) or received,
        raw=raw,
        id=text(data.get("id")),
        email_id=text(email.get("id")),
        message_id=text(fields(email.get("message")).get("id")),
        email=text(fields(email.get("recipient")).get("email")),
        sender=text(email.get("from")),
        subject=text(email.get("subject")),
        tags=tags(email.get("tags")),
        template=text(data.get("template_id")),
        domain=text(said.get("domain_id")),
        details=fields(data.get("morph")),
    )


def _version_2(word: str, said: dict[str, Any], data: dict[str, Any], received: Stamp, raw: bytes) -> Activity:
    """The recipient is in ``recipient``, though MailerSend's samples call it ``email``."""
    return Activity(
        word=word,
        at=first_time(said.get("created_at"), data.get("created_at")) or received,
        raw=raw,
        # What isn't of an activity may repeat the id of whom it is of.
        id=text(data.get("id")) if word.startswith(PREFIX) else None,
        email_id=text(data.get("email_id")),
        message_id=text(data.get("message_id")),
        email=text(data.get("recipient")) or text(data.get("email")),
        subject=text(data.get("subject")),
        tags=tags(data.get("tags")),
        domain=text(data.get("domain_id")),
        details=fields(data.get("meta")),
    )
