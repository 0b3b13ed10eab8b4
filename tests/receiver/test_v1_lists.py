"""The lists of our own API: sent, undelivered, activities, single events, and their cursors."""

from __future__ import annotations

import pytest
from reading_world import World, at, event
from werkzeug.datastructures import MultiDict

from aftersend.receiver import cursors
from aftersend.vocabulary import (
    BadInput,
    BounceClass,
    Channel,
    Clock,
    Delivery,
    Door,
    Kind,
    Machine,
    Precision,
    Reading,
    now,
)

MINUTE = 60_000


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def opened(number: int, **more):
    """The opening of minute ``number``."""
    return event(Kind.OPENED, at("2025-03-18 09:00:00") + number * MINUTE, row=str(number), **more)


def numbers(answer) -> list[int]:
    return [int(row["row_id"]) for row in answer["rows"]]


def test_a_row_has_every_key_always(world):
    known = {
        "message_id": "0a1b",
        "template": "welcome",
        "activity_id": "a-1",
        "external_id": "crm-0042",
        "email": "dana@example.com",
        "phone": "972-50-0000000",
        "url": "https://www.example.com/offer",
        "link_number": "7",
        "ip": "192.0.2.172",
        "ip_chain": "192.0.2.172,198.51.100.10",
        "user_agent": "a browser",
        "device": "desktop",
        "machine": Machine.MACHINE,
        "machine_reason": "prefetch",
        "bounce_class": BounceClass.HARD,
        "reason": "unknown mailbox",
        "smtp_code": "550",
        "metadata": {"group_id": "500001"},
        "clock": Clock.STATED,
        "precision": Precision.SECOND,
    }
    world.tell(event(Kind.CLICKED, "2025-03-18 09:00:07", row="88000001", **known))
    world.tell(event(Kind.SENT, "2025-03-18 08:00:00", contact="43", campaign=None, row_id=None))
    full, bare = world.get("/v1/activities")["rows"]
    assert full == {
        "source": "acme",
        "id": full["id"],
        "kind": "clicked",
        "word": "emailClicked",
        "channel": "email",
        "occurred_at": "2025-03-18T09:00:07Z",
        "campaign_id": "1000001",
        "contact_id": "42",
        "row_id": "88000001",
        "doors": ["feed"],
        **known,
    }
    assert bare == {
        **dict.fromkeys(full, None),
        "source": "acme",
        "id": bare["id"],
        "kind": "sent",
        "word": "emailSent",
        "channel": "email",
        "occurred_at": "2025-03-18T08:00:00Z",
        "precision": "minute",
        "clock": "assumed",
        "contact_id": "43",
        "machine": "unknown",
        "doors": ["feed"],
        "metadata": {},
    }
    assert full["id"] != bare["id"]


def test_each_list_shows_its_kinds_newest_first(world):
    kinds = [Kind.SENT, Kind.DROPPED, Kind.BOUNCED, Kind.FAILED, Kind.OPENED, Kind.OTHER]
    world.tell(*(event(kind, at("2025-03-18 09:00:00") + n * MINUTE, row=str(n)) for n, kind in enumerate(kinds)))

    def shown(path: str, **query) -> list[str]:
        return [row["kind"] for row in world.get(path, **query)["rows"]]

    assert shown("/v1/sent") == ["sent"]
    assert shown("/v1/undelivered") == ["failed", "bounced", "dropped"]
    assert shown("/v1/undelivered", kind="bounced") == ["bounced"]
    assert shown("/v1/activities") == ["other", "opened", "failed", "bounced", "dropped", "sent"]
    assert shown("/v1/activities", kind="opened,sent") == ["opened", "sent"]
    repeated = MultiDict([("kind", "opened"), ("kind", "sent,other")])
    answer = world.client.get("/v1/activities", query_string=repeated, headers=world.admin)
    assert [row["kind"] for row in answer.json["rows"]] == ["other", "opened", "sent"]


