"""``reporting/sends/export``: the send log as CSV (providers/hogsend.md 2.3, §7)."""

from __future__ import annotations

import csv
import io

import pytest

from aftersend.receiver.dialects.hogsend import export
from aftersend.storage.contract import Read
from aftersend.vocabulary import CampaignInfo, Delivery, Door, Kind, Reading
from tests.receiver.hogsend_world import mail, story

PATH = "reporting/sends/export"
HEADER = (
    "id,createdAt,templateKey,status,toEmail,userId,subject,sentAt,deliveredAt,openedAt,clickedAt,bouncedAt,"
    "complainedAt,bounceType"
)


@pytest.fixture
def world(tmp_path):
    return story(tmp_path)


def rows(world, **query) -> list[dict[str, str]]:
    answer = world.ask(PATH, **query)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def created(world, **query) -> list[str]:
    return [row["createdAt"][5:10] for row in rows(world, **query)]


def test_the_export_byte_for_byte(world):
    message = "61667465-7273-8000-8000-00000000000"
    answer = world.ask(PATH)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="email-sends.csv"'
    assert "X-Hogsend-Export-Truncated" not in answer.headers
    assert "X-Hogsend-Export-Limit" not in answer.headers
    assert answer.data.decode() == (
        f"{HEADER}\n"
        f"{message}6,2026-06-01T08:00:00.000Z,c-2,complained,Nora@Example.com,user_41,,"
        "2026-06-01T08:00:00.000Z,,,,,2026-06-02T08:00:00.000Z,\n"
        f"{message}5,2026-05-13T08:00:00.000Z,spring-news,suppressed,c45@example.com,45,,,,,,,,\n"
        f"{message}4,2026-05-12T08:00:00.000Z,spring-news,bounced,c44@example.com,44,,"
        "2026-05-12T08:00:00.000Z,,,,2026-05-12T08:00:30.000Z,,permanent\n"
        f"{message}3,2026-05-11T08:00:00.000Z,spring-news,clicked,mia@example.com,user_43,,2026-05-11T08:00:00.000Z,"
        "2026-05-11T08:00:05.000Z,2026-05-11T10:00:00.000Z,2026-05-11T10:01:00.000Z,,,\n"
        f"{message}2,2026-05-01T08:00:00.000Z,spring-news,delivered,ivo@example.com,42,,2026-05-01T08:00:00.000Z,"
        "2026-05-01T08:30:00.000Z,,,2026-05-01T08:00:09.000Z,,transient\n"
        f"{message}1,2026-04-30T23:59:00.000Z,spring-news,opened,Nora@Example.com,user_41,,2026-05-01T00:00:10.000Z,"
        "2026-05-01T00:00:20.000Z,2026-05-21T09:00:00.000Z,,,,"
    )


def test_without_a_row_the_header_stands_alone_without_a_line_end(world):
    for query in ({"templateKey": "none"}, {"category": "journey"}, {"status": "rendered"}, {"userId": "nobody"}):
        assert world.ask(PATH, **query).data == HEADER.encode(), query


