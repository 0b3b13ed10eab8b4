"""Postmark polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

import pytest

from aftersend.vocabulary import Kind
from aftersend.worker import plan
from aftersend.zones import moment
from tests.fakes import busy, cut, hang_up, html, truncated, unavailable
from tests.providers.postmark.fake import DAY, HOUR, LINKS, MINUTE, FakePostmark
from tests.providers.postmark.installed import install, known

FAULTS = (unavailable, busy, html, cut, hang_up, truncated)


def test_everything_that_lists_tell_is_read_once(tmp_path):
    with FakePostmark(1, messages=45) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        assert known(polling) == fake.truth(listed=True)
        assert {kind for kind, *_ in fake.truth(listed=True)} > {"sent", "opened", "clicked", "bounced", "unsubscribed"}
        assert [row.problem for row in polling.store.feeds() if row.problem] == []


@pytest.mark.parametrize("seed", range(3))
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(tmp_path, seed):
    with FakePostmark(seed, messages=30) as fake, install(tmp_path, fake, options={"deepest": 25}) as polling:
        fake.lively, fake.rate, fake.kinds_of_fault = True, 0.3, FAULTS
        fake.most, fake.deepest = 6 + seed, 25
        for round_ in range(3):
            polling.kill_after = 1 + (seed + round_) % 3
            polling.run()
        fake.lively, fake.rate = False, 0.0
        polling.until_quiet()
        assert known(polling) == fake.truth(listed=True)


@pytest.mark.parametrize("zone", ["America/New_York", "UTC", "Asia/Tokyo", "Pacific/Honolulu"])
def test_dates_may_be_understood_in_another_zone_than_is_said(tmp_path, zone):
    with FakePostmark(2) as fake, install(tmp_path, fake, overlap="1h", feeds=["messages"]) as polling:
        fake.zone = zone
        fake.message(fake.now() - 6 * DAY, acts=False)
        polling.until_quiet()
        fake.message(fake.now() - 20 * MINUTE, acts=False)
        polling.until_quiet()
        assert known(polling) == fake.truth(listed=True)


def test_a_list_that_is_too_deep_is_read_in_shorter_windows_and_never_asked_beyond_its_depth(tmp_path):
    options = {"deepest": 12}
    with FakePostmark(3, messages=35) as fake, install(tmp_path, fake, options=options) as polling:
        fake.deepest = 12
        polling.until_quiet()
        assert known(polling) == fake.truth(listed=True)
        paged = [asked.query for asked in fake.asked if "offset" in asked.query]
        assert max(int(query["offset"]) + int(query["count"]) for query in paged) == 12
        assert len({query.get("fromdate") for query in paged}) > 5


def test_more_rows_in_a_minute_than_a_list_is_deep_stop_neither_the_feed_nor_the_windows_before(tmp_path):
    options = {"deepest": 5}
    with FakePostmark(3) as fake, install(tmp_path, fake, options=options, feeds=["clicks"]) as polling:
        fake.deepest = 5
        own, (email, *_), stream = fake.message(fake.now() - 3 * DAY, acts=False)
        fake.click(own, email, stream, fake.now() - 2 * DAY, LINKS[0])
        burst = fake.now() // MINUTE * MINUTE - DAY
        for number in range(8):
            fake.click(own, email, stream, burst + number, LINKS[1])
        assert polling.run()["clicks", plan.LIVE].status == "done"
        clicks = [event.url for event in polling.events()]
        assert clicks.count(LINKS[0]) == 1
        assert 5 <= clicks.count(LINKS[1]) <= 8


def test_a_size_of_page_that_is_ignored_is_lived_with(tmp_path):
    with FakePostmark(4, messages=20) as fake, install(tmp_path, fake) as polling:
        fake.most = 4
        polling.until_quiet()
        assert known(polling) == fake.truth(listed=True)


def test_a_row_that_appears_late_is_found_by_the_next_run(tmp_path):
    with FakePostmark(5) as fake, install(tmp_path, fake, feeds=["messages", "opens"]) as polling:
        own, (email, *_), stream = fake.message(fake.now() - DAY, acts=False)
        fake.open(own, email, stream, fake.now() - 2 * HOUR)
        fake.lists["Opens"][0].hidden = True
        polling.until_quiet()
        assert [event.kind for event in polling.events(kinds=(Kind.OPENED,))] == []
        fake.lists["Opens"][0].hidden = False
        polling.run("opens")
        assert known(polling) == fake.truth(listed=True)


def test_a_message_that_was_queued_is_sent_later(tmp_path):
    with FakePostmark(5) as fake, install(tmp_path, fake, feeds=["messages"]) as polling:
        fake.message(fake.now() - HOUR, acts=False)
        fake.lists["Messages"][0].said["Status"] = "Queued"
        polling.run()
        assert {event.kind for event in polling.events()} == {Kind.QUEUED}
        fake.lists["Messages"][0].said["Status"] = "Sent"
        polling.until_quiet()
        assert {event.kind for event in polling.events()} == {Kind.QUEUED, Kind.SENT}


def test_a_stream_that_the_server_lacks_is_passed_over(tmp_path):
    options = {"streams": "outbound, nobody, broadcast"}
    with FakePostmark(6) as fake, install(tmp_path, fake, options=options, feeds=["suppressions"]) as polling:
        own, (email, *_), stream = fake.message(fake.now() - DAY, "broadcast", acts=False)
        fake.leave(own, email, stream, fake.now() - HOUR)
        assert polling.run()["suppressions", plan.LIVE].status == "done"
        assert [event.kind for event in polling.events()] == [Kind.UNSUBSCRIBED]


def test_reading_again_what_is_known_leaves_nothing_behind(tmp_path):
    with FakePostmark(7, messages=20) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()

        def told():
            return [(event.id, len(polling.store.event(event.id)[1])) for event in polling.events()]

        before = told()
        polling.run()
        assert told() == before


def test_a_wrong_token_stops_the_source_with_a_sentence_that_does_not_hold_it(tmp_path):
    with FakePostmark(8) as fake, install(tmp_path, fake, api_key="another-token-1111") as polling:
        outcome = polling.run("bounces")["bounces", plan.LIVE]
        assert outcome.status == "stopped"
        assert "refused the credentials of source 'acme' (401)" in outcome.problem
        assert "another-token-1111" not in outcome.problem


def test_the_past_is_read_as_far_as_postmark_keeps_it(tmp_path):
    how = {"backfill": "60d", "options": {"retention": "30d"}, "feeds": ["messages"]}
    with FakePostmark(9) as fake, install(tmp_path, fake, **how) as polling:
        fake.message(fake.now() - 29 * DAY, acts=False)
        fake.message(fake.now() - 20 * DAY, acts=False)
        polling.until_quiet()
        assert known(polling) == fake.truth(listed=True)
        oldest = min(asked.query["fromdate"] for asked in fake.asked if "fromdate" in asked.query)
        assert oldest > moment(fake.now() - 32 * DAY).isoformat()
