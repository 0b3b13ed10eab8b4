"""Templates of our own API: what became of the messages made of each."""

from __future__ import annotations

import pytest
from own_api import campaign_of_four
from reading_world import World, at, event

from aftersend.vocabulary import Kind, Status

COUNTED = ("sent", "delivered", "bounced", "opened", "clicked", "complained")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def counted(**given: int) -> dict[str, int]:
    return {**dict.fromkeys(COUNTED, 0), **given}


def statuses(**given: int) -> dict[str, int]:
    return {**{status.value: 0 for status in Status}, **given}


def welcome(kind: Kind, moment: str, contact: str, **more):
    return event(kind, moment, contact, "c1", row=f"{kind}{contact}", template="welcome", **more)


def test_a_template_counts_the_messages_made_of_it(world):
    world.tell(
        *(welcome(Kind.SENT, "2025-03-18 09:00:00", str(n)) for n in range(4)),
        welcome(Kind.BOUNCED, "2025-03-18 09:01:00", "0"),
        welcome(Kind.OPENED, "2025-03-18 09:30:00", "1"),
        welcome(Kind.OPENED, "2025-03-19 09:30:00", "1"),
        welcome(Kind.CLICKED, "2025-03-19 09:31:00", "1", url="https://www.example.com/"),
        welcome(Kind.OPENED, "2025-03-18 10:30:00", "2"),
        welcome(Kind.COMPLAINED, "2025-03-18 10:40:00", "2"),
        event(Kind.SENT, "2025-03-18 09:00:00", "9", "c2", row="untold"),
        event(Kind.SENT, "2025-03-18 09:00:00", "9", None, row="nowhere"),
    )
    answer = world.get("/v1/templates")
    assert answer == {
        "from": None,
        "to": None,
        "templates": [
            {
                "source": "acme",
                "template": None,
                "messages": 1,
                "counts": counted(sent=1, delivered=1),
                "statuses": statuses(sent=1),
                "rates": {"open": 0.0, "click": 0.0, "bounce": 0.0},
                "derived": ["delivered"],
            },
            {
                "source": "acme",
                "template": "c2",
                "messages": 1,
                "counts": counted(sent=1, delivered=1),
                "statuses": statuses(sent=1),
                "rates": {"open": 0.0, "click": 0.0, "bounce": 0.0},
                "derived": ["delivered"],
            },
            {
                "source": "acme",
                "template": "welcome",
                "messages": 4,
                "counts": counted(sent=4, delivered=3, bounced=1, opened=2, clicked=1, complained=1),
                "statuses": statuses(sent=1, bounced=1, clicked=1, complained=1),
                "rates": {"open": 0.6667, "click": 0.3333, "bounce": 0.25},
                "derived": ["delivered"],
            },
        ],
        "next_page_index": None,
        "as_of": answer["as_of"],
        "complete_until": None,
    }
    assert list(answer["templates"][2]["counts"]) == list(COUNTED)
    assert list(answer["templates"][2]["statuses"]) == [status.value for status in Status]


def test_a_range_is_of_the_messages_creation_whenever_they_were_opened(world):
    world.tell(
        welcome(Kind.SENT, "2025-03-17 22:30:00", "1"),  # the 18th in Jerusalem
        welcome(Kind.SENT, "2025-03-18 21:59:00", "2"),
        welcome(Kind.SENT, "2025-03-18 22:00:00", "3"),
        *(welcome(Kind.OPENED, "2025-03-25 09:00:00", contact) for contact in "123"),
        event(Kind.SENT, "2025-01-01 09:00:00", "1", "c0", row="old", template="old"),
    )
    one_day = {"from": "2025-03-18", "to": "2025-03-18", "template": "welcome"}
    (utc,) = world.get("/v1/templates", **one_day)["templates"]
    (jerusalem,) = world.get("/v1/templates", **one_day, time_zone="Asia/Jerusalem")["templates"]
    (opened_then,) = world.get("/v1/templates", **{"from": "2025-03-25"}, template="welcome")["templates"]
    for row in (utc, jerusalem):
        assert (row["messages"], row["counts"]) == (2, counted(sent=2, delivered=2, opened=2))
    assert (opened_then["messages"], opened_then["counts"]) == (0, counted())
    assert opened_then["rates"] == {"open": None, "click": None, "bounce": None}


def test_a_source_that_reports_deliveries_is_not_derived(world):
    world.tell(
        welcome(Kind.SENT, "2025-03-18 09:00:00", "1", source="beta"),
        welcome(Kind.SENT, "2025-03-18 09:00:00", "2", source="beta"),
        welcome(Kind.DELIVERED, "2025-03-18 09:01:00", "1", source="beta"),
        source="beta",
    )
    (row,) = world.get("/v1/templates", source="beta")["templates"]
    assert (row["counts"], row["derived"]) == (counted(sent=2, delivered=1), [])


def test_templates_are_paged_by_source_and_name(world):
    for source in ("acme", "beta"):
        world.tell(
            *(
                event(Kind.SENT, at("2025-03-18 09:00:00"), str(n), f"c{n}", source=source, template=f"t{n}")
                for n in range(3)
            ),
            source=source,
        )
    seen, page = [], 0
    while page is not None:
        answer = world.get("/v1/templates", page_size=2, page_index=page)
        seen += [(row["source"], row["template"]) for row in answer["templates"]]
        page = answer["next_page_index"]
    assert seen == [(source, f"t{n}") for source in ("acme", "beta") for n in range(3)]
    assert world.get("/v1/templates", page_index=10**40)["templates"] == []
    assert world.get("/v1/templates", limit=4)["next_page_index"] == 1


def test_a_template_that_does_not_exist_is_an_empty_list(world):
    world.tell(*campaign_of_four())
    for template in ("none", "\0", "😀", "a" * 3000):
        assert world.get("/v1/templates", template=template)["templates"] == []
