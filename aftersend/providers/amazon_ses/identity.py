"""Which posts tell the same fact (provider file, "Dedupe key"; law 3).

An envelope's ``MessageId`` is kept on retries, but a fact may come under two: SNS delivers at least once, SES may
publish twice, and where identity notifications and event publishing are both switched on, every bounce, complaint and
delivery comes in both forms. So the id is no part of the identity, which is what both forms repeat: the word (of
``eventType`` or ``notificationType``), the email, the recipient, the detail's time to the millisecond, the
``feedbackId`` of bounces and complaints, the link of clicks. Two clicks of a link have two times and stay two.

The time leads the key: SNS sends again the very same bytes. Where a detail has none that can be read, or the email no
id, nothing but the envelope tells facts apart.
"""

from __future__ import annotations

from aftersend.vocabulary import Instant, slot_key


def of_email(
    source: str, kind: str, word: str, message: str, recipient: str | None, at: Instant, *more: str | None
) -> bytes:
    """The slot of what happened to an email of a recipient."""
    return slot_key(at, source, kind, word, message, (recipient or "").lower(), str(at), *more)


def of_envelope(source: str, kind: str, word: str, envelope: str, recipient: str | None) -> bytes:
    """The slot of what only its envelope tells apart."""
    return slot_key(None, source, kind, word, "envelope", envelope, (recipient or "").lower())
