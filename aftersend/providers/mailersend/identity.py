"""Which webhooks and rows are the same fact (provider file, "Dedupe key" and "Pull feed"; law 3).

Every activity has an id, the same in both versions of the webhooks, in repeated calls, and in the list (where that is
inferred: its rows are the activities). So the id alone is the slot, but for two things:

- **Opens and clicks** may be told twice: by ``opened`` and by ``opened_unique``, with one id or two, nobody says. So
  the slot is the email's, activities are rows of one list by their ids, whichever door shows them, and unique ones are
  rows of another. There are as many events as the longer list has: a unique one adds nothing where all are told,
  and counts where it alone is.
- **Webhooks without an id**, which aren't of activities: a digest of the raw body.

The keys begin with the time that MailerSend's ids begin with, so that they come in order; an id of another form is all
hash.

``by_message`` is true: ``email_id``, of the email to one recipient, is on every activity through both doors. The id of
the send call (``message_id``) isn't in the list, and is kept as metadata.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from aftersend.vocabulary import Instant, Kind, slot_key

ALL, UNIQUE = "activities", "unique"
"""Lists of opens and of clicks."""
_OBJECT = re.compile(r"[0-9a-f]{24}")


def of_activity(source: str, own: str) -> bytes:
    """The slot of an activity, by its id."""
    return slot_key(_made(own), source, "activity", own)


def of_email(source: str, kind: Kind, email: str) -> bytes:
    """The slot of an email's opens, or of its clicks."""
    return slot_key(_made(email), source, kind, "email", email)


def of_body(source: str, body: bytes) -> bytes:
    """The slot of a webhook without an id."""
    return slot_key(None, source, "body", digest(body))


def digest(raw: bytes) -> str:
    """What tells something without an id from others: 32 hexadecimal digits."""
    return blake2b(raw, digest_size=16).hexdigest()


def _made(own: str) -> Instant | None:
    return int(own[:8], 16) * 1000 if _OBJECT.fullmatch(own) else None
