"""Resend's list polled for real: whatever goes wrong on the way, the store ends up with what the list shows."""

from __future__ import annotations

import pytest

from aftersend.vocabulary import Clock, now
from tests.fakes import Said, busy, busy_until, cut, hang_up, html, truncated, unavailable
from tests.providers.resend.fake import DAY, HOUR, MINUTE, FakeResend, of_states, slots
from tests.providers.resend.installed import install, known

FAULTS = (unavailable, busy, busy_until, html, cut, hang_up, truncated)


def shown(fake: FakeResend) -> set[tuple[str, str]]:
    """What the list shows now."""
    return of_states({(sent.id, sent.state) for sent in fake.emails})


def test_every_email_is_read_with_its_latest_state_once(tmp_path):
    with FakeResend(1, emails=25) as fake, install(tmp_path, fake) as polling:
        fake.most_per_page = 7
        polling.until_quiet()
        assert slots(known(polling)) == dict.fromkeys(shown(fake), 1)
        assert {event.clock for event in polling.events()} == {Clock.RECEIVED}
        made = {sent.id: sent.at for sent in fake.emails}
        assert all(event.occurred_at == made[event.message_id] for event in polling.events())
        assert [row.problem for row in polling.store.feeds() if row.problem] == []


@pytest.mark.parametrize("seed", range(3))
def test_the_store_equals_what_was_shown_after_any_mixture_of_faults_and_kills(tmp_path, seed):
    with FakeResend(seed, emails=20) as fake, install(tmp_path, fake) as polling:
        fake.lively, fake.rate, fake.kinds_of_fault, fake.most_per_page = True, 0.3, FAULTS, 5
        for round_ in range(3):
            polling.kill_after = 1 + (seed + round_) % 3
            polling.run()
        fake.lively, fake.rate = False, 0.0
        polling.until_quiet()
        found = slots(known(polling))
        assert set(found.values()) == {1}
        assert shown(fake) <= set(found) <= of_states(fake.shown)


def test_each_state_an_email_is_seen_in_is_one_event(tmp_path):
    with FakeResend(2) as fake, install(tmp_path, fake) as polling:
        sent = fake.send(fake.now() - HOUR, moves=0)
        for state in ("sent", "delivery_delayed", "delivered", "opened", "opened", "clicked", "opened"):
            sent.state = state
            polling.run()
        assert slots(known(polling)) == dict.fromkeys(
            [(kind, sent.id) for kind in ("sent", "deferred", "delivered", "opened", "clicked")], 1
        )


def test_reading_again_what_is_known_leaves_nothing_behind(tmp_path):
    with FakeResend(3, emails=10) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        before = [(event.id, len(polling.store.event(event.id)[1])) for event in polling.events()]
        polling.run()
        assert [(event.id, len(polling.store.event(event.id)[1])) for event in polling.events()] == before


def test_emails_are_read_down_to_those_that_are_older_than_what_still_changes(tmp_path):
    with FakeResend(4, emails=40, spread=20 * DAY) as fake, install(tmp_path, fake) as polling:
        fake.most_per_page = 3
        polling.run()
        young = {sent.id for sent in fake.emails if sent.at > now() - 3 * DAY}
        read = {event.message_id for event in polling.events()}
        assert young <= read
        assert len(read - young) <= 3


def test_a_row_that_appears_before_the_first_page_moves_none_away(tmp_path):
    with FakeResend(5, emails=12) as fake, install(tmp_path, fake) as polling:
        fake.most_per_page = 4
        fake.between = lambda: fake.send(fake.now())
        polling.run()
        first = {sent.id for sent in fake.emails if sent.at < fake.now() - 9 * MINUTE}
        assert first <= {event.message_id for event in polling.events()}


def test_where_the_email_behind_which_to_go_on_is_gone_the_list_is_read_from_its_beginning(tmp_path):
    with FakeResend(6, emails=12) as fake, install(tmp_path, fake) as polling:
        fake.most_per_page = 4
        polling.kill_after = 1
        polling.run()
        del fake.emails[3]
        fake.asked.clear()
        assert [outcome.status for outcome in polling.run().values()] == ["done"]
        assert ["after" in asked.query for asked in fake.asked] == [True, False, True, True]
        assert {sent.id for sent in fake.emails} <= {event.message_id for event in polling.events()}


def test_a_refused_key_stops_the_source_and_a_good_one_goes_on(tmp_path):
    with FakeResend(7, emails=12) as fake, install(tmp_path, fake) as polling:
        fake.most_per_page = 4
        fake.faults = [lambda _fake, said: said, lambda _fake, _said: Said(status=401, body={"statusCode": 401})]
        assert [(outcome.status, outcome.pages) for outcome in polling.run().values()] == [("stopped", 1)]
        assert "re_0123" not in repr([row.problem for row in polling.store.feeds()])
        polling.until_quiet()
        assert slots(known(polling)) == dict.fromkeys(shown(fake), 1)


def test_a_429_is_followed_by_the_silence_that_its_headers_state(tmp_path):
    with FakeResend(8, emails=3) as fake, install(tmp_path, fake) as polling:
        fake.faults = [lambda _fake, _said: Said(status=429, body={}, headers={"ratelimit-reset": "60"})]
        began = now()
        (outcome,) = polling.run().values()
        assert (outcome.status, len(fake.asked)) == ("parked", 1)
        assert began + 59_000 < outcome.until < now() + 61_000
