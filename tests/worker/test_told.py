"""What people tell about campaigns and contacts, on its way from the inbox to the store."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.providers import told
from aftersend.settings import Settings
from aftersend.storage.contract import Applied, Filter, Store
from aftersend.vocabulary import CampaignInfo, ContactInfo, Delivery, Door, Problem, Reading
from aftersend.worker import normalizer
from tests.worker.platform import T0

SPRING = {
    "source": "acme",
    "campaign_id": "7",
    "name": "Spring",
    "status": "Sent",
    "type": "Newsletter",
    "subject": "Ten ideas",
    "template": "spring",
    "created_at": "2025-03-17T08:00:00Z",
    "scheduled_at": "2025-03-18",
}
DANA = {
    "source": "acme",
    "contact_id": "42",
    "external_id": "crm-0042",
    "email": "dana@example.com",
    "phone": "+15550100",
    "first_name": "Dana",
    "last_name": "Levi",
    "deleted_at": "2025-04-01T10:00:00.5Z",
}


def telling(path: str, *items: object, source: str = "acme", received_at: int = T0, **more) -> Delivery:
    given = {"door": Door.WEBHOOK, "context": {"path": path}, **more}
    return Delivery(source=source, received_at=received_at, body=json.dumps(items).encode(), **given)


def names(store: Store) -> dict[str | None, str | None]:
    return {row.campaign_id: row.name for row in store.campaigns(Filter())}


# -- reading -------------------------------------------------------------------------------------------


def test_every_field_of_a_campaign_is_read():
    assert told.read(telling(told.CAMPAIGNS, SPRING)) == Reading(
        campaigns=[
            CampaignInfo(
                campaign_id="7",
                name="Spring",
                status="Sent",
                type="Newsletter",
                subject="Ten ideas",
                template="spring",
                created_at=1_742_198_400_000,
                scheduled_at=1_742_256_000_000,
            )
        ]
    )


def test_every_field_of_a_contact_is_read():
    assert told.read(telling(told.CONTACTS, DANA)) == Reading(
        contacts=[
            ContactInfo(
                contact_id="42",
                external_id="crm-0042",
                email="dana@example.com",
                phone="+15550100",
                first_name="Dana",
                last_name="Levi",
                deleted_at=1_743_501_600_500,
            )
        ]
    )


def test_what_is_not_told_is_absent():
    assert told.read(telling(told.CAMPAIGNS, {"source": "acme", "campaign_id": "7", "name": None})) == Reading(
        campaigns=[CampaignInfo(campaign_id="7")]
    )
    assert told.read(telling(told.CONTACTS)) == Reading()


def test_an_item_that_cannot_be_read_is_a_problem_and_its_neighbours_are_read():
    bad = {"source": "acme", "campaign_id": "8", "created_at": "2025-02-30T00:00"}
    reading = told.read(telling(told.CAMPAIGNS, SPRING, bad, 7, {**SPRING, "campaign_id": "9"}))
    assert [info.campaign_id for info in reading.campaigns] == ["7", "9"]
    assert reading.problems == [
        Problem(
            item=1,
            reason="'created_at' must be a date or time as 2026-11-21 or 2026-11-21T10:00:00Z.",
            raw=b'{"source":"acme","campaign_id":"8","created_at":"2025-02-30T00:00"}',
        ),
        Problem(item=2, reason="Expected `object`, got `int`", raw=b"7"),
    ]


def test_only_what_came_by_those_routes_is_told():
    assert told.is_told(telling(told.CAMPAIGNS))
    assert told.is_told(telling(told.CONTACTS))
    assert not told.is_told(telling("/webhooks/acme"))
    assert not told.is_told(telling(told.CAMPAIGNS, context={}))
    # A feed's context holds the parameters it was asked with, whatever their names.
    assert not told.is_told(telling(told.CAMPAIGNS, door=Door.FEED, feed="pages"))


texts = st.text(max_size=20).filter(str.strip)


@given(st.lists(st.dictionaries(st.sampled_from(("name", "status", "subject", "template")), texts), max_size=4))
def test_what_is_checked_is_what_is_read(given_items):
    items = [
        msgspec.convert({"source": "acme", "campaign_id": str(n), **fields}, told.CampaignItem)
        for n, fields in enumerate(given_items)
    ]
    delivery = msgspec.structs.replace(telling(told.CAMPAIGNS), body=msgspec.json.encode(items))
    assert told.read(delivery) == Reading(campaigns=[item.info() for item in items])


# -- normalizing ---------------------------------------------------------------------------------------


def test_the_normalizer_reads_it_before_the_provider_does(store: Store, settings: Settings):
    store.append([telling(told.CAMPAIGNS, SPRING), telling(told.CONTACTS, DANA)])
    assert normalizer.drain(store, settings) == Applied()
    assert names(store) == {"7": "Spring"}
    (contact,) = store.contacts(Filter(external_id="crm-0042"))
    assert (contact.contact_id, contact.email, contact.first_name) == ("42", "dana@example.com", "Dana")
    assert (store.quarantined(), store.backlog().deliveries, store.differences()) == (0, 0, [])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_later_telling_stands_whatever_the_order(store: Store, settings: Settings, order: tuple[int, int]):
    both = [telling(told.CAMPAIGNS, {**SPRING, "name": f"told {n}"}, received_at=T0 + n * 1000) for n in (0, 1)]
    store.append([both[n] for n in order])
    normalizer.drain(store, settings)
    assert names(store) == {"7": "told 1"}


def test_one_bad_item_is_quarantined_and_the_others_are_known(store: Store, settings: Settings):
    store.append([telling(told.CAMPAIGNS, SPRING, {"source": "acme"}, {**SPRING, "campaign_id": "9"})])
    normalizer.drain(store, settings)
    assert names(store) == {"7": "Spring", "9": "Spring"}
    (item,) = store.quarantine()
    assert (item.item, item.source, item.door, item.raw) == (1, "acme", "webhook", b'{"source":"acme"}')


def test_a_body_that_is_no_list_is_quarantined_whole(store: Store, settings: Settings):
    broken = msgspec.structs.replace(telling(told.CAMPAIGNS), body=b'[{"source"')
    store.append([broken, telling(told.CAMPAIGNS, SPRING)])
    normalizer.drain(store, settings)
    assert names(store) == {"7": "Spring"}
    assert [item.delivery_id for item in store.quarantine()] == [1]


def test_reading_again_goes_the_same_way_and_changes_nothing(store: Store, settings: Settings):
    store.append([telling(told.CAMPAIGNS, SPRING)])
    normalizer.drain(store, settings)
    again = list(store.deliveries(1))
    assert store.reapply(again, normalizer.reader(settings)) == Applied()
    assert names(store) == {"7": "Spring"}


def test_a_source_that_is_no_longer_configured_keeps_its_names(store: Store, settings: Settings):
    store.append([telling(told.CAMPAIGNS, {**SPRING, "source": "gone"}, source="gone")])
    normalizer.drain(store, settings)
    assert [(row.source, row.name) for row in store.campaigns(Filter())] == [("gone", "Spring")]
    assert store.quarantined() == 0
