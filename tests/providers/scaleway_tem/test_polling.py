"""Scaleway polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

from collections import Counter

import pytest

from aftersend.vocabulary import Kind
from tests.fakes import Said, busy, busy_until, cut, hang_up, html, truncated, unavailable
from tests.providers.scaleway_tem.fake import API, HOUR, MINUTE, WEBHOOK, FakeScaleway
from tests.providers.scaleway_tem.installed import install, known

EVENTS, EMAILS = f"{API}webhooks/{WEBHOOK}/events", f"{API}emails"


@pytest.mark.parametrize("feeds", [["events"], ["emails"], None], ids=["events", "emails", "both"])
def test_each_list_alone_and_both_together_tell_everything_once(tmp_path, feeds):
    with FakeScaleway(1, mails=50) as fake, install(tmp_path, fake, feeds=feeds) as polling:
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert [row.problem for row in polling.store.feeds() if row.problem] == []
        assert {event.kind for event in polling.events()} > {Kind.QUEUED, Kind.DELIVERED, Kind.DEFERRED, Kind.BOUNCED}


@pytest.mark.parametrize("seed", range(3))
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(tmp_path, seed):
    with FakeScaleway(seed, mails=40) as fake, install(tmp_path, fake) as polling:
        fake.lively, fake.rate = True, 0.3
        fake.kinds_of_fault = (unavailable, busy, busy_until, html, cut, hang_up, truncated)
        fake.ignores_size = seed % 2 == 1
        for round_ in range(3):
            polling.kill_after = 1 + (seed + round_) % 3
            polling.run()
        fake.lively, fake.rate = False, 0.0
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_events_are_read_down_to_what_was_read_before(tmp_path):
    with FakeScaleway(2) as fake, install(tmp_path, fake, feeds=["events"]) as polling:
        for number in range(250):
            fake.block(fake.now() - 30 * HOUR + number * MINUTE)
        polling.until_quiet()
        assert len(known(polling)) == 250
        fake.asked.clear()
        fake.block(fake.now())
        polling.run()
        assert [(asked.path, asked.query["page"]) for asked in fake.asked] == [(EVENTS, "1")]
        assert known(polling) == fake.truth()


def test_what_came_while_a_reading_was_killed_is_found(tmp_path):
    with FakeScaleway(3) as fake, install(tmp_path, fake, feeds=["events"]) as polling:
        for number in range(150):
            fake.block(fake.now() - 30 * HOUR + number * MINUTE)
        polling.kill_after = 1
        polling.run()
        for _ in range(120):
            fake.block(fake.now())
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_size_that_is_ignored_loses_nothing(tmp_path):
    with FakeScaleway(4, mails=50) as fake, install(tmp_path, fake) as polling:
        fake.ignores_size = True
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_an_outcome_that_comes_later_is_found(tmp_path):
    with FakeScaleway(5) as fake, install(tmp_path, fake, feeds=["emails"]) as polling:
        mail = fake.send(fake.now() - 50 * HOUR)
        polling.until_quiet()
        while mail.status not in ("sent", "failed"):
            fake.move_on(mail, fake.now())
        polling.run()
        assert known(polling) == fake.truth()


def test_three_attempts_are_remembered_when_the_list_has_forgotten_them(tmp_path):
    with FakeScaleway(6) as fake, install(tmp_path, fake, feeds=["emails"]) as polling:
        mail = fake.send(fake.now() - HOUR)
        mail.tries, mail.status = [], "new"
        fake.facts = [("queued", mail.id, "")]
        for number in range(5):
            fake.defer(mail, fake.now() - (50 - number) * MINUTE)
            polling.run()
        assert known(polling) == fake.truth()
        assert sum(event.kind is Kind.DEFERRED for event in polling.events()) == 5


def test_the_past_is_read_from_the_list_of_emails_when_asked_for(tmp_path):
    with FakeScaleway(7) as fake, install(tmp_path, fake, feeds=["emails"], backfill="20d") as polling:
        fake.send(fake.now() - 15 * 24 * HOUR)
        fake.send(fake.now() - HOUR)
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_reading_again_what_is_known_leaves_nothing_behind(tmp_path):
    with FakeScaleway(8, mails=30) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()

        def sightings():
            return [(event.id, len(polling.store.event(event.id)[1])) for event in polling.events()]

        before = sightings()
        polling.run()
        assert sightings() == before


def test_a_key_that_is_refused_stops_the_source_and_a_new_one_goes_on(tmp_path):
    with FakeScaleway(9, mails=20) as fake, install(tmp_path, fake) as polling:
        fake.faults = [
            lambda _fake, _said: Said(status=401, body={"message": "denied", "type": "denied_authentication"})
        ]
        outcomes = polling.run("emails", lane="live")
        assert [outcome.status for outcome in outcomes.values()] == ["stopped"]
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert {asked.headers["x-auth-token"] for asked in fake.asked} == {polling.source.api_key}


def test_a_webhook_that_is_gone_is_passed_over(tmp_path):
    gone = "99999999-0000-4000-8000-000000000000"
    with FakeScaleway(10, mails=20) as fake, install(tmp_path, fake, options={"webhooks": [gone, WEBHOOK]}) as polling:
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_without_webhooks_to_ask_for_the_list_of_events_costs_nothing_and_promises_nothing(tmp_path):
    with FakeScaleway(11, mails=20) as fake, install(tmp_path, fake, options={"webhooks": []}) as polling:
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert Counter(asked.path for asked in fake.asked).keys() == {EMAILS}
        (row,) = [row for row in polling.store.feeds() if row.feed == "events"]
        assert row.complete_until is None


def test_a_redirect_to_another_host_is_not_followed(tmp_path):
    with FakeScaleway(12) as elsewhere, FakeScaleway(12, mails=5) as fake, install(tmp_path, fake) as polling:
        fake.faults = [lambda _fake, _said: Said(status=302, headers={"Location": f"{elsewhere.url}{EMAILS}"})]
        polling.run("emails", lane="live")
        assert elsewhere.asked == []
        polling.until_quiet()
        assert known(polling) == fake.truth()
