"""What is the same event (provider file, "Dedupe key"; law 3).

Webhooks and both lists show the same ``id``, but Mailgun promises it to be unique **only within a day**. So the slot is
the id with the domain and the UTC date of the event's time, which all doors repeat, and, since an id never changes its
meaning, the word. There is one event in a slot: ``list`` and ``row`` stay empty. A redelivery, a second webhook of the
account beside one of the domain (each with a token of its own) and a row of a list are sightings of one event; two
clicks have two ids.

Rows of the logs may lack what decides their kind (``severity``), the message and the tags. They are a list of their own
in the slot, ``logs``, with one row: that adds no event where another door has told it, and lets the other door speak
first.

The date and not the finer time leads the key: whether the logs cut or round theirs is not documented.

The domain is ``domain.name``; rows of the events list needn't have it, there it is the domain that was asked. What says
neither (``rejected``) has it from the message id, whose host is the sending domain.

``signature.token`` is of a delivery, not of an event: it takes no part.
"""

from __future__ import annotations

from typing import Any

from aftersend.providers.mailgun.values import record, time_of
from aftersend.providers.paging import DAY
from aftersend.providers.values import text
from aftersend.vocabulary import BadInput, slot_key

LOGS = "logs"


def slot_of(row: dict[str, Any], source: str, asked: str = "") -> bytes:
    """The slot of an event; ``asked``: the domain whose list it stands in. Raises BadInput naming what is missing."""
    own, word = text(row.get("id")), text(row.get("event"))
    if not word:
        raise BadInput("event is missing.", "event")
    if not own:
        raise BadInput("id is missing.", "id")
    at = time_of(row).at
    return slot_key(at - at % DAY, source, word, domain_of(row, asked), own)


def domain_of(row: dict[str, Any], asked: str = "") -> str:
    """The sending domain, in lower case; empty where nothing tells it."""
    named = text(record(row.get("domain")).get("name")) or asked
    return (named or (message_id(row) or "").rpartition("@")[2]).lower()


def message_id(row: dict[str, Any]) -> str | None:
    """The message's id without angle brackets, which only the send API has around it."""
    headers = record(record(row.get("message")).get("headers"))
    return text((text(headers.get("message-id")) or "").strip("<>"))
