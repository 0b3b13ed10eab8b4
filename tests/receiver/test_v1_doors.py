"""Doors: what webhooks and feeds each brought, and what one of them lost."""

from __future__ import annotations

import pytest
from reading_world import World, at, event

from aftersend.receiver.reports import enabled_feeds
from aftersend.storage.contract import FeedRow
from aftersend.vocabulary import Channel, Door, Event, Kind, Precision, now

NONE = {"both": 0, "webhook_only": 0, "feed_only": 0, "webhook": 0, "feed": 0}
NO_LOSS = {"webhooks_lost": None, "feeds_lost": None}
UNSETTLED = {**NONE, **NO_LOSS, "settled": False}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def through(world: World, doors: str, *events: Event, source: str = "acme") -> None:
    """Tell events through the doors named: ``w``, ``f`` or both."""
    if "w" in doors:
        hooks = [
            event(
                e.kind,
                e.occurred_at + 5_000,
                e.contact_id,
                e.campaign_id,
                source=source,
                row=e.row,
                list="webhook",
                row_id=None,
                precision=Precision.SECOND,
                channel=e.channel,
            )
            for e in events
        ]
        world.tell(*hooks, source=source, door=Door.WEBHOOK)
    if "f" in doors:
        world.tell(*events, source=source)


def completed(world: World, until: str, source: str = "acme") -> None:
    """Every feed of a source has been read up to there."""
    for configured in world.settings.sources:
        if configured.name == source:
            for name in enabled_feeds(configured):
                row = FeedRow(source=source, feed=name, resource=f"{source}/{name}")
                world.store.ensure_feeds([row])
                claimed = world.store.claim(row.key, "a test", now() + 60_000, at=now(), force=True)
                world.store.finish(claimed, due_at=now() + 60_000, rows=3, complete_until=at(until))


def sends(day: str, first: int, count: int, source: str = "acme") -> list[Event]:
    """So many sends of a day, to contacts numbered from ``first``, a minute apart."""
    return [
        event(Kind.SENT, at(f"{day} 09:00:00") + n * 60_000, str(n), row=str(n), source=source)
        for n in range(first, first + count)
    ]


def two_days(world: World) -> None:
    """18 March: 7 sends through both, 1 only by webhook, 2 only in feeds, and 3 opens that no webhook tells.
    19 March: 4 through both, 2 only by webhook, one of them after the feeds were last read."""
    through(world, "wf", *sends("2025-03-18", 0, 7))
    through(world, "w", *sends("2025-03-18", 10, 1))
    through(world, "f", *sends("2025-03-18", 20, 2))
    through(world, "f", *(event(Kind.OPENED, "2025-03-18 10:00:00", str(n), row=str(n)) for n in range(3)))
    through(world, "wf", *sends("2025-03-19", 100, 4))
    through(world, "w", *sends("2025-03-19", 110, 1))
    through(world, "w", event(Kind.SENT, "2025-03-19 22:00:00", "999", row="999"))
    completed(world, "2025-03-19 20:00:00")


def test_what_happened_before_a_door_told_anything_is_not_lost_by_it(world):
    through(world, "f", *sends("2025-03-18", 0, 5))
    through(world, "wf", *sends("2025-03-19", 100, 3))
    through(world, "f", *sends("2025-03-19", 200, 1))
    completed(world, "2025-03-20 00:00:00")
    answer = world.get("/v1/doors", **RANGE)
    (summary,) = [found for found in answer["sources"] if found["source"] == "acme"]
    assert (summary["feed_only"], summary["webhooks_lost"]) == (6, 0.25)
    assert summary["sentence"] == "Your webhooks lost 25.0 % (1 of 4 events). Your feeds lost nothing (of 3 events)."


RANGE = {"from": "2025-03-18", "to": "2025-03-19"}


def test_every_day_tells_what_each_door_brought_and_lost(world):
    two_days(world)
    answer = world.get("/v1/doors", source="acme", **RANGE)
    first = {
        "source": "acme",
        "day": "2025-03-18",
        "both": 7,
        "webhook_only": 1,
        "feed_only": 5,
        "webhook": 8,
        "feed": 12,
        "webhooks_lost": 0.2222,  # 2 of 9 sends; opens are none that a webhook could have told
        "feeds_lost": 0.125,
        "settled": True,
    }
    second = {
        "source": "acme",
        "day": "2025-03-19",
        "both": 4,
        "webhook_only": 2,
        "feed_only": 0,
        "webhook": 6,
        "feed": 4,
        "webhooks_lost": 0.0,
        "feeds_lost": 0.2,  # 1 of 5: the sixth came after the feeds were read
        "settled": False,
    }
    together = {"both": 11, "webhook_only": 3, "feed_only": 5, "webhook": 14, "feed": 16}
    assert answer == {
        "from": "2025-03-18T00:00:00+00:00",
        "to": "2025-03-20T00:00:00+00:00",
        "time_zone": "UTC",
        "sources": [
            {
                "source": "acme",
                "doors": ["feed", "webhook"],
                **together,
                "webhooks_lost": 0.1538,
                "feeds_lost": 0.1538,
                "settled": False,
                "sentence": "Your webhooks lost 15.4 % (2 of 13 events). Your feeds lost 15.4 % (2 of 13 events).",
                "kinds": [
                    {
                        "kind": "sent",
                        **together,
                        "feed_only": 2,
                        "feed": 13,
                        "webhooks_lost": 0.1538,
                        "feeds_lost": 0.1538,
                        "settled": False,
                    },
                    {"kind": "opened", **NONE, "feed_only": 3, "feed": 3, **NO_LOSS, "settled": False},
                ],
            }
        ],
        "rows": [first, second],
        "as_of": world.get("/v1/funnel")["as_of"],
        "complete_until": "2025-03-19T20:00:00Z",
    }


