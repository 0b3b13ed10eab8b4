"""The Constant Contact dialect: whole bodies, paging, refusals (providers/constant-contact.md, 3, 5, 7, 11)."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aftersend.storage.contract import Read
from aftersend.vocabulary import (
    BounceClass,
    CampaignInfo,
    ContactInfo,
    Delivery,
    Door,
    Event,
    Kind,
    Reading,
    Snapshot,
    now,
    slot_key,
)
from tests.receiver.reading_world import World, at
from tests.receiver.reading_world import event as an_event

BASE = "/v3/reports"
AS_OF = at("2025-05-05 09:12:44")
URL, MENU = "https://www.example.com/spring?a=1&b=2", "https://www.example.com/menu"
MENU_ID = str(int(sha256(MENU.encode()).hexdigest()[:15], 16))


def event(kind: Kind, contact: str, when: str, campaign: str = "1000001", **more: Any) -> Event:
    return an_event(kind, when, contact, campaign, **{"email": f"{contact}@example.com", **more})


def info(world: World, *campaigns: CampaignInfo, contacts: tuple[ContactInfo, ...] = (), source: str = "acme") -> None:
    delivery = Delivery(source=source, door=Door.WEBHOOK, received_at=AS_OF, body=b"[]", id=900)
    world.store.apply([Read(delivery, Reading(campaigns=list(campaigns), contacts=list(contacts)))])


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Campaign 1000001: ten were sent to, two bounced, one auto-replied, four opened (one five times), two clicked."""
    world = World(tmp_path)
    sent = [event(Kind.SENT, str(n), f"2025-05-04 13:00:{n:02d}", email=f"{n}@example.com") for n in range(10)]
    mobile = {"device": "mobile"}
    world.tell(
        *sent,
        event(Kind.BOUNCED, "0", "2025-05-04 13:01:00", bounce_class=BounceClass.HARD),
        event(Kind.BOUNCED, "1", "2025-05-04 13:02:00", bounce_class=BounceClass.SOFT, reason="mailbox_full"),
        event(Kind.AUTO_REPLIED, "2", "2025-05-04 13:03:00"),
        *(event(Kind.OPENED, "3", f"2025-05-04 14:{n:02d}:00", **mobile) for n in range(4)),
        event(Kind.OPENED, "3", "2025-05-04 15:00:00", device="desktop"),
        event(Kind.OPENED, "4", "2025-05-04 14:30:00", user_agent="something odd"),
        event(Kind.OPENED, "5", "2025-05-04 14:31:00"),
        event(Kind.OPENED, "6", "2025-05-04 14:32:00", device="tablet"),
        event(Kind.CLICKED, "3", "2025-05-04 15:01:00", url=URL, link_number="77", **mobile),
        event(Kind.CLICKED, "4", "2025-05-04 15:02:00", url=URL),
        event(Kind.CLICKED, "4", "2025-05-04 15:03:00", url=MENU),
        event(Kind.CLICKED, "4", "2025-05-04 15:04:00", url=None),
        event(Kind.UNSUBSCRIBED, "4", "2025-05-04 16:00:00", reason="Too many emails", email="4@example.com"),
        event(Kind.DROPPED, "11", "2025-05-04 13:00:00", reason="unsubscribed"),
        event(Kind.SENT, "3", "2025-05-06 13:00:00", "1000002", email="3@example.com"),
        received_at=AS_OF,
    )
    info(
        world,
        CampaignInfo(campaign_id="1000001", name="May newsletter", type="Announcement"),
        CampaignInfo(campaign_id="draft", name="Never sent"),
        contacts=(
            ContactInfo(contact_id="3", first_name="Dana", last_name="Reyes"),
            ContactInfo(contact_id="0", email="new.name@example.net", deleted_at=at("2025-05-07 10:00:00")),
        ),
    )
    return world


