"""Both of inwise's webhooks: who may call, and what a call says (provider file, section 3).

The automation webhook is a form POST with bracketed names, one event each (3.1 to 3.3); the contact may also come as
one JSON string, and the whole body as JSON. The transactional webhook is a JSON object (3.4). Which of the two it
is shows in the fields: ``trigger_type`` or ``event``. Names are compared in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

import msgspec

from aftersend.providers.contract import Handshake, Never, Request, check_address, check_method, check_token
from aftersend.providers.inwise.arrays import clean
from aftersend.providers.inwise.identity import contact_key, digest, fact_key, slot
from aftersend.providers.inwise.rows import first_address
from aftersend.providers.inwise.times import notes, to_second, transactional
from aftersend.providers.inwise.words import BOUNCES, TRANSACTIONAL, kind_of
from aftersend.providers.items import problem, unreadable
from aftersend.settings import Source
from aftersend.vocabulary import (
    BadInput,
    BounceClass,
    Delivery,
    Event,
    Kind,
    Reading,
    slot_key,
)

CONTENT_TYPES = frozenset({"", "application/x-www-form-urlencoded", "application/json", "text/json"})

Fields = Mapping[str, Any]
"""What a call says: names in lower case; values are plain, or as deep as their brackets or JSON."""


def verify(request: Request, source: Source) -> Handshake | None:
    """inwise signs nothing (3.5): the token in the path and, where the source lists some, the client's address."""
    check_method(request, "inwise")
    check_token(request, source)
    check_address(request, source)
    if request.method != "POST":
        return Handshake()
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in CONTENT_TYPES:
        raise Never(415, "inwise sends forms (application/x-www-form-urlencoded) or JSON (application/json).")
    if not request.body:
        raise Never(400, "The body is empty.")
    return None


def read(delivery: Delivery, source: str, zone: str) -> Reading:
    """The event of a call, or of each object where a body is a JSON array of them."""
    try:
        calls = _calls(delivery.body)
    except BadInput as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, call in enumerate(calls):
        try:
            reading.events.append(_event(call, source, zone, delivery))
        except BadInput as error:
            item = delivery.body if len(calls) == 1 else call.fields
            reading.problems.append(problem(number, item, error))
    return reading


def _event(call: Call, source: str, zone: str, delivery: Delivery) -> Event:
    if not isinstance(call.fields, dict):
        raise BadInput("A webhook's JSON must be an object.")
    fields = _lower(call.fields)
    if "trigger_type" in fields:
        return _automation(fields, call.repeated, source, zone)
    if "event" in fields:
        return _transactional(fields, call.repeated, source, zone, delivery)
    raise BadInput("The body has neither trigger_type nor event.", "trigger_type")


def _automation(fields: Fields, repeated: str, source: str, zone: str) -> Event:
    word = _required(fields, "trigger_type", "trigger_type")
    at_text = _required(fields, "timestamp", "timeStamp")
    lower = word.lower()
    kind, channel = kind_of(lower, plain(fields, "channel_type"))
    stamp = to_second(at_text, zone)
    contact = _contact(fields)
    campaign, chain = plain(fields, "campaign_id"), plain(fields, "ip") or plain(fields, "lp")
    number, url = plain(fields, "remarks"), plain(fields, "additional_details") or plain(fields, "additional_data")
    reason, bounce_type = plain(fields, "reason"), plain(fields, "bounce_type")
    group, reply = plain(fields, "group_id"), plain(fields, "replycontent")
    metadata = {
        "group_id": group,
        "account_code": plain(fields, "account_code"),
        "reply": reply,
        "public": "true" if lower == "emailpublicwebversion" else None,
        "repeated": repeated,
        **contact.extra,
        **_survey(fields),
        **notes("timestamp", at_text, stamp),
    }
    bounce = BOUNCES.get((bounce_type or "").lower(), BounceClass.UNDETERMINED)
    if bounce_type and bounce is BounceClass.UNDETERMINED:
        metadata["bounce_type"] = bounce_type
    who = contact_key(contact.id, contact.email, contact.phone, contact.external_id)
    return Event(
        slot=slot(
            stamp.at, source, fact_key(kind, channel, lower), campaign, who, url if kind is Kind.CLICKED else None
        ),
        kind=kind,
        word=word,
        occurred_at=stamp.at,
        list="webhook",
        row=digest(source, word, at_text, campaign, who, group, chain, number, url, reason, bounce_type, reply),
        precision=stamp.precision,
        clock=stamp.clock,
        channel=channel,
        campaign_id=campaign,
        contact_id=contact.id,
        external_id=contact.external_id,
        email=contact.email,
        phone=contact.phone,
        url=url,
        link_number=number,
        ip=first_address(chain),
        ip_chain=chain if chain and "," in chain else None,
        bounce_class=bounce if kind is Kind.BOUNCED else None,
        reason=reason,
        metadata={name: value for name, value in metadata.items() if value},
    )


