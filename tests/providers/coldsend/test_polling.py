"""ColdSend polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from aftersend.settings import Source
from aftersend.storage.contract import Filter
from aftersend.vocabulary import Clock, Delivery, Door, Kind, now
from aftersend.worker.normalizer import drain
from tests.fakes import (
    FAULTS,
    SEEDS,
    Polling,
    Said,
    busy_absurdly,
    cut,
    hang_up,
    html,
    unavailable,
)
from tests.providers.coldsend.fake import DAY, HOUR, KEY, MINUTE, FakeColdSend, iso

EAGER = {"rewalk_every": "0s", "reread_every": "0s"}
"""Look everything through with each run, as is done in days otherwise."""


def source(fake: FakeColdSend, **fields) -> Source:
    plain = {"name": "acme", "provider": "coldsend", "base_url": fake.url, "api_key": KEY, "budget": "off"}
    return Source(**(plain | fields))


def known(polling: Polling) -> list[tuple]:
    """What the store knows, in the form of the truth: of one e-mail's delivery nothing, of observed times nothing."""
    return sorted(
        (
            event.kind.value,
            event.campaign_id,
            event.metadata["lead_id"],
            (event.row_id if "repl" in event.kind else event.message_id) or "",
            0 if event.clock is Clock.RECEIVED else event.occurred_at,
        )
        for event in polling.events()
        if event.kind is not Kind.DELIVERED
    )


def check(polling: Polling, fake: FakeColdSend) -> None:
    """The store equals the truth: events, totals and unique counts of each campaign, and what is derived of them."""
    truth = fake.truth()
    assert truth
    assert known(polling) == truth
    for campaign in {fact[1] for fact in truth}:
        which = Filter(sources=("acme",), campaign_id=campaign)
        totals = Counter(fact[0] for fact in truth if fact[1] == campaign)
        unique = Counter(kind for kind, _ in {(fact[0], fact[2]) for fact in truth if fact[1] == campaign})
        funnel = polling.store.funnel(which)
        counted = {kind.value: (count.total, count.unique) for kind, count in funnel.items() if count.total}
        counted.pop("delivered", None)
        assert counted == {kind: (totals[kind], unique[kind]) for kind in totals}
    assert polling.store.differences() == []
    assert polling.store.quarantine() == []


@pytest.fixture
def installed(tmp_path):
    made = []

    def install(fake, **fields):
        polling = Polling(tmp_path, source(fake, **fields))
        made.append(polling)
        return polling

    yield install
    for polling in made:
        polling.close()


def test_everything_is_read_and_read_once(installed):
    with FakeColdSend(1, campaigns=4, leads=120) as fake:
        polling = installed(fake)
        polling.until_quiet()
        check(polling, fake)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(installed, seed):
    with FakeColdSend(seed, campaigns=3, leads=45) as fake:
        polling = installed(fake, options=EAGER)
        fake.lively, fake.rate, fake.kinds_of_fault = True, 0.2, FAULTS
        fake.per_lead = seed % 2 == 0
        fake.ignores_size, fake.ignores_order = seed != 2, seed % 3 == 2
        fake.bare, fake.loops, fake.has_empty_page = seed % 2 == 1, seed == 4, seed == 5
        for round_ in range(4):
            polling.kill_after = 1 + (3 * seed + 5 * round_) % 17
            polling.run()
        fake.lively, fake.rate = False, 0.0
        polling.until_quiet()
        check(polling, fake)


def test_what_happens_later_is_found_through_the_counters_alone(installed):
    with FakeColdSend(2, campaigns=3, leads=30) as fake:
        polling = installed(fake)
        polling.until_quiet()
        fake.lively = True
        for _ in range(60):
            fake.between()
        fake.lively = False
        polling.until_quiet()
        check(polling, fake)


def asked(fake: FakeColdSend, polling: Polling, *feeds: str) -> list[str]:
    """What one round of these feeds asks for."""
    before = len(fake.asked)
    polling.run(*feeds)
    return [one.path.removeprefix(fake.base) for one in fake.asked[before:]]