def test_the_filters_of_a_list_hold_together(world):
    world.tell(
        opened(1, contact="1", campaign="7", external_id="x-1", email="dana@example.com", message_id="m1"),
        opened(2, contact="1", campaign="8"),
        opened(3, contact="2", campaign="7", machine=Machine.MACHINE),
        opened(4, contact="2", campaign="7", channel=Channel.SMS),
    )
    assert numbers(world.get("/v1/activities", campaign_id="7")) == [3, 1]
    assert numbers(world.get("/v1/activities", campaign_id="7", contact_id="1")) == [1]
    assert numbers(world.get("/v1/activities", external_id="x-1")) == [2, 1]
    assert numbers(world.get("/v1/activities", email="Dana@Example.com")) == [2, 1]
    assert numbers(world.get("/v1/activities", message_id="m1")) == [1]
    assert numbers(world.get("/v1/activities", machine="exclude")) == [2, 1]
    assert numbers(world.get("/v1/activities", channel="sms")) == [4]
    assert numbers(world.get("/v1/activities", **{"from": "2025-03-18T09:02:00Z"})) == [3, 2]
    assert numbers(world.get("/v1/activities", campaign_id="7", contact_id="nobody")) == []


def test_an_external_id_told_once_stands_in_every_row_of_the_contact(world):
    world.tell(opened(1), opened(2, contact="43"))
    assert [row["external_id"] for row in world.get("/v1/activities")["rows"]] == [None, None]
    world.tell(opened(3, external_id="crm-0042"), door=Door.WEBHOOK)
    assert [row["external_id"] for row in world.get("/v1/activities")["rows"]] == ["crm-0042", None, "crm-0042"]


def test_pages_by_index_are_disjoint_and_complete(world):
    world.tell(*(opened(n) for n in range(7)))
    pages = [numbers(world.get("/v1/activities", page_size=3, page_index=index)) for index in range(4)]
    assert pages == [[6, 5, 4], [3, 2, 1], [0], []]
    assert numbers(world.get("/v1/activities", limit=2)) == [6, 5]


def test_a_cursor_walks_the_whole_list_and_ends(world):
    world.tell(*(opened(n) for n in range(6)))
    seen, cursor = [], None
    while True:
        answer = world.get("/v1/activities", page_size=3, **({"cursor": cursor} if cursor else {}))
        seen += numbers(answer)
        if (cursor := answer["next_cursor"]) is None:
            break
    assert seen == [5, 4, 3, 2, 1, 0]


def test_a_cursor_keeps_its_place_while_rows_arrive(world):
    world.tell(*(opened(n) for n in range(0, 10, 2)))
    first = world.get("/v1/activities", page_size=2)
    assert numbers(first) == [8, 6]
    # A newer one, one inside the page already read, one inside what is to come.
    world.tell(opened(11), opened(7), opened(3))
    second = world.get("/v1/activities", page_size=2, cursor=first["next_cursor"])
    third = world.get("/v1/activities", page_size=4, cursor=second["next_cursor"])
    assert (numbers(second), numbers(third)) == ([4, 3], [2, 0])
    assert third["next_cursor"] is None


def test_rows_of_one_instant_are_never_split_wrongly(world):
    world.tell(*(event(Kind.OPENED, "2025-03-18 09:00:00", contact=str(n), row=str(n)) for n in range(9)))
    seen, cursor = [], None
    for _ in range(5):
        answer = world.get("/v1/activities", page_size=2, **({"cursor": cursor} if cursor else {}))
        seen += numbers(answer)
        cursor = answer["next_cursor"]
    assert cursor is None
    assert sorted(seen) == list(range(9))


