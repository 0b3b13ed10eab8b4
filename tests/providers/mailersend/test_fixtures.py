"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

from aftersend.vocabulary import BounceClass, Clock, Event, Kind, Precision, Reading, slot_key
from tests.providers.mailersend.said import DOMAIN, at, fixture, hook, page

ANA, BEN, FULL, NOBODY = ("ana@example.com", "ben@example.com", "full@example.com", "nobody@example.com")
EMAIL, MESSAGE = "69a40f5b1c2d3e4f506172", "69a40f5a1c2d3e4f506172"
ORDER = "https://shop.example.com/o/4711"
SUBJECT = {"domain_id": DOMAIN, "subject": "Your receipt"}
SENDER = {"sender": "shop@example.com"}
TAGGED = {"tags": "receipt"}
MARKED = {"tags": "receipt, external_id:crm-42, campaign_id:receipts"}
OURS = {"external_id": "crm-42", "campaign_id": "receipts"}


def alone(own: str) -> bytes:
    return slot_key(int(own[:8], 16) * 1000, "acme", "activity", own)


def several(kind: str, email: str) -> bytes:
    return slot_key(int(email[:8], 16) * 1000, "acme", kind, "email", email)


def told(
    kind: Kind, word: str, own: str, time: str, email: str = "01", message: str = "00", to: str = ANA, **more: Any
) -> Event:
    """A webhook's event, of the email and the send call whose ids end so."""
    metadata = {"message_id": MESSAGE + message} | SUBJECT | more.pop("metadata", {})
    common = {
        "slot": alone(own),
        "occurred_at": at(time),
        "precision": Precision.MILLISECOND,
        "row_id": own,
        "message_id": EMAIL + email,
        "by_message": True,
        "email": to,
        "metadata": metadata,
    }
    return Event(kind=kind, word=f"activity.{word}", **(common | more))


def row(kind: Kind, word: str, own: str, time: str, email: str = "01", to: str = ANA, **more: Any) -> Event:
    """A row's event: without the id of the send call."""
    metadata = SUBJECT | SENDER | more.pop("metadata", TAGGED)
    event = told(kind, word, own, time, email, to=to, **more)
    return Event(
        **{name: getattr(event, name) for name in event.__struct_fields__} | {"word": word, "metadata": metadata}
    )


def listed(kind: str, own: str, name: str = "activities") -> dict[str, Any]:
    return {"slot": several(kind, EMAIL + "01"), "list": name, "row": own}


CLICK = {
    "url": ORDER,
    "ip": "192.0.2.25",
    "user_agent": "Mozilla/5.0",
    "device": "computer",
    "metadata": TAGGED | {"browser": "Firefox", "country": "DE", "device_type": "desktop"},
}
OPEN = {
    "ip": "192.0.2.25",
    "user_agent": "Mozilla/5.0",
    "metadata": TAGGED | {"browser": "Gmail Image Proxy", "country": "DE", "device_type": "webmail"},
}
OPENED, OPENED_FIRST = "69a412601c2d3e4f50617215", "69a412601c2d3e4f50617225"
CLICKED, CLICKED_FIRST = "69a4129c1c2d3e4f50617216", "69a4129c1c2d3e4f50617226"
SOFT = {"bounce_class": BounceClass.SOFT}
HARD = {"bounce_class": BounceClass.HARD}

