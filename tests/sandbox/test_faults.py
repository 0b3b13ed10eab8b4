"""Every fault really happens, over real HTTP, and costs what it should: a read-once feed's position or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from aftersend.sandbox.faults import CONTROL, OTHER_SPACE, Fault, FaultPlan
from aftersend.sandbox.server import SHIFTED, Sandbox
from aftersend.sandbox.truth import Scenario, Truth
from aftersend.vocabulary import Kind, now
from tests.sandbox.conftest import PROVIDER

LISTS = "/campaigns/email/"
ACTIONS = [Kind.OPENED, Kind.CLICKED, Kind.BOUNCED, Kind.UNSUBSCRIBED, Kind.WEB_VIEWED, Kind.PRINTED]


@pytest.fixture
def actions(sandbox: Sandbox) -> list[int]:
    """A sandbox with some history; the ids of its activities."""
    truth = Truth(Scenario(until=now(), campaigns=1, contacts=120, days=1))
    sandbox.show(truth.facts)
    return [fact.number for fact in truth.facts if fact.kind in ACTIONS]


def _get(sandbox: Sandbox, feed: str, **params: Any) -> requests.Response:
    return requests.get(sandbox.url + LISTS + feed, params, headers={"X-API-Key": sandbox.api_key}, timeout=10)


def _plan(sandbox: Sandbox, **plan: Any) -> None:
    answer = requests.post(sandbox.url.removesuffix("/rest/v1") + CONTROL, json=plan, timeout=10)
    assert answer.status_code == 200


def _ids(answer: requests.Response) -> list[int]:
    return [row["id"] for row in answer.json()]


def test_without_a_plan_nothing_goes_wrong(sandbox: Sandbox, actions: list[int]):
    assert sorted(_ids(_get(sandbox, "recentActivities"))) == actions
    assert _ids(_get(sandbox, "recentActivities")) == []


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (Fault.UNAUTHORIZED, 401, '"You are not authorized."'),
        (Fault.BUSY, 429, '"Too many requests."'),
        (Fault.BUSY_UNTIL, 429, '"Too many requests."'),
        (Fault.ERROR, 500, '"Something went wrong."'),
        (Fault.HTML, 200, "<html><body><h1>We will be back soon.</h1></body></html>"),
        (Fault.STRING, 200, '"No data."'),
    ],
)
def test_a_fault_before_the_feed_is_asked_loses_nothing(
    sandbox: Sandbox, actions: list[int], fault: Fault, status: int, body: str
):
    _plan(sandbox, next=[fault])
    answer = _get(sandbox, "recentActivities")
    assert (answer.status_code, answer.text) == (status, body)
    assert sorted(_ids(_get(sandbox, "recentActivities"))) == actions


def test_busy_says_for_how_many_seconds(sandbox: Sandbox):
    _plan(sandbox, next=["busy"], retry_after=7)
    assert _get(sandbox, "activities").headers["Retry-After"] == "7"


def test_busy_until_says_until_when(sandbox: Sandbox):
    _plan(sandbox, next=["busy_until"], retry_after=3600)
    answer = _get(sandbox, "activities")
    until = parsedate_to_datetime(answer.headers["Retry-After"])
    served = parsedate_to_datetime(answer.headers["Date"])
    assert 3595 <= (until - served).total_seconds() <= 3605


def test_a_cut_answer_breaks_off_in_the_middle_and_a_read_once_feed_has_moved(sandbox: Sandbox, actions: list[int]):
    _plan(sandbox, next=["cut"])
    with requests.get(
        sandbox.url + LISTS + "recentActivities",
        headers={"X-API-Key": sandbox.api_key},
        timeout=10,
        stream=True,
    ) as answer:
        promised = int(answer.headers["Content-Length"])
        got: list[bytes] = []
        with pytest.raises(requests.RequestException):
            got.extend(answer.iter_content(1))
    assert len(got) == promised // 2
    assert b"".join(got).startswith(b'[{"id":')
    assert _ids(_get(sandbox, "recentActivities")) == []


def test_a_lost_answer_of_a_read_once_feed_is_gone(sandbox: Sandbox, actions: list[int]):
    _plan(sandbox, next=["lost"])
    with pytest.raises(requests.RequestException):
        _get(sandbox, "recentActivities")
    assert _ids(_get(sandbox, "recentActivities")) == []


def test_a_truncated_answer_is_half_the_json_with_an_honest_length(sandbox: Sandbox, actions: list[int]):
    whole = _get(sandbox, "activities").content
    _plan(sandbox, next=["truncated"])
    answer = _get(sandbox, "activities")
    assert answer.status_code == 200
    assert answer.content == whole[: len(whole) // 2]
    assert int(answer.headers["Content-Length"]) == len(answer.content)


def test_a_slow_answer_outlasts_an_impatient_client_but_comes(sandbox: Sandbox, actions: list[int]):
    whole = _get(sandbox, "activities").content
    _plan(sandbox, next=["slow", "slow"], slow=0.5)
    with pytest.raises(requests.ReadTimeout):
        requests.get(sandbox.url + LISTS + "activities", timeout=0.1)
    assert _get(sandbox, "activities").content == whole


def test_a_cap_ignores_the_page_size(sandbox: Sandbox, actions: list[int]):
    assert len(actions) > 100
    assert len(_ids(_get(sandbox, "activities", page_size=1000))) == len(actions)
    _plan(sandbox, rates={"cap": 1})
    pages = [
        _ids(_get(sandbox, "activities", page_size=1000, page_index=page)) for page in range(len(actions) // 100 + 2)
    ]
    assert [len(page) for page in pages[:-2]] == [100] * (len(pages) - 2)
    assert pages[-1] == []
    assert sorted(number for page in pages for number in page) == actions


def test_two_number_spaces_move_the_ids_of_the_read_once_feed_alone(sandbox: Sandbox, actions: list[int]):
    _plan(sandbox, rates={"two_spaces": 1})
    assert sorted(_ids(_get(sandbox, "recentActivities"))) == [number + OTHER_SPACE for number in actions]
    assert sorted(_ids(_get(sandbox, "activities", page_size=1000))) == actions


def test_rows_shift_between_two_pages(sandbox: Sandbox):
    truth = Truth(Scenario(until=now(), campaigns=1, contacts=120, days=1))
    newest_first = sorted((f for f in truth.facts if f.kind in ACTIONS), key=lambda f: f.at, reverse=True)
    # Facts of the newest minute would stand among others of that minute; only whole minutes enter in front.
    held = [f for f in newest_first if f.at // 60_000 >= newest_first[SHIFTED].at // 60_000]
    sandbox.show(fact for fact in truth.facts if fact not in held)
    sandbox.hold(held)
    _plan(sandbox, rates={"shift": 1})
    first = _ids(_get(sandbox, "activities", page_size=20))
    second = _ids(_get(sandbox, "activities", page_size=20, page_index=1))
    assert second[:SHIFTED] == first[-SHIFTED:]
    assert not {fact.number for fact in held} & {*first, *second}


def test_only_requests_to_the_named_path_suffer(sandbox: Sandbox):
    _plan(sandbox, rates={"error": 1}, path="undelivered")
    assert _get(sandbox, "undelivered").status_code == 500
    assert _get(sandbox, "activities").status_code == 200


def test_a_request_suffers_only_one_ending_however_many_are_drawn(sandbox: Sandbox):
    _plan(sandbox, rates=dict.fromkeys(["error", "unauthorized", "html"], 1))
    assert _get(sandbox, "activities").status_code == 401


def test_a_plan_replaces_the_one_before_and_happenings_are_counted(sandbox: Sandbox):
    control = sandbox.url.removesuffix("/rest/v1") + CONTROL
    _plan(sandbox, rates={"error": 1})
    assert _get(sandbox, "activities").status_code == 500
    _plan(sandbox, next=["html"])
    assert _get(sandbox, "activities").text.startswith("<html>")
    assert _get(sandbox, "activities").status_code == 200
    assert requests.get(control, timeout=10).json() == {
        "plan": {"rates": {}, "next": [], "path": "", "retry_after": 2, "slow": 1.0},
        "happened": {"error": 1, "html": 1},
    }


@pytest.mark.parametrize(
    "plan", ["", "[]", '{"rates":{"cut":2}}', '{"rates":{"flood":1}}', '{"rate":{}}', '{"next":["flood"]}']
)
def test_a_plan_that_makes_no_sense_is_refused_and_changes_nothing(sandbox: Sandbox, plan: str):
    control = sandbox.url.removesuffix("/rest/v1") + CONTROL
    answer = requests.post(control, plan, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert sandbox.faults.plan == FaultPlan()


@pytest.fixture
def sandboxes(tmp_path: Path) -> Iterator[list[Sandbox]]:
    plan = FaultPlan(rates={Fault.ERROR: 0.3, Fault.BUSY: 0.3})
    made = [Sandbox(tmp_path / str(number), PROVIDER, faults=plan, seed=seed) for number, seed in enumerate((5, 5, 6))]
    for sandbox in made:
        sandbox.__enter__()
    yield made
    for sandbox in made:
        sandbox.__exit__()


def test_the_same_seed_has_the_same_luck(sandboxes: list[Sandbox]):
    luck = [[_get(sandbox, "activities").status_code for _ in range(30)] for sandbox in sandboxes]
    assert luck[0] == luck[1]
    assert luck[0] != luck[2]
    assert set(luck[0]) == {200, 429, 500}
