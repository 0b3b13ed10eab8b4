"""Mailtrap polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

import time

import pytest

from aftersend.vocabulary import now
from tests.fakes import Said, busy, busy_until, cut, hang_up, html, truncated, unavailable
from tests.providers.mailtrap.fake import DAY, HOUR, FakeMailtrap
from tests.providers.mailtrap.installed import install, known

LIST = "/api/email_logs"


def test_everything_is_read_once_and_so_is_the_past(tmp_path):
    with FakeMailtrap(1, emails=40, spread=20 * DAY) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert [row.problem for row in polling.store.feeds() if row.problem] == []


@pytest.mark.parametrize("seed", range(3))
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(tmp_path, seed):
    with FakeMailtrap(seed, emails=16) as fake, install(tmp_path, fake, backfill="0s") as polling:
        fake.lively, fake.rate, fake.ignores_filters = True, 0.15, seed == 2
        fake.kinds_of_fault = (unavailable, busy, busy_until, html, cut, hang_up, truncated)
        for round_ in range(3):
            polling.kill_after = 1 + (seed + 5 * round_) % 12
            polling.run()
        fake.lively, fake.rate = False, 0.0
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_walk_killed_between_two_emails_of_a_page_reads_the_others_and_none_again(tmp_path):
    with FakeMailtrap(2) as fake, install(tmp_path, fake, feeds=["messages"], backfill="0s") as polling:
        for _ in range(6):
            fake.happen(fake.send(int(time.time()) - HOUR, events=False), "delivery", int(time.time()) - HOUR)
        polling.kill_after = 3
        polling.run()
        polling.run()
        assert known(polling) == fake.truth()
        # Those asked for ahead of their turn may be asked for twice.
        asked = [asked.path for asked in fake.asked if asked.path != LIST]
        assert len(set(asked)) == 6
        assert len(asked) <= 6 + 4


def test_a_round_of_a_quiet_account_asks_for_the_lists_alone(tmp_path):
    with FakeMailtrap(3, emails=20) as fake, install(tmp_path, fake) as polling:
        fake.emails = [sent for sent in fake.emails if sent.status != "enqueued"]
        polling.until_quiet()
        before = polling.events()
        fake.asked.clear()
        polling.run()
        assert {asked.path for asked in fake.asked} == {LIST}
        assert polling.events() == before


def test_only_emails_that_changed_are_asked_for(tmp_path):
    with FakeMailtrap(4) as fake, install(tmp_path, fake) as polling:
        emails = [fake.send(int(time.time()) - HOUR, events=False) for _ in range(9)]
        for sent in emails:
            fake.happen(sent, "delivery", sent.at + 1)
        polling.until_quiet()
        fake.asked.clear()
        fake.happen(emails[0], "open", emails[0].at + 60)
        fake.happen(emails[1], "spam", emails[1].at + 61)
        fake.happen(emails[2], "unsubscribe", emails[2].at + 62)
        polling.run()
        assert sorted(asked.path for asked in fake.asked if asked.path != LIST) == sorted(
            f"{LIST}/{sent.id}" for sent in emails[:3]
        )
        assert known(polling) == fake.truth()


def test_an_email_that_is_still_tried_is_asked_for_again_since_nothing_shows_another_soft_bounce(tmp_path):
    with FakeMailtrap(4) as fake, install(tmp_path, fake, backfill="0s") as polling:
        sent = fake.send(int(time.time()) - HOUR, events=False)
        for seconds, word in enumerate(("suspension", "soft_bounce", "soft_bounce", "delivery")):
            fake.happen(sent, word, sent.at + seconds)
            polling.run()
            assert known(polling) == fake.truth()


def test_a_cursor_that_is_refused_leads_back_to_the_beginning_of_its_window(tmp_path):
    def refused(_fake, _said):
        return Said(status=400)

    with FakeMailtrap(5) as fake, install(tmp_path, fake, feeds=["messages"], backfill="0s") as polling:
        for number in range(20):
            fake.send(int(time.time()) - HOUR - number, events=False)
        fake.faults = [lambda _fake, said: said] * 8 + [refused]
        outcomes = polling.run()
        assert [outcome.status for outcome in outcomes.values()] == ["done"]
        assert {asked.path.removeprefix(LIST + "/") for asked in fake.asked} >= {sent.id for sent in fake.emails}


def test_an_email_that_is_gone_holds_up_no_other(tmp_path):
    with FakeMailtrap(6, emails=12) as fake, install(tmp_path, fake, feeds=["messages"]) as polling:
        fake.faults = [lambda _fake, said: said, lambda _fake, _said: Said(status=404, body={"error": "Not Found"})]
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_an_answer_that_is_no_email_is_quarantined_and_holds_up_no_other(tmp_path):
    with FakeMailtrap(7) as fake, install(tmp_path, fake, feeds=["messages"], backfill="0s") as polling:
        for _ in range(3):
            fake.happen(fake.send(int(time.time()) - HOUR, events=False), "delivery", int(time.time()) - HOUR)
        fake.faults = [lambda _fake, said: said, lambda _fake, _said: Said(body={"message_id": "x"})]
        outcomes = polling.run()
        assert [outcome.status for outcome in outcomes.values()] == ["done"]
        assert len(known(polling)) == 2


def test_a_key_that_is_refused_in_the_middle_stops_the_source_and_a_new_one_goes_on(tmp_path):
    def unauthorized(_fake, _said):
        return Said(status=401, body={"error": "Incorrect API token"})

    def forbidden(_fake, _said):
        return Said(status=403, body={"errors": "Account access forbidden"})

    for number, fault in enumerate((unauthorized, forbidden)):
        (tmp_path / str(number)).mkdir()
        with FakeMailtrap(8, emails=20) as fake, install(tmp_path / str(number), fake) as polling:
            fake.faults = [lambda _fake, said: said, fault]
            outcomes = polling.run("messages", lane="live")
            assert [outcome.status for outcome in outcomes.values()] == ["stopped"]
            assert "token-0" not in repr([row.problem for row in polling.store.feeds()])
            polling.until_quiet()
            assert known(polling) == fake.truth()


def test_a_429_without_a_word_means_silence_for_a_minute(tmp_path):
    with FakeMailtrap(9, emails=5) as fake, install(tmp_path, fake) as polling:
        fake.faults = [lambda _fake, _said: Said(status=429, body={"errors": "Rate limit exceeded"})]
        began = now()
        (outcome,) = polling.run("messages", lane="live").values()
        assert (outcome.status, len(fake.asked)) == ("parked", 1)
        assert began + 59_000 < outcome.until < now() + 61_000


def test_what_was_read_of_emails_that_are_old_is_forgotten(tmp_path):
    with FakeMailtrap(10) as fake, install(tmp_path, fake, options={"look_back": "2d"}) as polling:
        sent = fake.send(int(time.time()) - HOUR, events=False)
        old = fake.send(int(time.time()) - 20 * DAY, events=False)
        fake.happen(old, "delivery", old.at + 1)
        polling.until_quiet()
        assert known(polling) == fake.truth()
        # The backfill has read the old one, and made no note of it.
        assert list(polling.store.notes("acme", "messages/")) == [f"messages/{sent.id}"]


def test_lists_are_complete_but_for_what_came_in_the_last_minutes(tmp_path):
    with FakeMailtrap(11, emails=8) as fake, install(tmp_path, fake) as polling:
        began = now()
        polling.run("messages", lane="live")
        (row,) = [row for row in polling.store.feeds() if row.lane == "live" and row.feed == "messages"]
        assert began - 300_000 <= row.complete_until <= now() - 300_000
