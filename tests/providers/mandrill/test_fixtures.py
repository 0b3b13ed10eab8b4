"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files

import pytest

from aftersend.providers.mandrill.values import digest
from aftersend.vocabulary import BounceClass, Clock, Event, Kind, Machine, Precision, Problem, Reading, slot_key
from tests.providers.mandrill.said import fixture, hook, page

ANA = "3f1c2a9b7d5e4c8fa0b1c2d3e4f50617"
NOBODY, FULL = "6c22d9f4b18e4f6db7a0c9d8e7f61234", "7d33e0a5c29f4a7ec8b1dae9f8072345"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
LINK = "https://shop.example.com/o/4711"
OWN = {"order_id": "4711", "external_id": "crm-4711", "campaign_id": "march"}
ALWAYS = {"subject": "Your receipt", "sender": "shop@example.com"}
TAGS = {"tags": "receipt, spring"}
ACME = {"subaccount": "acme-eu"}
UNNAMED = {"campaign_id": None, "external_id": None}


def slot(kind: str, message: str = ANA, fact: str = "") -> bytes:
    return slot_key(None, "acme", kind, "message", message, fact)


def act(kind: str, second: int, url: str | None = None) -> bytes:
    return slot_key(second * 1000, "acme", kind, "message", ANA, str(second), url)


def address(kind: str, email: str) -> bytes:
    return slot_key(None, "acme", kind, "address", email)


def told(kind: Kind, word: str, second: int, message: str = ANA, **fields) -> Event:
    """A webhook's event of a message."""
    common = {
        "slot": slot(kind, message),
        "list": "1 webhook",
        "row": "once",
        "message_id": message,
        "by_message": True,
        "email": "ana@example.com",
        "campaign_id": "march",
        "external_id": "crm-4711",
        "template": "receipt-v2",
        "metadata": OWN | ALWAYS | ACME | TAGS,
    }
    return Event(kind=kind, word=word, occurred_at=second * 1000, **(common | fields))


def entry(kind: Kind, word: str, second: int, email: str, **fields) -> Event:
    return Event(kind=kind, word=word, occurred_at=second * 1000, email=email, **fields)


def other(which: str, action: str, email: str, when: int) -> bytes:
    return slot_key(None, "acme", "other", which, action, email, str(when))


SENT = told(Kind.SENT, "send", 1772359230)
CLICK = told(
    Kind.CLICKED,
    "click",
    1772360060,
    slot=act("clicked", 1772360060, LINK),
    row=digest("192.0.2.25", IPHONE),
    url=LINK,
    ip="192.0.2.25",
    user_agent=IPHONE,
    device="mobile",
)
HARD = {"list": "denylist", "action": "add", "reject_reason": "hard-bounce", "created_at": "2026-03-01 10:01:10"}
DENIED = {
    "slot": other("denylist", "add", "nobody@example.com", 1772359270),
    "reason": "550 5.1.1 No such user",
    "smtp_code": "550",
    "metadata": HARD | {"last_event_at": "2026-03-01 10:01:10", "expires_at": "2026-04-01 10:01:10"},
}
OPTED_OUT = {
    "slot": address("unsubscribed", "ana@example.com"),
    "list": "3 denylist",
    "row": "1772370100",
    "reason": "unsub",
    "metadata": {"list": "denylist", "action": "add", "reject_reason": "unsub"}
    | {"last_event_at": "2026-03-01 13:01:40", "created_at": "2026-03-01 13:01:40", "subaccount": "acme-eu"},
}

