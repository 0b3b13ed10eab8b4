"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files

import pytest

from aftersend.providers.contract import Answer
from aftersend.providers.paging import Page
from aftersend.providers.resend import emails
from aftersend.vocabulary import BounceClass, Clock, ContactInfo, Event, Instant, Kind, Precision, Reading, slot_key
from aftersend.zones import parse
from tests.providers.resend.said import CALL, RECEIVED, fixture, hook, page

EMAIL = "56761188-7520-42d8-8898-ff6fc54ce618"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
OFFER = "https://www.example.com/offer?x=1"
ADA, NOBODY = "ada@example.com", "nobody@example.com"
CONTACT = "e169aa45-1ecf-4183-9955-b1499d5701d3"
TOPIC = "b6d24b8e-af0b-4c3c-be0c-359bbd97381"
MARKS = {"campaign_id": "camp-7", "external_id": "c-42"}
BROADCAST = {"campaign_id": "8b146471-e88e-4322-86af-016cd36fd216", "template": "43f68331-0622-4e15-8202-246a0388854b"}


def at(time: str) -> Instant:
    """A time of 2026-01-01, UTC."""
    return parse(f"2026-01-01T{time}Z", "test")


def numbered(number: int) -> str:
    return f"{EMAIL[:-3]}{number}"


def letter(number: int = 333) -> dict[str, str]:
    return {
        "from": "News <news@example.com>",
        "subject": "Hello",
        "rfc_message_id": f"<111-222-{number}@email.example.com>",
    }


def told(kind: Kind, word: str, time: str, number: int = 618, *, metadata=None, fact="", **fields) -> Event:
    """What a webhook tells of an email."""
    head = letter(333 if number == 618 else number)
    email = fields.get("email", ADA)
    common = {
        "slot": slot_key(None, "acme", fact or str(kind), "email", numbered(number), ""),
        "list": "webhook",
        "row": email,
        "row_id": CALL,
        "occurred_at": at(time),
        "precision": Precision.MILLISECOND,
        "message_id": numbered(number),
        "by_message": True,
        "campaign_id": "camp-7",
        "external_id": "c-42",
        "email": ADA,
        "metadata": head | MARKS | (metadata or {}),
    }
    return Event(kind=kind, word=word, **(common | fields))


def acted(kind: Kind, word: str, time: str, link: str = "", **fields) -> Event:
    return told(kind, word, time, row=f"{at(time)} {ADA} {link}".strip(), **fields)


def returned(kind: Kind, word: str, time: str, number: int, **fields) -> Event:
    email, found = fields.get("email", NOBODY), fields.get("bounce_class") or "dropped"
    return told(kind, word, time, number, **({"fact": "returned", "row": f"{found} {email}", "email": NOBODY} | fields))


def bounced(number: int, found: BounceClass | None, reason: str, sort: str = "", sub: str = "", **fields) -> Event:
    kind = Kind.BOUNCED if found else Kind.DROPPED
    metadata = {"bounce_type": sort, "bounce_sub_type": sub} if sort else {}
    if "diagnostic" in fields:
        metadata["diagnostic_code"] = fields.pop("diagnostic")
    return returned(
        kind, "email.bounced", "12:00:03.126", number, bounce_class=found, reason=reason, metadata=metadata, **fields
    )


