"""Walks against lists that behave badly: rows move, sizes are ignored, the same page comes for ever.

The lists here are small platforms in memory with behaviour; the walk is asked and answered as a poller would, with its
position going through JSON after every answer, as it does in the store.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Ask, Context, Malformed
from aftersend.providers.paging import DatedPages, DateNames, Deltas, Lately, PerCampaign
from aftersend.settings import Source
from aftersend.vocabulary import Instant
from aftersend.zones import moment, parse

ZONE = "Asia/Jerusalem"
NOW = parse("2025-03-18T10:00:00Z", "now")
HOUR, DAY = 3_600_000, 86_400_000
SOURCE = Source(name="acme", provider="inwise", overlap="48h")
NAMES = DateNames(page="page_index", size="page_size", since="date_from", until="date_to")


def row_ids(body: bytes) -> list[str]:
    try:
        rows = json.loads(body)
    except ValueError:
        rows = None
    if not isinstance(rows, list):
        raise Malformed("no list")
    return [str(row) for row in rows]


def salvaged_ids(body: bytes) -> list[str]:
    if not body.startswith(b"["):
        raise Malformed("no list")
    return [part for part in body[1:].decode().split(",")[:-1] if part]


def answer(rows: list[int] | bytes, cut: bool = False) -> Answer:
    body = rows if isinstance(rows, bytes) else json.dumps(rows).encode()
    return Answer(body=body, received_at=NOW, cut=cut)


class DatedList:
    """A platform's list: newest first, inclusive days, size honoured up to a most, pages from ``base``."""

    def __init__(self, rows: dict[int, Instant], *, honours_size: bool = True, base: int = 0):
        self.rows, self.honours_size, self.base = rows, honours_size, base
        self.asked: list[Ask] = []

    def get(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        size = min(1000, int(ask.params["page_size"])) if self.honours_size else 100
        page = max(0, int(ask.params["page_index"]) - self.base)
        days = {row: moment(at, ZONE).date().isoformat() for row, at in self.rows.items()}
        inside = [r for r, day in days.items() if ask.params["date_from"] <= day <= ask.params["date_to"]]
        inside.sort(key=lambda row: (self.rows[row], row), reverse=True)
        return answer(inside[page * size : (page + 1) * size])


def context(now: Instant = NOW, since: Instant | None = None, until: Instant | None = None) -> Context:
    return Context(source=SOURCE, now=now, since=since, until=until)


def dated(position: dict, where: Context, **changed) -> DatedPages:
    settings = {"path": "list", "row_ids": row_ids, "names": NAMES, "zone": ZONE, "size": 1000, "default_size": 100}
    return DatedPages(json.loads(json.dumps(position)), where, **(settings | changed))


def walked(walk, get, most: int = 200) -> list[str]:
    """Every id the walk was given, in order; it must end by itself."""
    got: list[str] = []
    for _ in range(most):
        ask = walk.ask()
        if ask is None:
            return got
        assert walk.ask() == ask, "asking changes nothing"
        given = get(ask)
        walk.take(given)
        got += row_ids(given.body)
    raise AssertionError("the walk doesn't end")


def spread(count: int, since: Instant = NOW - 6 * DAY, until: Instant = NOW) -> dict[int, Instant]:
    return {n: since + (until - since) * n // count for n in range(count)}


def pages_of(platform: DatedList) -> list[tuple[str, str]]:
    return [(ask.params["page_index"], ask.params["page_size"]) for ask in platform.asked]


class TestTheLiveLane:
    def test_a_first_run_takes_the_last_week_and_ends_at_its_beginning(self):
        platform = DatedList(spread(30))
        walk = dated({}, context())
        assert sorted(map(int, walked(walk, platform.get))) == list(range(30))
        assert walk.position == {"through": NOW}
        assert walk.complete_until == NOW
        assert [ask.params for ask in platform.asked] == [
            {"date_from": "2025-03-11", "date_to": "2025-03-19", "page_index": page, "page_size": "1000"}
            for page in ("0", "1")
        ]
        assert {ask.path for ask in platform.asked} == {"list"}

    def test_the_next_run_reads_the_overlap_again_and_not_more(self):
        walk = dated({"through": NOW - HOUR}, context())
        ask = walk.ask()
        assert (ask.params["date_from"], ask.params["date_to"]) == ("2025-03-16", "2025-03-19")

    def test_days_are_those_of_the_sources_zone(self):
        late = parse("2025-03-18T22:30:00Z", "now")  # the 19th in Jerusalem
        ask = dated({"through": late}, context(now=late)).ask()
        assert (ask.params["date_from"], ask.params["date_to"]) == ("2025-03-17", "2025-03-20")

    def test_after_a_month_away_nothing_is_left_out(self):
        rows = spread(400, NOW - 33 * DAY, NOW)
        platform = DatedList(rows)
        away_since = NOW - 30 * DAY
        walk = dated({"through": away_since}, context())
        got = set(map(int, walked(walk, platform.get)))
        assert {row for row, at in rows.items() if at >= away_since - 2 * DAY} <= got
        windows = list(dict.fromkeys(ask.params["date_from"] for ask in platform.asked))
        assert windows == ["2025-03-11", "2025-03-04", "2025-02-25", "2025-02-18", "2025-02-14"]
        assert walk.position == {"through": NOW}

    def test_a_row_that_slips_away_to_an_earlier_page_is_found_by_the_next_run(self):
        rows = spread(2500, NOW - DAY, NOW)
        platform = DatedList(rows)
        first = dated({"through": NOW - HOUR}, context())

        def shrinking(ask: Ask) -> Answer:
            given = platform.get(ask)
            if ask.params["page_index"] == "0":
                for row in sorted(rows, reverse=True)[:5]:
                    del rows[row]
            return given

        got = set(map(int, walked(first, shrinking)))
        assert len(set(rows) - got) == 5, "five rows moved over the border between two pages"
        again = dated(first.position, context(now=NOW + HOUR))
        assert set(rows) <= got | set(map(int, walked(again, platform.get)))

    def test_a_clock_set_back_asks_nothing_and_keeps_the_position(self):
        walk = dated({"through": NOW + 10 * DAY}, context())
        assert walk.ask() is None
        assert walk.position == {"through": NOW + 10 * DAY}


class TestPaging:
    def test_rows_that_are_pushed_to_later_pages_are_seen_twice_and_none_is_missed(self):
        rows = spread(3000, NOW - DAY, NOW)
        before = set(rows)
        platform = DatedList(rows)

        def growing(ask: Ask) -> Answer:
            given = platform.get(ask)
            rows.update({max(rows) + 1 + n: NOW for n in range(400)})
            return given

        walk = dated({}, context())
        got = walked(walk, growing, most=20)
        assert before <= set(map(int, got))
        assert len(got) > len(set(got))

    def test_a_short_page_is_not_the_end(self):
        answers = [[1, 2], [3], list(range(10, 40)), [], [99]]
        walk = dated({}, context())
        assert walked(walk, lambda ask: answer(answers[int(ask.params["page_index"])])) == [
            str(n) for page in answers[:3] for n in page
        ]

    def test_the_first_empty_page_is_the_end_whatever_lies_behind_it(self):
        answers = [[1], [], [2]]
        walk = dated({}, context())
        assert walked(walk, lambda ask: answer(answers[int(ask.params["page_index"])])) == ["1"]

    @pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250, 1000])
    def test_where_the_size_is_ignored_every_row_is_read_all_the_same(self, count):
        platform = DatedList(spread(count), honours_size=False)
        walk = dated({}, context())
        assert sorted(map(int, walked(walk, platform.get))) == list(range(count))
        sizes = ["1000"] + ["100" if count >= 100 else "1000"] * (len(platform.asked) - 1)
        assert [size for _, size in pages_of(platform)] == sizes

    @pytest.mark.parametrize("count", [100, 999, 1000, 2000, 2001])
    def test_where_the_size_is_honoured_every_row_is_read(self, count):
        platform = DatedList(spread(count))
        assert sorted(map(int, walked(dated({}, context()), platform.get))) == list(range(count))

    def test_each_window_is_measured_anew(self):
        rows = spread(100, NOW - 6 * DAY, NOW - DAY) | {1000 + n: NOW - 10 * DAY for n in range(30)}
        platform = DatedList(rows)
        walked(dated({}, context(since=NOW - 14 * DAY, until=NOW)), platform.get)
        assert pages_of(platform) == [("0", "1000"), ("1", "100"), ("0", "1000"), ("1", "1000")]

    def test_a_size_below_the_default_stays_as_asked(self):
        walk = dated({}, context(), size=40)
        walk.take(answer(list(range(100))))
        assert walk.ask().params["page_size"] == "40"

    @pytest.mark.parametrize("count", [1, 100, 101, 1000, 2500])
    def test_a_platform_that_counts_pages_from_1_is_read_whole(self, count):
        platform = DatedList(spread(count), base=1)
        walk = dated({}, context())
        assert {int(row) for row in walked(walk, platform.get)} == set(range(count))
        assert pages_of(platform)[0][0] == "0"

    def test_the_same_page_for_ever_ends_after_two_further_pages(self):
        walk = dated({}, context())
        fresh = []
        while (ask := walk.ask()) is not None:
            walk.take(answer([1, 2, 3]))
            fresh.append((ask.params["page_index"], walk.rows, walk.fresh))
        assert fresh == [("0", 3, 3), ("1", 3, 0), ("2", 3, 0), ("3", 3, 0)]
        assert walk.position == {"through": NOW}

    def test_one_repeated_page_is_not_the_end(self):
        answers = [[1], [2], [2], [3], [3], [4], []]
        walk = dated({}, context())
        assert walked(walk, lambda ask: answer(answers[int(ask.params["page_index"])])) == list("122334")

    def test_a_list_without_an_end_is_refused_at_last(self):
        run = {"began": NOW, "since": NOW - DAY, "until": NOW, "window_until": NOW, "size": 100}
        position = {"run": run | {"page": DatedPages.MOST_PAGES + 1}}
        walk = dated(position, context())
        with pytest.raises(Malformed, match="no end"):
            walk.take(answer([1]))
        assert walk.position == position

    @pytest.mark.parametrize(
        "bad", [answer(b"<html>"), answer(b'"wrong key"'), answer(b"[1,"), answer([1, 2], cut=True)]
    )
    def test_an_answer_that_is_none_changes_nothing_and_is_asked_for_again(self, bad):
        walk = dated({}, context())
        walk.take(answer([1]))
        ask, position = walk.ask(), walk.position
        with pytest.raises(Malformed):
            walk.take(bad)
        assert (walk.ask(), walk.position) == (ask, position)

    def test_a_parameter_without_a_name_is_not_sent_and_others_are_added(self):
        names = DateNames(page="p", size="", since="from", until="to")
        walk = dated({}, context(), names=names, params={"action_type": "emailOpened"})
        assert walk.ask().params == {
            "action_type": "emailOpened",
            "p": "0",
            "from": "2025-03-11",
            "to": "2025-03-19",
        }

    def test_progress_tells_window_page_and_how_far(self):
        walk = dated({}, context(since=NOW - 20 * DAY, until=NOW))
        assert walk.progress() == {"window": "2025-03-11 to 2025-03-18", "page": 0, "done": 0, "total": 3}
        walk.take(answer([1]))
        assert walk.progress()["page"] == 1
        walk.take(answer([]))
        assert walk.progress() == {"window": "2025-03-04 to 2025-03-11", "page": 0, "done": 1, "total": 3}
        walked(walk, lambda _: answer([]))
        assert walk.progress() == {"window": "", "page": 0, "done": 3, "total": 3}


