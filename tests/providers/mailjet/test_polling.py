"""Mailjet polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

import pytest

from aftersend.vocabulary import Kind
from aftersend.worker import plan
from tests.fakes import Said, busy, cut, hang_up, html, truncated, unavailable
from tests.providers.mailjet.fake import DAY, HOUR, LINKS, MINUTE, Fact, FakeMailjet
from tests.providers.mailjet.installed import install, known

FAULTS = (unavailable, busy, html, cut, hang_up, truncated)


def as_listed(facts: list[Fact]) -> list[Fact]:
    """The truth as lists have it: they don't say what was only greylisted. That a message was queued is known only of
    those that were seen in time."""
    plain = [("bounced", fact[1], "undetermined", fact[3]) if fact[0] == "deferred" else fact for fact in facts]
    return sorted(fact for fact in plain if fact[0] != "queued")


@pytest.mark.parametrize("total_of_page", [True, False])
def test_everything_that_lists_tell_is_read_once(tmp_path, total_of_page):
    with FakeMailjet(1, messages=30) as fake, install(tmp_path, fake) as polling:
        fake.total_of_page, fake.most = total_of_page, 7
        polling.until_quiet()
        assert known(polling, queued=False) == as_listed(fake.truth())
        assert [row.problem for row in polling.store.feeds() if row.problem] == []
        assert all(event.email and event.external_id and event.campaign_id for event in polling.events())


@pytest.mark.parametrize("seed", range(3))
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(tmp_path, seed):
    with FakeMailjet(seed, messages=25) as fake, install(tmp_path, fake) as polling:
        fake.lively, fake.rate, fake.kinds_of_fault = True, 0.3, FAULTS
        fake.most, fake.total_of_page = 5 + seed, bool(seed % 2)
        for round_ in range(3):
            polling.kill_after = 1 + (seed + round_) % 3
            polling.run()
        fake.lively, fake.rate = False, 0.0
        # Further opens change no status: those that came behind the last reading are told at the end of look_back.
        for message in fake.messages:
            message.state += 100
        polling.until_quiet()
        assert known(polling, queued=False) == as_listed(fake.truth())


def test_a_history_is_read_only_where_a_status_has_changed(tmp_path):
    with FakeMailjet(2, messages=8) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        fake.asked.clear()
        polling.run()
        assert [asked.path for asked in fake.asked if "history" in asked.path] == []
        message = fake.message(fake.now() - HOUR)
        fake.happen(message, "sent", fake.now() - 10 * MINUTE)
        polling.until_quiet()
        asked = {asked.path for asked in fake.asked if "history" in asked.path}
        assert asked == {f"/v3/REST/messagehistory/{message.id}"}
        assert known(polling, queued=False) == as_listed(fake.truth())


def test_a_second_open_changes_no_status_and_is_found_before_the_message_leaves_look_back(tmp_path):
    with FakeMailjet(3) as fake, install(tmp_path, fake, options={"look_back": "3d"}) as polling:
        message = fake.message(fake.now() - DAY)
        fake.happen(message, "sent", message.arrived + 1)
        fake.happen(message, "open", message.arrived + 2)
        polling.until_quiet()
        fake.happen(message, "open", message.arrived + 3)
        polling.until_quiet()
        assert len(polling.events(kinds=(Kind.OPENED,))) == 1
        # A day and an hour pass; only the row's time is looked at for that.
        message.arrived -= DAY + HOUR
        polling.until_quiet()
        assert len(polling.events(kinds=(Kind.OPENED,))) == 2


def test_notes_of_messages_that_are_read_no_more_are_forgotten(tmp_path):
    with FakeMailjet(4) as fake, install(tmp_path, fake, options={"look_back": "2d"}, backfill="10d") as polling:
        for days in (1, 5, 6):
            message = fake.message(fake.now() - days * DAY)
            fake.happen(message, "sent", message.arrived + 1)
        polling.until_quiet()
        assert known(polling) == [fact for fact in fake.truth() if fact[0] != "queued"]
        assert list(polling.store.notes("acme", "message/")) == [f"message/{fake.messages[0].id}"]


def test_so_many_histories_are_read_in_a_run_newest_first(tmp_path):
    options = {"histories_at_once": 2}
    with FakeMailjet(5) as fake, install(tmp_path, fake, options=options) as polling:
        for hours in (5, 1, 3):
            message = fake.message(fake.now() - hours * HOUR)
            fake.happen(message, "sent", message.arrived + 1)
        polling.run()
        asked = [int(asked.path.rpartition("/")[2]) for asked in fake.asked if "history" in asked.path]
        assert asked == [fake.messages[1].id, fake.messages[2].id]
        polling.until_quiet()
        assert known(polling) == [fact for fact in fake.truth() if fact[0] != "queued"]


def test_a_history_of_more_than_ten_events_is_read_whole(tmp_path):
    with FakeMailjet(6) as fake, install(tmp_path, fake) as polling:
        message = fake.message(fake.now() - DAY)
        fake.happen(message, "sent", message.arrived + 1)
        for number in range(15):
            fake.happen(message, "click", message.arrived + 10 + number // 2, LINKS[number % 2])
        polling.until_quiet()
        assert len(polling.events(kinds=(Kind.CLICKED,))) == 15


def test_a_history_that_is_gone_is_passed_over_and_not_asked_for_again(tmp_path):
    with FakeMailjet(7) as fake, install(tmp_path, fake) as polling:
        for hours in (1, 2):
            message = fake.message(fake.now() - hours * HOUR)
            fake.happen(message, "sent", message.arrived + 1)
        fake.gone = {fake.messages[0].id}
        assert polling.run()["histories", plan.LIVE].status == "done"
        assert [event.message_id for event in polling.events(kinds=(Kind.DELIVERED,))] == [str(fake.messages[1].id)]
        fake.asked.clear()
        polling.run()
        assert [asked.path for asked in fake.asked if "history" in asked.path] == []


def test_a_message_that_is_queued_is_known_as_such_until_it_is_sent(tmp_path):
    with FakeMailjet(8) as fake, install(tmp_path, fake) as polling:
        message = fake.message(fake.now() - HOUR)
        polling.run()
        assert known(polling) == [("queued", str(message.id), "", message.arrived)]
        fake.happen(message, "sent", fake.now())
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_reading_again_what_is_known_leaves_nothing_behind(tmp_path):
    with FakeMailjet(9, messages=15) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()

        def told():
            return [(event.id, len(polling.store.event(event.id)[1])) for event in polling.events()]

        before = told()
        for message in fake.messages:
            message.state += 100
        polling.until_quiet()
        assert told() == before


def test_wrong_keys_stop_the_source_with_a_sentence_that_does_not_hold_them(tmp_path):
    with FakeMailjet(10) as fake, install(tmp_path, fake, api_key="other-1111:keys-2222") as polling:
        outcome = polling.run("messages")["messages", plan.LIVE]
        assert outcome.status == "stopped"
        assert "refused the credentials of source 'acme' (401)" in outcome.problem
        assert "2222" not in outcome.problem


def test_a_429_without_more_words_means_a_minute_of_silence(tmp_path):
    with FakeMailjet(11, messages=2) as fake, install(tmp_path, fake) as polling:
        fake.faults = [too_many]
        began = fake.now()
        outcome = polling.run("messages")["messages", plan.LIVE]
        assert outcome.status == "parked"
        assert outcome.until >= (began + 59) * 1000


def too_many(_fake, _said):
    return Said(status=429, body={"ErrorMessage": "Too many requests", "StatusCode": 429})
