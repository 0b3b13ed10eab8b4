"""Which of Resend's webhooks and rows are the same fact (Dedupe key; External ids and campaign fields; law 3).

Bodies carry no event id. ``svix-id`` stays the same over retries and replays, but two endpoints of a team get the same
event under two ids; and the list has neither. So an event's place is made of what it says.

The slot is a kind of thing that happened to an email (``email_id``), with two lists in it. **Webhooks** have a row

- for what happens to a recipient once (scheduled, sent, delivered, complained): the recipient;
- for bounces and drops, which share one slot, because the list says ``bounced`` of what webhooks call suppressed: the
  recipient and the bounce's class, if it is one. A soft bounce and the hard one after it are two;
- for openings, clicks, delays and unknown types: the recipient, the time (the same on every retry, to the millisecond)
  and the link. Two clicks are two.

An event whose recipient isn't told (payloads of old list all of them) has its ``svix-id`` as row, and is never fanned
out; two endpoints then count it twice. The **list of emails** has one row, "latest": it adds an event only where
webhooks told none of that kind, and where they did, theirs speak, since the list has no times of events.

No time is part of a slot, because the list has none. ``email_id`` is on every event of an email through both doors;
with the recipient it keys the message.

An opt-out told by ``contact.updated`` is known once for a contact: the call says what a contact is, not what changed,
and comes with every change of a name, too.
"""

from __future__ import annotations

from hashlib import blake2b

from aftersend.vocabulary import Instant, Kind, slot_key

WEBHOOK, EMAILS = "webhook", "emails"
"""Lists."""
LATEST = "latest"
"""Row of a list that knows of one fact at most."""
_RETURNED = frozenset({Kind.BOUNCED, Kind.DROPPED})
_ONCE = frozenset({Kind.QUEUED, Kind.SENT, Kind.DELIVERED, Kind.COMPLAINED})


def of_email(source: str, kind: Kind, email_id: str, word: str = "") -> bytes:
    """The slot of what happened to an email; ``word`` tells apart what is ``other``."""
    fact = "returned" if kind in _RETURNED else str(kind)
    other = word.removeprefix("email.") if kind is Kind.OTHER else ""
    return slot_key(None, source, fact, "email", email_id, other)


def row(kind: Kind, recipient: str, sort: str, at: Instant | None, link: str) -> str | None:
    """The row of a webhook; ``None`` where it doesn't say enough. ``sort``: the class of a bounce."""
    if kind in _ONCE:
        return recipient.lower()
    if kind in _RETURNED:
        return f"{sort or kind} {recipient.lower()}"
    return None if at is None else f"{at} {recipient.lower()} {link}".strip()


def of_contact(source: str, fact: str, who: str, topic: str = "") -> bytes:
    """The slot of what a contact chose; ``fact`` is the kind, and where a call says a state, the call's word."""
    return slot_key(None, source, fact, "contact", who.lower(), topic)


def alone(source: str, word: str, own: str) -> bytes:
    """The slot of what tells of no email that was sent, by its own id."""
    return slot_key(None, source, "alone", word, own)


def digest(raw: bytes) -> str:
    """What tells a call without an id from others: 32 hexadecimal digits."""
    return blake2b(raw, digest_size=16).hexdigest()
