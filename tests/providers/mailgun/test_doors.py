"""Law 3: one truth through Mailgun's doors, each with losses and repetitions, is known once."""

from __future__ import annotations

import random
import time
from collections import Counter

import pytest

from tests.fakes import cut, html, unavailable
from tests.providers.mailgun.fake import DAY, DOMAINS, HOUR, FakeMailgun
from tests.providers.mailgun.installed import call, install, known


@pytest.mark.parametrize("feeds", [["events"], ["logs"], ["events", "logs"]])
@pytest.mark.parametrize("seed", range(2))
def test_one_truth_through_all_doors_is_known_once(tmp_path, seed, feeds):
    chance = random.Random(seed)
    with FakeMailgun(seed, events=60) as fake, install(tmp_path, fake, feeds=feeds) as polling:
        told = fake.notices()
        kept = [event for event in told if chance.random() > 0.3]
        lost = {event["id"] for event in chance.sample(kept, len(kept) // 3)}
        # What webhooks told is missing in the lists, too, but never the same event in both.
        fake.hidden = lost
        kept += chance.sample(kept, len(kept) // 4)
        chance.shuffle(kept)
        half = len(kept) // 2
        call(polling, kept[:half])
        fake.rate, fake.kinds_of_fault = 0.3, (unavailable, html, cut)
        polling.kill_after = 1 + seed
        polling.run()
        fake.rate = 0.0
        call(polling, kept[half:])
        polling.until_quiet()
        assert known(polling) == fake.truth()
        doors = Counter(tuple(event.doors) for event in polling.events())
        assert set(doors) == {("feed",), ("webhook",), ("feed", "webhook")}
        assert not lost & {event.row_id for event in polling.events() if "feed" in event.doors}


@pytest.mark.parametrize("webhooks_first", [True, False])
def test_either_door_first_leads_to_the_same_events(tmp_path, webhooks_first):
    with FakeMailgun(5, events=40) as fake, install(tmp_path, fake) as polling:
        if webhooks_first:
            call(polling, fake.notices())
            assert known(polling) == fake.truth()
            polling.until_quiet()
        else:
            polling.until_quiet()
            call(polling, reversed(fake.notices()))
        assert known(polling) == fake.truth()
        assert {tuple(event.doors) for event in polling.events()} == {("feed", "webhook")}


def test_one_id_on_two_days_or_in_two_domains_is_that_many_events(tmp_path):
    with FakeMailgun(6) as fake, install(tmp_path, fake, backfill="0s", overlap="72h") as polling:
        midnight = time.time() // DAY * DAY
        fake.happen(midnight - DAY - 0.0005, domain=DOMAINS[0], id="same", event="opened")
        fake.happen(midnight - DAY, domain=DOMAINS[0], id="same", event="opened")
        fake.happen(midnight - DAY, domain=DOMAINS[1], id="same", event="opened")
        call(polling, fake.notices())
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert len(fake.truth()) == 3


def test_two_clicks_of_one_moment_stay_two_through_both_doors(tmp_path):
    with FakeMailgun(7) as fake, install(tmp_path, fake) as polling:
        at = time.time() - 2 * HOUR
        click = {"event": "clicked", "url": "https://www.example.com/a", "recipient": "ada@example.com"}
        for _ in range(2):
            fake.happen(at, domain=DOMAINS[0], **click)
        call(polling, fake.notices() * 2)
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert len(polling.events()) == 2


def test_where_logs_leave_the_severity_out_the_webhook_says_what_it_was(tmp_path):
    with FakeMailgun(8) as fake, install(tmp_path, fake, feeds=["logs"]) as polling:
        bounce = {"event": "failed", "severity": "permanent", "reason": "bounce", "delivery-status": {"code": 550}}
        told = fake.happen(time.time() - HOUR, domain=DOMAINS[0], **bounce)
        logged = fake.events[DOMAINS[0]][0] = {name: told[name] for name in told if name not in ("severity", "message")}
        polling.until_quiet()
        assert [(event.bounce_class, event.message_id) for event in polling.events()] == [("undetermined", None)]
        call(polling, [told])
        polling.until_quiet()
        assert logged["id"] == told["id"]
        (event,) = polling.events()
        assert (event.bounce_class, event.message_id) == ("hard", told["message"]["headers"]["message-id"])
