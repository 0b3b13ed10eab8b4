"""Law 2 for ColdSend: whatever tells of a lead, in whatever order, leaves the same events at the same times."""

from __future__ import annotations

import itertools

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from aftersend.providers.coldsend import ColdSend
from aftersend.settings import Source
from aftersend.storage import open_store
from aftersend.storage.contract import Filter, Read
from aftersend.vocabulary import Clock, Delivery, Door, Kind
from tests.providers.coldsend.fake import DAY, FakeColdSend

SOURCE = Source(name="acme", provider="coldsend", options={"webhook": True})
NUMBERS = itertools.count(1)


def history(seed: int) -> list[Delivery]:
    """All that is told of one lead while things happen to it, as pages and as webhooks."""
    fake = FakeColdSend(seed)
    fake._server.server_close()
    campaign = fake.campaign(fake.now() - 20 * DAY)
    lead = fake.lead(campaign)
    told: list[Delivery] = []

    def tell(body, door=Door.FEED, **context) -> None:
        body = body if isinstance(body, bytes) else msgspec.json.encode(body)
        at = (fake.now() - 10 * DAY) * 1000 + len(told) * 3_600_000
        feed = context.pop("feed", "")
        told.append(Delivery(source="acme", door=door, feed=feed, received_at=at, body=body, context=context))

    for step in range(6):
        fake.move_on(lead, campaign.created + step * DAY)
        about = {"campaign": campaign.id, "lead": lead.id}
        tell({"leads": [fake._row(lead)]}, feed="leads", part="leads", campaign=campaign.id)
        tell(fake._lead(lead), feed="leads", part="lead", **about)
        if lead.thread:
            said = fake._thread(lead.thread, ["messages"], {}).body
            tell(said, feed="replies", part="messages", email=lead.email, thread=lead.thread, **about)
    for body in fake.notices():
        if fake.random.random() < 0.5:
            tell(body, Door.WEBHOOK)
    return told


def known(directory, told: list[Delivery]) -> list:
    """All events of a new store that was told this, one delivery after the other."""
    store = open_store(f"sqlite:///{directory}/{next(NUMBERS)}.db")
    store.migrate()
    for number, delivery in enumerate(told, 1):
        one = msgspec.structs.replace(delivery, id=number)
        store.apply([Read(one, ColdSend().read(one, SOURCE))])
    found = store.events(Filter(), "oldest", limit=1000)
    assert store.differences() == []
    store.close()
    return [msgspec.structs.replace(event, number=0, received_at=0) for event in found]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.randoms(use_true_random=False))
def test_any_order_and_repetition_gives_the_same_events(tmp_path_factory, seed, order):
    directory, told = tmp_path_factory.mktemp("order"), history(seed)
    shuffled = told + order.sample(told, k=len(told) // 2)
    order.shuffle(shuffled)
    assert known(directory, shuffled) == known(directory, told)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_an_observed_fact_has_the_time_of_its_first_observation(tmp_path_factory, seed):
    told = [one for one in history(seed) if one.door is Door.FEED]
    first: dict[tuple, int] = {}
    for delivery in told:
        for event in ColdSend().read(delivery, SOURCE).events:
            if event.clock is Clock.RECEIVED:
                # Of a bounce two things may tell in one answer.
                first.setdefault((event.slot, event.row if event.kind is Kind.DELIVERED else ""), event.occurred_at)
    observed = [event for event in known(tmp_path_factory.mktemp("first"), told) if event.clock is Clock.RECEIVED]
    assert sorted(event.occurred_at for event in observed) == sorted(first.values())
