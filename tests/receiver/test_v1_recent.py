"""The delta list: each row once per reader, and read again by cursor when an answer was lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from reading_world import World, event

from aftersend.vocabulary import Kind, now

MINUTE, DAY = 60_000, 86_400_000


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def opened(number: int, days_ago: float = 0.5, **more):
    """Opening ``number``; a higher one happened later."""
    return event(Kind.OPENED, now() - int(days_ago * DAY) + number * MINUTE, row=str(number), **more)


def numbers(answer) -> list[int]:
    return [int(row["row_id"]) for row in answer["rows"]]


def test_the_first_call_gives_seven_days_and_the_next_what_came_since(world):
    world.tell(opened(1, days_ago=8), opened(2, days_ago=6), opened(3))
    first = world.get("/v1/recent", reader="crm")
    assert (numbers(first), first["more"]) == ([2, 3], False)
    assert numbers(world.get("/v1/recent", reader="crm")) == []
    # By arrival, not by time: a late one comes too.
    world.tell(opened(4), opened(5, days_ago=20))
    assert numbers(world.get("/v1/recent", reader="crm")) == [5, 4]
    assert numbers(world.get("/v1/recent", reader="crm")) == []


def test_seven_days_that_do_not_fit_in_one_answer_go_on_in_the_next(world):
    for n in range(0, 10, 2):
        world.tell(opened(n, days_ago=9), opened(n + 1))
    answers = [world.get("/v1/recent", reader="crm", page_size=2) for _ in range(2)]
    world.tell(opened(20, days_ago=9))
    answers += [world.get("/v1/recent", reader="crm", page_size=2) for _ in range(2)]
    assert [numbers(answer) for answer in answers] == [[1, 3], [5, 7], [20, 9], []]
    assert [answer["more"] for answer in answers] == [True, True, False, False]


def test_each_name_and_each_key_reads_for_itself(world):
    world.tell(opened(1))
    other = world.key("admin")
    for headers, name in ((None, "one"), (None, "two"), (other, "one")):
        assert numbers(world.get("/v1/recent", headers, reader=name)) == [1]
        assert numbers(world.get("/v1/recent", headers, reader=name)) == []


def test_a_reader_has_a_place_for_each_set_of_filters(world):
    world.tell(opened(1), opened(2, campaign="7"))
    assert numbers(world.get("/v1/recent", reader="crm", campaign_id="7")) == [2]
    assert numbers(world.get("/v1/recent", reader="crm")) == [1, 2]
    assert numbers(world.get("/v1/recent", reader="crm", kind="clicked")) == []


def test_a_lost_answer_is_read_again_by_its_cursor(world):
    world.tell(opened(1))
    before = world.get("/v1/recent", reader="crm")
    world.tell(opened(2), opened(3))
    lost = world.get("/v1/recent", reader="crm")
    assert numbers(lost) == [2, 3]
    assert lost["cursor"] == before["next_cursor"]
    for query in ({"cursor": before["next_cursor"]}, {"cursor": lost["cursor"], "reader": "crm"}):
        again = world.get("/v1/recent", **query)
        assert again == lost
    assert numbers(world.get("/v1/recent", cursor=before["cursor"])) == [1, 2, 3]
    # Reading by cursor moved no reader.
    assert numbers(world.get("/v1/recent", reader="crm")) == []


def test_without_a_reader_a_cursor_is_all_one_needs(world):
    world.tell(*(opened(n) for n in range(5)))
    first = world.get("/v1/recent", page_size=3)
    second = world.get("/v1/recent", page_size=3, cursor=first["next_cursor"])
    assert (numbers(first), numbers(second)) == ([0, 1, 2], [3, 4])
    assert numbers(world.get("/v1/recent", cursor=second["next_cursor"])) == []
    assert numbers(world.get("/v1/recent", page_size=3)) == [0, 1, 2]


def test_a_place_survives_a_restart(world, tmp_path):
    world.tell(opened(1))
    assert numbers(world.get("/v1/recent", reader="crm")) == [1]
    world.store.close()
    again = World(tmp_path)
    assert numbers(again.get("/v1/recent", reader="crm")) == []


def test_calls_at_the_same_time_share_the_rows_out(world):
    world.tell(*(opened(n) for n in range(120)))
    app = world.client.application

    def call(_) -> list[int]:
        answer = app.test_client().get("/v1/recent?reader=crm&page_size=7", headers=world.admin)
        return numbers(answer.json)

    with ThreadPoolExecutor(8) as threads:
        handed_out = [number for rows in threads.map(call, range(24)) for number in rows]
    assert sorted(handed_out) == list(range(120))


def test_an_empty_store_has_nothing_recent_and_loses_nothing_that_comes(world):
    assert numbers(world.get("/v1/recent", reader="crm")) == []
    world.tell(opened(1, days_ago=30))
    assert numbers(world.get("/v1/recent", reader="crm")) == [1]
