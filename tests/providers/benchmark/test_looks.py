"""How the walks ask, page by page, and what their positions say."""

from __future__ import annotations

from itertools import count

import msgspec
import pytest

from aftersend.providers.benchmark.looks import Looks
from aftersend.providers.contract import Answer, Ask, Context, Malformed
from aftersend.providers.paging import Page
from aftersend.zones import isoformat, parse
from tests.providers.benchmark.said import BENCHMARK, SOURCE

NOW = parse("2026-11-21T10:00:00Z", "now")
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
AT_REST = {"through": NOW - HOUR, "daily": NOW - 2 * HOUR, "whole": NOW - 3 * DAY}
_rows = count()


def looks(position=None, types=("sent", "opened"), **fields) -> Looks:
    """A walk whose answers are pages as they are."""

    def ask(these: str, days: int) -> Ask:
        return Ask(path="events", params={"types": these, "days": str(days)})

    context = Context(**({"source": SOURCE, "now": NOW} | fields))
    # A position comes back from the store as JSON.
    stored = msgspec.json.decode(msgspec.json.encode(position or {}))
    return Looks(stored, context, types=types, ask=ask, look=lambda answer: msgspec.json.decode(answer.body, type=Page))


def answer(ids=100, total=None, newest=None, oldest=None, cut=False) -> Answer:
    """A page of new rows."""
    page = Page(ids=[str(next(_rows)) for _ in range(ids)], total=total, newest=newest, oldest=oldest)
    return Answer(body=msgspec.json.encode(page), received_at=NOW, cut=cut)


def asked(walk: Looks) -> tuple[str, ...] | None:
    ask = walk.ask()
    return None if ask is None else (ask.params["types"], ask.params["days"], ask.params["page"], ask.params["size"])


EVERY = "sent,opened"


# -- which days are asked for --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "fields", "days"),
    [
        ({}, {}, "90"),
        (AT_REST, {}, "3"),
        (AT_REST | {"daily": NOW - DAY}, {}, "3"),
        (AT_REST | {"whole": NOW - 14 * DAY}, {}, "90"),
        ({"through": NOW - 5 * DAY, "daily": NOW - 5 * DAY, "whole": NOW - 5 * DAY}, {}, "6"),
        ({"through": NOW - 5 * DAY - 1, "daily": NOW - 5 * DAY, "whole": NOW - 5 * DAY}, {}, "7"),
        ({"through": NOW - 300 * DAY, "daily": 0, "whole": NOW}, {}, "90"),
        # A clock that was set back.
        ({"through": NOW + DAY, "daily": NOW + DAY, "whole": NOW + DAY}, {}, "3"),
        ({}, {"since": NOW - 10 * DAY, "until": NOW - 9 * DAY}, "11"),
        ({}, {"since": NOW - 1000 * DAY, "until": NOW}, "90"),
        ({}, {"since": NOW + DAY, "until": NOW + 2 * DAY}, "1"),
        (AT_REST, {"source": msgspec.structs.replace(SOURCE, overlap="7d")}, "8"),
    ],
)
def test_as_many_days_are_asked_for_as_it_takes_and_one_more(position, fields, days):
    assert asked(looks(position, **fields)) == (EVERY, days, "1", "100")


# -- how it ends ---------------------------------------------------------------------------------------------


def test_a_list_of_one_page_is_one_request():
    walk = looks()
    walk.take(answer(7, total=7))
    assert (walk.ask(), walk.rows, walk.fresh) == (None, 7, 7)
    assert walk.position == {"through": NOW - 10 * MINUTE, "daily": NOW, "whole": NOW}
    assert walk.complete_until == NOW - 10 * MINUTE


