"""Law 3: one truth through Mandrill's two doors, each with losses and repetitions, is known once."""

from __future__ import annotations

import random

import pytest

from aftersend.vocabulary import BounceClass, Kind
from tests.fakes import SEEDS, cut, html, unavailable
from tests.providers.mandrill.fake import HOUR, FakeMandrill
from tests.providers.mandrill.installed import call, install, known


def mixed(fake: FakeMandrill, chance: random.Random) -> list[dict]:
    """The webhooks as they arrive: some never, some twice, in any order. What no list shows isn't lost."""
    kept = [notice for notice in fake.notices if notice.get("_id") in fake.hidden or chance.random() >= 0.3]
    kept += chance.sample(kept, len(kept) // 4)
    chance.shuffle(kept)
    return kept


@pytest.mark.parametrize("seed", SEEDS)
def test_one_truth_through_both_doors_is_known_once(tmp_path, seed):
    chance = random.Random(seed)
    with FakeMandrill(seed, messages=60) as fake, install(tmp_path, fake) as polling:
        fake.hidden = {sent.id for sent in chance.sample(fake.messages, 15)}
        notices = mixed(fake, chance)
        half = len(notices) // 2
        call(polling, notices[:half])
        fake.rate, fake.kinds_of_fault = 0.3, (unavailable, html, cut)
        polling.kill_after = 1
        polling.run()
        call(polling, notices[half:], size=3)
        fake.rate = 0.0
        polling.until_quiet()
        call(polling, notices[::-1])
        assert known(polling) == fake.truth()
        assert {tuple(event.doors) for event in polling.events()} == {("feed",), ("webhook",), ("feed", "webhook")}


@pytest.mark.parametrize("webhooks_first", [True, False])
def test_either_door_first_leads_to_the_same_events(tmp_path, webhooks_first):
    with FakeMandrill(5, messages=40) as fake, install(tmp_path, fake) as polling:
        if webhooks_first:
            call(polling, fake.notices)
            polling.until_quiet()
        else:
            polling.until_quiet()
            call(polling, fake.notices[::-1])
        assert known(polling) == fake.truth()


def test_webhooks_alone_tell_everything(tmp_path):
    with FakeMandrill(6, messages=60) as fake, install(tmp_path, fake) as polling:
        call(polling, fake.notices)
        call(polling, fake.notices[::-1], size=2)
        assert known(polling) == fake.truth()


def test_a_webhook_tells_the_class_of_a_bounce_that_the_list_does_not(tmp_path):
    with FakeMandrill(7) as fake, install(tmp_path, fake) as polling:
        sent = fake.send(fake.now() - HOUR, fate=False)
        fake.hand_over(sent)
        fake.bounce(sent, "soft")
        polling.until_quiet()
        call(polling, fake.notices)
        bounces = [event for event in polling.events() if event.kind is Kind.BOUNCED]
        assert [(event.bounce_class, event.doors) for event in bounces] == [(BounceClass.SOFT, ["feed", "webhook"])]


def test_two_clicks_of_one_second_from_two_addresses_stay_two_through_both_doors(tmp_path):
    with FakeMandrill(8) as fake, install(tmp_path, fake) as polling:
        sent = fake.send(fake.now() - HOUR, fate=False)
        fake.hand_over(sent)
        fake.act(sent, "clicked", "https://shop.example.com/b", ip="192.0.2.1")
        fake.act(sent, "clicked", "https://shop.example.com/b", ip="192.0.2.2", after=0)
        call(polling, fake.notices)
        polling.until_quiet()
        assert known(polling) == fake.truth()
        clicks = [event for event in polling.events() if event.kind is Kind.CLICKED]
        assert [(event.ip, event.doors) for event in sorted(clicks, key=lambda e: e.ip or "")] == [
            ("192.0.2.1", ["feed", "webhook"]),
            ("192.0.2.2", ["feed", "webhook"]),
        ]


def test_what_the_doors_spell_differently_of_who_clicked_is_still_one_click(tmp_path):
    with FakeMandrill(9) as fake, install(tmp_path, fake) as polling:
        sent = fake.send(fake.now() - HOUR, fate=False)
        fake.hand_over(sent)
        fake.act(sent, "clicked", "https://shop.example.com/b", ip="192.0.2.1")
        sent.clicks[0] |= {"ip": None, "ua": "Linux/Chrome"}
        call(polling, fake.notices)
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_an_opt_out_told_by_webhook_list_and_sync_event_is_one(tmp_path):
    with FakeMandrill(10) as fake, install(tmp_path, fake) as polling:
        sent = fake.send(fake.now() - HOUR, fate=False)
        fake.hand_over(sent)
        fake.object(sent, "unsubscribed", "unsub", "unsub")
        polling.run("rejects")
        call(polling, fake.notices)
        polling.until_quiet()
        (opted_out,) = [event for event in polling.events() if event.kind is Kind.UNSUBSCRIBED]
        assert (opted_out.email, opted_out.message_id, opted_out.doors) == (sent.to, sent.id, ["feed", "webhook"])
