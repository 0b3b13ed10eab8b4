"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files

import msgspec
import pytest

from aftersend.vocabulary import (
    BounceClass,
    CampaignInfo,
    ContactInfo,
    Event,
    Kind,
    Machine,
    Reading,
    slot_key,
)
from tests.providers.klaviyo.said import KLAVIYO, at, fixture, hook, page

NAMES = {"Subject": "March news", "Campaign Name": "March news 2026"}
CAMPAIGN = CampaignInfo(campaign_id="WxYz12", name="March news 2026", subject="March news")
PERSON = "01JEXAMPLEPROFILE00000000"


def told(kind: Kind, word: str, time: str, own: str, uuid: str, metric: str, person: int = 1, **fields) -> Event:
    """An event of the fixtures' campaign, as a webhook tells it."""
    metadata = {"account_id": "AbC123", "metric_id": metric, "uuid": f"{uuid}-0a1b2c3d4e5f"}
    common = {
        "slot": slot_key(at(time), "acme", "event", own),
        "row_id": own,
        "occurred_at": at(time),
        "contact_id": f"{PERSON}{person}",
        "campaign_id": "WxYz12",
        "metadata": {**NAMES, **fields.pop("more", {}), **metadata},
    }
    if fields.pop("plain", False):
        common["metadata"] = {name: text for name, text in common["metadata"].items() if name not in NAMES}
        common["campaign_id"] = None
    return Event(kind=kind, word=word, **(common | fields))


RECEIVED = told(
    Kind.DELIVERED,
    "received_email",
    "10:00:00",
    "6XyZabc1230",
    "b2d0e100-1555-11f1-8001",
    "MtRecv",
    more={"Email Domain": "example.com"},
)
OPENED = told(
    Kind.OPENED,
    "opened_email",
    "10:00:30",
    "6XyZabc1234",
    "c4b1d300-1555-11f1-8001",
    "MtOpen",
    more={
        "Email Domain": "example.com",
        "Client Name": "Chrome",
        "Client OS": "Linux",
        "Client Type": "Browser",
        "Client OS Family": "Desktop",
        "$event_id": "1772359230",
    },
    device="computer",
    machine=Machine.HUMAN,
    machine_reason="machine_open",
)
MACHINE = told(
    Kind.OPENED,
    "opened_email",
    "10:00:31",
    "6XyZabc1241",
    "c54a6980-1555-11f1-8001",
    "MtOpen",
    2,
    more={"$flow": "FlOw12", "Client Type": "Mobile Browser"},
    device="mobile",
    machine=Machine.MACHINE,
    machine_reason="machine_open",
)
CLICKED = told(
    Kind.CLICKED,
    "clicked_email",
    "10:01:30",
    "6XyZabc1235",
    "e874a900-1555-11f1-8001",
    "MtClick",
    url="https://shop.example.com/sale",
)


def bounced(time: str, own: str, uuid: str, person: int, bounce_class: BounceClass, reason: str | None) -> Event:
    where = (f"{uuid}-1555-11f1-8001", "MtBounce", person)
    return told(Kind.BOUNCED, "bounced_email", time, own, *where, bounce_class=bounce_class, reason=reason)


def of_person(kind: Kind, word: str, time: str, own: str, uuid: str, metric: str, person: int = 1, **fields) -> Event:
    return told(kind, word, time, own, uuid, metric, person, plain=True, **fields)


