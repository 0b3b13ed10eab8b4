"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files

import msgspec
import pytest

from aftersend.providers.contract import Answer
from aftersend.providers.paging import Page
from aftersend.providers.sparkpost import pages
from aftersend.vocabulary import BounceClass, Event, Kind, Machine, Precision, Reading, slot_key
from tests.providers.sparkpost.said import RECEIVED, fixture, hook, page

NOON = 1767268800
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
ADA, BOB = "000443ee14578172be22", "0004e3724f57753a3861"
MARKS = {"external_id": "c-42", "send.ref": "s-9001"}
SENT = {"transmission_id": "65832150921904138"} | MARKS
FULL = {"rcpt_tags": "gold, US", "subject": "Hello", "template_version": "1", "subaccount_id": "101"} | SENT
PLACE = {"geo_ip.country": "US", "geo_ip.region": "MD", "geo_ip.city": "Columbia", "delv_method": "esmtp"}


def own(number: int) -> str:
    return str(92356927693813000 + number)


def told(kind: Kind, word: str, event_id: int | str, seconds: int, **fields) -> Event:
    event_id = own(event_id) if isinstance(event_id, int) else event_id
    common = {
        "slot": slot_key(None, "acme", "event", event_id),
        "row_id": event_id,
        "occurred_at": (NOON + seconds) * 1000,
    }
    return Event(kind=kind, word=word, **(common | fields))


def ada(kind: Kind, word: str, event_id: int | str, seconds: int, **fields) -> Event:
    """An event of the message to Ada, which has everything."""
    common = {
        "message_id": ADA,
        "by_message": True,
        "campaign_id": "camp-7",
        "template": "welcome",
        "external_id": "c-42",
        "email": "Ada@example.com",
        "metadata": FULL,
    }
    return told(kind, word, event_id, seconds, **(common | fields))


def acted(kind: Kind, word: str, event_id: int, seconds: int, *, metadata=None, **fields) -> Event:
    common = {"ip": "198.51.100.7", "user_agent": FIREFOX, "device": "computer"}
    return ada(kind, word, event_id, seconds, metadata=FULL | PLACE | (metadata or {}), **(common | fields))


def opened(word: str, event_id: int, seconds: int, part: str = "html", **fields) -> Event:
    place = {
        "slot": slot_key(None, "acme", "opened", "message", ADA, part),
        "list": word,
        "row": own(event_id),
        "metadata": {"part": "amp"} if part == "amp" else {"initial_pixel": "true"},
    }
    return acted(Kind.OPENED, word, event_id, seconds, **(place | fields))


def bob(kind: Kind, event_id: int, seconds: int, code: str, word: str = "bounce", **fields) -> Event:
    """Something that came back from Bob's server."""
    more = {"bounce_class": code, "transmission_id": "84345317650824116"} | fields.pop("metadata", {})
    common = {"message_id": BOB, "by_message": True, "campaign_id": "camp-7", "email": "bob@example.com"}
    return told(kind, word, event_id, seconds, **(common | {"metadata": more} | fields))


def bounced(event_id: int, seconds: int, code: str, found: BounceClass, reason: str, **fields) -> Event:
    return bob(
        Kind.BOUNCED, event_id, seconds, code, bounce_class=found, smtp_code=reason[:3], **{"reason": reason} | fields
    )


MADE = {"injection_time": "2026-01-01T12:00:00.000Z", "msg_from": "bounces@example.com", "msg_size": "1337"}
INJECTION = ada(
    Kind.QUEUED,
    "injection",
    1,
    0,
    metadata=FULL | MADE | {"friendly_from": "news@example.com", "ip_pool": "shared", "sending_ip": "192.0.2.31"},
)
DELIVERY = ada(
    Kind.DELIVERED,
    "delivery",
    2,
    3,
    metadata=FULL
    | {
        "delv_method": "esmtp",
        "ip_address": "198.51.100.25",
        "mailbox_provider": "Other",
        "num_retries": "0",
        "outbound_tls": "1",
        "queue_time": "2800",
        "sending_ip": "192.0.2.31",
    },
)
HARD = bounced(
    4,
    5,
    "10",
    BounceClass.HARD,
    "550 5.1.1 ...@... user unknown",
    metadata={
        "delv_method": "esmtp",
        "ip_address": "198.51.100.25",
        "num_retries": "0",
        "raw_reason": "550 5.1.1 <bob@example.com>: user unknown",
    },
)
CLICK = acted(
    Kind.CLICKED,
    "click",
    22,
    360,
    url="https://www.example.com/offer?x=1",
    metadata={"target_link_name": "Offer"},
)
UNSUBSCRIBED = {"template": None, "metadata": SENT}

