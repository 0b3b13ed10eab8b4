"""Which webhooks and rows are the same fact (provider file, "Dedupe key"; law 3).

An event has an id of Klaviyo's: ``external_id`` of the webhook's item, ``data.id`` of its payload and ``id`` of the
API's row, **the same through both doors**. So the id alone makes the slot; a repeated webhook, another order and a row
that is read again are known by it, and two clicks have two. It is led by the event's time, which is part of the event
object and thus the same wherever it is told. An event without an id is known by its ``uuid``, which is as much its own.

``$event_id`` among the properties is not the event's id ("Quirks"). ``$message`` names the message of a campaign or
flow, which all its recipients share: it is no id of one email, so that messages are keyed by it and the recipient.
"""

from __future__ import annotations

from aftersend.vocabulary import Instant, slot_key


def of_event(source: str, at: Instant, own: str) -> bytes:
    """The slot of an event by its own id."""
    return slot_key(at, source, "event", own)