def test_a_cell_is_quoted_only_where_it_must_be_and_never_neutralised(world):
    for place, subject in enumerate(['Hello, "Nora"', "two\nlines", "cr\rhere", "=1+1", "+@-", "Grüße ☀", "plain"]):
        campaign = f"q-{place}"
        world.tell(mail(Kind.SENT, f"2026-08-0{place + 1} 08:00:00", "80", None, campaign=campaign))
        reading = Reading(campaigns=[CampaignInfo(campaign_id=campaign, subject=subject)])
        delivery = Delivery(id=9_000 + place, source="acme", door=Door.FEED, received_at=1, body=b"{}", feed="told")
        world.store.apply([Read(delivery, reading)])
    text = world.ask(PATH, userId="80").data.decode()
    found = [row["subject"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert found == ["plain", "Grüße ☀", "+@-", "=1+1", "cr\rhere", "two\nlines", 'Hello, "Nora"']
    for cell in (',80,"Hello, ""Nora""",2026', ',80,"two\nlines",2026', ',80,"cr\rhere",2026', ",80,=1+1,2026"):
        assert cell in text
    assert ",80,+@-,2026" in text
    assert ",80,Grüße ☀,2026" in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"templateKey": "c-2"}, ["06-01"]),
        ({"status": "suppressed"}, ["05-13"]),
        ({"status": "delivered"}, ["05-01"]),
        ({"userId": "user_41"}, ["06-01", "04-30"]),
        ({"userId": "42"}, ["05-01"]),
        ({"engagement": "opened"}, ["05-11", "04-30"]),
        ({"engagement": "clicked"}, ["05-11"]),
        ({"engagement": "bounced"}, ["05-12", "05-01"]),
        ({"engagement": "complained"}, ["06-01"]),
        ({"engagement": "bounced", "status": "bounced", "userId": "44", "templateKey": "spring-news"}, ["05-12"]),
        ({"from": "2026-05-12"}, ["06-01", "05-13", "05-12"]),
        ({"from": "2026-05-12", "to": "2026-05-13"}, ["05-12"]),
        ({"from": "2026-05-12T10:00:00+02:00", "to": "2026-05-12T08:00:00.000Z"}, ["05-12"]),
        ({"to": "2026-05"}, ["04-30"]),
        ({"to": "Thu, 30 Apr 2026 23:59:00 GMT"}, ["04-30"]),
        ({"from": "2026-06-01", "to": "2026-05-01"}, []),
        ({"source": "beta"}, None),
        ({"source": "acme", "status": "clicked"}, ["05-11"]),
    ],
)
def test_filters_hold_together(world, query, expected):
    if expected is None:
        assert created(world, **query) == []
    else:
        assert created(world, **query) == expected


def test_what_only_the_send_log_filters_by_is_not_looked_at(world):
    ignored = {"engagement": "juggled", "toEmail": "x", "journeyId": "j", "campaignId": "c", "limit": "x", "sort": "y"}
    assert len(rows(world, **ignored)) == 6


@pytest.mark.parametrize("status", ["juggled", "", "SENT", "\x00", "😀"])
def test_an_unknown_status_is_400_where_the_engine_fails(world, status):
    (issue,) = world.issues(PATH, status=status)
    assert (issue["code"], issue["path"], issue["values"][-1]) == ("invalid_value", ["status"], "suppressed")


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01", "2026-02-30", "\x00", "😀", "9" * 400, "2026-05-01T25:00Z"]
)
@pytest.mark.parametrize("name", ["from", "to"])
def test_an_unparsable_time_is_400_where_the_engine_fails(world, name, text):
    assert world.issues(PATH, **{name: text}) == [
        {
            "origin": "string",
            "code": "invalid_format",
            "format": "datetime",
            "path": [name],
            "message": "Invalid ISO datetime",
        }
    ]


def test_rows_of_one_instant_stand_by_id_descending_across_pages(world, monkeypatch):
    world.tell(*(mail(Kind.SENT, "2026-09-01 08:00:00", f"p{place}", "tied", row=str(place)) for place in range(7)))
    monkeypatch.setattr(export, "PAGE", 2)
    found = [row["id"] for row in rows(world, templateKey="tied")]
    assert len(set(found)) == 7
    assert found == sorted(found, reverse=True)


def test_from_the_bound_on_an_export_says_that_it_is_truncated(world, monkeypatch):
    for most, truncated in ((7, False), (6, True), (4, True)):
        monkeypatch.setattr(export, "MOST", most)
        answer = world.ask(PATH)
        assert answer.headers.get("X-Hogsend-Export-Truncated") == ("true" if truncated else None)
        assert answer.headers.get("X-Hogsend-Export-Limit") == (str(most) if truncated else None)
        assert len(answer.data.decode().split("\n")) - 1 == min(6, most)
        assert answer.data.decode().split("\n")[1][37:47] == "2026-06-01"


def test_the_bound_is_fifty_thousand():
    assert export.MOST == 50_000


def test_head_answers_the_headers_alone(world):
    answer = world.client.head(f"/v1/admin/{PATH}", headers={"Authorization": "Bearer the-admin-key"})
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
