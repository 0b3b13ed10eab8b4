"""Law 3: one truth through SendGrid's doors, each with losses and repetitions, is known once."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime

import msgspec
import pytest

from aftersend.receiver import create_app
from aftersend.storage.contract import Filter
from aftersend.vocabulary import BounceClass, Delivery, Door, Kind
from aftersend.worker.normalizer import drain
from tests.fakes import SEEDS, cut, html, unavailable
from tests.providers.sendgrid.fake import AGENTS, DAY, HOUR, URLS, FakeSendGrid
from tests.providers.sendgrid.installed import EVERY, call, install, known

LATELY = {"feeds": EVERY, "backfill": "0s"}
"""An installation that reads what happened in the last days: how lists read the past is ``test_polling``'s."""


def batches(chance: random.Random, items):
    """In any order, cut into batches of any size."""
    items = list(items)
    chance.shuffle(items)
    while items:
        size = chance.randrange(1, 12)
        yield items[:size]
        items = items[size:]


@pytest.mark.parametrize("seed", SEEDS)
def test_one_truth_through_all_doors_is_known_once(tmp_path, seed):
    chance = random.Random(seed)
    with FakeSendGrid(seed, mails=16, spread=DAY) as fake, install(tmp_path, fake, **LATELY) as polling:
        kept = [item for item in fake.items if chance.random() >= 0.3]
        told = {(item["sg_message_id"], item["event"], item["timestamp"], item.get("url")) for item in kept}
        lost = 0
        for mail in fake.mails.values():
            # The activity loses as much, of what webhooks tell, and lists lose rows.
            for event in list(mail.events):
                key = (mail.id, event["event_name"], seconds_of(event), event.get("url"))
                if key in told and chance.random() < 0.3:
                    mail.events.remove(event)
                    lost += 1
        for rows in fake.lists.values():
            rows[:] = [row for row in rows if chance.random() >= 0.5]
        copies = [fake.copy(item) for item in chance.sample(kept, len(kept) // 2)]
        arriving = list(batches(chance, kept + copies))
        half = len(arriving) // 2
        call(polling, *arriving[:half])
        fake.rate, fake.kinds_of_fault = 0.2, (unavailable, html, cut)
        polling.kill_after = 1 + seed
        polling.run()
        call(polling, *arriving[half:])
        fake.rate = 0.0
        polling.until_quiet()
        call(polling, *batches(chance, kept))
        assert known(polling) == fake.truth()
        doors = Counter(tuple(event.doors) for event in polling.events())
        assert (lost > 0, len(doors)) == (True, 3)


def seconds_of(event) -> int:
    return int(datetime.fromisoformat(event["processed"]).timestamp())


@pytest.mark.parametrize("seed", SEEDS)
def test_any_order_of_deliveries_gives_the_same_events(tmp_path, seed):
    """Law 2: any order, any batches, copies with other ids or none."""
    chance = random.Random(seed)
    with FakeSendGrid(seed, mails=10) as fake:
        received = 1_900_000_000_000
        pages = [(name, fake._suppressed(name, {}).encoded()) for name in fake.lists]
        pages += [("activity", msgspec.json.encode(fake._message(mail))) for mail in fake.mails.values()]
        read = [
            Delivery(source="acme", door=Door.FEED, feed=name, received_at=received, body=body) for name, body in pages
        ]

        def hooks(items) -> list[Delivery]:
            return [
                Delivery(source="acme", door=Door.WEBHOOK, received_at=received, body=msgspec.json.encode(batch))
                for batch in batches(chance, items)
            ]

        def known_after(name: str, order: list[Delivery]) -> list[bytes]:
            (tmp_path / name).mkdir()
            chance.shuffle(order)
            with install(tmp_path / name, fake) as polling:
                while order:
                    size = chance.randrange(1, 20)
                    batch, order = order[:size], order[size:]
                    polling.store.append(batch)
                    drain(polling.store, polling.settings)
                assert known(polling) == fake.truth()
                funnel = msgspec.json.encode(polling.store.funnel(Filter()))
                plain = [msgspec.structs.replace(e, number=0, received_at=0) for e in polling.events()]
                return [funnel, *sorted(map(msgspec.json.encode, plain))]

        copies = [fake.copy(item) for item in fake.items]
        first = known_after("first", hooks(fake.items + copies) + read)
        assert known_after("second", read + hooks(copies + fake.items) + hooks(copies)) == first


@pytest.mark.parametrize("webhooks_first", [True, False])
def test_either_door_first_leads_to_the_same_events(tmp_path, webhooks_first):
    with FakeSendGrid(5, mails=8, spread=DAY) as fake, install(tmp_path, fake, **LATELY) as polling:
        if webhooks_first:
            call(polling, fake.items)
            polling.until_quiet()
        else:
            polling.until_quiet()
            call(polling, reversed(fake.items))
        assert known(polling) == fake.truth()


def test_webhooks_alone_tell_everything(tmp_path):
    with FakeSendGrid(6, mails=20) as fake, install(tmp_path, fake, api_key="") as polling:
        call(polling, fake.items)
        assert known(polling) == fake.truth()
        assert polling.run() == {}


def test_two_clicks_of_one_second_by_two_people_are_two_through_all_doors(tmp_path):
    with FakeSendGrid(7) as fake, install(tmp_path, fake, **LATELY) as polling:
        mail = fake.mail(fake.now() - DAY)
        fake.items.clear()
        mail.events.clear()
        at = fake.now() - HOUR
        for address in ("192.0.2.1", "192.0.2.2"):
            fake.facts.clear()
            fake.happened(mail, "click", at, url=URLS[0], useragent=AGENTS[0], ip=address)
        call(polling, fake.items, fake.items)
        polling.until_quiet()
        clicks = [event for event in polling.events() if event.kind is Kind.CLICKED]
        assert sorted((event.ip, event.doors) for event in clicks) == [
            ("192.0.2.1", ["feed", "webhook"]),
            ("192.0.2.2", ["feed", "webhook"]),
        ]


def test_a_late_bounce_without_its_message_is_the_one_in_the_list(tmp_path):
    with FakeSendGrid(8) as fake, install(tmp_path, fake, feeds=["bounces"]) as polling:
        at = fake.now() - HOUR
        bounce = {"email": "nora@example.com", "timestamp": at, "event": "bounce", "reason": "returned"}
        fake.lists["bounces"].append({"created": at, "email": "nora@example.com", "reason": "returned"})
        call(polling, [bounce], [bounce | {"sg_event_id": "a"}], [bounce | {"sg_event_id": "b"}])
        polling.until_quiet()
        assert known(polling) == [("bounced", "nora@example.com", BounceClass.HARD.value, "", at)]


def test_a_call_that_is_not_signed_rightly_is_refused_and_leaves_nothing(tmp_path):
    with FakeSendGrid(9, mails=3) as fake, install(tmp_path, fake) as polling:
        client = create_app(polling.settings, polling.store).test_client()
        assert client.post("/webhooks/acme", data=msgspec.json.encode(fake.items)).status_code == 401
        drain(polling.store, polling.settings)
        assert polling.events() == []
