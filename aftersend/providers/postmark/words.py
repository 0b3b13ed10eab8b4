"""Postmark's words and what they mean to us (provider file, Events and Bounce types)."""

from __future__ import annotations

from aftersend.vocabulary import BounceClass, Kind

BOUNCES: dict[str, tuple[Kind, BounceClass | None]] = {
    "HardBounce": (Kind.BOUNCED, BounceClass.HARD),
    "Transient": (Kind.DEFERRED, None),
    "Unsubscribe": (Kind.UNSUBSCRIBED, None),
    "Subscribe": (Kind.RESUBSCRIBED, None),
    "AutoResponder": (Kind.AUTO_REPLIED, None),
    "AddressChange": (Kind.OTHER, None),
    "DnsError": (Kind.DEFERRED, None),
    "SpamNotification": (Kind.BOUNCED, BounceClass.BLOCK),
    "OpenRelayTest": (Kind.OTHER, None),
    "Unknown": (Kind.BOUNCED, BounceClass.UNDETERMINED),
    "SoftBounce": (Kind.BOUNCED, BounceClass.SOFT),
    "VirusNotification": (Kind.BOUNCED, BounceClass.BLOCK),
    "ChallengeVerification": (Kind.OTHER, None),
    "BadEmailAddress": (Kind.BOUNCED, BounceClass.HARD),
    "SpamComplaint": (Kind.COMPLAINED, None),
    "ManuallyDeactivated": (Kind.DROPPED, None),
    "Unconfirmed": (Kind.DROPPED, None),
    "Blocked": (Kind.BOUNCED, BounceClass.BLOCK),
    "SMTPApiError": (Kind.DROPPED, None),
    "InboundError": (Kind.OTHER, None),
    "DMARCPolicy": (Kind.BOUNCED, BounceClass.BLOCK),
    "TemplateRenderingFailed": (Kind.DROPPED, None),
}
"""``Type`` of a bounce → kind and class. Any other is ``other``."""

CODES = {
    1: "HardBounce",
    2: "Transient",
    16: "Unsubscribe",
    32: "Subscribe",
    64: "AutoResponder",
    128: "AddressChange",
    256: "DnsError",
    512: "SpamNotification",
    1024: "OpenRelayTest",
    2048: "Unknown",
    4096: "SoftBounce",
    8192: "VirusNotification",
    16384: "ChallengeVerification",
    100000: "BadEmailAddress",
    100001: "SpamComplaint",
    100002: "ManuallyDeactivated",
    100003: "Unconfirmed",
    100006: "Blocked",
    100007: "SMTPApiError",
    100008: "InboundError",
    100009: "DMARCPolicy",
    100010: "TemplateRenderingFailed",
}
"""``TypeCode`` → ``Type``. Vendor pages contradict these numbers, so they only count where the name is missing."""

STATUSES = {"Queued": Kind.QUEUED, "Sent": Kind.SENT, "Processed": Kind.SENT}
"""``Status`` of a message in the list, which filters write in lower case → kind. Any other is ``other``."""

DEVICES = {"Desktop": "computer", "Mobile": "mobile"}
"""``Platform`` → device. ``WebMail`` and ``Unknown`` tell none."""

INBOUND = "Inbound"
"""Our name of the webhook of mail that came in, which has no ``RecordType``."""

MANUAL, COMPLAINT = "ManualSuppression", "SpamComplaint"
"""Reasons of a suppression. The third, ``HardBounce``, is told by the bounce itself."""
RECIPIENT = "Recipient"
"""``Origin`` of what a recipient did; ``Customer`` and ``Admin`` are staff."""