def test_a_quiet_account_costs_two_requests_a_round_and_two_a_day(installed):
    with FakeColdSend(3, campaigns=5, leads=40) as fake:
        polling = installed(fake)
        polling.until_quiet()
        assert asked(fake, polling, "campaigns", "leads", "replies") == ["/campaigns", "/replies"]
        assert asked(fake, polling, "analytics", "timeline", "details") == [
            "/analytics/campaigns",
            "/analytics/campaigns/timeline",
        ]


def test_one_reply_costs_the_pages_of_its_campaign_one_lead_and_one_thread(installed):
    with FakeColdSend(4, campaigns=3, leads=20) as fake:
        polling = installed(fake)
        polling.until_quiet()
        campaign = fake.campaigns[1]
        lead = next(lead for lead in campaign.leads if lead.mails and not lead.replies and not lead.over())
        fake.reply(lead, fake.now())
        leads = f"/campaigns/{campaign.id}/leads"
        messages = f"/replies/threads/{lead.thread}/messages"
        assert asked(fake, polling, "campaigns", "leads", "replies") == [
            *("/campaigns", leads, f"{leads}/{lead.id}", "/replies", messages)
        ]
        check(polling, fake)


def test_leads_to_whom_nothing_happened_are_not_asked_for(installed):
    with FakeColdSend(5, campaigns=1) as fake:
        campaign = fake.campaigns[0]
        leads = [fake.lead(campaign) for _ in range(250)]
        fake.send(leads[0], fake.now() - HOUR)
        polling = installed(fake)
        path = f"/campaigns/{campaign.id}/leads"
        assert asked(fake, polling, "campaigns", "leads") == [
            *("/campaigns", path, f"{path}/{leads[0].id}", path, path),
        ]
        check(polling, fake)


def test_the_newest_campaign_is_read_first_and_a_killed_run_asks_for_no_lead_twice(installed):
    with FakeColdSend(6, campaigns=4, leads=30) as fake:
        polling = installed(fake)
        polling.run("campaigns")
        polling.kill_after = 9
        assert polling.run("leads")["leads", "live"].problem == "killed"
        newest = max(fake.campaigns, key=lambda campaign: campaign.created)
        first = next(one.path for one in fake.asked if one.path.endswith("/leads"))
        assert first.split("/")[-2] in [c.id for c in fake.campaigns if c.created == newest.created]
        polling.run("leads")
        details = [one.path for one in fake.asked if "/leads/" in one.path]
        # Those that were under way when it was killed are asked for again: at most as many as are asked at once.
        assert len(details) - len(set(details)) <= 4
        polling.until_quiet()
        check(polling, fake)


def test_what_a_deleted_campaign_takes_away_stays_here(installed):
    with FakeColdSend(7, campaigns=3, leads=25) as fake:
        polling = installed(fake)
        polling.until_quiet()
        fake.delete(fake.campaigns[1])
        polling.until_quiet()
        check(polling, fake)
        assert len(fake.campaigns) == 2


def test_a_campaign_that_vanishes_between_two_pages_is_passed_over(installed):
    with FakeColdSend(8, campaigns=3, leads=130) as fake:
        polling = installed(fake)
        polling.run("campaigns")
        victim = max(fake.campaigns, key=lambda campaign: (campaign.launched, campaign.id))
        kept, answer = [], fake.answer

        def answering(one):
            if one.path.endswith(f"{victim.id}/leads") and one.query["page"] == "2" and victim in fake.campaigns:
                kept.extend(fake._facts(victim))
                fake.campaigns.remove(victim)
            return answer(one)

        fake.answer = answering
        polling.until_quiet()
        assert victim not in fake.campaigns
        assert kept
        others = [fact for fact in known(polling) if fact[1] != victim.id]
        assert others == fake.truth()
        # What its first page told is kept.
        assert {fact[1] for fact in known(polling)} - {fact[1] for fact in others} == {victim.id}


def test_counters_that_fall_are_a_change_like_any_other(installed):
    with FakeColdSend(9, campaigns=1, leads=30) as fake:
        polling = installed(fake)
        polling.until_quiet()
        campaign = fake.campaigns[0]
        lost = next(lead for lead in campaign.leads if len(lead.mails) > 1 and not lead.replies)
        fake.gone += [fact for fact in fake._facts(campaign) if fact[2] == lost.id]
        campaign.leads.remove(lost)
        fresh = fake.lead(campaign)
        fake.send(fresh, fake.now() - HOUR)
        polling.until_quiet()
        check(polling, fake)


