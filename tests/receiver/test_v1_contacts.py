"""Contacts of our own API: everything ever sent to one, and what became of it."""

from __future__ import annotations

import pytest
from own_api import counts, told
from reading_world import World, at, event

from aftersend.vocabulary import BounceClass, CampaignInfo, Channel, ContactInfo, Door, Kind, Machine


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def once(moment: str) -> dict:
    return {"count": 1, "first_at": moment, "last_at": moment}


def messages(world: World, **query) -> list[dict]:
    (contact,) = world.get("/v1/contacts", **query)["contacts"]
    return contact["messages"]


@pytest.mark.parametrize("by", [{"external_id": "crm-0042"}, {"contact_id": "42"}, {"email": "DANA@example.com"}])
def test_a_contact_is_found_by_each_of_its_ids_with_all_that_happened(world, by):
    known = {"external_id": "crm-0042", "email": "dana@example.com"}
    world.tell(
        event(Kind.SENT, "2025-03-18 09:00:00", row="1", message_id="0a1b"),
        event(Kind.OPENED, "2025-03-18 10:00:00", row="2", **known),
        event(Kind.OPENED, "2025-03-18 11:00:00", row="3"),
        event(Kind.SENT, "2025-03-19 09:00:00", campaign="2", row="4", template="welcome"),
        event(Kind.SENT, "2025-03-19 09:00:00", contact="43", campaign="2", row="5", email="omer@example.com"),
    )
    told(
        world,
        CampaignInfo(campaign_id="1000001", name="Spring offers", subject="Ten ideas"),
        ContactInfo(contact_id="42", first_name="Dana", last_name="Levi"),
    )
    rows = world.get("/v1/activities", contact_id="42")["rows"]
    second, *first = [row["id"] for row in rows]
    (contact,) = world.get("/v1/contacts", **by)["contacts"]
    assert contact == {
        "source": "acme",
        "contact_id": "42",
        "external_id": "crm-0042",
        "email": "dana@example.com",
        "phone": None,
        "first_name": "Dana",
        "last_name": "Levi",
        "deleted_at": None,
        "first_at": "2025-03-18T09:00:00Z",
        "last_at": "2025-03-19T09:00:00Z",
        "counts": counts(sent=(2, 2), opened=(2, 1)),
        "messages": [
            {
                "campaign_id": "2",
                "campaign_name": None,
                "activity_id": None,
                "subject": None,
                "template": "welcome",
                "message_id": None,
                "channel": "email",
                "created_at": "2025-03-19T09:00:00Z",
                "status": "sent",
                "bounce": None,
                "outcomes": {"sent": once("2025-03-19T09:00:00Z")},
                "events": [second],
            },
            {
                "campaign_id": "1000001",
                "campaign_name": "Spring offers",
                "activity_id": None,
                "subject": "Ten ideas",
                # The campaign stands for the template that nobody told.
                "template": "1000001",
                "message_id": "0a1b",
                "channel": "email",
                "created_at": "2025-03-18T09:00:00Z",
                "status": "opened",
                "bounce": None,
                "outcomes": {
                    "sent": once("2025-03-18T09:00:00Z"),
                    "opened": {"count": 2, "first_at": "2025-03-18T10:00:00Z", "last_at": "2025-03-18T11:00:00Z"},
                },
                "events": first[::-1],
            },
        ],
    }


@pytest.mark.parametrize("id", ["a/b", "a+b", "100%", "%2F", "a b", "é😀", "a,b", "?x=1&y", "#"])
def test_any_id_leads_to_its_contact(world, id):
    world.tell(event(Kind.SENT, "2025-03-18 09:00:00", contact=id, external_id=f"x{id}"))
    for by in ({"contact_id": id}, {"external_id": f"x{id}"}):
        (contact,) = world.get("/v1/contacts", **by)["contacts"]
        assert (contact["contact_id"], contact["external_id"]) == (id, f"x{id}")
        assert len(contact["messages"]) == 1


def test_a_status_goes_by_rank_and_not_by_what_came_last(world):
    world.tell(
        event(Kind.SENT, "2025-03-18 09:00:00", row="1"),
        event(Kind.CLICKED, "2025-03-18 09:10:00", row="2", url="https://www.example.com/"),
        event(Kind.OPENED, "2025-03-18 09:20:00", row="3"),
        event(Kind.SENT, "2025-03-18 08:00:00", campaign="2", row="4"),
        event(Kind.BOUNCED, "2025-03-18 08:10:00", campaign="2", row="5", bounce_class=BounceClass.HARD),
    )
    assert [(row["campaign_id"], row["status"], row["bounce"]) for row in messages(world, contact_id="42")] == [
        ("1000001", "clicked", None),
        ("2", "bounced", "hard"),
    ]


