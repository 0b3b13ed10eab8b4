"""What platforms claim: beside what we know, as a series of changes, and in place of events that can't be had."""

from __future__ import annotations

from itertools import permutations

import pytest
from own_api import FOUR, NO_RATES, NOTHING, campaign_of_four, counts, told
from reading_world import World, at, event

from aftersend.vocabulary import CampaignInfo, Channel, Kind, Snapshot


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def claim(read_at: str = "2025-03-20 09:00:00", campaign: str | None = "1000001", list_: str = "stats", **given):
    """A snapshot that stands for complaints alone."""
    return Snapshot(
        list=list_,
        campaign_id=campaign,
        read_at=at(read_at),
        counts={Kind(kind): count for kind, count in given.items()},
        raw={kind: total for kind, (total, _) in given.items()},
        stands_for=(Kind.COMPLAINED,),
    )


def pair(total: int, unique: int | None) -> dict:
    return {"total": total, "unique": unique}


# -- the route -----------------------------------------------------------------------------------------


def test_a_snapshot_stands_beside_ours_with_the_gap(world):
    world.tell(*campaign_of_four(), snapshots=(claim(sent=(5, None), opened=(2, 2), complained=(1, 1)),))
    answer = world.get("/v1/snapshots")
    assert answer == {
        "snapshots": [
            {
                "source": "acme",
                "campaign_id": "1000001",
                "list": "stats",
                "read_at": "2025-03-20T09:00:00Z",
                "counts": {"sent": pair(5, None), "opened": pair(2, 2), "complained": pair(1, 1)},
                "ours": {"sent": pair(4, 4), "opened": pair(3, 2), "complained": pair(1, 1)},
                "gaps": {"sent": pair(1, None), "opened": pair(-1, 0)},
                "from_snapshot": ["complained"],
                "raw": {"sent": 5, "opened": 2, "complained": 1},
                "history": None,
            }
        ],
        "next_page_index": None,
        "as_of": answer["as_of"],
        "complete_until": None,
    }


def test_totals_that_fall_are_a_series_of_what_changed(world):
    for day, total in enumerate((5, 5, 3, 4), 1):
        world.tell(snapshots=(claim(f"2025-03-0{day} 00:00:00", opened=(total, total)),))
    (row,) = world.get("/v1/snapshots", history="all")["snapshots"]
    assert row["read_at"] == "2025-03-04T00:00:00Z"
    assert row["history"] == [
        {"read_at": f"2025-03-0{day}T00:00:00Z", "counts": {"opened": pair(total, total)}, "raw": {"opened": total}}
        for day, total in ((1, 5), (3, 3), (4, 4))
    ]


def test_what_is_claimed_of_a_whole_account_is_beside_the_sources_totals(world):
    world.tell(*campaign_of_four(), *campaign_of_four(campaign="2"), snapshots=(claim(campaign=None, sent=(9, 9)),))
    world.tell(*campaign_of_four("beta"), source="beta")
    (row,) = world.get("/v1/snapshots")["snapshots"]
    assert (row["campaign_id"], row["ours"], row["gaps"]) == (None, {"sent": pair(8, 8)}, {"sent": pair(1, 1)})
    assert row["from_snapshot"] == []
    assert world.get("/v1/funnel", source="acme")["counts"]["sent"] == pair(8, 8)


def test_visits_are_beside_those_of_their_channel(world):
    visit = event(Kind.VISITED, "2025-03-18 12:00:00", "2", row="20", channel=Channel.SITE)
    world.tell(*campaign_of_four(), visit, snapshots=(claim(visited=(2, 1)),))
    (row,) = world.get("/v1/snapshots")["snapshots"]
    assert (row["ours"], row["gaps"]) == ({"visited": pair(1, 1)}, {"visited": pair(1, 0)})


def test_snapshots_are_narrowed_and_paged(world):
    world.tell(snapshots=(claim(campaign="7", sent=(1, 1)), claim(campaign="7", list_="summary", sent=(2, 2))))
    world.tell(snapshots=(claim(campaign="8", sent=(3, 3)),))
    world.tell(source="beta", snapshots=(claim(campaign="7", sent=(4, 4)),))

    def listed(**query) -> list[int]:
        return [row["counts"]["sent"]["total"] for row in world.get("/v1/snapshots", **query)["snapshots"]]

    assert listed() == [1, 2, 3, 4]
    assert listed(source="acme") == [1, 2, 3]
    assert listed(campaign_id="7") == [1, 2, 4]
    assert listed(list="stats") == [1, 3, 4]
    assert listed(list="none") == listed(campaign_id="none") == listed(page_index=10**40) == []
    seen, page = [], 0
    while page is not None:
        answer = world.get("/v1/snapshots", limit=3, page_index=page)
        seen += [row["counts"]["sent"]["total"] for row in answer["snapshots"]]
        page = answer["next_page_index"]
    assert seen == [1, 2, 3, 4]


def test_a_key_limited_to_a_source_sees_no_other(world):
    world.tell(snapshots=(claim(sent=(1, 1)),))
    world.tell(source="beta", snapshots=(claim(sent=(2, 2)),))
    limited = world.key("reports:read", sources=("beta",))
    assert [row["source"] for row in world.get("/v1/snapshots", limited)["snapshots"]] == ["beta"]
    assert world.refused("/v1/snapshots?source=acme", limited)[0] == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("history=some", "history"),
        ("history=", "history"),
        ("list=", "list"),
        ("list=a&list=b", "list"),
        ("campaign_id=", "campaign_id"),
        ("page_size=0", "page_size"),
        ("limit=5&page_size=6", "limit"),
        ("page_index=-1", "page_index"),
        ("from=2025-03-18", "from"),
    ],
)
def test_what_cannot_be_understood_is_named(world, query, field):
    status, body = world.refused(f"/v1/snapshots?{query}")
    assert (status, body["error"]["code"], body["error"]["field"]) == (400, "bad_request", field)


