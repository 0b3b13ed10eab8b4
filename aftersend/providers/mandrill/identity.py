"""Which webhooks and rows are the same fact (provider file, Dedupe key and Pull feed; law 3).

Mandrill's events have no ids. ``_id`` is that of the *message*, and stands on every event and every row of it; so it
keys the message. What each door repeats, on redelivery and when read again, is:

- **Sent, delivered, dropped** happen to a message once: the slot is the message alone. The webhook's time of a sending
  is some seconds later than the list's, so no time is part of it.
- **Bounced**: once per message and event word in webhooks; the list, which doesn't know the class, has one row.
- **Deferred**: several. Each list has its rows, by the time it tells; webhooks and list don't tell the same one, so
  there are as many as the list that shows most of them has.
- **Opened, clicked**: ``event | _id | ts | url`` is what both doors have (Pull feed). Within that slot, which is one
  second, each list tells its rows apart by address and program, so that two people in one second stay two, though the
  doors may spell either differently. In the list, which has no ids, identical ones are counted; identical webhooks are
  one.
- **Complained, unsubscribed**: of an address. Webhooks and list have one row per message; the deny list, which names no
  message, has one for each entry, by the time it was made: so an entry adds nothing to a webhook that told the same.
- **An entry of a list of addresses** that says nothing of the kind: by list, action, address and time. Of one that was
  added the time is the entry's own, which the list shows too.

What has neither message nor time is known by a digest of all it says.
"""

from __future__ import annotations

from aftersend.vocabulary import Instant, Kind, slot_key

PUSHED, LISTED, ENTERED = "1 webhook", "2 messages", "3 denylist"
"""The lists of a slot. Of equally trusted accounts the first speaks."""
ONCE = "once"
"""Row of a list that knows of one fact at most."""
OF_ADDRESS = frozenset({Kind.COMPLAINED, Kind.UNSUBSCRIBED})


def of_message(source: str, kind: Kind, message: str, fact: str = "") -> bytes:
    """The slot of what happened to a message; ``fact`` tells apart what one kind has several of."""
    return slot_key(None, source, kind, "message", message, fact)


def of_act(source: str, kind: Kind, message: str, at: Instant, url: str | None) -> bytes:
    """The slot of opens, or clicks on one link, within a second."""
    return slot_key(at, source, kind, "message", message, str(at // 1000), url)


def of_address(source: str, kind: Kind, email: str) -> bytes:
    """The slot of what the owner of an address did."""
    return slot_key(None, source, kind, "address", email.lower())


def of_entry(source: str, which: str, action: str, email: str, when: str) -> bytes:
    """The slot of a change of a list of addresses."""
    return slot_key(None, source, Kind.OTHER, which, action, email.lower(), when)


def alone(source: str, kind: Kind, own: str) -> bytes:
    """The slot of what names no message, by a digest."""
    return slot_key(None, source, kind, "alone", own)