class TestTheBackfillLane:
    def test_a_range_is_read_in_weeks_newest_first_and_then_it_is_over(self):
        rows = spread(60, NOW - 40 * DAY, NOW)
        platform = DatedList(rows)
        since, until = NOW - 30 * DAY, NOW - 10 * DAY
        walk = dated({}, context(since=since, until=until))
        got = set(map(int, walked(walk, platform.get)))
        assert {row for row, at in rows.items() if since <= at < until} <= got
        days = list(dict.fromkeys((a.params["date_from"], a.params["date_to"]) for a in platform.asked))
        assert days == [("2025-03-01", "2025-03-09"), ("2025-02-22", "2025-03-02"), ("2025-02-16", "2025-02-23")]
        assert walk.complete_until is None, "a range says nothing about now"
        assert dated(walk.position, context(since=since, until=until)).ask() is None

    def test_an_empty_range_asks_nothing(self):
        assert dated({}, context(since=NOW, until=NOW)).ask() is None

    def test_whole_days_of_the_zone_are_asked_as_these_days(self):
        first, behind = parse("2025-03-01", "from", ZONE), parse("2025-03-03", "to", ZONE, end=True)
        ask = dated({}, context(since=first, until=behind)).ask()
        assert (ask.params["date_from"], ask.params["date_to"]) == ("2025-03-01", "2025-03-04")