# -- in place of events --------------------------------------------------------------------------------


def reported(world: World, campaign: str = "1000001") -> dict:
    """Counts, rates, and where they come from; the same in the funnel, the list and the detail."""
    names = ("counts", "rates", "derived", "from_snapshot")
    detail = world.get(f"/v1/campaigns/{campaign}")
    answers = [world.get("/v1/funnel", campaign_id=campaign), detail]
    answers += [row for row in world.get("/v1/campaigns")["campaigns"] if row["campaign_id"] == campaign]
    first, *others = [{name: answer[name] for name in names} for answer in answers]
    assert len(others) == 2
    assert all(other == first for other in others)
    return first


FIFTY = {"sent": (50, 50), "bounced": (4, 3), "opened": (30, 20), "clicked": (6, None)}


def test_a_campaign_without_events_answers_from_its_snapshot_and_says_so(world):
    world.tell(snapshots=(claim(**FIFTY),))
    assert reported(world) == {
        "counts": counts(**{**FIFTY, "clicked": (6, 6), "delivered": (46, 47)}),
        "rates": {"open": 0.4255, "click": 0.1277, "bounce": 0.06},
        "derived": ["delivered"],
        "from_snapshot": ["sent", "bounced", "opened", "clicked"],
    }
    detail = world.get("/v1/campaigns/1000001")
    assert (detail["first_at"], detail["links"], detail["engagement"]["days"]) == (None, [], [])
    # What we lack is still to be seen.
    assert detail["snapshots"][0]["gaps"]["sent"] == pair(50, 50)


def test_deliveries_that_the_platform_claims_are_not_derived(world):
    world.tell(snapshots=(claim(**FIFTY, delivered=(45, 45)),))
    told_so = reported(world)
    assert told_so["counts"]["delivered"] == pair(45, 45)
    assert (told_so["derived"], told_so["from_snapshot"][1]) == ([], "delivered")


def test_what_one_campaign_claims_settles_nothing_for_another(world):
    """A claimed delivery is no sign that the source reports deliveries."""
    world.tell(*campaign_of_four(), snapshots=(claim(campaign="old", sent=(50, 50), delivered=(45, 45)),))
    world.tell(snapshots=(claim(campaign="older", sent=(10, 10), bounced=(1, 1)),))
    assert reported(world) == {
        "counts": FOUR,
        "rates": {"open": 0.6667, "click": 0.3333, "bounce": 0.25},
        "derived": ["delivered"],
        "from_snapshot": [],
    }
    whole = world.get("/v1/funnel", source="acme")
    assert whole["counts"] == {**FOUR, "sent": pair(64, 64), "delivered": pair(57, 57), "bounced": pair(2, 2)}
    assert (whole["derived"], whole["from_snapshot"]) == (["delivered"], ["sent", "delivered", "bounced"])
    # With a source that reports deliveries, only the claims are derived.
    world.tell(event(Kind.DELIVERED, "2025-03-18 09:05:00", "2", source="beta"), source="beta")
    world.tell(source="beta", snapshots=(claim(campaign="old", sent=(5, 5), bounced=(1, 1)),))
    beta = world.get("/v1/funnel", source="beta")
    assert (beta["counts"]["delivered"], beta["derived"]) == (pair(5, 5), ["delivered"])
    assert world.get("/v1/funnel", source="beta", campaign_id="1000001")["derived"] == []


def test_events_win_as_soon_as_there_is_one_but_for_what_is_never_itemised(world):
    world.tell(snapshots=(claim(**FIFTY, complained=(2, 2)),))
    world.tell(event(Kind.SENT, "2025-03-18 09:00:00"))
    assert reported(world) == {
        "counts": counts(sent=(1, 1), delivered=(1, 1), complained=(2, 2)),
        "rates": {"open": 0.0, "click": 0.0, "bounce": 0.0},
        "derived": ["delivered"],
        "from_snapshot": ["complained"],
    }
    (row,) = world.get("/v1/snapshots")["snapshots"]
    assert row["gaps"]["sent"] == pair(49, 49)


def test_the_greater_of_two_lists_stands(world):
    one, other = claim(sent=(50, 40), opened=(1, 1)), claim(list_="summary", sent=(45, 45), delivered=(7, 7))
    for order in permutations((one, other)):
        world.tell(snapshots=order)
    assert reported(world)["counts"] == counts(sent=(50, 45), delivered=(7, 7), opened=(1, 1))


def test_a_window_never_answers_from_a_snapshot(world):
    world.tell(snapshots=(claim(**FIFTY),))
    for window in ({"from": "2020-01-01"}, {"to": "2030-01-01"}):
        answer = world.get("/v1/funnel", **window)
        assert (answer["counts"], answer["rates"], answer["from_snapshot"]) == (NOTHING, NO_RATES, [])
        assert world.get("/v1/campaigns", **window)["campaigns"] == []
    assert world.get("/v1/dashboard", days=366)["counts"] == NOTHING


def test_a_snapshot_that_falls_to_nothing_takes_its_figures_with_it(world):
    told(world, CampaignInfo(campaign_id="1000001", name="Spring"))
    world.tell(snapshots=(claim(**FIFTY),))
    world.tell(snapshots=(claim("2025-03-21 09:00:00", sent=(0, 0)),))
    assert reported(world)["counts"] == NOTHING
    assert reported(world)["from_snapshot"] == []
