"""Mailgun polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

import time

import pytest

from aftersend.vocabulary import now
from tests.fakes import Said, busy, busy_until, cut, hang_up, html, truncated, unavailable
from tests.providers.mailgun.fake import DAY, DOMAINS, HOUR, MINUTE, FakeMailgun
from tests.providers.mailgun.installed import install, known

FEEDS = ("events", "logs")


@pytest.mark.parametrize("feed", FEEDS)
def test_everything_is_read_once(tmp_path, feed):
    with FakeMailgun(1, events=60, spread=20 * DAY) as fake, install(tmp_path, fake, feeds=[feed]) as polling:
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert [row.problem for row in polling.store.feeds() if row.problem] == []


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("seed", range(3))
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(tmp_path, feed, seed):
    with FakeMailgun(seed, events=60) as fake, install(tmp_path, fake, feeds=[feed]) as polling:
        fake.lively, fake.rate = True, 0.25
        fake.kinds_of_fault = (unavailable, busy, busy_until, html, cut, hang_up, truncated)
        for round_ in range(3):
            polling.kill_after = 1 + (seed + round_) % 3
            polling.run()
        fake.lively, fake.rate = False, 0.0
        fake.show()
        polling.until_quiet()
        assert known(polling) == fake.truth()


@pytest.mark.parametrize("feed", FEEDS)
def test_what_reaches_the_list_half_an_hour_late_is_found_in_pages_that_were_read(tmp_path, feed):
    with FakeMailgun(2, events=20) as fake, install(tmp_path, fake, feeds=[feed]) as polling:
        for minutes in range(28):
            fake.happen(time.time() - minutes * MINUTE, late=minutes % 2 == 0, event="delivered")
        polling.until_quiet()
        assert len(known(polling)) == len(fake.truth()) - 14
        fake.show()
        polling.run()
        assert known(polling) == fake.truth()


@pytest.mark.parametrize("feed", FEEDS)
def test_only_what_is_half_an_hour_old_is_relied_upon(tmp_path, feed):
    with FakeMailgun(3, events=10) as fake, install(tmp_path, fake, feeds=[feed]) as polling:
        began = now()
        polling.run(lane="live")
        (row,) = [row for row in polling.store.feeds() if row.lane == "live"]
        assert began - 1_800_000 <= row.complete_until <= now() - 1_800_000
        assert row.position["through"] == row.complete_until


@pytest.mark.parametrize(("feed", "requests"), [("events", 2), ("logs", 1)])
def test_a_round_of_a_quiet_account_costs_one_request_a_list(tmp_path, feed, requests):
    with FakeMailgun(4, events=30) as fake, install(tmp_path, fake, feeds=[feed]) as polling:
        polling.until_quiet()
        before = polling.events()
        fake.asked.clear()
        polling.run()
        assert len(fake.asked) == requests
        assert polling.events() == before


def test_a_next_link_that_expired_leads_back_to_the_beginning_of_its_window(tmp_path):
    def expires(fake, _said):
        fake.generation += 1
        return Said(status=400, body={"message": "expired"})

    for feed in FEEDS:
        (tmp_path / feed).mkdir()
        with FakeMailgun(5, events=40) as fake, install(tmp_path / feed, fake, feeds=[feed]) as polling:
            fake.faults = [lambda _fake, said: said, expires]
            outcomes = polling.run(lane="live")
            assert [outcome.status for outcome in outcomes.values()] == ["done"]
            polling.until_quiet()
            assert known(polling) == fake.truth()


def test_a_next_link_to_another_host_is_not_followed(tmp_path):
    with FakeMailgun(6) as elsewhere, FakeMailgun(6, events=20) as fake, install(tmp_path, fake) as polling:

        def elsewhere_next(_fake, said):
            said.body["paging"]["next"] = said.body["paging"]["next"].replace(fake.url, elsewhere.url)
            return said

        fake.faults = [elsewhere_next]
        outcomes = polling.run(lane="live")
        assert [outcome.status for outcome in outcomes.values()] == ["parked"]
        assert elsewhere.asked == []


def test_a_page_that_does_not_say_where_it_goes_on_is_not_taken_for_the_end(tmp_path):
    with FakeMailgun(7, events=20) as fake, install(tmp_path, fake) as polling:
        fake.faults = [lambda _fake, said: Said(body={"items": said.body["items"]})] * 3
        outcomes = polling.run(lane="live")
        assert [outcome.status for outcome in outcomes.values()] == ["parked"]
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_domain_that_mailgun_does_not_know_delays_no_other_and_is_seen(tmp_path):
    domains = ["misspelt.example.com", *DOMAINS]
    with FakeMailgun(8, events=30) as fake, install(tmp_path, fake, domains) as polling:
        for _ in range(2):
            outcomes = polling.run()
            assert {outcome.status for outcome in outcomes.values()} == {"parked"}
            assert known(polling) == fake.truth()
            fake.happen(time.time() - HOUR + MINUTE * 31, event="delivered")
        assert all("404" in row.problem for row in polling.store.feeds())


def test_a_domain_added_later_is_read_too(tmp_path):
    with FakeMailgun(9, events=30) as fake:
        with install(tmp_path, fake, DOMAINS[:1]) as polling:
            polling.until_quiet()
            assert known(polling) == [fact for fact in fake.truth() if fact[0] == DOMAINS[0]]
        with install(tmp_path, fake) as polling:
            polling.until_quiet()
            assert known(polling) == fake.truth()


def test_the_events_feed_without_a_domain_says_what_to_do(tmp_path):
    with FakeMailgun(10, events=5) as fake, install(tmp_path, fake, [], feeds=["events"]) as polling:
        outcomes = polling.run(lane="live")
        assert [(o.status, "name yours in 'domains'" in o.problem) for o in outcomes.values()] == [("parked", True)]
        assert fake.asked == []


@pytest.mark.parametrize("feed", FEEDS)
def test_a_key_that_is_refused_in_the_middle_stops_the_source_and_a_new_one_goes_on(tmp_path, feed):
    def unauthorized(_fake, _said):
        return Said(status=401, body=b"Forbidden")

    with FakeMailgun(11, events=40) as fake, install(tmp_path, fake, feeds=[feed]) as polling:
        fake.faults = [lambda _fake, said: said, unauthorized]
        outcomes = polling.run(lane="live")
        assert [(o.status, o.pages) for o in outcomes.values()] == [("stopped", 1)]
        assert "key-0" not in repr([row.problem for row in polling.store.feeds()])
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_the_logs_of_some_domains_are_asked_for_by_these(tmp_path):
    with FakeMailgun(12, events=30) as fake, install(tmp_path, fake, DOMAINS[:1], feeds=["logs"]) as polling:
        polling.until_quiet()
        assert known(polling) == [fact for fact in fake.truth() if fact[0] == DOMAINS[0]]


def test_two_events_of_one_instant_across_pages_are_two(tmp_path):
    with FakeMailgun(13) as fake, install(tmp_path, fake) as polling:
        at = time.time() - 2 * HOUR
        for _ in range(20):
            fake.happen(at, domain=DOMAINS[0], event="opened")
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_the_past_is_read_no_further_back_than_the_lists_go(tmp_path):
    options = {"domains": list(DOMAINS), "retention": "3d"}
    with FakeMailgun(14, events=30) as fake, install(tmp_path, fake, options=options) as polling:
        polling.until_quiet()
        earliest = min(float(asked.query["begin"]) for asked in fake.asked if "begin" in asked.query)
        assert earliest > time.time() - 3 * DAY - MINUTE
        assert known(polling) == fake.truth()
