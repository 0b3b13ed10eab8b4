"""Law 3: one truth through Hogsend's two doors, each with losses and repetitions, is known once."""

from __future__ import annotations

import random
from collections import Counter

import msgspec
import pytest

from aftersend.receiver import create_app
from aftersend.storage.contract import EventRow, Filter
from aftersend.vocabulary import Delivery, Door, Kind
from aftersend.worker.normalizer import drain
from tests.fakes import SEEDS, Said, cut, html, unavailable
from tests.providers.hogsend.fake import DAY, SECOND, FakeHogsend
from tests.providers.hogsend.installed import call, install, known, timeless


def mixed(fake: FakeHogsend, chance: random.Random, lost: float) -> list[tuple[str, bytes]]:
    """The webhooks as they arrive: some never, some twice, in any order. What no list shows isn't lost."""
    kept = [notice for notice in fake.notices if b'"bounceType":"transient"' in notice[1] or chance.random() >= lost]
    kept += chance.sample(kept, len(kept) // 4)
    chance.shuffle(kept)
    return kept


@pytest.mark.parametrize("seed", SEEDS)
def test_one_truth_through_both_doors_is_known_once(tmp_path, seed):
    chance = random.Random(seed)
    with FakeHogsend(seed, sends=90) as fake, install(tmp_path, fake) as polling:
        fake.hardens = True
        for sent in fake.sends:
            fake.move_on(sent, max(sent.updated, fake.now() - DAY))
        for _ in range(20):
            fake.repeat_a_notice()
        notices = mixed(fake, chance, lost=0.3)
        half = len(notices) // 2
        call(polling, notices[:half])
        fake.rate, fake.kinds_of_fault = 0.3, (unavailable, html, cut)
        polling.kill_after = 1 + seed
        polling.run()
        call(polling, notices[half:])
        fake.rate = 0.0
        polling.until_quiet()
        call(polling, notices)
        found, true = timeless(known(polling)), timeless(fake.truth())
        assert [fact[:3] for fact in found] == [fact[:3] for fact in true]
        # What only a webhook told has the time of its emission, which is up to a second late (3.1).
        assert [(one, other) for one, other in zip(found, true, strict=True) if not 0 <= one[3] - other[3] < 1000] == []
        doors = Counter(tuple(event.doors) for event in polling.events())
        assert len(doors) == 3


def page(feed: str, said: Said, received_at: int, **context: str) -> Delivery:
    return Delivery(
        source="acme", door=Door.FEED, feed=feed, received_at=received_at, body=said.encoded(), context=context
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_any_order_of_deliveries_gives_the_same_events(tmp_path, seed):
    """Law 2: what was read in the middle and at the end, through both doors, in any order and any batches."""
    chance = random.Random(seed)
    with FakeHogsend(seed, sends=40) as fake:
        fake.hardens = True
        received = 1_900_000_000_000
        deliveries = []
        for reading in range(3):
            at = received + reading
            deliveries += [
                page("export", fake._export({}), at),
                page("sends", fake._log({"limit": "100"}), at),
                page("hits", fake._events({"limit": "100"}), at),
                page("suppressions", fake._suppressions({"limit": "100"}), at),
            ]
            for sent in fake.sends:
                fake.move_on(sent, max(sent.updated, fake.now()))
            fake.repeat_a_notice()
        deliveries += [
            Delivery(source="acme", door=Door.WEBHOOK, received_at=received, body=body) for _, body in fake.notices
        ]

        def known_after(name: str, order: list[Delivery]) -> list[bytes]:
            (tmp_path / name).mkdir()
            with install(tmp_path / name, fake) as polling:
                while order:
                    size = chance.randrange(1, 40)
                    batch, order = order[:size], order[size:]
                    polling.store.append(batch)
                    drain(polling.store, polling.settings)
                funnel = msgspec.json.encode(polling.store.funnel(Filter()))
                return [funnel, *sorted(msgspec.json.encode(plain(event)) for event in polling.events())]

        def plain(event: EventRow) -> EventRow:
            # When and as the how-manyth an account came that says nothing new is no matter of what is known.
            return msgspec.structs.replace(event, number=0, received_at=0)

        first = known_after("first", deliveries)
        chance.shuffle(deliveries)
        assert known_after("shuffled", deliveries + deliveries[:20]) == first


@pytest.mark.parametrize("webhooks_first", [True, False])
def test_either_door_alone_or_first_leads_to_the_same_events(tmp_path, webhooks_first):
    with FakeHogsend(5, sends=40) as fake, install(tmp_path, fake) as polling:
        if webhooks_first:
            call(polling, fake.notices)
            polling.until_quiet()
        else:
            polling.until_quiet()
            call(polling, reversed(fake.notices))
        assert timeless(known(polling)) == timeless(fake.truth())


def test_webhooks_alone_tell_all_but_what_has_no_webhook(tmp_path):
    with FakeHogsend(6, sends=60) as fake, install(tmp_path, fake) as polling:
        call(polling, fake.notices)
        silent = ("dropped", "failed")
        assert [fact[:3] for fact in known(polling)] == [fact[:3] for fact in fake.truth() if fact[0] not in silent]


def one_send(fake: FakeHogsend):
    sent = fake.send(fake.now() - DAY, facts=False)
    fake._set(sent, "sentAt", sent.created + SECOND, "sent")
    fake._set(sent, "deliveredAt", sent.created + 2 * SECOND, "delivered")
    return sent


def test_two_clicks_of_one_send_stay_two_through_both_doors(tmp_path):
    with FakeHogsend(7) as fake, install(tmp_path, fake) as polling:
        sent = one_send(fake)
        fake.hit(sent, "email.link_clicked", sent.created + 60 * SECOND, "https://shop.example.com/b")
        fake.hit(sent, "email.link_clicked", sent.created + 61 * SECOND, "https://shop.example.com/b")
        call(polling, fake.notices)
        polling.until_quiet()
        assert known(polling) == fake.truth()
        clicks = [event for event in polling.events() if event.kind is Kind.CLICKED]
        assert [event.doors for event in clicks] == [["feed", "webhook"]] * 2


def test_a_column_adds_nothing_to_a_hit_and_stands_where_there_is_none(tmp_path):
    with FakeHogsend(8) as fake, install(tmp_path, fake) as polling:
        sent = one_send(fake)
        # The email provider's own tracking sets the column, and there is no hit (2.5).
        sent.at["openedAt"] = sent.created + 60 * SECOND
        polling.until_quiet()
        opened = [event for event in polling.events() if event.kind is Kind.OPENED]
        assert [(event.occurred_at, event.doors) for event in opened] == [(sent.at["openedAt"] // 1000, ["feed"])]
        fake.hit(sent, "email.opened", sent.created + 90 * SECOND)
        polling.until_quiet()
        opened = [event for event in polling.events() if event.kind is Kind.OPENED]
        assert [event.occurred_at for event in opened] == [(sent.created + 90 * SECOND) // 1000]


def test_clicks_of_bots_which_only_webhooks_tell_are_counted_beside_peoples(tmp_path):
    with FakeHogsend(9) as fake, install(tmp_path, fake) as polling:
        sent = one_send(fake)
        fake.hit(sent, "email.link_clicked", sent.created + 3 * SECOND, "https://shop.example.com/b", bot=True)
        fake.hit(sent, "email.link_clicked", sent.created + 60 * SECOND, "https://shop.example.com/b")
        call(polling, fake.notices)
        polling.until_quiet()
        assert sum(event.kind is Kind.CLICKED for event in polling.events()) == 2


def test_a_soft_bounce_that_becomes_a_hard_one_is_two_and_repeated_notices_are_one(tmp_path):
    with FakeHogsend(10) as fake, install(tmp_path, fake) as polling:
        sent = fake.send(fake.now() - DAY, facts=False)
        fake._set(sent, "sentAt", sent.created + SECOND, "sent")
        fake.bounce(sent, "transient", sent.created + 60 * SECOND)
        polling.until_quiet()
        fake.bounce(sent, "permanent", sent.created + 90 * SECOND)
        fake._set(sent, "complainedAt", sent.created + 95 * SECOND, "complained")
        fake._notify("email.complained", sent, sent.created + 96 * SECOND)
        call(polling, fake.notices)
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert [fact[0::2][:2] for fact in known(polling)] == [
            ("bounced", "hard"),
            ("bounced", "soft"),
            ("complained", ""),
            ("sent", ""),
        ]


@pytest.mark.parametrize("feeds", [["sends"], ["sends", "hits"]])
def test_without_the_export_a_bounce_through_log_and_webhook_is_one_with_its_class(tmp_path, feeds):
    with FakeHogsend(11) as fake, install(tmp_path, fake, feeds=feeds) as polling:
        sent = fake.send(fake.now() - DAY, facts=False)
        fake._set(sent, "sentAt", sent.created + SECOND, "sent")
        fake.bounce(sent, "permanent", sent.created + 60 * SECOND)
        polling.run()
        assert [fact[2] for fact in known(polling)] == ["undetermined", ""]
        call(polling, fake.notices)
        assert [fact[2] for fact in known(polling)] == ["hard", ""]


def test_a_call_that_is_not_signed_rightly_is_refused_and_leaves_nothing(tmp_path):
    with FakeHogsend(12, sends=3) as fake, install(tmp_path, fake) as polling:
        client = create_app(polling.settings, polling.store).test_client()
        own, body = fake.notices[0]
        assert client.post("/webhooks/acme", data=body, headers={"Webhook-Id": own}).status_code == 401
        drain(polling.store, polling.settings)
        assert polling.events() == []
