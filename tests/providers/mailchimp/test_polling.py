"""Mailchimp polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from aftersend.providers.contract import Provider
from aftersend.settings import Source
from aftersend.storage.contract import Filter
from aftersend.vocabulary import BounceClass, Clock, ConfigurationError, Kind, Machine, now
from aftersend.worker import plan
from aftersend.worker.client import check
from tests.fakes import Said, busy, cut, hang_up, html, truncated, unavailable
from tests.providers.mailchimp.fake import DAY, HOUR, KEY, URLS, FakeMailchimp, iso, problem
from tests.providers.mailchimp.installed import install, known
from tests.providers.mailchimp.said import MAILCHIMP


def test_everything_is_read_once_and_named(tmp_path):
    with FakeMailchimp(1, campaigns=3) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert [row.problem for row in polling.store.feeds() if row.problem] == []
        named = {one.campaign_id: one.name for one in polling.store.campaigns(Filter(sources=("acme",)))}
        assert named == {campaign.id: f"Title {campaign.id}" for campaign in fake.campaigns}
        for campaign in fake.campaigns:
            (snapshot,) = [one for one in polling.store.snapshots("acme", campaign.id) if one.list == "campaigns"]
            funnel = polling.store.funnel(Filter(sources=("acme",), campaign_id=campaign.id))
            assert {kind: funnel[kind].total for kind in snapshot.counts} == {
                kind: total for kind, (total, _) in snapshot.counts.items()
            }


@pytest.mark.parametrize("seed", range(3))
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(tmp_path, seed):
    with FakeMailchimp(seed, campaigns=2, recipients=5) as fake, install(tmp_path, fake) as polling:
        fake.lively, fake.rate = True, 0.3
        fake.kinds_of_fault = (unavailable, busy, html, cut, hang_up, truncated)
        # The page size that was asked for is ignored.
        fake.most = 5 if seed else 1000
        for round_ in range(3):
            polling.kill_after = 1 + (seed + round_) % 3
            polling.run()
        fake.lively, fake.rate = False, 0.0
        polling.until_quiet()
        assert known(polling) == fake.truth()


def paths(fake: FakeMailchimp) -> Counter:
    return Counter(asked.path.rpartition("/")[2] for asked in fake.asked)


def test_an_old_campaign_is_asked_for_again_only_when_its_counters_have_moved(tmp_path, monkeypatch):
    with FakeMailchimp(2) as fake, install(tmp_path, fake) as polling:
        campaign = fake.campaign(fake.now() - 10 * DAY)
        person = fake.recipient(campaign, fate=False)
        fake.hit(campaign, person, "open")
        polling.run()
        later(monkeypatch, hours=2)
        polling.run()
        fake.asked.clear()
        polling.run(lane=plan.LIVE)
        assert set(paths(fake)) == {"reports"}
        fake.hit(campaign, person, "click", URLS[0], after=10 * DAY + 5400)
        fake.asked.clear()
        polling.run(lane=plan.LIVE)
        assert paths(fake) == {"reports": 1, "email-activity": 1}
        assert known(polling) == fake.truth()


def later(monkeypatch, hours: int) -> None:
    """It is that much later for the worker; the fake goes by the real time."""
    monkeypatch.setattr("aftersend.worker.poller.now", lambda: now() + hours * HOUR * 1000)


def test_a_young_campaign_is_read_though_its_counters_stand_still(tmp_path, monkeypatch):
    with FakeMailchimp(3) as fake, install(tmp_path, fake) as polling:
        campaign = fake.campaign(fake.now() - 6 * HOUR)
        person = fake.recipient(campaign, fate=False)
        campaign.frozen = fake.report(campaign)
        polling.run()
        later(monkeypatch, hours=2)
        polling.run()
        fake.hit(campaign, person, "open", after=7 * HOUR + 1800)
        fake.leave(campaign, person, "unsubscribed")
        fake.asked.clear()
        polling.run()
        assert known(polling) == fake.truth()
        assert "sent-to" not in paths(fake)


def test_activity_is_asked_for_since_the_last_reading_and_once_a_day_whole(tmp_path, monkeypatch):
    with FakeMailchimp(4, campaigns=1) as fake, install(tmp_path, fake) as polling:
        polling.run("campaigns")
        polling.run("activity")
        began = fake.now()
        polling.run("activity")
        later(monkeypatch, hours=25)
        polling.run("activity")
        first, second, third = [asked.query.get("since") for asked in fake.asked if "activity" in asked.path]
        assert (first, third) == (None, None)
        assert iso(began - HOUR - 5) <= second <= iso(began - HOUR + 5)


def test_activity_that_is_shown_late_is_found_by_the_next_whole_reading(tmp_path, monkeypatch):
    with FakeMailchimp(4) as fake, install(tmp_path, fake) as polling:
        campaign = fake.campaign(fake.now() - DAY)
        person = fake.recipient(campaign, fate=False)
        polling.run()
        fake.hit(campaign, person, "open", after=HOUR)
        polling.run()
        assert len(known(polling)) == 1
        later(monkeypatch, hours=25)
        polling.run()
        assert known(polling) == fake.truth()


def test_a_campaign_that_is_gone_is_passed_over(tmp_path):
    with FakeMailchimp(5, campaigns=3) as fake, install(tmp_path, fake) as polling:
        polling.run("campaigns")
        gone = fake.campaigns[1]
        gone.gone = True
        assert {outcome.status for outcome in polling.run("activity", "sent").values()} == {"done"}
        assert {fact[1] for fact in known(polling)} == {one.id for one in fake.campaigns if one is not gone}


def test_reading_again_what_is_known_leaves_nothing_behind(tmp_path):
    with FakeMailchimp(6, campaigns=2) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()

        def told():
            return [(event.id, len(polling.store.event(event.id)[1])) for event in polling.events()]

        before = told()
        polling.run()
        assert told() == before


def test_two_identical_clicks_of_one_second_are_two(tmp_path):
    with FakeMailchimp(7) as fake, install(tmp_path, fake) as polling:
        campaign = fake.campaign(fake.now() - DAY)
        person = fake.recipient(campaign, fate=False)
        fake.hit(campaign, person, "click", URLS[0])
        person.activity.append(dict(person.activity[0]))
        fake.facts.append(fake.facts[-1])
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_an_open_of_both_lists_is_one_and_a_proxys_is_a_machines(tmp_path):
    with FakeMailchimp(8) as fake, install(tmp_path, fake) as polling:
        campaign = fake.campaign(fake.now() - DAY)
        person = fake.recipient(campaign, fate=False)
        fake.hit(campaign, person, "open", proxy=True)
        fake.hit(campaign, person, "open", after=HOUR)
        polling.until_quiet()
        assert known(polling) == fake.truth()
        opens = [event for event in polling.events() if event.kind is Kind.OPENED]
        assert [(event.machine, event.ip is not None) for event in opens] == [
            (Machine.MACHINE, True),
            (Machine.UNKNOWN, True),
        ]


def test_a_bounce_of_two_lists_is_one_with_its_time(tmp_path):
    with FakeMailchimp(9) as fake, install(tmp_path, fake) as polling:
        campaign = fake.campaign(fake.now() - DAY)
        fake.bounce(campaign, person := fake.recipient(campaign, fate=False), "soft")
        polling.run("campaigns")
        polling.run("sent")
        (bounced,) = [event for event in polling.events() if event.kind is Kind.BOUNCED]
        assert (bounced.occurred_at // 1000, bounced.clock) == (campaign.at, Clock.RECEIVED)
        polling.until_quiet()
        (bounced,) = [event for event in polling.events() if event.kind is Kind.BOUNCED]
        assert (bounced.occurred_at // 1000, bounced.clock) == (person.last, Clock.STATED)
        assert bounced.bounce_class == BounceClass.SOFT


def test_a_backfill_reads_the_lists_of_campaigns_that_are_older_than_any_is_watched(tmp_path):
    with FakeMailchimp(10) as fake, install(tmp_path, fake, backfill="90d", options={"look_back": "20d"}) as polling:
        campaign = fake.campaign(fake.now() - 60 * DAY)
        fake.hit(campaign, fake.recipient(campaign, fate=False), "open")
        polling.run(lane=plan.LIVE)
        assert known(polling) == []
        polling.until_quiet()
        assert known(polling) == fake.truth()


@pytest.mark.parametrize("age", [228 * HOUR, 252 * HOUR])
def test_campaigns_nobody_watches_any_more_are_forgotten_and_not_noted_anew(tmp_path, monkeypatch, age):
    """The first run eleven days later asks for the range since the last one, in two windows: one age lies in each."""
    with FakeMailchimp(10) as fake, install(tmp_path, fake, options={"look_back": "20d"}) as polling:
        campaign = fake.campaign(fake.now() - age)
        fake.recipient(campaign)
        polling.run()
        assert len(polling.store.notes("acme", "campaign/")) == 1
        assert len(polling.store.notes("acme", "read/")) == 5
        later(monkeypatch, hours=24 * 11)
        fake.campaign(fake.now() - DAY)
        for _ in range(2):
            polling.run("campaigns")
        assert campaign.id not in str(polling.store.notes("acme"))


def test_reports_are_complete_as_far_as_campaigns_were_listed(tmp_path):
    with FakeMailchimp(11, campaigns=1) as fake, install(tmp_path, fake) as polling:
        polling.run("activity")
        assert feed(polling, "activity").complete_until is None
        polling.run("campaigns", lane=plan.LIVE)
        listed = polling.store.notes("acme", "listed")["listed"]
        polling.run("activity")
        assert feed(polling, "activity").complete_until == listed - 600_000


def feed(polling, name: str):
    (row,) = [row for row in polling.store.feeds("acme") if (row.feed, row.lane) == (name, plan.LIVE)]
    return row


def test_a_wrong_key_stops_the_source_and_is_shown_to_nobody(tmp_path):
    wrong = KEY.replace("0", "f")
    with FakeMailchimp(12, campaigns=1) as fake, install(tmp_path, fake, api_key=wrong) as polling:
        outcome = polling.run("campaigns", lane=plan.LIVE)["campaigns", plan.LIVE]
        assert outcome.status == "stopped"
        assert wrong not in outcome.problem
        assert len(fake.asked) == 1


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Said(status=403, body=b""), "parked"),
        (Said(status=403, body=b"<html>busy</html>"), "parked"),
        (problem(403, "Forbidden"), "stopped"),
        (problem(429, "Too Many Requests"), "parked"),
        (Said(status=429, body=b""), "parked"),
    ],
)
def test_a_refusal_for_being_busy_is_told_from_one_of_the_key(tmp_path, fault, status):
    with FakeMailchimp(13, campaigns=1) as fake, install(tmp_path, fake) as polling:
        fake.faults = [lambda _fake, _said: fault]
        began = now()
        outcome = polling.run("campaigns", lane=plan.LIVE)["campaigns", plan.LIVE]
        assert outcome.status == status
        assert status == "stopped" or began + 58_000 < outcome.until < now() + 62_000


def test_the_key_names_its_data_centre(tmp_path):
    def source(key: str, base_url: str = "") -> Source:
        return Source(name="acme", provider="mailchimp", api_key=key, base_url=base_url)

    assert MAILCHIMP.url(source(KEY)) == "https://us21.api.mailchimp.com/3.0"
    assert MAILCHIMP.url(source(KEY, "http://127.0.0.1:9/3.0/")) == "http://127.0.0.1:9/3.0"
    assert MAILCHIMP.credentials(source("abc", "http://127.0.0.1:9"))["Authorization"].startswith("Basic ")
    for wrong in ("abc", "abc-", "-us21", "abc-us21.example.com/", "abc-us21/x", "abc-../"):
        with pytest.raises(ConfigurationError):
            MAILCHIMP.credentials(source(wrong))
        assert MAILCHIMP.url(source(wrong)) == Provider.url(MAILCHIMP, source(wrong))
    with FakeMailchimp(14) as fake, install(tmp_path, fake) as polling:
        assert json.loads(check(polling.store, polling.source).body) == {"reports": [], "total_items": 0}


def test_without_a_key_there_are_webhooks_alone():
    assert MAILCHIMP.enabled(Source(name="acme", provider="mailchimp")) == {}