@pytest.mark.parametrize(
    ("position", "then"),
    [
        (AT_REST, {"daily": NOW - 2 * HOUR, "whole": NOW - 3 * DAY}),
        (AT_REST | {"daily": NOW - DAY}, {"daily": NOW, "whole": NOW - 3 * DAY}),
        (AT_REST | {"whole": NOW - 15 * DAY}, {"daily": NOW, "whole": NOW}),
    ],
)
def test_the_position_remembers_which_look_it_was(position, then):
    walk = looks(position)
    walk.take(answer(0, total=0))
    assert walk.position == {"through": NOW - 10 * MINUTE, **then}


def test_after_several_pages_the_first_is_read_once_more():
    walk = looks()
    walk.take(answer(total=150))
    assert asked(walk) == (EVERY, "90", "2", "100")
    walk.take(answer(50, total=150))
    assert asked(walk) == (EVERY, "90", "1", "100")
    walk.take(answer(total=151))
    assert (walk.ask(), walk.fresh) == (None, 0)


def test_a_backfill_has_no_trusted_end_and_stays_done():
    walk = looks(since=NOW - 5 * DAY, until=NOW)
    walk.take(answer(7, total=7))
    assert (walk.ask(), walk.complete_until) == (None, None)
    again = looks(walk.position, since=NOW - 5 * DAY, until=NOW)
    assert (again.ask(), list(again.ahead())) == (None, [])


@pytest.mark.parametrize("fault", ["shrank", "lacks"])
def test_a_list_whose_rows_may_have_moved_up_is_read_again_twice_at_most(fault):
    walk, pages = looks(), 0
    while asked(walk) and pages < 20:
        _, _, page, _ = asked(walk)
        if fault == "shrank":
            walk.take(answer(total=200 if page == "1" else 199))
        else:
            walk.take(answer(100 if page == "1" else 0, total=300))
        pages += 1
    # Three times the list, whose end is believed when it is empty twice where rows lack, and the first page.
    assert pages == 3 * {"shrank": 2, "lacks": 3}[fault] + 1
    assert walk.complete_until == NOW - 10 * MINUTE


def test_a_list_that_grows_is_read_once():
    walk = looks()
    walk.take(answer(total=150))
    walk.take(answer(51, total=151))
    assert asked(walk) == (EVERY, "90", "1", "100")


def test_a_walk_that_was_killed_goes_on_one_page_back_and_keeps_what_it_knows():
    walk = looks()
    walk.take(answer(total=250))
    walk.take(answer(total=250))
    resumed = looks(walk.position, now=NOW + HOUR)
    assert asked(resumed) == (EVERY, "90", "2", "100")
    resumed.take(answer(total=249))
    resumed.take(answer(49, total=249))
    # It saw the list shrink, and reads it again.
    assert asked(resumed) == (EVERY, "90", "1", "100")
    for ids in (100, 100, 49, 100):
        resumed.take(answer(ids, total=249))
    assert resumed.position == {"through": NOW - 10 * MINUTE, "daily": NOW, "whole": NOW}


def test_half_an_answer_is_malformed_and_moves_nothing():
    walk = looks()
    with pytest.raises(Malformed):
        walk.take(answer(7, total=7, cut=True))
    assert (walk.position, asked(walk)) == ({}, (EVERY, "90", "1", "100"))


# -- a short look --------------------------------------------------------------------------------------------


def pages_of(walk: Looks, pages: list[tuple[int, int]], total=1000) -> int:
    """Answer with these times of first and last rows, until the walk leaves the list."""
    for number, (newest, oldest) in enumerate(pages):
        _, _, page, _ = asked(walk)
        if page == "1" and number:
            return number
        walk.take(answer(total=total, newest=newest, oldest=oldest))
    return len(pages)


KNOWN = AT_REST["through"] - 2 * HOUR


def test_a_short_look_leaves_a_long_list_where_its_rows_are_known():
    fresh = [(NOW - n, NOW - n - 1) for n in range(4)]
    assert pages_of(looks(AT_REST), [*fresh, (NOW - 5, KNOWN), (KNOWN, KNOWN - 1), (KNOWN - 1, KNOWN - 2)]) == 6