def test_each_of_several_messages_of_one_campaign_has_its_own_events(world):
    world.tell(
        *(
            event(kind, moment, row=f"{kind}{id}", message_id=id, by_message=True, url=None)
            for id in ("m1", "m2")
            for kind, moment in ((Kind.SENT, "2025-03-18 09:00:00"), (Kind.OPENED, f"2025-03-18 1{id[1]}:00:00"))
        )
    )
    rows = {row["id"]: row["message_id"] for row in world.get("/v1/activities", contact_id="42")["rows"]}
    found = {message["message_id"]: message["events"] for message in messages(world, contact_id="42")}
    assert set(found) == {"m1", "m2"}
    for id, events in found.items():
        assert [rows[event_id] for event_id in events] == [id, id]
    assert [message["outcomes"].keys() for message in messages(world, contact_id="42")] == [{"sent", "opened"}] * 2


def test_every_event_of_a_contact_stands_behind_exactly_one_message(world):
    world.tell(
        event(Kind.SENT, "2025-03-18 09:00:00", row="1", message_id="0a1b", activity_id="a1"),
        event(Kind.OPENED, "2025-03-18 10:00:00", row="2", activity_id="a1"),
        event(Kind.SENT, "2025-03-18 09:00:00", row="3", activity_id="a2"),
        event(Kind.SENT, "2025-03-18 09:05:00", campaign="2", row="4"),
        event(Kind.DROPPED, "2025-03-18 09:05:00", campaign="3", row="5"),
    )
    behind = [id for message in messages(world, contact_id="42") for id in message["events"]]
    rows = world.get("/v1/activities", contact_id="42")["rows"]
    assert sorted(behind) == sorted(row["id"] for row in rows)
    for message in messages(world, contact_id="42"):
        kinds = [row["kind"] for row in rows if row["id"] in message["events"]]
        assert sorted(kinds) == sorted(message["outcomes"])


def test_a_range_narrows_what_happened_but_not_where_a_message_stands(world):
    world.tell(
        event(Kind.SENT, "2025-03-18 09:00:00", row="1"),
        event(Kind.OPENED, "2025-03-19 09:00:00", row="2"),
        event(Kind.OPENED, "2025-03-20 09:00:00", row="3", machine=Machine.MACHINE),
    )
    (message,) = messages(world, contact_id="42", **{"from": "2025-03-19", "to": "2025-03-19"})
    assert (message["status"], message["created_at"]) == ("opened", "2025-03-18T09:00:00Z")
    assert (list(message["outcomes"]), len(message["events"])) == (["opened"], 1)
    (human,) = messages(world, contact_id="42", machine="exclude")
    assert (human["outcomes"]["opened"]["count"], len(human["events"])) == (1, 2)


def test_a_contact_that_nobody_knows_is_an_empty_list(world):
    for by in ("email", "external_id", "contact_id"):
        for id in ("nobody@example.com", "\0", "😀", "9" * 3000, "' OR 1=1"):
            assert world.get("/v1/contacts", **{by: id})["contacts"] == []


def test_a_contact_known_only_by_address_has_its_messages(world):
    world.tell(event(Kind.SENT, "2025-03-18 09:00:00", contact=None, email="Dana@example.com"), door=Door.WEBHOOK)
    (contact,) = world.get("/v1/contacts", email="dana@example.com")["contacts"]
    assert (contact["contact_id"], contact["email"]) == (None, "Dana@example.com")
    assert contact["counts"] == counts(sent=(1, 1))
    assert [len(message["events"]) for message in contact["messages"]] == [1]


def test_a_contact_that_was_only_told_of_has_no_messages(world):
    told(world, ContactInfo(contact_id="7", email="omer@example.com", deleted_at=at("2025-03-01 00:00:00")))
    (contact,) = world.get("/v1/contacts", contact_id="7")["contacts"]
    assert (contact["email"], contact["deleted_at"]) == ("omer@example.com", "2025-03-01T00:00:00Z")
    assert (contact["first_at"], contact["last_at"], contact["messages"]) == (None, None, [])


def test_the_same_address_at_two_sources_is_two_contacts_and_a_key_sees_its_own(world):
    for source in ("acme", "beta"):
        sent = event(Kind.SENT, "2025-03-18 09:00:00", source=source, email="dana@example.com")
        world.tell(sent, source=source)
    both = world.get("/v1/contacts", email="dana@example.com")["contacts"]
    assert [contact["source"] for contact in both] == ["acme", "beta"]
    limited = world.key("reports:read", "contacts:read", sources=("beta",))
    (own,) = world.get("/v1/contacts", limited, email="dana@example.com")["contacts"]
    assert own == both[1]


def test_text_messages_stay_out(world):
    world.tell(
        event(Kind.SENT, "2025-03-18 09:00:00", row="1"),
        event(Kind.SENT, "2025-03-18 09:00:00", row="2", channel=Channel.SMS, campaign="sms"),
    )
    assert [message["channel"] for message in messages(world, contact_id="42")] == ["email"]
