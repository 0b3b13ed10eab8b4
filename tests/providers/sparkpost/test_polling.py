"""SparkPost's list polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

import pytest

from aftersend.vocabulary import now
from tests.fakes import Said, busy, busy_until, cut, hang_up, html, truncated, unavailable
from tests.providers.sparkpost.fake import DAY, HOUR, MINUTE, SECOND, FakeSparkPost, instant, printed
from tests.providers.sparkpost.installed import install, known

FAULTS = (unavailable, busy, busy_until, html, cut, hang_up, truncated)


def settled(polling, fake):
    """The list relies on nothing that is younger than a minute: let all of it lie in the past."""
    for row in fake.rows:
        row.at = min(row.at, fake.now() - 2 * MINUTE)
    fake.facts[:] = [(*fact[:3], min(fact[3], (fake.now() - 2 * MINUTE) // 1000)) for fact in fake.facts]
    polling.until_quiet()


def untimed(facts):
    return sorted(fact[:3] for fact in facts)


def test_everything_is_read_once(tmp_path):
    with FakeSparkPost(1, messages=30) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert [row.problem for row in polling.store.feeds() if row.problem] == []
        assert {event.occurred_at for event in polling.events()} <= {row.at for row in fake.rows}


@pytest.mark.parametrize("seed", range(3))
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(tmp_path, seed):
    with FakeSparkPost(seed, messages=20) as fake, install(tmp_path, fake) as polling:
        fake.lively, fake.rate, fake.kinds_of_fault = True, 0.3, FAULTS
        fake.most_per_page = 5 if seed == 1 else 10_000
        fake.cursors_last = 3 if seed == 2 else 1_000_000
        for round_ in range(3):
            polling.kill_after = 1 + (seed + round_) % 3
            polling.run()
        fake.lively, fake.rate, fake.cursors_last = False, 0.0, 1_000_000
        settled(polling, fake)
        assert untimed(known(polling)) == untimed(fake.truth())


def test_a_page_that_is_smaller_than_asked_for_ends_nothing(tmp_path):
    with FakeSparkPost(2, messages=15) as fake, install(tmp_path, fake) as polling:
        fake.most_per_page = 4
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_cursor_that_has_expired_begins_the_window_again(tmp_path):
    with FakeSparkPost(3, messages=15) as fake, install(tmp_path, fake) as polling:
        polling.kill_after = 2
        polling.run(lane="live")
        fake._cursors.clear()
        fake.asked.clear()
        outcomes = polling.run(lane="live")
        assert [outcome.status for outcome in outcomes.values()] == ["done"]
        assert [asked.query["cursor"] == "initial" for asked in fake.asked[:2]] == [False, True]
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_rows_that_turn_up_late_are_found_by_the_next_run(tmp_path):
    with FakeSparkPost(4, messages=10) as fake, install(tmp_path, fake) as polling:
        late = [row for row in fake.rows if fake.random.random() < 0.5]
        for row in late:
            row.shown = False
        polling.run()
        assert len(known(polling)) < len(fake.truth())
        for row in late:
            row.shown = True
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_each_request_asks_for_whole_minutes_that_are_past(tmp_path):
    with FakeSparkPost(5, messages=10) as fake, install(tmp_path, fake) as polling:
        polling.run()
        first = [asked.query for asked in fake.asked if "from" in asked.query]
        assert first
        assert all(set(query) == {"from", "to", "per_page", "cursor"} for query in first)
        assert all(instant(query["to"]) <= now() for query in first)
        assert min(instant(query["from"]) for query in first) >= now() - 10 * DAY
        # What is younger than ten minutes is read, but not relied upon.
        (row,) = [row for row in polling.store.feeds() if row.lane == "live"]
        assert row.complete_until < now() - 9 * MINUTE


def test_events_at_the_borders_of_minutes_are_in_one_of_the_windows(tmp_path):
    with FakeSparkPost(6) as fake, install(tmp_path, fake) as polling:
        border = (fake.now() - 7 * DAY) // MINUTE * MINUTE
        for offset in (-MINUTE, -1, 0, 1, SECOND, MINUTE - 1, MINUTE, MINUTE + 1):
            fake._happened("delivery", f"{border + offset:020d}", border + offset)
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_refused_key_stops_the_source_and_a_good_one_goes_on(tmp_path):
    with FakeSparkPost(7, messages=10) as fake, install(tmp_path, fake) as polling:
        fake.faults = [lambda _fake, said: said, lambda _fake, _said: Said(status=401, body={"errors": []})]
        outcomes = polling.run(lane="live")
        assert [(outcome.status, outcome.pages) for outcome in outcomes.values()] == [("stopped", 1)]
        assert "0123456789abcdef" not in repr([row.problem for row in polling.store.feeds()])
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_next_link_to_another_host_is_not_followed(tmp_path):
    def elsewhere(_fake, said):
        return Said(body=said.body | {"links": [{"href": "https://elsewhere.example.com/x", "rel": "next"}]})

    with FakeSparkPost(8, messages=5) as fake, install(tmp_path, fake) as polling:
        fake.faults = [elsewhere]
        outcomes = polling.run(lane="live")
        assert [outcome.status for outcome in outcomes.values()] == ["parked"]
        assert len(fake.asked) == 1


def test_the_list_shows_ten_days_and_is_asked_for_no_more(tmp_path):
    with FakeSparkPost(9) as fake, install(tmp_path, fake) as polling:
        fake._happened("delivery", "a" * 20, fake.now() - 9 * DAY)
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert {row.lane for row in polling.store.feeds()} == {"live", "backfill:first"}


def test_the_fake_prints_times_as_documented():
    assert printed(1767268800000) == "2026-01-01T12:00:00.000+00:00"
    assert instant("2026-01-01T12:00") == 1767268800000
    assert printed(1767268800000 + HOUR + 1) == "2026-01-01T13:00:00.001+00:00"
