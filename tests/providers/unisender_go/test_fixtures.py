"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from hashlib import blake2b
from importlib.resources import files

import pytest

from aftersend.providers.contract import Answer, Context
from aftersend.vocabulary import BounceClass, Event, Kind, Machine, Reading, slot_key
from tests.providers.unisender_go.said import RECEIVED, SOURCE, UNISENDER, at, file, fixture, hook

PROJECT = {"user_id": "456", "project_id": "6432890213745872", "project_name": "Shop"}
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0 Safari/537.36"
OFFER = "https://shop.example.com/o/4711"


def digest(*parts: str) -> str:
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def told(
    kind: Kind, status: str, time: str, email: str = "ana@example.com", job: str = "h", order: str = "4711", **fields
) -> Event:
    job = f"1wAbCd-0001Ef-G{job}"
    common = {
        "slot": slot_key(at(time), "acme", "status", status, job, email),
        "list": "webhook" if "delivery_status" in fields.get("more", {}) else "webhook without details",
        "activity_id": job,
        "message_id": job,
        "email": email,
        "metadata": ({"order_id": order} if order else {}) | fields.pop("more", {}) | fields.pop("about", PROJECT),
    }
    return Event(kind=kind, word=status, occurred_at=at(time), **(common | fields))


def bounced(
    time: str, email: str, bounce_class: BounceClass | None, detail: str = "", answer: str = "", **fields
) -> Event:
    more = {"delivery_status": detail, "sender_ip": "198.51.100.9" if answer else ""}
    return told(
        fields.pop("kind", Kind.BOUNCED),
        "hard_bounced",
        time,
        email,
        "j",
        "4712",
        bounce_class=bounce_class,
        reason=answer or detail or None,
        smtp_code=answer[:3] or None,
        more={name: said for name, said in more.items() if said},
        **fields,
    )


SENT = told(Kind.SENT, "sent", "10:00:28")
DELIVERED = told(
    Kind.DELIVERED,
    "delivered",
    "10:00:30",
    more={
        "delivery_status": "ok_delivered",
        "destination_response": "250 2.0.0 OK",
        "sender_ip": "198.51.100.9",
    },
)
OPENED = told(
    Kind.OPENED,
    "opened",
    "10:13:20",
    row=digest("", "192.0.2.25", AGENT),
    ip="192.0.2.25",
    user_agent=AGENT,
    device="computer",
    more={"delivery_status": "ok_read", "country_code": "DE", "country": "Germany", "city": "Berlin"},
)
CLICKED = told(
    Kind.CLICKED,
    "clicked",
    "10:14:20",
    row=digest(OFFER, "192.0.2.25", AGENT),
    url=OFFER,
    ip="192.0.2.25",
    user_agent=AGENT,
    device="computer",
    more={"delivery_status": "ok_link_visited", "country_code": "DE"},
)
SOFT = told(
    Kind.DEFERRED,
    "soft_bounced",
    "10:00:31",
    "full@example.com",
    "i",
    "",
    reason="452 4.2.2 Over quota",
    smtp_code="452",
    more={"delivery_status": "err_mailbox_full", "sender_ip": "198.51.100.9"},
)
HARD = bounced("10:00:32", "nobody@example.com", BounceClass.HARD, "err_user_unknown", "550 5.1.1 No such user")
UNSUBSCRIBED = told(Kind.UNSUBSCRIBED, "unsubscribed", "10:20:00", more={"comment": "Too many mails"})
SUBSCRIBED = told(Kind.RESUBSCRIBED, "subscribed", "10:25:00")
SPAM = told(Kind.COMPLAINED, "spam", "13:00:00")
BLOCK = Event(
    slot=slot_key(at("11:00:00"), "acme", "block", "example.net", "one_smtp", "blocked"),
    kind=Kind.OTHER,
    word="transactional_spam_block",
    occurred_at=at("11:00:00"),
    metadata={
        **PROJECT,
        "block_type": "one_smtp",
        "domain": "example.net",
        "domain_status": "blocked",
        "smtp_blocks_count": "8",
    },
)
WEBHOOKS = {
    "sent": [SENT],
    "delivered": [DELIVERED],
    "opened": [OPENED],
    "clicked": [CLICKED],
    "soft_bounced": [SOFT],
    "hard_bounced": [HARD],
    "hard_bounced_block": [
        bounced("10:00:33", "block@example.com", BounceClass.BLOCK, "err_spam_rejected", "554 5.7.1 Rejected as spam")
    ],
    "hard_bounced_soft": [
        bounced("10:00:34", "full@example.com", BounceClass.SOFT, "err_mailbox_full", "552 5.2.2 Mailbox full")
    ],
    "hard_bounced_untold": [bounced("10:00:35", "bare@example.com", BounceClass.UNDETERMINED)],
    "hard_bounced_dropped": [bounced("10:00:36", "gone@example.com", None, "err_unsubscribed", kind=Kind.DROPPED)],
    "unsubscribed": [UNSUBSCRIBED],
    "subscribed": [SUBSCRIBED],
    "spam": [SPAM],
    "spam_block": [BLOCK],
    "batch": [
        *(SENT, DELIVERED, OPENED, CLICKED, SOFT, HARD),
        *(
            told(Kind.UNSUBSCRIBED, "unsubscribed", "10:20:00", more={"comment": "Too many mails"}),
            SUBSCRIBED,
            SPAM,
            BLOCK,
        ),
    ],
    "without_delivery_info": [
        told(
            Kind.CLICKED,
            "clicked",
            "10:14:20",
            row=digest("", "", ""),
            campaign_id="spring",
            external_id="crm-1",
            more={"campaign_id": "spring", "external_id": "crm-1"},
            about={"user_id": "456"},
        )
    ],
    "single_event": [told(Kind.DELIVERED, "delivered", "10:00:30")],
}


