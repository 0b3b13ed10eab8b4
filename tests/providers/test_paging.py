"""Walks against lists that behave badly: rows move, sizes are ignored, the same page comes for ever.

The lists here are small platforms in memory with behaviour; the walk is asked and answered as a poller would, with its
position going through JSON after every answer, as it does in the store.
"""

from __future__ import annotations

import json
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Ask, Context, Malformed
from aftersend.providers.paging import (
    SHORTEST,
    Cursors,
    Deltas,
    Each,
    Family,
    Item,
    Lately,
    Moving,
    NextLinks,
    Offsets,
    Page,
    PageNumbers,
    Single,
    Whole,
    Windows,
    described,
)
from aftersend.settings import Source
from aftersend.vocabulary import Instant
from aftersend.zones import moment, parse

ZONE = "Asia/Jerusalem"
NOW = parse("2025-03-18T10:00:00Z", "now")
HOUR, DAY = 3_600_000, 86_400_000
SOURCE = Source(name="acme", provider="inwise", overlap="48h")


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


def look(given: Answer) -> Page:
    return Page(ids=row_ids(given.body))


def salvage(given: Answer) -> Page:
    return Page(ids=salvaged_ids(given.body))


def days(since: Instant, until: Instant) -> Ask:
    """Whole days of the zone; the last one is a day further than it need be."""
    first, last = (moment(at, ZONE).date().isoformat() for at in (since, until - 1 + DAY))
    return Ask(path="list", params={"date_from": first, "date_to": last})


def numbered(size: int = 1000, page: str = "page_index", name: str = "page_size") -> partial[PageNumbers]:
    return partial(PageNumbers, page=page, size=name, asked=size, default=100)


