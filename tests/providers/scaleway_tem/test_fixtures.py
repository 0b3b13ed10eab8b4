"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files

import msgspec
import pytest

from aftersend.providers.contract import Answer
from aftersend.providers.scaleway_tem import emails, events
from aftersend.vocabulary import BounceClass, Clock, Event, Kind, Precision, Reading, slot_key
from tests.providers.scaleway_tem.said import RECEIVED, TEM, TOPIC, at, fixture, hook, page

PROJECT = "11111111-2222-4333-8444-555555555555"
TENANT = {"project_id": PROJECT, "domain_id": "bbbbbbbb-0000-4000-8000-000000000002", "domain_name": "example.com"}
SENT = TENANT | {"from": "shop@example.com"}


def mail(number: int) -> str:
    return f"cccccccc-0000-4000-8000-{number:012d}"


def event(kind: Kind, word: str, last: str, number: int | None, time: str, fact: str = "", **fields) -> Event:
    """An event of the ids in the fixtures: the event's ends in ``last``, the email's in ``number``."""
    own = f"0c1d2e3f-4a5b-4c6d-8e7f-90a1b2c3d4{last}"
    slot = (
        slot_key(None, "acme", fact or kind, "", "email", mail(number))
        if number
        else slot_key(None, "acme", kind, "alone", own)
    )
    told = {
        "slot": slot,
        "occurred_at": at(time),
        "list": "1 events",
        "row": own,
        "row_id": own,
        "message_id": mail(number) if number else None,
        "by_message": bool(number),
        "metadata": SENT,
    } | fields
    return Event(kind=kind, word=word, **told)


DELIVERED = event(
    Kind.DELIVERED,
    "email_delivered",
    "e5",
    3,
    "10:00:30",
    email="ana@example.com",
    smtp_code="250",
    metadata=SENT | {"X-Order-Id": "4711", "response": "2.0.0 OK"},
)
DEFERRED = event(
    Kind.DEFERRED,
    "email_deferred",
    "e6",
    4,
    "10:00:31",
    email="full@example.com",
    smtp_code="452",
    reason="4.2.2 Over quota",
    metadata=SENT | {"next_try": "2026-03-01T10:05:31Z", "try_count": "1"},
)
BLOCKED = {
    "email": "nobody@example.com",
    "reason": "5.1.1 No such user",
    "metadata": TENANT
    | {"blocklist_id": "dddddddd-0000-4000-8000-000000000008", "blocklist_type": "mailbox_not_found"},
}
BLOCKLIST = event(Kind.OTHER, "blocklist_created", "eb", None, "10:00:34", **BLOCKED)

POSTS: dict[str, list[Event]] = {
    "email_queued": [
        event(
            Kind.QUEUED,
            "email_queued",
            "e0",
            3,
            "10:00:28",
            email="ana@example.com",
            external_id="c-42",
            metadata=SENT | {"Message-Id": "<4711@example.com>", "X-Order-Id": "4711", "X-External-Id": "c-42"},
        )
    ],
    "email_delivered": [DELIVERED],
    "email_deferred": [DEFERRED],
    "email_dropped": [
        event(
            Kind.BOUNCED,
            "email_dropped",
            "e7",
            5,
            "10:00:32",
            "refused",
            email="ben@example.com",
            bounce_class=BounceClass.HARD,
            smtp_code="554",
            reason="5.7.1 Refused",
        )
    ],
    "email_mailbox_not_found": [
        event(
            Kind.BOUNCED,
            "email_mailbox_not_found",
            "e8",
            6,
            "10:00:33",
            "refused",
            email="nobody@example.com",
            bounce_class=BounceClass.HARD,
            smtp_code="550",
            reason="5.1.1 No such user",
        )
    ],
    "email_spam": [
        event(
            Kind.BOUNCED,
            "email_spam",
            "e9",
            7,
            "10:00:34",
            "refused",
            email="cara@example.com",
            bounce_class=BounceClass.BLOCK,
            smtp_code="550",
            reason="5.7.1 Message looks like spam",
        )
    ],
    "email_spam_by_scaleway": [
        event(
            Kind.DROPPED,
            "email_spam",
            "ec",
            9,
            "10:00:34",
            "refused",
            email="cara@example.com",
            reason="Message rejected by the spam filter",
        )
    ],
    "email_blocklisted": [
        event(
            Kind.DROPPED,
            "email_blocklisted",
            "ea",
            None,
            "10:00:35",
            **(BLOCKED | {"metadata": BLOCKED["metadata"] | SENT}),
        )
    ],
    "blocklist_created": [BLOCKLIST],
    "unknown_type": [],
    "unsubscribe_confirmation": [
        Event(
            slot=slot_key(None, "acme", "other", "UnsubscribeConfirmation", "7b8c9d0e-1f2a-4b3c-8d4e-5f6071829304"),
            kind=Kind.OTHER,
            word="UnsubscribeConfirmation",
            occurred_at=at("10:00:36"),
            metadata={"topic": TOPIC},
        )
    ],
}


