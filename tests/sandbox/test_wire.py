"""What a speaker says, the provider understands: every fact comes back, through either door."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from aftersend.providers import provider_of
from aftersend.providers.speaker import Contact, Fact, speaker_of
from aftersend.sandbox.truth import Scenario, Truth
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, ConfigurationError, Delivery, Door, Event, Kind, Precision
from tests.sandbox.conftest import PROVIDER, UNTIL, ZONE

SPEAKER = speaker_of(PROVIDER)
SOURCE = Source(name="acme", provider=PROVIDER, time_zone=ZONE, api_key="k" * 32, webhook_secrets=["token"])
FACTS = Truth(Scenario(until=UNTIL)).facts
SPOKEN = [fact for fact in FACTS if SPEAKER.webhook(fact, ZONE)]

DANA = Contact(id="42", email="dana@example.com", name="דנה", external_id="crm-0042")
OMER = Contact(id="43", email="omer@example.com", name="Omer", external_id=None)
CLICK = Fact(
    number=1,
    kind=Kind.CLICKED,
    at=int(datetime(2025, 3, 18, 13, 59, 40, tzinfo=ZoneInfo(ZONE)).timestamp()) * 1000,
    campaign_id="1000001",
    contact=DANA,
    url="https://www.example.com/offer",
    link_number="7",
    ip_chain="192.0.2.172,198.51.100.10",
)


def _heard(fact: Fact) -> Event:
    webhook = SPEAKER.webhook(fact, ZONE)
    assert webhook
    delivery = Delivery(
        source="acme",
        door=Door.WEBHOOK,
        received_at=fact.at + 1_000,
        body=webhook.body,
        content_type=webhook.content_type,
    )
    return _only(delivery)


def _seen(fact: Fact) -> Event:
    feed, row = SPEAKER.row(fact, ZONE)
    body = msgspec.json.encode([row])
    return _only(Delivery(source="acme", door=Door.FEED, feed=feed, received_at=fact.at + 90_000, body=body))


def _only(delivery: Delivery) -> Event:
    reading = provider_of(SOURCE).read(delivery, SOURCE)
    assert (reading.problems, reading.snapshots, len(reading.events)) == ([], [], 1)
    return reading.events[0]


def _told(fact: Fact) -> dict[str, object]:
    """What both doors tell of a fact."""
    first, *rest = (fact.ip_chain or "").split(",")
    return {
        "kind": fact.kind,
        "channel": "email",
        "campaign_id": fact.campaign_id,
        "contact_id": fact.contact.id,
        "external_id": fact.contact.external_id,
        "url": fact.url,
        "link_number": fact.link_number,
        "ip": first or None,
        "ip_chain": fact.ip_chain if rest else None,
        "reason": fact.reason,
    }


def _of(event: Event, names: dict[str, object]) -> dict[str, object]:
    return {name: getattr(event, name) for name in names}


def test_every_fact_comes_back_from_its_webhook_to_the_second():
    for fact in SPOKEN:
        expected = _told(fact) | {
            "occurred_at": fact.at,
            "precision": Precision.SECOND,
            "email": fact.contact.email,
            "bounce_class": fact.bounce_class,
            "row_id": None,
        }
        assert _of(_heard(fact), expected) == expected


def test_every_fact_comes_back_from_its_row_to_the_minute():
    for fact in FACTS:
        undetermined = BounceClass.UNDETERMINED if fact.kind is Kind.BOUNCED else None
        in_mail_lists = fact.kind in (Kind.SENT, Kind.DROPPED)
        expected = _told(fact) | {
            "occurred_at": fact.at // 60_000 * 60_000,
            "precision": Precision.MINUTE,
            "email": fact.contact.email if in_mail_lists else None,
            "bounce_class": undetermined,
            "message_id": fact.message_id,
            "list": SPEAKER.row(fact, ZONE)[0],
        }
        assert _of(_seen(fact), expected) == expected


def test_both_doors_put_a_fact_into_the_same_slot():
    assert [_heard(fact).slot for fact in SPOKEN] == [_seen(fact).slot for fact in SPOKEN]


def test_no_two_rows_of_a_feed_have_the_same_id_and_no_two_webhooks_the_same_digest():
    rows = {(event.list, event.row) for event in map(_seen, FACTS)}
    assert len(rows) == len(FACTS)
    webhooks = {(event.slot, event.row) for event in map(_heard, SPOKEN)}
    assert len(webhooks) == len(SPOKEN)


def test_the_webhook_is_bracketed_keys_in_lower_case_escapes():
    webhook = SPEAKER.webhook(CLICK, ZONE)
    assert webhook
    assert webhook.content_type == "application/x-www-form-urlencoded"
    assert webhook.body == (
        b"timeStamp=2025-03-18+13%3a59%3a40&trigger_type=emailClicked&trigger_description=Email+Clicked"
        b"&channel_type=Email&campaign_id=1000001&group_id=500001&ip=192.0.2.172%2c198.51.100.10&remarks=7"
        b"&additional_details=https%3a%2f%2fwww.example.com%2foffer&account_code=il-000-1234"
        b"&contact%5bid%5d=42&contact%5bemail%5d=dana%40example.com&contact%5bfield1%5d=%d7%93%d7%a0%d7%94"
        b"&contact%5bfield125%5d=&contact%5bexternal_id%5d=crm-0042"
    )


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (3, b"timeStamp=03%2f18%2f2025+13%3a59%3a40&"),
        (5, b"&contact=%7b%22id%22%3a%2242%22%2c%22email%22%3a%22dana%40example.com%22"),
        (7, b"&lP=192.0.2.172%2c198.51.100.10&"),
        (11, b'"contact":{"id":"42","email":"dana@example.com","field1":"\xd7\x93\xd7\xa0\xd7\x94"'),
    ],
)
def test_what_is_said_in_more_than_one_way_is_said_in_all_of_them(number: int, said: bytes):
    fact = msgspec.structs.replace(CLICK, number=number)
    webhook = SPEAKER.webhook(fact, ZONE)
    assert webhook
    assert said in webhook.body
    assert webhook == SPEAKER.webhook(fact, ZONE)
    assert _heard(fact) == msgspec.structs.replace(_heard(CLICK), row=_heard(fact).row)


def test_rows_have_the_fields_of_their_feed():
    send = Fact(
        number=8, kind=Kind.SENT, at=CLICK.at, campaign_id="7", contact=OMER, message_id="0a1b2c3d4e5f60718293a"
    )
    drop = Fact(number=9, kind=Kind.DROPPED, at=CLICK.at, campaign_id="7", contact=DANA, reason="frequency_limit")
    view = Fact(number=12, kind=Kind.WEB_VIEWED, at=CLICK.at, campaign_id="7", contact=OMER)
    assert SPEAKER.row(send, ZONE) == (
        "sentEmails",
        {
            "row_index": 8,
            "transaction_id": "0a1b2c3d4e5f60718293a",
            "date_sent": "2025-03-18 13:59:00",
            "campaign_id": 7,
            "contact_id": 43,
            "email": "omer@example.com",
            "message_size": 56,
            "sending_source": "Campaign",
        },
    )
    assert SPEAKER.row(drop, ZONE) == (
        "undelivered",
        {
            "id": 2_400_000_009,
            "reason": "frequency_limit",
            "create_date": "2025-03-18 13:59:00",
            "campaign_id": 7,
            "contact_id": 42,
            "email": "dana@example.com",
            "external_id": "crm-0042",
        },
    )
    assert SPEAKER.row(CLICK, ZONE) == (
        "activities",
        {
            "id": 1,
            "action_date": "2025-03-18 13:59:00",
            "action_type": "emailClicked",
            "campaign_id": 1000001,
            "contact_id": 42,
            "ip": "192.0.2.172,198.51.100.10",
            "remarks": "7",
            "additional_data": "https://www.example.com/offer",
            "external_id": "crm-0042",
        },
    )
    assert SPEAKER.row(view, ZONE)[1]["action_type"] == "emailPublicWebVersion"
    assert SPEAKER.webhook(view, ZONE) is None


def test_a_provider_that_has_no_speaker_is_one_sentence():
    with pytest.raises(ConfigurationError, match=f"^The sandbox cannot play 'pigeon'; it can play: {PROVIDER}"):
        speaker_of("pigeon")
