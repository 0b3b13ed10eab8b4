"""Law 3: one truth through Mailjet's two doors, each with losses and repetitions, is known once."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from aftersend.receiver import create_app
from aftersend.vocabulary import BounceClass, Kind
from tests.fakes import cut, html, unavailable
from tests.providers.mailjet.fake import HOUR, LINKS, FakeMailjet
from tests.providers.mailjet.installed import call, install, known


def mixed(fake: FakeMailjet, chance: random.Random, lost: float) -> list[Any]:
    """The webhooks as they arrive: some never, some twice, in any order, alone or in groups that change. What no list
    tells, that a bounce was none, isn't lost."""
    kept = [notice for notice in fake.notices if notice.get("error") == "greylisted" or chance.random() >= lost]
    kept += chance.sample(kept, len(kept) // 4)
    chance.shuffle(kept)
    calls: list[Any] = []
    while kept:
        size = chance.randrange(1, 6)
        calls.append(kept[0] if size == 1 else kept[:size])
        kept = kept[size:]
    return calls


@pytest.mark.parametrize("seed", range(3))
def test_one_truth_through_both_doors_is_known_once(tmp_path, seed):
    chance = random.Random(f"doors {seed}")
    with FakeMailjet(seed, messages=30) as fake, install(tmp_path, fake) as polling:
        calls = mixed(fake, chance, lost=0.4)
        # The histories lose what webhooks tell.
        told = {(n["MessageID"], n["time"]) for one in calls for n in (one if isinstance(one, list) else [one])}
        for message in fake.messages:
            sure = [row for row in message.history if (message.id, row["EventAt"]) in told]
            lost = [row for row in sure if chance.random() < 0.3]
            message.history = [row for row in message.history if row not in lost]
        half = len(calls) // 2
        call(polling, calls[:half])
        fake.rate, fake.kinds_of_fault, fake.most = 0.3, (unavailable, html, cut), 7
        polling.kill_after = 1 + seed
        polling.run()
        call(polling, calls[half:])
        fake.rate = 0.0
        polling.until_quiet()
        call(polling, calls)
        assert known(polling, queued=False) == fake.truth(queued=False)
        doors = Counter(tuple(event.doors) for event in polling.events())
        assert len(doors) == 3


@pytest.mark.parametrize("webhooks_first", [True, False])
def test_either_door_alone_or_first_leads_to_the_same_events(tmp_path, webhooks_first):
    with FakeMailjet(5, messages=20) as fake, install(tmp_path, fake) as polling:
        if webhooks_first:
            call(polling, [fake.notices])
            polling.until_quiet()
        else:
            polling.until_quiet()
            call(polling, reversed(fake.notices))
        assert known(polling, queued=False) == fake.truth(queued=False)


def one_message(fake: FakeMailjet):
    message = fake.message(fake.now() - HOUR)
    fake.happen(message, "sent", message.arrived + 1)
    return message


def test_two_clicks_in_one_second_on_two_links_stay_two_through_both_doors(tmp_path):
    with FakeMailjet(6) as fake, install(tmp_path, fake) as polling:
        message = one_message(fake)
        for link in LINKS:
            fake.happen(message, "click", message.arrived + 60, link)
        call(polling, [*fake.notices, fake.notices])
        polling.until_quiet()
        clicks = polling.events(kinds=(Kind.CLICKED,))
        assert sorted((event.url, tuple(event.doors)) for event in clicks) == [
            (link, ("feed", "webhook")) for link in LINKS
        ]


def test_two_clicks_on_one_link_stay_two(tmp_path):
    with FakeMailjet(7) as fake, install(tmp_path, fake) as polling:
        message = one_message(fake)
        for later in (60, 61):
            fake.happen(message, "click", message.arrived + later)
        call(polling, fake.notices * 2)
        polling.until_quiet()
        assert known(polling, queued=False) == fake.truth(queued=False)


def test_what_the_history_calls_bounced_is_deferred_if_the_webhook_knows_better(tmp_path):
    with FakeMailjet(8) as fake, install(tmp_path, fake) as polling:
        fake.bounce(fake.message(fake.now() - HOUR), fake.now() - HOUR + 5, hard=False, error="greylisted")
        polling.until_quiet()
        (event,) = polling.events(kinds=(Kind.BOUNCED,))
        assert event.bounce_class == BounceClass.UNDETERMINED
        call(polling, fake.notices)
        assert known(polling, queued=False) == fake.truth(queued=False)


def test_a_wrong_secret_is_refused_and_leaves_nothing(tmp_path):
    with FakeMailjet(9) as fake, install(tmp_path, fake) as polling:
        one_message(fake)
        client = create_app(polling.settings, polling.store).test_client()
        assert client.post("/webhooks/acme/wrong", json=fake.notices[0]).status_code == 401
        assert polling.events() == []
