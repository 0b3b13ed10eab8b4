"""Which of SparkPost's events are the same fact (Dedupe key; law 3).

``event_id`` is unique and the same in webhooks and in the list of events, so it makes the slot alone. No time is part
of it: webhooks print seconds, the list milliseconds, and nobody says whether the one is cut or rounded; some events
come without a time.

**Opened** is the exception. An email has a pixel at its top and one at its bottom, and one reading fires
``initial_open`` and ``open``, each with an id of its own (Quirks). They share the slot of the message, in which each of
the two is a list with its ids as rows: there are as many readings as the list that shows most has. So a reading whose
bottom pixel was cut off counts, an account that has switched on only one of the two counts, and two readings stay two.
The AMP part of an email has pixels of its own.

``message_id`` is on every event of a message through both doors, so it keys the message. What failed before there was a
message (``generation_failure``) has none, and is the only event of it.
"""

from __future__ import annotations

from aftersend.vocabulary import Kind, slot_key


def of_event(source: str, event_id: str) -> bytes:
    """The slot of an event by its own id."""
    return slot_key(None, source, "event", event_id)


def of_openings(source: str, message_id: str, part: str) -> bytes:
    """The slot of all openings of a message's part: ``html`` or ``amp``."""
    return slot_key(None, source, Kind.OPENED, "message", message_id, part)