def test_a_change_that_no_counter_shows_is_found_when_all_is_looked_through_again(installed):
    with FakeColdSend(10, campaigns=1, leads=5) as fake:
        fake.per_lead = True
        lead = fake.lead(fake.campaigns[0])
        first, second = fake.send(lead, fake.now() - DAY), fake.send(lead, fake.now() - HOUR)
        fake.open(lead, first, fake.now() - HOUR)
        polling = installed(fake, options=EAGER)
        polling.until_quiet()
        fake.open(lead, second, fake.now())
        polling.until_quiet()
        check(polling, fake)


def test_an_opened_event_never_moves_though_the_platform_tells_the_last_open(installed):
    with FakeColdSend(11, campaigns=1) as fake:
        lead = fake.lead(fake.campaigns[0])
        mail = fake.send(lead, fake.now() - DAY)
        fake.open(lead, mail, fake.now() - HOUR)
        polling = installed(fake, options=EAGER)
        polling.until_quiet()
        truth = fake.truth()
        mail.opened_at = fake.now()
        polling.until_quiet()
        assert known(polling) == truth


def test_a_fact_without_a_time_keeps_that_of_its_first_observation(installed):
    with FakeColdSend(12, campaigns=1) as fake:
        lead = fake.lead(fake.campaigns[0])
        fake.send(lead, fake.now() - DAY)
        fake.bounce(lead)
        lead.unsubscribed = True
        polling = installed(fake, options=EAGER)
        polling.run()
        first = [event for event in polling.events() if event.clock is Clock.RECEIVED]
        assert [event.kind for event in first] == [Kind.BOUNCED, Kind.UNSUBSCRIBED]
        for row in polling.store.feeds():
            assert row.problem is None
        polling.run()
        polling.until_quiet()
        again = [event for event in polling.events() if event.clock is Clock.RECEIVED]
        assert [(e.id, e.occurred_at) for e in again] == [(e.id, e.occurred_at) for e in first]


def test_an_observed_opt_out_becomes_exact_once_it_is_told_exactly(installed):
    with FakeColdSend(13, campaigns=1) as fake:
        lead = fake.lead(fake.campaigns[0])
        fake.send(lead, fake.now() - DAY)
        lead.unsubscribed = True
        polling = installed(fake, options=EAGER)
        polling.until_quiet()
        assert [event.clock for event in polling.events(kinds=(Kind.UNSUBSCRIBED,))] == [Clock.RECEIVED]
        fake.reply(lead, fake.now() - HOUR, unsubscribe=True)
        polling.until_quiet()
        assert [event.clock for event in polling.events(kinds=(Kind.UNSUBSCRIBED,))] == [Clock.STATED]
        check(polling, fake)


def test_an_automatic_reply_that_a_thread_told_of_first_is_one_in_the_end(installed):
    with FakeColdSend(14, campaigns=1) as fake:
        lead = fake.lead(fake.campaigns[0])
        fake.send(lead, fake.now() - DAY)
        fake.reply(lead, fake.now() - HOUR, auto=True)
        polling = installed(fake)
        polling.run("replies")
        assert [event.kind for event in polling.events()] == [Kind.REPLIED]
        polling.until_quiet()
        check(polling, fake)


def test_what_is_delivered_is_only_ever_what_the_platform_says_of_a_latest_email(installed):
    with FakeColdSend(15, campaigns=2, leads=20) as fake:
        polling = installed(fake)
        polling.until_quiet()
        latest = {
            lead.mails[-1].id
            for campaign in fake.campaigns
            for lead in campaign.leads
            if lead.mails and lead.mails[-1].delivery == "Delivered"
        }
        delivered = polling.events(kinds=(Kind.DELIVERED,))
        assert {event.message_id for event in delivered} == latest
        assert {event.clock for event in delivered} == {Clock.RECEIVED}
        fake.bounce(next(lead for lead in fake.campaigns[0].leads if lead.mails and not lead.over()))
        polling.until_quiet()
        check(polling, fake)


def test_a_time_from_the_future_is_kept_as_it_is_told(installed):
    with FakeColdSend(16, campaigns=1) as fake:
        fake.send(fake.lead(fake.campaigns[0]), fake.now() + 3 * DAY)
        polling = installed(fake)
        polling.until_quiet()
        check(polling, fake)


