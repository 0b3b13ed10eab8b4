"""Mailgun's webhooks: who may call, and what a call says (provider file, "Auth / verification").

The signature lies in the body and covers a time and a token, **not the event**. Whoever has seen one call could put
another event beside its signature; so a token proves one event only, see :func:`once`. The signed text has no
separator: ``12`` + ``3x`` is signed as ``1`` + ``23x`` is. Hence it is the two together that are remembered.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from aftersend.providers import proofs
from aftersend.providers.contract import Handshake, Malformed, Never, Request, check_address, check_method
from aftersend.providers.items import unreadable
from aftersend.providers.mailgun.events import event_of
from aftersend.providers.mailgun.feeds import Options
from aftersend.providers.mailgun.values import record
from aftersend.providers.values import decoded
from aftersend.settings import Source, duration
from aftersend.vocabulary import BadInput, Delivery, Once, Reading, Rejected

FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
"""What inbound routes post, and webhooks did until 2023."""


class _Proof(NamedTuple):
    """What a call has in ``signature``, as it is written; empty where it is none."""

    timestamp: str
    token: str
    signature: str
    parent: str
    """The same by the primary account's key, where the event is a subaccount's."""


def verify(request: Request, source: Source, options: Options) -> Handshake | None:
    """A signature must be that of one of the source's signing keys, and not older than ``tolerance``."""
    check_method(request, "Mailgun")
    check_address(request, source)
    if request.method != "POST":
        return Handshake()
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() in FORMS:
        raise Never(415, "Mailgun's webhooks are JSON; an inbound route posts a form, and is read nowhere.")
    proof = _proof(_said(request), source)

    def fits(key: str) -> bool:
        wanted = proofs.mac(key, f"{proof.timestamp}{proof.token}".encode("utf-8", "surrogatepass"))
        found = [proofs.same(given, wanted) for given in (proof.signature, proof.parent)]
        return any(found)

    proofs.accept(source, fits, "Mailgun shows the HTTP webhook signing key under API Security, beside the API keys")
    proofs.check_age(proof.timestamp, _tolerance_ms(options) // 1000, source)
    return None


def once(request: Request, source: Source, options: Options) -> Once:
    """The token of a verified call, and the event it is for, all that is said of it: Mailgun may repeat a call with the
    same token, but it says the same. (With another recipient, say, it would still be the same event to the store.)"""
    said = _said(request)
    proof = _proof(said, source)
    fact: str | bytes
    try:
        fact = json.dumps(said.get("event-data"), sort_keys=True)
    except (ValueError, RecursionError):
        fact = request.body
    until = int(proof.timestamp) * 1000 + _tolerance_ms(options) + 1
    return proofs.once(source, proof.timestamp + proof.token, fact, until)


def read(delivery: Delivery, source: str, options: Options) -> Reading:
    """The event of a call."""
    try:
        data = _opened(delivery.body).get("event-data")
        if data is None:
            raise BadInput("event-data is missing.", "event-data")
        event = event_of(data, source, options)
    except (BadInput, Malformed) as error:
        return unreadable(delivery, error)
    return Reading(events=[event] if event else [])


def _opened(body: bytes) -> dict[str, Any]:
    """The object of a call. Raises Malformed and BadInput."""
    said = decoded(body, what="The webhook")
    if not isinstance(said, dict):
        raise BadInput("A webhook's JSON must be an object.")
    return said


def _said(request: Request) -> dict[str, Any]:
    """The object of a call; empty where it is none."""
    try:
        return _opened(request.body)
    except (BadInput, Malformed):
        return {}


def _proof(said: dict[str, Any], source: Source) -> _Proof:
    """Raises Rejected where a call has none."""
    try:
        given = record(said.get("signature"))
    except BadInput:
        given = {}
    found = _Proof(*(_plain(given.get(name)) for name in ("timestamp", "token", "signature", "parent-signature")))
    if not (found.timestamp and found.token and (found.signature or found.parent)):
        raise Rejected(f"The webhook of source '{source.name}' is not signed.")
    return found


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int and 0 <= value < 10**12 else ""


def _tolerance_ms(options: Options) -> int:
    return duration(options.tolerance, "tolerance")