def test_a_cursor_says_why_it_does_not_fit(world):
    world.tell(*(opened(n) for n in range(3)))
    cursor = world.get("/v1/activities", page_size=1)["next_cursor"]

    def reason(path: str) -> str:
        status, body = world.refused(path)
        assert (status, body["error"]["code"], body["error"]["field"]) == (400, "bad_request", "cursor")
        return body["error"]["message"]

    other_list = reason(f"/v1/sent?cursor={cursor}")
    other_filter = reason(f"/v1/activities?cursor={cursor}&campaign_id=7")
    garbage = reason("/v1/activities?cursor=garbage")
    assert "'activities'" in other_list
    assert "'sent'" in other_list
    assert "other filters" in other_filter
    assert "not a cursor" in garbage
    limited = world.key("admin", sources=("acme",))
    assert world.refused(f"/v1/activities?cursor={cursor}", limited)[1]["error"]["message"] == other_filter


def test_a_cursor_of_another_release_is_known_as_such(monkeypatch):
    monkeypatch.setattr(cursors, "VERSION", 2)
    newer = cursors.write("sent", b"12345678", (1, "a"))
    monkeypatch.undo()
    with pytest.raises(BadInput, match="another release"):
        cursors.read(newer, "sent", b"12345678", tuple[int, str])


@pytest.mark.parametrize("text", ["", "-", "é", "AAAA", "gA", "k", "a" * 5000, "wA==", "!!!!"])
def test_garbage_is_no_cursor(text):
    with pytest.raises(BadInput, match="not a cursor of ours"):
        cursors.read(text, "sent", b"12345678", tuple[int, str])


@pytest.mark.parametrize("mark", [(1,), ("a", 1), (2**63, "a"), (1, "zz"), (1, "00-99999999999999999999999"), ()])
def test_a_cursor_with_a_bent_bookmark_is_refused(world, mark):
    world.tell(*(opened(n) for n in range(3)))
    good = cursors.base64.urlsafe_b64decode(world.get("/v1/activities", page_size=1)["next_cursor"] + "==")
    version, name, asked, _ = cursors.msgspec.msgpack.decode(good)
    bent = cursors.msgspec.msgpack.encode([version, name, asked, list(mark)])
    text = cursors.base64.urlsafe_b64encode(bent).decode().rstrip("=")
    assert world.refused(f"/v1/activities?cursor={text}")[0] == 400


def test_page_index_and_cursor_exclude_each_other(world):
    world.tell(*(opened(n) for n in range(3)))
    cursor = world.get("/v1/activities", page_size=1)["next_cursor"]
    assert world.refused(f"/v1/activities?cursor={cursor}&page_index=1")[1]["error"]["field"] == "page_index"


def test_lists_do_not_tell_in_which_order_things_arrived(tmp_path):
    told = [opened(n, contact=str(n % 3)) for n in range(6)]
    one, other = World(tmp_path / "one"), World(tmp_path / "other")
    one.tell(*told, received_at=now())
    for single in reversed(told):
        other.tell(single, received_at=now() - 5000)
        other.tell(single, received_at=now() - 4000)
    for path in ("/v1/activities", "/v1/activities?page_size=4", "/v1/recent", "/v1/contacts?contact_id=1"):
        both = [world.get(path) for world in (one, other)]
        for answer in both:
            for key in ("as_of", "cursor", "next_cursor" if "recent" in path else "as_of"):
                answer.pop(key, None)
        assert both[0] == both[1]


