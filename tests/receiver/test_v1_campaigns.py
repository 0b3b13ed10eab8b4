"""Campaigns of our own API: the list, and everything about one of them."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from own_api import DAY, FOUR, FOUR_RATES, NOTHING, campaign_of_four, counts, told
from reading_world import World, at, event

from aftersend.vocabulary import BounceClass, CampaignInfo, Channel, Kind, Machine, Snapshot

UNTOLD = dict.fromkeys(("name", "status", "type", "subject", "template", "created_at", "scheduled_at"))
SPRING = CampaignInfo(
    campaign_id="1000001",
    name="Spring offers",
    status="Sent",
    type="Newsletter",
    subject="Ten ideas for spring",
    template="spring-2025",
    created_at=at("2025-03-17 08:00:00"),
    scheduled_at=at("2025-03-18 09:00:00"),
)
AS_TOLD = {
    "name": "Spring offers",
    "status": "Sent",
    "type": "Newsletter",
    "subject": "Ten ideas for spring",
    "template": "spring-2025",
    "created_at": "2025-03-17T08:00:00Z",
    "scheduled_at": "2025-03-18T09:00:00Z",
}
TIMES = {
    "first_at": "2025-03-18T08:59:00Z",
    "last_at": "2025-03-19T10:01:00Z",
    "first_sent_at": "2025-03-18T09:00:00Z",
    "last_sent_at": "2025-03-18T09:00:00Z",
}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def ids(answer) -> list[str]:
    return [campaign["campaign_id"] for campaign in answer["campaigns"]]


# -- the list ------------------------------------------------------------------------------------------


def test_campaigns_come_newest_first_each_with_its_name_and_funnel(world):
    world.tell(*campaign_of_four())
    world.tell(event(Kind.SENT, "2025-03-20 09:00:00", campaign="2", source="beta"), source="beta")
    told(world, SPRING)
    answer = world.get("/v1/campaigns")
    assert answer["campaigns"] == [
        {
            "source": "beta",
            "campaign_id": "2",
            **UNTOLD,
            **dict.fromkeys(TIMES, "2025-03-20T09:00:00Z"),
            "counts": counts(sent=(1, 1), delivered=(1, 1)),
            "rates": {"open": 0.0, "click": 0.0, "bounce": 0.0},
            "derived": ["delivered"],
            "from_snapshot": [],
        },
        {
            "source": "acme",
            "campaign_id": "1000001",
            **AS_TOLD,
            **TIMES,
            "counts": FOUR,
            "rates": FOUR_RATES,
            "derived": ["delivered"],
            "from_snapshot": [],
        },
    ]
    assert answer["next_page_index"] is None


def test_a_campaign_of_which_only_the_name_is_known_comes_last_and_in_no_range(world):
    world.tell(*campaign_of_four())
    told(world, CampaignInfo(campaign_id="draft", name="Not yet"))
    draft = world.get("/v1/campaigns")["campaigns"][-1]
    assert draft == {
        **dict.fromkeys(draft),
        "source": "acme",
        "campaign_id": "draft",
        "name": "Not yet",
        "counts": NOTHING,
        "rates": {"open": None, "click": None, "bounce": None},
        "derived": ["delivered"],
        "from_snapshot": [],
    }
    assert ids(world.get("/v1/campaigns", **{"from": "2025-01-01"})) == ["1000001"]
    detail = world.get("/v1/campaigns/draft")
    assert (detail["name"], detail["counts"], detail["links"]) == ("Not yet", NOTHING, [])
    assert detail["engagement"] == {"time_zone": "UTC", "hours": [], "days": []}


def test_campaigns_come_in_the_order_asked(world):
    world.tell(
        event(Kind.SENT, "2025-03-01 09:00:00", campaign="early"),
        event(Kind.SENT, "2025-03-09 09:00:00", contact="43", campaign="early"),
        event(Kind.SENT, "2025-03-05 09:00:00", campaign="late"),
        event(Kind.OPENED, "2025-03-07 09:00:00", campaign="unsent"),
    )
    told(world, CampaignInfo(campaign_id="late", created_at=at("2025-02-01 00:00:00")))
    assert ids(world.get("/v1/campaigns")) == ["unsent", "late", "early"]
    assert ids(world.get("/v1/campaigns", order="first")) == ["unsent", "late", "early"]
    assert ids(world.get("/v1/campaigns", order="sent")) == ["early", "late"]
    assert ids(world.get("/v1/campaigns", order="created")) == ["unsent", "early", "late"]


def test_campaigns_are_paged(world):
    world.tell(*(event(Kind.SENT, at("2025-03-18 09:00:00") + n * DAY, campaign=str(n)) for n in range(5)))
    seen, page = [], 0
    while page is not None:
        answer = world.get("/v1/campaigns", page_size=2, page_index=page)
        seen += ids(answer)
        page = answer["next_page_index"]
    assert seen == ["4", "3", "2", "1", "0"]
    assert world.get("/v1/campaigns", page_index=10**40)["campaigns"] == []


def test_a_campaigns_rates_can_be_had_without_machines(world):
    world.tell(*campaign_of_four())
    (row,) = world.get("/v1/campaigns", machine="exclude")["campaigns"]
    detail = world.get("/v1/campaigns/1000001", machine="exclude")
    funnel = world.get("/v1/funnel", campaign_id="1000001", machine="exclude")
    assert funnel["rates"] == {"open": 0.3333, "click": 0.3333, "bounce": 0.25}
    for answer in (row, detail):
        assert (answer["counts"], answer["rates"]) == (funnel["counts"], funnel["rates"])


# -- one campaign --------------------------------------------------------------------------------------


def slot(start: str, end: str, opened: tuple[int, int] = (0, 0), clicked: tuple[int, int] = (0, 0)) -> dict:
    pairs = {"opened": opened, "clicked": clicked}
    return {
        "start": start,
        "end": end,
        **{kind: {"total": total, "unique": unique} for kind, (total, unique) in pairs.items()},
    }


def test_a_campaign_tells_everything_about_itself(world):
    events = [
        *campaign_of_four(),
        event(Kind.OPENED, "2025-03-18 11:00:00", "4", row="11", device="mobile"),
        event(Kind.CLICKED, "2025-03-18 11:05:00", "4", row="12", url="https://www.example.com/offer", link_number="7"),
        event(Kind.CLICKED, "2025-03-18 11:06:00", "4", row="13", url="https://www.example.com/about"),
    ]
    world.tell(*events, received_at=at("2025-03-20 10:00:00"))
    told(world, SPRING)
    answer = world.get("/v1/campaigns/1000001")
    engagement = answer.pop("engagement")
    assert answer == {
        "source": "acme",
        "campaign_id": "1000001",
        **AS_TOLD,
        **TIMES,
        "counts": {**FOUR, "opened": {"total": 4, "unique": 3}, "clicked": {"total": 3, "unique": 2}},
        "rates": {"open": 1.0, "click": 0.6667, "bounce": 0.25},
        "derived": ["delivered"],
        "from_snapshot": [],
        "links": [
            {"url": "https://www.example.com/offer", "number": "7", "total": 2, "unique": 2},
            {"url": "https://www.example.com/about", "number": None, "total": 1, "unique": 1},
        ],
        "devices": {
            "opened": {"computer": 0, "mobile": 1, "tablet": 0, "other": 0, "none": 3},
            "clicked": {"computer": 0, "mobile": 0, "tablet": 0, "other": 0, "none": 3},
        },
        "bounces": {"hard": 0, "suppressed": 0, "block": 0, "mailbox_full": 0, "soft": 0, "undetermined": 1},
        "auto_replied": 0,
        "snapshots": [],
        "as_of": world.get("/v1/funnel")["as_of"],
        "complete_until": None,
    }
    assert (engagement["time_zone"], len(engagement["hours"]), len(engagement["days"])) == ("UTC", 24, 30)
    assert engagement["hours"][:3] == [
        slot("2025-03-18T09:00:00+00:00", "2025-03-18T10:00:00+00:00", opened=(2, 2)),
        slot("2025-03-18T10:00:00+00:00", "2025-03-18T11:00:00+00:00"),
        slot("2025-03-18T11:00:00+00:00", "2025-03-18T12:00:00+00:00", opened=(1, 1), clicked=(2, 1)),
    ]
    assert engagement["hours"][-1]["end"] == "2025-03-19T09:00:00+00:00"
    # Who opened or clicked on the second day had opened before; the click was the first of contact 2.
    assert engagement["days"][:2] == [
        slot("2025-03-18T00:00:00+00:00", "2025-03-19T00:00:00+00:00", opened=(3, 3), clicked=(2, 1)),
        slot("2025-03-19T00:00:00+00:00", "2025-03-20T00:00:00+00:00", opened=(1, 0), clicked=(1, 1)),
    ]


def test_engagement_is_cut_along_the_zones_calendar(world):
    world.tell(
        event(Kind.SENT, "2025-03-28 20:00:00"),
        event(Kind.OPENED, "2025-03-29 23:30:00", row="2"),
        event(Kind.OPENED, "2025-03-30 22:30:00", "43", row="3"),
    )
    berlin = world.get("/v1/campaigns/1000001", time_zone="Europe/Berlin")["engagement"]
    # The second of these days lasts 23 hours.
    assert berlin["days"][1:4] == [
        slot("2025-03-29T00:00:00+01:00", "2025-03-30T00:00:00+01:00"),
        slot("2025-03-30T00:00:00+01:00", "2025-03-31T00:00:00+02:00", opened=(1, 1)),
        slot("2025-03-31T00:00:00+02:00", "2025-04-01T00:00:00+02:00", opened=(1, 1)),
    ]
    kathmandu = world.get("/v1/campaigns/1000001", time_zone="Asia/Kathmandu")["engagement"]
    assert kathmandu["hours"][0] == slot("2025-03-29T01:00:00+05:45", "2025-03-29T02:00:00+05:45")
    assert kathmandu["days"][0]["start"] == "2025-03-29T00:00:00+05:45"


def test_a_campaigns_detail_agrees_with_its_funnel(world):
    world.tell(*campaign_of_four(), *campaign_of_four(campaign="2"))
    delivered = event(Kind.DELIVERED, "2025-03-18 09:02:00", "2", source="beta")
    world.tell(*campaign_of_four("beta"), delivered, source="beta")
    for query in ("", "source=acme", "source=beta", "machine=exclude", "source=beta,gamma,acme&machine=exclude"):
        detail = world.get(f"/v1/campaigns/1000001?{query}")
        funnel = world.get(f"/v1/funnel?campaign_id=1000001&{query}")
        assert {key: detail[key] for key in ("counts", "rates")} == {key: funnel[key] for key in ("counts", "rates")}


def test_campaigns_of_one_id_at_several_sources_are_told_together_as_far_as_they_agree(world):
    world.tell(*campaign_of_four())
    world.tell(event(Kind.SENT, "2025-03-10 09:00:00", source="beta"), source="beta")
    told(world, SPRING)
    told(world, CampaignInfo(campaign_id="1000001", name="Another", type="Newsletter"), source="beta")
    both = world.get("/v1/campaigns/1000001")
    assert (both["source"], both["name"], both["type"], both["subject"]) == (
        None,
        None,
        "Newsletter",
        "Ten ideas for spring",
    )
    assert both["counts"]["sent"] == {"total": 5, "unique": 5}
    assert (both["first_at"], both["last_at"]) == ("2025-03-10T09:00:00Z", "2025-03-19T10:01:00Z")
    assert both["engagement"]["days"][0]["start"] == "2025-03-10T00:00:00+00:00"
    one = world.get("/v1/campaigns/1000001", source="beta")
    assert (one["source"], one["name"], one["counts"]["sent"]) == ("beta", "Another", {"total": 1, "unique": 1})


def test_bounces_stand_once_for_each_recipient_by_class(world):
    reasons = [
        ("1", BounceClass.SOFT),
        ("2", BounceClass.SOFT),
        ("2", BounceClass.HARD),
        ("3", BounceClass.BLOCK),
        ("4", None),
    ]
    world.tell(
        *(
            event(Kind.BOUNCED, at("2025-03-18 09:00:00") + n * 60_000, contact, row=str(n), bounce_class=bounce)
            for n, (contact, bounce) in enumerate(reasons)
        ),
        event(Kind.AUTO_REPLIED, "2025-03-18 09:30:00", "5", row="9"),
        event(Kind.AUTO_REPLIED, "2025-03-18 09:30:00", "1", row="10"),
    )
    answer = world.get("/v1/campaigns/1000001")
    assert answer["bounces"] == {
        "hard": 1,
        "suppressed": 0,
        "block": 1,
        "mailbox_full": 0,
        "soft": 1,
        "undetermined": 1,
    }
    assert answer["auto_replied"] == 1


def test_what_a_platform_claims_stands_beside_the_difference_from_what_we_know(world):
    claims = Snapshot(
        list="activitiesSummary",
        campaign_id="1000001",
        read_at=at("2025-03-20 09:00:00"),
        counts={Kind.OPENED: (5, 2), Kind.SENT: (3, None), Kind.COMPLAINED: (2, 2), Kind.CLICKED: (1, 1)},
        raw={"opens": 5, "note": "as read", "rate": 0.5, "none": None},
        stands_for=(Kind.COMPLAINED,),
    )
    world.tell(*campaign_of_four(), snapshots=(claims,))
    shown = [
        {
            "source": "acme",
            "list": "activitiesSummary",
            "read_at": "2025-03-20T09:00:00Z",
            "counts": {
                "sent": {"total": 3, "unique": None},
                "opened": {"total": 5, "unique": 2},
                "clicked": {"total": 1, "unique": 1},
                "complained": {"total": 2, "unique": 2},
            },
            "gaps": {"sent": {"total": -1, "unique": None}, "opened": {"total": 2, "unique": 0}},
            "raw": {"opens": 5, "note": "as read", "rate": 0.5, "none": None},
        }
    ]
    answer = world.get("/v1/campaigns/1000001")
    assert answer["snapshots"] == shown
    assert answer["counts"]["complained"] == {"total": 2, "unique": 2}
    # What machines did is among what the platform counts.
    assert world.get("/v1/campaigns/1000001", machine="exclude")["snapshots"] == shown


def test_visits_of_the_site_are_compared_in_their_own_channel(world):
    claims = Snapshot(
        list="activitiesSummary",
        campaign_id="1000001",
        read_at=at("2025-03-20 09:00:00"),
        counts={Kind.VISITED: (2, 1)},
        raw={},
    )
    visit = event(Kind.VISITED, "2025-03-18 12:00:00", "2", row="20", channel=Channel.SITE)
    world.tell(*campaign_of_four(), visit, snapshots=(claims,))
    (snapshot,) = world.get("/v1/campaigns/1000001")["snapshots"]
    assert snapshot["gaps"] == {"visited": {"total": 1, "unique": 0}}


@pytest.mark.parametrize(
    "id",
    ["a/b", "a+b", "100%", "%2F", "/leading", "trailing/", "a//b", "..", "a b", "é😀", "a,b", "?x=1&y", "#", "null"],
)
def test_any_id_leads_to_its_campaign_both_ways(world, id):
    world.tell(event(Kind.SENT, "2025-03-18 09:00:00", campaign=id))
    by_parameter = world.get("/v1/campaign", campaign_id=id)
    assert (by_parameter["campaign_id"], by_parameter["counts"]["sent"]["total"]) == (id, 1)
    assert world.get("/v1/campaigns/" + quote(id, safe="")) == by_parameter


@pytest.mark.parametrize("id", ["none", "%00", "%F0%9F%98%80", "%ff%fe", "9" * 3000, "1000001%20", "'%20OR%201=1"])
def test_a_campaign_that_does_not_exist_is_404(world, id):
    world.tell(*campaign_of_four())
    body = {"error": {"code": "not_found", "message": "There is no such campaign.", "field": "campaign_id"}}
    assert world.refused(f"/v1/campaigns/{id}") == (404, body)
    assert world.refused(f"/v1/campaign?campaign_id={id}") == (404, body)


def test_a_campaign_of_another_source_does_not_exist(world):
    world.tell(*campaign_of_four("beta"), source="beta")
    limited = world.key("reports:read", sources=("acme",))
    foreign, unknown = (world.refused(f"/v1/campaigns/{id}", limited) for id in ("1000001", "none"))
    assert foreign == unknown
    assert foreign[0] == 404
    assert world.refused("/v1/campaigns/1000001?source=acme")[0] == 404


def test_a_campaign_of_text_messages_is_none_of_an_email_report(world):
    world.tell(event(Kind.SENT, "2025-03-18 09:00:00", campaign="sms", channel=Channel.SMS))
    assert world.get("/v1/campaigns")["campaigns"] == []
    assert world.refused("/v1/campaigns/sms")[0] == 404


def test_what_a_machine_did_is_left_out_of_links_and_engagement(world):
    url = "https://www.example.com/offer"
    world.tell(
        event(Kind.SENT, "2025-03-18 09:00:00", "1"),
        event(Kind.CLICKED, "2025-03-18 09:10:00", "1", row="2", url=url, machine=Machine.MACHINE),
        event(Kind.CLICKED, "2025-03-18 11:10:00", "1", row="3", url=url, machine=Machine.HUMAN),
    )
    whole, human = (world.get("/v1/campaigns/1000001", machine=machine) for machine in ("include", "exclude"))
    assert [(link["total"], link["unique"]) for link in whole["links"]] == [(2, 1)]
    assert [(link["total"], link["unique"]) for link in human["links"]] == [(1, 1)]
    clicks = [[hour["clicked"]["unique"] for hour in answer["engagement"]["hours"][:3]] for answer in (whole, human)]
    assert clicks == [[1, 0, 0], [0, 0, 1]]
