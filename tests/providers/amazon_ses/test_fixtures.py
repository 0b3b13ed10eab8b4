"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files

import pytest

from aftersend.vocabulary import BounceClass, Event, Kind, Precision, Reading, slot_key
from tests.providers.amazon_ses.said import MAIL, SES, TOPIC, at, fixture, hook

SET = {"ses:configuration-set": "marketing", "from": "news@example.com"}
TAGS = SET | {"campaign": "camp-7"}
BOUNCED_MAIL = "0100019b00000000-22222222-0000-4000-8000-000000000002-000000"
FEEDBACK = "0100019b00000001-11111111-0000-4000-8000-000000000001-000000"


def told(kind: Kind, word: str, time: str, *more: str | None, **fields) -> Event:
    """An event of the email in most fixtures; ``more`` is what else its identity has."""
    event = {
        "occurred_at": at(time),
        "precision": Precision.MILLISECOND,
        "campaign_id": "camp-7",
        "message_id": MAIL,
        "by_message": True,
        "email": "ada@example.com",
        "metadata": TAGS,
    } | fields
    when, message, email = event["occurred_at"], event["message_id"], event["email"]
    return Event(
        slot=slot_key(when, "acme", kind, word, message, email, str(when), *more), kind=kind, word=word, **event
    )


def bounced(
    kind: Kind, kind_of_bounce: str, subtype: str, feedback: str = FEEDBACK, status: str | None = "5.1.1", **fields
) -> Event:
    """An event of the email in the bounces' fixtures."""
    metadata = {
        "ses:operation": "SendEmail",
        "ses:configuration-set": "marketing",
        "ses:source-ip": "192.0.2.9",
        "ses:from-domain": "example.com",
        "ses:caller-identity": "mailer",
        "campaign": "camp-7",
        "customer": "c-42",
        "from": "News <news@example.com>",
        "subject": "Hello",
        "rfc_message_id": "<abc@example.com>",
        "bounce_type": kind_of_bounce,
        "bounce_sub_type": subtype,
        "reporting_mta": "dns; mta.example.com",
        "feedback_id": feedback,
    } | ({"action": "failed", "status": status} if status else {})
    event = {"message_id": BOUNCED_MAIL, "email": "nobody@example.com", "metadata": metadata} | fields
    return told(kind, "Bounce", "12:00:02.669", feedback, **event)


def without(event: Event, *names: str) -> dict[str, str]:
    return {name: value for name, value in event.metadata.items() if name not in names}


PERMANENT = bounced(
    Kind.BOUNCED,
    "Permanent",
    "General",
    bounce_class=BounceClass.HARD,
    reason="smtp; 550 5.1.1 user unknown",
    smtp_code="550",
)
UNDETERMINED = bounced(
    Kind.BOUNCED,
    "Undetermined",
    "Undetermined",
    status=None,
    bounce_class=BounceClass.UNDETERMINED,
    reason="Undetermined",
)
FULL = {"feedback": "0100019b00000008-88888888-0000-4000-8000-000000000008-000000", "bounce_class": BounceClass.SOFT}
COMPLAINT = "0100019b00000003-33333333-0000-4000-8000-000000000003-000000"
SUPPRESSED = "0100019b00000013-33333333-0000-4000-8000-000000000013-000000"
NO_SPAM = "0100019b00000023-33333333-0000-4000-8000-000000000023-000000"
ABOUT = {"user_agent": "ExampleFBL/1.0", "arrival_date": "2026-01-01T12:59:00.000Z"}
LIST = {"contact_list": "customers", "source": "UnsubscribeHeader", "scope": "all"}
OFFER = "https://www.example.com/offer?x=1"

