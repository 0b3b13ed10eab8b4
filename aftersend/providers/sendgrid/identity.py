"""Which webhooks and rows are the same fact (provider file, "Dedupe key"; law 3).

``sg_event_id`` is no part of it: copies of one event may come with different ids, some events have none, and no list
has any. What copies share is all the rest, the time above all: SendGrid repeats an event's time, in whole seconds, with
every copy. So a slot begins with the second.

- **What happens to a message** (processed, deferred, delivered, opened, clicked, unknown words) has the message's id,
  the address and the link beside it, which webhooks and the message's activity both tell. In such a slot each door has
  its own rows: deferrals by the number of the attempt, opens and clicks by what tells two actors of one second apart
  (address, user agent, place of the link). Two clicks stay two, unless they agree in all of that: then nothing tells
  them from a copy.
- **What happens to an address** (bounced, dropped, complained, unsubscribed, resubscribed) has the address alone beside
  the second, since suppression lists name no message, late bounces may not, and the id on a drop may be another one
  than its message has. Two messages that come back in one second are two rows of the webhooks' list, by their ids. An
  opt-out from one group is another fact than one from all mail.

``sg_message_id`` keys the message (``by_message``) of each event that carries one, through webhooks and activity alike.
Without it, all mail to one recipient that names no campaign would be one message in logs and timelines. Late bounces
and rows of suppression lists that no webhook tells of have none: they stand apart, by campaign and recipient. So does a
drop whose id isn't its message's. Unique counts are per campaign and recipient either way.
"""

from __future__ import annotations

from hashlib import blake2b

from aftersend.vocabulary import Instant, Kind, slot_key

WEBHOOK, ACTIVITY, SUPPRESSIONS = "1 webhook", "2 activity", "3 suppressions"
"""Lists; where they differ, the first speaks."""

OF_ADDRESS = frozenset({Kind.BOUNCED, Kind.DROPPED, Kind.COMPLAINED, Kind.UNSUBSCRIBED, Kind.RESUBSCRIBED})


def of_message(source: str, kind: str, at: Instant, message: str | None, email: str | None, fact: str | None) -> bytes:
    """The slot of what happened to a message; ``fact`` is the link, or a word that is ``other``."""
    return slot_key(at, source, kind, "message", message, (email or "").lower(), fact)


def of_address(source: str, kind: str, at: Instant, email: str, group: str | None = None) -> bytes:
    """The slot of what happened to an address; ``group`` is the unsubscribe group, if it is of one."""
    return slot_key(at, source, kind, "address", email.lower(), group)


def digest(*parts: str | None) -> str:
    """What tells rows apart that have no id: 16 hexadecimal digits."""
    return blake2b("\x1f".join(part or "" for part in parts).encode(), digest_size=8).hexdigest()