def _transactional(fields: Fields, repeated: str, source: str, zone: str, delivery: Delivery) -> Event:
    word = _required(fields, "event", "event")
    at_text = _required(fields, "created_at", "created_at")
    message, email = plain(fields, "transaction_id"), plain(fields, "email")
    if not (message or email):
        raise BadInput("The event has neither transaction_id nor email.", "transaction_id")
    kind, bounce = TRANSACTIONAL.get(word.lower(), (Kind.OTHER, None))
    stamp = transactional(at_text, zone, delivery.received_at)
    extra = _additional(fields)
    number = plain(extra, "link_id")
    kept = notes("created_at", at_text, stamp)
    if "T" not in at_text:
        kept["created_at"] = at_text
    if repeated:
        kept["repeated"] = repeated
    return Event(
        # The time is no part of the key's order: the broken form may be read differently on redelivery.
        slot=slot_key(None, source, "transactional", message or email, word.lower(), at_text, number),
        kind=kind,
        word=word,
        occurred_at=stamp.at,
        precision=stamp.precision,
        clock=stamp.clock,
        message_id=message,
        by_message=message is not None,
        email=email,
        url=plain(extra, "link_text"),
        link_number=number,
        bounce_class=bounce,
        reason=plain(extra, "reject_reason"),
        metadata=kept,
    )


# -- what a call is made of ------------------------------------------------------------------------


class Call(NamedTuple):
    """One event's worth of a body."""

    fields: Any
    repeated: str = ""
    """Names a form has more than once."""


LONGEST_REMEMBERED = 100
"""Characters of a form's name: nobody fills the memory with names of a megabyte."""
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")


def plain(fields: Fields, name: str) -> str | None:
    """A field's value as text, trimmed, ``None`` when empty or absent. Raises BadInput for a list or an object."""
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        return value.replace("\x00", "�").strip() or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    raise BadInput(f"{name} must be a plain value.", name)


def _required(fields: Fields, name: str, printed: str) -> str:
    value = plain(fields, name)
    if value is None:
        raise BadInput(f"{printed} is missing.", printed)
    return value


def _calls(body: bytes) -> list[Call]:
    said = body.decode("utf-8-sig", "replace").strip()
    if said[:1] not in ("{", "["):
        return [_form(said)]
    decoded = _json(said, "The body")
    if decoded == []:
        raise BadInput("The body is an empty list.")
    return [Call(fields) for fields in (decoded if isinstance(decoded, list) else [decoded])]


def _form(said: str) -> Call:
    """``name[a][b]=v`` as nested dictionaries, numeric names too. Of a repeated name the first value is kept."""
    fields: dict[str, Any] = {}
    repeated: dict[str, None] = {}
    for pair in filter(None, said.split("&")):
        name, _, value = pair.partition("=")
        *outer, last = _path(name)
        place: Any = fields
        for part in outer:
            place = place.setdefault(part, {}) if isinstance(place, dict) else None
        if not isinstance(place, dict) or last in place:
            repeated[clean(unquote_plus(name))] = None
        else:
            place[last] = unquote_plus(value) if "%" in value else value.replace("+", " ")
    return Call(fields, ", ".join(repeated)[:500])