class TestResuming:
    @given(st.integers(0, 3000), st.integers(0, 40), st.booleans())
    def test_killed_after_any_page_the_run_is_finished_without_a_gap(self, count, killed_after, honours_size):
        rows = spread(count, NOW - 20 * DAY, NOW)
        platform = DatedList(rows, honours_size=honours_size)
        where = context(since=NOW - 20 * DAY, until=NOW + 1)
        walk, got = dated({}, where), set()
        for _ in range(killed_after):
            if (ask := walk.ask()) is None:
                break
            given = platform.get(ask)
            walk.take(given)
            got |= set(row_ids(given.body))
        resumed = dated(walk.position, where)
        got |= set(walked(resumed, platform.get))
        assert {int(row) for row in got} == set(rows)

    def test_it_steps_back_one_page_because_rows_may_have_moved(self):
        walk = dated({}, context())
        for page in ([1], [2], [3]):
            walk.take(answer(page))
        assert walk.ask().params["page_index"] == "3"
        resumed = dated(walk.position, context(now=NOW + 60_000))
        assert resumed.ask().params["page_index"] == "2"
        assert resumed.ask().params["date_to"] == walk.ask().params["date_to"]

    def test_rows_of_the_run_and_the_measured_size_are_remembered(self):
        walk = dated({}, context())
        walk.take(answer(list(range(100))))
        walk.take(answer(list(range(100, 200))))
        run = walk.position["run"]
        assert (run["rows"], run["size"], run["page"], run["began"]) == (200, 100, 2, NOW)
        assert dated(walk.position, context()).ask().params["page_size"] == "100"

    def test_a_stale_run_is_finished_as_it_was_begun_and_the_next_reads_from_there(self):
        walk = dated({"through": NOW - DAY}, context())
        walk.take(answer([1]))
        later = NOW + 5 * DAY
        resumed = dated(walk.position, context(now=later))
        walked(resumed, lambda _: answer([]))
        assert resumed.position == {"through": NOW}
        assert resumed.complete_until == NOW
        following = dated(resumed.position, context(now=later)).ask().params
        assert (following["date_from"], following["date_to"]) == ("2025-03-16", "2025-03-24")

    def test_a_run_killed_before_its_first_answer_begins_again(self):
        walk = dated({"through": NOW - DAY}, context())
        assert walk.position == {"through": NOW - DAY}


