"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files

import pytest

from aftersend.providers.postmark import Postmark
from aftersend.vocabulary import BounceClass, Clock, Event, Kind, Precision, Reading, slot_key
from aftersend.zones import parse
from tests.providers.postmark.said import BOUNCED, MESSAGE, RECEIVED, at, fixture, hook, page

ADA, NOBODY = "ada@example.com", "nobody@example.com"
SENDER = {"campaign_id": "spring-2026", "external_id": "c-42", "send_ref": "s-9001"}
SERVER = {"message_stream": "outbound", "server_id": "23"}
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
BACK = parse("2026-03-02T09:00:00Z", "test")
OFFER = "https://www.example.com/offer?x=1"
PLACE = {
    "city": "San Francisco",
    "coords": "37.7749,-122.4194",
    "country": "US",
    "region": "California",
    "zip": "94107",
}


def once(kind: str, message: str = MESSAGE, recipient: str = ADA) -> bytes:
    return slot_key(None, "acme", kind, "message", message, recipient)


def act(kind: str, time: str, micros: str, url: str | None = None) -> bytes:
    return slot_key(at(time), "acme", kind, MESSAGE, ADA, f"{at(time)}{micros}", url)


def bounce(own: int, kind: Kind, word: str, *, name: str, code: int, **fields) -> Event:
    metadata = {
        "can_activate": "true",
        "dump_available": "true",
        "external_id": "c-43",
        "from": "news@example.com",
        "inactive": "false",
        "name": name,
        "subject": "Hello",
        "tag": "welcome",
        "type_code": str(code),
        **SERVER,
    } | fields.pop("metadata", {})
    common = {
        "slot": slot_key(None, "acme", "bounce", str(own)),
        "row_id": str(own),
        "occurred_at": at("12:00:05.907"),
        "precision": Precision.MILLISECOND,
        "message_id": BOUNCED,
        "by_message": True,
        "external_id": "c-43",
        "email": NOBODY,
    }
    plain = {key: value for key, value in metadata.items() if value}
    return Event(kind=kind, word=word, metadata=plain, **(common | fields))


def change(kind: Kind, occurred_at: int, **fields) -> Event:
    common = {
        "message_id": MESSAGE,
        "by_message": True,
        "external_id": "c-42",
        "email": ADA,
        "precision": Precision.MILLISECOND,
    }
    return Event(kind=kind, word="SubscriptionChange", occurred_at=occurred_at, **(common | fields))


def of_contact(kind: str, recipient: str = ADA) -> bytes:
    return slot_key(None, "acme", kind, "contact", "broadcast", recipient)


def changed(**metadata: str) -> dict[str, str]:
    return {
        "external_id": "c-42",
        "message_stream": "broadcast",
        "origin": "Recipient",
        "server_id": "23",
        "suppress_sending": "true",
        "tag": "newsletter",
    } | metadata


