"""What is the same event (provider file, "Dedupe key"; law 3).

Webhooks have an ``event_id``, the log of emails has none. What both doors have is the message, the event, its time to
the second and the link of a click: that is the slot. In it each door is a list:

- **webhook**: rows by ``event_id``, which stays the same when a batch is repeated. Two clicks on one link within one
  second have two ids, and stay two.
- **logs**: an email is answered with all its events, which have no ids. Identical ones are counted: the first, the
  second … of one answer.

There are as many events in a slot as the door that shows most of them has.

Events are keyed by the message, which both doors put on every event. What names no message (Mailtrap's test batch may)
stands alone, by its id or a digest of it all.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from aftersend.vocabulary import Instant, slot_key

WEBHOOK, LOGS = "webhook", "logs"


def of_message(source: str, word: str, message: str, at: Instant, url: str | None) -> bytes:
    """The slot of an event of a message; ``word`` in its one spelling."""
    return slot_key(at, source, word, message.lower(), url)


def alone(source: str, word: str, own: str, at: Instant) -> bytes:
    """The slot of what names no message."""
    return slot_key(at, source, word, "alone", own)


def digest(item: Any) -> str:
    """What tells something without an id from others."""
    return blake2b(repr(item).encode("utf-8", "replace"), digest_size=16).hexdigest()
