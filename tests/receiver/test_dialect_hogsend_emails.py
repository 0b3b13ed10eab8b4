"""The send log, one send, and the list of hits (providers/hogsend.md 2.4, 2.5, 2.7, §7)."""

from __future__ import annotations

import json

import pytest

from aftersend.vocabulary import BounceClass, Kind, Machine
from tests.receiver.hogsend_world import mail, story

ID = "61667465-7273-8000-8000-00000000000"


@pytest.fixture
def world(tmp_path):
    return story(tmp_path)


def ids(world, **query) -> str:
    """The last digits of the ids of a page."""
    answer = world.told("emails", **query)
    return "".join(email["id"][-1] for email in answer["emails"])


# -- the log -------------------------------------------------------------------------------------------


def test_the_log_byte_for_byte(world):
    assert world.ask("emails", limit=1, offset=5).text == (
        f'{{"emails":[{{"id":"{ID}1","journeyStateId":null,"templateKey":"spring-news",'
        '"messageId":"prov-0041","resendId":"prov-0041","fromEmail":"","toEmail":"Nora@Example.com","subject":"",'
        '"category":null,"status":"opened","userId":"user_41","journeyId":null,'
        '"sentAt":"2026-05-01T00:00:10.000Z","deliveredAt":"2026-05-01T00:00:20.000Z",'
        '"openedAt":"2026-05-21T09:00:00.000Z","clickedAt":null,"bouncedAt":null,"complainedAt":null,'
        '"createdAt":"2026-04-30T23:59:00.000Z","updatedAt":"2026-05-22T09:00:00.000Z"}],'
        '"total":6,"limit":1,"offset":5}'
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "654321"),
        ({"order": "asc"}, "123456"),
        ({"toEmail": "Nora@Example.com"}, "61"),
        ({"toEmail": "nora@example.com"}, ""),
        ({"toEmail": ""}, ""),
        ({"templateKey": "spring-news"}, "54321"),
        ({"templateKey": ""}, ""),
        ({"campaignId": "c-2"}, "6"),
        ({"campaignId": ""}, ""),
        ({"category": "journey"}, ""),
        ({"category": ""}, ""),
        ({"journeyId": "j-1"}, ""),
        ({"status": "rendered"}, ""),
        ({"status": "queued"}, ""),
        ({"status": "bounced"}, "4"),
        ({"status": "complained"}, "6"),
        ({"userId": "user_41"}, "61"),
        ({"userId": "41"}, "61"),
        ({"userId": "nora@example.com"}, ""),
        ({"userId": ""}, ""),
        ({"engagement": "bounced"}, "42"),
        ({"engagement": "opened", "sort": "openedAt"}, "13"),
        ({"engagement": "opened", "sort": "openedAt", "order": "asc"}, "31"),
        ({"sort": "openedAt"}, "654213"),
        ({"sort": "openedAt", "order": "asc"}, "312456"),
        ({"sort": "sentAt"}, "564321"),
        ({"sort": "sentAt", "order": "asc"}, "123465"),
        ({"sort": "clickedAt", "order": "asc"}, "312456"),
        ({"from": "2026-05-12T08:00:00Z", "to": "2026-05-13T08:00:00.000Z"}, "54"),
        ({"from": "2026-05-13T08:00:00Z", "to": "2026-05-12T08:00:00.000Z"}, ""),
        ({"sort": "openedAt", "from": "2026-05-20T00:00:00Z"}, "6"),
        ({"limit": "2", "offset": "1"}, "54"),
        ({"limit": "0x2", "offset": ""}, "65"),
        ({"limit": " 2.0 ", "offset": "1e0"}, "54"),
        ({"offset": "9007199254740991"}, ""),
        ({"status": "clicked", "userId": "user_43", "engagement": "opened", "campaignId": "c-1"}, "3"),
        ({"status": "clicked", "userId": "user_41"}, ""),
        ({"source": "acme"}, "654321"),
        ({"source": "beta"}, ""),
        ({"unheard": "of"}, "654321"),
    ],
)
def test_filters_sorting_and_pages(world, query, expected):
    assert ids(world, **query) == expected
    if not {"limit", "offset"} & set(query):
        assert world.told("emails", **query)["total"] == len(expected)


