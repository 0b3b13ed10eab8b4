"""Constant Contact polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from aftersend.providers.constant_contact import limits
from aftersend.storage.contract import Filter
from aftersend.vocabulary import Kind
from aftersend.worker import plan
from aftersend.worker.poller import poll
from tests.fakes import SEEDS, Said, busy, busy_absurdly, busy_until, cut, hang_up, html, truncated, unavailable
from tests.providers.constant_contact.fake import DAY, HOUR, SECRET, URLS, FakeConstantContact, now
from tests.providers.constant_contact.installed import connect, install, known, source_of

SUMMARIES = "/v3/reports/summary_reports/email_campaign_summaries"


def funnels_are_true(polling, fake) -> None:
    """The totals of each campaign and of the source, complaints included, are those of the truth."""
    everything = Counter()
    for campaign in fake.campaigns:
        ids = {one.id for one in campaign.activities}
        true = Counter(kind for kind, activity, *_ in fake.facts if activity in ids)
        true["complained"] = sum(one.abuse for one in campaign.activities)
        funnel = polling.store.funnel(Filter(sources=("acme",), campaign_id=campaign.id))
        assert {kind.value: count.total for kind, count in funnel.items() if count.total} == +true
        everything += true
    funnel = polling.store.funnel(Filter(sources=("acme",)))
    assert {kind.value: count.total for kind, count in funnel.items() if count.total} == everything


def test_everything_is_read_once_with_its_totals(tmp_path):
    with FakeConstantContact(1, campaigns=5) as fake, install(tmp_path, fake) as polling:
        polling.run()
        assert known(polling) == fake.truth()
        assert [row.problem for row in polling.store.feeds() if row.problem] == []
        funnels_are_true(polling, fake)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(tmp_path, seed, hasty):
    with FakeConstantContact(seed, campaigns=4) as fake, install(tmp_path, fake) as polling:
        fake.kinds_of_fault = (unavailable, busy, busy_until, html, cut, hang_up, truncated)
        fake.rate, fake.page = 0.25, 3 + seed
        fake.empty_in_the_middle, fake.expiring, fake.looping = seed % 2 == 0, seed % 3 == 0, seed % 3 == 1
        fake.order, fake.dotted, fake.spoilt = (
            ("newest", "newest", "any", "oldest", "newest")[seed % 5],
            seed == 1,
            seed == 4,
        )
        for round_ in range(3):
            polling.kill_after = 1 + (seed + round_) % 3
            polling.run()
        fake.rate = 0.0
        polling.until_quiet()
        fake.settle()
        fake.lively, fake.rate = True, 0.25
        for round_ in range(3):
            polling.kill_after = 1 + (seed + round_) % 3
            polling.run()
        fake.lively, fake.rate = False, 0.0
        polling.until_quiet()
        # Where one row went and another came, no counter moved: the next thing that happens brings it to light.
        fake.go_on()
        polling.until_quiet()
        assert known(polling) == fake.truth()
        funnels_are_true(polling, fake)


def test_names_and_subjects_of_campaigns_are_known(tmp_path):
    with FakeConstantContact(1, campaigns=2) as fake, install(tmp_path, fake) as polling:
        polling.run()
        rows = polling.store.campaigns(Filter(sources=("acme",)))
        assert {(row.campaign_id, row.name, row.subject, row.type, row.status) for row in rows} == {
            (one.id, one.name, f"Hello from {one.name}", "Newsletter", "Done") for one in fake.campaigns
        }


def test_a_round_of_a_quiet_account_costs_two_requests_and_of_an_old_one_a_single_one(tmp_path):
    with FakeConstantContact(2, campaigns=5) as fake, install(tmp_path, fake) as polling:
        for campaign in fake.campaigns[2:]:
            campaign.sent -= 30 * DAY
        polling.run()
        before = polling.events()
        fake.asked.clear()
        polling.run()
        stats = "/v3/reports/stats/email_campaign_activities"
        young = [one.id for campaign in fake.campaigns[:2] for one in campaign.activities]
        assert [asked.path for asked in fake.asked] == [SUMMARIES, f"{stats}/{','.join(young)}"]
        for campaign in fake.campaigns[:2]:
            campaign.sent -= 30 * DAY
        polling.run()
        fake.asked.clear()
        polling.run()
        assert [asked.path for asked in fake.asked] == [SUMMARIES]
        assert polling.events() == before


def test_one_open_costs_one_walk_of_one_list(tmp_path):
    with FakeConstantContact(3, campaigns=3) as fake, install(tmp_path, fake) as polling:
        polling.run()
        activity = fake.campaigns[1].activities[0]
        fake.happen(activity, "opens", 3, now())
        fake.asked.clear()
        polling.run()
        assert Counter(asked.path.split("/")[-1] for asked in fake.asked if "/tracking/" in asked.path) == {"opens": 1}
        assert [asked.path for asked in fake.asked if "/links" in asked.path or "/emails" in asked.path] == []
        assert known(polling) == fake.truth()


def test_reading_everything_again_leaves_nothing_behind(tmp_path, hasty):
    with FakeConstantContact(4, campaigns=3) as fake, install(tmp_path, fake) as polling:
        polling.run()

        def told():
            return sorted((event.id, len(polling.store.event(event.id)[1])) for event in polling.events())

        before = told()
        for activity in fake.all():
            activity.rows.append(next(row for row in activity.rows if row.list == "opens"))
        polling.run()
        for activity in fake.all():
            activity.rows.pop()
        polling.run()
        # Twins were shown for a while: the most that any answer showed counts. All else has its one sighting.
        assert set(before) < set(told())
        assert len(told()) == len(before) + len(fake.all())


def test_contacts_that_are_deleted_change_no_event(tmp_path):
    with FakeConstantContact(5, campaigns=2) as fake, install(tmp_path, fake) as polling:
        polling.run()
        fake.deleted = set(range(fake.contacts))
        for activity in fake.all():
            fake.happen(activity, "opens", 1, now())
            fake.happen(activity, "clicks", 1, now(), url="https://shop.example.com/b")
        polling.run()
        assert known(polling) == fake.truth()
        funnels_are_true(polling, fake)


def test_a_campaign_that_vanishes_between_two_pages_leaves_what_was_read(tmp_path):
    with FakeConstantContact(6, campaigns=3) as fake, install(tmp_path, fake) as polling:
        fake.page = 5
        victim = fake.campaigns[0].activities[0].id
        counted = 0

        def vanish():
            nonlocal counted
            counted += fake.asked[-1].path.endswith(f"{victim}/tracking/sends")
            fake.campaigns[0].gone = counted >= 2

        fake.between = vanish
        polling.run()
        polling.until_quiet()
        of = [fact for fact in known(polling) if fact[1] == victim]
        assert sorted(of) == sorted(fact for fact in fake.truth() if fact[1] == victim and fact in of)
        assert len(of) == 10
        assert [fact for fact in known(polling) if fact[1] != victim] == [
            fact for fact in fake.truth() if fact[1] != victim
        ]
        fake.asked.clear()
        polling.run()
        assert [asked.path for asked in fake.asked if victim in asked.path and "/tracking/" in asked.path] == []


def test_a_campaign_that_vanishes_before_its_details_are_read_stops_nobody(tmp_path):
    with FakeConstantContact(7, campaigns=3) as fake, install(tmp_path, fake) as polling:
        polling.run("campaigns")
        fake.campaigns[1].gone = True
        polling.until_quiet()
        gone = fake.campaigns[1].activities[0].id
        assert known(polling) == [fact for fact in fake.truth() if fact[1] != gone]
        assert [row.problem for row in polling.store.feeds() if row.problem] == []


def test_totals_that_fall_are_kept_as_they_are(tmp_path):
    with FakeConstantContact(8, campaigns=1) as fake, install(tmp_path, fake) as polling:
        activity = fake.campaigns[0].activities[0]
        activity.abuse = 5
        polling.run()
        activity.abuse = 2
        taken = [row for row in activity.rows if row.list == "opens"]
        activity.rows = [row for row in activity.rows if row.list != "opens"]
        polling.run()
        funnel = polling.store.funnel(Filter(sources=("acme",), campaign_id=fake.campaigns[0].id))
        assert (funnel[Kind.COMPLAINED].total, funnel[Kind.OPENED].total) == (2, len(taken))
        latest = {one.list: one for one in polling.store.snapshots("acme", fake.campaigns[0].id)}
        assert latest["stats"].counts[Kind.OPENED] == (0, 0)
        assert latest["stats"].counts[Kind.COMPLAINED] == latest["summaries"].counts[Kind.COMPLAINED] == (2, 2)


def test_a_row_from_the_future_is_kept_and_hides_none_that_come_after_it(tmp_path):
    with FakeConstantContact(9, campaigns=1) as fake, install(tmp_path, fake, overlap="1s") as polling:
        activity = fake.campaigns[0].activities[0]
        fake.page = 4
        fake.happen(activity, "opens", 1, now() + 400 * DAY)
        polling.run()
        for number in range(9):
            fake.happen(activity, "opens", number, now())
        polling.run()
        assert known(polling) == fake.truth()


def test_links_are_kept_as_the_platform_counts_them(tmp_path):
    with FakeConstantContact(10) as fake, install(tmp_path, fake) as polling:
        campaign = fake.launch(now() - DAY, quiet=True)
        for contact in (1, 1, 2):
            fake.happen(campaign.activities[0], "clicks", contact, now() - contact * 1000, url=URLS[0])
        polling.run()
        (links,) = [one for one in polling.store.snapshots("acme", campaign.id) if one.list == "links"]
        assert links.raw == {URLS[0]: 2}


# -- refusals ------------------------------------------------------------------------------------------------


def refusing(status, body):
    return lambda _fake, _said: Said(status=status, body=body)


def test_throttled_is_waited_for_and_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "SHORTLY", 10)
    with FakeConstantContact(11, campaigns=2) as fake, install(tmp_path, fake) as polling:
        body = {"error_key": "throttled", "error_message": "Too Many Requests"}
        fake.faults = [refusing(429, body), refusing(429, [body])]
        outcomes = polling.run()
        assert {outcome.status for outcome in outcomes.values()} == {"done"}
        assert known(polling) == fake.truth()


def test_a_quota_that_is_used_up_silences_every_source_of_the_application_until_midnight(tmp_path):
    with FakeConstantContact(12, campaigns=2) as fake, install(tmp_path, fake) as polling:
        fake.faults = [refusing(429, {"error_key": "quota_exceeded", "error_message": "Limit Exceeded"})]
        (outcome,) = polling.run("campaigns").values()
        midnight = (now() // DAY + 1) * DAY
        assert (outcome.status, outcome.until) == ("parked", midnight)
        assert len(fake.asked) == 1
        other = source_of(fake, name="other")
        polling.settings.sources.append(other)
        connect(polling, fake, other)
        plan.ensure(polling.store, other, now())
        told = poll(polling.store, polling.settings, ("other", "campaigns", "live"), "me")
        assert (told.status, len(fake.asked)) == ("parked", 1)
        polling.run()
        assert known(polling) == fake.truth()


@pytest.mark.parametrize("fault", [busy, busy_until, busy_absurdly])
def test_a_429_whatever_it_says_loses_nothing(tmp_path, fault):
    with FakeConstantContact(13, campaigns=2) as fake, install(tmp_path, fake) as polling:
        fake.faults = [fault]
        polling.run()
        polling.run()
        assert known(polling) == fake.truth()


def test_a_token_that_is_refused_in_the_middle_is_renewed_once(tmp_path):
    with FakeConstantContact(14, campaigns=3) as fake, install(tmp_path, fake) as polling:
        polling.run("campaigns", "details")
        fake.access_token = "revoked"
        polling.run()
        assert fake.refreshed == 1
        assert known(polling) == fake.truth()
        polling.until_quiet()
        assert fake.refreshed == 1


def test_when_nothing_can_be_renewed_the_source_stops_and_says_what_to_do(tmp_path):
    with FakeConstantContact(15, campaigns=3) as fake, install(tmp_path, fake) as polling:
        polling.run("campaigns", "details")
        fake.access_token = fake.refresh_token = "revoked"
        (outcome,) = polling.run("stats").values()
        assert outcome.status == "stopped"
        assert "run `aftersend connect acme`" in outcome.problem
        assert SECRET not in repr([row.problem for row in polling.store.feeds()])
        connect(polling, fake)
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_missing_privilege_stops_the_source(tmp_path):
    with FakeConstantContact(16, campaigns=1) as fake, install(tmp_path, fake) as polling:
        fake.faults = [refusing(403, {"error_key": "forbidden", "error_message": "Forbidden"})]
        (outcome,) = polling.run("campaigns").values()
        assert (outcome.status, len(fake.asked)) == ("stopped", 1)


def test_neither_a_redirect_nor_a_next_link_to_another_host_is_followed(tmp_path):
    with (
        FakeConstantContact(17, campaigns=2) as elsewhere,
        FakeConstantContact(17, campaigns=2) as fake,
        install(tmp_path, fake) as polling,
    ):
        fake.faults = [lambda _fake, _said: Said(status=302, headers={"Location": f"{elsewhere.url}/contacts"})]
        assert [one.status for one in polling.run("campaigns").values()] == ["parked"]

        def elsewhere_next(_fake, said):
            said.body["_links"] = {"next": {"href": f"{elsewhere.url}/contacts"}}
            return said

        polling.run("campaigns", "details", "stats")
        fake.faults = [elsewhere_next]
        assert [one.status for one in polling.run("sends").values()] == ["parked"]
        assert elsewhere.asked == []


# -- the same facts, in any order and by any list ------------------------------------------------------------


def test_half_the_history_read_before_and_half_after_gives_the_same(tmp_path, hasty):
    """Law 2: two installations that read at different times know the same in the end."""
    (tmp_path / "early").mkdir()
    (tmp_path / "late").mkdir()
    with (
        FakeConstantContact(18, campaigns=3) as fake,
        install(tmp_path / "early", fake) as early,
        install(tmp_path / "late", fake) as late,
    ):
        fake.page = 6
        early.run()
        for activity in fake.all():
            for _ in range(5):
                fake.something(activity, now())
            fake.deleted.add(2)
        early.until_quiet()
        late.until_quiet()

        def shown(polling):
            return sorted(
                msgspec.json.encode(msgspec.structs.replace(event, id="", number=0, received_at=0))
                for event in polling.events()
            )

        assert shown(early) == shown(late)
        assert known(early) == fake.truth()


@pytest.mark.parametrize("first", ["contacts", "optouts"])
def test_an_opt_out_that_both_lists_tell_is_one_with_the_campaign_and_one_outside_of_any_email_is_another(
    tmp_path, first
):
    with FakeConstantContact(19) as fake, install(tmp_path, fake, options={"contacts": True}) as polling:
        campaign = fake.launch(noon() - DAY, quiet=True)
        fake.happen(campaign.activities[0], "optouts", 3, noon(), reason="Too many emails")
        # Another clock, some seconds late.
        fake.account_optouts = [(3, noon() + 4000), (7, noon())]
        if first == "contacts":
            polling.run("contacts")
            assert len(polling.events()) == 2
        polling.run("campaigns", "details", "stats", "optouts")
        polling.run()
        rows = polling.events(kinds=(Kind.UNSUBSCRIBED,))
        assert sorted((row.campaign_id or "", row.contact_id, row.occurred_at, row.metadata) for row in rows) == [
            ("", fake.contact(7), noon(), {"opt_out_source": "Account"}),
            (campaign.id, fake.contact(3), noon(), {"opt_out_source": "Account"}),
        ]


def noon() -> int:
    return (now() // DAY - 1) * DAY + DAY // 2


def test_a_range_of_opt_outs_outside_of_any_email_can_be_read_again(tmp_path):
    options = {"contacts": True}
    with FakeConstantContact(20) as fake, install(tmp_path, fake, options=options, feeds=["contacts"]) as polling:
        last = now() // 1000 * 1000 - HOUR
        fake.account_optouts = [(number, last - number * DAY) for number in range(40)]
        polling.until_quiet()
        # The last week, and thirty days by backfill.
        assert len(polling.events()) == 30
        polling.store.ensure_feeds(plan.backfill_rows(polling.source, ["contacts"], last - 50 * DAY, last))
        polling.until_quiet()
        assert len(polling.events()) == 40