def dated(position: dict, where: Context, family=None, **changed) -> Windows:
    settings = {"ask": days, "look": look, "family": family or numbered(), "zone": ZONE}
    return Windows(json.loads(json.dumps(position)), where, **(settings | changed))


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
            for page in ("0", "1", "2")
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

    def test_a_clock_set_back_reads_the_overlap_before_the_present(self):
        walk = dated({"through": NOW + 10 * DAY}, context())
        ask = walk.ask()
        assert (ask.params["date_from"], ask.params["date_to"]) == ("2025-03-16", "2025-03-19")
        walked(walk, lambda _: answer([]))
        assert walk.position == {"through": NOW}

    def test_what_may_still_appear_is_read_but_not_relied_upon(self):
        walk = dated({"through": NOW - HOUR}, context(), trust=HOUR // 2)
        assert walk.ask().params["date_to"] == "2025-03-19"
        walked(walk, lambda _: answer([]))
        assert (walk.complete_until, walk.position) == (NOW - HOUR // 2, {"through": NOW - HOUR // 2})

    def test_behind_the_horizon_nothing_is_asked_for(self):
        walk = dated({"through": NOW - 200 * DAY}, context(), horizon=90 * DAY, span=365 * DAY)
        assert walk.ask().params["date_from"] == "2024-12-18"

    def test_the_first_run_takes_as_much_as_it_is_told(self):
        assert dated({}, context(), first=90 * DAY, span=365 * DAY).ask().params["date_from"] == "2024-12-18"


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
        answers = [[1, 2], [3], list(range(10, 40)), [], [], [99]]
        walk = dated({}, context())
        assert walked(walk, lambda ask: answer(answers[int(ask.params["page_index"])])) == [
            str(n) for page in answers[:3] for n in page
        ]

    def test_one_empty_page_in_the_middle_is_not_the_end_two_are(self):
        answers = [[1], [], [2], [], [], [3]]
        walk = dated({}, context())
        assert walked(walk, lambda ask: answer(answers[int(ask.params["page_index"])])) == ["1", "2"]

    def test_a_list_that_begins_with_an_empty_page_is_empty(self):
        walk, asked = dated({}, context()), []
        walked(walk, lambda ask: asked.append(ask) or answer([]))
        assert len(asked) == 1

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
        assert pages_of(platform) == [
            *[("0", "1000"), ("1", "100"), ("2", "100")],
            *[("0", "1000"), ("1", "1000"), ("2", "1000")],
        ]

    def test_a_size_below_the_default_stays_as_asked(self):
        walk = dated({}, context(), numbered(40))
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
        assert fresh == [("0", 3, 3), ("1", 3, 0), ("2", 3, 0)]
        assert walk.position == {"through": NOW}

    def test_one_repeated_page_is_not_the_end(self):
        answers = [[1], [2], [2], [3], [3], [4], [], []]
        walk = dated({}, context())
        assert walked(walk, lambda ask: answer(answers[int(ask.params["page_index"])])) == list("122334")

    def test_a_list_without_an_end_is_refused_at_last(self):
        run = {"began": NOW, "since": NOW - DAY, "until": NOW, "window_until": NOW, "span": DAY}
        place = {"page": 5, "before": 7, "size": 100, "pages": Family.MOST_PAGES}
        position = {"run": run | {"place": place}}
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
        def ask(since: Instant, until: Instant) -> Ask:
            return Ask(path="list", params={"action_type": "emailOpened"})

        walk = dated({}, context(), numbered(page="p", name=""), ask=ask)
        assert walk.ask().params == {"action_type": "emailOpened", "p": "0"}

    def test_progress_tells_window_page_and_how_far(self):
        walk = dated({}, context(since=NOW - 20 * DAY, until=NOW))
        assert walk.progress() == {"window": "2025-03-11 to 2025-03-18", "page": 0, "done": 0, "total": 3}
        walk.take(answer([1]))
        assert walk.progress()["page"] == 1
        walk.take(answer([]))
        walk.take(answer([]))
        assert walk.progress() == {"window": "2025-03-04 to 2025-03-11", "page": 3, "done": 1, "total": 3}
        walked(walk, lambda _: answer([]))
        assert walk.progress() == {"window": "", "page": 5, "done": 3, "total": 3}


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

    def test_the_measured_size_is_remembered(self):
        walk = dated({}, context())
        walk.take(answer(list(range(100))))
        walk.take(answer(list(range(100, 200))))
        run = walk.position["run"]
        assert run["place"] == {"page": 2, "before": 100, "size": 100, "pages": 2}
        assert (run["pages"], run["began"]) == (2, NOW)
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
        settings = {"ask": Ask(path="recent"), "look": look, "salvage": salvage}
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


class Listed:
    """A list in memory, asked in one of the ways a family asks. Rows are (id, time), ascending in time."""

    def __init__(self, rows: list[tuple[int, int]], size: int = 10, *, tells: str = "", ignores_size: bool = False):
        self.rows, self.size, self.tells, self.ignores_size = rows, size, tells, ignores_size
        self.asked: list[Ask] = []

    def page(self, ask: Ask, rows: list[tuple[int, int]], first: int, size: int) -> Answer:
        self.asked.append(ask)
        size = min(size, 3) if self.ignores_size else size
        told = {"rows": rows[first : first + size]}
        if self.tells == "total":
            told["total"] = len(rows)
        if self.tells == "more":
            told["more"] = first + size < len(rows)
        return Answer(body=json.dumps(told).encode(), received_at=NOW)

    def numbered(self, ask: Ask) -> Answer:
        size = 3 if self.ignores_size else int(ask.params["size"])
        return self.page(ask, self.rows, int(ask.params["page"]) * size, size)

    def offset(self, ask: Ask) -> Answer:
        return self.page(ask, self.rows, int(ask.params["offset"]), int(ask.params["size"]))

    def moving(self, ask: Ask) -> Answer:
        since = int(ask.params.get("since", "0"))
        return self.page(ask, [row for row in self.rows if row[1] >= since], int(ask.params["offset"]), self.size)


def seen(given: Answer) -> Page:
    told = json.loads(given.body)
    rows = told["rows"]
    times = [at for _, at in rows]
    return Page(
        ids=[str(row) for row, _ in rows],
        next=told.get("next"),
        total=told.get("total"),
        more=told.get("more"),
        oldest=min(times, default=None),
        newest=max(times, default=None),
        deep=told.get("deep", False),
    )


NUMBERED = partial(PageNumbers, page="page", size="size", asked=10)
OFFSETS = partial(Offsets, offset="offset", size="size", asked=10)
MOVING = partial(Moving, since="since", text=str, offset="offset")


def read(walk, get, *, most: int = 2_000) -> list[int]:
    """Ids of every row the walk was given."""
    got: list[int] = []
    for _ in range(most):
        ask = walk.ask()
        if ask is None:
            return got
        given = get(ask)
        walk.take(given)
        got += [row for row, _ in json.loads(given.body)["rows"]]
    raise AssertionError("the walk doesn't end")


def whole(family, position: dict | None = None, **changed) -> Whole:
    where = json.loads(json.dumps(position or {}))
    return Whole(where, context(), ask=Ask(path="list"), look=seen, family=family, **changed)


def rows_of(count: int, together: int = 1) -> list[tuple[int, int]]:
    """So many rows, ``together`` of them at each instant."""
    return [(n, 1000 + n // together) for n in range(count)]


class TestFamilies:
    @pytest.mark.parametrize("tells", ["", "total", "more"])
    @pytest.mark.parametrize("ignores_size", [False, True])
    @pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 30, 31])
    def test_page_numbers_and_offsets_read_every_row_once(self, count, ignores_size, tells):
        for family, get in ((NUMBERED, Listed.numbered), (OFFSETS, Listed.offset)):
            platform = Listed(rows_of(count), tells=tells, ignores_size=ignores_size)
            assert read(whole(family), partial(get, platform)) == list(range(count))

    @pytest.mark.parametrize(("tells", "requests"), [("", 5), ("total", 3), ("more", 3)])
    def test_a_list_that_tells_its_end_isnt_asked_beyond_it(self, tells, requests):
        platform = Listed(rows_of(30), tells=tells)
        read(whole(NUMBERED), platform.numbered)
        assert len(platform.asked) == requests

    def test_an_empty_page_in_the_middle_ends_nothing_that_tells_its_total(self):
        platform, pages = Listed(rows_of(40), tells="total"), []

        def get(ask: Ask) -> Answer:
            given = platform.numbered(ask)
            pages.append(ask.params["page"])
            return given if len(pages) != 2 else Answer(body=b'{"rows": [], "total": 40}', received_at=NOW)

        assert read(whole(NUMBERED), get) == [*range(10), *range(20, 40)]
        assert pages == ["0", "1", "2", "3", "4", "5"]

    def test_full_pages_are_asked_for_ahead_and_others_are_not(self):
        platform = Listed(rows_of(25))
        walk = whole(NUMBERED)
        assert walk.ahead() == []
        walk.take(platform.numbered(walk.ask()))
        assert [ask.params for ask in (walk.ask(), *walk.ahead())] == [
            {"page": str(page), "size": "10"} for page in (1, 2, 3, 4)
        ]
        walk.take(platform.numbered(walk.ask()))
        walk.take(platform.numbered(walk.ask()))
        assert walk.ahead() == []
        behind = whole(OFFSETS)
        behind.take(platform.offset(behind.ask()))
        assert [ask.params["offset"] for ask in (behind.ask(), *behind.ahead())] == ["10", "20", "30", "40"]

    @given(st.integers(0, 60), st.integers(1, 40), st.sampled_from(["", "total"]))
    def test_a_moving_beginning_reads_every_row_however_many_are_of_one_instant(self, count, together, tells):
        platform = Listed(rows_of(count, together), tells=tells)
        assert set(read(whole(MOVING), platform.moving)) == set(range(count))

    @given(st.data())
    def test_a_moving_beginning_misses_nothing_while_rows_come_and_go(self, data):
        rows = rows_of(60, 3)
        platform = Listed(rows)
        gone: set[int] = set()

        def get(ask: Ask) -> Answer:
            given = platform.moving(ask)
            if rows:
                gone.add(rows.pop(data.draw(st.integers(0, len(rows) - 1)))[0])
            rows.insert(0, (1000 + len(platform.asked), 1))
            return given

        got = set(read(whole(MOVING), get))
        assert set(range(60)) - gone <= got

    @given(st.sampled_from(["numbered", "offset", "moving"]), st.integers(0, 80), st.integers(0, 9), st.integers(1, 15))
    def test_killed_after_any_page_it_goes_on_without_a_gap(self, way, count, killed_after, together):
        family = {"numbered": NUMBERED, "offset": OFFSETS, "moving": MOVING}[way]
        get = getattr(Listed(rows_of(count, together)), way)
        walk, got = whole(family), set()
        for _ in range(killed_after):
            if (ask := walk.ask()) is None:
                break
            given = get(ask)
            walk.take(given)
            got |= {row for row, _ in json.loads(given.body)["rows"]}
        if walk.ask() is None:
            assert walk.position == {}
        got |= set(read(whole(family, walk.position), get))
        assert got == set(range(count))


class Chain:
    """A list whose pages name the next; ``faults``: number of the request → what the page says of the next instead."""

    def __init__(self, pages: int, faults: dict[int, str | None] | None = None):
        self.pages, self.faults = pages, faults or {}
        self.asked: list[str] = []

    def get(self, ask: Ask) -> Answer:
        link = ask.params.get("cursor") or (ask.path if ask.path.startswith("/next/") else "/next/0")
        number = int(link.rpartition("/")[2])
        self.asked.append(link)
        following = f"/next/{number + 1}" if number + 1 < self.pages else None
        following = self.faults.get(len(self.asked), following)
        body = {"rows": [] if number == 2 else [(number, number)], "next": following}
        return Answer(body=json.dumps(body).encode(), received_at=NOW + 1000 * len(self.asked))


@pytest.mark.parametrize("family", [NextLinks, partial(Cursors, param="cursor")], ids=["next links", "cursors"])
class TestLinked:
    def test_it_follows_over_an_empty_page_to_the_page_without_a_next_one(self, family):
        chain = Chain(5)
        walk = whole(family)
        assert read(walk, chain.get) == [0, 1, 3, 4]
        assert chain.asked == [f"/next/{n}" for n in range(5)]
        assert walk.position == {}

    def test_a_next_page_is_asked_for_about_the_same(self, family):
        first = Ask(path="list", params={"limit": "5"}, headers={"X": "1"}, about={"list": "opens"})
        walk = Whole({}, context(), ask=first, look=seen, family=family)
        walk.take(Chain(5).get(walk.ask()))
        asked = walk.ask()
        assert asked.headers == {"X": "1"}
        assert (asked.params | asked.about).items() >= {"limit": "5", "list": "opens"}.items()

    def test_a_link_that_repeats_once_sends_it_to_the_beginning(self, family):
        chain = Chain(4, {3: "/next/1"})
        assert set(read(whole(family), chain.get)) == {0, 1, 3}
        assert chain.asked == ["/next/0", "/next/1", "/next/2", "/next/0", "/next/1", "/next/2", "/next/3"]

    def test_a_list_in_circles_is_told_of(self, family):
        chain = Chain(4, {2: "/next/1", 4: "/next/1"})
        with pytest.raises(Malformed, match="in circles"):
            read(whole(family), chain.get)

    def test_a_link_that_expired_sends_it_to_the_beginning_once(self, family):
        chain, walk = Chain(4), whole(family)
        assert not walk.refused(400), "the list itself was refused"
        walk.take(chain.get(walk.ask()))
        assert walk.refused(410)
        assert walk.ask() == whole(family).ask()
        walk.take(chain.get(walk.ask()))
        assert not walk.refused(410)

    def test_a_killed_run_goes_on_at_its_link(self, family):
        chain, walk = Chain(5), whole(family)
        walk.take(chain.get(walk.ask()))
        walk.take(chain.get(walk.ask()))
        assert read(whole(family, walk.position), chain.get) == [3, 4]

    def test_a_link_from_yesterday_isnt_tried_where_it_wont_last(self, family):
        chain = Chain(5)
        lasting = partial(family, lasts=HOUR)
        walk = whole(lasting)
        walk.take(chain.get(walk.ask()))
        tomorrow = context(now=NOW + DAY)
        again = Whole(walk.position, tomorrow, ask=Ask(path="list"), look=seen, family=lasting)
        assert again.ask() == Ask(path="list")
        soon = Whole(walk.position, context(now=NOW + 2000), ask=Ask(path="list"), look=seen, family=lasting)
        assert soon.ask() != Ask(path="list")


class TestDeepLists:
    """A list that shows at most ten rows of a window, and says so."""

    def get(self, rows: list[tuple[int, int]], ask: Ask) -> Answer:
        inside = [row for row in rows if int(ask.params["since"]) <= row[1] < int(ask.params["until"])]
        return Answer(body=json.dumps({"rows": inside[:10], "deep": len(inside) > 10}).encode(), received_at=NOW)

    def walk(self, position: dict, rows_since: Instant) -> Windows:
        def ask(since: Instant, until: Instant) -> Ask:
            return Ask(path="list", params={"since": str(since), "until": str(until)})

        return Windows(position, context(since=rows_since, until=NOW), ask=ask, look=seen, family=Single)

    @given(st.lists(st.integers(1, 20 * DAY), max_size=60, unique_by=lambda ago: ago // SHORTEST))
    def test_a_window_is_halved_until_it_can_be_read_whole(self, ago):
        rows = [(n, NOW - before) for n, before in enumerate(ago)]
        got = read(self.walk({}, NOW - 21 * DAY), partial(self.get, rows))
        assert set(got) == {row for row, _ in rows}

    def test_windows_grow_again_where_there_is_less(self):
        rows = [(n, NOW - DAY + n * SHORTEST) for n in range(40)]
        walk, lengths = self.walk({}, NOW - 28 * DAY), []
        while (ask := walk.ask()) is not None:
            lengths.append(int(ask.params["until"]) - int(ask.params["since"]))
            walk.take(self.get(rows, ask))
        assert min(lengths) < HOUR
        assert max(lengths[-3:]) == 7 * DAY

    def test_more_than_fits_into_a_minute_is_read_as_far_as_it_goes(self):
        rows = [(n, NOW - DAY) for n in range(30)]
        assert len(set(read(self.walk({}, NOW - 2 * DAY), partial(self.get, rows)))) == 10


class TestEach:
    def each(self, position, *keys, now=NOW, **changed) -> Each:
        items = [Item(key=key, ask=Ask(path="totals", params={"id": key})) for key in keys]
        where = context(now=now)
        return Each(json.loads(json.dumps(position)), where, items=items, look=changed.pop("look", look), **changed)

    def test_each_is_asked_for_once(self):
        walk, asked = self.each({}, "7", "5", "6"), []
        assert walk.ahead() == [Ask(path="totals", params={"id": c}) for c in ("5", "6")]
        walked(walk, lambda ask: asked.append(ask) or answer([1]))
        assert asked == [Ask(path="totals", params={"id": c}) for c in ("7", "5", "6")]
        assert (walk.position, walk.complete_until) == ({}, NOW)

    def test_without_any_nothing_is_asked(self):
        walk = self.each({})
        assert (walk.ask(), walk.position, walk.complete_until) == (None, {}, NOW)
        assert self.each({}, complete=False).complete_until is None

    def test_a_killed_run_goes_on_with_those_that_are_left(self):
        walk = self.each({}, "7", "5", "6")
        walk.take(answer([1]))
        assert walk.progress() == {"window": "5", "page": 1, "done": 1, "total": 3}
        assert walk.position == {"began": NOW, "pages": 1, "done": ["7"]}
        resumed = self.each(walk.position, "8", "7", "6", now=NOW + HOUR)
        asked = []
        walked(resumed, lambda ask: asked.append(ask.params["id"]) or answer([1]))
        assert asked == ["8", "6"]
        assert resumed.complete_until == NOW

    def test_a_refused_answer_is_asked_for_again(self):
        walk = self.each({}, "7", "5")
        with pytest.raises(Malformed):
            walk.take(answer(b"<html>"))
        assert (walk.ask().params, walk.position) == ({"id": "7"}, {})

    @pytest.mark.parametrize("status", [404, 410])
    def test_one_that_is_gone_is_passed_over_without_a_note(self, status):
        walk = self.each({}, "7", "5", done=lambda item: {item.key: 1})
        assert walk.refused(status)
        assert (walk.ask().params, walk.notes) == ({"id": "5"}, {})
        walk.take(answer([1]))
        assert (walk.ask(), walk.notes) == (None, {"5": 1})

    def test_another_refusal_is_not_understood(self):
        walk = self.each({}, "7", "5")
        assert not walk.refused(400)
        assert walk.ask().params == {"id": "7"}

    def test_one_that_was_begun_goes_on_first_and_notes_are_made_at_its_end(self):
        platform = Listed(rows_of(25))
        walk = self.each({}, "a", "b", look=seen, family=NUMBERED, done=lambda item: {f"done/{item.key}": True})
        walk.take(platform.numbered(walk.ask()))
        walk.take(platform.numbered(walk.ask()))
        assert walk.notes == {}
        resumed = self.each(
            walk.position, "b", "a", look=seen, family=NUMBERED, done=lambda item: {f"done/{item.key}": True}
        )
        assert resumed.ask().params == {"id": "a", "page": "1", "size": "10"}
        assert read(resumed, platform.numbered) == [*range(10, 25), *range(25)]
        assert resumed.notes == {"done/a": True, "done/b": True}

    def test_enough_ends_a_list_and_every_page_may_teach(self):
        platform = Listed(rows_of(40))
        walk = self.each(
            {},
            "a",
            look=seen,
            family=NUMBERED,
            enough=lambda _item, page: page.newest >= 1015,
            learn=lambda item, given: {f"{item.key}/{json.loads(given.body)['rows'][0][0]}": 1},
        )
        assert read(walk, platform.numbered) == list(range(20))
        assert walk.notes == {"a/0": 1, "a/10": 1}


class TestDescribed:
    def test_positions_are_told_as_a_person_wants_them(self):
        assert described({}, ZONE) == "–"
        assert described({"through": NOW}, ZONE) == "through 2025-03-18 12:00"
        assert described({"reads": 3}, ZONE) == "3 reads"
        walk = dated({}, context())
        walk.take(answer([1]))
        assert described(walk.position, ZONE) == "page 1, 2025-03-11 to 2025-03-18"
        listed = Listed(rows_of(25))
        some = whole(NUMBERED)
        some.take(listed.numbered(some.ask()))
        assert described(some.position, ZONE) == "page 1"
        each = Each({}, context(), items=[Item(key=k, ask=Ask(path=k)) for k in "abc"], look=look)
        each.take(answer([1]))
        each.take(answer([1]))
        assert described(each.position, ZONE) == "page 2, 2 done"


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