def get(world: World, path: str, key: str = "the-admin-key", **query: Any) -> Any:
    answer = world.client.get(path, query_string=query or None, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "application/json"
    return answer.json


def _unrefreshed(text: str) -> str:
    """Nothing came through the inbox here, so that these figures are of this very moment."""
    return re.sub(r'(?<="last_refresh_time":")\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', "…", text)


def refused(world: World, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    answer = world.client.get(path, headers={"Authorization": "Bearer the-admin-key"} if headers is None else headers)
    return answer.status_code, answer.json


def rows(world: World, feed: str, activity: str = "1000001", **query: Any) -> list[dict[str, Any]]:
    return get(world, f"{BASE}/email_reports/{activity}/tracking/{feed}", **query)["tracking_activities"]


def test_a_campaigns_statistics_byte_for_byte(world: World):
    answer = world.client.get(
        f"{BASE}/stats/email_campaigns/1000001", headers={"Authorization": "Bearer the-admin-key"}
    )
    assert _unrefreshed(answer.text) == (
        '{"errors":[],"results":[{"campaign_id":"1000001","stats":{"em_sends":10,"em_bounces":3,"em_not_opened":3,'
        '"em_opens":4,"em_opens_all":8,"em_opens_all_computer":1,"em_opens_all_mobile":4,"em_opens_all_tablet":1,'
        '"em_opens_all_other":1,"em_opens_all_none":1,"em_clicks":2,"em_clicks_all":4,"em_clicks_all_computer":0,'
        '"em_clicks_all_mobile":1,"em_clicks_all_tablet":0,"em_clicks_all_other":0,"em_clicks_all_none":3,'
        '"em_forwards":0,"em_optouts":1},"percents":{"bounce":30.0,"click":50.0,"desktop_click":75.0,'
        '"desktop_open":37.5,"did_not_open":42.9,"mobile_click":25.0,"mobile_open":62.5,"open":57.1,'
        '"unsubscribe":14.3},"last_refresh_time":"…"}]}'
    )


def test_an_activitys_statistics_byte_for_byte(world: World):
    answer = world.client.get(
        f"{BASE}/stats/email_campaign_activities/1000001,gone,1000001",
        headers={"Authorization": "Bearer the-admin-key"},
    )
    assert _unrefreshed(answer.text) == (
        '{"errors":[{"error_key":"reportingsvc.not_found.invalid_path_param.campaign_activity_ids.",'
        '"error_message":"No stats were found for the campaign activity gone."}],"results":[{"campaign_id":"1000001",'
        '"campaign_activity_id":"1000001","campaign_activity_type":11,"stats":{"em_sends":10,"em_opens":4,'
        '"em_not_opened":3,"em_opens.all":8,"em_opens.all.computer":1,"em_opens.all.mobile":4,'
        '"em_opens.all.tablet":1,"em_opens.all.other":1,"em_opens.all.none":1,"em_clicks":2,"em_clicks.all":4,'
        '"em_clicks.all.computer":0,"em_clicks.all.mobile":1,"em_clicks.all.tablet":0,"em_clicks.all.other":0,'
        '"em_clicks.all.none":3,"em_forwards":0,"em_optouts":1,"em_abuse":0,"em_bounces":3,'
        '"em_bounces_nonexistent_address":1,"em_bounces_undeliverable":0,"em_bounces_mailbox_full":1,'
        '"em_bounces_suspended":0,"em_bounces_vacation":1,"em_bounces_other":0,"em_bounces_blocked":0},'
        '"last_refresh_time":"…"}]}'
    )


def test_complaints_known_only_as_a_total_come_from_the_snapshot(world: World):
    claimed = Snapshot(
        list="stats",
        campaign_id="1000001",
        read_at=AS_OF,
        counts={Kind.COMPLAINED: (3, 2)},
        raw={"em_abuse": 3},
        stands_for=(Kind.COMPLAINED,),
    )
    world.tell(snapshots=(claimed,), received_at=AS_OF)
    stats = get(world, f"{BASE}/stats/email_campaign_activities/1000001")["results"][0]["stats"]
    assert stats["em_abuse"] == 2


def test_one_unknown_campaign_fails_the_whole_call(world: World):
    status, body = refused(world, f"{BASE}/stats/email_campaigns/1000001,none")
    assert (status, [sorted(error) for error in body]) == (404, [["error_key", "error_message"]])
    assert body[0]["error_key"] == "reportingsvc.not_found.invalid_path_param.campaign_ids."
    assert "none" in body[0]["error_message"]
    assert refused(world, f"{BASE}/stats/email_campaigns/1000001,")[0] == 404
    assert refused(world, f"{BASE}/stats/email_campaign_activities/1000001,")[0] == 404
    assert refused(world, f"{BASE}/stats/email_campaigns/{','.join(map(str, range(151)))}")[0] == 400
    assert refused(world, f"{BASE}/stats/email_campaign_activities/{','.join(map(str, range(11)))}")[0] == 400


def test_summaries_come_by_the_last_send_and_leave_out_what_was_never_sent(world: World):
    answer = world.client.get(
        f"{BASE}/summary_reports/email_campaign_summaries", headers={"Authorization": "Bearer the-admin-key"}
    )
    assert answer.text == (
        '{"bulk_email_campaign_summaries":[{"campaign_id":"1000002","campaign_type":"Newsletter",'
        '"last_sent_date":"2025-05-06T13:00:00.000Z","unique_counts":{"sends":1,"opens":0,"clicks":0,"forwards":0,'
        '"optouts":0,"abuse":0,"bounces":0,"not_opened":1}},{"campaign_id":"1000001","campaign_type":"Announcement",'
        '"last_sent_date":"2025-05-04T13:00:09.000Z","unique_counts":{"sends":10,"opens":4,"clicks":2,"forwards":0,'
        '"optouts":1,"abuse":0,"bounces":3,"not_opened":3}}],"aggregate_percents":{"click":50.0,"open":50.0,'
        '"did_not_open":50.0,"bounce":27.3,"unsubscribe":12.5}}'
    )


def test_pages_of_summaries_stay_true_while_campaigns_are_sent(world: World):
    path = f"{BASE}/summary_reports/email_campaign_summaries"
    first = get(world, path, limit="1")
    assert [row["campaign_id"] for row in first["bulk_email_campaign_summaries"]] == ["1000002"]
    href = first["_links"]["next"]["href"]
    assert href.startswith(f"{path}?next=")
    world.tell(event(Kind.SENT, "3", "2025-05-07 13:00:00", "1000003"))
    second = get(world, href)
    assert [row["campaign_id"] for row in second["bulk_email_campaign_summaries"]] == ["1000001"]
    assert "_links" not in second


def test_each_list_holds_its_rows_newest_first(world: World):
    assert [row["contact_id"] for row in rows(world, "sends")] == [str(n) for n in range(9, -1, -1)]
    assert [row["contact_id"] for row in rows(world, "opens")] == ["3", "6", "5", "4", "3", "3", "3", "3"]
    assert rows(world, "unique_opens") == [
        opened("3", "2025-05-04T15:00:00.000Z", first_name="Dana", last_name="Reyes", device_type="computer"),
        opened("6", "2025-05-04T14:32:00.000Z", device_type="tablet"),
        opened("5", "2025-05-04T14:31:00.000Z"),
        opened("4", "2025-05-04T14:30:00.000Z", device_type="other"),
    ]
    assert [(row["contact_id"], row["created_time"]) for row in rows(world, "didnotopens")] == [
        (n, f"2025-05-04T13:00:0{n}.000Z") for n in ("9", "8", "7")
    ]
    assert {row["tracking_activity_type"] for row in rows(world, "didnotopens")} == {"em_didnotopens"}
    assert rows(world, "forwards") == []


def opened(contact: str, created: str, **more: str) -> dict[str, str]:
    return {
        "contact_id": contact,
        "campaign_activity_id": "1000001",
        "tracking_activity_type": "em_opens",
        "email_address": f"{contact}@example.com",
        **more,
        "created_time": created,
    }


def test_clicks_name_their_links_as_the_list_of_links_does(world: World):
    answer = get(world, f"{BASE}/email_reports/1000001/links")
    assert answer == {
        "campaign_activity_id": "1000001",
        "link_click_counts": [
            {"link_url": URL, "url_id": "77", "unique_clicks": 2},
            {"link_url": MENU, "url_id": MENU_ID, "unique_clicks": 1},
        ],
    }
    clicks = rows(world, "clicks")
    assert [(row["contact_id"], row["url_id"], row["link_url"]) for row in clicks] == [
        ("4", "0", ""),
        ("4", MENU_ID, MENU),
        ("4", "77", URL),
        ("3", "77", URL),
    ]
    assert list(clicks[3]) == [
        *("contact_id", "campaign_activity_id", "tracking_activity_type", "email_address", "first_name"),
        *("last_name", "device_type", "url_id", "link_url", "created_time"),
    ]
    assert [row["contact_id"] for row in rows(world, "clicks", url_id="77")] == ["4", "3"]
    assert rows(world, "clicks", url_id="12345") == []


def test_bounces_have_their_codes_and_todays_address(world: World):
    answer = get(world, f"{BASE}/email_reports/1000001/tracking/bounces")
    assert answer["_links"] == {}
    assert [(row["contact_id"], row["bounce_code"]) for row in answer["tracking_activities"]] == [
        *(("2", "V"), ("1", "F"), ("0", "B")),
    ]
    assert answer["tracking_activities"][2] == {
        "contact_id": "0",
        "campaign_activity_id": "1000001",
        "tracking_activity_type": "em_bounces",
        "email_address": "0@example.com",
        "bounce_code": "B",
        "current_email_address": "new.name@example.net",
        "created_time": "2025-05-04T13:01:00.000Z",
        "deleted_at": "2025-05-07",
    }
    path = f"{BASE}/email_reports/1000001/tracking/bounces?bounce_code=B&bounce_code=V"
    assert [row["bounce_code"] for row in get(world, path)["tracking_activities"]] == ["V", "B"]


def test_optouts_tell_the_reason(world: World):
    assert get(world, f"{BASE}/email_reports/1000001/tracking/optouts") == {
        "tracking_activities": [
            {
                "contact_id": "4",
                "campaign_activity_id": "1000001",
                "tracking_activity_type": "em_optouts",
                "email_address": "4@example.com",
                "opt_out_reason": "Too many emails",
                "created_time": "2025-05-04T16:00:00.000Z",
            }
        ],
        "_links": {},
    }


@pytest.mark.parametrize("feed", ["sends", "opens", "unique_opens", "didnotopens", "clicks", "bounces"])
def test_pages_are_complete_while_rows_arrive(world: World, feed: str):
    whole = rows(world, feed)
    answer = get(world, f"{BASE}/email_reports/1000001/tracking/{feed}", limit="2")
    read = answer["tracking_activities"]
    while href := (answer.get("_links") or {}).get("next", {}).get("href"):
        assert href.startswith(f"{BASE}/email_reports/1000001/tracking/{feed}?next=")
        # A newer row of every sort, of somebody who is on no page yet.
        contact = str(100 + len(read))
        world.tell(
            event(Kind.SENT, contact, "2025-05-09 10:00:00"),
            event(Kind.OPENED, contact, "2025-05-09 11:00:00"),
            event(Kind.CLICKED, contact, "2025-05-09 11:00:00", url=URL),
            event(Kind.BOUNCED, contact, "2025-05-09 11:00:00"),
        )
        answer = get(world, href)
        read += answer["tracking_activities"]
    assert read == whole


def test_filters_travel_in_the_link(world: World):
    path = f"{BASE}/email_reports/1000001/tracking/bounces?bounce_code=B&bounce_code=F&limit=1"
    first = get(world, path)
    second = get(world, first["_links"]["next"]["href"])
    codes = [row["bounce_code"] for row in first["tracking_activities"] + second["tracking_activities"]]
    assert codes == ["F", "B"]
    assert second["_links"] == {}


def test_a_contacts_activities_and_rates(world: World):
    base = f"{BASE}/contact_reports/3"
    details = get(world, f"{base}/activity_details", tracking_activities_list="em_clicks,em_sends")
    assert details == {
        "tracking_activities": [
            {
                "contact_id": "3",
                "campaign_activity_id": "1000002",
                "created_time": "2025-05-06T13:00:00.000Z",
                "tracking_activity_type": "em_sends",
            },
            {
                "contact_id": "3",
                "campaign_activity_id": "1000001",
                "created_time": "2025-05-04T15:01:00.000Z",
                "tracking_activity_type": "em_clicks",
                "campaign_activity_name": "May newsletter",
            },
            {
                "contact_id": "3",
                "campaign_activity_id": "1000001",
                "created_time": "2025-05-04T13:00:03.000Z",
                "tracking_activity_type": "em_sends",
                "campaign_activity_name": "May newsletter",
            },
        ]
    }
    paged = get(
        world, f"{base}/activity_details?tracking_activity_type=em_sends&tracking_activity_type=em_clicks&limit=2"
    )
    following = get(world, paged["_links"]["next"]["href"])
    assert paged["tracking_activities"] + following["tracking_activities"] == details["tracking_activities"]
    window = "start=2025-05-04T00:00:00Z&end=2025-05-05T00:00:00-0500"
    assert get(world, f"{base}/activity_summary?{window}") == {
        "contact_id": "3",
        "campaign_activities": [
            {
                "campaign_activity_id": "1000001",
                "start_on": "2025-05-04T13:00:03.000Z",
                "em_sends": 1,
                "em_opens": 5,
                "em_clicks": 1,
                "em_bounces": 0,
                "em_forwards": 0,
                "em_unsubscribes": 0,
            }
        ],
        "_links": {},
    }
    assert get(world, f"{base}/open_and_click_rates?start=2025-05-01T00:00:00Z&end=2025-06-01T00:00:00%2B02:00") == {
        "contact_id": "3",
        "included_activities_count": 2,
        "average_open_rate": 0.5,
        "average_click_rate": 0.5,
    }
    assert get(world, f"{base}/open_and_click_rates?start=2020-05-01T00:00:00Z&end=2020-06-01T00:00:00Z") == {
        "contact_id": "3",
        "included_activities_count": 0,
        "average_open_rate": 0.0,
        "average_click_rate": 0.0,
    }


def test_activities_of_a_source_that_has_them_count_apart(world: World):
    def of(activity: str, kind: Kind, when: str) -> Event:
        made = event(kind, "42", when, "c-1", source="beta", activity_id=activity)
        return msgspec.structs.replace(made, slot=slot_key(at(when), "beta", kind, activity))

    world.tell(
        of("a-1", Kind.SENT, "2025-05-04 10:00:00"),
        of("a-1", Kind.OPENED, "2025-05-04 10:05:00"),
        of("a-2", Kind.SENT, "2025-05-05 10:00:00"),
        source="beta",
    )
    one, two = get(world, f"{BASE}/stats/email_campaign_activities/a-1,a-2")["results"]
    assert (one["campaign_id"], one["stats"]["em_sends"], one["stats"]["em_opens"]) == ("c-1", 1, 1)
    assert (two["campaign_id"], two["stats"]["em_sends"], two["stats"]["em_opens"]) == ("c-1", 1, 0)
    whole = get(world, f"{BASE}/stats/email_campaigns/c-1")["results"][0]["stats"]
    assert (whole["em_sends"], whole["em_opens"]) == (1, 1)
    assert [row["campaign_activity_id"] for row in rows(world, "sends", "a-2")] == ["a-2"]
    assert [row["contact_id"] for row in rows(world, "didnotopens", "a-2")] == ["42"]
    assert refused(world, f"{BASE}/email_reports/c-1/links")[0] == 404


def test_ids_with_slash_plus_and_percent(world: World):
    odd = "a/b+c%d//e f"
    world.tell(event(Kind.OPENED, "x/y+z%", "2025-05-04 10:00:00", odd))
    quoted = "a%2Fb%2Bc%25d%2F%2Fe%20f"
    assert [row["contact_id"] for row in rows(world, "opens", quoted)] == ["x/y+z%"]
    assert get(world, f"{BASE}/stats/email_campaigns/{quoted}")["results"][0]["campaign_id"] == odd
    path = f"{BASE}/contact_reports/x%2Fy%2Bz%25/activity_details"
    assert (
        get(world, path, tracking_activities_list="em_opens")["tracking_activities"][0]["campaign_activity_id"] == odd
    )


def test_known_but_never_sent_is_empty_and_unknown_is_404(world: World):
    for feed in ("sends", "opens", "unique_opens", "didnotopens", "forwards", "clicks"):
        assert get(world, f"{BASE}/email_reports/draft/tracking/{feed}") == {"tracking_activities": []}
        assert refused(world, f"{BASE}/email_reports/none/tracking/{feed}")[0] == 404
    assert get(world, f"{BASE}/email_reports/draft/tracking/bounces") == {"tracking_activities": [], "_links": {}}
    assert refused(world, f"{BASE}/email_reports/1000001/tracking/nonsense")[0] == 404
    for report in (
        "activity_details?tracking_activities_list=em_opens",
        "activity_summary?start=2025-01-01T00:00:00Z&end=2025-01-01T00:00:00Z",
    ):
        assert refused(world, f"{BASE}/contact_reports/nobody/{report}")[0] == 404
    status, body = refused(world, f"{BASE}/nonsense")
    assert (status, isinstance(body, list), len(body)) == (404, True, 1)


TRACKING = f"{BASE}/email_reports/1000001/tracking"
CONTACT = f"{BASE}/contact_reports/3"


@pytest.mark.parametrize(
    "path",
    [
        *(f"{TRACKING}/opens?limit={limit}" for limit in ("0", "501", "-1", "", "abc", "1.5", "9" * 400, "%00", "😀")),
        f"{TRACKING}/opens?limit=1&limit=2",
        *(f"{TRACKING}/bounces?bounce_code={code}" for code in ("Q", "b", "", "BB")),
        *(f"{TRACKING}/clicks?url_id={id}" for id in ("abc", "", "1.5", "%00")),
        *(f"{TRACKING}/opens?next={cursor}" for cursor in ("", "nonsense", "bGltaXQ9NTAmbz01MA", "%00", "😀")),
        f"{BASE}/summary_reports/email_campaign_summaries?limit=501",
        f"{BASE}/summary_reports/email_campaign_summaries?next=x",
        f"{BASE}/email_reports/1000001/links?no_clicks=maybe",
        f"{CONTACT}/activity_details",
        f"{CONTACT}/activity_details?tracking_activities_list=",
        f"{CONTACT}/activity_details?tracking_activities_list=em_nothing",
        f"{CONTACT}/activity_details?tracking_activities_list=em_opens&tracking_activity_type=em_opens",
        f"{CONTACT}/activity_details?tracking_activities_list=em_opens&limit=101",
        f"{CONTACT}/activity_details?tracking_activities_list=em_opens&include_campaign_activity_names=1",
        f"{CONTACT}/activity_summary",
        f"{CONTACT}/activity_summary?start=2025-01-01&end=2025-01-02",
        f"{CONTACT}/activity_summary?start=2025-01-02T00:00:00Z&end=2025-01-01T00:00:00Z",
        f"{CONTACT}/open_and_click_rates?start=2015-01-01T00:00:00Z&end=2025-01-01T00:00:00Z",
        f"{CONTACT}/open_and_click_rates?start=0001-01-01T00:00:00%2B10:00&end=9999-12-31T23:59:59-10:00",
    ],
)
def test_bad_input_is_a_400_with_an_array_of_one(world: World, path: str):
    status, body = refused(world, path)
    assert (status, [sorted(error) for error in body]) == (400, [["error_key", "error_message"]])


def test_a_cursor_belongs_to_its_list_its_activity_and_what_its_key_sees(world: World):
    href = get(world, f"{TRACKING}/opens", limit="1")["_links"]["next"]["href"]
    cursor = href.partition("next=")[2]
    assert refused(world, f"{TRACKING}/sends?next={cursor}")[0] == 400
    assert refused(world, f"{BASE}/email_reports/1000002/tracking/opens?next={cursor}")[0] == 400
    assert refused(world, f"{TRACKING}/opens?next={cursor[:-4]}")[0] == 400
    limited = world.key("reports:read", "contacts:read", sources=("acme",))["X-API-Key"]
    assert refused(world, f"{TRACKING}/opens?next={cursor}", {"Authorization": f"Bearer {limited}"})[0] == 400


def test_keys_are_refused_in_the_platforms_words(world: World):
    path = f"{BASE}/stats/email_campaigns/1000001"
    unauthorized = (401, {"error_key": "unauthorized", "error_message": "Unauthorized"})
    assert refused(world, path, {}) == unauthorized
    assert refused(world, path, {"Authorization": "Bearer unknown"}) == unauthorized
    assert refused(world, path, {"X-API-Key": "the-admin-key"}) == unauthorized
    expired = world.key("reports:read", expires_at=now() - 1)["X-API-Key"]
    assert refused(world, path, {"Authorization": f"Bearer {expired}"}) == unauthorized
    for scope, where, word in (
        ("contacts:read", path, "campaign_data"),
        ("reports:read", f"{TRACKING}/opens", "contact_data"),
    ):
        status, body = refused(world, where, {"Authorization": f"Bearer {world.key(scope)['X-API-Key']}"})
        assert (status, body["error_key"]) == (403, "forbidden")
        assert word in body["error_message"]


def test_for_a_key_limited_to_another_source_nothing_is_there(world: World):
    headers = {"Authorization": f"Bearer {world.key('reports:read', 'contacts:read', sources=('gamma',))['X-API-Key']}"}
    for path in (
        f"{BASE}/stats/email_campaigns/1000001",
        f"{TRACKING}/opens",
        f"{BASE}/email_reports/1000001/links",
        f"{CONTACT}/activity_details?tracking_activities_list=em_opens",
    ):
        seen, unknown = (
            refused(world, path, headers),
            refused(world, path.replace("1000001", "none").replace("/3/", "/none/"), headers),
        )
        assert seen[0] == unknown[0] == 404
    assert refused(world, f"{BASE}/stats/email_campaign_activities/1000001", headers)[1]["results"] == []
    assert refused(world, f"{TRACKING}/opens?source=acme", headers)[0] == 404
    summary = world.client.get(f"{BASE}/summary_reports/email_campaign_summaries", headers=headers).json
    assert summary == {
        "bulk_email_campaign_summaries": [],
        "aggregate_percents": {"click": 0.0, "open": 0.0, "did_not_open": 0.0, "bounce": 0.0, "unsubscribe": 0.0},
    }


def test_unknown_parameters_are_not_looked_at(world: World):
    assert len(rows(world, "opens", nonsense="1", created_time="2020")) == 8


def test_a_campaign_known_only_by_its_platforms_totals_has_their_figures(world: World) -> None:
    claims = Snapshot(
        list="stats",
        campaign_id="7777",
        read_at=AS_OF,
        counts={Kind.SENT: (15, 15), Kind.BOUNCED: (5, 5), Kind.AUTO_REPLIED: (1, 1), Kind.OPENED: (9, 6)},
        raw={},
    )
    world.tell(snapshots=(claims,))
    (result,) = get(world, f"{BASE}/stats/email_campaigns/7777")["results"]
    told = {name: result["stats"][name] for name in ("em_sends", "em_bounces", "em_opens", "em_opens_all")}
    assert told == {"em_sends": 15, "em_bounces": 6, "em_opens": 6, "em_opens_all": 9}
    assert (result["percents"]["bounce"], result["percents"]["open"]) == (40.0, 66.7)
