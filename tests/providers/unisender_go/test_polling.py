"""Unisender Go polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

import json
import time
from collections import Counter

import pytest

from aftersend.providers.contract import Context
from aftersend.providers.unisender_go import UnisenderGo, feeds
from aftersend.vocabulary import now
from tests.fakes import Said, busy, busy_until, cut, hang_up, html, truncated, unavailable
from tests.providers.unisender_go.fake import BASE, DAY, HOUR, KEY, FakeUnisender, seconds
from tests.providers.unisender_go.installed import install, known


def steps(fake) -> Counter[str]:
    return Counter(asked.path.rpartition("/")[2] for asked in fake.asked)


def test_everything_is_read_once_and_no_dump_is_left_behind(tmp_path):
    with FakeUnisender(1, events=60) as fake, install(tmp_path, fake, backfill="10d") as polling:
        fake.rows_a_file = 7
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert {event.external_id for event in polling.events()} == {f"crm-{e.email[6:-12]}" for e in fake.happened}
        assert [row.problem for row in polling.store.feeds() if row.problem] == []
        assert fake.dumps == {}


@pytest.mark.parametrize("seed", range(3))
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(tmp_path, seed):
    with FakeUnisender(seed, events=60) as fake, install(tmp_path, fake, backfill="10d") as polling:
        fake.lively, fake.rate, fake.rows_a_file = True, 0.25, 9
        fake.kinds_of_fault = (unavailable, busy, busy_until, html, cut, hang_up, truncated)
        for round_ in range(4):
            fake.failing = round_ % 2
            polling.kill_after = 1 + (seed + round_) % 5
            polling.run()
        fake.lively, fake.rate = False, 0.0
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_limit_is_always_asked_for_because_the_platforms_own_is_fifty(tmp_path):
    with FakeUnisender(2, events=120) as fake, install(tmp_path, fake, backfill="0s") as polling:
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_dump_as_long_as_its_limit_is_ordered_again_in_halves(tmp_path):
    with (
        FakeUnisender(3, events=30) as fake,
        install(tmp_path, fake, options={"dump_limit": 12}, backfill="0s") as polling,
    ):
        fake.rows_a_file, fake.latency = 5, 0
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_dump_that_takes_long_parks_the_feed_and_is_not_ordered_again(tmp_path):
    with FakeUnisender(4, events=10) as fake, install(tmp_path, fake, backfill="0s", overlap="2d") as polling:
        fake.happened = [one for one in fake.happened if one.at > time.time() - 2 * DAY]
        polling.run()
        fake.asked.clear()
        fake.latency = feeds.LOOKS + 8
        (outcome,) = polling.run().values()
        assert (outcome.status, "not ready yet" in outcome.problem) == ("parked", True)
        fake.latency = 1
        polling.until_quiet()
        assert steps(fake)["create.json"] == steps(fake)["delete.json"]
        assert known(polling) == fake.truth()


def test_files_that_are_named_while_the_dump_is_made_are_not_read(tmp_path):
    with FakeUnisender(5, events=20) as fake, install(tmp_path, fake) as polling:
        fake.rows_a_file, fake.latency = 4, 4
        polling.run(lane="live")
        between = [asked.path for asked in fake.asked]
        first = next(n for n, path in enumerate(between) if path.startswith("/dumps/"))
        assert between[:first].count(f"{BASE}/event-dump/get.json") == 5 * between[:first].count(
            f"{BASE}/event-dump/create.json"
        )


def test_a_dump_that_failed_is_ordered_again_and_after_three_the_feed_waits(tmp_path):
    with FakeUnisender(6, events=20) as fake, install(tmp_path, fake, backfill="0s") as polling:
        fake.failing = 2
        (outcome,) = polling.run(lane="live").values()
        assert outcome.status == "done"
        fake.failing = 3
        (outcome,) = polling.run(lane="live").values()
        assert (outcome.status, "failed" in outcome.problem) == ("parked", True)
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_dump_that_is_gone_is_ordered_again(tmp_path):
    with FakeUnisender(7, events=20) as fake, install(tmp_path, fake, backfill="0s") as polling:
        polling.kill_after = 1
        polling.run(lane="live")
        fake.dumps.clear()
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_files_that_are_gone_lead_to_a_new_dump_once_and_then_park_the_feed(tmp_path):
    with FakeUnisender(8, events=20) as fake, install(tmp_path, fake, backfill="0s") as polling:
        fake.files_gone = True
        (outcome,) = polling.run(lane="live").values()
        assert (outcome.status, steps(fake)["create.json"]) == ("parked", 2)
        fake.files_gone = False
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_dump_that_was_deleted_already_is_done(tmp_path):
    def twice(fake, _said):
        return fake._error(400, 151)

    with FakeUnisender(9, events=5, spread=2 * DAY) as fake, install(tmp_path, fake, backfill="0s") as polling:
        fake.faults = [lambda _fake, said: said] * 4 + [twice]
        polling.run()
        assert [row.problem for row in polling.store.feeds() if row.problem] == []
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_files_on_another_host_are_not_asked_for(tmp_path):
    with (
        FakeUnisender(10) as elsewhere,
        FakeUnisender(10, events=20) as fake,
        install(tmp_path, fake, backfill="0s") as polling,
    ):
        fake.elsewhere = elsewhere.url.removesuffix(BASE)
        (outcome,) = polling.run(lane="live").values()
        assert (outcome.status, "another host" in outcome.problem) == ("parked", True)
        assert elsewhere.asked == []
        fake.elsewhere = ""
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_ranges_are_whole_seconds_never_empty_and_not_longer_than_three_days(tmp_path):
    with FakeUnisender(11, events=10) as fake, install(tmp_path, fake, overlap="1500ms", backfill="0s") as polling:
        polling.until_quiet()
        orders = [json.loads(asked.body) for asked in fake.asked if asked.path.endswith("create.json")]
        lengths = [seconds(order["end_time"]) - seconds(order["start_time"]) for order in orders]
        assert min(lengths) >= 1
        assert max(lengths) <= 3 * DAY + 1
        assert {(order["format"], order["delimiter"], "all_projects" in order) for order in orders} == {
            ("csv", ",", False)
        }


def test_all_projects_are_dumped_where_the_option_says_so(tmp_path):
    with FakeUnisender(12, events=3) as fake, install(tmp_path, fake, options={"all_projects": True}) as polling:
        polling.run(lane="live")
        assert all(
            b'"all_projects":true' in asked.body.replace(b" ", b"") for asked in fake.asked if b"limit" in asked.body
        )


def test_a_backfill_reaches_as_far_back_as_the_platform_keeps_events(tmp_path):
    with FakeUnisender(13) as fake, install(tmp_path, fake, backfill="60d") as polling:
        fake.happen(int(time.time()) - 30 * DAY, "delivered")
        fake.happen(int(time.time()) - 40 * DAY, "delivered")
        polling.until_quiet()
        assert [fact[3] for fact in known(polling)] == [fake.happened[0].at * 1000]


def test_an_event_that_comes_late_into_dumps_is_found_by_a_later_run(tmp_path):
    with FakeUnisender(14) as fake, install(tmp_path, fake, backfill="0s") as polling:
        fake.happen(int(time.time()) - HOUR, "delivered", hidden=40)
        polling.run()
        began = now()
        assert known(polling) == []
        fake.happened[0].hidden = 0
        polling.until_quiet()
        assert known(polling) == fake.truth()
        (row,) = polling.store.feeds()
        assert row.complete_until is not None
        assert began - 601_000 < row.complete_until <= now() - 600_000


@pytest.mark.parametrize(("status", "code"), [(401, 102), (403, 1), (400, 114)])
def test_a_key_that_is_refused_or_of_another_data_centre_stops_the_source(tmp_path, status, code):
    with FakeUnisender(15, events=10) as fake, install(tmp_path, fake, backfill="0s") as polling:
        fake.faults = [lambda fake, _said: fake._error(status, code)]
        (outcome,) = polling.run(lane="live").values()
        assert outcome.status == "stopped"
        assert KEY not in repr([row.problem for row in polling.store.feeds()])
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_an_error_that_is_answered_with_200_is_no_success(tmp_path):
    with FakeUnisender(16, events=10) as fake, install(tmp_path, fake, backfill="0s") as polling:
        fake.faults = [lambda _fake, _said: Said(body={"status": "error", "code": 1})] * 3
        (outcome,) = polling.run(lane="live").values()
        assert outcome.status == "parked"
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_dump_that_was_ordered_long_ago_is_given_up(tmp_path):
    with FakeUnisender(17, events=10) as fake, install(tmp_path, fake, backfill="0s") as polling:
        polling.kill_after = 1
        polling.run()
        (row,) = polling.store.feeds()
        walk = polling_walk(polling, row.position, now() + feeds.LASTS + 60_000)
        assert walk.ask().path == "event-dump/create.json"
        assert polling_walk(polling, row.position, now()).ask().path == "event-dump/get.json"


def polling_walk(polling, position, at):
    (feed,) = UnisenderGo().feeds(polling.source)
    return feed.walk(position, Context(source=polling.source, now=at))