def test_totals_are_kept_as_snapshots_with_a_history_of_each_day(installed):
    with FakeColdSend(17, campaigns=1, leads=10) as fake:
        polling = installed(fake)
        polling.until_quiet()
        campaign = fake.campaigns[0]
        (row,) = (snapshot for snapshot in polling.store.snapshots("acme", campaign.id) if snapshot.list == "campaigns")
        assert row.raw == fake._campaign(campaign)
        lists = {snapshot.list for snapshot in polling.store.snapshots("acme", campaign.id)}
        assert lists == {"campaigns", "analytics", "details"}
        yesterday = fake.now() - DAY
        fake.send(fake.lead(campaign), yesterday)
        polling.until_quiet()
        history = polling.store.snapshot_history("acme", None, f"timeline/{iso(yesterday)[:10]}")
        assert [snapshot.raw["sent"] for snapshot in history] == [0, 1]
        assert {(snapshot.campaign_id, str(snapshot.counts)) for snapshot in history} == {(None, "{}")}


def test_the_timeline_is_asked_for_ninety_days_at_a_time(installed):
    with FakeColdSend(18, campaigns=1) as fake:
        polling = installed(fake, backfill="200d")
        polling.until_quiet()
        asked_for = [one.query for one in fake.asked if one.path.endswith("timeline")]
        assert len(asked_for) >= 4
        assert all(set(query) == {"from_date", "to_date"} for query in asked_for)
        assert {row.finished for row in polling.store.feeds() if row.lane != "live"} == {True}


# -- both doors ------------------------------------------------------------------------------------------


def timeless(facts: list[tuple]) -> list[tuple]:
    """Facts without the times of those which only one door dates."""
    return sorted((*fact[:4], 0 if fact[0] in ("bounced", "unsubscribed") else fact[4]) for fact in facts)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_truth_through_both_doors_with_loss_doubling_and_disorder_is_the_truth_once(installed, seed):
    with FakeColdSend(30 + seed, campaigns=2, leads=40) as fake:
        polling = installed(fake, options={"webhook": True})
        notices = [one for one in fake.notices() if fake.random.random() < 0.8]
        notices += [one for one in notices if fake.random.random() < 0.3]
        fake.random.shuffle(notices)
        for number in range(5):
            taken = [
                Delivery(source="acme", door=Door.WEBHOOK, received_at=now(), body=body) for body in notices[number::5]
            ]
            polling.store.append(taken)
            fake.rate, polling.kill_after = 0.2, 3 + 7 * number
            polling.run()
        fake.rate = 0.0
        polling.until_quiet()
        assert timeless(known(polling)) == timeless(fake.truth())
        assert polling.store.differences() == []
        dated = [e for e in polling.events(kinds=(Kind.BOUNCED, Kind.UNSUBSCRIBED)) if "webhook" in e.doors]
        assert dated
        assert {event.clock for event in dated} == {Clock.STATED}


def test_webhooks_alone_are_each_counted_once(installed):
    with FakeColdSend(33, campaigns=1, leads=30) as fake:
        polling = installed(fake, options={"webhook": True}, feeds=[])
        taken = [Delivery(source="acme", door=Door.WEBHOOK, received_at=now(), body=body) for body in fake.notices()]
        polling.store.append([*taken, *reversed(taken)])
        drain(polling.store, polling.settings)
        # Only leads tell that a reply is automatic.
        truth = [fact[0].replace("auto_", "") for fact in fake.truth() if fact[0] not in ("sent", "dropped")]
        assert Counter(event.kind.value for event in polling.events()) == Counter(truth)


# -- limits, credentials and other hosts -----------------------------------------------------------------


def test_our_own_counting_keeps_to_the_limits_that_no_header_tells(installed):
    with FakeColdSend(19, campaigns=1, leads=150) as fake:
        fake.limits = {MINUTE: 100, HOUR: 1000}
        polling = installed(fake, budget="")
        for _ in range(3):
            outcomes = polling.run("campaigns", "leads")
        assert outcomes["leads", "live"].status == "parked"
        assert "budget" in outcomes["leads", "live"].problem
        assert len(fake.asked) <= 100


