"""Unisender Go's webhooks: who may call, and what a call says (provider file, "Webhook").

Either several events a call, in ``events_by_user``, or one, whose fields lie flat beside the envelope's. Either may be
compressed.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, NamedTuple

import msgspec

from aftersend.providers.contract import Handshake, Malformed, Request, check_address, check_method
from aftersend.providers.items import problem, unreadable
from aftersend.providers.proofs import accept, same
from aftersend.providers.unisender_go import events
from aftersend.providers.unisender_go.feeds import Options
from aftersend.providers.unisender_go.identity import BARE, WEBHOOK, alone, of_block
from aftersend.providers.unisender_go.values import Fields, fields, inflated, time
from aftersend.providers.unisender_go.words import SPAM_BLOCK, STATUS
from aftersend.providers.values import decoded, known, text
from aftersend.settings import Source
from aftersend.vocabulary import BadInput, Clock, Delivery, Event, Kind, Reading, Rejected

SHOWN = "it is the API key of the account, or of the project where the webhook was made with that"
BESIDE = ("auth", "retry_count")
"""What a call that is repeated may say otherwise."""
_AUTH = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)


class _Signed(msgspec.Struct):
    auth: str


def verify(request: Request, source: Source, options: Options) -> Handshake | None:
    """The MD5 inside the body must be that of the raw bytes with one of the source's keys in its place. The address is
    asked for by GET, which has no proof, when it is saved."""
    check_method(request, "Unisender Go")
    check_address(request, source)
    if request.method != "POST":
        return Handshake()
    if options.path_token and not same(request.token, options.path_token):
        raise Rejected(f"The address of this call does not end with the path_token of source '{source.name}'.")
    try:
        body = inflated(request.body)
        auth = _auth(body)
    except (Malformed, ValueError):
        raise Rejected(f"The body of this call to source '{source.name}' holds no signature.") from None
    if not _AUTH.fullmatch(auth) or auth.encode() not in body:
        raise Rejected(f"The auth in the body of this call to source '{source.name}' is no MD5.")
    accept(source, lambda secret: same(auth, _md5(body, auth, secret)), SHOWN)
    return None


def _auth(body: bytes) -> str:
    """What the body gives as its proof. The whole body must be JSON and nothing behind it: MD5 could be continued from
    what was signed once. Raises Malformed or ValueError."""
    try:
        return msgspec.json.decode(body, type=_Signed).auth
    except (ValueError, RecursionError):
        # What is read leniently must be let in: a refused call is sent again for a day, and then the webhook stops.
        return msgspec.convert(decoded(body), _Signed).auth


def _md5(body: bytes, auth: str, secret: str) -> str:
    signed = body.replace(auth.encode(), secret.encode("utf-8", "surrogatepass"))
    return hashlib.md5(signed, usedforsecurity=False).hexdigest()


class _User(NamedTuple):
    """Whose events they are."""

    source: str
    options: Options
    received_at: int
    about: dict[str, str]


def read(delivery: Delivery, options: Options) -> Reading:
    """The events of a call."""
    try:
        envelope = decoded(inflated(delivery.body), what="The webhook")
        if not isinstance(envelope, dict):
            raise Malformed("A webhook's JSON must be an object.")
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    if "event_name" in envelope:
        _read([envelope], _user(envelope, delivery, options), reading)
        return reading
    users = envelope.get("events_by_user")
    if not isinstance(users, list):
        return unreadable(delivery, "The webhook has neither event_name nor a list events_by_user.")
    for user in users:
        found = user.get("events") if isinstance(user, dict) else None
        if isinstance(found, list):
            _read(found, _user(user, delivery, options), reading)
        else:
            _read([user], _user({}, delivery, options), reading)
    return reading


def _user(said: Fields, delivery: Delivery, options: Options) -> _User:
    names = ("project_id", "project_name", "user_id")
    about = known(**{name: text(said.get(name)) for name in names})
    return _User(delivery.source, options, delivery.received_at, about)


def _read(items: list[Any], user: _User, reading: Reading) -> None:
    """Items are counted on through all users of a call."""
    first = len(reading.events) + len(reading.problems)
    for number, item in enumerate(items, first):
        try:
            reading.events.append(_event(item, user))
        except BadInput as error:
            reading.problems.append(problem(number, item, error))


def _event(item: Any, user: _User) -> Event:
    if not isinstance(item, dict):
        raise BadInput("An event must be an object.")
    name, data = text(item.get("event_name")), item.get("event_data", item)
    if not name:
        raise BadInput("event_name is missing.", "event_name")
    if not isinstance(data, dict):
        raise BadInput("event_data must be an object.", "event_data")
    if name == STATUS:
        info, marks = fields(data.get("delivery_info")), fields(data.get("metadata"))
        where = WEBHOOK if info else BARE
        return events.event(data, info, marks, user.source, user.options, where, **user.about)
    if name == SPAM_BLOCK:
        return _block(data, user)
    said = sorted((key, repr(value)) for key, value in data.items() if key not in BESIDE)
    raw = repr(said).encode("utf-8", "replace")
    return Event(
        slot=alone(user.source, name.encode("utf-8", "replace") + raw),
        kind=Kind.OTHER,
        word=name,
        occurred_at=user.received_at,
        clock=Clock.RECEIVED,
        email=text(data.get("email")),
        metadata=user.about,
    )


def _block(data: Fields, user: _User) -> Event:
    """A domain that blocks sending servers is no matter of one message: it is kept, and counts nowhere."""
    at = time(data.get("block_time"), "block_time")
    domain, block_type, status = (text(data.get(name)) for name in ("domain", "block_type", "domain_status"))
    about = known(
        block_type=block_type,
        domain=domain,
        domain_status=status,
        smtp_blocks_count=text(data.get("SMTP_blocks_count")),
    )
    return Event(
        slot=of_block(user.source, at, domain, block_type, status),
        kind=Kind.OTHER,
        word=SPAM_BLOCK,
        occurred_at=at,
        metadata=user.about | about,
    )
