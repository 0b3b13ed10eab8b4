"""Which of Postmark's webhooks and rows are the same fact (provider file, Dedupe key; law 3).

The header ``X-PM-Webhook-Trace-Id`` names a delivery, not a fact, and no list has it: it is not used. ``MessageID`` is
shared by all recipients of a message, so that it says nothing alone.

- **Bounces of all types**: by ``ID``, which the webhook and the list of bounces share. No time: one type comes without.
- **Delivered, queued, sent**: once for each message and recipient.
- **Complained**: of one message and recipient. Complaints have their ``ID`` as a row there; in broadcast streams a
  SubscriptionChange tells of it instead, which is a list of one row beside them. So where both come, they are one.
- **Opened, clicked**: message, recipient, ``ReceivedAt`` (and the link), which both doors print with the same seven
  digits; the seventh is cut. Two clicks of one link at different times stay two.
- **Unsubscribed, resubscribed**: of a stream and recipient, without a time: nothing says that ``ChangedAt`` of the
  webhook is ``CreatedAt`` of the suppression. Each list has a row for each of its times, and there are as many events
  as the list that shows most has.
- **Replied**: by the id of the mail that came in.

``by_message`` is right: every event of a message has its ``MessageID``, through both doors. What has none (a
suppression made by staff, a reactivation) is of no message.
"""

from __future__ import annotations

from hashlib import blake2b

from aftersend.providers.postmark.values import When
from aftersend.vocabulary import Kind, slot_key

BOUNCES, CHANGES, SUPPRESSIONS = "bounces", "changes", "suppressions"
"""Lists whose rows may be the same facts, the one that speaks first before the others."""


def of_bounce(source: str, own: str) -> bytes:
    """The slot of a bounce of any type, by its id."""
    return slot_key(None, source, "bounce", own)


def of_message(source: str, kind: Kind, message: str, recipient: str) -> bytes:
    """The slot of what happens to a message and recipient once."""
    return slot_key(None, source, kind, "message", message, recipient.lower())


def of_act(source: str, kind: Kind, message: str | None, recipient: str, at: When, url: str | None = None) -> bytes:
    """The slot of what a recipient did at a time."""
    return slot_key(at.stamp.at, source, kind, message, recipient.lower(), at.exact, url)


def of_contact(source: str, kind: Kind, stream: str | None, recipient: str) -> bytes:
    """The slot of a recipient's leaving of a stream or coming back."""
    return slot_key(None, source, kind, "contact", stream, recipient.lower())


def of_change(source: str, stream: str | None, recipient: str, at: When, reason: str | None) -> bytes:
    """The slot of a change that counts nowhere."""
    return slot_key(at.stamp.at, source, Kind.OTHER, "change", stream, recipient.lower(), at.exact, reason)


def alone(source: str, kind: Kind, word: str, own: str) -> bytes:
    """The slot of what no other list has."""
    return slot_key(None, source, kind, "alone", word, own)


def digest(said: object) -> str:
    """What tells something without an id from others: 32 hexadecimal digits."""
    return blake2b(repr(said).encode("utf-8", "replace"), digest_size=16).hexdigest()
