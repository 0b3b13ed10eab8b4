"""Law 3: one truth through Postmark's two doors, each with losses and repetitions, is known once."""

from __future__ import annotations

import random
from collections import Counter

import msgspec
import pytest

from aftersend.vocabulary import Kind
from tests.fakes import cut, html, unavailable
from tests.providers.postmark.fake import DAY, HOUR, LINKS, FakePostmark, Notice
from tests.providers.postmark.installed import call, install, known


def mixed(fake: FakePostmark, chance: random.Random, lost: float) -> list[Notice]:
    """The webhooks as they arrive: some never, some twice, in any order. What no list shows isn't lost."""
    kept = [notice for notice in fake.notices if not notice.listed or chance.random() >= lost]
    kept += chance.sample(kept, len(kept) // 4)
    chance.shuffle(kept)
    return kept


@pytest.mark.parametrize("seed", range(3))
def test_one_truth_through_both_doors_is_known_once(tmp_path, seed):
    chance = random.Random(f"doors {seed}")
    with FakePostmark(seed, messages=40) as fake, install(tmp_path, fake) as polling:
        notices = mixed(fake, chance, lost=0.4)
        half = len(notices) // 2
        call(polling, notices[:half])
        # The lists lose rows as well: those that webhooks told of and that are hidden till the end.
        told = {notice.body for notice in notices}
        sure = {self_id(msgspec.json.decode(body)) for body in told}
        for row in fake.lists["Clicks"] + fake.lists["Opens"]:
            row.hidden = self_id(row.said) in sure and chance.random() < 0.4
        fake.rate, fake.kinds_of_fault, fake.most = 0.3, (unavailable, html, cut), 7
        polling.kill_after = 1 + seed
        polling.run()
        call(polling, notices[half:])
        fake.rate = 0.0
        polling.until_quiet()
        call(polling, notices)
        assert known(polling) == fake.truth()
        doors = Counter(tuple(event.doors) for event in polling.events())
        assert len(doors) == 3


def self_id(said: dict) -> tuple:
    return (
        said["RecordType"],
        said["MessageID"],
        said.get("Recipient"),
        said.get("ReceivedAt"),
        said.get("OriginalLink"),
    )


@pytest.mark.parametrize("webhooks_first", [True, False])
def test_either_door_alone_or_first_leads_to_the_same_events(tmp_path, webhooks_first):
    with FakePostmark(5, messages=20) as fake, install(tmp_path, fake) as polling:
        if webhooks_first:
            call(polling, fake.notices)
            polling.until_quiet()
        else:
            polling.until_quiet()
            call(polling, reversed(fake.notices))
        assert known(polling) == fake.truth()


def test_two_clicks_of_one_link_stay_two_through_both_doors(tmp_path):
    with FakePostmark(6) as fake, install(tmp_path, fake, feeds=["clicks"]) as polling:
        own, (email, *_), stream = fake.message(fake.now() - DAY, acts=False)
        for later in (0, 1):
            fake.click(own, email, stream, fake.now() // 1000 * 1000 - HOUR + later, LINKS[0])
        call(polling, fake.notices * 2)
        polling.until_quiet()
        assert [event.doors for event in polling.events()] == [["feed", "webhook"]] * 2


def test_a_complaint_is_one_whichever_webhook_or_list_tells_of_it(tmp_path):
    with FakePostmark(7) as fake, install(tmp_path, fake, options={"transactional_streams": ""}) as polling:
        for stream in ("outbound", "broadcast"):
            own, (email, *_), _ = fake.message(fake.now() - DAY, stream, acts=False)
            fake.complain(own, email, stream, fake.now() - HOUR)
        call(polling, fake.notices)
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert len(polling.events(kinds=(Kind.COMPLAINED,))) == 2


def test_somebody_who_leaves_comes_back_and_leaves_again_has_left_twice(tmp_path):
    with FakePostmark(8) as fake, install(tmp_path, fake) as polling:
        own, (email, *_), stream = fake.message(fake.now() - DAY, "broadcast", acts=False)
        fake.leave(own, email, stream, fake.now() - 3 * HOUR)
        polling.until_quiet()
        fake.reactivate(email, stream, fake.now() - 2 * HOUR)
        fake.leave(own, email, stream, fake.now() - HOUR)
        call(polling, fake.notices)
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_the_list_tells_whose_a_short_webhook_was_and_when(tmp_path):
    with FakePostmark(9) as fake, install(tmp_path, fake, feeds=["bounces"]) as polling:
        own, (email, *_), stream = fake.message(fake.now() - DAY, acts=False)
        at = fake.now() - HOUR
        said = fake._returned(own, email, stream, at, "Unsubscribe", 16)
        short = {name: said[name] for name in ("ID", "Type", "TypeCode", "MessageID", "MessageStream", "ServerID")}
        call(polling, [Notice(body=msgspec.json.encode(short), listed=True)])
        assert [(event.kind, event.email) for event in polling.events()] == [(Kind.UNSUBSCRIBED, None)]
        fake._row("Bounces", at, **said)
        polling.until_quiet()
        (event,) = polling.events()
        assert (event.kind, event.email, event.occurred_at) == (Kind.UNSUBSCRIBED, email, at)
        assert event.doors == ["feed", "webhook"]
