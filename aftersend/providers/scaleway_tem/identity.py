"""Which posts and rows are the same fact (provider file, "Dedupe key"; law 3).

Events have ids, which posts and the list of events share. The list of emails has none of them: it shows what became of
an email. What all have in common is the email's id, one for each recipient. So the slot is what happened to an email,
and within it there are two lists:

- ``1 events``: by the event's id, through either door. Redeliveries are the same row, two deferrals are two rows.
- ``2 emails``: one row for what happens once, and for deferrals one for each attempt by its number.

There are as many events as the list that shows most of them has, so that a state adds nothing to an event that is
known. No time is part of it, since both never print the same. That an email was refused is one slot, whether it bounced
or was dropped: which, events know better. So their list comes first in the alphabet, and states are cut to the second,
lest the finer time speak first.

An event without an email's id (a blocklist entry; an email that was withheld for one, as documented) stands alone.
"""

from __future__ import annotations

from aftersend.vocabulary import Kind, slot_key

EVENTS, EMAILS = "1 events", "2 emails"
_REFUSED = "refused"


def of_email(source: str, kind: Kind, word: str, email: str) -> bytes:
    """The slot of what happened to an email; words that are ``other`` have each their own."""
    fact = _REFUSED if kind in (Kind.BOUNCED, Kind.DROPPED) else str(kind)
    return slot_key(None, source, fact, word if kind is Kind.OTHER else "", "email", email)


def alone(source: str, kind: Kind, own: str) -> bytes:
    """The slot of an event of no email, by its own id."""
    return slot_key(None, source, kind, "alone", own)