EVENTS = {
    "injection": INJECTION,
    "delivery": DELIVERY,
    "delay": bob(
        Kind.DEFERRED,
        3,
        1100,
        "21",
        "delay",
        reason="454 4.4.4 [internal] no MX or A for domain",
        smtp_code="454",
        metadata={"num_retries": "1", "queue_time": "1200161"},
    ),
    "bounce_hard": HARD,
    "bounce_soft": bounced(5, 6, "20", BounceClass.SOFT, "451 4.3.0 try again later"),
    "bounce_block": bounced(6, 7, "51", BounceClass.BLOCK, "554 5.7.1 blocked as spam"),
    "bounce_undetermined": bounced(7, 8, "1", BounceClass.UNDETERMINED, "550 unknown"),
    "bounce_admin": bob(Kind.DROPPED, 8, 9, "25", reason="550 5.7.1 refused by a policy of yours", smtp_code="550"),
    "bounce_auto_reply": bob(Kind.AUTO_REPLIED, 9, 10, "60", reason="Out of office"),
    "bounce_subscribe": bob(Kind.RESUBSCRIBED, 10, 11, "80"),
    "bounce_unsubscribe": bob(Kind.UNSUBSCRIBED, 11, 12, "90", "out_of_band"),
    "bounce_challenge": bob(Kind.AUTO_REPLIED, 12, 13, "100"),
    "out_of_band": bounced(13, 3600, "22", BounceClass.SOFT, "552 5.2.2 mailbox full", word="out_of_band"),
    "spam_complaint": ada(
        Kind.COMPLAINED,
        "spam_complaint",
        14,
        7200,
        reason="abuse",
        metadata=FULL
        | {
            "fbtype": "abuse",
            "report_by": "fbl.example.com",
            "report_to": "abuse@example.com",
            "user_str": "additional data",
        },
    ),
    "policy_rejection": told(
        Kind.DROPPED,
        "policy_rejection",
        15,
        1,
        message_id="000443ee14578172be23",
        by_message=True,
        email="ada@example.com",
        reason="550 5.7.1 rejected by policy",
        smtp_code="550",
        metadata={"remote_addr": "203.0.113.4:2525"},
    ),
    "generation_failure": told(
        Kind.DROPPED,
        "generation_failure",
        16,
        1,
        precision=Precision.MILLISECOND,
        template="welcome",
        email="ada@example.com",
        reason="554 5.3.3 [internal] Error while rendering part html",
        smtp_code="554",
        metadata={"template_version": "3", "transmission_id": "139013368081177607"},
    ),
    "generation_rejection": told(
        Kind.DROPPED,
        "generation_rejection",
        17,
        1,
        message_id="0005c29950577c61695d",
        by_message=True,
        email="nobody@example.com",
        reason="554 5.7.1 recipient address suppressed due to customer policy",
        smtp_code="554",
        metadata={"transmission_id": "102360394387646691"},
    ),
    "open": opened(
        "open",
        20,
        300,
        user_agent="Mozilla/5.0",
        device=None,
        machine=Machine.MACHINE,
        machine_reason="prefetched",
    ),
    "initial_open": opened("initial_open", 21, 299, user_agent=IPHONE, device="mobile"),
    "amp_open": opened("amp_open", 24, 400, "amp"),
    "amp_initial_open": opened("amp_initial_open", 25, 401, "amp"),
    "click": CLICK,
    "initial_click": acted(Kind.CLICKED, "initial_click", 23, 361, url="https://www.example.com/b"),
    "amp_click": acted(Kind.CLICKED, "amp_click", 26, 402, url="https://www.example.com/amp", metadata={"part": "amp"}),
    "list_unsubscribe": ada(
        Kind.UNSUBSCRIBED,
        "list_unsubscribe",
        "66331590532986193",
        420,
        **(UNSUBSCRIBED | {"metadata": SENT | {"mailfrom": "ada@example.com"}}),
    ),
    "link_unsubscribe": ada(
        Kind.UNSUBSCRIBED,
        "link_unsubscribe",
        "66331590532986194",
        430,
        url="https://www.example.com/unsubscribe",
        ip="198.51.100.7",
        user_agent=FIREFOX,
        device="computer",
        **UNSUBSCRIBED,
    ),
}
SILENT = (
    *("relay_injection", "relay_delivery", "relay_rejection", "relay_tempfail", "relay_permfail", "relay_message"),
    *("sms_status", "ab_test", "ingest", "ping"),
)


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_read_with_all_its_fields(name):
    assert hook(fixture(f"webhook_{name}.json")) == Reading(events=[EVENTS[name]])


@pytest.mark.parametrize("name", SILENT)
def test_what_tells_nothing_of_an_email_that_was_sent_passes_by(name):
    assert hook(fixture(f"webhook_{name}.json")) == Reading()


def test_a_batch_is_read_item_by_item_and_a_new_type_is_kept_as_other():
    new = told(
        Kind.OTHER,
        "new_thing",
        "5c0a4f3e-7a55-4a7b-8f5a-1c9f7f5d0002",
        600,
        message_id=ADA,
        by_message=True,
        email="ada@example.com",
    )
    assert hook(fixture("webhook_batch.json")) == Reading(events=[INJECTION, DELIVERY, new, CLICK])


def exactly(event: Event, millis: int = 0, **metadata: str) -> Event:
    """The same as the list tells it: to the millisecond."""
    return msgspec.structs.replace(
        event,
        occurred_at=event.occurred_at + millis,
        precision=Precision.MILLISECOND,
        metadata=event.metadata | metadata,
    )


def test_a_page_of_the_list_is_read_with_all_its_fields():
    click = exactly(
        CLICK,
        250,
        friendly_from="news@example.com",
        ip_pool="shared",
        num_retries="0",
        queue_time="12",
        sending_ip="192.0.2.31",
        **MADE,
    )
    assert page(fixture("feed_events.json")) == Reading(events=[click, exactly(HARD)])
    assert page(fixture("feed_events_last.json")) == Reading(events=[exactly(DELIVERY)])


def test_a_page_of_the_list_leads_to_the_next_and_the_last_to_none():
    def look(name):
        return pages.look(Answer(body=fixture(name), received_at=RECEIVED))

    href = "/api/v1/events/message?per_page=2&cursor=WycyMDI2"
    assert look("feed_events.json") == Page(ids=[own(22), own(4)], next=href)
    assert look("feed_events_last.json") == Page(ids=[own(2)])


def test_every_fixture_is_read_somewhere_here():
    names = {
        file.name.partition(".")[0] for file in files("aftersend.providers.sparkpost").joinpath("fixtures").iterdir()
    }
    assert names == {f"webhook_{name}" for name in (*EVENTS, *SILENT, "batch")} | {"feed_events", "feed_events_last"}