class TestDeltas:
    def deltas(self, position=None, **changed) -> Deltas:
        settings = {"path": "recent", "row_ids": row_ids, "salvaged_ids": salvaged_ids}
        return Deltas(position or {}, context(), **(settings | changed))

    def test_it_asks_again_until_an_answer_is_empty(self):
        answers = iter([[1, 2], [3], []])
        walk = self.deltas({"reads": 4})
        assert walked(walk, lambda _: answer(next(answers))) == ["1", "2", "3"]
        assert walk.position == {"reads": 7}
        assert walk.complete_until == NOW

    def test_it_asks_without_parameters(self):
        assert self.deltas().ask() == Ask(path="recent")

    def test_a_list_that_is_not_destructive_is_recognised(self):
        walk = self.deltas()
        assert walked(walk, lambda _: answer([1, 2])) == ["1", "2", "1", "2"]
        assert walk.complete_until == NOW

    def test_a_list_that_never_empties_ends_after_fifty_asks_and_says_it_is_not_complete(self):
        numbers = iter(range(1000))
        walk = self.deltas()
        assert len(walked(walk, lambda _: answer([next(numbers)]))) == 50
        assert walk.complete_until is None

    def test_half_an_answer_counts_with_its_whole_rows_and_is_not_the_end(self):
        walk = self.deltas()
        walk.take(answer(b"[1,2,3", cut=True))
        assert (walk.rows, walk.fresh, walk.position) == (2, 2, {"reads": 1})
        walk.take(answer(b"[", cut=True))
        assert walk.ask() is not None
        walk.take(answer([4]))
        walk.take(answer([]))
        assert walk.ask() is None
        assert walk.complete_until is None, "a row may have been lost with the other half"

    def test_two_halves_without_a_row_are_the_end(self):
        walk = self.deltas()
        walk.take(answer(b"[", cut=True))
        walk.take(answer(b"[", cut=True))
        assert walk.ask() is None

    @pytest.mark.parametrize("body", [b"<html>", b'"no"', b"{}", b""])
    def test_what_is_no_list_at_all_is_refused(self, body):
        walk = self.deltas({"reads": 4})
        with pytest.raises(Malformed):
            walk.take(answer(body))
        assert walk.position == {"reads": 4}
        assert walk.ask() is not None

    def test_progress_counts_the_asks(self):
        walk = self.deltas()
        walk.take(answer([1]))
        assert walk.progress() == {"window": "new rows", "page": 1, "done": 0, "total": 1}