WEBHOOKS = {
    "delivery": Event(
        slot=once("delivered"),
        kind=Kind.DELIVERED,
        word="Delivery",
        occurred_at=at("12:00:00.123"),
        precision=Precision.MILLISECOND,
        message_id=MESSAGE,
        by_message=True,
        campaign_id="spring-2026",
        external_id="c-42",
        email=ADA,
        smtp_code="250",
        metadata={**SENDER, **SERVER, "tag": "welcome", "details": "smtp;250 2.0.0 OK"},
    ),
    # ServerId, an empty tag, free text, an offset, no metadata.
    "delivery_bare": Event(
        slot=once("delivered", recipient="bob@example.com"),
        kind=Kind.DELIVERED,
        word="Delivery",
        occurred_at=at("12:00:01"),
        message_id=MESSAGE,
        by_message=True,
        email="Bob@Example.com",
        metadata={**SERVER, "details": "Test delivery webhook details"},
    ),
    "bounce_hard": bounce(
        692560173,
        Kind.BOUNCED,
        "HardBounce",
        name="Hard bounce",
        code=1,
        bounce_class=BounceClass.HARD,
        reason="Unknown user.",
        smtp_code="550",
        metadata={"details": "smtp;550 5.1.1 user unknown", "inactive": "true"},
    ),
    "bounce_transient": bounce(
        692560175,
        Kind.DEFERRED,
        "Transient",
        name="Message delayed",
        code=2,
        # Its description is empty.
        reason="smtp;451 4.7.1 try later",
        smtp_code="451",
        metadata={"details": "smtp;451 4.7.1 try later"},
    ),
    "bounce_soft": bounce(
        692560176,
        Kind.BOUNCED,
        "SoftBounce",
        name="Soft bounce",
        code=4096,
        bounce_class=BounceClass.SOFT,
        reason="Mailbox full.",
        smtp_code="552",
        metadata={"details": "smtp;552 5.2.2 over quota"},
    ),
    # The number is that of another type: the name wins.
    "bounce_blocked": bounce(
        692560177,
        Kind.BOUNCED,
        "Blocked",
        name="ISP block",
        code=16,
        bounce_class=BounceClass.BLOCK,
        reason="Blocked by the ISP.",
        smtp_code="550",
        metadata={"details": "550 listed"},
    ),
    "bounce_unknown": bounce(
        692560178, Kind.BOUNCED, "Unknown", name="", code=2048, bounce_class=BounceClass.UNDETERMINED
    ),
    "bounce_auto_responder": bounce(
        692560179, Kind.AUTO_REPLIED, "AutoResponder", name="Auto responder", code=64, reason="Out of office."
    ),
    "bounce_manually_deactivated": bounce(
        692560180,
        Kind.DROPPED,
        "ManuallyDeactivated",
        name="Manually deactivated",
        code=100002,
        reason="The address was deactivated.",
        metadata={"inactive": "true"},
    ),
    "bounce_subscribe": bounce(
        692560181, Kind.RESUBSCRIBED, "Subscribe", name="Subscribe request", code=32, reason="Subscribe request"
    ),
    # No RecordType, no address, no time, no metadata.
    "bounce_unsubscribe_short": Event(
        slot=slot_key(None, "acme", "bounce", "692560182"),
        row_id="692560182",
        kind=Kind.UNSUBSCRIBED,
        word="Unsubscribe",
        occurred_at=RECEIVED,
        clock=Clock.RECEIVED,
        message_id=BOUNCED,
        by_message=True,
        reason="Unsubscribe request",
        metadata={
            "message_stream": "broadcast",
            "name": "Unsubscribe request",
            "server_id": "23",
            "tag": "newsletter",
            "type_code": "16",
        },
    ),
    "bounce_address_change": bounce(
        692560183, Kind.OTHER, "AddressChange", name="Address change", code=128, reason="The recipient has moved."
    ),
    # The number is that of another type: the record's type wins.
    "spam_complaint": Event(
        slot=once("complained"),
        list="bounces",
        row="692560174",
        row_id="692560174",
        kind=Kind.COMPLAINED,
        word="SpamComplaint",
        occurred_at=at("13:00:00"),
        precision=Precision.MILLISECOND,
        message_id=MESSAGE,
        by_message=True,
        campaign_id="spring-2026",
        external_id="c-42",
        email=ADA,
        reason="Marked as spam",
        metadata={
            "can_activate": "false",
            "details": "Marked as spam",
            "dump_available": "true",
            "from": "news@example.com",
            "inactive": "true",
            "name": "Spam complaint",
            "subject": "Hello",
            "tag": "welcome",
            "type_code": "512",
            **SENDER,
            **SERVER,
        },
    ),
    "open": Event(
        slot=act("opened", "12:05:00.500", "000"),
        kind=Kind.OPENED,
        word="Open",
        occurred_at=at("12:05:00.500"),
        precision=Precision.MILLISECOND,
        message_id=MESSAGE,
        by_message=True,
        campaign_id="spring-2026",
        external_id="c-42",
        email=ADA,
        ip="192.0.2.7",
        user_agent=CHROME,
        # A web mailer is no device; the user agent tells one.
        device="computer",
        metadata={
            "client": "Gmail",
            "first_open": "true",
            "os": "Windows 10",
            "platform": "WebMail",
            "read_seconds": "5",
            "tag": "welcome",
            **PLACE,
            **SENDER,
            **SERVER,
        },
    ),
    # Names that say unknown, empty objects, no tag, and no seconds read.
    "open_bare": Event(
        slot=act("opened", "12:05:00.500", "001"),
        kind=Kind.OPENED,
        word="Open",
        occurred_at=at("12:05:00.500"),
        precision=Precision.MILLISECOND,
        message_id=MESSAGE,
        by_message=True,
        email=ADA,
        metadata={**SERVER, "first_open": "false"},
    ),
    "click": Event(
        slot=act("clicked", "12:06:00.500", "000", OFFER),
        kind=Kind.CLICKED,
        word="Click",
        occurred_at=at("12:06:00.500"),
        precision=Precision.MILLISECOND,
        message_id=MESSAGE,
        by_message=True,
        campaign_id="spring-2026",
        external_id="c-42",
        email=ADA,
        url=OFFER,
        ip="192.0.2.7",
        # Postmark's own word for the device wins over the user agent.
        user_agent=IPHONE,
        device="computer",
        metadata={
            "click_location": "HTML",
            "client": "Chrome",
            "os": "macOS 14",
            "platform": "Desktop",
            "tag": "welcome",
            **PLACE,
            **SENDER,
            **SERVER,
        },
    ),
    "change_unsubscribed": change(
        Kind.UNSUBSCRIBED,
        at("12:07:00"),
        slot=of_contact("unsubscribed"),
        list="changes",
        row=f"{at('12:07:00')}000",
        metadata=changed(suppression_reason="ManualSuppression"),
    ),
    "change_by_staff": change(
        Kind.OTHER,
        at("12:07:00"),
        slot=slot_key(
            at("12:07:00"), "acme", "other", "change", "broadcast", ADA, f"{at('12:07:00')}000", "ManualSuppression"
        ),
        message_id=None,
        by_message=False,
        external_id=None,
        metadata={
            "message_stream": "broadcast",
            "origin": "Customer",
            "server_id": "23",
            "suppress_sending": "true",
            "suppression_reason": "ManualSuppression",
        },
    ),
    # What follows from a hard bounce; here the recipient counts as its origin.
    "change_hard_bounce": change(
        Kind.OTHER,
        at("12:00:06"),
        slot=slot_key(
            at("12:00:06"), "acme", "other", "change", "outbound", NOBODY, f"{at('12:00:06')}000", "HardBounce"
        ),
        precision=Precision.SECOND,
        message_id=BOUNCED,
        email=NOBODY,
        metadata=changed(message_stream="outbound", tag="welcome", suppression_reason="HardBounce"),
    ),
    "change_complaint": change(
        Kind.COMPLAINED,
        at("12:08:00.250"),
        slot=once("complained"),
        list="changes",
        metadata=changed(suppression_reason="SpamComplaint"),
    ),
    "change_reactivated": change(
        Kind.RESUBSCRIBED,
        BACK,
        slot=of_contact("resubscribed"),
        list="changes",
        row=f"{BACK}000",
        precision=Precision.SECOND,
        message_id=None,
        by_message=False,
        external_id=None,
        metadata={
            "message_stream": "broadcast",
            "origin": "Customer",
            "server_id": "23",
            "suppress_sending": "false",
        },
    ),
    "inbound_reply": Event(
        slot=slot_key(None, "acme", "replied", "alone", "Inbound", "22c74902-a0c1-4511-804f-341342852c90"),
        row_id="22c74902-a0c1-4511-804f-341342852c90",
        kind=Kind.REPLIED,
        word="Inbound",
        occurred_at=RECEIVED,
        clock=Clock.RECEIVED,
        message_id=MESSAGE,
        by_message=True,
        email=ADA,
        metadata={
            "in_reply_to": f"<{MESSAGE}@mtasv.net>",
            "message_stream": "inbound",
            "subject": "Re: Hello",
        },
    ),
    # The sample that is posted when a webhook is saved.
    "test": None,
}