WEBHOOKS = {
    "sent": told(Kind.SENT, "sent", "69a40f5c1c2d3e4f50617210", "10:00:28", **OURS, metadata=MARKED),
    "delivered": told(Kind.DELIVERED, "delivered", "69a40f5e1c2d3e4f50617211", "10:00:30", **OURS, metadata=MARKED),
    "deferred": told(Kind.DEFERRED, "deferred", "69a40f5f1c2d3e4f50617212", "10:00:31", "03", "02", BEN),
    "soft_bounced": told(
        Kind.BOUNCED,
        "soft_bounced",
        "69a410701c2d3e4f50617213",
        "10:05:00",
        "05",
        "04",
        FULL,
        **SOFT,
        reason="Mailbox full",
        smtp_code="452",
    ),
    "hard_bounced": told(
        Kind.BOUNCED,
        "hard_bounced",
        "69a40f611c2d3e4f50617214",
        "10:00:33",
        "07",
        "06",
        NOBODY,
        **HARD,
        reason="No such user",
        smtp_code="550",
    ),
    "suppressed": told(
        Kind.DROPPED,
        "suppressed",
        "69a40f5c1c2d3e4f50617219",
        "10:00:28",
        "09",
        "08",
        "blocked@example.com",
        reason="on_hold",
    ),
    "opened": told(Kind.OPENED, "opened", OPENED, "10:13:20", **listed("opened", OPENED), **OPEN),
    "opened_unique": told(
        Kind.OPENED, "opened_unique", OPENED_FIRST, "10:13:20", **listed("opened", OPENED_FIRST, "unique"), **OPEN
    ),
    "clicked": told(Kind.CLICKED, "clicked", CLICKED, "10:14:20", **listed("clicked", CLICKED), **CLICK),
    "clicked_unique": told(
        Kind.CLICKED, "clicked_unique", CLICKED_FIRST, "10:14:20", **listed("clicked", CLICKED_FIRST, "unique"), **CLICK
    ),
    "unsubscribed": told(
        Kind.UNSUBSCRIBED,
        "unsubscribed",
        "69a413f01c2d3e4f50617217",
        "10:20:00",
        reason="NO_LONGER_WANT",
        metadata=TAGGED,
    ),
    "spam_complaint": told(Kind.COMPLAINED, "spam_complaint", "69a4142c1c2d3e4f50617218", "10:21:00", metadata=TAGGED),
    "survey_opened": told(Kind.OTHER, "survey_opened", "69a414501c2d3e4f50617219", "10:22:00", metadata=TAGGED),
    "survey_submitted": told(
        Kind.OTHER,
        "survey_submitted",
        "69a4148c1c2d3e4f50617220",
        "10:23:00",
        metadata=TAGGED | {"surveys": '[{"id": "9", "answer": "yes"}]'},
    ),
}


@pytest.mark.parametrize("name", WEBHOOKS)
def test_a_webhook_of_version_2_is_one_event(name):
    assert hook(fixture(f"webhook_{name}.json")) == Reading(events=[WEBHOOKS[name]])


FIRST_VERSION = "69a40f611c2d3e4f50617214"


def legacy(kind: Kind, word: str, **more: Any) -> Event:
    common = {"template": "jpzkmgqexomg059v"}
    metadata = SENDER | more.pop("metadata", {})
    return told(kind, word, FIRST_VERSION, "10:00:33.506", "07", "06", NOBODY, **(common | more), metadata=metadata)


def place(kind: str) -> dict[str, Any]:
    return listed(kind, FIRST_VERSION) | {"slot": several(kind, EMAIL + "07")}


LEGACY = {
    "sent": legacy(Kind.SENT, "sent", external_id="crm-42", metadata={"tags": "receipt, external_id:crm-42"}),
    "hard_bounced": legacy(Kind.BOUNCED, "hard_bounced", **HARD, reason="No such user", template=None),
    "soft_bounced": legacy(Kind.BOUNCED, "soft_bounced", **SOFT, reason="Mailbox full"),
    "opened": legacy(Kind.OPENED, "opened", **place("opened"), ip="192.0.2.25"),
    "clicked": legacy(Kind.CLICKED, "clicked", **place("clicked"), ip="192.0.2.25", url=ORDER),
    "unsubscribed": legacy(
        Kind.UNSUBSCRIBED, "unsubscribed", reason="I no longer want these", metadata={"reason_code": "option_3"}
    ),
    "spam_complaint": legacy(Kind.COMPLAINED, "spam_complaint"),
}


@pytest.mark.parametrize("name", LEGACY)
def test_a_webhook_of_version_1_is_one_event(name):
    assert hook(fixture(f"webhook_v1_{name}.json")) == Reading(events=[LEGACY[name]])


