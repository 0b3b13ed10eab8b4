"""Law 3: one truth through Mailtrap's two doors, each with losses and repetitions, is known once."""

from __future__ import annotations

import random
import time
from collections import Counter

import pytest

from aftersend.vocabulary import Kind
from tests.fakes import cut, html, unavailable
from tests.providers.mailtrap.fake import HOUR, URLS, FakeMailtrap, batches
from tests.providers.mailtrap.installed import call, install, known


@pytest.mark.parametrize("seed", range(3))
def test_one_truth_through_both_doors_is_known_once(tmp_path, seed):
    chance = random.Random(seed)
    with FakeMailtrap(seed, emails=18) as fake, install(tmp_path, fake) as polling:
        kept = [item for item in fake.notices() if chance.random() > 0.3]
        # What a webhook told is lost in the list with its whole email, and never both.
        unlisted = {item["message_id"] for item in chance.sample(kept, 3)}
        complete = [item for item in fake.notices() if item["message_id"] in unlisted]
        told = [item for item in kept if item["message_id"] not in unlisted] + complete
        told += chance.sample(told, len(told) // 4)
        chance.shuffle(told)
        truth, everything = fake.truth(), fake.emails
        fake.emails = [sent for sent in everything if sent.id not in unlisted]
        bodies = batches(told, 5)
        half = len(bodies) // 2
        call(polling, bodies[:half])
        fake.rate, fake.kinds_of_fault = 0.3, (unavailable, html, cut)
        polling.kill_after = 2 + seed
        polling.run()
        fake.rate = 0.0
        call(polling, bodies[half:])
        polling.until_quiet()
        call(polling, batches(told, 3))
        assert known(polling) == truth
        doors = Counter(tuple(event.doors) for event in polling.events())
        assert set(doors) == {("feed",), ("webhook",), ("feed", "webhook")}


@pytest.mark.parametrize("webhooks_first", [True, False])
def test_either_door_alone_or_first_leads_to_the_same_events(tmp_path, webhooks_first):
    with FakeMailtrap(5, emails=25) as fake, install(tmp_path, fake) as polling:
        bodies = batches(fake.notices(), 500)
        if webhooks_first:
            call(polling, bodies)
            assert known(polling) == fake.truth()
            polling.until_quiet()
        else:
            polling.until_quiet()
            assert known(polling) == fake.truth()
            call(polling, bodies)
        assert known(polling) == fake.truth()


def test_a_batch_that_is_repeated_in_another_order_and_grouping_adds_nothing(tmp_path):
    with FakeMailtrap(6, emails=25) as fake, install(tmp_path, fake) as polling:
        items = fake.notices()
        call(polling, batches(items, 7))
        random.Random(6).shuffle(items)
        call(polling, batches(items, 4))
        assert known(polling) == fake.truth()


def test_two_clicks_of_one_second_stay_two_through_both_doors(tmp_path):
    with FakeMailtrap(7) as fake, install(tmp_path, fake) as polling:
        at = int(time.time()) - HOUR
        sent = fake.send(at, events=False)
        fake.happen(sent, "delivery", at)
        for _ in range(2):
            fake.happen(sent, "click", at + 60, URLS[0])
        call(polling, batches(fake.notices(), 1) * 2)
        polling.until_quiet()
        clicks = [event for event in polling.events() if event.kind is Kind.CLICKED]
        assert [event.doors for event in clicks] == [["feed", "webhook"]] * 2
        assert known(polling) == fake.truth()


def test_what_only_one_door_knows_is_kept_beside_the_other(tmp_path):
    with FakeMailtrap(8) as fake, install(tmp_path, fake) as polling:
        at = int(time.time()) - HOUR
        sent = fake.send(at, events=False)
        fake.happen(sent, "delivery", at)
        fake.happen(sent, "open", at + 60)
        polling.until_quiet()
        items = [item | {"user_agent": "Mozilla/5.0 (X11; Linux x86_64)"} for item in fake.notices()]
        call(polling, batches(items, 500))
        (opened,) = [event for event in polling.events() if event.kind is Kind.OPENED]
        assert (opened.ip, opened.device, opened.external_id) == ("192.0.2.25", "computer", "7")
        assert opened.row_id == sent.events[1].id
