"""One Aftersend polls another while webhooks go astray: the funnel of the second is the truth, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from aftersend.providers.speaker import Fact
from aftersend.sandbox.faults import Fault, FaultPlan
from aftersend.sandbox.pusher import Network, Pusher
from aftersend.sandbox.server import Sandbox
from aftersend.sandbox.truth import Scenario, Truth
from aftersend.settings import Settings
from aftersend.storage import open_store
from aftersend.storage.contract import Filter, Store
from aftersend.vocabulary import Delivery, Door, Kind, now
from aftersend.worker import plan
from aftersend.worker.claims import new_owner
from aftersend.worker.normalizer import drain
from aftersend.worker.poller import poll
from tests.sandbox.conftest import Target

BAD = Network(loss=0.2, duplication=0.1, reorder=0.3)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'second' / 'aftersend.db'}")
    (tmp_path / "second").mkdir()
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def truth() -> Truth:
    return Truth(Scenario(until=now(), campaigns=3, contacts=100, days=2))


def _take_in(store: Store, target: Target) -> None:
    """The webhooks that reached the target, through the second store's inbox."""
    store.append(
        [
            Delivery(source="acme", door=Door.WEBHOOK, received_at=now(), body=body, content_type=content_type)
            for content_type, body in target.received
        ]
    )


def _settings(sandbox: Sandbox) -> Settings:
    return Settings(sources=[sandbox.polled_as("acme", webhook_secrets=["token"])])


def _poll_all(store: Store, settings: Settings) -> set[str]:
    """One run of every live feed; the statuses it ended with."""
    plan.ensure(store, settings.source("acme"), now())
    keys = [row.key for row in store.feeds("acme") if row.lane == "live"]
    statuses = {poll(store, settings, key, new_owner(), force=True).status for key in keys}
    drain(store, settings)
    return statuses


def _counted(store: Store, campaign: str | None = None) -> dict[Kind, tuple[int, int]]:
    funnel = store.funnel(Filter(campaign_id=campaign))
    return {kind: (count.total, count.unique) for kind, count in funnel.items()}


def _push(target: Target, sandbox: Sandbox, facts: list[Fact]) -> Pusher:
    with Pusher(target.url, sandbox.speaker, sandbox.zone_name, network=BAD, threads=2) as pusher:
        pusher.push(facts)
        pusher.flush()
    return pusher


def test_a_fifth_of_the_webhooks_lost_and_the_feeds_polled_is_the_truth_exactly(
    sandbox: Sandbox, store: Store, target: Target, truth: Truth
):
    pusher = _push(target, sandbox, truth.facts)
    assert len(pusher.lost) > len(truth.facts) / 10
    _take_in(store, target)
    settings = _settings(sandbox)
    drain(store, settings)
    assert _counted(store) != truth.funnel()

    sandbox.show(truth.facts)
    assert _poll_all(store, settings) == {"done"}
    assert store.quarantined() == 0
    assert _counted(store) == truth.funnel()
    for campaign in truth.campaign_ids:
        assert _counted(store, campaign) == truth.funnel(campaign)
    assert _counted(store) == _counted(sandbox.store)
    assert store.differences() == []


def test_polling_again_and_hearing_again_changes_nothing(sandbox: Sandbox, store: Store, target: Target, truth: Truth):
    sandbox.show(truth.facts)
    settings = _settings(sandbox)
    _poll_all(store, settings)
    assert _counted(store) == truth.funnel()
    _push(target, sandbox, truth.facts)
    _take_in(store, target)
    _take_in(store, target)
    assert _poll_all(store, settings) == {"done"}
    assert _counted(store) == truth.funnel()


def test_live_facts_follow_through_both_doors(sandbox: Sandbox, store: Store, target: Target, truth: Truth):
    settings = _settings(sandbox)
    sandbox.show(truth.facts)
    _poll_all(store, settings)
    for _ in range(3):
        live = [truth.next(now()) for _ in range(50)]
        sandbox.show(live)
        _push(target, sandbox, live)
        _take_in(store, target)
        _poll_all(store, settings)
        assert _counted(store) == truth.funnel()


@pytest.mark.parametrize(
    "rates",
    [
        {Fault.CAP: 1},
        {Fault.TWO_SPACES: 1},
        {Fault.SHIFT: 1, Fault.CAP: 1},
        {Fault.LOST: 1},
        {Fault.ERROR: 0.2, Fault.CUT: 0.2, Fault.TRUNCATED: 0.1, Fault.HTML: 0.1, Fault.STRING: 0.1},
        {Fault.BUSY: 0.3, Fault.BUSY_UNTIL: 0.2},
    ],
    ids="+".join,
)
def test_a_faulty_platform_is_polled_to_the_truth(
    sandbox: Sandbox, store: Store, truth: Truth, rates: dict[Fault, float]
):
    settings = _settings(sandbox)
    late = [truth.next(now()) for _ in range(30)]
    sandbox.show([fact for fact in truth.facts if fact not in late])
    sandbox.hold(late)
    sandbox.faults.plan = FaultPlan(rates=rates, retry_after=0)
    for _ in range(2):
        _poll_all(store, settings)
    assert set(sandbox.faults.happened) <= set(rates)
    assert sandbox.faults.happened
    # The platform recovers; what it kept from us while it was ill must all be there in the end.
    sandbox.faults.plan = FaultPlan()
    sandbox.release(len(late))
    # The first of these runs may be the rest of one that began while it was ill, and ends where that one saw the list.
    for _ in range(2):
        assert _poll_all(store, settings) == {"done"}
    assert _counted(store) == truth.funnel()


def test_the_second_aftersend_can_be_asked_by_http_and_says_the_same(sandbox: Sandbox, store: Store, truth: Truth):
    sandbox.show(truth.facts)
    _poll_all(store, _settings(sandbox))
    answer = requests.get(
        f"http://127.0.0.1:{sandbox.port}/v1/funnel", headers={"X-API-Key": sandbox.api_key}, timeout=10
    )
    first = answer.json()["counts"]
    for kind, (total, unique) in _counted(store).items():
        if kind is not Kind.DELIVERED:  # derived in reports
            assert first[kind] == {"total": total, "unique": unique}
