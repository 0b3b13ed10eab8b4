from __future__ import annotations

import json
from threading import Thread

import msgspec
import pytest

from aftersend.settings import Settings
from aftersend.storage.contract import Applied, Store
from aftersend.vocabulary import Delivery, Door
from aftersend.worker import normalizer
from tests.worker.conftest import eventually, ids
from tests.worker.platform import T0


def page(*rows: int, source: str = "acme") -> Delivery:
    body = json.dumps([{"id": row, "at": T0 + row * 1000} for row in rows]).encode()
    return Delivery(source=source, door=Door.FEED, received_at=T0, body=body, feed="pages")


def test_draining_works_off_everything_and_says_what_it_changed(store: Store, settings: Settings):
    store.append([page(1, 2), page(3)])
    assert normalizer.drain(store, settings) == Applied(events_added=3, sightings=3)
    assert ids(store) == ["1", "2", "3"]
    assert store.backlog().deliveries == 0
    assert normalizer.drain(store, settings) == Applied()


def test_draining_stops_when_it_is_told_to(store: Store, settings: Settings):
    store.append([page(1)])
    assert normalizer.drain(store, settings, lambda: True) == Applied()
    assert store.backlog().deliveries == 1


def test_a_delivery_of_a_source_that_is_not_configured_goes_to_quarantine_whole(store: Store, settings: Settings):
    store.append([page(1), page(2, source="gone"), page(3)])
    normalizer.drain(store, settings)
    assert ids(store) == ["1", "3"]
    assert [(item.source, item.delivery_id) for item in store.quarantine()] == [("gone", 2)]


def test_a_delivery_whose_provider_does_not_exist_goes_to_quarantine_whole(store: Store, settings: Settings):
    gone = msgspec.structs.replace(settings.sources[0], name="gone", provider="pigeon")
    store.append([page(2, source="gone"), page(3)])
    normalizer.drain(store, msgspec.structs.replace(settings, sources=[*settings.sources, gone]))
    assert ids(store) == ["3"]
    assert store.quarantined() == 1


def test_several_drains_at_once_do_each_thing_once(store: Store, settings: Settings):
    store.append([page(number) for number in range(300)])
    drains = [Thread(target=normalizer.drain, args=(store, settings)) for _ in range(4)]
    for drain in drains:
        drain.start()
    for drain in drains:
        drain.join()
    assert ids(store) == [str(number) for number in range(300)]
    assert store.differences() == []


def test_the_inbox_is_worked_off_beside_a_block_and_at_its_end(store: Store, settings: Settings):
    with normalizer.working_off(store, settings):
        store.append([page(1)])
        eventually(lambda: store.backlog().deliveries == 0)
        store.append([page(2)])
    assert ids(store) == ["1", "2"]


def test_a_block_that_fails_still_fails(store: Store, settings: Settings):
    with pytest.raises(KeyError), normalizer.working_off(store, settings):
        raise KeyError