WEBHOOKS = {
    "send": [SENT],
    "delivered": [told(Kind.DELIVERED, "delivered", 1772359232)],
    "deferral": [
        told(
            Kind.DEFERRED,
            "deferral",
            1772359260,
            "51b0e6c2a94d4a7f8e3b2c1d0f9e8a77",
            **UNNAMED,
            row="1772359260",
            email="ben@example.com",
            template=None,
            reason="451 4.3.5 try again later",
            smtp_code="451",
            metadata=ALWAYS,
        )
    ],
    "hard_bounce": [
        told(
            Kind.BOUNCED,
            "hard_bounce",
            1772359270,
            NOBODY,
            **UNNAMED,
            row="hard_bounce",
            email="nobody@example.com",
            bounce_class=BounceClass.HARD,
            reason="smtp;550 5.1.1 No such user",
            smtp_code="550",
            metadata=ALWAYS | ACME | TAGS | {"bounce_description": "bad_mailbox", "bgtools_code": "10"},
        )
    ],
    "hard_bounce_blocked": [
        told(
            Kind.BOUNCED,
            "hard_bounce",
            1772359275,
            "6c22d9f4b18e4f6db7a0c9d8e7f65678",
            **UNNAMED,
            row="hard_bounce",
            email="wall@example.com",
            template=None,
            bounce_class=BounceClass.BLOCK,
            reason="smtp;554 5.7.1 Blocked by policy",
            smtp_code="554",
            metadata=ALWAYS | {"bounce_description": "general", "bgtools_code": "40"},
        )
    ],
    "soft_bounce": [
        told(
            Kind.BOUNCED,
            "soft_bounce",
            1772366400,
            FULL,
            **UNNAMED,
            row="soft_bounce",
            email="full@example.com",
            template=None,
            bounce_class=BounceClass.SOFT,
            reason="smtp;552 5.2.2 Over quota",
            smtp_code="552",
            metadata=ALWAYS | {"bounce_description": "mailbox_full", "bgtools_code": "22"},
        )
    ],
    "reject": [
        told(
            Kind.DROPPED,
            "reject",
            1772359229,
            "8e44f1b6d3a04b8fd9c2ebfa09183456",
            **UNNAMED,
            email="blocked@example.com",
            metadata=ALWAYS | ACME | TAGS,
        )
    ],
    "open": [
        told(
            Kind.OPENED,
            "open",
            1772360000,
            slot=act("opened", 1772360000),
            row=digest("192.0.2.25", FIREFOX),
            ip="192.0.2.25",
            user_agent=FIREFOX,
            device="computer",
            metadata=OWN
            | ALWAYS
            | ACME
            | TAGS
            | {
                "location.country_short": "DE",
                "location.country_long": "Germany",
                "location.region": "Berlin",
                "location.city": "Berlin",
                "location.postal_code": "10115",
                "location.timezone": "+01:00",
                "location.latitude": "52.53",
                "location.longitude": "13.38",
                "client": "Firefox 147",
                "client_type": "browser",
                "os": "Linux",
            },
        )
    ],
    "open_robot": [
        told(
            Kind.OPENED,
            "open",
            1772360001,
            slot=act("opened", 1772360001),
            row=digest("192.0.2.77", "Mozilla/5.0 (compatible; Scanner)"),
            ip="192.0.2.77",
            user_agent="Mozilla/5.0 (compatible; Scanner)",
            machine=Machine.MACHINE,
            machine_reason="user_agent_parsed.type is robot",
            metadata=OWN | ALWAYS | ACME | TAGS | {"client": "Scanner", "client_type": "robot"},
        )
    ],
    "click": [CLICK],
    "spam": [told(Kind.COMPLAINED, "spam", 1772370000, slot=address("complained", "ana@example.com"), row=ANA)],
    "unsub": [told(Kind.UNSUBSCRIBED, "unsub", 1772370100, slot=address("unsubscribed", "ana@example.com"), row=ANA)],
    "denylist_add": [entry(Kind.OTHER, "blacklist add", 1772359300, "nobody@example.com", **DENIED)],
    "denylist_remove": [
        entry(
            Kind.OTHER,
            "blacklist remove",
            1772380000,
            "nobody@example.com",
            slot=other("denylist", "remove", "nobody@example.com", 1772380000),
            reason="hard-bounce",
            metadata=HARD | {"action": "remove"},
        )
    ],
    "denylist_unsub": [entry(Kind.UNSUBSCRIBED, "denylist add", 1772370101, "ana@example.com", **OPTED_OUT)],
    "allowlist_add": [
        entry(
            Kind.OTHER,
            "whitelist add",
            1772359310,
            "qa@example.com",
            slot=other("allowlist", "add", "qa@example.com", 1772359310),
            reason="internal test box",
            metadata={"list": "allowlist", "action": "add", "created_at": "2026-03-01 10:01:50"},
        )
    ],
    "allowlist_add_entry": [
        entry(
            Kind.OTHER,
            "safelist add",
            1772359320,
            "qa2@example.com",
            slot=other("allowlist", "add", "qa2@example.com", 1772359320),
            metadata={"list": "allowlist", "action": "add", "created_at": "2026-03-01 10:02:00"},
        )
    ],
    "test": [
        told(
            Kind.OTHER,
            "open",
            1772359500,
            "exampleaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1",
            **UNNAMED,
            slot=slot("other", "exampleaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1", "open 1772359500 "),
            row=digest("192.0.2.1", None),
            email="example.webhook@example.com",
            ip="192.0.2.1",
            metadata={"user_id": "111"} | ALWAYS | ACME | {"tags": "webhook-example", "test": "yes"},
        )
    ],
    "unknown": [
        told(
            Kind.OTHER,
            "reopened",
            1772360500,
            **UNNAMED,
            slot=slot("other", fact="reopened 1772360500 "),
            row=digest("192.0.2.25", None),
            ip="192.0.2.25",
            metadata=ALWAYS | ACME | TAGS,
        )
    ],
    "inbound": [],
    "empty": [],
}


@pytest.mark.parametrize("name", WEBHOOKS)
def test_a_webhook_is_what_it_says(name):
    assert hook(fixture(f"webhook_{name}.form")) == Reading(events=WEBHOOKS[name])


