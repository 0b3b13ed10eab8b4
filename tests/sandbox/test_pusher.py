"""Webhooks over a network that is as bad as asked for, sent to a target over real HTTP."""

from __future__ import annotations

from collections import Counter

import pytest

from aftersend.providers.speaker import Fact, speaker_of
from aftersend.sandbox.pusher import Network, Pusher
from aftersend.sandbox.truth import Scenario, Truth
from tests.sandbox.conftest import PROVIDER, UNTIL, ZONE, Target

SPEAKER = speaker_of(PROVIDER)
FACTS = Truth(Scenario(until=UNTIL, campaigns=1, contacts=40, days=1)).facts
SPOKEN = [fact for fact in FACTS if SPEAKER.webhook(fact, ZONE)]


def _wire(facts: list[Fact]) -> list[tuple[str, bytes]]:
    webhooks = [SPEAKER.webhook(fact, ZONE) for fact in facts]
    return [(webhook.content_type, webhook.body) for webhook in webhooks if webhook]


def _pushed(target: Target, network: Network, *, seed: int = 1, threads: int = 1) -> Pusher:
    with Pusher(target.url, SPEAKER, ZONE, network=network, seed=seed, threads=threads) as pusher:
        pusher.push(FACTS)
        pusher.flush()
    return pusher


def test_on_a_good_network_every_webhook_comes_once_in_order(target: Target):
    pusher = _pushed(target, Network())
    assert target.received == _wire(SPOKEN)
    assert pusher.acknowledged == SPOKEN
    assert pusher.silent == [fact for fact in FACTS if fact not in SPOKEN]
    assert pusher.silent
    assert (pusher.lost, pusher.refused) == ([], [])


def test_lost_webhooks_never_come_and_are_known(target: Target):
    pusher = _pushed(target, Network(loss=0.2))
    assert 0.1 < len(pusher.lost) / len(SPOKEN) < 0.3
    assert target.received == _wire([fact for fact in SPOKEN if fact not in pusher.lost])
    assert pusher.acknowledged == [fact for fact in SPOKEN if fact not in pusher.lost]


def test_doubled_webhooks_are_the_same_bytes(target: Target):
    _pushed(target, Network(duplication=0.3))
    counted = Counter(target.received)
    assert set(counted) == set(_wire(SPOKEN))
    assert set(counted.values()) == {1, 2}
    assert 0.15 < sum(count == 2 for count in counted.values()) / len(SPOKEN) < 0.45


@pytest.mark.parametrize("network", [Network(reorder=0.5), Network(delay=0.3)])
def test_webhooks_overtake_one_another(target: Target, network: Network):
    _pushed(target, network)
    assert target.received != _wire(SPOKEN)
    assert sorted(target.received) == sorted(_wire(SPOKEN))


def test_the_same_seed_meets_the_same_fate(target: Target):
    network = Network(loss=0.2, duplication=0.2, reorder=0.2)
    fates = []
    for seed in (7, 7, 8):
        target.received.clear()
        pusher = _pushed(target, network, seed=seed)
        fates.append((pusher.lost, list(target.received)))
    assert fates[0] == fates[1]
    assert fates[0] != fates[2]


def test_a_refused_webhook_is_sent_once_and_recorded(target: Target):
    target.statuses = [503, 401]
    pusher = _pushed(target, Network())
    assert target.received == _wire(SPOKEN)
    assert pusher.refused == [(SPOKEN[0], 503), (SPOKEN[1], 401)]
    assert pusher.acknowledged == SPOKEN[2:]


def test_one_who_insists_repeats_until_the_answer_is_200(target: Target):
    target.statuses = [503, 500, 200, 503]
    pusher = _pushed(target, Network(insist=True))
    assert target.received[:5] == _wire([SPOKEN[0]] * 3 + [SPOKEN[1]] * 2)
    assert pusher.acknowledged == SPOKEN
    assert pusher.refused == []


def test_a_target_that_is_not_there_is_recorded_as_no_answer(target: Target):
    target.close()
    with Pusher(target.url, SPEAKER, ZONE) as pusher:
        pusher.push(SPOKEN[:2])
        pusher.flush()
    assert pusher.refused == [(SPOKEN[0], 0), (SPOKEN[1], 0)]


def test_several_threads_send_every_webhook_once(target: Target):
    pusher = _pushed(target, Network(), threads=4)
    assert sorted(target.received) == sorted(_wire(SPOKEN))
    assert sorted(fact.number for fact in pusher.acknowledged) == [fact.number for fact in SPOKEN]


def test_closing_stops_one_who_insists_in_vain(target: Target):
    target.statuses = [503] * 10_000
    with Pusher(target.url, SPEAKER, ZONE, network=Network(insist=True)) as pusher:
        pusher.push(SPOKEN[:1])
        with pytest.raises(TimeoutError):
            pusher.flush(timeout=0.2)
    assert pusher.acknowledged == []
    assert pusher.refused == [(SPOKEN[0], 503)]