def test_every_webhook_of_the_fixtures_is_compared():
    names = {path.name for path in files("aftersend.providers.postmark").joinpath("fixtures").iterdir()}
    assert names == {f"webhook_{name}.json" for name in [*WEBHOOKS, "unknown"]} | {
        f"feed_{name}.json" for name in ("messages", "opens", "clicks", "bounces", "suppressions")
    }


@pytest.mark.parametrize("name", WEBHOOKS)
def test_every_field_of_a_webhook_is_read(name):
    wanted = WEBHOOKS[name]
    assert hook(fixture(f"webhook_{name}")) == Reading(events=[wanted] if wanted else [])


def test_a_webhook_of_an_unknown_type_is_kept_with_its_word():
    reading = hook(fixture("webhook_unknown"))
    assert reading == Reading(
        events=[
            Event(
                slot=reading.events[0].slot,
                kind=Kind.OTHER,
                word="Snoozed",
                occurred_at=at("12:09:00"),
                precision=Precision.MILLISECOND,
                message_id=MESSAGE,
                by_message=True,
                email=ADA,
                metadata=SERVER,
            )
        ]
    )
    assert hook(fixture("webhook_unknown"), RECEIVED + 1000) == reading


def test_what_the_webhooks_are_said_to_tell_is_what_the_fixtures_tell():
    events = [event for name in [*WEBHOOKS, "unknown"] for event in hook(fixture(f"webhook_{name}")).events]
    told = Postmark.webhooks
    assert told is not None
    assert {event.kind for event in events} - {Kind.OTHER} == told.kinds
    assert {event.bounce_class for event in events if event.bounce_class} == told.bounce_classes