def test_suppressed_is_a_status_that_the_log_refuses_to_filter_by_though_it_prints_it(world):
    assert world.issues("emails", status="suppressed") == [
        {
            "code": "invalid_value",
            "values": [
                "queued",
                "rendered",
                "sent",
                "delivered",
                "opened",
                "clicked",
                "bounced",
                "complained",
                "failed",
            ],
            "path": ["status"],
            "message": 'Invalid option: expected one of "queued"|"rendered"|"sent"|"delivered"|"opened"|"clicked"'
            '|"bounced"|"complained"|"failed"',
        }
    ]
    assert world.told("emails")["emails"][1]["status"] == "suppressed"


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([(Kind.QUEUED, {})], "queued"),
        ([(Kind.SENT, {})], "sent"),
        ([(Kind.SENT, {}), (Kind.DEFERRED, {})], "sent"),
        ([(Kind.SENT, {}), (Kind.FAILED, {})], "failed"),
        ([(Kind.DROPPED, {"reason": "invalid address"})], "failed"),
        ([(Kind.DROPPED, {"reason": "unsubscribed"})], "suppressed"),
        ([(Kind.DELIVERED, {}), (Kind.SENT, {})], "delivered"),
        ([(Kind.OPENED, {}), (Kind.DELIVERED, {})], "opened"),
        ([(Kind.CLICKED, {}), (Kind.OPENED, {})], "clicked"),
        ([(Kind.OPENED, {}), (Kind.BOUNCED, {"bounce_class": BounceClass.SOFT})], "bounced"),
        ([(Kind.BOUNCED, {"bounce_class": BounceClass.SOFT}), (Kind.OPENED, {})], "opened"),
        ([(Kind.BOUNCED, {"bounce_class": BounceClass.HARD}), (Kind.OPENED, {})], "bounced"),
        ([(Kind.BOUNCED, {"bounce_class": BounceClass.HARD}), (Kind.COMPLAINED, {})], "complained"),
    ],
)
def test_the_status_goes_by_rank_in_whatever_order_things_are_told(world, events, status):
    told = [mail(kind, f"2026-07-01 08:0{place}:00", "90", **more) for place, (kind, more) in enumerate(events)]
    for one in reversed(told):
        world.tell(one)
    (email,) = world.told("emails", userId="90")["emails"]
    assert email["status"] == status


# -- one send ------------------------------------------------------------------------------------------


def test_a_send_with_its_timeline_and_links(world):
    answer = world.told(f"emails/{ID}3")
    listed = world.told("emails", userId="user_43")["emails"][0]
    assert list(answer) == ["email", "events", "trackedLinks", "journeyContext"]
    assert (answer["email"], answer["journeyContext"]) == (listed, None)
    first, second = "https://shop.example.com/a?x=1", "https://shop.example.com/b"
    assert answer["events"] == [
        {"type": "queued", "timestamp": "2026-05-11T08:00:00.000Z"},
        {"type": "sent", "timestamp": "2026-05-11T08:00:00.000Z"},
        {"type": "delivered", "timestamp": "2026-05-11T08:00:05.000Z"},
        {"type": "opened", "timestamp": "2026-05-11T10:00:00.000Z"},
        clicked("2026-05-11T10:01:00.000Z", first, ip="192.0.2.7"),
        clicked("2026-05-11T10:02:00.000Z", second, agent="Probe/1"),
        clicked("2026-05-12T10:02:00.000Z", first),
    ]
    assert [(link["originalUrl"], link["clickCount"]) for link in answer["trackedLinks"]] == [(first, 2), (second, 1)]
    hits = [hit for link in answer["trackedLinks"] for hit in link["clicks"]]
    assert len({hit.pop("id") for hit in hits} | {link["id"] for link in answer["trackedLinks"]}) == 5
    assert hits == [
        {"clickedAt": "2026-05-11T10:01:00.000Z", "ipAddress": "192.0.2.7", "userAgent": None},
        {"clickedAt": "2026-05-12T10:02:00.000Z", "ipAddress": None, "userAgent": None},
        {"clickedAt": "2026-05-11T10:02:00.000Z", "ipAddress": None, "userAgent": "Probe/1"},
    ]


def clicked(at: str, url: str, ip: str | None = None, agent: str | None = None):
    return {"type": "clicked", "timestamp": at, "url": url, "ipAddress": ip, "userAgent": agent}


def test_repeated_opens_are_one_entry_and_bounces_and_complaints_one_each(world):
    assert [event["type"] for event in world.told(f"emails/{ID}1")["events"]] == [
        "queued",
        "sent",
        "delivered",
        "opened",
    ]
    kinds = {"queued": "08:00:00", "sent": "08:00:00", "bounced": "08:00:09", "delivered": "08:30:00"}
    assert world.told(f"emails/{ID}2")["events"] == [
        {"type": kind, "timestamp": f"2026-05-01T{at}.000Z"} for kind, at in kinds.items()
    ]


def test_a_suppressed_send_shows_queued_alone_and_a_failed_one_when_it_failed(world):
    assert world.told(f"emails/{ID}5")["events"] == [{"type": "queued", "timestamp": "2026-05-13T08:00:00.000Z"}]
    world.tell(mail(Kind.SENT, "2026-07-01 08:00:00", "91"), mail(Kind.FAILED, "2026-07-01 09:00:00", "91"))
    assert world.told(f"emails/{world.id_of('91')}")["events"][-1] == {
        "type": "failed",
        "timestamp": "2026-07-01T09:00:00.000Z",
    }


def test_a_click_that_names_no_link_sets_the_time_but_has_no_entry(world):
    world.tell(mail(Kind.CLICKED, "2026-07-01 08:00:00", "92"))
    answer = world.told(f"emails/{world.id_of('92')}")
    assert answer["email"]["clickedAt"] == "2026-07-01T08:00:00.000Z"
    assert ([event["type"] for event in answer["events"]], answer["trackedLinks"]) == (["queued"], [])


