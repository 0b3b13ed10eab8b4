"""Health: alive, ready, measured."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families
from receivers import OPENED, TOKEN, configured, migrated

from aftersend.receiver import create_app
from aftersend.receiver.health import ASK_FOR_A_WORKER, OVERDUE_MS, QUIET_RUNS
from aftersend.receiver.metrics import METRICS
from aftersend.storage import open_store
from aftersend.storage.contract import FeedRow
from aftersend.vocabulary import Delivery, Door, now


@pytest.fixture
def store(tmp_path):
    store = migrated(configured(tmp_path))
    yield store
    store.close()


@pytest.fixture
def client(tmp_path, store):
    return create_app(configured(tmp_path), store).test_client()


def claimed(store, name, lane="live"):
    store.ensure_feeds([FeedRow(source="acme", feed=name, lane=lane, resource=f"acme/{name}")])
    at = now()
    feed = store.claim(("acme", name, lane), f"run-{name}", at + 60_000, at=at, force=True)
    assert feed is not None
    return feed


def ran(store, name, rows, times=1):
    for _ in range(times):
        store.finish(claimed(store, name), due_at=0, rows=rows, complete_until=1_742_300_000_000)


def samples(client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample scraped, by name and labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def feed_sample(found, what, name):
    return found[f"aftersend_feed_{what}", (("feed", name), ("lane", "live"), ("source", "acme"))]


def test_alive_even_without_a_store(tmp_path):
    settings = configured(tmp_path)
    client = create_app(settings, open_store(settings.server.database)).test_client()
    answer = client.get("/healthz")
    assert (answer.status_code, answer.data, answer.mimetype) == (200, b"ok", "text/plain")


def test_a_fresh_installation_is_ready(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "ready": True,
        "unprocessed": 0,
        "oldest_unprocessed_seconds": None,
        "quarantined": 0,
        "problems": [],
    }


def test_without_a_schema_it_is_not_ready_and_says_what_to_do(tmp_path):
    settings = configured(tmp_path)
    client = create_app(settings, open_store(settings.server.database)).test_client()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["ready"] is False
    assert "aftersend migrate" in answer.get_json()["reason"]
    assert samples(client)["aftersend_store_up", ()] == 0


def test_what_waits_to_be_worked_off_shows_with_its_age(client):
    for _ in range(3):
        assert client.post(f"/webhooks/acme/{TOKEN}", data=OPENED).status_code == 200
    ready = client.get("/readyz").get_json()
    assert (ready["unprocessed"], ready["ready"]) == (3, True)
    assert ready["oldest_unprocessed_seconds"] >= 0
    found = samples(client)
    assert found["aftersend_unprocessed_deliveries", ()] == 3
    assert found["aftersend_oldest_unprocessed_seconds", ()] >= 0
    assert found["aftersend_store_up", ()] == 1
    assert found["aftersend_quarantined_items", ()] == 0


def test_feeds_that_need_attention_are_named_and_the_others_are_not(client, store):
    ran(store, "fine", rows=5)
    ran(store, "quiet", rows=5)
    ran(store, "quiet", rows=0, times=QUIET_RUNS)
    ran(store, "resting", rows=5)
    ran(store, "resting", rows=0, times=QUIET_RUNS - 1)
    until = now() + 3_600_000
    store.park(claimed(store, "parked"), until - until % 1000, "The platform says wait.", "secret body")
    store.park(claimed(store, "failing"), 1_742_300_000_000, "The answer was no JSON.")
    ready = client.get("/readyz")
    assert ready.status_code == 200
    problems = {problem.pop("feed"): problem for problem in ready.get_json()["problems"]}
    assert set(problems) == {"quiet", "parked", "failing"}
    common = {"source": "acme", "lane": "live"}
    assert problems["quiet"] == common | {
        "state": "quiet",
        "message": f"No rows in the last {QUIET_RUNS} runs, though there were some before.",
    }
    assert problems["parked"].pop("until").endswith("Z")
    assert problems["parked"] == common | {"state": "parked", "message": "The platform says wait."}
    assert problems["failing"] == common | {"state": "failing", "message": "The answer was no JSON."}
    found = samples(client)
    assert [feed_sample(found, "parked", name) for name in ("fine", "parked", "failing")] == [0, 1, 0]
    assert [feed_sample(found, "failures", name) for name in ("fine", "parked", "failing")] == [0, 1, 1]
    assert [feed_sample(found, "quiet_runs", name) for name in ("fine", "quiet")] == [0, QUIET_RUNS]
    assert feed_sample(found, "complete_until_timestamp_seconds", "fine") == 1_742_300_000
    assert feed_sample(found, "last_success_timestamp_seconds", "fine") > 1_742_300_000
    assert feed_sample(found, "last_success_timestamp_seconds", "parked") == 0


def test_a_stopped_source_says_what_to_do(client, store):
    store.stop_source(claimed(store, "activities"), "The key was refused; put a new one into api_key.")
    assert client.get("/readyz").get_json()["problems"] == [
        {
            "source": "acme",
            "feed": "activities",
            "lane": "live",
            "state": "stopped",
            "message": "The key was refused; put a new one into api_key.",
        }
    ]
    assert feed_sample(samples(client), "stopped", "activities") == 1


def test_a_backfill_that_ended_is_no_longer_shown(client, store):
    feed = claimed(store, "activities", lane="backfill-1")
    store.finish(feed, due_at=0, rows=3, complete_until=None, finished=True)
    assert not [key for key in samples(client) if ("lane", "backfill-1") in key[1]]


def test_webhook_requests_are_counted_by_source_and_status(client):
    client.post(f"/webhooks/acme/{TOKEN}", data=OPENED)
    client.post("/webhooks/acme/wrong", data=OPENED)
    client.post("/webhooks/acme/wrong", data=OPENED)
    client.post("/webhooks/made-up-by-a-stranger", data=OPENED)
    found = samples(client)
    requests = {key[1]: value for key, value in found.items() if key[0] == "aftersend_webhook_requests_total"}
    assert requests == {
        (("source", "acme"), ("status", "200")): 1,
        (("source", "acme"), ("status", "401")): 2,
        (("source", "-"), ("status", "404")): 1,
    }
    assert found["aftersend_webhook_rejected_total", (("source", "acme"),)] == 2
    assert found["aftersend_webhook_last_stored_timestamp_seconds", (("source", "acme"),)] <= now() / 1000
    assert found["aftersend_commit_deliveries_sum", ()] == 1
    assert client.get("/readyz").get_json()["problems"] == [
        {
            "source": "acme",
            "state": "rejected",
            "message": "2 webhook requests had a wrong token, signature or address since the receiver started.",
        }
    ]


def test_every_metric_is_in_the_table_and_every_entry_of_the_table_is_a_metric(client, store):
    ran(store, "activities", rows=1)
    client.post(f"/webhooks/acme/{TOKEN}", data=OPENED)
    client.post("/webhooks/acme/wrong", data=OPENED)
    families = list(text_string_to_metric_families(client.get("/metrics").text))
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in families
        if not family.name.endswith("_created")
    }
    assert names == set(METRICS)
    assert {family.documentation for family in families if not family.name.endswith("_created")} == set(
        METRICS.values()
    )


def test_what_nobody_takes_up_is_a_problem_after_two_minutes(client, store):
    late = now() - OVERDUE_MS - 1000

    def is_due(name, due_at, ran_at, claimed_until=None):
        store.ensure_feeds([FeedRow(source="acme", feed=name, resource=f"acme/{name}", due_at=due_at)])
        feed = store.claim(("acme", name, "live"), f"run-{name}", claimed_until or ran_at, at=ran_at, force=True)
        if claimed_until is None:
            store.finish(feed, due_at=due_at, rows=1, complete_until=None)

    is_due("activities", late, late)
    is_due("sentEmails", now(), late)
    is_due("undelivered", late, now())
    is_due("recentActivities", late, late, claimed_until=now() + 60_000)
    is_due("nobody-has-switched-it-on", late, late)
    assert client.get("/readyz").get_json()["problems"] == [
        {"state": "waiting", "message": f"1 feed has been due {ASK_FOR_A_WORKER}"}
    ]
    store.append([Delivery(source="acme", door=Door.WEBHOOK, received_at=late, body=OPENED)])
    assert client.get("/readyz").get_json()["problems"] == [
        {"state": "waiting", "message": f"Deliveries have been waiting {ASK_FOR_A_WORKER}"},
        {"state": "waiting", "message": f"1 feed has been due {ASK_FOR_A_WORKER}"},
    ]