def test_a_change_of_the_suppressions_is_kept_as_other():
    (event,) = hook(fixture("webhook_recipient_on_hold_added.json")).events
    # The slot is a digest of the body: test_quirks says what that means.
    assert event == Event(
        slot=event.slot,
        kind=Kind.OTHER,
        word="recipient.on_hold_added",
        occurred_at=at("10:30:00"),
        precision=Precision.MILLISECOND,
        email="blocked@example.com",
        metadata={"domain_id": DOMAIN},
    )


@pytest.mark.parametrize("name", ["test", "sender_identity_verified"])
def test_what_is_no_matter_of_emails_passes_by(name):
    assert hook(fixture(f"webhook_{name}.json")) == Reading()


ROWS = [
    row(Kind.OTHER, "survey_opened", "69a414501c2d3e4f50617219", "10:22:00"),
    row(Kind.COMPLAINED, "spam_complaints", "69a4142c1c2d3e4f50617218", "10:21:00"),
    row(Kind.UNSUBSCRIBED, "unsubscribed", "69a413f01c2d3e4f50617217", "10:20:00"),
    row(Kind.CLICKED, "clicked", CLICKED, "10:14:20", **listed("clicked", CLICKED)),
    row(Kind.CLICKED, "clicked_unique", CLICKED_FIRST, "10:14:20", **listed("clicked", CLICKED_FIRST, "unique")),
    row(Kind.OPENED, "opened", OPENED, "10:13:20", **listed("opened", OPENED)),
    row(Kind.OPENED, "opened_unique", OPENED_FIRST, "10:13:20", **listed("opened", OPENED_FIRST, "unique")),
    row(
        Kind.BOUNCED,
        "soft_bounced",
        "69a410701c2d3e4f50617213",
        "10:05:00",
        "05",
        FULL,
        **SOFT,
        precision=Precision.SECOND,
        clock=Clock.ASSUMED,
        metadata={},
    ),
    row(Kind.BOUNCED, "hard_bounced", "69a40f611c2d3e4f50617214", "10:00:33", "07", NOBODY, **HARD, metadata={}),
    row(Kind.DEFERRED, "deferred", "69a40f5f1c2d3e4f50617212", "10:00:31", "03", BEN, metadata={}),
    row(Kind.DELIVERED, "delivered", "69a40f5e1c2d3e4f50617211", "10:00:30", **OURS, metadata=MARKED),
    row(Kind.SENT, "sent", "69a40f5c1c2d3e4f50617210", "10:00:28", **OURS, metadata=MARKED),
    row(Kind.QUEUED, "queued", "69a40f5b1c2d3e4f50617209", "10:00:28"),
]


def test_a_page_of_activities_is_an_event_for_each_row():
    assert page(fixture("feed_activity.json")) == Reading(events=ROWS)


def test_a_page_of_domains_is_no_event():
    assert page(fixture("feed_domains.json"), list="domains") == Reading()


def test_each_row_has_the_identity_of_its_webhook():
    """Law 3: both doors show the same ids."""
    hooked = {
        (e.slot, e.list, e.row): e.kind for name in WEBHOOKS for e in hook(fixture(f"webhook_{name}.json")).events
    }
    rows = page(fixture("feed_activity.json")).events
    assert [hooked[e.slot, e.list, e.row] for e in rows[:-1]] == [e.kind for e in rows[:-1]]
    assert rows[-1].kind is Kind.QUEUED


def test_every_fixture_is_compared():
    covered = {
        *(
            f"webhook_{name}.json"
            for name in (*WEBHOOKS, "recipient_on_hold_added", "test", "sender_identity_verified")
        ),
        *(f"webhook_v1_{name}.json" for name in LEGACY),
        "feed_activity.json",
        "feed_domains.json",
    }
    assert {file.name for file in files("aftersend.providers.mailersend").joinpath("fixtures").iterdir()} == covered