def test_clicks_of_two_messages_to_one_recipient_keep_apart(world):
    for message in ("m-1", "m-2"):
        more = {"message_id": message, "by_message": True, "campaign": "c-9", "url": f"https://example.com/{message}"}
        world.tell(
            mail(
                Kind.SENT, "2026-07-01 08:00:00", "1", row=message, message_id=message, by_message=True, campaign="c-9"
            )
        )
        world.tell(mail(Kind.CLICKED, "2026-07-01 09:00:00", "1", row=message, **more))
    for email in world.told("emails", campaignId="c-9")["emails"]:
        links = world.told(f"emails/{email['id']}")["trackedLinks"]
        assert [link["originalUrl"] for link in links] == [f"https://example.com/{email['messageId']}"]


def test_an_id_in_capitals_is_the_same_and_one_that_is_not_ours_is_unknown(world):
    assert world.told(f"emails/{ID}3".upper().replace("EMAILS", "emails"))["email"]["id"] == f"{ID}3"
    for id in (
        "5d2f6c1e-0a1b-4c3d-8e4f-5a6b7c8d9e0f",
        "00000000-0000-0000-0000-000000000000",
        f"{ID[:-1]}99",
        "61667465-7273-8001-8000-000000000003",
        "61667465-7273-8000-bfff-ffffffffffff",
    ):
        answer = world.ask(f"emails/{id}")
        assert (answer.status_code, answer.json) == (404, {"error": "Email not found"}), id


@pytest.mark.parametrize("id", ["3", "nora@example.com", f"{ID}3x", "%00", "%F0%9F%98%80", f"{ID}3%2F", "x" * 3000])
def test_an_id_that_is_no_uuid_is_400(world, id):
    assert world.issues(f"emails/{id}") == [
        {"origin": "string", "code": "invalid_format", "format": "uuid", "path": ["id"], "message": "Invalid UUID"}
    ]


# -- hits ----------------------------------------------------------------------------------------------


def test_hits_one_by_one_newest_first(world):
    answer = world.told("events", source="tracking", limit=3)
    assert {key: answer[key] for key in ("total", "limit", "offset")} == {"total": 6, "limit": 3, "offset": 0}
    assert [(hit["event"], hit["occurredAt"][5:10]) for hit in answer["events"]] == [
        ("email.opened", "05-22"),
        ("email.opened", "05-21"),
        ("email.link_clicked", "05-12"),
    ]
    link = world.told(f"emails/{ID}3")["trackedLinks"][0]
    hit = answer["events"][2]
    assert hit == {
        "id": link["clicks"][1]["id"],
        "userId": "user_43",
        "event": "email.link_clicked",
        "properties": {
            "emailSendId": f"{ID}3",
            "templateKey": "spring-news",
            "journeyId": None,
            "campaignId": "c-1",
            "linkUrl": "https://shop.example.com/a?x=1",
            "linkId": link["id"],
        },
        "occurredAt": "2026-05-12T10:02:00.000Z",
        "source": "tracking",
        "userEmail": "mia@example.com",
        "contactId": "43",
    }
    rest = world.told("events", limit=3, offset=3)
    assert [hit["occurredAt"][5:16] for hit in rest["events"]] == ["05-11T10:02", "05-11T10:01", "05-11T10:00"]


def test_clicks_by_machines_are_left_out_and_opens_by_machines_are_not(world):
    world.tell(
        mail(Kind.OPENED, "2026-07-01 08:00:00", "44", machine=Machine.MACHINE),
        mail(Kind.CLICKED, "2026-07-01 08:01:00", "44", machine=Machine.MACHINE, url="https://example.com"),
    )
    answer = world.told("events", userId="44")
    assert ([hit["event"] for hit in answer["events"]], answer["total"]) == (["email.opened"], 1)
    assert world.told("events")["total"] == 7


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"event": "email.opened"}, 3),
        ({"event": "email.link_clicked"}, 3),
        ({"event": "email.replied"}, 0),
        ({"event": "email.clicked"}, 0),
        ({"userId": "user_43"}, 4),
        ({"userId": "43", "event": "email.opened"}, 1),
        ({"userId": "nobody"}, 0),
        ({"source": "acme"}, 6),
        ({"source": "beta"}, 0),
        ({"source": "api"}, 0),
        ({"from": "2026-05-11T10:01:00Z", "to": "2026-05-21T09:00:00.000Z"}, 4),
        ({"from": "2026-05-12T00:00:00Z", "to": "2026-05-11T00:00:00Z"}, 0),
        ({"offset": "100"}, 6),
    ],
)
def test_hits_are_filtered_and_counted_alike(world, query, expected):
    answer = world.told("events", **query)
    assert answer["total"] == expected
    assert len(answer["events"]) == (expected if "offset" not in query else 0)


def test_every_answer_is_compact_json(world):
    for path in ("emails", f"emails/{ID}3", "events"):
        text = world.ask(path).text
        assert text == json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
