"""Law 3: one truth through Mailchimp's two doors, each with losses and repetitions, is known once."""

from __future__ import annotations

import random

import pytest

from aftersend.vocabulary import Kind
from tests.fakes import cut, html, unavailable
from tests.providers.mailchimp.fake import DAY, FakeMailchimp
from tests.providers.mailchimp.installed import call, install, known

PUSHED = ("bounced", "complained", "unsubscribed")


@pytest.mark.parametrize("seed", range(3))
def test_one_truth_through_both_doors_is_known_once(tmp_path, seed):
    """The webhooks come late, twice, in any order, or not at all; what vanished from the lists isn't lost."""
    chance = random.Random(seed)
    with FakeMailchimp(seed, campaigns=2, recipients=10) as fake, install(tmp_path, fake) as polling:
        gone, shown = fake.campaigns
        fake.leave(shown, fake.recipient(shown, fate=False), "unsubscribed")
        notices = [one for one in fake.notices if one["data[campaign_id]"] == gone.id or chance.random() >= 0.3]
        notices.append(fake.notices[-1])
        notices += chance.sample(notices, len(notices) // 3)
        chance.shuffle(notices)
        call(polling, notices[: len(notices) // 2])
        polling.run("campaigns")
        gone.gone = True
        fake.rate, fake.kinds_of_fault = 0.3, (unavailable, html, cut)
        polling.kill_after = 1
        polling.run()
        call(polling, notices[len(notices) // 2 :])
        fake.rate = 0.0
        polling.until_quiet()
        call(polling, notices[::-1])
        soft = {person.email for person in gone.recipients if person.status == "soft"}
        wanted = [fact for fact in fake.truth() if fact[1] != gone.id or (fact[0] in PUSHED and fact[2] not in soft)]
        assert known(polling) == wanted
        assert ("feed", "webhook") in {tuple(event.doors) for event in polling.events()}


@pytest.mark.parametrize("webhooks_first", [True, False])
def test_either_door_first_leads_to_the_same_events(tmp_path, webhooks_first):
    with FakeMailchimp(5, campaigns=2, recipients=8) as fake, install(tmp_path, fake) as polling:
        if webhooks_first:
            call(polling, fake.notices)
            polling.until_quiet()
        else:
            polling.until_quiet()
            call(polling, fake.notices[::-1])
        assert known(polling) == fake.truth()


def test_an_opt_out_of_both_doors_has_what_each_knows(tmp_path):
    with FakeMailchimp(6) as fake, install(tmp_path, fake) as polling:
        campaign = fake.campaign(fake.now() - DAY)
        person = fake.recipient(campaign, fate=False)
        fake.leave(campaign, person, "unsubscribed")
        call(polling, fake.notices)
        polling.until_quiet()
        (left,) = [event for event in polling.events() if event.kind is Kind.UNSUBSCRIBED]
        assert (left.doors, left.occurred_at // 1000, left.external_id, left.metadata["action"]) == (
            ["feed", "webhook"],
            person.last,
            person.email.split("@")[0],
            "unsub",
        )


def test_a_soft_bounce_after_which_the_address_is_cleaned_is_one_bounce(tmp_path):
    with FakeMailchimp(7) as fake, install(tmp_path, fake) as polling:
        campaign = fake.campaign(fake.now() - DAY)
        person = fake.recipient(campaign, fate=False)
        fake.bounce(campaign, person, "soft")
        fake._notify("cleaned", person, campaign_id=campaign.id, reason="hard")
        call(polling, fake.notices)
        polling.until_quiet()
        assert known(polling) == fake.truth()
