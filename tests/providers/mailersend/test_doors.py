"""Law 3: one truth through MailerSend's two doors, each with losses and repetitions, is known once."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from aftersend.receiver import create_app
from aftersend.vocabulary import Kind
from aftersend.worker.normalizer import drain
from tests.fakes import cut, html, unavailable
from tests.providers.mailersend.fake import SECRET, FakeMailerSend, fact, signed
from tests.providers.mailersend.installed import call, install, known


def mixed(calls: list[bytes], chance: random.Random, lost: float) -> list[bytes]:
    """The webhooks as they arrive: some never, some twice, in any order."""
    kept = [body for body in calls if chance.random() >= lost]
    kept += chance.sample(kept, len(kept) // 4)
    chance.shuffle(kept)
    return kept


@pytest.mark.parametrize("seed", range(3))
def test_one_truth_through_both_doors_is_known_once(tmp_path, seed):
    chance = random.Random(seed)
    with FakeMailerSend(seed, mails=14) as fake, install(tmp_path, fake) as polling:
        truth = fake.truth()
        bodies = mixed(fake.calls, chance, lost=0.3)
        half = len(bodies) // 2
        # What the list has lost for good, webhooks still tell.
        told = {json.loads(body)["data"]["id"] for body in bodies if b"_unique" not in body}
        fake.happened = [one for one in fake.happened if chance.random() > 0.2 or one.id not in told]
        call(polling, bodies[:half])
        fake.rate, fake.kinds_of_fault = 0.3, (unavailable, html, cut)
        polling.kill_after = 1 + seed
        polling.run()
        call(polling, bodies[half:])
        fake.rate = 0.0
        polling.until_quiet()
        call(polling, bodies)
        assert known(polling) == truth
        assert len(Counter(tuple(event.doors) for event in polling.events())) == 3


@pytest.mark.parametrize("webhooks_first", [True, False])
def test_either_door_alone_or_first_leads_to_the_same_events(tmp_path, webhooks_first):
    with FakeMailerSend(5, mails=12) as fake, install(tmp_path, fake) as polling:
        hooked = [one for one in fake.truth() if one[0] != "queued"]
        if webhooks_first:
            call(polling, fake.calls)
            assert known(polling) == hooked
            polling.until_quiet()
        else:
            polling.until_quiet()
            assert known(polling) == fake.truth()
            call(polling, reversed(fake.calls))
        assert known(polling) == fake.truth()
        both = [event for event in polling.events() if event.kind is not Kind.QUEUED]
        assert {tuple(event.doors) for event in both} == {("feed", "webhook")}


@pytest.mark.parametrize("order", [1, -1])
def test_only_first_opens_and_clicks_count_where_they_alone_are_told(tmp_path, order):
    with FakeMailerSend(6) as fake, install(tmp_path, fake) as polling:
        mail = fake.mail(fake.now() - 600)
        for seconds in (600, 590, 580):
            fake.happen(mail, "opened", fake.now() - seconds)
            fake.happen(mail, "clicked", fake.now() - seconds)
        unique = [body for body in fake.calls if b"_unique" in body]
        every = [body for body in fake.calls if b"_unique" not in body]
        assert (len(unique), len(every)) == (2, 6)
        first = [fact(one) for one in fake.happened if not one.what.endswith("_unique")][:2]
        if order > 0:
            call(polling, unique)
            assert known(polling) == sorted(first)
            call(polling, every)
        else:
            call(polling, every + unique)
        assert known(polling) == fake.truth()


def test_what_the_webhook_tells_and_the_list_does_not_stands_beside_it(tmp_path):
    with FakeMailerSend(7) as fake, install(tmp_path, fake) as polling:
        mail = fake.mail(fake.now() - 600)
        fake.happen(mail, "hard_bounced", fake.now() - 600)
        polling.until_quiet()
        call(polling, fake.calls)
        (event,) = polling.events()
        assert (event.bounce_class, event.reason, event.email) == ("hard", "No such user", mail.to)
        assert event.metadata["message_id"] == mail.message


def test_a_redelivery_in_any_order_adds_nothing(tmp_path):
    with FakeMailerSend(8, mails=10) as fake, install(tmp_path, fake) as polling:
        call(polling, mixed(fake.calls, random.Random(1), lost=0.0))
        before = [event.id for event in polling.events()]
        call(polling, mixed(fake.calls, random.Random(2), lost=0.0))
        assert [event.id for event in polling.events()] == before


def test_a_ping_is_answered_and_leaves_nothing_and_a_wrong_signature_is_refused(tmp_path):
    with FakeMailerSend(9, mails=1) as fake, install(tmp_path, fake) as polling:
        client = create_app(polling.settings, polling.store).test_client()
        ping = b'{"type":"webhook.test","message":"This is a ping test message"}'
        for secret in ("test_Am3L1GuOIc4blLUuHqAPxxwkZaJyEk8G", SECRET):
            assert client.post("/webhooks/acme", data=ping, headers=signed(ping, secret)).status_code == 200
        body = fake.calls[0]
        assert client.post("/webhooks/acme", data=body, headers=signed(body, "x")).status_code == 401
        drain(polling.store, polling.settings)
        assert polling.events() == []
