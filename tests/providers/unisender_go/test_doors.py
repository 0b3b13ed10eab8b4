"""Law 3: one truth through Unisender Go's two doors, each with losses and repetitions, is known once."""

from __future__ import annotations

import gzip
import random
import time

import msgspec
import pytest

from aftersend.storage.contract import Filter
from aftersend.vocabulary import Delivery, Door, Kind
from aftersend.worker.normalizer import drain
from tests.fakes import cut, html, unavailable
from tests.providers.unisender_go.fake import DAY, FakeUnisender
from tests.providers.unisender_go.installed import call, install, known


def mixed(fake: FakeUnisender, chance: random.Random, lost: float) -> list[bytes]:
    """The webhooks as they arrive: some never, some twice, in any order and other batches, with details and without."""
    kept = [body for body in fake.notices(chance.randrange(1, 9)) if chance.random() >= lost]
    kept += [body for body in fake.notices(3, info=False) if chance.random() < 0.3]
    chance.shuffle(kept)
    return kept


@pytest.mark.parametrize("seed", range(3))
def test_one_truth_through_both_doors_is_known_once(tmp_path, seed):
    chance = random.Random(seed)
    with FakeUnisender(seed, events=60) as fake, install(tmp_path, fake, backfill="0s") as polling:
        fake.rows_a_file, fake.latency = 20, 0
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


@pytest.mark.parametrize("info", [True, False])
def test_what_one_door_loses_the_other_tells(tmp_path, info):
    with FakeUnisender(1, events=40) as fake, install(tmp_path, fake, backfill="0s") as polling:
        fake.latency = 0
        chance, everything = random.Random(1), fake.happened
        for number in range(5):
            fake.happen(int(time.time()) - 100 * DAY - number)
        old = everything[-5:]
        fake.happened = [one for one in everything if one in old or chance.random() < 0.5]
        call(polling, fake.notices(info=info) + fake.notices(2, info=info))
        fake.happened = everything
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert {tuple(event.doors) for event in polling.events()} == {("feed",), ("webhook",), ("feed", "webhook")}


def two_clicks(fake: FakeUnisender, **fields: str) -> None:
    at = int(time.time()) - DAY
    person = {"job": "1wAbCd-000001-Gh", "email": "person1@example.com", "url": "https://shop.example.com/a"}
    fake.happen(at, "clicked", **(person | {"ip": "192.0.2.1"}))
    fake.happen(at, "clicked", **(person | {"ip": "192.0.2.1"} | fields))


@pytest.mark.parametrize("info", [True, False])
@pytest.mark.parametrize("fields", [{"url": "https://shop.example.com/b"}, {"ip": "192.0.2.2"}, {}])
def test_two_clicks_of_one_second_stay_two_through_both_doors(tmp_path, info, fields):
    with FakeUnisender(2) as fake, install(tmp_path, fake, backfill="0s") as polling:
        two_clicks(fake, **fields)
        call(polling, fake.notices(1, info=info))
        polling.run()
        call(polling, fake.notices(2, info=info))
        assert known(polling) == fake.truth()
        assert sorted(event.ip for event in polling.events()) == sorted(one.ip for one in fake.happened)


@pytest.mark.parametrize("fields", [{"url": "https://shop.example.com/b"}, {"ip": "192.0.2.2"}])
def test_what_two_webhooks_tell_with_details_and_without_is_counted_once(tmp_path, fields):
    with FakeUnisender(2, events=20) as fake, install(tmp_path, fake) as polling:
        two_clicks(fake, **fields)
        call(polling, [*fake.notices(3), *fake.notices(4, info=False)])
        assert known(polling) == fake.truth()


def test_a_bounce_that_turns_out_to_be_a_drop_is_one(tmp_path):
    with FakeUnisender(3) as fake, install(tmp_path, fake) as polling:
        one = fake.happen(int(time.time()) - DAY, "hard_bounced")
        call(polling, fake.notices(info=False))
        assert [event.kind for event in polling.events()] == [Kind.BOUNCED]
        body = fake._csv([one]).replace(b"err_user_unknown", b"err_unsubscribed")
        page = Delivery(
            source="acme",
            door=Door.FEED,
            feed="events",
            received_at=1_900_000_000_000,
            body=body,
            context={"step": "file"},
        )
        polling.store.append([page])
        drain(polling.store, polling.settings)
        assert [(event.kind, event.reason) for event in polling.events()] == [(Kind.DROPPED, "err_unsubscribed")]
        funnel = polling.store.funnel(Filter())
        assert (funnel[Kind.BOUNCED].total, funnel[Kind.DROPPED].total) == (0, 1)


def test_two_jobs_to_one_person_are_two_messages_and_two_persons_of_a_job_as_well(tmp_path):
    with FakeUnisender(4) as fake, install(tmp_path, fake) as polling:
        at = int(time.time()) - DAY
        for job, person in (("j1", 1), ("j1", 2), ("j2", 1)):
            for status in ("delivered", "opened", "opened"):
                fake.happen(at + person, status, job=job, email=f"person{person}@example.com")
                at += 1
        call(polling, fake.notices())
        opened = polling.store.funnel(Filter())[Kind.OPENED]
        assert (opened.total, opened.unique) == (6, 2)
        assert {event.campaign_id for event in polling.events()} == {"spring"}


def test_any_order_of_deliveries_gives_the_same_events(tmp_path):
    chance = random.Random(1)
    with FakeUnisender(5, events=40) as fake:
        received = 1_900_000_000_000
        hooks = [
            Delivery(source="acme", door=Door.WEBHOOK, received_at=received, body=body)
            for body in [*fake.notices(), *fake.notices(3, info=False)]
        ]
        pages = [
            Delivery(
                source="acme",
                door=Door.FEED,
                feed="events",
                received_at=received,
                body=fake._csv(fake.happened[n : n + 10]),
                context={"step": "file"},
            )
            for n in range(0, 40, 10)
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
        shuffled = [*pages, *hooks, *pages[:2]]
        chance.shuffle(shuffled)
        assert known_after("shuffled", shuffled) == first


@pytest.mark.parametrize("headers", [{"Content-Encoding": "gzip"}, {}])
def test_a_compressed_call_is_taken_whether_its_headers_say_so_or_not(tmp_path, headers):
    with FakeUnisender(6, events=5) as fake, install(tmp_path, fake) as polling:
        for body in fake.notices():
            answer = polling.client.post("/webhooks/acme", data=gzip.compress(body), headers=headers)
            assert answer.status_code == 200
        drain(polling.store, polling.settings)
        assert known(polling) == fake.truth()


def test_a_call_that_is_not_signed_rightly_is_refused_and_leaves_nothing(tmp_path):
    with FakeUnisender(7, events=3) as fake, install(tmp_path, fake) as polling:
        wrong = fake.notices()[0].replace(b"person", b"nobody")
        assert polling.client.post("/webhooks/acme", data=wrong).status_code == 401
        assert polling.client.get("/webhooks/acme").status_code == 200
        drain(polling.store, polling.settings)
        assert polling.events() == []