def test_messages_tell_of_each_recipient_that_they_were_sent():
    def sent(email: str) -> Event:
        return Event(
            slot=once("sent", recipient=email.lower()),
            kind=Kind.SENT,
            word="Sent",
            occurred_at=at("11:59:58"),
            precision=Precision.MILLISECOND,
            message_id=MESSAGE,
            by_message=True,
            campaign_id="spring-2026",
            external_id="c-42",
            email=email,
            metadata={
                "from": "News <news@example.com>",
                "message_stream": "outbound",
                "subject": "Hello",
                "tag": "welcome",
                **SENDER,
            },
        )

    assert page("messages", fixture("feed_messages")) == Reading(events=[sent(ADA), sent("Bob@Example.com")])


def test_bounces_of_the_list_are_those_of_webhooks():
    hard = bounce(
        692560173,
        Kind.BOUNCED,
        "HardBounce",
        name="Hard bounce",
        code=1,
        external_id=None,
        bounce_class=BounceClass.HARD,
        reason="Unknown user.",
        smtp_code="550",
        metadata={"details": "smtp;550 5.1.1 user unknown", "inactive": "true", "external_id": ""},
    )
    # Here the address and the time are told that the short webhook lacks.
    by_mail = bounce(
        692560182,
        Kind.UNSUBSCRIBED,
        "Unsubscribe",
        name="Unsubscribe request",
        code=16,
        external_id=None,
        reason="Unsubscribe request",
        metadata={"message_stream": "broadcast", "tag": "newsletter", "external_id": ""},
    )
    assert page("bounces", fixture("feed_bounces")) == Reading(events=[hard, by_mail])


def test_opens_of_the_list_are_those_of_webhooks():
    opened = Event(
        slot=act("opened", "12:05:00.500", "000"),
        kind=Kind.OPENED,
        word="Open",
        occurred_at=at("12:05:00.500"),
        precision=Precision.MILLISECOND,
        message_id=MESSAGE,
        by_message=True,
        email=ADA,
        user_agent=CHROME,
        device="computer",
        metadata={
            "client": "Gmail",
            "first_open": "true",
            "message_stream": "outbound",
            "os": "Windows 10",
            "platform": "WebMail",
            "tag": "welcome",
        },
    )
    assert page("opens", fixture("feed_opens")) == Reading(events=[opened])


def test_clicks_of_the_list_are_those_of_webhooks_even_if_they_do_not_say_what_they_are():
    clicked = Event(
        slot=act("clicked", "12:06:00.500", "000", OFFER),
        kind=Kind.CLICKED,
        word="Click",
        occurred_at=at("12:06:00.500"),
        precision=Precision.MILLISECOND,
        message_id=MESSAGE,
        by_message=True,
        email=ADA,
        url=OFFER,
        ip="192.0.2.7",
        user_agent=IPHONE,
        device="computer",
        metadata={
            "click_location": "HTML",
            "client": "Chrome",
            "message_stream": "outbound",
            "os": "macOS 14",
            "platform": "Desktop",
            "tag": "welcome",
        },
    )
    assert page("clicks", fixture("feed_clicks")) == Reading(events=[clicked])


def test_of_suppressions_those_are_told_that_recipients_made():
    left = Event(
        slot=of_contact("unsubscribed"),
        kind=Kind.UNSUBSCRIBED,
        word="ManualSuppression",
        occurred_at=at("12:07:00"),
        list="suppressions",
        row=f"{at('12:07:00')}000",
        email=ADA,
        metadata={
            "message_stream": "broadcast",
            "origin": "Recipient",
            "suppression_reason": "ManualSuppression",
        },
    )
    assert page("suppressions", fixture("feed_suppressions"), stream="broadcast") == Reading(events=[left])