def _path(name: str) -> tuple[str, ...]:
    """The parts of a bracketed name as it stands in a form, in lower case."""
    return _remembered(name) if len(name) <= LONGEST_REMEMBERED else _parts(name)


def _parts(name: str) -> tuple[str, ...]:
    decoded = unquote_plus(name)
    bracketed = _NAME.fullmatch(decoded)
    parts = [bracketed[1], *bracketed[2][1:-1].split("][")] if bracketed else [decoded]
    return tuple(clean(part).lower() for part in parts)


_remembered = lru_cache(maxsize=1024)(_parts)


def _json(said: str, name: str) -> Any:
    try:
        return msgspec.json.decode(said)
    except (ValueError, RecursionError):
        raise BadInput(f"{name} is not JSON.") from None


def _lower(fields: Fields) -> dict[str, Any]:
    """The same with names in lower case; of two that differ only in case, the first."""
    lower: dict[str, Any] = {}
    for name, value in fields.items():
        lower.setdefault(clean(name).lower(), value)
    return lower


def _opened(fields: Fields, name: str) -> Any:
    """A structured field: nested already, or one JSON string, or absent (an empty object)."""
    value = fields.get(name)
    if isinstance(value, str):
        value = _json(value, name) if value.strip() else None
    return {} if value is None else value


class Contact(NamedTuple):
    """Whom an automation's call speaks of."""

    id: str | None
    email: str | None
    phone: str | None
    external_id: str | None
    extra: dict[str, str | None]


def _contact(fields: Fields) -> Contact:
    """From ``contact``; what it leaves open from ``custom_data`` (onSite)."""
    given = _opened(fields, "contact")
    if not isinstance(given, dict):
        raise BadInput("contact must be an object.", "contact")
    known = {name.replace("_", ""): value for name, value in _lower(given).items()}
    extra = {f"contact.{name}": plain(known, name) for name in known if name.startswith("field")}
    custom = dict(_custom_data(fields))
    extra |= {f"custom_data.{name}": value for name, value in custom.items() if name.lower() not in _CUSTOM}
    custom = {name.lower(): value for name, value in custom.items()}
    return Contact(
        id=plain(known, "id") or custom.get("inwisecontactid"),
        email=plain(known, "email") or custom.get("email"),
        phone=plain(known, "mobilenumber") or custom.get("mobilenumber"),
        external_id=plain(known, "externalid") or plain(fields, "external_id") or custom.get("externalid"),
        extra=extra,
    )


_CUSTOM = frozenset({"email", "mobilenumber", "inwisecontactid", "externalid"})


def _custom_data(fields: Fields) -> list[tuple[str, str | None]]:
    """The pairs of ``custom_data``: a list of ``{Key, Value}``, or an object of them by number (3.2)."""
    given = _opened(fields, "custom_data")
    pairs = []
    for item in given.values() if isinstance(given, dict) else given if isinstance(given, list) else [given]:
        if not isinstance(item, dict):
            raise BadInput("custom_data must be a list of Key and Value.", "custom_data")
        pair = _lower(item)
        if name := plain(pair, "key"):
            pairs.append((name, plain(pair, "value")))
    return pairs


def _survey(fields: Fields) -> dict[str, str | None]:
    """The answers of a form, by field number."""
    given = _opened(fields, "survey_field")
    if not isinstance(given, dict):
        raise BadInput("survey_field must be an object.", "survey_field")
    answers = _lower(given)
    return {f"survey_field.{number}": plain(answers, number) for number in answers}


def _additional(fields: Fields) -> dict[str, Any]:
    """``additional_data`` of the transactional webhook: an object (7.3: the same name is text elsewhere)."""
    given = _opened(fields, "additional_data")
    if not isinstance(given, dict):
        raise BadInput("additional_data must be an object.", "additional_data")
    return _lower(given)