def test_one_kind_can_be_asked_alone(world):
    two_days(world)
    answer = world.get("/v1/doors", source="acme", kind="opened,clicked", **RANGE)
    assert [row["feed_only"] for row in answer["rows"]] == [3, 0]
    (summary,) = answer["sources"]
    assert [kind["kind"] for kind in summary["kinds"]] == ["opened"]
    # Both doors are there, but in these kinds neither has lost anything.
    assert (summary["doors"], summary["sentence"], summary["webhooks_lost"]) == (["feed", "webhook"], None, None)
    assert summary["feeds_lost"] is None


def test_days_are_cut_along_the_zones_calendar(world):
    through(world, "wf", event(Kind.SENT, "2025-03-29 22:59:00", "1"))
    through(world, "w", event(Kind.SENT, "2025-03-29 23:00:00", "2"), event(Kind.SENT, "2025-03-30 21:59:00", "3"))
    through(world, "f", event(Kind.SENT, "2025-03-30 22:00:00", "4"))
    berlin = {"from": "2025-03-29", "to": "2025-03-31", "time_zone": "Europe/Berlin"}
    answer = world.get("/v1/doors", source="acme", **berlin)
    assert (answer["from"], answer["to"]) == ("2025-03-29T00:00:00+01:00", "2025-04-01T00:00:00+02:00")
    assert [(row["day"], row["both"], row["webhook_only"], row["feed_only"]) for row in answer["rows"]] == [
        ("2025-03-29", 1, 0, 0),
        ("2025-03-30", 0, 2, 0),
        ("2025-03-31", 0, 0, 1),
    ]


def test_without_a_range_it_is_the_seven_days_up_to_today(world):
    through(world, "f", event(Kind.SENT, now() - 60_000, "1"))
    answer = world.get("/v1/doors", source="acme")
    assert len(answer["rows"]) == 7
    assert sum(row["feed_only"] for row in answer["rows"]) == 1
    assert answer["rows"] == sorted(answer["rows"], key=lambda row: row["day"])


def test_a_source_with_one_door_says_which_and_has_no_sentence(world):
    through(world, "w", *sends("2025-03-18", 0, 2))
    through(world, "f", *sends("2025-03-18", 0, 3, "beta"), source="beta")
    completed(world, "2025-03-20 00:00:00")
    answer = world.get("/v1/doors", **RANGE)
    told = [(s["source"], s["doors"], s["sentence"], s["webhooks_lost"], s["feeds_lost"]) for s in answer["sources"]]
    assert told == [
        ("acme", ["webhook"], None, None, None),
        ("beta", ["feed"], None, None, None),
        ("gamma", [], None, None, None),
    ]
    gamma = [row for row in answer["rows"] if row["source"] == "gamma"]
    assert gamma == [{"source": "gamma", "day": day, **UNSETTLED} for day in ("2025-03-18", "2025-03-19")]


@pytest.mark.parametrize(
    ("both", "feed_only", "sentence"),
    [
        (3009, 12, "Your webhooks lost 0.4 % (12 of 3,021 events)."),
        (1, 0, "Your webhooks lost nothing (of 1 event)."),
        (2999, 1, "Your webhooks lost less than 0.1 % (1 of 3,000 events)."),
        (0, 2, "Your webhooks lost 100.0 % (2 of 2 events)."),
    ],
)
def test_the_sentence_is_one_a_person_would_say(world, both, feed_only, sentence):
    through(world, "wf", *sends("2025-03-18", 0, both))
    through(world, "w", event(Kind.SENT, "2025-01-01 00:00:00", "early"))
    through(world, "f", *sends("2025-03-18", 100_000, feed_only))
    (summary,) = world.get("/v1/doors", source="acme", **{"from": "2025-03-01", "to": "2025-06-30"})["sources"]
    assert summary["sentence"] == sentence


def test_every_channel_counts(world):
    through(world, "wf", event(Kind.SENT, "2025-03-18 09:00:00", "1", channel=Channel.SMS))
    (row, _) = world.get("/v1/doors", source="acme", **RANGE)["rows"]
    assert row["both"] == 1


def test_a_key_limited_to_a_source_sees_no_other(world):
    two_days(world)
    through(world, "f", *sends("2025-03-18", 0, 3, "beta"), source="beta")
    limited = world.key("reports:read", sources=("beta",))
    answer = world.get("/v1/doors", limited, **RANGE)
    assert {row["source"] for row in answer["rows"]} == {summary["source"] for summary in answer["sources"]} == {"beta"}
    assert answer == {**world.get("/v1/doors", source="beta", **RANGE)}
    assert world.refused("/v1/doors?source=acme", limited)[0] == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("kind=nonsense", "kind"),
        ("kind=", "kind"),
        ("from=soon", "from"),
        ("from=2025-03-19&to=2025-03-18", "from"),
        ("from=1970-01-01&to=2025-03-18", "from"),
        ("to=9999-12-31", "to"),
        ("time_zone=Mars/Olympus", "time_zone"),
        ("campaign_id=1", "campaign_id"),
        ("machine=exclude", "machine"),
    ],
)
def test_what_cannot_be_understood_is_named(world, query, field):
    status, body = world.refused(f"/v1/doors?{query}")
    assert (status, body["error"]["code"], body["error"]["field"]) == (400, "bad_request", field)
