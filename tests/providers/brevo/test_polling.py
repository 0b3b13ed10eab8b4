"""Brevo polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

import pytest

from aftersend.providers.brevo import Brevo
from aftersend.vocabulary import Kind, Machine, now
from tests.fakes import Said, busy, busy_until, cut, hang_up, html, truncated, unavailable
from tests.providers.brevo.fake import DAY, LINKS, SECRET, FakeBrevo
from tests.providers.brevo.installed import install, known


def test_everything_is_read_once(tmp_path):
    with FakeBrevo(1, messages=15) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert [row.problem for row in polling.store.feeds() if row.problem] == []
        proxied = [one for one in fake.happened if one.what == "opened/proxy"]
        machines = [event for event in polling.events() if event.machine is Machine.MACHINE]
        assert len(machines) == len(proxied) > 0


@pytest.mark.parametrize("seed", range(3))
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(tmp_path, seed):
    with FakeBrevo(seed, messages=12) as fake, install(tmp_path, fake) as polling:
        fake.lively, fake.rate = True, 0.25
        fake.kinds_of_fault = (unavailable, busy, busy_until, html, cut, hang_up, truncated)
        for round_ in range(3):
            polling.kill_after = 1 + (seed + round_) % 3
            polling.run()
        fake.lively, fake.rate = False, 0.0
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_page_that_is_shorter_than_asked_for_ends_nothing(tmp_path):
    with FakeBrevo(2, messages=10) as fake, install(tmp_path, fake) as polling:
        fake.most = 7
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_quiet_account_costs_two_requests_a_run(tmp_path):
    with FakeBrevo(3) as fake, install(tmp_path, fake) as polling:
        fake.happen("queued", "1@example.com", "ada@example.com", fake.now() - 60)
        polling.until_quiet()
        fake.asked.clear()
        polling.run(lane="live")
        assert [asked.query["offset"] for asked in fake.asked] == ["0", "1"]


def test_what_happened_on_the_edges_of_days_is_read_though_days_are_of_another_zone(tmp_path):
    with FakeBrevo(4) as fake, install(tmp_path, fake, backfill="20d") as polling:
        midnight = fake.now() // DAY * DAY
        for days in range(1, 15):
            for number, second in enumerate((-7201, -3601, -1, 0, 3599, 7200)):
                fake.happen(
                    "queued", f"{days}.{number}@x.example.com", "ada@example.com", midnight - days * DAY + second
                )
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_the_last_hours_are_not_relied_upon(tmp_path):
    with FakeBrevo(5) as fake, install(tmp_path, fake) as polling:
        began = now()
        polling.run(lane="live")
        (row,) = [row for row in polling.store.feeds() if row.lane == "live"]
        assert began - 14 * 3_600_000 <= row.complete_until <= now() - 14 * 3_600_000


def test_what_appears_late_in_a_day_that_was_read_is_found(tmp_path):
    with FakeBrevo(6, messages=5) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        fake.happen("clicked", "late@example.com", "ada@example.com", fake.now() - DAY, LINKS[0])
        polling.run(lane="live")
        assert known(polling) == fake.truth()


def test_two_clicks_of_one_second_that_the_list_shows_are_two_and_reading_again_adds_none(tmp_path):
    with FakeBrevo(7) as fake, install(tmp_path, fake) as polling:
        fake.happen("clicked", "1@example.com", "ada@example.com", fake.now() - 60, LINKS[0])
        fake.happened *= 2
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert [event.kind for event in polling.events()] == [Kind.CLICKED] * 2


def test_a_key_that_is_refused_stops_the_source_and_a_right_one_goes_on(tmp_path):
    def unauthorized(_fake, _said):
        return Said(status=401, body={"code": "unauthorized", "message": "Key not found"})

    with FakeBrevo(8, messages=8) as fake, install(tmp_path, fake) as polling:
        fake.faults = [lambda _fake, said: said, unauthorized]
        (outcome,) = polling.run(lane="live").values()
        assert (outcome.status, outcome.pages) == ("stopped", 1)
        assert "xkeysib" not in repr([row.problem for row in polling.store.feeds()])
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_after_a_429_the_header_says_for_how_long(tmp_path):
    def exceeded(_fake, _said):
        return Said(status=429, body={"code": "too_many_requests"}, headers={"x-sib-ratelimit-reset": "900"})

    with FakeBrevo(9, messages=3) as fake, install(tmp_path, fake) as polling:
        fake.faults = [exceeded]
        began = now()
        (outcome,) = polling.run(lane="live").values()
        assert (outcome.status, len(fake.asked)) == ("parked", 1)
        assert began + 900_000 <= outcome.until <= now() + 900_000


def test_the_list_is_the_only_feed_and_can_be_asked_for_the_past(tmp_path):
    with FakeBrevo(10) as fake, install(tmp_path, fake) as polling:
        (feed,) = Brevo().feeds(polling.source)
        assert (feed.name, feed.windowed, feed.complete, feed.read_once) == ("events", True, True, False)
        assert SECRET not in repr(polling.run())