def test_an_event_shows_every_sighting(world):
    fed = event(Kind.OPENED, "2025-03-18 09:00:00", row="88000001")
    pushed = event(
        Kind.OPENED,
        "2025-03-18 09:00:12",
        list="webhook",
        row="digest",
        row_id=None,
        precision=Precision.SECOND,
        external_id="crm-0042",
    )
    second = world.tell(pushed, door=Door.WEBHOOK, received_at=at("2025-03-18 09:00:20"))
    first = world.tell(fed, received_at=at("2025-03-18 09:05:00"))
    (row,) = world.get("/v1/activities")["rows"]
    assert row["doors"] == ["feed", "webhook"] or row["doors"] == ["webhook", "feed"]
    answer = world.get(f"/v1/events/{row['id']}")
    assert answer["event"] == row
    assert (answer["as_of"], answer["complete_until"]) == (world.get("/v1/funnel")["as_of"], None)
    # These deliveries are not in the inbox, as if they were pruned.
    shared = {"word": "emailOpened", "clock": "assumed", "delivery": None}
    assert answer["sightings"] == [
        {
            "door": "webhook",
            "list": "webhook",
            "row": "digest",
            "delivery_id": second,
            "received_at": "2025-03-18T09:00:20Z",
            "occurred_at": "2025-03-18T09:00:12Z",
            "precision": "second",
            "row_id": None,
            **shared,
        },
        {
            "door": "feed",
            "list": "activities",
            "row": "88000001",
            "delivery_id": first,
            "received_at": "2025-03-18T09:05:00Z",
            "occurred_at": "2025-03-18T09:00:00Z",
            "precision": "minute",
            "row_id": "88000001",
            **shared,
        },
    ]


def test_a_sighting_shows_the_bytes_of_its_delivery(world):
    bodies = {
        b'{"what": "\xc3\xa9\x00"}': ("utf-8", '{"what": "é\0"}'),
        b"\xff\xfe": ("base64", "//4="),
    }
    first, second = world.store.append(
        [
            Delivery(
                source="acme",
                door=Door.WEBHOOK,
                received_at=at("2025-03-18 09:00:20") + n,
                body=body,
                content_type="application/json",
                context={"path": "/webhooks/acme", "query": "a=1", "address": "192.0.2.7"},
            )
            for n, body in enumerate(bodies)
        ]
    )

    def read(delivery: Delivery) -> Reading:
        return Reading([event(Kind.OPENED, "2025-03-18 09:00:12", list=f"list {delivery.id}")])

    world.store.work_off(read)
    (row,) = world.get("/v1/activities")["rows"]
    sightings = world.get(f"/v1/events/{row['id']}")["sightings"]
    assert [sighting["delivery"] for sighting in sightings] == [
        {
            "id": id,
            "door": "webhook",
            "feed": "",
            "received_at": received_at,
            "content_type": "application/json",
            "context": {"path": "/webhooks/acme", "query": "a=1", "address": "192.0.2.7"},
            "encoding": encoding,
            "body": body,
        }
        for id, received_at, (encoding, body) in zip(
            (first, second), ("2025-03-18T09:00:20Z", "2025-03-18T09:00:20.001Z"), bodies.values(), strict=True
        )
    ]
    world.store.prune(now())
    again = world.get(f"/v1/events/{row['id']}")["sightings"]
    assert [sighting["delivery"] for sighting in again] == [None, None]


def test_a_raw_delivery_needs_the_scope_of_contacts(world):
    world.tell(opened(1))
    (row,) = world.get("/v1/activities")["rows"]
    assert world.refused(f"/v1/events/{row['id']}", world.key("reports:read"))[0] == 403
    assert world.refused(f"/v1/events/{row['id']}", world.key("contacts:read"))[0] == 403
    assert world.get(f"/v1/events/{row['id']}", world.key("reports:read", "contacts:read"))["event"] == row


@pytest.mark.parametrize("length", range(0, 100, 7))
def test_a_cursor_cut_short_is_refused(world, length):
    world.tell(*(opened(n) for n in range(3)))
    cursor = world.get("/v1/activities", page_size=1)["next_cursor"]
    status, body = world.refused(f"/v1/activities?cursor={cursor[: min(length, len(cursor) - 1)]}")
    assert (status, body["error"]["field"]) == (400, "cursor")


@pytest.mark.parametrize("id", ["00", "0", "zz", "-1", "00-99999999999999999999999", "%00", "a" * 4000, "😀"])
def test_an_event_that_does_not_exist_is_404(world, id):
    status, body = world.refused(f"/v1/events/{id}")
    assert status == 404
    assert body == {"error": {"code": "not_found", "message": "There is no such event.", "field": "id"}}
