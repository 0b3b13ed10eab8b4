"""Reports as inwise answers them: the emulation checklist and the details for serving, one by one."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from reading_world import World, at, event

from aftersend.receiver import create_app
from aftersend.receiver.auth import mint
from aftersend.vocabulary import BounceClass, Channel, Clock, Delivery, Door, Kind, Precision, Snapshot, now

BASE = "/rest/v1/campaigns/email"
PAIRS = [("sentEmails", Kind.SENT), ("undelivered", Kind.DROPPED), ("activities", Kind.OPENED)]
LISTS = [path for path, _ in PAIRS]
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
ALL_TIME = {"date_from": "2000-01-01"}

COUNTERS = [
    *("opens", "opens_unique", "clicks", "clicks_unique", "sent", "undelivered", "bounces", "bounces_unique"),
    *("webversions_unique", "unsubscribes", "unsubscribes_unique", "report_spam", "report_spam_unique"),
    *("onsite", "onsite_unique"),
]


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def text(world: World, path: str, **query) -> str:
    answer = world.client.get(f"{BASE}/{path}", query_string=query, headers=world.admin)
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "application/json"
    return answer.text


def ids(world: World, path: str, headers=None, **query) -> list:
    return [row.get("id", row.get("row_index")) for row in world.get(f"{BASE}/{path}", headers, **query)]


# -- shapes --------------------------------------------------------------------------------------------


def test_sent_emails_are_printed_as_in_the_sample(world):
    world.tell(
        event(
            Kind.SENT,
            "2025-03-18 09:26:00",
            row="7000001",
            message_id="0a1b2c3d4e5f60718293a",
            email="dana@example.com",
            metadata={"message_size": "56", "sending_source": "Campaign"},
        )
    )
    assert text(world, "sentEmails", contact_id=42, date_from="2025-03-01") == (
        '[{"row_index":7000001,"transaction_id":"0a1b2c3d4e5f60718293a","contact_id":42,"campaign_id":1000001,'
        '"date_sent":"2025-03-18 11:26:00","email":"dana@example.com","message_size":56,"sending_source":"Campaign"}]'
    )


def test_undelivered_is_printed_as_in_the_sample(world):
    dropped = event(
        Kind.DROPPED, "2025-03-18 09:25:00", "43", row="2500000001", email="omer@example.com", reason="unsubscribed"
    )
    world.tell(dropped)
    assert text(world, "undelivered", campaign_id=1000001) == (
        '[{"id":2500000001,"campaign_id":1000001,"email":"omer@example.com","contact_id":43,'
        '"reason":"unsubscribed","create_date":"2025-03-18 11:25:00"}]'
    )


def test_activities_are_printed_as_in_the_sample(world):
    world.tell(
        event(Kind.OPENED, "2025-03-18 12:00:00", row="88000002", ip="192.0.2.11", link_number="12345"),
        event(
            Kind.CLICKED, "2025-03-18 11:59:00", row="88000001", ip="192.0.2.11", url="https://www.example.com/offer"
        ),
    )
    query = {"campaign_id": 1000001, "date_from": "2025-03-18", "date_to": "2025-03-25", "page_index": 0}
    assert text(world, "activities", **query) == (
        '[{"id":88000002,"action_date":"2025-03-18 14:00:00","contact_id":42,"campaign_id":1000001,'
        '"ip":"192.0.2.11","action_type":"emailOpened","remarks":"12345"},'
        '{"id":88000001,"action_date":"2025-03-18 13:59:00","contact_id":42,"campaign_id":1000001,'
        '"ip":"192.0.2.11","action_type":"emailClicked","additional_data":"https://www.example.com/offer"}]'
    )


def test_the_summary_is_printed_as_in_the_sample(world):
    assert text(world, "activitiesSummary", campaign_id=1000001) == "{" + ",".join(f'"{c}":0' for c in COUNTERS) + "}"


def test_recent_activities_are_printed_oldest_first_with_the_whole_chain(world):
    one, two = now() - DAY, now() - HOUR
    world.tell(
        event(
            Kind.OPENED, two, "44", "1000002", row="700000027", ip="192.0.2.172", ip_chain="192.0.2.172,198.51.100.10"
        )
    )
    world.tell(event(Kind.OPENED, one, row="700000010", ip="192.0.2.46"))

    def local(instant: int) -> str:
        return f"{datetime.fromtimestamp(instant // 1000, ZoneInfo('Asia/Jerusalem')):%Y-%m-%d %H:%M:%S}"

    assert text(world, "recentActivities") == (
        f'[{{"id":700000010,"action_date":"{local(one)}","contact_id":42,"campaign_id":1000001,'
        '"ip":"192.0.2.46","action_type":"emailOpened"},'
        f'{{"id":700000027,"action_date":"{local(two)}","contact_id":44,"campaign_id":1000002,'
        '"ip":"192.0.2.172,198.51.100.10","action_type":"emailOpened"}]'
    )


def test_an_external_id_stands_last_on_every_row_of_every_list(world):
    known = {"external_id": "crm-0042", "email": "dana@example.com"}
    recent = now() - HOUR
    world.tell(
        event(Kind.SENT, recent, row="1", **known),
        event(Kind.DROPPED, recent, campaign="8", row="2"),
        event(Kind.OPENED, recent, row="3"),
        event(Kind.OPENED, recent, "43", row="4"),
    )
    for path in LISTS:
        row = next(row for row in world.get(f"{BASE}/{path}") if row["contact_id"] == 42)
        assert list(row)[-1] == "external_id"
        assert row["external_id"] == "crm-0042"
    (stranger,) = world.get(f"{BASE}/activities", contact_id=43)
    assert list(stranger) == ["id", "action_date", "contact_id", "campaign_id", "action_type"]


def test_numbers_are_numbers_of_any_size_and_the_rest_is_text(world):
    huge = "9" * 200
    world.tell(
        event(Kind.OPENED, now() - 3 * MINUTE, huge, "welcome-mail", row=huge),
        event(Kind.OPENED, now() - 4 * MINUTE, "007", "0", row="abc"),
    )
    raw = text(world, "activities")
    assert f'"id":{huge},' in raw
    assert f'"contact_id":{huge},"campaign_id":"welcome-mail"' in raw
    assert '"id":"abc"' in raw
    assert '"contact_id":"007","campaign_id":0' in raw
    assert json.loads(text(world, "activities", contact_id=huge))[0]["contact_id"] == int(huge)


def test_what_has_no_id_of_the_platform_gets_our_increasing_number(world):
    for n in range(3):
        world.tell(event(Kind.SENT, now() - n * MINUTE, str(n), row_id=None, row=str(n)))
    (newest, middle, oldest) = world.get(f"{BASE}/sentEmails")
    assert 0 < newest["row_index"] < middle["row_index"] < oldest["row_index"]
    assert {key: newest[key] for key in ("transaction_id", "email", "message_size", "sending_source")} == {
        "transaction_id": "",
        "email": "",
        "message_size": 0,
        "sending_source": "Campaign",
    }


def test_a_contact_without_an_id_is_its_lower_cased_address(world):
    world.tell(event(Kind.SENT, now() - MINUTE, None, email="Dana@Example.com"))
    (row,) = world.get(f"{BASE}/sentEmails")
    assert (row["contact_id"], row["email"]) == ("dana@example.com", "Dana@Example.com")


def test_seconds_are_printed_when_the_source_said_them(world):
    world.tell(
        event(Kind.OPENED, "2025-03-18 12:00:41", row="2", precision=Precision.SECOND),
        event(Kind.OPENED, "2025-03-18 11:00:00", row="1"),
    )
    dates = [row["action_date"] for row in world.get(f"{BASE}/activities", **ALL_TIME)]
    assert dates == ["2025-03-18 14:00:41", "2025-03-18 13:00:00"]


def test_a_minute_that_a_webhook_knows_to_the_second_is_printed_with_it(world):
    world.tell(event(Kind.OPENED, "2025-03-18 12:00:00", row="5"))
    pushed = event(Kind.OPENED, "2025-03-18 12:00:41", list="webhook", row="d", row_id=None, precision=Precision.SECOND)
    world.tell(pushed, door=Door.WEBHOOK)
    (row,) = world.get(f"{BASE}/activities", **ALL_TIME)
    assert (row["id"], row["action_date"]) == (5, "2025-03-18 14:00:41")


# -- words ---------------------------------------------------------------------------------------------

SHOWN = {
    Kind.OPENED: "emailOpened",
    Kind.CLICKED: "emailClicked",
    Kind.BOUNCED: "emailBounced",
    Kind.UNSUBSCRIBED: "emailUnsubscribed",
    Kind.WEB_VIEWED: "emailWebVersion",
    Kind.PRINTED: "emailPrinted",
}


def test_only_the_documented_kinds_appear(world):
    world.tell(*(event(kind, now() - n * MINUTE, row=str(n)) for n, kind in enumerate(Kind)))
    for path in ("activities", "recentActivities"):
        words = {row["action_type"] for row in world.get(f"{BASE}/{path}")}
        assert words == set(SHOWN.values())


@pytest.mark.parametrize(("kind", "word"), SHOWN.items())
def test_the_action_filter_finds_its_kind(world, kind, word):
    world.tell(*(event(each, now() - MINUTE, row=str(n)) for n, each in enumerate(SHOWN)))
    (row,) = world.get(f"{BASE}/activities", action_type=word)
    assert row["action_type"] == word
    assert row["id"] == list(SHOWN).index(kind)


def test_the_two_web_versions_are_told_apart(world):
    public = {"word": "emailPublicWebVersion", "metadata": {"public": "true"}}
    world.tell(
        *(event(Kind.WEB_VIEWED, now() - n * MINUTE, row=str(n)) for n in (1, 3)),
        *(event(Kind.WEB_VIEWED, now() - n * MINUTE, contact="9", row=str(n), **public) for n in (2, 4)),
    )
    assert ids(world, "activities", action_type="emailWebVersion") == [1, 3]
    assert ids(world, "activities", action_type="emailPublicWebVersion") == [2, 4]
    assert ids(world, "activities", action_type="emailPublicWebVersion", page_size=1, page_index=1) == [4]
    assert ids(world, "activities") == [1, 2, 3, 4]


@pytest.mark.parametrize("word", ["", "emailSent", "opened", "%00", "😀", "x" * 3000])
def test_an_unknown_action_type_is_an_empty_list(world, word):
    world.tell(event(Kind.OPENED, now() - MINUTE))
    assert world.get(f"{BASE}/activities", action_type=word) == []


def test_events_of_an_inwise_source_keep_their_own_word(world):
    world.tell(event(Kind.BOUNCED, now() - MINUTE, word="hard_bounce"))
    assert [row["action_type"] for row in world.get(f"{BASE}/activities")] == ["hard_bounce"]


def test_events_of_any_other_source_take_the_documented_words(world):
    words = {Kind.OPENED: "open", Kind.BOUNCED: "bounce", Kind.UNSUBSCRIBED: "group_unsubscribe", Kind.DELIVERED: "x"}
    told = [
        event(kind, now() - n * MINUTE, row=str(n), source="elsewhere", word=word)
        for n, (kind, word) in enumerate(words.items(), 1)
    ]
    public = event(
        Kind.WEB_VIEWED, now() - 9 * MINUTE, row="9", source="elsewhere", word="w", metadata={"public": "true"}
    )
    world.tell(*told, public, source="elsewhere")
    shown = [row["action_type"] for row in world.get(f"{BASE}/activities", source="elsewhere")]
    assert shown == ["emailOpened", "emailBounced", "emailUnsubscribed", "emailPublicWebVersion"]


@pytest.mark.parametrize(
    ("told", "printed"),
    [
        ({"reason": "frequency_limit"}, "frequency_limit"),
        ({"reason": "Bounced Address"}, "Bounced Address"),
        ({"bounce_class": BounceClass.HARD}, "bounced"),
        ({}, "other"),
    ],
)
def test_the_reason_is_the_platforms_own_word_or_the_nearest(world, told, printed):
    world.tell(event(Kind.DROPPED, "2025-03-18 09:25:00", **told))
    assert [row["reason"] for row in world.get(f"{BASE}/undelivered")] == [printed]


# -- filters, windows, pages ---------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "kind"), PAIRS)
def test_all_filters_hold_together_on_each_list(world, path, kind):
    world.tell(
        event(kind, now() - MINUTE, "1", "7", row="1"),
        event(kind, now() - 2 * MINUTE, "1", "8", row="2"),
        event(kind, now() - 3 * MINUTE, "2", "7", row="3"),
    )
    assert ids(world, path) == [1, 2, 3]
    assert ids(world, path, campaign_id=7) == [1, 3]
    assert ids(world, path, contact_id=1) == [1, 2]
    assert ids(world, path, campaign_id=7, contact_id=2) == [3]
    assert ids(world, path, campaign_id="007") == [1, 3]
    for nobody in (
        {"campaign_id": 999},
        {"contact_id": 999},
        {"page_index": 1},
        {"page_index": 10**30},
        {"campaign_id": -7},
    ):
        assert world.get(f"{BASE}/{path}", **nobody) == []


def test_without_dates_the_last_seven_days_are_shown_except_of_undelivered(world):
    for kind in (Kind.SENT, Kind.DROPPED, Kind.OPENED):
        world.tell(
            event(kind, now() - 7 * DAY + HOUR, row="1"),
            event(kind, now() - 7 * DAY - HOUR, row="2"),
            event(kind, now() - 400 * DAY, row="3"),
        )
    for query in ({}, {"campaign_id": 1000001}, {"contact_id": 42}):
        assert ids(world, "sentEmails", **query) == [1]
        assert ids(world, "activities", **query) == [1]
        assert ids(world, "undelivered", **query) == [1, 2, 3]


@pytest.mark.parametrize(("path", "kind"), PAIRS)
def test_dates_are_days_of_the_sources_zone_both_included(world, path, kind):
    # Jerusalem is two hours ahead: the 18th lasts from 22:00 of the 17th to 21:59 in UTC.
    times = ["2025-03-17 21:59:00", "2025-03-17 22:00:00", "2025-03-18 21:59:00", "2025-03-18 22:00:00"]
    world.tell(*(event(kind, when, row=str(n)) for n, when in enumerate(times)))
    assert ids(world, path, date_from="2025-03-18", date_to="2025-03-18") == [2, 1]
    assert ids(world, path, date_from="2025-03-18") == [3, 2, 1]
    assert ids(world, path, date_to="2025-03-17") == [0]
    assert ids(world, path, date_from="2025-03-18 00:00:00", date_to="2025-03-18 23:59:00") == [2, 1]
    assert ids(world, path, date_from="2025-03-18 00:00:01", date_to="2025-03-18 23:58:59") == []
    assert ids(world, path, date_from="2025-03-19", date_to="2025-03-18") == []


@pytest.mark.parametrize("path", LISTS)
def test_only_date_to_shows_the_seven_days_before_it(world, path):
    kind = dict(PAIRS)[path]
    times = ["2025-03-10 12:00:00", "2025-03-13 12:00:00", "2025-03-18 12:00:00", "2025-03-19 12:00:00"]
    world.tell(*(event(kind, when, row=str(n)) for n, when in enumerate(times)))
    assert ids(world, path, date_to="2025-03-18") == [2, 1]


def test_only_date_from_ends_now(world):
    world.tell(event(Kind.OPENED, now() + HOUR, row="1"), event(Kind.OPENED, now() - HOUR, row="2"))
    assert ids(world, "activities", date_from="2025-01-01") == [2]
    assert ids(world, "activities") == [2]


def test_several_sources_each_have_their_own_days(world):
    # 03:30 UTC on the 18th is still the 17th in New York.
    world.tell(event(Kind.OPENED, "2025-03-18 03:30:00", row="1"))
    world.tell(event(Kind.OPENED, "2025-03-18 03:30:00", source="beta", row="2"), source="beta")
    world.tell(event(Kind.OPENED, "2025-03-18 05:00:00", source="beta", row="3"), source="beta")
    assert ids(world, "activities", date_from="2025-03-18", date_to="2025-03-18") == [3, 1]
    assert ids(world, "activities", date_from="2025-03-17", date_to="2025-03-17") == [2]
    assert ids(world, "activities", date_from="2025-03-17", date_to="2025-03-18", page_size=1, page_index=2) != []
    beta = world.get(f"{BASE}/activities", source="beta", date_from="2025-03-17", date_to="2025-03-18")
    assert [row["action_date"] for row in beta] == ["2025-03-18 01:00:00", "2025-03-17 23:30:00"]


@pytest.mark.parametrize("date", ["9999-12-31", "9999-12-31 23:59:59"])
def test_a_date_at_the_end_of_all_time_means_no_end(world, date):
    world.tell(event(Kind.OPENED, "2025-03-18 12:00:00", row="1"))
    assert ids(world, "activities", date_from="0001-01-01", date_to=date) == [1]


def test_pages_have_100_rows_and_at_most_1000(world):
    world.tell(*(event(Kind.OPENED, now() - n * 1000, str(n), row=str(n)) for n in range(1, 1251)))
    assert ids(world, "activities") == list(range(1, 101))
    assert ids(world, "activities", page_index=1) == list(range(101, 201))
    assert ids(world, "activities", page_size=5000) == list(range(1, 1001))
    assert ids(world, "activities", page_size=1000, page_index=1) == list(range(1001, 1251))
    assert ids(world, "activities", page_size=1, page_index=1249) == [1250]
    assert ids(world, "activities", page_size=10**30) == list(range(1, 1001))


def test_pages_over_rows_of_one_minute_neither_lose_nor_repeat_any(world):
    minute = now() // MINUTE * MINUTE - HOUR
    world.tell(*(event(Kind.OPENED, minute, str(n), row=str(n)) for n in range(25)))
    pages = [ids(world, "activities", page_size=4, page_index=index) for index in range(8)]
    assert sorted(row for page in pages for row in page) == list(range(25))
    assert pages[-1] == []


# -- summary -------------------------------------------------------------------------------------------


def test_the_summary_counts_as_documented(world):
    campaign = [
        *(event(Kind.SENT, "2024-03-18 09:00:00", contact, row=contact) for contact in "123"),
        event(Kind.SENT, "2024-03-18 10:00:00", "1", row="again"),
        event(Kind.BOUNCED, "2024-03-18 09:01:00", "1", row="b1"),
        event(Kind.BOUNCED, "2024-03-18 09:05:00", "1", row="b2"),
        event(Kind.DROPPED, "2024-03-18 09:00:00", "4", row="d1"),
        event(Kind.DROPPED, "2024-03-19 09:00:00", "4", row="d2"),
        *(event(Kind.OPENED, "2024-03-18 11:00:00", contact, row=f"o{contact}") for contact in "23"),
        event(Kind.OPENED, "2024-03-18 12:00:00", "2", row="o4"),
        event(Kind.CLICKED, "2024-03-18 12:00:00", "2", row="c1", url="https://www.example.com/a"),
        event(Kind.WEB_VIEWED, "2024-03-18 12:00:00", "2", row="w1"),
        event(Kind.WEB_VIEWED, "2024-03-18 12:10:00", "2", row="w2"),
        event(Kind.UNSUBSCRIBED, "2024-03-18 12:00:00", "3", row="u1"),
        event(Kind.COMPLAINED, "2024-03-18 12:00:00", "3", row="s1", word="spam"),
        event(Kind.VISITED, "2024-03-18 12:00:00", "3", row="v1", channel=Channel.SITE),
        event(Kind.VISITED, "2024-03-18 13:00:00", "3", row="v2", channel=Channel.SITE),
        event(Kind.CLICKED, "2024-03-18 12:00:00", "9", row="sms", channel=Channel.SMS),
    ]
    expected = {
        "opens": 3,
        "opens_unique": 2,
        "clicks": 1,
        "clicks_unique": 1,
        "sent": 3,
        "undelivered": 1,
        "bounces": 2,
        "bounces_unique": 1,
        "webversions_unique": 1,
        "unsubscribes": 1,
        "unsubscribes_unique": 1,
        "report_spam": 1,
        "report_spam_unique": 1,
        "onsite": 2,
        "onsite_unique": 1,
    }
    world.tell(*campaign)
    world.tell(event(Kind.SENT, "2024-03-18 09:00:00", "1", "2", row="other"))
    answer = world.get(f"{BASE}/activitiesSummary", campaign_id=1000001)
    assert answer == expected
    assert list(answer) == COUNTERS
    assert world.get(f"{BASE}/activitiesSummary") == {**expected, "sent": 4}
    assert world.get(f"{BASE}/activitiesSummary", campaign_id=31337) == dict.fromkeys(COUNTERS, 0)


def test_what_a_source_gives_only_as_a_total_comes_from_its_latest_snapshot(world):
    def snapshot(read_at: str, spam: int, visits: int) -> Snapshot:
        return Snapshot(
            list="activitiesSummary",
            campaign_id="1000001",
            read_at=at(read_at),
            counts={Kind.COMPLAINED: (spam, spam), Kind.VISITED: (visits, 1), Kind.OPENED: (77, 70)},
            raw={},
            stands_for=(Kind.COMPLAINED, Kind.VISITED),
        )

    world.tell(event(Kind.OPENED, "2025-03-18 09:00:00"))
    world.tell(snapshots=(snapshot("2025-03-18 11:00:00", 3, 5),))
    world.tell(snapshots=(snapshot("2025-03-18 10:00:00", 2, 9),))
    answer = world.get(f"{BASE}/activitiesSummary", campaign_id=1000001)
    assert (answer["report_spam"], answer["report_spam_unique"]) == (3, 3)
    assert (answer["onsite"], answer["onsite_unique"]) == (5, 1)
    assert (answer["opens"], answer["opens_unique"]) == (1, 1)


# -- recent --------------------------------------------------------------------------------------------


def test_recent_starts_with_seven_days_and_goes_on_by_arrival(world):
    world.tell(event(Kind.OPENED, now() - 8 * DAY, row="1"), event(Kind.OPENED, now() - 6 * DAY, row="2"))
    assert ids(world, "recentActivities") == [2]
    assert ids(world, "recentActivities") == []
    world.tell(event(Kind.OPENED, now() - 30 * DAY, row="3"))
    assert ids(world, "recentActivity") == [3]
    assert ids(world, "recentActivities") == []


def test_recent_takes_no_parameters(world):
    world.tell(event(Kind.OPENED, now() - HOUR, row="2"))
    query = {"campaign_id": "abc", "date_from": "never", "page_index": -1, "page_size": 0}
    assert ids(world, "recentActivities", **query) == [2]


def test_recent_has_a_position_per_key_that_survives_a_restart(world, tmp_path):
    one, other = world.key("admin"), world.key("reports:read", "contacts:read")
    world.tell(event(Kind.OPENED, now() - HOUR, row="2"))
    assert ids(world, "recentActivities", one) == [2]
    assert ids(world, "recentActivities", other) == [2]
    world.store.close()
    again = World(tmp_path)
    assert ids(again, "recentActivities", one) == []
    assert ids(again, "recentActivities", other) == []


def test_recent_gives_at_most_1000_rows_and_each_once_even_to_calls_at_the_same_time(world):
    world.tell(*(event(Kind.OPENED, now() - n * 1000, str(n), row=str(n)) for n in range(2300)))
    app = world.client.application

    def call(_) -> list[int]:
        answer = app.test_client().get(f"{BASE}/recentActivities", headers=world.admin)
        return [row["id"] for row in answer.json]

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(call, range(8)))
    assert sorted(len(rows) for rows in answers) == [0, 0, 0, 0, 0, 300, 1000, 1000]
    assert sorted(row for rows in answers for row in rows) == list(range(2300))


def test_reading_one_source_takes_nothing_from_another(world):
    world.tell(event(Kind.OPENED, now() - HOUR, row="1"))
    world.tell(event(Kind.OPENED, now() - HOUR, source="beta", row="2"), source="beta")
    assert ids(world, "recentActivities", source="acme") == [1]
    assert ids(world, "recentActivities", source="beta") == [2]


# -- keys and errors -----------------------------------------------------------------------------------

ALL = [*LISTS, "activitiesSummary", "recentActivities", "recentActivity"]


@pytest.mark.parametrize("path", ALL)
def test_the_key_comes_in_its_own_header_only(world, path):
    def refusal(headers):
        return world.refused(f"{BASE}/{path}", headers)

    missing = (401, "Parameter 'X-API-Key' is missing.")
    assert refusal({}) == missing
    assert refusal({"X-API-Key": "  "}) == missing
    assert refusal({"Authorization": "Bearer the-admin-key"}) == missing
    assert refusal({"X-API-Key": "wrong"}) == (401, "Parameter 'X-API-Key' is invalid.")
    assert refusal(world.key("admin", expires_at=now() - 1)) == (401, "Parameter 'X-API-Key' is invalid.")
    row, secret = mint(world.store, "gone", ["admin"])
    world.store.revoke_key(row.id, now())
    assert refusal({"X-API-Key": secret}) == (401, "Parameter 'X-API-Key' is invalid.")
    both = {"X-API-Key": "the-admin-key", "Authorization": "Bearer whatever"}
    world.get(f"{BASE}/{path}", both)
    world.get(f"{BASE}/{path}", {"X-API-Key": " the-admin-key\t"})


@pytest.mark.parametrize("path", ALL)
def test_a_missing_scope_is_401_with_a_sentence(world, path):
    scopes = ["contacts:read"] if path == "activitiesSummary" else ["reports:read"]
    lacking = "reports:read" if path == "activitiesSummary" else "contacts:read"
    assert world.refused(f"{BASE}/{path}", world.key(*scopes)) == (
        401,
        f"You are not authorized to use the REST API: the key lacks the scope {lacking}.",
    )


def test_inwise_has_no_limit_and_one_that_is_set_is_answered_with_429_and_when_to_come_back(world):
    headers = world.key("admin")
    for _ in range(150):
        assert world.client.get(f"{BASE}/recentActivities", headers=headers).status_code == 200
    limited = create_app(msgspec.structs.replace(world.settings, limits={"inwise": "2/minute"}), world.store)
    answers = [limited.test_client().get(f"{BASE}/{path}", headers=headers) for path in ALL[:3]]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    seconds = int(answers[2].headers["Retry-After"])
    assert 50 <= seconds <= 60
    assert answers[2].content_type == "application/json"
    assert answers[2].json == f"Too many requests; ask again in {seconds} seconds."


def test_the_summary_needs_no_right_to_see_contacts(world):
    world.get(f"{BASE}/activitiesSummary", world.key("reports:read"))


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("campaign_id=abc", "campaign_id"),
        ("campaign_id=", "campaign_id"),
        ("campaign_id=1.5", "campaign_id"),
        ("campaign_id=1&campaign_id=2", "campaign_id"),
        ("campaign_id=%D9%A3", "campaign_id"),
        ("contact_id=%00", "contact_id"),
        ("contact_id=😀", "contact_id"),
        ("page_index=-1", "page_index"),
        ("page_index=x", "page_index"),
        ("page_size=0", "page_size"),
        ("page_size=-5", "page_size"),
        ("page_size=ten", "page_size"),
        ("date_from=yesterday", "date_from"),
        ("date_from=31/12/2025", "date_from"),
        ("date_from=2025-02-30", "date_from"),
        ("date_from=2025-3-1", "date_from"),
        ("date_from=", "date_from"),
        ("date_from=0000-00-00", "date_from"),
        ("date_to=2025-03-18T10:00:00", "date_to"),
        ("date_to=2025-03-18 25:00:00", "date_to"),
        ("date_to=%00", "date_to"),
    ],
)
@pytest.mark.parametrize("path", LISTS)
def test_what_is_no_number_and_no_date_is_400_and_named(world, path, query, name):
    assert world.refused(f"{BASE}/{path}?{query}") == (400, f"Parameter '{name}' is invalid.")


@pytest.mark.parametrize("path", ALL)
def test_a_source_that_is_named_twice_or_not_at_all_is_refused(world, path):
    assert world.refused(f"{BASE}/{path}?source=acme&source=beta") == (400, "Parameter 'source' is invalid.")
    for unknown in ("", "%00", "😀", "x" * 3000, "ACME"):
        assert world.refused(f"{BASE}/{path}?source={unknown}") == (404, "There is no such source.")


def test_an_unknown_path_and_a_wrong_method_are_json_strings_too(world):
    for path in ("/rest/v1/nothing", f"{BASE}/Activities", "/rest/v1"):
        status, body = world.refused(path)
        assert (status, type(body)) == (404, str)
    answer = world.client.post(f"{BASE}/activities", headers=world.admin)
    assert (answer.status_code, type(answer.json)) == (405, str)
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ALL)
def test_a_key_limited_to_one_source_reports_that_source_alone(world, path):
    for name in ("acme", "beta"):
        told = [event(kind, now() - HOUR, source=name, row=name) for kind in (Kind.SENT, Kind.DROPPED, Kind.OPENED)]
        world.tell(*told, source=name)
    headers = world.key("admin", sources=("beta",))
    assert world.refused(f"{BASE}/{path}?source=acme", headers) == (404, "There is no such source.")
    assert world.refused(f"{BASE}/{path}?source=none", headers) == (404, "There is no such source.")
    answer = world.get(f"{BASE}/{path}", headers)
    if path == "activitiesSummary":
        assert (answer["sent"], answer["opens"]) == (1, 1)
        assert world.get(f"{BASE}/{path}")["sent"] == 2
    else:
        assert [row.get("id", row.get("row_index")) for row in answer] == ["beta"]
        assert sorted(row.get("id", row.get("row_index")) for row in world.get(f"{BASE}/{path}")) == ["acme", "beta"]


def test_what_is_printed_here_can_be_read_by_the_provider_of_the_same_name(world):
    from aftersend.providers import PROVIDERS

    world.tell(
        event(Kind.CLICKED, "2025-03-18 09:00:41", row="5", url="https://www.example.com/", link_number="3",
              precision=Precision.SECOND, external_id="crm-0042", ip="192.0.2.1", ip_chain="192.0.2.1,192.0.2.2"),
    )  # fmt: skip
    body = text(world, "activities", **ALL_TIME).encode()
    delivery = Delivery(source="acme", door=Door.FEED, received_at=now(), body=body, feed="activities")
    (read,) = PROVIDERS["inwise"].read(delivery, world.settings.sources[0]).events
    assert (read.kind, read.word, read.occurred_at) == (Kind.CLICKED, "emailClicked", at("2025-03-18 09:00:41"))
    assert (read.row_id, read.contact_id, read.campaign_id, read.clock) == ("5", "42", "1000001", Clock.ASSUMED)
    assert (read.url, read.link_number, read.external_id) == ("https://www.example.com/", "3", "crm-0042")
    assert (read.ip, read.ip_chain) == ("192.0.2.1", "192.0.2.1,192.0.2.2")
    assert datetime.fromtimestamp(read.occurred_at / 1000, UTC).second == 41
