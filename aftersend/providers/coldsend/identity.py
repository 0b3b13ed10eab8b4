"""Which of ColdSend's rows and webhooks are the same fact (provider file, section 5; law 3).

The slot is what happened to a lead, which is one person in one campaign. There is no time in it: some facts have none
but that of our looking, and the doors never print the same one. In a slot each list has its own rows, e-mails by their
ids and replies by theirs, and there are as many events as the list that shows most of them has. So two opened e-mails
of a lead are two events however often they are read, and what the lead itself, an e-mail, a thread and a webhook tell
of the same reply is one.

Of a fact told by several lists, the one with an exact time speaks; among these the first in alphabetical order, hence
the numbers. That ``replies`` come first makes an automatic reply one, though threads and webhooks can't tell.

Facts without a time are told by the lead's detail alone, which is read when something has changed, and not by the lists
that are read again and again: each telling would be another sighting. Of several the earliest stands.

Not to be matched: a webhook that names no lead, and repeated opens of one e-mail, which only webhooks may show.
"""

from __future__ import annotations

from aftersend.vocabulary import slot_key

FLAGS = "1 flags"
"""What a lead's status and flags tell, without a time, where nothing else does."""
EMAILS = "2 emails"
"""``email_interactions``."""
REPLIES = "3 replies"
"""``replies`` of the lead."""
THREADS = "4 threads"
"""Messages of threads."""
REPLIED = "5 replied"
"""``replied_at`` of e-mails, which names no reply."""
WEBHOOK = "6 webhook"
LEAD = "7 lead"
"""The lead's own times: they are all there is of e-mails of subsequences (2.7), and of a lead whose detail has not been
read yet."""

REPLY = "reply"
"""What automatic and other replies have in common."""


def of_lead(source: str, fact: str, lead: str) -> bytes:
    """The slot of what happened to a lead. ``fact`` is the kind, :data:`REPLY`, or a word that is ``other``."""
    return slot_key(None, source, "lead", fact, lead)


def without_lead(source: str, fact: str, campaign: str | None, who: str) -> bytes:
    """The slot of what a webhook tells that names no lead: by campaign and address, or by a digest of it all."""
    return slot_key(None, source, "webhook", fact, campaign, who.lower())
