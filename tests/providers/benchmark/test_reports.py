"""What Benchmark claims, quirk by quirk."""

from __future__ import annotations

import msgspec
import pytest

from aftersend.providers.benchmark import reports
from aftersend.providers.contract import Answer, Malformed
from aftersend.vocabulary import CampaignInfo, Kind
from tests.providers.benchmark.said import MAY, RECEIVED, fixture, page


def answer(body) -> Answer:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Answer(body=raw, received_at=RECEIVED)


def report(**stats):
    return page("reports", {"stats": stats, "linkActivity": []}, campaign=MAY)


def test_a_figure_that_is_none_is_a_problem_and_the_others_are_kept():
    reading = report(sent=12.0, delivered="eleven", opens={"unique": -1}, clicks=3, complaints=True, unsubscribes=None)
    (snapshot,) = reading.snapshots
    assert snapshot.counts == {Kind.SENT: (12, 12)}
    assert [(problem.item, problem.reason, problem.raw) for problem in reading.problems] == [
        (1, "stats.delivered is not a count.", b'"eleven"'),
        (2, "stats.opens.unique is not a count.", b'{"unique":-1}'),
        (3, "stats.clicks.unique is not a count.", b"3"),
        (6, "stats.complaints is not a count.", b"true"),
    ]


def test_clicks_are_never_fewer_than_those_who_clicked():
    link = {"id": "d", "path": "https://www.example.com/", "clicks": {"unique": 2, "total": 3}}
    body = {"stats": {"clicks": {"unique": 5, "rate": 1}}, "linkActivity": [link, {"clicks": None}, 7]}
    (snapshot,) = page("reports", body, campaign=MAY).snapshots
    assert snapshot.counts == {Kind.CLICKED: (5, 5)}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"stats": []}', b'{"errors": []}'])
def test_a_report_of_another_shape_is_a_problem(body):
    for feed in ("reports", "dashboard", "overall", "histogram", "engagement"):
        if feed == "overall" and b"stats" in body:
            continue
        reading = page(feed, body, campaign=MAY)
        assert (reading.snapshots, len(reading.problems), reading.problems[0].raw) == ([], 1, body)


def test_a_report_of_nobody_knows_which_campaign_is_a_problem():
    reading = page("reports", fixture("report.json"))
    assert (reading.snapshots, len(reading.problems)) == ([], 1)


def test_a_campaign_without_an_id_is_a_problem_and_its_neighbours_are_read():
    reading = page("campaigns", {"records": [{"name": "x"}, 7, {"_id": MAY, "createdAt": "never"}]})
    assert reading.campaigns == [CampaignInfo(campaign_id=MAY)]
    assert [(problem.item, problem.reason) for problem in reading.problems] == [
        (0, "_id is missing."),
        (1, "_id is missing."),
    ]


def test_only_campaigns_of_which_something_was_sent_move():
    records = [
        {"_id": "a", "scheduledAt": "1970-01-01T00:00:09Z", "stats": {"sent": 3, "opens": {"unique": 1}}},
        {"_id": "b", "createdAt": "1970-01-01T00:00:05Z", "stats": {"sent": 1, "delivered": 1}},
        {"_id": "c", "stats": {"sent": 0}},
        {"_id": "d", "status": "draft"},
        {"stats": {"sent": 4}},
        None,
    ]
    assert reports.moved(answer({"total": 6, "records": records})) == {
        "a": ([3, None, 1, None], 9000),
        "b": ([1, 1, None, None], 5000),
    }


def test_a_page_of_campaigns_tells_its_newest_only_where_they_are_in_order():
    def look(*days):
        rows = [{"_id": str(day), "createdAt": f"1970-01-0{day}T00:00:00Z"} for day in days]
        return reports.look_at_list(answer({"total": 9, "records": rows}))

    assert (look(3, 2).newest, look(3, 2).ids, look(3, 2).total) == (172_800_000, ["3", "2"], 9)
    assert look(2, 3).newest is None
    assert look().newest is None


def test_a_report_is_one_row_and_what_is_no_json_is_malformed():
    assert reports.look_at_report(answer({})).ids == ["report"]
    assert reports.look_at_report(answer([])).ids == []
    with pytest.raises(Malformed):
        reports.look_at_report(answer(b"<html>"))
