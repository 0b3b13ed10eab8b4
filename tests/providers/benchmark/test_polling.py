"""Benchmark polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

from collections import Counter

import pytest

from aftersend.providers.budgets import budget
from aftersend.storage.contract import Filter
from aftersend.vocabulary import Kind, now
from tests.fakes import SEEDS, Said, busy, busy_absurdly, busy_until, cut, hang_up, html, truncated, unavailable
from tests.providers.benchmark.fake import DAY, GHOST, HOUR, SECOND, FakeBenchmark, wrong
from tests.providers.benchmark.installed import install, known

EVENTS, CAMPAIGNS = "/api/contact/events", "/api/email/campaign"
ACCOUNT = {
    EVENTS: 1,
    CAMPAIGNS: 1,
    "/api/reports/dashboard": 1,
    "/api/reports/email/overall": 1,
    "/api/reports/email/overall/histogram": 7,
}


def totals(polling, **which):
    funnel = polling.store.funnel(Filter(sources=("acme",), **which))
    return {kind.value: count.total for kind, count in funnel.items() if count.total}


def counted(facts):
    return Counter(kind for kind, *_ in facts)


def test_everything_is_read_once_with_its_totals(tmp_path):
    with FakeBenchmark(1, mailings=4) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert len(fake.truth()) > 150
        assert [row.problem for row in polling.store.feeds() if row.problem] == []
        assert totals(polling) == counted(fake.truth())
        for campaign in fake.mailings:
            facts = [fact for fact in fake.truth() if fact[2] == campaign]
            assert totals(polling, campaign_id=campaign) == counted(facts)
            lists = {one.list: one for one in polling.store.snapshots("acme", campaign)}
            assert sorted(lists) == ["campaigns", "engagement/month", "reports"]
            unique = Counter(kind for kind, _ in {fact[:2] for fact in facts})
            assert {kind.value: told[1] for kind, told in lists["reports"].counts.items() if told[1]} == {
                kind: number for kind, number in unique.items() if kind != "dropped"
            }


@pytest.mark.parametrize("seed", SEEDS)
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(tmp_path, seed):
    with FakeBenchmark(seed, mailings=5, recipients=30) as fake, install(tmp_path, fake) as polling:
        fake.lively, fake.rate = True, 0.25
        fake.kinds_of_fault = (unavailable, busy, busy_until, html, cut, hang_up, truncated)
        fake.order = ("newest", "oldest", "shuffled")[seed % 3]
        fake.ignores_size, fake.by_midnight = seed % 2 == 1, seed in (2, 3)
        fake.empty_pages = 0.1 if seed in (0, 5) else 0
        fake.most_size = 50 if seed == 4 else 100
        for round_ in range(3):
            polling.kill_after = 1 + (seed + round_) % 4
            polling.run()
        fake.lively, fake.rate, fake.empty_pages = False, 0.0, 0.0
        polling.until_quiet()
        assert known(polling) == fake.truth()
        everybody = Counter(
            event.kind.value for event in polling.events() if not (event.contact_id or "").startswith(GHOST)
        )
        assert everybody == counted(fake.truth())


def test_a_round_of_a_quiet_account_costs_two_requests_and_nine_more_a_day(tmp_path):
    with FakeBenchmark(2, mailings=2, recipients=10, spread=2 * DAY) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        before = polling.events()
        fake.asked.clear()
        polling.run("events", "campaigns", "reports", "engagement")
        assert Counter(asked.path for asked in fake.asked) == {EVENTS: 1, CAMPAIGNS: 1}
        fake.asked.clear()
        polling.run()
        assert Counter(asked.path for asked in fake.asked) == ACCOUNT
        assert polling.events() == before


def test_reading_again_what_is_known_leaves_nothing_behind(tmp_path):
    with FakeBenchmark(2, mailings=2) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()

        def told():
            return [(event.id, len(polling.store.event(event.id)[1])) for event in polling.events()]

        before = told()
        polling.run()
        assert told() == before


def test_a_campaign_that_moves_has_its_report_read_again_and_a_quiet_one_has_not(tmp_path):
    with FakeBenchmark(3, mailings=3, spread=5 * DAY) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        moved = next(iter(fake.mailings))
        fake.add("email-opened", fake.now(), "a" * 24, moved)
        fake.asked.clear()
        polling.run("campaigns", "reports", "engagement")
        assert [asked.path for asked in fake.asked] == [
            CAMPAIGNS,
            f"/api/reports/email/{moved}",
            f"/api/reports/email/{moved}/engagement",
        ]


def test_a_campaign_from_before_the_horizon_is_answered_from_what_benchmark_claims(tmp_path):
    with FakeBenchmark(4) as fake, install(tmp_path, fake) as polling:
        old = fake.mail(fake.now() - 200 * DAY, 0, "Long ago")
        old.claims = {"sent": 50, "delivered": 48, "opened": 20, "clicked": 5, "bounced": 2, "unsubscribed": 1}
        polling.until_quiet()
        assert polling.events() == []
        assert totals(polling, campaign_id=old.id) == old.claims
        assert [asked.path for asked in fake.asked].count(f"/api/reports/email/{old.id}") == 1
        assert [asked.path for asked in fake.asked].count(f"/api/reports/email/{old.id}/engagement") == 0
        (row,) = polling.store.campaigns(Filter(sources=("acme",)))
        assert (row.name, row.subject, row.status) == ("Long ago", "About Long ago", "sent")
        assert (row.created_at, row.scheduled_at) == (old.at - DAY, old.at)


def test_a_campaign_that_vanishes_between_two_pages_costs_one_request_and_keeps_what_is_known(tmp_path):
    with FakeBenchmark(5, mailings=3, spread=5 * DAY) as fake, install(tmp_path, fake) as polling:
        polling.run("events", "campaigns")
        gone = sorted(fake.mailings.values(), key=lambda one: -one.at)[1]
        del fake.mailings[gone.id]
        outcomes = polling.run("reports", lane="live")
        assert [outcome.status for outcome in outcomes.values()] == ["done"]
        polling.run("reports", lane="live")
        assert [asked.path for asked in fake.asked].count(f"/api/reports/email/{gone.id}") == 1
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert f"campaign/{gone.id}" in polling.store.notes("acme")


def test_totals_that_fall_are_kept_as_they_are(tmp_path):
    with FakeBenchmark(6, mailings=1) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        (mailing,) = fake.mailings.values()
        mailing.claims = {"sent": 3, "delivered": 2}
        polling.until_quiet()
        lists = {one.list: one.counts for one in polling.store.snapshots("acme", mailing.id)}
        assert lists["campaigns"] == {
            Kind.SENT: (3, 3),
            Kind.DELIVERED: (2, 2),
            Kind.OPENED: (0, 0),
            Kind.CLICKED: (0, 0),
        }
        assert lists["reports"][Kind.SENT] == (3, 3)
        assert totals(polling) == counted(fake.truth())


# -- the list of events --------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["newest", "oldest", "shuffled"])
def test_a_row_that_comes_days_late_is_found_whatever_the_order(tmp_path, order):
    with FakeBenchmark(7, mailings=3) as fake, install(tmp_path, fake) as polling:
        fake.order = order
        polling.until_quiet()
        fake.add("email-opened", fake.now() - 40 * HOUR, "a" * 24, next(iter(fake.mailings)))
        polling.run("events", lane="live")
        assert known(polling) == fake.truth()


def test_rows_of_one_instant_across_pages_are_all_read(tmp_path):
    with FakeBenchmark(8) as fake, install(tmp_path, fake, feeds=["events"]) as polling:
        for number in range(330):
            fake.add("email-opened", fake.now() - DAY, f"{number:024x}", "c" * 24)
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_two_clicks_of_one_millisecond_stay_two_however_often_they_are_read(tmp_path):
    with FakeBenchmark(8) as fake, install(tmp_path, fake) as polling:
        row = fake.add("email-clicked", fake.now() - DAY, "a" * 24, "c" * 24, emailLinkId="d" * 24)
        fake.rows.append(row)
        for _ in range(3):
            polling.run("events")
            fake.add("email-opened", fake.now(), fake.hex("b"), "c" * 24)
        assert [fact[0] for fact in known(polling)].count("clicked") == 2


def test_rows_from_the_future_are_read_and_stop_nothing(tmp_path):
    with FakeBenchmark(9, mailings=2) as fake, install(tmp_path, fake) as polling:
        fake.add("email-opened", fake.now() + 2 * DAY, "a" * 24, "c" * 24)
        polling.until_quiet()
        fake.add("email-opened", fake.now(), "b" * 24, "c" * 24)
        polling.run("events")
        assert known(polling) == fake.truth()


def test_rows_the_platform_takes_away_stay_known(tmp_path):
    with FakeBenchmark(10, mailings=2) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        fake.gone, fake.rows = fake.rows, []
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_size_that_is_refused_is_reduced_and_remembered(tmp_path):
    with FakeBenchmark(11, mailings=4) as fake, install(tmp_path, fake, feeds=["events", "campaigns"]) as polling:
        fake.most_size = 30
        polling.until_quiet()
        assert known(polling) == fake.truth()
        fake.asked.clear()
        polling.run(lane="live")
        assert {asked.query["size"] for asked in fake.asked if asked.path == EVENTS} == {"25"}
        (row,) = [row for row in polling.store.feeds() if (row.feed, row.lane) == ("events", "live")]
        assert row.position["size"] == 25


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_a_list_too_deep_to_be_read_is_read_type_by_type(tmp_path, order, monkeypatch):
    monkeypatch.setattr("aftersend.providers.benchmark.looks.DEEPEST", 200)
    with FakeBenchmark(12, mailings=6, recipients=30) as fake, install(tmp_path, fake, backfill="0d") as polling:
        fake.order, fake.deepest = order, 200
        assert len(fake.truth()) > 450
        assert max(counted(fake.truth()).values()) <= 200
        polling.run("events")
        assert known(polling) == fake.truth()
        # All types once, each by itself, and the first page again.
        asked = [(asked.query["types"].count(","), asked.query["page"]) for asked in fake.asked]
        assert (asked[0], asked[-1]) == ((10, "1"), (10, "1"))
        assert {commas for commas, _ in asked[1:-1]} == {0}


def test_a_type_too_deep_and_oldest_first_is_read_with_fewer_days_too(tmp_path, monkeypatch):
    monkeypatch.setattr("aftersend.providers.benchmark.looks.DEEPEST", 200)
    with FakeBenchmark(13) as fake, install(tmp_path, fake, backfill="0d") as polling:
        fake.order, fake.deepest = "oldest", 200
        for number in range(350):
            fake.add("email-opened", fake.now() - number * 86_400 * SECOND // 5, f"{number:024x}", "c" * 24)
        polling.run("events")
        assert known(polling) == fake.truth()
        assert {asked.query["pastDays"] for asked in fake.asked} == {"90", "45", "22"}


def test_a_long_list_is_left_where_it_is_known_and_read_to_its_end_once_a_day(tmp_path):
    with FakeBenchmark(14) as fake, install(tmp_path, fake, feeds=["events"], backfill="0d") as polling:
        for number in range(900):
            fake.add("email-opened", fake.now() - 10 * HOUR - number * SECOND, f"{number:024x}", "c" * 24)
        polling.run()
        assert [asked.query["pastDays"] for asked in fake.asked] == ["90"] * 10
        fake.asked.clear()
        polling.run()
        assert [(asked.query["pastDays"], asked.query["page"]) for asked in fake.asked] == [
            *(("3", str(page)) for page in (1, 2, 3)),
            ("3", "1"),
        ]
        assert known(polling) == fake.truth()


def test_after_an_outage_the_days_missed_are_asked_for(tmp_path):
    with FakeBenchmark(15, mailings=2, spread=4 * DAY) as fake, install(tmp_path, fake, feeds=["events"]) as polling:
        polling.run(lane="live")
        (row,) = [row for row in polling.store.feeds() if row.lane == "live"]
        claimed = polling.store.claim(row.key, "test", now() + 60_000, at=now(), force=True)
        assert claimed is not None
        behind = {name: at - 5 * DAY for name, at in row.position.items()}
        polling.store.move_feed(claimed, behind, now() + 60_000)
        polling.store.release(claimed)
        fake.asked.clear()
        polling.run(lane="live")
        assert {asked.query["pastDays"] for asked in fake.asked} == {"7"}
        assert known(polling) == fake.truth()


# -- limits and faults ---------------------------------------------------------------------------------------


def test_both_budgets_are_shown_as_benchmark_tells_them(tmp_path):
    with FakeBenchmark(16, mailings=1) as fake, install(tmp_path, fake, budget="") as polling:
        fake.month = [5000, 4321]
        polling.run("events", lane="live")
        left = {one.period: (one.most, one.left) for one in polling.store.left(budget(polling.source), now())}
        assert left[3_600_000] == (3600, 3600 - len(fake.asked))
        assert left[30 * DAY] == (5000, 4321 - len(fake.asked))
        assert left[60_000][0] == 60


def test_after_a_429_the_whole_retry_after_is_kept_by_every_feed(tmp_path):
    with FakeBenchmark(17, mailings=1) as fake, install(tmp_path, fake) as polling:
        fake.faults = [lambda _fake, _said: Said(status=429, body={"errors": []}, headers={"Retry-After": "1800"})]
        polling.run("events", lane="live")
        rows = [row for row in polling.store.feeds() if row.feed == "events" and row.lane == "live"]
        assert rows[0].parked_until > now() + 1_700_000


@pytest.mark.parametrize("fault", [busy_absurdly, busy_until, busy])
def test_a_429_whatever_it_says_loses_nothing(tmp_path, fault):
    with FakeBenchmark(18, mailings=2) as fake, install(tmp_path, fake) as polling:
        fake.faults = [fault]
        for _ in range(2):
            polling.run(lane="live")
        assert known(polling) == fake.truth()


def test_a_key_that_is_refused_in_the_middle_stops_the_source_and_a_new_one_goes_on(tmp_path):
    def unauthorized(_fake, _said):
        return wrong(401, "UnauthorizedError", "API key expired")

    def forbidden(_fake, _said):
        return wrong(403, "ForbiddenError", "API key missing required scope: reports:read")

    with FakeBenchmark(19, mailings=6) as fake, install(tmp_path, fake) as polling:
        fake.faults = [lambda _fake, said: said, unauthorized]
        outcomes = polling.run("events", lane="live")
        assert [(o.status, o.pages) for o in outcomes.values()] == [("stopped", 1)]
        fake.faults = [forbidden]
        outcomes = polling.run("dashboard", lane="live")
        assert [o.status for o in outcomes.values()] == ["stopped"]
        assert "bme_" not in repr([row.problem for row in polling.store.feeds()])
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_redirect_to_another_host_is_not_followed(tmp_path):
    with FakeBenchmark(20) as elsewhere, FakeBenchmark(20, mailings=1) as fake, install(tmp_path, fake) as polling:
        fake.faults = [lambda _fake, _said: Said(status=302, headers={"Location": f"{elsewhere.url}{EVENTS}"})]
        outcomes = polling.run("events", lane="live")
        assert [outcome.status for outcome in outcomes.values()] == ["parked"]
        assert elsewhere.asked == []
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_wrong_address_is_a_problem_of_every_feed_and_not_an_empty_account(tmp_path):
    with FakeBenchmark(21, mailings=1) as fake, install(tmp_path, fake, base_url=fake.url + "/elsewhere") as polling:
        outcomes = polling.run("events", "campaigns", "dashboard", "overall", "histogram", lane="live")
        assert {outcome.status for outcome in outcomes.values()} == {"parked"}
        assert {"404" in outcome.problem for outcome in outcomes.values()} == {True}


def test_a_backfill_reads_the_days_since_its_first_and_leaves_the_live_position(tmp_path):
    with FakeBenchmark(22, mailings=3) as fake, install(tmp_path, fake, feeds=["events"], backfill="25d") as polling:
        polling.run(lane="backfill:first")
        assert {asked.query["pastDays"] for asked in fake.asked} == {"27"}
        assert known(polling) == fake.truth()
        assert [row.position for row in polling.store.feeds() if row.lane == "live"] == [{}]