EMAILS = {
    "email_scheduled": told(Kind.QUEUED, "email.scheduled", "11:00:00.126"),
    "email_sent": told(Kind.SENT, "email.sent", "11:59:59.826", metadata={"X-Journey": "spring"}, **BROADCAST),
    "email_delivered": told(Kind.DELIVERED, "email.delivered", "12:00:02.126", **BROADCAST),
    "email_delivery_delayed": told(
        Kind.DEFERRED,
        "email.delivery_delayed",
        "12:10:00.126",
        619,
        email="bob@example.com",
        row=f"{at('12:10:00.126')} bob@example.com",
        metadata=letter(334),
    ),
    "email_bounced": bounced(
        620,
        BounceClass.HARD,
        "The recipient's mail server rejected the message.",
        "Permanent",
        "General",
        smtp_code="550",
        diagnostic="smtp; 550 5.1.1 user unknown",
    ),
    "email_bounced_transient": bounced(
        621,
        BounceClass.SOFT,
        "The recipient's mailbox is full.",
        "Transient",
        "MailboxFull",
        smtp_code="552",
        diagnostic="smtp; 552 5.2.2 mailbox full, smtp; 452 4.2.2 try later",
    ),
    "email_bounced_block": bounced(622, BounceClass.BLOCK, "The content was rejected.", "Transient", "ContentRejected"),
    "email_bounced_undetermined": bounced(
        623, BounceClass.UNDETERMINED, "No reason was given.", "Undetermined", "Undetermined"
    ),
    "email_bounced_suppressed": bounced(
        624, None, "Resend has suppressed sending to this address.", "Permanent", "Suppressed"
    ),
    "email_bounced_old": bounced(625, BounceClass.HARD, "This was a hard bounce."),
    "email_complained": told(Kind.COMPLAINED, "email.complained", "14:00:00.126"),
    "email_opened": acted(Kind.OPENED, "email.opened", "12:05:00.126", **BROADCAST),
    "email_clicked": acted(
        Kind.CLICKED,
        "email.clicked",
        "12:05:59.163",
        OFFER,
        url=OFFER,
        ip="198.51.100.7",
        user_agent=FIREFOX,
        device="computer",
    ),
    "email_failed": returned(
        Kind.DROPPED, "email.failed", "12:00:01.126", 626, email=ADA, reason="reached_daily_quota"
    ),
    "email_suppressed": returned(
        Kind.DROPPED,
        "email.suppressed",
        "12:00:01.226",
        627,
        reason="Address is on the account-level suppression list",
        metadata={"suppression_type": "OnAccountSuppressionList"},
    ),
    "email_new_thing": Event(
        slot=slot_key(None, "acme", "other", "email", EMAIL, "new_thing"),
        list="webhook",
        row=f"{at('12:09:00.126')} {ADA}",
        row_id=CALL,
        kind=Kind.OTHER,
        word="email.new_thing",
        occurred_at=at("12:09:00.126"),
        precision=Precision.MILLISECOND,
        message_id=EMAIL,
        by_message=True,
        email=ADA,
    ),
}


def alone(word: str, own: str, time: Instant, **fields) -> Event:
    return Event(
        slot=slot_key(None, "acme", "alone", word, own),
        kind=Kind.OTHER,
        word=word,
        row_id=CALL,
        occurred_at=time,
        precision=Precision.MILLISECOND,
        **fields,
    )


SUPPRESSION = "b1c1a9de-5f0e-4c7e-9d5e-0a4b8a6f3c21"
RECEIVED_ID = "a6761188-7520-42d8-8898-ff6fc54ce623"
OTHERS = {
    "email_received": alone(
        "email.received",
        RECEIVED_ID,
        at("15:00:00.126"),
        email=ADA,
        metadata={
            "to": "reply@in.example.com",
            "received_id": RECEIVED_ID,
            "from": "Ada <ada@example.com>",
            "subject": "Re: Hello",
            "rfc_message_id": "<reply-1@mail.example.com>",
        },
    ),
    "suppression_added": alone(
        "suppression.added",
        SUPPRESSION,
        at("12:00:04"),
        email=NOBODY,
        reason="bounce",
        metadata={"suppression_id": SUPPRESSION, "source_id": "76761188-7520-42d8-8898-ff6fc54ce620"},
    ),
    "suppression_removed": alone(
        "suppression.removed",
        SUPPRESSION,
        at("12:00:04") + 86_400_000,
        email=NOBODY,
        reason="manual",
        metadata={"suppression_id": SUPPRESSION},
    ),
}


def choice(kind: Kind, word: str, slot: bytes, time: str, metadata: dict[str, str], **fields) -> Event:
    return Event(
        slot=slot,
        kind=kind,
        word=word,
        row_id=CALL,
        occurred_at=at(time),
        precision=Precision.MILLISECOND,
        email=ADA,
        metadata=metadata,
        **fields,
    )


def contact(kind: Kind, word: str, time: str) -> Event:
    metadata = {"contact_id": CONTACT, "audience_id": "78261eea-8f8b-4381-83c6-79fa7120f1cf"}
    return choice(kind, word, slot_key(None, "acme", word, "contact", CONTACT, ""), time, metadata)