def test_a_short_look_reads_three_pages_in_any_case():
    assert pages_of(looks(AT_REST), [(KNOWN - n, KNOWN - n - 1) for n in range(1, 9)]) == 3


def test_without_an_order_a_short_look_reads_to_the_end():
    rising = [(KNOWN - 9 + n, KNOWN - 9 + n) for n in range(8)]
    assert pages_of(looks(AT_REST), rising) == 8
    assert pages_of(looks(AT_REST), [(None, None), *((KNOWN - n, KNOWN - n - 1) for n in range(1, 8))]) == 8


def test_rows_of_one_instant_show_no_order():
    assert pages_of(looks(AT_REST), [(KNOWN - 5, KNOWN - 5)] * 8) == 8


def test_a_daily_look_reads_to_the_end_whatever_it_knows():
    daily = AT_REST | {"daily": NOW - 2 * DAY}
    assert pages_of(looks(daily), [(KNOWN - n, KNOWN - n - 1) for n in range(1, 9)]) == 8


def test_a_short_look_asks_for_nothing_ahead_and_others_up_to_the_total():
    walk = looks(AT_REST)
    walk.take(answer(total=1000, newest=NOW, oldest=NOW))
    assert list(walk.ahead()) == []
    walk = looks()
    walk.take(answer(total=350))
    assert [ask.params["page"] for ask in walk.ahead()] == ["3", "4"]


# -- depth ---------------------------------------------------------------------------------------------------


def test_a_list_of_more_rows_than_can_be_relied_upon_is_read_type_by_type():
    walk = looks()
    walk.take(answer(total=10_001))
    assert asked(walk) == ("sent", "90", "1", "100")
    walk.take(answer(3, total=3))
    assert asked(walk) == ("opened", "90", "1", "100")
    walk.take(answer(4, total=4))
    assert asked(walk) == (EVERY, "90", "1", "100")


def test_one_type_cannot_be_split_and_a_short_look_in_order_need_not_be():
    walk = looks(types=("sent",))
    walk.take(answer(total=10_001))
    assert asked(walk) == ("sent", "90", "2", "100")
    walk = looks(AT_REST)
    walk.take(answer(total=10_001, newest=NOW, oldest=NOW - 1))
    assert asked(walk) == (EVERY, "3", "2", "100")


def deep(**fields) -> Looks:
    """A walk in front of the page behind row 10,000."""
    walk = looks(types=("sent",))
    for number in range(100):
        walk.take(answer(total=12_000, **({"newest": NOW - number, "oldest": NOW - number - 1} | fields)))
    return walk


@pytest.mark.parametrize(
    ("fields", "then"),
    [
        # Newest first: fewer days would show the same rows.
        ({}, ("sent", "90", "1", "100")),
        # Without an order: others.
        ({"newest": None, "oldest": None}, ("sent", "45", "1", "100")),
    ],
)
def test_a_deep_page_that_is_refused_ends_the_list(fields, then):
    walk = deep(**fields)
    assert asked(walk) == ("sent", "90", "101", "100")
    assert walk.refused(400)
    assert asked(walk) == then
    assert len(walk.position["look"]["left"]) == (1 if not fields else 2)


def test_a_deep_page_that_fails_for_hours_is_given_up():
    position = deep().position
    assert asked(looks(position, types=("sent",), now=NOW + 6 * HOUR)) == ("sent", "90", "100", "100")
    assert asked(looks(position, types=("sent",), now=NOW + 6 * HOUR + 1)) == ("sent", "90", "1", "100")


# -- refusals ------------------------------------------------------------------------------------------------


def test_a_size_that_is_refused_is_halved_twice_and_kept_till_the_next_whole_look():
    walk = looks()
    for size in ("50", "25"):
        assert walk.refused(400)
        assert asked(walk) == (EVERY, "90", "1", size)
    assert not walk.refused(400)
    resumed = looks(walk.position)
    assert asked(resumed) == (EVERY, "90", "1", "25")
    resumed.take(answer(7, total=7))
    assert resumed.position["size"] == 25
    assert asked(looks(resumed.position, now=NOW + HOUR)) == (EVERY, "3", "1", "25")
    assert asked(looks(resumed.position, now=NOW + 15 * DAY)) == (EVERY, "90", "1", "100")


