"""SparkPost's words and what they mean to us (Events)."""

from __future__ import annotations

from typing import NamedTuple

from aftersend.vocabulary import BounceClass, Kind

KINDS = {
    "injection": Kind.QUEUED,
    "delivery": Kind.DELIVERED,
    "delay": Kind.DEFERRED,
    "bounce": Kind.BOUNCED,
    "out_of_band": Kind.BOUNCED,
    "spam_complaint": Kind.COMPLAINED,
    "policy_rejection": Kind.DROPPED,
    "generation_failure": Kind.DROPPED,
    "generation_rejection": Kind.DROPPED,
    "open": Kind.OPENED,
    "initial_open": Kind.OPENED,
    "amp_open": Kind.OPENED,
    "amp_initial_open": Kind.OPENED,
    "click": Kind.CLICKED,
    "initial_click": Kind.CLICKED,
    "amp_click": Kind.CLICKED,
    "list_unsubscribe": Kind.UNSUBSCRIBED,
    "link_unsubscribe": Kind.UNSUBSCRIBED,
}
"""``type`` → kind. The class an event is wrapped in says nothing: it varies. Of :data:`BOUNCES`, the code decides."""

AMP = frozenset({"amp_open", "amp_initial_open", "amp_click"})
"""What happened in the AMP part of an email."""
ACTED = frozenset(word for word, kind in KINDS.items() if kind in (Kind.OPENED, Kind.CLICKED)) | {"link_unsubscribe"}
"""Where ``ip_address`` is the recipient's; elsewhere it is that of a mail server."""

PASSING = frozenset(
    {
        *("relay_injection", "relay_delivery", "relay_rejection", "relay_tempfail", "relay_permfail"),
        "sms_status",
    }
)
"""Types that tell nothing about an email that was sent."""
PASSING_CLASSES = frozenset({"relay_event", "relay_message", "ab_test_event", "ingest_event"})
"""Classes of which the same is true, whatever is in them."""


class Sort(NamedTuple):
    """What a code of a bounce makes of it."""

    kind: Kind
    bounce_class: BounceClass | None = None


HARD, SOFT = Sort(Kind.BOUNCED, BounceClass.HARD), Sort(Kind.BOUNCED, BounceClass.SOFT)
BLOCK, UNDETERMINED = Sort(Kind.BOUNCED, BounceClass.BLOCK), Sort(Kind.BOUNCED, BounceClass.UNDETERMINED)

BOUNCES = {
    "1": UNDETERMINED,
    "10": HARD,  # invalid recipient
    "20": SOFT,
    "21": SOFT,  # DNS failure
    "22": SOFT,  # mailbox full
    "23": SOFT,  # too large
    "24": SOFT,  # time-out
    "25": Sort(Kind.DROPPED),  # forbidden by the sender's own policies
    "30": HARD,  # no RCPT
    "40": SOFT,
    "50": BLOCK,
    "51": BLOCK,  # spam block
    "52": BLOCK,  # spam content
    "53": BLOCK,  # prohibited attachment
    "54": BLOCK,  # relaying denied
    "60": Sort(Kind.AUTO_REPLIED),
    "70": SOFT,  # transient failure
    "80": Sort(Kind.RESUBSCRIBED),
    "90": Sort(Kind.UNSUBSCRIBED),
    "100": Sort(Kind.AUTO_REPLIED),  # a challenge, to be answered by the sender: no real bounce
}
"""``bounce_class`` of ``bounce`` and ``out_of_band`` → what it is. A code that isn't listed is undetermined."""

TOLD = frozenset(KINDS.values()) | frozenset(sort.kind for sort in BOUNCES.values())
"""The kinds SparkPost tells."""

KEPT = (
    *("ab_test_id", "ab_test_version", "bounce_class", "delv_method", "fbtype", "friendly_from", "initial_pixel"),
    *("injection_time", "ip_pool", "mailbox_provider", "mailbox_provider_region", "mailfrom", "msg_from", "msg_size"),
    *("num_retries", "outbound_tls", "queue_time", "rcpt_tags", "rcpt_type", "remote_addr", "report_by", "report_to"),
    *("sending_ip", "subject", "target_link_name", "template_version", "transmission_id", "user_str"),
)
"""Fields that are kept as metadata, under SparkPost's own names."""
PLACE = ("country", "region", "city")
"""Of ``geo_ip``."""
