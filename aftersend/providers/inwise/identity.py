"""Which of inwise's rows and webhooks may be the same fact (provider file 5.2, law 3).

The slot is made of what every list has: the time cut to the minute, the kind, campaign, contact, and for clicks the
URL. Within a slot, rows are told apart by the list's own id, webhooks by a digest of their fields.
"""

from __future__ import annotations

from hashlib import blake2b

from aftersend.providers.inwise.times import MINUTE
from aftersend.providers.inwise.words import FACT_WORDS
from aftersend.vocabulary import Channel, Instant, Kind, slot_key


def slot(at: Instant, source: str, fact: str, campaign_id: str | None, contact: str | None, url: str | None) -> bytes:
    """The slot of a campaign's event.

    ``fact`` comes from :func:`fact_key`, ``contact`` from :func:`contact_key`; ``url`` is a click's, else ``None``.
    """
    return slot_key(at - at % MINUTE, source, fact, campaign_id, contact, url)


def fact_key(kind: Kind, channel: Channel, word: str) -> str:
    """What happened, as a part of the slot: kind and channel, and for kinds that stand for several of inwise's words
    the word, in lower case."""
    return f"{kind}.{channel}.{word}" if kind in FACT_WORDS else f"{kind}.{channel}"


def contact_key(contact_id: str | None, email: str | None, phone: str | None, external_id: str | None) -> str | None:
    """What names a contact through every door: its id, else its address, number, or the customer's own id."""
    return contact_id or (email.lower() if email else phone or external_id)


def digest(*values: str | None) -> str:
    """What tells apart two items that have no id: 32 hexadecimal digits over all their fields."""
    return blake2b("\x1f".join([value or "" for value in values]).encode(), digest_size=16).hexdigest()
