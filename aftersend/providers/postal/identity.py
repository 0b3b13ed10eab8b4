"""Which webhooks are the same fact (provider file, "Dedupe key"; law 3).

There is one door. A webhook's ``uuid`` is made when its event is queued, and is the same in all attempts, as is all its
body; so the uuid alone makes the slot, led by the event's time, which is repeated too. Without one, the whole body
stands in. A uuid inside the payload is another thing's (a domain's).

Two webhooks of one mail server that call the same address would give one event two uuids: setup.md says to make one.

Every event of a message carries the message's Message-ID, so that this keys it (``by_message``). Postal's own number
of the message is unique within one mail server only, and several may share a source.
"""

from __future__ import annotations

from hashlib import blake2b

from aftersend.vocabulary import Instant, slot_key


def of_webhook(source: str, at: Instant, uuid: str) -> bytes:
    """The slot of an event by its webhook's id."""
    return slot_key(at, source, "uuid", uuid)


def of_body(source: str, at: Instant, body: bytes) -> bytes:
    """The slot of an event whose webhook has no id."""
    return slot_key(at, source, "body", blake2b(body, digest_size=16).hexdigest())