def test_a_limit_told_in_words_silences_the_credential_for_that_long(installed):
    def limited(_fake, _said):
        return Said(status=429, body={"detail": "Rate limit exceeded. Retry after 60 seconds."})

    with FakeColdSend(20, campaigns=1) as fake:
        fake.faults = [limited]
        polling = installed(fake)
        outcome = polling.run("campaigns")["campaigns", "live"]
        assert outcome.status == "parked"
        assert len(fake.asked) == 1
        (row,) = (row for row in polling.store.feeds() if row.feed == "campaigns")
        assert 50_000 < outcome.until - row.last_run_at <= 61_000


def test_a_limit_met_with_budget_left_is_the_hours_and_is_waited_for_ten_minutes(installed):
    def limited(_fake, _said):
        headers = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "42", "X-RateLimit-Reset": "1"}
        return Said(status=429, body={"detail": "Rate limit exceeded. Retry after 60 seconds."}, headers=headers)

    with FakeColdSend(21, campaigns=1) as fake:
        fake.faults = [limited]
        polling = installed(fake)
        outcome = polling.run("campaigns")["campaigns", "live"]
        (row,) = (row for row in polling.store.feeds() if row.feed == "campaigns")
        assert outcome.status == "parked"
        assert 590_000 < outcome.until - row.last_run_at <= 601_000


def test_a_revoked_key_in_the_middle_stops_the_source_and_a_new_start_goes_on(installed):
    def revoked(_fake, _said):
        return Said(status=401, body={"detail": "Invalid or revoked API key"})

    with FakeColdSend(22, campaigns=2, leads=30) as fake:
        polling = installed(fake)
        polling.run("campaigns")
        fake.faults = [lambda _fake, said: said] * 5 + [revoked]
        assert polling.run("leads")["leads", "live"].status == "stopped"
        polling.until_quiet()
        check(polling, fake)


def test_a_redirect_to_another_host_is_not_followed(installed):
    def elsewhere(_fake, _said):
        return Said(status=302, headers={"Location": "http://192.0.2.1/campaigns"})

    with FakeColdSend(23, campaigns=1, leads=5) as fake:
        fake.faults = [elsewhere]
        polling = installed(fake)
        outcome = polling.run("campaigns")["campaigns", "live"]
        assert outcome.status == "parked"
        assert "redirect" in outcome.problem
        polling.until_quiet()
        check(polling, fake)


@pytest.mark.parametrize("storm", [unavailable, html, cut, hang_up, busy_absurdly])
def test_a_storm_of_one_fault_parks_the_feed_and_loses_nothing(installed, storm):
    with FakeColdSend(24, campaigns=1, leads=12) as fake:
        polling = installed(fake)
        polling.run("campaigns")
        fake.rate, fake.kinds_of_fault = 1.0, (storm,)
        assert polling.run("leads")["leads", "live"].status == "parked"
        fake.rate = 0.0
        polling.until_quiet()
        check(polling, fake)


def test_what_was_noted_goes_with_what_it_is_about(installed):
    with FakeColdSend(25, campaigns=2, leads=20) as fake:
        polling = installed(fake, options=EAGER)
        polling.until_quiet()
        campaign = fake.campaigns[0]
        lost = next(lead for lead in campaign.leads if lead.mails)
        campaign.leads.remove(lost)
        assert f"lead/{campaign.id}/{lost.id}" in polling.store.notes("acme")
        polling.until_quiet()
        notes = polling.store.notes("acme")
        assert f"lead/{campaign.id}/{lost.id}" not in notes
        assert max(len(json.dumps(note)) for note in notes.values()) < 200


def test_everything_before_the_counters_were_read_is_complete_when_the_leads_are(installed):
    with FakeColdSend(26, campaigns=1, leads=5) as fake:
        polling = installed(fake)
        polling.run()
        rows = {row.feed: row for row in polling.store.feeds() if row.lane == "live"}
        assert rows["leads"].complete_until == rows["campaigns"].complete_until
        assert rows["leads"].complete_until is not None
        assert rows["replies"].complete_until is not None
        # What brings no events says nothing about them.
        assert {rows[feed].complete_until for feed in ("analytics", "timeline", "details")} == {None}