@pytest.mark.parametrize("status", [404, 405, 422])
def test_another_refusal_of_a_first_page_parks_the_feed(status):
    walk = looks()
    assert not walk.refused(status)
    assert walk.position == {}


def test_a_page_refused_in_the_middle_begins_the_list_again_twice():
    walk = looks()
    for _ in range(2):
        walk.take(answer(total=300))
        assert walk.refused(400)
        assert asked(walk) == (EVERY, "90", "1", "100")
    walk.take(answer(total=300))
    assert not walk.refused(400)


def test_an_ignored_size_is_recognised_by_the_default():
    walk = looks()
    walk.take(answer(25, total=60))
    assert asked(walk) == (EVERY, "90", "2", "25")
    walk.take(answer(25, total=60))
    walk.take(answer(10, total=60))
    assert asked(walk) == (EVERY, "90", "1", "100")


def test_it_says_where_it_is():
    walk = looks()
    walk.take(answer(total=250))
    assert walk.progress() == {"window": "all types, 90 days", "page": 1, "done": 100, "total": 250}
    walk = looks()
    walk.take(answer(0, total=0))
    assert walk.progress() == {"window": "", "page": 1, "done": 0, "total": 0}


# -- campaigns and their reports -----------------------------------------------------------------------------


def feed(name: str, position=None, notes=None, now=NOW, **options):
    noted = notes or {}

    def recall(prefix):
        return {name: note for name, note in noted.items() if name.startswith(prefix)}

    source = msgspec.structs.replace(SOURCE, options=options)
    (found,) = [feed for feed in BENCHMARK.feeds(source) if feed.name == name]
    return found.walk(position or {}, Context(source=source, now=now, recall=recall))


def campaigns(*rows, total=None) -> Answer:
    records = [
        {"_id": name, "createdAt": isoformat(at), "scheduledAt": isoformat(at + HOUR), "stats": {"sent": sent}}
        for name, at, sent in rows
    ]
    body = msgspec.json.encode({"total": len(rows) if total is None else total, "records": records})
    return Answer(body=body, received_at=NOW)


def test_the_list_of_campaigns_notes_what_moved_and_forgets_what_is_gone():
    notes = {
        "campaign/a": {"figures": [5, None, None, None], "moved": 1, "at": NOW - DAY + HOUR},
        "campaign/b": {"figures": [5, None, None, None], "moved": 1, "at": NOW - 2 * DAY + HOUR},
        "campaign/gone": {"figures": [5, None, None, None], "moved": 1, "at": 0},
    }
    walk = feed("campaigns", notes=notes)
    walk.take(campaigns(("c", NOW, 3), ("a", NOW - DAY, 5), ("b", NOW - 2 * DAY, 6), ("draft", NOW - 3 * DAY, 0)))
    assert walk.ask() is None
    assert walk.notes == {
        "campaign/c": {"figures": [3, None, None, None], "moved": NOW, "at": NOW + HOUR},
        "campaign/b": {"figures": [6, None, None, None], "moved": NOW, "at": NOW - 2 * DAY + HOUR},
        "campaign/gone": None,
        "report/gone": None,
        "engagement/gone": None,
    }
    assert walk.position == {"whole": NOW}
    assert walk.complete_until is None