def state(kind: Kind, word: str, number: int, email: str, time: str, row: str, fact: str = "", **fields) -> Event:
    """What the list of emails shows."""
    told = {
        "slot": slot_key(None, "acme", fact or kind, "", "email", mail(number)),
        "occurred_at": at(time),
        "list": "2 emails",
        "row": row,
        "message_id": mail(number),
        "by_message": True,
        "email": email,
        "metadata": {
            "project_id": PROJECT,
            "rfc_message_id": mail(number).replace("c", "d"),
            "subject": "Your order",
            "from": "shop@example.com",
        },
    } | fields
    return Event(kind=kind, word=word, **told)


def queued(number: int, email: str) -> Event:
    return state(Kind.QUEUED, "new", number, email, "10:00:28", "queued")


ANA, FULL, NOBODY, CARA = "ana@example.com", "full@example.com", "nobody@example.com", "cara@example.com"
DORA, ELI, FAY = "dora@example.com", "eli@example.com", "fay@example.com"
STATES = [
    queued(3, ANA),
    state(Kind.DELIVERED, "sent", 3, ANA, "10:00:30", "outcome", smtp_code="250"),
    queued(4, FULL),
    state(Kind.DEFERRED, "last_tries", 4, FULL, "10:00:31", "try 1", smtp_code="452", reason="4.2.2 Over quota"),
    state(Kind.DELIVERED, "sent", 4, FULL, "10:05:32", "outcome", smtp_code="250"),
    queued(6, NOBODY),
    state(
        Kind.BOUNCED,
        "failed",
        6,
        NOBODY,
        "10:00:33",
        "outcome",
        "refused",
        smtp_code="550",
        reason="5.1.1 No such user",
        bounce_class=BounceClass.HARD,
    ),
    queued(7, CARA),
    state(
        Kind.BOUNCED,
        "failed",
        7,
        CARA,
        "10:00:34",
        "outcome",
        "refused",
        smtp_code="550",
        reason="5.7.1 Message looks like spam",
        bounce_class=BounceClass.BLOCK,
    ),
    queued(9, DORA),
    state(
        Kind.DROPPED,
        "failed",
        9,
        DORA,
        "10:00:34",
        "outcome",
        "refused",
        reason="Message rejected by the spam filter",
    ),
    queued(10, ELI),
    state(
        Kind.DROPPED,
        "canceled",
        10,
        ELI,
        "10:20:00",
        "outcome",
        "refused",
        reason="canceled by request",
        clock=Clock.RECEIVED,
    ),
    queued(11, FAY),
]


@pytest.mark.parametrize("name", POSTS)
def test_every_field_of_a_post_is_read(name):
    assert hook(fixture(f"webhook_{name}")) == Reading(events=[with_precision(one, name) for one in POSTS[name]])


def with_precision(event: Event, name: str) -> Event:
    """No fixture's own time has a fraction."""
    assert event.precision is Precision.SECOND, name
    return event


def test_every_field_of_the_list_of_events_is_read():
    listed = [
        msgspec.structs.replace(one, metadata=one.metadata | {"webhook_id": "eeeeeeee-0000-4000-8000-00000000000a"})
        for one in (BLOCKLIST, DEFERRED, DELIVERED)
    ]
    assert page("events", fixture("feed_events")) == Reading(events=listed)


def test_every_field_of_the_list_of_emails_is_read():
    assert page("emails", fixture("feed_emails")) == Reading(events=STATES)


def test_every_fixture_is_read():
    folder = files("aftersend.providers.scaleway_tem").joinpath("fixtures")
    lists = {"feed_events.json", "feed_emails.json"}
    assert {file.name for file in folder.iterdir()} == {f"webhook_{name}.json" for name in POSTS} | lists


def test_the_fixtures_show_what_the_matrix_says():
    read = [one for name in POSTS for one in hook(fixture(f"webhook_{name}")).events]
    assert {one.kind for one in read} - {Kind.OTHER} == TEM.webhooks.kinds
    assert {one.bounce_class for one in read} - {None} == TEM.webhooks.bounce_classes
    assert any(len(events) > 1 for events in POSTS.values()) is TEM.webhooks.batch


def test_pages_are_seen_as_they_are():
    seen = events.look(Answer(body=fixture("feed_events"), received_at=RECEIVED))
    assert (len(seen.ids), seen.total) == (3, 3)
    assert (seen.oldest, seen.newest) == (at("10:00:30.5"), at("10:00:34"))
    seen = emails.look(Answer(body=fixture("feed_emails"), received_at=RECEIVED))
    assert (seen.ids[0], seen.total) == (mail(3), 7)
