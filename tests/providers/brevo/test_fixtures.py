"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files

import pytest

from aftersend.vocabulary import (
    BounceClass,
    CampaignInfo,
    ContactInfo,
    Event,
    Kind,
    Machine,
    Precision,
    Reading,
    slot_key,
)
from tests.providers.brevo.said import at, fixture, hook, identities, item, page

ADA, BOB, NOBODY = "ada@example.com", "bob@example.com", "nobody@example.com"
MIRROR = "https://app-smtp.example.com/log/preview/1a2000f4"
OFFER = "https://www.example.com/offer?x=1"
PROXY = {"machine": Machine.MACHINE, "machine_reason": "loaded by a privacy proxy"}
TAGGED = {"tags": "welcome"}
PLAIN = TAGGED | {"subject": "Hello"}
FROM = {"sending_ip": "192.0.2.77"}
SHOWN = {"contact": "8", "mirror_link": MIRROR}


def message(number: int) -> str:
    return f"202601011200.12345678{number}@smtp-relay.example.com"


def told(kind: Kind, fact: str, time: str, number: int = 90, email: str = ADA, **fields) -> Event:
    """A transactional event."""
    own = message(number)
    common = {
        "slot": slot_key(at(time), "acme", fact, own, None, email, fields.get("url"), None),
        "list": "calls",
        "word": fact,
        "occurred_at": at(time),
        "message_id": own,
        "by_message": True,
        "template": "22",
        "email": email,
    }
    return Event(kind=kind, **(common | fields))


def custom(customer: str, *more: dict[str, str]) -> dict[str, str]:
    metadata = {"customer_id": customer}
    for one in more:
        metadata |= one
    return metadata


MARKED = {"external_id": "c-42", "campaign_id": "spring", "send_ref": "s-9001", "tags": "welcome, camp-7"}
OURS = {"external_id": "c-42", "campaign_id": "spring"}
ACTED = custom("c-42", PLAIN, FROM, SHOWN)
LINUX = {"user_agent": "Mozilla/5.0 (X11; Linux x86_64)", "device": "computer"}
BARE = {"user_agent": "Mozilla/5.0", "device": "computer"}
PROXIED = {**BARE, **PROXY, "template": "660"}
BIG = PLAIN | FROM | {"contact": "4816445214646337536", "mirror_link": MIRROR, "sender": "news@example.com"}

DELIVERED = told(Kind.DELIVERED, "delivered", "12:00:04", **OURS, metadata=MARKED | FROM | {"subject": "Hello"})
DEFERRED = told(
    Kind.DEFERRED,
    "deferred",
    "12:00:10",
    91,
    BOB,
    reason="451 4.7.1 greylisted",
    smtp_code="451",
    metadata=custom("c-44", PLAIN, FROM),
)
HARD = told(
    Kind.BOUNCED,
    "hard_bounce",
    "12:00:05",
    92,
    NOBODY,
    bounce_class=BounceClass.HARD,
    reason="550 5.1.1 user unknown",
    smtp_code="550",
    metadata=custom("c-43", PLAIN, FROM),
)
CLICKED = told(Kind.CLICKED, "click", "12:06:00", url=OFFER, **LINUX, metadata=ACTED)
COMPLAINED = told(Kind.COMPLAINED, "spam", "14:00:00", template=None, metadata=custom("c-42", TAGGED))

