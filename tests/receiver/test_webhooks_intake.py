"""Group commit: many deliveries, one fsync, and every waiter learns what became of its own."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from receivers import OPENED, TOKEN, another_writer, configured, migrated, stored

from aftersend.receiver import create_app
from aftersend.receiver.intake import MOST_WAITING_BYTES, Intake
from aftersend.storage import open_store
from aftersend.vocabulary import Delivery, Door, TemporaryError


def delivery(body: bytes) -> Delivery:
    return Delivery(source="acme", door=Door.WEBHOOK, received_at=1_742_300_000_000, body=body)


@pytest.fixture
def store(tmp_path):
    store = migrated(configured(tmp_path))
    yield store
    store.close()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.binary(max_size=50), max_size=40))
def test_every_delivery_put_down_is_stored_once_whatever_the_batches(tmp_path_factory, bodies):
    store = migrated(configured(tmp_path_factory.mktemp("inbox")))
    batches = []
    intake = Intake(store, batches.append)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(intake.put, [delivery(body) for body in bodies]))
    intake.close()
    found = [d.body for d in stored(store)]
    assert sorted(found) == sorted(bodies)
    # In the inbox they stand in the order in which the batches were stored.
    assert [d.body for batch in batches for d in batch] == found
    store.close()


def test_what_gathers_while_another_writer_is_busy_goes_in_one_batch(tmp_path, store):
    batches = []
    intake = Intake(store, batches.append)
    intake.put(delivery(b"first"))
    with ThreadPoolExecutor(20) as threads:
        with another_writer(tmp_path):
            waiting = [threads.submit(intake.put, delivery(b"%d" % n)) for n in range(20)]
            assert not any(future.done() for future in waiting)
        for future in waiting:
            future.result()
    intake.close()
    assert sorted(d.body for d in stored(store)) == sorted([b"first", *(b"%d" % n for n in range(20))])
    # The writer may have taken some before it had to wait; the rest gathered behind.
    assert sum(len(batch) for batch in batches) == 21
    assert len(batches) <= 4


def test_what_may_wait_is_bounded_in_bytes(tmp_path, store):
    intake = Intake(store, [].append)
    intake.put(delivery(b"first"))
    body = bytes(MOST_WAITING_BYTES * 2 // 3)
    with ThreadPoolExecutor(3) as threads:
        with another_writer(tmp_path):
            futures = [threads.submit(intake.put, delivery(body)) for _ in range(3)]
            refused, _ = wait(futures, timeout=60, return_when=FIRST_COMPLETED)
            for future in refused:
                with pytest.raises(TemporaryError):
                    future.result()
        outcomes = [future.exception() for future in futures]
    intake.close()
    # One was being written, at most one waited; whoever was told "stored" is.
    assert 1 <= sum(outcome is None for outcome in outcomes) <= 2
    assert len(stored(store)) == 1 + sum(outcome is None for outcome in outcomes)


def test_a_body_larger_than_what_may_wait_is_taken_when_nothing_waits(store):
    intake = Intake(store, [].append)
    intake.put(delivery(bytes(MOST_WAITING_BYTES + 1)))
    intake.close()
    assert [len(d.body) for d in stored(store)] == [MOST_WAITING_BYTES + 1]


def test_when_a_batch_cannot_be_stored_every_waiter_is_told_and_the_writer_goes_on(tmp_path):
    settings = configured(tmp_path)
    store = open_store(settings.server.database)
    batches = []
    intake = Intake(store, batches.append)
    with ThreadPoolExecutor(8) as threads:
        futures = [threads.submit(intake.put, delivery(b"%d" % n)) for n in range(8)]
    assert all(isinstance(future.exception(), TemporaryError) for future in futures)
    assert batches == []
    store.migrate()
    intake.put(delivery(b"later"))
    intake.close()
    assert [d.body for d in stored(store)] == [b"later"]
    store.close()


def test_after_closing_nothing_is_taken(store):
    intake = Intake(store, [].append)
    intake.put(delivery(b"before"))
    intake.close()
    intake.close()
    with pytest.raises(TemporaryError):
        intake.put(delivery(b"after"))
    assert [d.body for d in stored(store)] == [b"before"]


def test_closing_without_having_taken_anything_ends_at_once(store):
    Intake(store, [].append).close()


def _posted(app, body: bytes) -> int:
    return app.test_client().post(f"/webhooks/acme/{TOKEN}", data=body).status_code


def _post_in_child(app, results) -> None:
    results.put(_posted(app, OPENED + b"child"))


def test_an_app_made_before_a_fork_takes_in_on_both_sides(tmp_path, store):
    app = create_app(configured(tmp_path), store)
    fork = multiprocessing.get_context("fork")
    results = fork.SimpleQueue()
    child = fork.Process(target=_post_in_child, args=(app, results))
    child.start()
    child.join(60)
    assert not child.is_alive()
    assert results.get() == 200
    assert _posted(app, OPENED) == 200
    assert sorted(d.body for d in stored(store)) == [OPENED, OPENED + b"child"]
