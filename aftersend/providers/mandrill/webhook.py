"""Mandrill's webhooks: who may call, and what a call says (provider file, Webhook and Events).

A form with one field, ``mandrill_events``, which holds a JSON array of up to 1,000 events.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

from aftersend.providers import proofs
from aftersend.providers.contract import Handshake, Malformed, Request, check_address, check_method
from aftersend.providers.items import problem, unreadable
from aftersend.providers.mandrill import entries
from aftersend.providers.mandrill.identity import OF_ADDRESS, ONCE, PUSHED, alone, of_act, of_address, of_message
from aftersend.providers.mandrill.messages import about
from aftersend.providers.mandrill.options import Options
from aftersend.providers.mandrill.values import acted, bounced, digest, seconds, smtp
from aftersend.providers.mandrill.words import BOUNCES, EVENTS, EXAMPLE, INBOUND
from aftersend.providers.values import Stamp, decoded, known, text
from aftersend.settings import Source
from aftersend.vocabulary import BadInput, Delivery, Event, Kind, Reading

EVENTS_FIELD = b"mandrill_events"
HINT = (
    "Mandrill shows the key of each webhook under Settings → Webhooks; the address counts too, exactly as it was typed "
    "there: if it is another than the one `aftersend check` prints, set webhook_url"
)


def verify(request: Request, source: Source, typed: str) -> Handshake | None:
    """The signature must be one of the source's keys', over the address as ``typed`` at Mandrill and all fields of the
    form. There is no time in it: a replay says nothing new.

    An empty batch is the test that Mandrill sends before the key exists. It holds nothing, so nothing is asked of it.
    """
    check_method(request, "Mandrill")
    check_address(request, source)
    if request.method != "POST":
        return Handshake()
    fields = _fields(request.body)
    if [(name, value.strip()) for name, value in fields] == [(EVENTS_FIELD, b"[]")]:
        return Handshake()
    signed = b"".join([typed.encode("utf-8", "surrogatepass"), *(name + value for name, value in sorted(fields))])
    given = request.headers.get("x-mandrill-signature", "").strip()
    proofs.accept(source, lambda key: proofs.same(given, proofs.mac(key, signed, "sha1", "base64")), HINT)
    return None


def _fields(body: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values of a form, decoded to the bytes that were signed."""
    pairs = (pair.partition(b"=") for pair in body.replace(b"+", b" ").split(b"&") if pair)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs]


def read(delivery: Delivery, source: str, options: Options) -> Reading:
    """The events of a batch. Mail that came in passes by."""
    try:
        items = _items(delivery.body)
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, item in enumerate(items):
        try:
            if event := _event(item, source, options):
                reading.events.append(event)
        except BadInput as error:
            reading.problems.append(problem(number, item, error))
    return reading


def _items(body: bytes) -> list[Any]:
    found = next((value for name, value in _fields(body) if name == EVENTS_FIELD), None)
    if found is None:
        raise Malformed("The form has no field mandrill_events.")
    items = decoded(found, what="mandrill_events")
    if not isinstance(items, list):
        raise Malformed("mandrill_events is not a list.")
    return items


def _event(item: Any, source: str, options: Options) -> Event | None:
    if not isinstance(item, dict):
        raise BadInput("An event must be an object.")
    word = text(item.get("event"))
    if word is None and text(item.get("type")):
        return entries.synced(item, source)
    if word is None:
        raise BadInput("event is missing.", "event")
    if word == INBOUND:
        return None
    return _of_message(item, word, source, options)


def _of_message(item: dict[str, Any], word: str, source: str, options: Options) -> Event:
    told = item.get("msg")
    told = told if isinstance(told, dict) else {}
    message = text(item.get("_id")) or text(told.get("_id"))
    at, email = seconds(item.get("ts"), "ts"), text(told.get("email"))
    if not (message or email):
        raise BadInput("The event names neither a message nor a recipient.", "_id")
    kind, test = EVENTS.get(word, Kind.OTHER), (message or "").startswith(EXAMPLE)
    if test:
        # Samples of the web application's test: nobody was sent anything.
        kind = Kind.OTHER
    fields, more = _told(kind, word, item, told)
    common, metadata = about(told, options)
    return Event(
        kind=kind,
        word=word,
        occurred_at=at.at,
        precision=at.precision,
        message_id=message,
        by_message=bool(message),
        metadata=metadata | more | ({"test": "yes"} if test else {}),
        **_place(kind, word, item, message, at, email, source),
        **common,
        **fields,
    )


def _told(kind: Kind, word: str, item: dict[str, Any], told: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Fields and metadata of that kind of event."""
    match kind:
        case Kind.BOUNCED:
            more = known(
                bounce_description=text(told.get("bounce_description")), bgtools_code=text(told.get("bgtools_code"))
            )
            return bounced(told, told.get("diag"), BOUNCES[word]), more
        case Kind.DEFERRED:
            diag = _last_answer(told)
            return {"reason": diag, "smtp_code": smtp(diag)[0]}, {}
        case Kind.OPENED | Kind.CLICKED | Kind.OTHER:
            fields, more = acted(
                item.get("ip"), item.get("user_agent"), item.get("user_agent_parsed"), item.get("location")
            )
            return fields | {"url": text(item.get("url"))}, more
    return {}, {}


def _last_answer(told: dict[str, Any]) -> str | None:
    """What the server said last. The snapshot's own events are cumulative and are none of ours (Quirks)."""
    answers = told.get("smtp_events")
    last = answers[-1] if isinstance(answers, list) and answers else None
    return (text(last.get("diag")) if isinstance(last, dict) else None) or text(told.get("diag"))


def _place(
    kind: Kind, word: str, item: dict[str, Any], message: str | None, at: Stamp, email: str | None, source: str
) -> dict[str, Any]:
    """The identity."""
    second = str(at.at // 1000)
    if kind in OF_ADDRESS and email:
        return {"slot": of_address(source, kind, email), "list": PUSHED, "row": message or second}
    if message is None:
        return {"slot": alone(source, kind, digest(item))}
    actor = digest(text(item.get("ip")), text(item.get("user_agent")))
    match kind:
        case Kind.OPENED | Kind.CLICKED:
            return {"slot": of_act(source, kind, message, at.at, text(item.get("url"))), "list": PUSHED, "row": actor}
        case Kind.DEFERRED:
            return {"slot": of_message(source, kind, message), "list": PUSHED, "row": second}
        case Kind.BOUNCED:
            return {"slot": of_message(source, kind, message), "list": PUSHED, "row": word}
        case Kind.OTHER:
            key = f"{word} {second} {text(item.get('url')) or ''}"
            return {"slot": of_message(source, kind, message, key), "list": PUSHED, "row": actor}
    return {"slot": of_message(source, kind, message), "list": PUSHED, "row": ONCE}
