"""Which webhooks and rows are the same fact (provider file, "Dedupe key" and "Pull feed"; law 3).

Brevo has no id of an event: ``id`` is the same in every call of a webhook. So the slot is what both doors have:

- **transactional**: the message's id without its brackets, what happened, the recipient, the second, and the link of
  a click. What happened is the fact of :mod:`~aftersend.providers.brevo.words`: ``unique_opened`` and ``opened`` of one
  second are one open, as are ``click`` here and ``clicks`` there. The second is the corrected one
  (:func:`~aftersend.providers.brevo.values.happened`), for the list's times are right; a repeated call repeats it.
- **marketing**, which only webhooks tell: the campaign instead of the message.
- **neither** (a contact put on a list, or changed): in addition a digest of all that is told, but for the webhook's id.
  What has no time has no other identity than that either.

In a slot, webhooks are one row: the platform's copies can't be told from two facts of one second. Rows of the list are
told apart by their ordinal within one answer, so that a row met again on a page that shifted is the same event.

``by_message`` is true with a message's id, which all transactional webhooks and rows have. Marketing events have none
and are a campaign's and a recipient's. ``contact_id`` is on some events only, so it says nowhere who a contact is.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from aftersend.providers.values import Stamp
from aftersend.vocabulary import slot_key

CALLS, ROWS = "calls", "rows"
"""Lists: webhooks, which tell more and speak first where both are equally precise, and rows of the statistics."""
_encode = msgspec.json.Encoder(order="sorted").encode


def slot(
    at: Stamp | None,
    source: str,
    fact: str,
    message: str | None,
    campaign: str | None,
    email: str | None,
    link: str | None,
    item: dict[str, Any],
) -> bytes:
    """The slot of an event. ``campaign`` is Brevo's own, ``link`` a click's."""
    who = email.lower() if email else None
    own = None if at and email and (message or campaign) else digest(item)
    second = at.at - at.at % 1000 if at else None
    return slot_key(second, source, fact, message, None if message else campaign, who, link, own)


def digest(item: dict[str, Any]) -> str:
    """What tells an item from others, whichever webhook sent it: 32 hexadecimal digits."""
    told = {name: value for name, value in item.items() if name != "id"}
    try:
        raw = _encode(told)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raw = repr(sorted(told.items(), key=lambda one: one[0])).encode("utf-8", "replace")
    return blake2b(raw, digest_size=16).hexdigest()
