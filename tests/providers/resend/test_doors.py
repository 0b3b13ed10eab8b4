"""Law 3: one truth through Resend's two doors, each with losses and repetitions, is known once."""

from __future__ import annotations

import random

import msgspec
import pytest

from tests.fakes import cut, html, unavailable
from tests.providers.resend.fake import HOUR, FakeResend, of_states, slots
from tests.providers.resend.installed import call, install, known


def key(body: bytes) -> tuple[str, str]:
    said = msgspec.json.decode(body)
    (found,) = of_states({(said["data"]["email_id"], said["type"].removeprefix("email."))})
    return found


def mixed(fake: FakeResend, chance: random.Random) -> list[tuple[str, bytes]]:
    """The calls as they arrive: some never, some twice, some under another endpoint's id, in any order."""
    kept = [one for one in fake.calls if chance.random() > 0.35]
    kept += chance.sample(kept, len(kept) // 4)
    kept += [(f"{own}-b", body) for own, body in chance.sample(kept, len(kept) // 4)]
    chance.shuffle(kept)
    return kept


@pytest.mark.parametrize("seed", range(3))
def test_one_truth_through_both_doors_is_known_once(tmp_path, seed):
    chance = random.Random(seed)
    with FakeResend(seed, emails=12) as fake, install(tmp_path, fake) as polling:
        fake.most_per_page = 4
        calls = mixed(fake, chance)
        call(polling, calls[::2])
        fake.rate, fake.kinds_of_fault = 0.3, (unavailable, html, cut)
        polling.kill_after = 1 + seed
        polling.run()
        call(polling, calls[1::2])
        fake.rate = 0.0
        polling.until_quiet()
        # Each kind of an email that any call told is told as a whole only by its calls; the list adds those none told.
        told = {key(body) for _, body in calls}
        found, true = slots(known(polling)), slots(fake.truth())
        assert set(found) == told | of_states(fake.shown)
        assert all(found[slot] <= true[slot] for slot in found)
        assert {slot for slot in found if slot not in told and found[slot] != 1} == set()
        # The rest is replayed by hand, and the truth is known, with its times.
        call(polling, fake.calls)
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert {tuple(event.doors) for event in polling.events()} == {("feed", "webhook"), ("webhook",)}


@pytest.mark.parametrize("webhooks_first", [True, False])
def test_either_door_first_leads_to_the_same_events(tmp_path, webhooks_first):
    with FakeResend(5, emails=15) as fake, install(tmp_path, fake) as polling:
        if webhooks_first:
            call(polling, fake.calls)
            assert known(polling) == fake.truth()
            polling.until_quiet()
        else:
            polling.until_quiet()
            call(polling, reversed(fake.calls))
        assert known(polling) == fake.truth()


def test_what_the_list_calls_bounced_and_a_call_suppressed_is_one_drop(tmp_path):
    with FakeResend(6) as fake, install(tmp_path, fake) as polling:
        sent = fake.send(fake.now() - HOUR, moves=0)
        fake.calls.clear()
        sent.state = "bounced"
        polling.run()
        assert [event.kind for event in polling.events()] == ["bounced"]
        told = {"bounce": {"type": "Permanent", "subType": "Suppressed", "message": "suppressed"}}
        fake.call(sent, "email.bounced", sent.to[0], told)
        call(polling, fake.calls)
        assert [(event.kind, event.doors) for event in polling.events()] == [("dropped", ["feed", "webhook"])]


def test_webhooks_work_without_a_key(tmp_path):
    with FakeResend(7, emails=5) as fake, install(tmp_path, fake, api_key="") as polling:
        call(polling, fake.calls)
        assert polling.run() == {}
        assert known(polling) == fake.truth()
        assert fake.asked == []
