"""Law 3: one truth through Scaleway's doors, each with losses and repetitions, is known once."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from aftersend.vocabulary import Door, Kind
from tests.fakes import cut, html, unavailable
from tests.providers.scaleway_tem.fake import HOUR, FakeScaleway
from tests.providers.scaleway_tem.installed import call, install, known


def mixed(posts: list, chance: random.Random) -> list:
    """The posts as they arrive: some never, some twice, in any order."""
    kept = [told for told in posts if chance.random() >= 0.3]
    kept += chance.sample(kept, len(kept) // 4)
    chance.shuffle(kept)
    return kept


@pytest.mark.parametrize("feeds", [["events"], ["emails"], None], ids=["events", "emails", "both"])
@pytest.mark.parametrize("seed", range(2))
def test_one_truth_through_both_doors_is_known_once(tmp_path, seed, feeds):
    chance = random.Random(seed)
    with FakeScaleway(seed, mails=30) as fake, install(tmp_path, fake, feeds=feeds) as polling:
        posts = mixed(fake.posts(), chance)
        half = len(posts) // 2
        call(polling, posts[:half])
        fake.rate, fake.kinds_of_fault = 0.3, (unavailable, html, cut)
        polling.kill_after = 1 + seed
        polling.run()
        fake.rate = 0.0
        call(polling, posts[half:])
        polling.until_quiet()
        call(polling, posts)
        assert known(polling) == fake.truth()
        doors = Counter(tuple(event.doors) for event in polling.events())
        assert doors.keys() == {("feed",), ("feed", "webhook")}


def test_losses_on_each_side_are_made_up_for_by_the_other(tmp_path):
    """The list of emails doesn't know withheld ones, the posts lose some of what it knows."""
    with FakeScaleway(3, mails=40) as fake, install(tmp_path, fake, feeds=["emails"]) as polling:
        posts = mixed(fake.posts(), random.Random(3))
        before = len(fake.events)
        for _ in range(3):
            fake.block(fake.now() - HOUR)
        call(polling, posts + fake.posts()[before:])
        polling.until_quiet()
        assert known(polling) == fake.truth()


@pytest.mark.parametrize("posts_first", [True, False])
def test_either_door_first_leads_to_the_same_events(tmp_path, posts_first):
    with FakeScaleway(4, mails=30) as fake, install(tmp_path, fake) as polling:
        if posts_first:
            call(polling, fake.posts())
            polling.until_quiet()
        else:
            polling.until_quiet()
            call(polling, reversed(fake.posts()))
        assert known(polling) == fake.truth()
        assert {tuple(event.doors) for event in polling.events()} == {("feed", "webhook")}


def test_posts_alone_tell_everything(tmp_path):
    with FakeScaleway(5, mails=40) as fake, install(tmp_path, fake, api_key="") as polling:
        fake.block(fake.now() - HOUR)
        call(polling, fake.posts())
        assert known(polling) == fake.truth()
        assert {door for event in polling.events() for door in event.doors} == {Door.WEBHOOK}


def test_two_deferrals_of_one_email_stay_two_through_all_doors(tmp_path):
    with FakeScaleway(6) as fake, install(tmp_path, fake) as polling:
        mail = fake.send(fake.now() - HOUR)
        mail.tries, mail.status, fake.events = [], "new", []
        fake.facts = [("queued", mail.id, "")]
        fake.defer(mail, fake.now() - HOUR // 2)
        fake.defer(mail, fake.now() - HOUR // 3)
        call(polling, fake.posts() + fake.posts())
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert sum(event.kind is Kind.DEFERRED for event in polling.events()) == 2


def test_events_speak_before_states(tmp_path):
    """An email that Scaleway dropped is one fact, whichever door tells it first, and in the event's words."""
    with FakeScaleway(7, mails=40) as fake, install(tmp_path, fake) as polling:
        polling.run("emails")
        polling.until_quiet()
        refused = [event for event in polling.events() if event.kind in (Kind.BOUNCED, Kind.DROPPED)]
        assert refused
        assert {event.word for event in refused} <= {"email_dropped", "email_mailbox_not_found", "email_spam"}
        assert {event.word for event in polling.events()} & {"new", "sent", "failed", "last_tries"} == set()
