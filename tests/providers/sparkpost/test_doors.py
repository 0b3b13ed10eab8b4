"""Law 3: one truth through SparkPost's two doors, each with losses and repetitions, is known once."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.fakes import SEEDS, cut, html, unavailable
from tests.providers.sparkpost.fake import DAY, SECOND, FakeSparkPost
from tests.providers.sparkpost.installed import call, install, known


def mixed(fake: FakeSparkPost, chance: random.Random) -> list[list]:
    """The batches as they arrive: some never, some twice, composed anew, in any order."""
    items = [item for batch in fake.batches() if chance.random() > 0.3 for item in batch]
    items += chance.sample(items, len(items) // 4)
    chance.shuffle(items)
    return [items[n : n + 5] for n in range(0, len(items), 5)]


@pytest.mark.parametrize("seed", SEEDS)
def test_one_truth_through_both_doors_is_known_once(tmp_path, seed):
    chance = random.Random(seed)
    with FakeSparkPost(seed, messages=25) as fake, install(tmp_path, fake) as polling:
        hidden = [row for row in fake.rows if chance.random() < 0.3]
        for row in hidden:
            row.shown = False
        batches = mixed(fake, chance)
        call(polling, batches[::2])
        fake.rate, fake.kinds_of_fault = 0.3, (unavailable, html, cut)
        polling.kill_after = 1 + seed
        polling.run()
        call(polling, batches[1::2])
        fake.rate = 0.0
        polling.until_quiet()
        # What the list has lost for good, only webhooks tell.
        call(polling, [[{"msys": {"message_event": fake.pushed(row)}} for row in hidden]])
        assert known(polling) == fake.truth()
        assert len(Counter(tuple(event.doors) for event in polling.events())) == 3
        call(polling, fake.batches())
        polling.until_quiet()
        assert known(polling) == fake.truth()


@pytest.mark.parametrize("webhooks_first", [True, False])
def test_either_door_first_leads_to_the_same_events(tmp_path, webhooks_first):
    with FakeSparkPost(5, messages=15) as fake, install(tmp_path, fake) as polling:
        if webhooks_first:
            call(polling, fake.batches())
            assert known(polling) == fake.truth()
            polling.until_quiet()
        else:
            polling.until_quiet()
            call(polling, reversed(fake.batches()))
        assert known(polling) == fake.truth()
        assert {tuple(event.doors) for event in polling.events()} == {("feed", "webhook")}


def test_two_clicks_within_a_second_stay_two_and_have_the_times_of_the_list(tmp_path):
    with FakeSparkPost(6) as fake, install(tmp_path, fake) as polling:
        at = (fake.now() - DAY) // 1000 * SECOND
        for offset in (100, 900):
            fake._happened("click", "a" * 20, at + offset, target_link_url="https://www.example.com/a")
        call(polling, fake.batches())
        polling.until_quiet()
        assert [event.occurred_at for event in polling.events()] == [at + 100, at + 900]


def test_webhooks_work_without_a_key(tmp_path):
    with FakeSparkPost(7, messages=5) as fake, install(tmp_path, fake, api_key="") as polling:
        call(polling, fake.batches())
        assert polling.run() == {}
        assert known(polling) == fake.truth()
        assert fake.asked == []