WEBHOOKS = {
    "received_email": Reading(events=[RECEIVED], campaigns=[CAMPAIGN]),
    "opened_email": Reading(events=[OPENED], campaigns=[CAMPAIGN]),
    "opened_email_machine": Reading(events=[MACHINE], campaigns=[CAMPAIGN]),
    "clicked_email": Reading(events=[CLICKED], campaigns=[CAMPAIGN]),
    "bounced_email_hard": Reading(
        events=[bounced("10:00:10", "6XyZabc1236", "b8c60a00", 2, BounceClass.HARD, "Hard")], campaigns=[CAMPAIGN]
    ),
    "bounced_email_soft": Reading(
        events=[bounced("10:00:11", "6XyZabc1242", "b95ea080", 3, BounceClass.SOFT, "Soft")], campaigns=[CAMPAIGN]
    ),
    "bounced_email_untold": Reading(
        events=[bounced("10:00:12", "6XyZabc1243", "b9f73700", 4, BounceClass.UNDETERMINED, None)],
        campaigns=[CAMPAIGN],
    ),
    "dropped_email": Reading(
        events=[told(Kind.DROPPED, "dropped_email", "09:59:59", "6XyZabc1237", "b2384b80-1555-11f1-8001", "MtDrop", 3)],
        campaigns=[CAMPAIGN],
    ),
    "marked_email_as_spam": Reading(
        events=[
            told(
                Kind.COMPLAINED, "marked_email_as_spam", "13:00:00", "6XyZabc1238", "d5c0f400-156e-11f1-8001", "MtSpam"
            )
        ],
        campaigns=[CAMPAIGN],
    ),
    "unsubscribed_from_email_marketing": Reading(
        events=[
            of_person(
                Kind.UNSUBSCRIBED,
                "unsubscribed_from_email_marketing",
                "13:01:40",
                "6XyZabc1239",
                "115bb200-156f-11f1-8001",
                "MtUnsub",
                email="ana@example.com",
                # The detail is the recipient's address, which has its field.
                more={"method": "PROFILE_PAGE", "$event_id": "1772370100"},
            )
        ]
    ),
    "subscribed_to_email_marketing": Reading(
        events=[
            of_person(
                Kind.RESUBSCRIBED,
                "subscribed_to_email_marketing",
                "13:03:20",
                "6XyZabc1240",
                "4cf66f00-156f-11f1-8001",
                "MtSub",
                4,
                email="ben@example.com",
                more={"$event_id": "1772370200"},
            )
        ]
    ),
    "updated_email_preferences": Reading(
        events=[
            of_person(
                Kind.OTHER,
                "updated_email_preferences",
                "13:05:00",
                "6XyZabc1244",
                "88912c00-156f-11f1-8001",
                "MtPrefs",
                email="ana@example.com",
            )
        ]
    ),
    "manually_suppressed": Reading(
        events=[
            of_person(
                Kind.OTHER,
                "manually_suppressed_from_email_marketing",
                "13:06:40",
                "6XyZabc1245",
                "c42be900-156f-11f1-8001",
                "MtSupp",
                email="ana@example.com",
            )
        ]
    ),
    "manually_unsuppressed": Reading(
        events=[
            of_person(
                Kind.OTHER,
                "manually_unsuppressed_from_email_marketing",
                "13:08:20",
                "6XyZabc1246",
                "ffc6a600-156f-11f1-8001",
                "MtUnsupp",
                email="ana@example.com",
            )
        ]
    ),
    "api_placed_order": Reading(
        events=[
            of_person(
                Kind.OTHER,
                "event:api.placed_order",
                "13:10:00",
                "6XyZabc1247",
                "3b616300-1570-11f1-8001",
                "MtOrder",
                more={"order.id": "4711"},
            )
        ]
    ),
    "sent_sms": Reading(),
    "included_profile": Reading(
        events=[
            told(
                Kind.DELIVERED,
                "received_email",
                "10:00:02",
                "6XyZabc1249",
                "b4020e00-1555-11f1-8001",
                "MtRecv",
                email="ana@example.com",
                phone="+15550100",
                external_id="crm-4711",
            )
        ],
        campaigns=[CAMPAIGN],
        contacts=[
            ContactInfo(
                contact_id=f"{PERSON}1",
                email="ana@example.com",
                phone="+15550100",
                external_id="crm-4711",
                first_name="Ana",
                last_name="Example",
            )
        ],
    ),
    "batch": Reading(events=[RECEIVED, OPENED, CLICKED], campaigns=[CAMPAIGN]),
}


def listed(event: Event, **fields) -> Event:
    """The same as a list tells it: no account, but whose profile it is."""
    metadata = {name: text for name, text in event.metadata.items() if name != "account_id"}
    return msgspec.structs.replace(event, metadata=metadata, **fields)


FEEDS = {
    "opened_email": Reading(
        events=[
            listed(OPENED, email="ana@example.com", external_id="crm-4711"),
            listed(MACHINE, email="bob@example.com"),
        ],
        campaigns=[CAMPAIGN],
    ),
    "unsubscribed_from_list": Reading(
        events=[
            listed(
                of_person(
                    Kind.UNSUBSCRIBED,
                    "unsubscribed_from_list",
                    "13:13:20",
                    "6XyZabc1250",
                    "b296dd00-1570-11f1-8001",
                    "MtUnlist",
                    email="ana@example.com",
                    external_id="crm-4711",
                    more={"List": "News"},
                )
            )
        ]
    ),
}


@pytest.mark.parametrize("name", WEBHOOKS)
def test_every_field_of_every_webhook(name):
    assert hook(fixture(f"webhook_{name}.json")) == WEBHOOKS[name]


@pytest.mark.parametrize("name", FEEDS)
def test_every_field_of_every_page(name):
    assert page(name, fixture(f"feed_{name}.json")) == FEEDS[name]


def test_a_page_of_metrics_tells_no_events():
    assert page("opened_email", fixture("feed_metrics.json"), list="metrics") == Reading()


def test_every_fixture_is_among_them_and_shows_what_the_provider_says_of_itself():
    names = {file.name for file in files("aftersend.providers.klaviyo").joinpath("fixtures").iterdir()}
    assert names == {
        *(f"webhook_{name}.json" for name in WEBHOOKS),
        *(f"feed_{name}.json" for name in FEEDS),
        "feed_metrics.json",
    }
    events = [event for reading in WEBHOOKS.values() for event in reading.events]
    assert {event.kind for event in events} - {Kind.OTHER} == KLAVIYO.webhooks.kinds
    assert {event.bounce_class for event in events} - {None} == KLAVIYO.webhooks.bounce_classes
