"""Klaviyo polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

import time

import pytest

from aftersend.providers.klaviyo.words import METRICS
from aftersend.vocabulary import now
from tests.fakes import Said, busy, busy_until, cut, hang_up, html, truncated, unavailable
from tests.providers.klaviyo.fake import DAY, HOUR, KEY, FakeKlaviyo
from tests.providers.klaviyo.installed import install, known

SOME = ["opened_email", "clicked_email", "bounced_email"]


def of(fake, words):
    kinds = {"opened_email": "opened", "clicked_email": "clicked", "bounced_email": "bounced"}
    return [fact for fact in fake.truth() if fact[0] in {kinds[word] for word in words}]


def test_everything_is_read_once_with_its_recipients(tmp_path):
    with FakeKlaviyo(1, events=60) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        assert known(polling) == fake.truth()
        people = {one.id: one.person for one in fake.happened}
        assert all(event.email == f"person{people[event.row_id]}@example.com" for event in polling.events())
        assert all(event.external_id == f"crm-{people[event.row_id]}" for event in polling.events())
        assert [row.problem for row in polling.store.feeds() if row.problem] == []


@pytest.mark.parametrize("seed", range(3))
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(tmp_path, seed):
    with FakeKlaviyo(seed, events=70) as fake, install(tmp_path, fake, feeds=SOME) as polling:
        fake.lively, fake.rate = True, 0.25
        fake.kinds_of_fault = (unavailable, busy, busy_until, html, cut, hang_up, truncated)
        for round_ in range(3):
            polling.kill_after = 1 + (seed + round_) % 4
            polling.run()
        fake.lively, fake.rate = False, 0.0
        polling.until_quiet()
        assert known(polling) == of(fake, SOME)


def test_metrics_are_looked_up_once_for_all_feeds_and_those_there_are_not_again_and_again(tmp_path):
    with FakeKlaviyo(2, events=20) as fake, install(tmp_path, fake, feeds=SOME, backfill="0s") as polling:
        polling.until_quiet()
        assert [asked.path for asked in fake.asked].count("/api/metrics") == 1
        before = polling.events()
        fake.asked.clear()
        fake.size = 100
        polling.run()
        assert [asked.path for asked in fake.asked] == ["/api/events"] * 3
        assert polling.events() == before


def test_metrics_that_are_not_there_are_looked_for_once_a_round_by_one_feed_for_all(tmp_path):
    with FakeKlaviyo(2, events=20) as fake, install(tmp_path, fake, backfill="0s") as polling:
        fake.size = 100
        began = now()
        polling.run()
        pages = [asked for asked in fake.asked if asked.path.startswith("/api/metrics")]
        assert len(pages) == 3
        rows = [row for row in polling.store.feeds() if row.lane == "live"]
        assert len(rows) == len(METRICS)
        assert all(began - 700_000 < row.complete_until < now() for row in rows)


def test_a_metric_that_appears_with_its_first_event_is_found(tmp_path):
    with (
        FakeKlaviyo(3, events=20) as fake,
        install(tmp_path, fake, feeds=SOME, poll_every="0s", backfill="0s") as polling,
    ):
        fake.happened = [one for one in fake.happened if one.word != "bounced_email"]
        fake.absent = {"bounced_email"}
        began = now()
        polling.run()
        row = next(row for row in polling.store.feeds() if row.feed == "bounced_email" and row.lane == "live")
        assert row.complete_until is not None
        assert began - 700_000 < row.complete_until < now()
        fake.absent = set()
        fake.happen(int(time.time()) - HOUR, "bounced_email")
        polling.until_quiet()
        assert known(polling) == of(fake, SOME)


def test_another_accounts_metrics_are_looked_up_anew(tmp_path):
    with FakeKlaviyo(4, events=30) as fake, install(tmp_path, fake, feeds=SOME, backfill="0s") as polling:
        polling.until_quiet()
        fake.renamed = {"opened_email": "MtOpen2", "clicked_email": "MtClick2"}
        fake.happen(int(time.time()) - 60, "opened_email")
        fake.happen(int(time.time()) - 60, "clicked_email")
        polling.until_quiet()
        assert known(polling) == of(fake, SOME)
        assert [row.problem for row in polling.store.feeds() if row.problem] == []


def test_a_cursor_that_has_expired_leads_back_to_the_beginning_of_its_window(tmp_path):
    with FakeKlaviyo(5) as fake, install(tmp_path, fake, feeds=["opened_email"], backfill="0s") as polling:
        for number in range(30):
            fake.happen(int(time.time()) - DAY - number, "opened_email")
        fake.cursors_last = 0
        polling.kill_after = 2
        polling.run()
        fake.cursors_last = None
        fake._cursors.clear()
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_many_events_of_one_second_are_all_read(tmp_path):
    with FakeKlaviyo(6) as fake, install(tmp_path, fake, feeds=["opened_email"], backfill="0s") as polling:
        at = int(time.time()) - DAY
        for _ in range(25):
            fake.happen(at, "opened_email")
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_an_event_that_is_written_late_is_found_by_a_later_run(tmp_path):
    with FakeKlaviyo(7) as fake, install(tmp_path, fake, feeds=["opened_email"], backfill="0s") as polling:
        fake.happen(int(time.time()) - 300, "opened_email", hidden=6)
        polling.run()
        assert known(polling) == []
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_events_before_the_first_run_come_with_the_backfill(tmp_path):
    with FakeKlaviyo(8) as fake, install(tmp_path, fake, feeds=["clicked_email"]) as polling:
        fake.happen(int(time.time()) - 25 * DAY, "clicked_email")
        fake.happen(int(time.time()) - 40 * DAY, "clicked_email")
        polling.until_quiet()
        assert [fact[1] for fact in known(polling)] == [fake.happened[0].id]


def test_what_is_asked_for_is_what_the_options_say(tmp_path):
    options = {"revision": "2026-07-15", "page_size": 3, "external_id": "shop id"}
    with (
        FakeKlaviyo(9) as fake,
        install(tmp_path, fake, feeds=["opened_email"], options=options, backfill="0s") as polling,
    ):
        for number in range(8):
            fake.happen(int(time.time()) - DAY - number, "opened_email")
        polling.until_quiet()
        assert {asked.headers["revision"] for asked in fake.asked} == {"2026-07-15"}
        first = [asked.query for asked in fake.asked if "filter" in asked.query]
        assert {query["page[size]"] for query in first} == {"3"}
        assert {query["fields[profile]"] for query in first} == {"email,external_id,properties"}
        people = {one.id: one.person for one in fake.happened}
        assert all(event.external_id == f"shop-{people[event.row_id]}" for event in polling.events())


def test_the_size_of_a_page_is_left_to_klaviyo_unless_it_is_asked_for(tmp_path):
    with FakeKlaviyo(10, events=5) as fake, install(tmp_path, fake, feeds=["opened_email"]) as polling:
        polling.run()
        assert not [asked for asked in fake.asked if "page[size]" in asked.query]


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_stops_the_source_and_a_right_one_goes_on(tmp_path, status):
    with FakeKlaviyo(11, events=20) as fake, install(tmp_path, fake, feeds=["opened_email"], backfill="0s") as polling:
        fake.faults = [lambda _fake, said: said, lambda _fake, _said: Said(status=status, body={"errors": []})]
        outcomes = polling.run(lane="live")
        assert [outcome.status for outcome in outcomes.values()] == ["stopped"]
        assert KEY not in repr([row.problem for row in polling.store.feeds()])
        polling.until_quiet()
        assert known(polling) == [fact for fact in fake.truth() if fact[0] == "opened"]


def test_a_revision_that_is_retired_parks_the_feed_with_its_status(tmp_path):
    with FakeKlaviyo(12, events=5) as fake, install(tmp_path, fake, feeds=["opened_email"]) as polling:
        fake.faults = [lambda fake, _said: fake._error(410, "retired")]
        (outcome,) = polling.run(lane="live").values()
        assert outcome.status == "parked"
        assert "410" in outcome.problem


def test_the_whole_retry_after_of_a_429_is_kept(tmp_path):
    with FakeKlaviyo(13, events=5) as fake, install(tmp_path, fake, feeds=["opened_email"]) as polling:
        fake.faults = [lambda _fake, _said: Said(status=429, body={}, headers={"Retry-After": "60"})]
        began = now()
        (outcome,) = polling.run(lane="live").values()
        assert outcome.status == "parked"
        assert began + 59_000 < outcome.until < now() + 61_000
        assert len(fake.asked) == 1


def test_a_next_page_on_another_host_is_not_followed(tmp_path):
    def astray(fake, said):
        return Said(body=said.body | {"links": {"next": "https://elsewhere.example.com/api/events"}})

    with FakeKlaviyo(14, events=20) as fake, install(tmp_path, fake, feeds=["opened_email"]) as polling:
        fake.faults = [lambda _fake, said: said, lambda _fake, said: said, lambda _fake, said: said, *[astray] * 3]
        (outcome,) = polling.run(lane="live").values()
        assert outcome.status == "parked"
        assert "another host" in outcome.problem
        polling.until_quiet()
        assert known(polling) == [fact for fact in fake.truth() if fact[0] == "opened"]


def test_every_metric_of_emails_has_its_list(tmp_path):
    with FakeKlaviyo(15, events=10) as fake, install(tmp_path, fake) as polling:
        assert {feed for feed, _ in polling.run()} == set(METRICS)
