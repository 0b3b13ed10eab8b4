"""Law 3: one truth through Klaviyo's two doors, each with losses and repetitions, is known once."""

from __future__ import annotations

import random
import time

import msgspec
import pytest

from aftersend.vocabulary import Delivery, Door
from aftersend.worker.normalizer import drain
from tests.fakes import cut, html, unavailable
from tests.providers.klaviyo.fake import DAY, METRICS, FakeKlaviyo
from tests.providers.klaviyo.installed import call, install, known

QUICK = {"feeds": sorted(METRICS), "backfill": "0s"}
"""Only the lists that the fake has anything for, and each read on one lane: the other is a matter of test_polling."""


def mixed(fake: FakeKlaviyo, chance: random.Random, lost: float) -> list[bytes]:
    """The webhooks as they arrive: some never, some twice, in any order and other batches than before."""
    kept = [body for body in fake.notices(chance.randrange(1, 9)) if chance.random() >= lost]
    kept += [body for body in fake.notices(3) if chance.random() < 0.2]
    chance.shuffle(kept)
    return kept


@pytest.mark.parametrize("seed", range(3))
def test_one_truth_through_both_doors_is_known_once(tmp_path, seed):
    chance = random.Random(seed)
    with FakeKlaviyo(seed, events=60) as fake, install(tmp_path, fake, **QUICK) as polling:
        notices = mixed(fake, chance, lost=0.4)
        half = len(notices) // 2
        call(polling, notices[:half])
        fake.rate, fake.kinds_of_fault = 0.3, (unavailable, html, cut)
        polling.kill_after = 1 + seed
        polling.run()
        call(polling, notices[half:])
        fake.rate = 0.0
        polling.until_quiet()
        call(polling, notices)
        assert known(polling) == fake.truth()
        assert {tuple(event.doors) for event in polling.events()} == {("feed",), ("feed", "webhook")}


@pytest.mark.parametrize("seed", range(2))
def test_what_one_door_loses_the_other_tells(tmp_path, seed):
    with FakeKlaviyo(seed, events=40) as fake, install(tmp_path, fake, **QUICK) as polling:
        chance = random.Random(seed)
        whole = fake.happened
        old = [fake.happen(int(time.time()) - 100 * DAY) for _ in range(5)]
        fake.happened = old + [one for one in whole if one not in old and chance.random() < 0.5]
        call(polling, fake.notices() + fake.notices(2))
        fake.happened = whole
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert {tuple(event.doors) for event in polling.events()} == {("feed",), ("webhook",), ("feed", "webhook")}


def test_any_order_of_deliveries_gives_the_same_events(tmp_path):
    chance = random.Random(1)
    with FakeKlaviyo(1, events=40) as fake:
        hooks = [
            Delivery(source="acme", door=Door.WEBHOOK, received_at=1_900_000_000_000, body=body)
            for body in fake.notices()
        ]
        rows = {word: [fake._row(one) for one in fake.happened if one.word == word] for word in METRICS}
        people = [fake._profile(person, "email,external_id") for person in range(20)]
        pages = [
            Delivery(
                source="acme",
                door=Door.FEED,
                feed=word,
                received_at=1_900_000_000_000,
                body=msgspec.json.encode({"data": found, "included": people, "links": {"next": None}}),
            )
            for word, found in rows.items()
        ]

        def known_after(name: str, order: list[Delivery]) -> list[bytes]:
            (tmp_path / name).mkdir()
            with install(tmp_path / name, fake) as polling:
                while order:
                    size = chance.randrange(1, 6)
                    batch, order = order[:size], order[size:]
                    polling.store.append(batch)
                    drain(polling.store, polling.settings)
                found = [msgspec.structs.replace(event, number=0, received_at=0) for event in polling.events()]
                return sorted(msgspec.json.encode(event) for event in found)

        first = known_after("first", [*hooks, *pages])
        shuffled = [*pages, *hooks, *pages[:3]]
        chance.shuffle(shuffled)
        assert known_after("shuffled", shuffled) == first


def test_two_clicks_of_one_person_and_second_stay_two_through_both_doors(tmp_path):
    with FakeKlaviyo(2) as fake, install(tmp_path, fake, feeds=["clicked_email"], backfill="0s") as polling:
        at = int(time.time()) - DAY
        for _ in range(2):
            fake.happen(at, "clicked_email").person = 1
        call(polling, fake.notices(1))
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert [event.doors for event in polling.events()] == [["feed", "webhook"]] * 2


def test_an_address_that_only_the_list_tells_is_known_of_the_webhooks_event(tmp_path):
    with FakeKlaviyo(3) as fake, install(tmp_path, fake, feeds=["opened_email"], backfill="0s") as polling:
        one = fake.happen(int(time.time()) - DAY, "opened_email")
        call(polling, fake.notices())
        assert [event.email for event in polling.events()] == [None]
        polling.until_quiet()
        assert [event.email for event in polling.events()] == [f"person{one.person}@example.com"]


def test_a_call_that_is_not_signed_rightly_is_refused_and_leaves_nothing(tmp_path):
    with FakeKlaviyo(4, events=3) as fake, install(tmp_path, fake) as polling:
        assert polling.client.post("/webhooks/acme", data=fake.notices()[0]).status_code == 401
        drain(polling.store, polling.settings)
        assert polling.events() == []