def topic(kind: Kind, chosen: str, own: str) -> Event:
    slot = slot_key(None, "acme", f"{kind} {chosen}", "contact", ADA, own)
    metadata = {"scope": "topic", "topic_id": own, "subscription": chosen}
    row = str(at("12:08:00"))
    return choice(kind, "contact.topics.updated", slot, "12:08:00", metadata, list="webhook", row=row)


ABOUT = ContactInfo(email=ADA, first_name="Ada", last_name="Example")
CONTACTS = {
    "contact_created": Reading(
        events=[contact(Kind.RESUBSCRIBED, "contact.created", "10:00:00.126")], contacts=[ABOUT]
    ),
    "contact_updated": Reading(
        events=[contact(Kind.UNSUBSCRIBED, "contact.updated", "12:07:00.126")], contacts=[ABOUT]
    ),
    "contact_updated_name": Reading(contacts=[ContactInfo(email=ADA, first_name="Augusta", last_name="Example")]),
    "contact_deleted": Reading(
        contacts=[ContactInfo(email=ADA, first_name="Ada", last_name="Example", deleted_at=at("18:00:00.126"))]
    ),
    "contact_topics_updated": Reading(
        events=[topic(Kind.UNSUBSCRIBED, "opt_out", f"{TOPIC}e"), topic(Kind.RESUBSCRIBED, "opt_in", f"{TOPIC}f")]
    ),
    "domain_updated": Reading(),
}


@pytest.mark.parametrize("name", EMAILS)
def test_an_event_of_an_email_is_read_with_all_its_fields(name):
    assert hook(fixture(f"webhook_{name}.json")) == Reading(events=[EMAILS[name]])


@pytest.mark.parametrize("name", OTHERS)
def test_what_tells_of_no_email_that_was_sent_is_kept_as_other(name):
    assert hook(fixture(f"webhook_{name}.json")) == Reading(events=[OTHERS[name]])


@pytest.mark.parametrize("name", CONTACTS)
def test_what_is_told_of_contacts_is_read(name):
    assert hook(fixture(f"webhook_{name}.json")) == CONTACTS[name]


def latest(kind: Kind, word: str, number: int, fact: str = "", other: str = "", **fields) -> Event:
    """What the list tells of an email."""
    common = {
        "slot": slot_key(None, "acme", fact or str(kind), "email", numbered(number), other),
        "list": "emails",
        "row": "latest",
        "occurred_at": at("11:59:59.894"),
        "precision": Precision.MILLISECOND,
        "clock": Clock.RECEIVED,
        "message_id": numbered(number),
        "by_message": True,
        "email": ADA,
        "metadata": letter(number),
    }
    return Event(kind=kind, word=word, **(common | fields))


def test_a_page_of_the_list_is_read_with_all_its_fields():
    undetermined = BounceClass.UNDETERMINED
    assert page(fixture("feed_emails.json")) == Reading(
        events=[
            latest(Kind.DELIVERED, "delivered", 618),
            latest(Kind.BOUNCED, "bounced", 620, "returned", email=NOBODY, bounce_class=undetermined),
            latest(Kind.OPENED, "opened", 628, email=None),
            latest(
                Kind.CLICKED,
                "clicked",
                629,
                email=None,
                occurred_at=at("13:00:00"),
                precision=Precision.SECOND,
            ),
        ]
    )
    assert page(fixture("feed_emails_last.json")) == Reading(
        events=[latest(Kind.OTHER, "canceled", 630, other="canceled")]
    )


def test_the_id_of_the_last_row_leads_to_the_next_page():
    def look(name):
        return emails.look(Answer(body=fixture(name), received_at=RECEIVED))

    oldest = at("11:59:59.894")
    ids = [numbered(number) for number in (618, 620, 628, 629)]
    assert look("feed_emails.json") == Page(ids=ids, next=numbered(629), oldest=oldest)
    assert look("feed_emails_last.json") == Page(ids=[numbered(630), numbered(631)], oldest=oldest)


def test_every_fixture_is_read_somewhere_here():
    names = {file.name.partition(".")[0] for file in files("aftersend.providers.resend").joinpath("fixtures").iterdir()}
    assert names == {f"webhook_{name}" for name in (*EMAILS, *OTHERS, *CONTACTS)} | {"feed_emails", "feed_emails_last"}