READ: dict[str, list[Event]] = {
    "bounce_permanent": [PERMANENT],
    "bounce_transient_two_recipients": [
        bounced(
            Kind.BOUNCED,
            "Transient",
            "MailboxFull",
            status="5.2.2",
            email="full@example.com",
            reason="smtp; 552 5.2.2 mailbox full",
            smtp_code="552",
            **FULL,
        ),
        bounced(
            Kind.BOUNCED,
            "Transient",
            "MailboxFull",
            status=None,
            email="away@example.com",
            reason="MailboxFull",
            **FULL,
        ),
    ],
    "bounce_content_rejected": [
        bounced(
            Kind.BOUNCED,
            "Transient",
            "ContentRejected",
            status="5.7.1",
            bounce_class=BounceClass.BLOCK,
            reason="smtp; 554 5.7.1 looks like spam",
            smtp_code="554",
        )
    ],
    "bounce_undetermined": [
        bounced(
            Kind.BOUNCED,
            "Undetermined",
            "Undetermined",
            status=None,
            bounce_class=BounceClass.UNDETERMINED,
            reason="Undetermined",
            metadata=without(UNDETERMINED, "reporting_mta"),
        )
    ],
    "bounce_suppressed": [
        bounced(
            Kind.DROPPED,
            "Permanent",
            "OnAccountSuppressionList",
            reason="Amazon SES did not send the message to this address because it is on the suppression list for your "
            "account.",
        )
    ],
    "identity_bounce": [
        bounced(
            Kind.BOUNCED,
            "Permanent",
            "General",
            bounce_class=BounceClass.HARD,
            reason="smtp; 550 5.1.1 user unknown",
            smtp_code="550",
            metadata={name: value for name, value in PERMANENT.metadata.items() if not name.startswith("ses:")},
        )
    ],
    "complaint": [
        told(
            Kind.COMPLAINED,
            "Complaint",
            "13:00:00.000",
            COMPLAINT,
            reason="abuse",
            metadata=TAGS | ABOUT | {"complaint_feedback_type": "abuse", "feedback_id": COMPLAINT},
        )
    ],
    "complaint_suppressed": [
        told(
            Kind.DROPPED,
            "Complaint",
            "13:00:00.000",
            SUPPRESSED,
            reason="OnAccountSuppressionList",
            metadata=TAGS
            | {
                "complaint_sub_type": "OnAccountSuppressionList",
                "feedback_id": SUPPRESSED,
                "arrival_date": "2026-01-01T12:59:00.000Z",
            },
        )
    ],
    "complaint_not_spam": [
        told(
            Kind.OTHER,
            "Complaint",
            "13:00:00.000",
            NO_SPAM,
            reason="not-spam",
            metadata=TAGS | ABOUT | {"complaint_feedback_type": "not-spam", "feedback_id": NO_SPAM},
        )
    ],
    "delivery": [
        told(
            Kind.DELIVERED,
            "Delivery",
            "12:00:04.133",
            smtp_code="250",
            external_id="c-42",
            metadata=TAGS
            | {
                "external_id": "c-42",
                "ses:outgoing-ip": "192.0.2.60",
                "smtp_response": "250 2.6.0 Message received",
                "reporting_mta": "a8-50.smtp-out.example.com",
                "processing_time_millis": "4121",
            },
        )
    ],
    "send": [told(Kind.SENT, "Send", "12:00:00.012")],
    "reject": [
        told(
            Kind.DROPPED,
            "Reject",
            "12:00:00.012",
            message_id="0100019b00000005-55555555-0000-4000-8000-000000000005-000000",
            campaign_id=None,
            reason="Bad content",
            metadata=SET,
        )
    ],
    "rendering_failure": [
        told(
            Kind.DROPPED,
            "Rendering Failure",
            "12:00:00.012",
            message_id="0100019b00000006-66666666-0000-4000-8000-000000000006-000000",
            campaign_id=None,
            template="welcome",
            reason="variable 'name' missing",
            metadata=SET,
        )
    ],
    "delivery_delay": [
        told(
            Kind.DEFERRED,
            "DeliveryDelay",
            "12:10:00.000",
            message_id="0100019b00000007-77777777-0000-4000-8000-000000000007-000000",
            email="bob@example.com",
            campaign_id=None,
            reason="smtp; 421 4.4.1 unable to connect",
            smtp_code="421",
            metadata=SET
            | {
                "delay_type": "TransientCommunicationFailure",
                "expiration_time": "2026-01-02T02:00:00.000Z",
                "reporting_mta": "192.0.2.60",
                "status": "4.4.1",
            },
        )
    ],
    "open": [told(Kind.OPENED, "Open", "12:05:19.652", None, ip="198.51.100.7", user_agent="Mozilla/5.0")],
    "click": [
        told(
            Kind.CLICKED,
            "Click",
            "12:06:25.570",
            OFFER,
            url=OFFER,
            ip="198.51.100.7",
            user_agent="Mozilla/5.0 (X11; Linux x86_64)",
            device="computer",
            metadata=TAGS | {"link_tags.position": "top"},
        )
    ],
    "unsubscribed": [told(Kind.UNSUBSCRIBED, "Subscription", "12:20:17.910", metadata=TAGS | LIST)],
    "resubscribed": [told(Kind.RESUBSCRIBED, "Subscription", "12:25:00.000", metadata=TAGS | LIST)],
    "test": [],
    "unsubscribe_confirmation": [
        Event(
            slot=slot_key(None, "acme", "other", "UnsubscribeConfirmation", "00000020-2222-5333-8444-555555555555"),
            kind=Kind.OTHER,
            word="UnsubscribeConfirmation",
            occurred_at=at("11:59:00.900"),
            precision=Precision.MILLISECOND,
            metadata={"topic": TOPIC},
        )
    ],
}


@pytest.mark.parametrize("name", READ)
def test_every_field_is_read(name):
    assert hook(fixture(name)) == Reading(events=READ[name])


def test_every_fixture_is_read():
    folder = files("aftersend.providers.amazon_ses").joinpath("fixtures")
    assert {file.name for file in folder.iterdir()} == {f"webhook_{name}.json" for name in READ}


def test_the_fixtures_show_what_the_matrix_says():
    events = [event for name in READ for event in hook(fixture(name)).events]
    assert {event.kind for event in events} - {Kind.OTHER} == SES.webhooks.kinds
    assert {event.bounce_class for event in events} - {None} == SES.webhooks.bounce_classes
    assert any(len(hook(fixture(name)).events) > 1 for name in READ) is SES.webhooks.batch
