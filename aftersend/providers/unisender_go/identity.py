"""Which webhooks and rows of dumps are the same fact (provider file, "Dedupe key"; law 3).

There is no id of an event (the header ``ID`` differs for every call, repeated ones too). What both doors always have is
job, recipient, status and the second: this is the slot. The link and the address of who acted aren't part of it, since
a webhook has them only where ``delivery_info`` is switched on, and dumps always.

In the slot of an open or click each list has its own rows, by link, address and program: two of one second stay two
where these differ, through either door, and a webhook that lacks them adds nothing to the dump's row. Dumps have no ids
of rows: as many rows as are alike in one file are that many events. Webhooks that are alike are one, also within one
call, since a repeated event may be batched with others than before. Those without ``delivery_info`` are a list of their
own: an account's webhook and a project's may tell the same, one with details and one without. Everything else happens
to a recipient of a job once in a second: a list has one row of it.

``retry_count`` and the batch are no part of it. A job has many recipients, so its id is no id of a message: it keys
messages as an activity does, together with the recipient.
"""

from __future__ import annotations

from hashlib import blake2b

from aftersend.vocabulary import Instant, slot_key

DUMP, WEBHOOK, BARE = "dump", "webhook", "webhook without details"
"""The lists, the one that knows most and speaks first before the others."""


def of_status(source: str, at: Instant, status: str, job: str, email: str) -> bytes:
    """The slot of what happened to a recipient of a job."""
    return slot_key(at, source, "status", status, job, email.lower())


def of_block(source: str, at: Instant, domain: str | None, block_type: str | None, status: str | None) -> bytes:
    """The slot of a domain's blocking or unblocking."""
    return slot_key(at, source, "block", domain, block_type, status)


def alone(source: str, raw: bytes) -> bytes:
    """The slot of what has a name nobody knows, by all it says."""
    return slot_key(None, source, "alone", digest(raw))


def digest(*parts: str | bytes | None) -> str:
    """What tells something without an id from others: 32 hexadecimal digits."""
    whole = b"\x1f".join(
        part if isinstance(part, bytes) else (part or "").encode("utf-8", "surrogatepass") for part in parts
    )
    return blake2b(whole, digest_size=16).hexdigest()
