"""Which rows and webhooks are the same fact (provider file, section 7; law 3).

No time can be part of it: the doors never carry the same one for one fact (3.1). What they share is the send's id.

- **Once per send** (sent, delivered, complained, dropped, failed): the slot alone. Hogsend repeats such notices under
  new envelope ids (3.1), which are the same fact; the earliest time told of it stands.
- **Bounced**: once per send and class. Lists that know the class have a row for each; the send log, which doesn't
  (2.4), has one row, and so adds nothing where the class is known.
- **Opened, clicked, replied**: there may be several. In the slot of a send each list has its own rows: the list of hits
  by its ids, webhooks by the envelope's id, the columns ``openedAt`` and ``clickedAt`` one row, "first". There are as
  many events as the list that shows most of them has, in order of time; the list of hits speaks first (its name does
  in the alphabet), then the columns, then webhooks, whose clock is some milliseconds late. So a webhook and a hit of
  one click are one event, and a column never adds one to hits that are known. The link isn't part of the slot, since
  ``clickedAt`` has none.
- **Unsubscribed**: of an address; webhooks by the envelope's id, the list of suppressions one row.
"""

from __future__ import annotations

from hashlib import blake2b

from aftersend.vocabulary import slot_key

HITS, COLUMNS, WEBHOOK = "hits", "sends", "webhook"
"""Lists of opens, clicks and replies, the one that speaks first before the others."""
BOUNCES = "bounces"
"""List of the bounces whose class is told."""
SUPPRESSIONS = "suppressions"
FIRST = "first"
"""Row of a list that knows of one fact at most."""


def of_send(source: str, kind: str, send: str, fact: str = "") -> bytes:
    """The slot of what happened to a send; ``fact`` tells apart what one kind has several of."""
    return slot_key(None, source, kind, "send", send, fact)


def of_contact(source: str, kind: str, who: str, category: str | None = None) -> bytes:
    """The slot of what a contact did: an opt-out of one category is another fact than one of all."""
    return slot_key(None, source, kind, "contact", who.lower(), category)


def alone(source: str, kind: str, own: str) -> bytes:
    """The slot of what names neither, by its own id."""
    return slot_key(None, source, kind, "alone", own)


def digest(raw: bytes) -> str:
    """What tells something without an id from others: 32 hexadecimal digits."""
    return blake2b(raw, digest_size=16).hexdigest()