def listed(kind: Kind, status: str, time: str, **fields) -> Event:
    return told(kind, status, time, list="dump", **fields)


DUMPED_CLICK = {
    "row": digest(OFFER, "192.0.2.25", AGENT),
    "external_id": "crm-1",
    "url": OFFER,
    "ip": "192.0.2.25",
    "user_agent": AGENT,
    "device": "computer",
    "machine": Machine.UNKNOWN,
}
FROM = {"from_email": "shop@example.com"}
SHOP = {"project_id": "6432890213745872"}
CLICK_MARKS = {"delivery_status": "ok_link_visited", "external_id": "crm-1", "tags": "news"}
DUMP = [
    listed(Kind.QUEUED, "accepted", "10:00:27", more={"tags": "news, spring"}, about=SHOP | FROM),
    listed(Kind.CLICKED, "clicked", "10:14:20", more=CLICK_MARKS, about=SHOP | FROM, **DUMPED_CLICK),
    listed(
        Kind.CLICKED,
        "clicked",
        "10:14:20",
        more=CLICK_MARKS,
        about=SHOP | FROM,
        **(DUMPED_CLICK | {"row": f"{DUMPED_CLICK['row']} 2"}),
    ),
    listed(
        Kind.BOUNCED,
        "hard_bounced",
        "10:00:32",
        email="nobody@example.com",
        job="j",
        order="",
        bounce_class=BounceClass.HARD,
        reason="550 5.1.1 No such user,\n550 really",
        smtp_code="550",
        more={"delivery_status": "err_user_unknown"},
        about=FROM,
    ),
]


@pytest.mark.parametrize("name", WEBHOOKS)
def test_every_field_of_every_webhook(name):
    assert hook(fixture(f"webhook_{name}.json")) == Reading(events=WEBHOOKS[name])


def test_every_field_of_a_dump():
    assert file(fixture("feed_events.csv")) == Reading(events=DUMP)


@pytest.mark.parametrize("step", ["create", "in_process", "ready"])
def test_answers_on_the_way_to_a_dump_tell_no_events(step):
    assert file(fixture(f"feed_{step}.json"), step="wait") == Reading()


def test_the_answers_lead_from_the_order_to_the_deletion():
    (feed,) = UNISENDER.feeds(SOURCE)
    walk = feed.walk({}, Context(source=SOURCE, now=RECEIVED, since=at("10:00:00"), until=at("11:00:00")))
    asked = []
    for name in ("create.json", "in_process.json", "ready.json", "events.csv", "create.json"):
        ask = walk.ask()
        asked.append((ask.path, ask.post))
        walk.take(Answer(body=fixture(f"feed_{name}"), received_at=RECEIVED))
    assert walk.ask() is None
    dump = {"dump_id": "9f8e7d6c"}
    assert asked == [
        (
            "event-dump/create.json",
            {
                "start_time": "2026-03-01 10:00:00",
                "end_time": "2026-03-01 11:00:00",
                "limit": 1_000_000,
                "delimiter": ",",
                "format": "csv",
            },
        ),
        ("event-dump/get.json", dump),
        ("event-dump/get.json", dump),
        ("https://go1.unisender.ru/dumps/9f8e7d6c-1.csv", None),
        ("event-dump/delete.json", dump),
    ]


def test_every_fixture_is_among_them_and_shows_what_the_provider_says_of_itself():
    names = {one.name for one in files("aftersend.providers.unisender_go").joinpath("fixtures").iterdir()}
    pages = {"feed_create.json", "feed_in_process.json", "feed_ready.json", "feed_events.csv"}
    assert names == {*(f"webhook_{name}.json" for name in WEBHOOKS), *pages}
    events = [event for found in WEBHOOKS.values() for event in found]
    assert {event.kind for event in events} - {Kind.OTHER} == UNISENDER.webhooks.kinds
    assert {event.bounce_class for event in events} - {None} == UNISENDER.webhooks.bounce_classes