def test_a_batch_is_read_item_by_item():
    assert hook(fixture("webhook_batch.form")) == Reading(
        events=[SENT, CLICK], problems=[Problem(item=1, reason="ts is not a time.", raw=b'{"event":"open"}')]
    )


def test_every_webhook_has_its_test():
    names = {file.name for file in files("aftersend.providers.mandrill").joinpath("fixtures").iterdir()}
    assert {name for name in names if name.startswith("webhook_")} == {
        f"webhook_{name}.form" for name in (*WEBHOOKS, "batch")
    }


def listed(kind: Kind, word: str, second: int, message: str = ANA, **fields) -> Event:
    """An event of a row of messages/search."""
    common = {"list": "2 messages", "metadata": OWN | ALWAYS | TAGS}
    return told(kind, word, second, message, **(common | fields))


def test_a_message_of_the_list_is_expanded_into_its_events():
    opened = {
        "slot": act("opened", 1772360000),
        "ip": "192.0.2.25",
        "user_agent": FIREFOX,
        "device": "computer",
        "metadata": OWN | ALWAYS | TAGS | {"location": "Berlin, DE"},
    }
    nobody = UNNAMED | {"email": "nobody@example.com", "metadata": ALWAYS | TAGS}
    full = UNNAMED | {"email": "full@example.com", "metadata": ALWAYS, "template": None}
    eva = UNNAMED | {"email": "eva@example.com", "metadata": ALWAYS | TAGS}
    spam = "9f55a2c7e4b15c90ead3fc0b1a294567"
    untold = {"precision": Precision.DAY, "clock": Clock.RECEIVED}
    assert page("messages", fixture("feed_messages.json")) == Reading(
        events=[
            listed(Kind.SENT, "sent", 1772359228),
            listed(Kind.DELIVERED, "sent", 1772359232),
            listed(Kind.OPENED, "opens", 1772360000, row=digest("192.0.2.25", FIREFOX) + " 1", **opened),
            listed(Kind.OPENED, "opens", 1772360000, row=digest("192.0.2.25", FIREFOX) + " 2", **opened),
            listed(
                Kind.CLICKED,
                "clicks",
                1772360060,
                slot=act("clicked", 1772360060, LINK),
                row=digest("192.0.2.25", IPHONE) + " 1",
                url=LINK,
                ip="192.0.2.25",
                user_agent=IPHONE,
                device="mobile",
            ),
            listed(Kind.SENT, "sent", 1772359228, NOBODY, **nobody),
            listed(
                Kind.BOUNCED,
                "bounced",
                1772359270,
                NOBODY,
                **nobody,
                bounce_class=BounceClass.UNDETERMINED,
                reason="550 5.1.1 No such user",
                smtp_code="550",
            ),
            listed(
                Kind.DEFERRED,
                "deferred",
                1772359240,
                NOBODY,
                **nobody,
                row="1772359240",
                reason="451 4.3.5 try again later",
                smtp_code="451",
            ),
            listed(Kind.SENT, "sent", 1772359228, FULL, **full),
            # Its own time isn't told: that of the sending stands in.
            listed(Kind.BOUNCED, "soft-bounced", 1772359228, FULL, **full, **untold, bounce_class=BounceClass.SOFT),
            listed(
                Kind.DROPPED,
                "rejected",
                1772359228,
                "8e44f1b6d3a04b8fd9c2ebfa09183456",
                **UNNAMED,
                email="blocked@example.com",
                metadata=ALWAYS | TAGS,
            ),
            listed(Kind.SENT, "sent", 1772359228, spam, **eva),
            listed(
                Kind.COMPLAINED,
                "spam",
                1772359228,
                spam,
                **eva,
                **untold,
                slot=address("complained", "eva@example.com"),
                row=spam,
            ),
            # The last one is deferred: nothing of it is certain yet.
        ]
    )


def test_an_entry_of_the_deny_list_says_what_its_webhook_does():
    assert page("rejects", fixture("feed_rejects.json")) == Reading(
        events=[
            entry(Kind.OTHER, "rejects/list", 1772359270, "nobody@example.com", **DENIED),
            entry(Kind.UNSUBSCRIBED, "rejects/list", 1772370100, "ana@example.com", **OPTED_OUT),
            entry(
                Kind.COMPLAINED,
                "rejects/list",
                1772370000,
                "eva@example.com",
                slot=address("complained", "eva@example.com"),
                list="3 denylist",
                row="1772370000",
                reason="spam",
                metadata={"list": "denylist", "action": "add", "reject_reason": "spam"}
                | {"last_event_at": "2026-03-01 13:00:00", "created_at": "2026-03-01 13:00:00", "expired": "yes"},
            ),
        ]
    )


def test_a_page_of_another_list_is_a_problem():
    reading = page("nonsense", [])
    assert [problem.reason for problem in reading.problems] == ["Mandrill has no list 'nonsense'."]