def test_old_campaigns_are_read_once_a_day():
    old = campaigns(*((str(n), NOW - 91 * DAY - n, 1) for n in range(100)), total=150)
    walk = feed("campaigns", {"whole": NOW - HOUR})
    walk.take(old)
    assert (walk.ask(), walk.position, len(walk.notes)) == (None, {"whole": NOW - HOUR}, 100)
    walk = feed("campaigns", {"whole": NOW - DAY})
    walk.take(old)
    assert walk.ask().params["page"] == "2"
    resumed = feed("campaigns", walk.position, {"campaign/unseen": {"figures": [], "moved": 1, "at": 1}})
    assert resumed.ask().params["page"] == "1"
    resumed.take(old)
    resumed.take(campaigns(*((str(n), NOW - 200 * DAY - n, 1) for n in range(100, 150)), total=150))
    # It hasn't seen the whole list in one go, and so forgets nothing.
    assert (resumed.ask(), resumed.position, None in resumed.notes.values()) == (None, {"whole": NOW}, False)


def test_campaigns_in_another_order_are_read_to_the_end():
    walk = feed("campaigns", {"whole": NOW - HOUR})
    walk.take(campaigns(*((str(n), NOW - 200 * DAY + n, 1) for n in range(100)), total=150))
    assert walk.ask().params["page"] == "2"


def test_a_size_of_campaigns_that_is_refused_is_remembered_and_other_refusals_park():
    walk = feed("campaigns", {"whole": NOW - HOUR})
    assert not walk.refused(404)
    assert walk.refused(400)
    assert walk.ask().params["size"] == "50"
    resumed = feed("campaigns", walk.position)
    assert resumed.ask().params["size"] == "50"
    resumed.take(campaigns())
    assert resumed.position == {"whole": NOW - HOUR, "size": 50}
    assert feed("campaigns", resumed.position).ask().params["size"] == "50"


def noted(**fields):
    return {"campaign/c": {"figures": [1], "moved": 7, "at": NOW - 10 * DAY} | fields}


@pytest.mark.parametrize(
    ("notes", "due"),
    [
        (noted(), True),
        (noted() | {"report/c": {"moved": 7, "at": NOW - HOUR}}, False),
        (noted() | {"report/c": {"moved": 6, "at": NOW - HOUR}}, True),
        # Complaints move no figure of the list.
        (noted() | {"report/c": {"moved": 7, "at": NOW - 7 * DAY}}, True),
        (noted(at=NOW - 91 * DAY) | {"report/c": {"moved": 7, "at": NOW - 7 * DAY}}, False),
        (noted(at=NOW - 91 * DAY), True),
        ({}, False),
    ],
)
def test_a_report_is_read_when_figures_moved_and_once_a_week_while_recent(notes, due):
    walk = feed("reports", notes=notes)
    assert (walk.ask() is not None) == due
    if due:
        walk.take(Answer(body=b"{}", received_at=NOW))
        assert (walk.ask(), walk.notes) == (None, {"report/c": {"moved": 7, "at": NOW}})


@pytest.mark.parametrize(("period", "days"), [("24hours", 2), ("week", 8), ("month", 32)])
def test_engagement_is_read_while_its_period_lasts(period, days):
    assert feed("engagement", notes=noted(at=NOW - days * DAY), engagement_period=period).ask() is not None
    assert feed("engagement", notes=noted(at=NOW - days * DAY - 1), engagement_period=period).ask() is None


def test_of_many_reports_the_newest_hundred_are_read_in_one_run():
    notes = {f"campaign/{n}": {"figures": [1], "moved": 7, "at": n} for n in range(150)}
    walk, read = feed("reports", notes=notes), []
    while (ask := walk.ask()) is not None:
        read.append(ask.about["campaign"])
        walk.take(Answer(body=b"{}", received_at=NOW))
    assert read == [str(n) for n in range(149, 49, -1)]


def test_a_campaign_that_is_gone_is_passed_over_and_not_asked_for_again():
    walk = feed("reports", notes=noted())
    assert walk.refused(404)
    assert (walk.ask(), walk.notes) == (None, {"report/c": {"moved": 7, "at": NOW}})
    assert not feed("reports", notes=noted()).refused(400)
    assert not feed("dashboard").refused(404)