TRANSACTIONAL = {
    "request": [
        told(Kind.QUEUED, "request", "12:00:00", **OURS, metadata=MARKED | SHOWN | FROM | {"subject": "Hello"})
    ],
    "delivered": [DELIVERED],
    "deferred": [DEFERRED],
    "soft_bounce": [
        told(
            Kind.BOUNCED,
            "soft_bounce",
            "13:00:00",
            91,
            BOB,
            bounce_class=BounceClass.SOFT,
            reason="452 4.2.2 mailbox full",
            smtp_code="452",
            metadata=custom("c-44", PLAIN, FROM),
        )
    ],
    "hard_bounce": [HARD],
    "blocked": [told(Kind.DROPPED, "blocked", "12:00:01", 93, NOBODY, metadata=custom("c-43", PLAIN))],
    "invalid_email": [
        told(
            Kind.DROPPED,
            "invalid",
            "12:00:01",
            94,
            "not-an-address",
            word="invalid_email",
            reason="invalid",
            metadata=custom("c-46", PLAIN),
        )
    ],
    "error": [told(Kind.DROPPED, "error", "12:00:01", 95, metadata=custom("c-42", PLAIN))],
    "spam": [COMPLAINED],
    "complaint": [
        told(Kind.COMPLAINED, "spam", "14:00:00", word="complaint", template=None, metadata=custom("c-42", TAGGED))
    ],
    "opened": [told(Kind.OPENED, "opened", "12:05:00", **LINUX, metadata=ACTED)],
    "unique_opened": [told(Kind.OPENED, "opened", "12:05:00", word="unique_opened", **BARE, metadata=ACTED)],
    "unique_proxy_open": [
        told(Kind.OPENED, "proxy_open", "12:04:00", word="unique_proxy_open", **PROXIED, metadata=BIG)
    ],
    "proxy_open": [told(Kind.OPENED, "proxy_open", "12:04:30", **PROXIED, metadata=BIG)],
    "click": [CLICKED],
    "shifted": [CLICKED],
    "unsubscribed": [
        told(
            Kind.UNSUBSCRIBED,
            "unsubscribed",
            "12:07:00",
            user_agent="Mozilla/5.0",
            device="mobile",
            metadata=ACTED,
        )
    ],
    "batch": [DELIVERED, CLICKED],
    "batch_named": [DEFERRED, HARD],
}


@pytest.mark.parametrize("name", TRANSACTIONAL)
def test_a_transactional_webhook_tells_its_events(name):
    assert hook(fixture(f"webhook_{name}.json")) == Reading(events=TRANSACTIONAL[name])


SPRING = [CampaignInfo(campaign_id="17", name="Spring launch")]


def campaign(kind: Kind, fact: str, time: str, email: str = ADA, **fields) -> Event:
    common = {
        "slot": slot_key(at(time), "acme", fact, None, "17", email, fields.get("url"), None),
        "list": "calls",
        "word": fact,
        "occurred_at": at(time),
        "campaign_id": "17",
        "email": email,
        "metadata": {"tags": "camp-7"},
    }
    return Event(kind=kind, **(common | fields))


MARKETING = {
    "spam": campaign(Kind.COMPLAINED, "spam", "12:30:00", reason="undesired"),
    "opened": campaign(Kind.OPENED, "opened", "12:31:00", metadata={"tags": "camp-7", "segments": "1, 10"}),
    "delivered": campaign(Kind.DELIVERED, "delivered", "12:01:00"),
    "click": campaign(Kind.CLICKED, "click", "12:32:00", url="https://www.example.com/spring?x=1"),
    "hard_bounce": campaign(
        Kind.BOUNCED,
        "hard_bounce",
        "12:02:00",
        NOBODY,
        bounce_class=BounceClass.HARD,
        reason="550 5.1.1 user unknown",
        smtp_code="550",
    ),
    "soft_bounce": campaign(
        Kind.BOUNCED,
        "soft_bounce",
        "12:03:00",
        BOB,
        bounce_class=BounceClass.SOFT,
        reason="RecipientError: 452 4.2.2 mailbox full",
        smtp_code="452",
    ),
    "unsubscribe": campaign(Kind.UNSUBSCRIBED, "unsubscribed", "12:33:00", word="unsubscribe"),
    "proxy_open": campaign(Kind.OPENED, "proxy_open", "12:34:00", **BARE, **PROXY),
    "coupon_sent": campaign(Kind.OTHER, "other couponsent", "12:38:00", word="coupon_sent"),
}


@pytest.mark.parametrize("name", MARKETING)
def test_a_marketing_webhook_tells_one_event_and_its_campaigns_name(name):
    assert hook(fixture(f"webhook_marketing_{name}.json")) == Reading(events=[MARKETING[name]], campaigns=SPRING)


def contact(kind: Kind, fact: str, word: str, time: str) -> Event:
    (told,) = hook(fixture(f"webhook_marketing_{word}.json")).events
    # A digest of all that is told is part of the slot; test_quirks says of what.
    return Event(slot=told.slot, list="calls", kind=kind, word=word, occurred_at=at(time), email=ADA)


def test_what_is_told_about_a_contact_is_of_no_message():
    assert hook(fixture("webhook_marketing_list_addition.json")) == Reading(
        events=[contact(Kind.RESUBSCRIBED, "list_addition", "list_addition", "12:35:00")]
    )
    assert hook(fixture("webhook_marketing_contact_updated.json")) == Reading(
        events=[contact(Kind.OTHER, "other contactupdated", "contact_updated", "12:36:00")]
    )
    assert hook(fixture("webhook_marketing_contact_deleted.json")) == Reading(
        events=[contact(Kind.OTHER, "other contactdeleted", "contact_deleted", "12:37:00")],
        contacts=[ContactInfo(email=ADA, deleted_at=at("12:37:00"))],
    )