class TestPerCampaign:
    def totals(self, position, *campaigns, now=NOW) -> PerCampaign:
        where = Context(source=SOURCE, now=now, campaigns=campaigns)
        return PerCampaign(position, where, path="summary", row_ids=row_ids, param="campaign_id")

    def test_each_campaign_is_asked_for_once(self):
        walk, asked = self.totals({}, "7", "5", "6"), []
        walked(walk, lambda ask: asked.append(ask) or answer([1]))
        assert asked == [Ask(path="summary", params={"campaign_id": c}) for c in ("7", "5", "6")]
        assert (walk.position, walk.complete_until) == ({}, NOW)

    def test_without_campaigns_nothing_is_asked(self):
        walk = self.totals({})
        assert (walk.ask(), walk.position, walk.complete_until) == (None, {}, NOW)

    def test_a_killed_run_goes_on_with_the_campaigns_that_are_left(self):
        walk = self.totals({}, "7", "5", "6")
        walk.take(answer([1]))
        assert walk.progress() == {"window": "5", "page": 1, "done": 1, "total": 3}
        assert walk.position == {"began": NOW, "done": ["7"]}
        resumed = self.totals(walk.position, "8", "7", "6", now=NOW + HOUR)
        asked = []
        walked(resumed, lambda ask: asked.append(ask.params["campaign_id"]) or answer([1]))
        assert asked == ["8", "6"]
        assert resumed.complete_until == NOW

    def test_a_refused_answer_is_asked_for_again(self):
        walk = self.totals({}, "7", "5")
        with pytest.raises(Malformed):
            walk.take(answer(b"<html>"))
        assert (walk.ask().params, walk.position) == ({"campaign_id": "7"}, {})


class TestLately:
    @given(st.lists(st.integers(1, 40), max_size=30))
    def test_the_last_ids_met_are_never_new(self, sizes):
        lately, met = Lately(most=20), 0
        for size in sizes:
            assert lately.unseen([str(met + n) for n in range(size)]) == size
            met += size
            assert lately.unseen([str(n) for n in range(max(0, met - 20), met)]) == 0

    def test_the_same_id_twice_in_an_answer_is_one(self):
        assert Lately().unseen(["1", "1", "2"]) == 2

    def test_it_forgets_so_that_memory_stays_bounded(self):
        lately = Lately(most=10)
        for n in range(0, 1000, 5):
            lately.unseen([str(m) for m in range(n, n + 5)])
        assert len(lately._newer) + len(lately._older) <= 20
        assert lately.unseen(["0", "999"]) == 1
