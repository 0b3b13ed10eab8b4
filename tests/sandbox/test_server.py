"""The sandbox's feeds over real HTTP: the dialect's answers about the facts that were shown."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import requests

from aftersend.providers.speaker import Fact
from aftersend.sandbox.server import DEFAULT_KEY, Sandbox
from aftersend.sandbox.truth import Scenario, Truth
from aftersend.storage.contract import Filter
from aftersend.vocabulary import ConfigurationError, Kind, now
from tests.sandbox.conftest import PROVIDER


def _truth(contacts: int = 60) -> Truth:
    return Truth(Scenario(until=now(), campaigns=2, contacts=contacts, days=2))


def _get(sandbox: Sandbox, feed: str, key: str = DEFAULT_KEY, **params: Any) -> Any:
    answer = requests.get(f"{sandbox.url}/campaigns/email/{feed}", params, headers={"X-API-Key": key}, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _rows(sandbox: Sandbox, facts: list[Fact], feed: str) -> list[dict[str, object]]:
    rows = [row for shown_by, row in (sandbox.speaker.row(f, sandbox.zone_name) for f in facts) if shown_by == feed]
    return sorted(rows, key=str)


@pytest.mark.parametrize("feed", ["sentEmails", "undelivered", "activities"])
def test_a_feed_shows_the_row_of_each_fact_and_no_other(sandbox: Sandbox, feed: str):
    truth = _truth()
    sandbox.show(truth.facts)
    shown = sorted(_get(sandbox, feed, page_size=1000), key=str)
    expected = _rows(sandbox, truth.facts, feed)
    assert len(expected) > 2
    by_id = {next(iter(row.values())): row for row in expected}
    assert {next(iter(row.values())): row for row in shown} == by_id


def test_the_read_once_feed_shows_the_same_rows_once(sandbox: Sandbox):
    truth = _truth()
    sandbox.show(truth.facts)
    rows = {row["id"]: row for row in _get(sandbox, "recentActivities")}
    assert rows == {row["id"]: row for row in _rows(sandbox, truth.facts, "activities")}
    assert _get(sandbox, "recentActivities") == []
    live = [truth.next(now()) for _ in range(40)]
    sandbox.show(live)
    assert {row["id"] for row in _get(sandbox, "recentActivities")} == {
        row["id"] for row in _rows(sandbox, live, "activities")
    }


def test_the_summary_of_a_campaign_is_its_truth(sandbox: Sandbox):
    truth = _truth()
    sandbox.show(truth.facts)
    for campaign in truth.campaign_ids:
        funnel = truth.funnel(campaign)
        assert _get(sandbox, "activitiesSummary", campaign_id=campaign) == {
            "opens": funnel[Kind.OPENED][0],
            "opens_unique": funnel[Kind.OPENED][1],
            "clicks": funnel[Kind.CLICKED][0],
            "clicks_unique": funnel[Kind.CLICKED][1],
            "sent": funnel[Kind.SENT][1],
            "undelivered": funnel[Kind.DROPPED][1],
            "bounces": funnel[Kind.BOUNCED][0],
            "bounces_unique": funnel[Kind.BOUNCED][1],
            "webversions_unique": funnel[Kind.WEB_VIEWED][1],
            "unsubscribes": funnel[Kind.UNSUBSCRIBED][0],
            "unsubscribes_unique": funnel[Kind.UNSUBSCRIBED][1],
            "report_spam": 0,
            "report_spam_unique": 0,
            "onsite": 0,
            "onsite_unique": 0,
        }


def test_the_sandboxs_own_store_counts_exactly_the_truth(sandbox: Sandbox):
    truth = _truth(150)
    sandbox.show(truth.facts)
    counted = sandbox.store.funnel(Filter())
    assert {kind: (count.total, count.unique) for kind, count in counted.items()} == truth.funnel()
    assert sandbox.store.quarantined() == 0


def test_held_back_facts_are_seen_when_they_are_released(sandbox: Sandbox):
    facts = [fact for fact in _truth().facts if fact.kind is Kind.SENT]
    sandbox.hold(facts)
    assert _get(sandbox, "sentEmails") == []
    sandbox.release(3)
    assert {row["row_index"] for row in _get(sandbox, "sentEmails")} == {f.number for f in facts[:3]}
    sandbox.release(1000)
    assert len(_get(sandbox, "sentEmails", page_size=1000)) == len(facts)
    sandbox.release()
    assert len(_get(sandbox, "sentEmails", page_size=1000)) == len(facts)


def test_a_wrong_key_is_refused_as_the_platform_does(sandbox: Sandbox):
    answer = requests.get(f"{sandbox.url}/campaigns/email/activities", headers={"X-API-Key": "wrong"}, timeout=10)
    assert (answer.status_code, answer.json()) == (401, "Parameter 'X-API-Key' is invalid.")


def test_a_key_of_ones_own_opens_the_feeds(tmp_path: Path):
    with Sandbox(tmp_path, PROVIDER, api_key="a" * 32) as sandbox:
        assert _get(sandbox, "activities", key="a" * 32) == []


def test_a_directory_is_taken_up_again_with_what_was_shown_and_read(tmp_path: Path):
    truth = _truth()
    with Sandbox(tmp_path, PROVIDER) as sandbox:
        sandbox.show(truth.facts)
        assert sandbox.last_campaign == int(truth.campaign_ids[-1])
        assert sandbox.last_number >= truth.facts[-1].number
        assert _get(sandbox, "recentActivities")
        sent = _get(sandbox, "sentEmails", page_size=1000)
    with Sandbox(tmp_path, PROVIDER) as sandbox:
        assert _get(sandbox, "recentActivities") == []
        assert _get(sandbox, "sentEmails", page_size=1000) == sent
        assert sandbox.last_campaign == int(truth.campaign_ids[-1])


def test_a_new_sandbox_has_neither_campaigns_nor_numbers(sandbox: Sandbox):
    assert sandbox.last_campaign is None
    assert sandbox.last_number == 0


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"^The sandbox cannot listen on port {port}: .+\\.$"):
            Sandbox(tmp_path, PROVIDER, port=port)


def test_it_is_polled_as_a_source_of_its_own_platform(sandbox: Sandbox):
    source = sandbox.polled_as("acme", webhook_secrets=["token"])
    assert source.base_url == f"http://127.0.0.1:{sandbox.port}/rest/v1"
    assert (source.name, source.provider, source.api_key) == ("acme", PROVIDER, DEFAULT_KEY)
    assert (source.time_zone, source.webhook_secrets) == ("UTC", ["token"])