def test_inbound_emails_are_no_events():
    reading = hook(fixture("webhook_inbound.json"))
    assert (reading.events, [(p.item, p.reason) for p in reading.problems]) == (
        [],
        [(0, "This is the webhook of inbound emails, which tells nothing of those that were sent.")],
    )


LISTED = {"tags": "welcome", "sender": "news@example.com", "subject": "Hello"}


def row(kind: Kind, fact: str, time: str, number: int = 90, email: str = ADA, word: str = "", **fields) -> Event:
    sent = {} if kind in (Kind.OPENED, Kind.CLICKED) else {"sending_ip": "192.0.2.77"}
    common = {"list": "rows", "row": "0", "word": word or fact, "metadata": LISTED | sent}
    return told(kind, fact, time, number, email, **(common | fields))


ROWS = [
    row(Kind.QUEUED, "request", "12:00:00", word="requests", precision=Precision.MILLISECOND),
    row(Kind.DROPPED, "blocked", "12:00:01", 93, NOBODY),
    row(Kind.DROPPED, "invalid", "12:00:01", 94, "not-an-address", reason="invalid"),
    row(Kind.DROPPED, "error", "12:00:01", 95),
    row(Kind.DELIVERED, "delivered", "12:00:04"),
    row(
        Kind.BOUNCED,
        "hard_bounce",
        "12:00:05",
        92,
        NOBODY,
        word="hardBounces",
        bounce_class=BounceClass.HARD,
        reason="550 5.1.1 user unknown",
        smtp_code="550",
    ),
    row(Kind.DEFERRED, "deferred", "12:00:10", 91, BOB, reason="451 4.7.1 greylisted", smtp_code="451"),
    row(Kind.OPENED, "proxy_open", "12:04:00", word="loadedByProxy", ip="198.51.100.7", template="660", **PROXY),
    row(Kind.OPENED, "opened", "12:05:00", ip="198.51.100.8"),
    row(Kind.CLICKED, "click", "12:06:00", word="clicks", ip="198.51.100.8", url=OFFER),
    row(
        Kind.UNSUBSCRIBED,
        "unsubscribed",
        "12:07:00",
        metadata=LISTED | {"tags": "welcome, camp-7", "sending_ip": "192.0.2.77"},
    ),
    row(
        Kind.BOUNCED,
        "soft_bounce",
        "13:00:00",
        91,
        BOB,
        word="softBounces",
        bounce_class=BounceClass.SOFT,
        reason="452 4.2.2 mailbox full",
        smtp_code="452",
    ),
    row(Kind.COMPLAINED, "spam", "14:00:00"),
]


def test_a_page_of_the_list_is_an_event_for_each_row():
    assert page(fixture("feed_events.json")) == Reading(events=ROWS)


def test_an_empty_answer_is_an_empty_page():
    assert page(fixture("feed_events_empty.json")) == Reading()
    assert page({"events": []}) == Reading()


def test_each_row_has_the_slot_of_its_webhook():
    """Law 3: what the list tells was told by webhook."""
    hooks = {event.slot: event for name in TRANSACTIONAL for event in hook(fixture(f"webhook_{name}.json")).events}
    listed = page(fixture("feed_events.json")).events
    assert [(e.kind, hooks[e.slot].kind) for e in listed] == [(e.kind, e.kind) for e in listed]
    only_by_webhook = {event.word for event in hooks.values()} - {hooks[e.slot].word for e in listed}
    assert only_by_webhook == {"proxy_open"}


def test_every_fixture_is_compared():
    covered = {
        *(f"webhook_{name}.json" for name in (*TRANSACTIONAL, "inbound")),
        *(f"webhook_marketing_{name}.json" for name in MARKETING),
        *(f"webhook_marketing_{name}.json" for name in ("list_addition", "contact_updated", "contact_deleted")),
        "feed_events.json",
        "feed_events_empty.json",
    }
    assert {file.name for file in files("aftersend.providers.brevo").joinpath("fixtures").iterdir()} == covered


def test_an_open_told_as_first_and_as_any_is_one():
    both = hook([item("unique_opened"), item("opened")])
    assert identities(both) == [(both.events[0].slot, "calls", "")] * 2
