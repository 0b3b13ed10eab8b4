"""Law 3: one truth through Brevo's two doors, each with losses and repetitions, is known once."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from aftersend.receiver import create_app
from aftersend.storage.contract import Filter
from aftersend.vocabulary import Machine
from aftersend.worker.normalizer import drain
from tests.fakes import cut, html, unavailable
from tests.providers.brevo.fake import LINKS, SECRET, FakeBrevo
from tests.providers.brevo.installed import call, install, known


def mixed(calls: list[bytes], chance: random.Random, lost: float) -> list[bytes]:
    """The webhooks as they arrive: some never, some twice, in any order, some in batches."""
    kept = [body for body in calls if chance.random() >= lost]
    kept += chance.sample(kept, len(kept) // 4)
    chance.shuffle(kept)
    size = len(kept) // 3
    items = [json.loads(body) for body in kept[:size]]
    batches = [json.dumps(items[n : n + 5]).encode() for n in range(0, size, 5)]
    return [*batches, *kept[size:]]


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_one_truth_through_both_doors_is_known_once(tmp_path, seed, shifted):
    chance = random.Random(seed)
    with FakeBrevo(seed) as fake, install(tmp_path, fake) as polling:
        fake.shifted = shifted
        for _ in range(14):
            fake.send(fake.now() - chance.randrange(3600, 5 * 86_400))
        happened, calls = fake.happened, fake.calls
        bodies = mixed(calls, chance, lost=0.3)
        half = len(bodies) // 2
        # What the list has lost for good, webhooks still tell.
        told = b"".join(bodies)
        fake.happened = [one for one in happened if chance.random() > 0.2 or one.message.encode() not in told]
        only_listed = set(fake.happened)
        call(polling, bodies[:half])
        fake.rate, fake.kinds_of_fault = 0.3, (unavailable, html, cut)
        polling.kill_after = 1 + seed
        polling.run()
        call(polling, bodies[half:])
        fake.rate = 0.0
        polling.until_quiet()
        fake.happened = [one for one in happened if one in only_listed or told_of(one, bodies, shifted)]
        assert known(polling) == fake.truth()
        assert len(Counter(tuple(event.doors) for event in polling.events())) == 3


def told_of(one, bodies: list[bytes], shifted: bool) -> bool:
    """Whether a webhook that arrived told this."""
    for body in bodies:
        said = json.loads(body)
        for item in said if isinstance(said, list) else [said]:
            epoch = item["ts_epoch"] // 1000 if item["ts_epoch"] > 10**11 else item["ts_epoch"]
            assert shifted or epoch == item["ts_event"]
            if (item["message-id"].strip("<>"), epoch, item["link"]) == (one.message, one.at, one.link) and item[
                "event"
            ].removeprefix("unique_") == word(one.what):
                return True
    return False


def word(what: str) -> str:
    words = {
        "queued": "request",
        "bounced/soft": "soft_bounce",
        "bounced/hard": "hard_bounce",
        "dropped": "blocked",
        "opened/proxy": "proxy_open",
        "clicked": "click",
        "complained": "spam",
    }
    return words.get(what, what)


@pytest.mark.parametrize("webhooks_first", [True, False])
def test_either_door_alone_or_first_leads_to_the_same_events(tmp_path, webhooks_first):
    with FakeBrevo(5, messages=10) as fake, install(tmp_path, fake) as polling:
        if webhooks_first:
            call(polling, fake.calls)
            assert known(polling) == fake.truth()
            polling.until_quiet()
        else:
            polling.until_quiet()
            assert known(polling) == fake.truth()
            call(polling, reversed(fake.calls))
        assert known(polling) == fake.truth()
        assert {tuple(event.doors) for event in polling.events()} == {("feed", "webhook")}


def test_a_redelivery_in_another_batch_and_order_adds_nothing(tmp_path):
    with FakeBrevo(6, messages=8) as fake, install(tmp_path, fake) as polling:
        call(polling, mixed(fake.calls, random.Random(1), lost=0.0))
        before = polling.events()
        call(polling, mixed(fake.calls, random.Random(2), lost=0.0))
        assert [event.id for event in polling.events()] == [event.id for event in before]
        assert known(polling) == fake.truth()


def test_what_only_one_door_tells_stands_beside_what_the_other_tells(tmp_path):
    with FakeBrevo(7) as fake, install(tmp_path, fake) as polling:
        fake.happen("clicked", "1@example.com", "ada@example.com", fake.now() - 600, LINKS[0])
        call(polling, fake.calls)
        polling.until_quiet()
        (event,) = polling.events()
        assert (event.word, event.external_id, event.template) == ("click", "crm-ada", "22")
        assert (event.ip, event.metadata["sender"], event.metadata["tags"]) == (
            "192.0.2.77",
            "news@example.com",
            "welcome",
        )


def test_two_clicks_of_one_second_on_two_links_stay_two_through_both_doors(tmp_path):
    with FakeBrevo(8) as fake, install(tmp_path, fake) as polling:
        for link in LINKS:
            fake.happen("clicked", "1@example.com", "ada@example.com", fake.now() - 600, link)
        call(polling, fake.calls)
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert len(polling.events()) == 2


def test_an_open_by_proxy_and_one_by_a_person_in_one_second_are_two(tmp_path):
    with FakeBrevo(9) as fake, install(tmp_path, fake) as polling:
        for what in ("opened", "opened/proxy"):
            fake.happen(what, "1@example.com", "ada@example.com", fake.now() - 600)
        call(polling, fake.calls)
        polling.until_quiet()
        assert sorted(event.machine for event in polling.events()) == [Machine.MACHINE, Machine.UNKNOWN]
        assert polling.store.funnel(Filter(sources=("acme",)))["opened"].total == 2


def test_a_call_with_a_wrong_secret_is_refused_and_leaves_nothing(tmp_path):
    with FakeBrevo(10, messages=1) as fake, install(tmp_path, fake) as polling:
        client = create_app(polling.settings, polling.store).test_client()
        assert client.post("/webhooks/acme/wrong", data=fake.calls[0]).status_code == 401
        assert client.post(f"/webhooks/acme/{SECRET}", data=fake.calls[0]).status_code == 200
        drain(polling.store, polling.settings)
        assert len(polling.events()) == 1
