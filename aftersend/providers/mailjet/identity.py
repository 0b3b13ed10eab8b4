"""Which of Mailjet's webhooks and rows are the same fact (provider file, Dedupe key; law 3).

Nothing has an id. What both doors have is the kind, the ``MessageID`` and the second: these make the slot, which holds
two lists. A webhook's row is a digest of the address, the link, the ip and the error; a history's rows, which have none
of these, are numbered among those that are alike in one answer. There are as many events as the list that shows most of
them has: two clicks in one second on two links stay two, and a webhook that is repeated in another group stays one. The
webhook speaks first, since it knows more.

Mailjet repeats the time of an event when it repeats the event, so that the time may lead the key.

A bounce and a deferral have one kind of slot, since to Mailjet both are a ``bounce``: a history may call ``bounced``
what the webhook knows to be greylisted. Errors tell two webhooks of one second apart. That a message was sent is told
by its row in the list of messages, once for each.

``by_message`` is right: every event has the ``MessageID`` through both doors, and each recipient has an own one.
"""

from __future__ import annotations

from hashlib import blake2b

from aftersend.vocabulary import Instant, Kind, slot_key

WEBHOOK, HISTORY = "events", "history"
"""The lists, the one that speaks first before the other."""


def of_event(source: str, kind: Kind, word: str, message: str | None, email: str | None, at: Instant) -> bytes:
    """The slot of what a webhook or a history tells; without a message, of an address."""
    fact = {Kind.BOUNCED: "bounce", Kind.DEFERRED: "bounce", Kind.OTHER: f"other {word}"}.get(kind, str(kind))
    if message:
        return slot_key(at, source, fact, "message", message)
    return slot_key(at, source, fact, "contact", (email or "").lower())


def of_message(source: str, kind: Kind, message: str) -> bytes:
    """The slot of what the list of messages tells."""
    return slot_key(None, source, kind, "row", message)


def digest(*told: str | None) -> str:
    """What tells two webhooks of one slot apart: 32 hexadecimal digits."""
    return blake2b("\x1f".join(part or "" for part in told).encode("utf-8", "replace"), digest_size=16).hexdigest()
