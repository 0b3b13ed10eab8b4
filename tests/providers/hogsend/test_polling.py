"""Hogsend polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from aftersend.storage.contract import Filter
from aftersend.vocabulary import Clock, Kind, now
from aftersend.worker import plan
from aftersend.worker.claims import new_owner
from aftersend.worker.poller import poll
from tests.fakes import SEEDS, Said, busy, busy_absurdly, busy_until, cut, hang_up, html, truncated, unavailable
from tests.providers.hogsend.fake import DAY, SECOND, FakeHogsend
from tests.providers.hogsend.installed import install, known, timeless

PATHS = {
    "export": "/v1/admin/reporting/sends/export",
    "sends": "/v1/admin/emails",
    "hits": "/v1/admin/events",
    "suppressions": "/v1/admin/suppressions",
    **{f"metrics/{name}": f"/v1/admin/metrics/{name}" for name in ("overview", "emails", "emails/deliverability")},
}


def test_everything_is_read_once_with_its_totals(tmp_path):
    with FakeHogsend(1, sends=250) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        assert timeless(known(polling)) == timeless(fake.truth())
        assert [row.problem for row in polling.store.feeds() if row.problem] == []
        for template in {sent.template for sent in fake.sends}:
            of = {sent.id for sent in fake.sends if sent.template == template}
            true = Counter(kind for kind, send, *_ in fake.truth() if send in of)
            funnel = polling.store.funnel(Filter(sources=("acme",), campaign_id=template))
            assert {kind.value: counts.total for kind, counts in funnel.items() if counts.total} == true
        everything = polling.store.funnel(Filter(sources=("acme",)))
        true = Counter(kind for kind, *_ in fake.truth())
        assert {kind.value: counts.total for kind, counts in everything.items() if counts.total} == true


def hollow(_fake, said):
    """A page in the middle without its rows."""
    body = said.body
    if not isinstance(body, dict):
        return said
    return Said(body={name: [] if name in ("emails", "events") else value for name, value in body.items()})


@pytest.mark.parametrize("seed", SEEDS)
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(tmp_path, seed):
    with FakeHogsend(seed, sends=180) as fake, install(tmp_path, fake) as polling:
        fake.lively, fake.rate = True, 0.3
        fake.kinds_of_fault = (unavailable, busy, busy_until, html, cut, hang_up, truncated, hollow)
        fake.most_exported = 60
        fake.ignores_size, fake.ignores_order = seed % 2 == 1, seed == 3
        for round_ in range(3):
            polling.kill_after = 1 + (seed + round_) % 3
            polling.run()
        fake.lively, fake.rate = False, 0.0
        polling.until_quiet()
        assert timeless(known(polling)) == timeless(fake.truth())


def test_a_round_of_a_quiet_account_costs_seven_requests(tmp_path):
    with FakeHogsend(2, sends=60) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        before = polling.events()
        fake.asked.clear()
        polling.run()
        assert Counter(asked.path for asked in fake.asked) == dict.fromkeys(PATHS.values(), 1)
        assert polling.events() == before


def test_reading_again_what_is_known_leaves_nothing_behind(tmp_path):
    with FakeHogsend(2, sends=60) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()

        def told():
            return [(event.id, len(polling.store.event(event.id)[1])) for event in polling.events()]

        before = told()
        polling.run()
        assert told() == before


def test_an_outcome_that_comes_days_later_is_found(tmp_path):
    with FakeHogsend(3) as fake, install(tmp_path, fake) as polling:
        sent = fake.send(fake.now() - 12 * DAY, facts=False)
        fake._set(sent, "sentAt", sent.created + 1000, "sent")
        polling.until_quiet()
        fake._set(sent, "deliveredAt", fake.now(), "delivered")
        polling.run("export")
        assert known(polling) == fake.truth()
        assert len(known(polling)) == 2


def test_of_a_delivery_that_is_told_again_the_earliest_time_stands(tmp_path):
    with FakeHogsend(3) as fake, install(tmp_path, fake) as polling:
        sent = fake.send(fake.now() - DAY, facts=False)
        fake._set(sent, "sentAt", sent.created + 1000, "sent")
        fake._set(sent, "deliveredAt", sent.created + SECOND, "delivered")
        polling.run()
        fake.repeat_a_notice()
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_the_message_id_of_the_log_joins_what_the_export_told(tmp_path):
    with FakeHogsend(3) as fake, install(tmp_path, fake) as polling:
        sent = fake.send(fake.now() - DAY, facts=False)
        sent.template = "welcome"
        fake._set(sent, "sentAt", sent.created + 1000, "sent")
        polling.run("export")
        assert [event.metadata for event in polling.events()] == [{"subject": fake._subject(sent)}]
        polling.run("sends")
        assert [event.metadata for event in polling.events()] == [
            {"category": "journey", "provider_message_id": f"prov-{sent.id[:8]}", "subject": fake._subject(sent)}
        ]


def test_after_a_429_the_whole_retry_after_is_kept_by_every_feed(tmp_path):
    with FakeHogsend(4, sends=20) as fake, install(tmp_path, fake, budget="") as polling:
        plan.ensure(polling.store, polling.source, now())
        fake.faults = [refused]
        began = now()
        outcomes = [
            poll(polling.store, polling.settings, ("acme", feed, plan.LIVE), new_owner())
            for feed in ("export", "sends", "hits")
        ]
        assert [outcome.status for outcome in outcomes] == ["parked"] * 3
        assert all(began + 59_000 < outcome.until < now() + 61_000 for outcome in outcomes)
        # Nobody knocks again: refused requests count too.
        assert len(fake.asked) == 1


def refused(_fake, _said):
    return Said(status=429, body={"error": "Rate limit exceeded"}, headers={"Retry-After": "60"})


def test_the_budget_of_100_a_minute_is_kept_without_being_refused(tmp_path):
    with FakeHogsend(4, sends=20) as fake, install(tmp_path, fake, budget="") as polling:
        fake.limit = 100
        for _ in range(11):
            outcomes = polling.run("metrics", "export", "hits", "suppressions", "sends", lane="live")
            fake.asked = fake.asked[-200:]
        assert len(fake.asked) <= 100
        assert {outcome.status for outcome in outcomes.values()} <= {"done", "parked"}
        assert fake.refused == 0


def test_a_429_that_says_nothing_sensible_means_silence_for_a_minute(tmp_path):
    with FakeHogsend(5, sends=30) as fake, install(tmp_path, fake) as polling:
        fake.faults = [busy_absurdly]
        began = now()
        (outcome,) = polling.run("export", lane="live").values()
        assert (outcome.status, len(fake.asked)) == ("parked", 1)
        assert began + 59_000 < outcome.until < now() + 61_000


def test_a_key_that_is_refused_in_the_middle_stops_the_source_and_a_new_one_goes_on(tmp_path):
    def unauthorized(_fake, _said):
        return Said(status=401, body={"error": "Unauthorized"})

    def forbidden(_fake, _said):
        return Said(status=403, body={"error": "Forbidden: insufficient scope"})

    with FakeHogsend(6, sends=150) as fake, install(tmp_path, fake) as polling:
        fake.faults = [lambda _fake, said: said, unauthorized]
        outcomes = polling.run("sends", lane="live")
        assert [(o.status, o.pages) for o in outcomes.values()] == [("stopped", 1)]
        fake.faults = [forbidden]
        outcomes = polling.run("hits", lane="live")
        assert [o.status for o in outcomes.values()] == ["stopped"]
        assert "hsk_" not in repr([row.problem for row in polling.store.feeds()])
        polling.until_quiet()
        assert timeless(known(polling)) == timeless(fake.truth())


def test_a_redirect_to_another_host_is_not_followed(tmp_path):
    with FakeHogsend(7, sends=20) as elsewhere, FakeHogsend(7, sends=20) as fake, install(tmp_path, fake) as polling:
        fake.faults = [lambda _fake, _said: Said(status=302, headers={"Location": f"{elsewhere.url}/v1/admin/emails"})]
        outcomes = polling.run("sends", lane="live")
        assert [outcome.status for outcome in outcomes.values()] == ["parked"]
        assert elsewhere.asked == []
        polling.until_quiet()
        assert timeless(known(polling)) == timeless(fake.truth())


def test_rows_of_one_instant_across_pages_are_all_read(tmp_path):
    with FakeHogsend(8) as fake, install(tmp_path, fake, feeds=["sends", "hits"]) as polling:
        at = fake.now() - DAY
        for number in range(230):
            sent = fake.send(at + number % 3, facts=False)
            fake._set(sent, "sentAt", at + SECOND, "sent")
            fake._set(sent, "deliveredAt", at + 2 * SECOND, "delivered")
            fake.hit(sent, "email.opened", at + 5 * SECOND)
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_window_of_the_export_that_is_truncated_is_read_in_parts(tmp_path):
    with FakeHogsend(9, sends=200) as fake, install(tmp_path, fake, feeds=["export"]) as polling:
        fake.most_exported = 40
        polling.until_quiet()
        hits = {"opened", "clicked"}
        true = [fact for fact in fake.truth() if fact[0] not in hits | {"unsubscribed"}]
        assert [fact for fact in known(polling) if fact[0] not in hits] == sorted(
            fact if fact[0] not in ("dropped", "failed") else next(k for k in known(polling) if k[:3] == fact[:3])
            for fact in true
        )
        first = {(hit.send.id, hit.event) for hit in fake.hits}
        assert len([fact for fact in known(polling) if fact[0] in hits]) == len(first)


def test_what_is_told_of_the_future_is_kept_as_it_is_told(tmp_path):
    with FakeHogsend(15) as fake, install(tmp_path, fake) as polling:
        sent = fake.send(fake.now() - DAY, facts=False)
        fake._set(sent, "sentAt", fake.now() + DAY, "sent")
        fake.hit(sent, "email.opened", fake.now() + 2 * DAY)
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_campaigns_that_hits_name_are_read_when_they_are_named(tmp_path):
    campaign = "7f0d2b10-aaaa-4bbb-8ccc-ddddeeeeffff"
    with FakeHogsend(10, sends=60) as fake, install(tmp_path, fake) as polling:
        fake.campaign = campaign
        polling.until_quiet()
        path = f"/v1/admin/campaigns/{campaign}/stats"
        assert [asked.path for asked in fake.asked].count(path) >= 1
        (snapshot,) = [one for one in polling.store.snapshots("acme", campaign) if one.list == "campaigns"]
        assert (snapshot.counts, snapshot.raw["sends"]) == ({}, 60)
        # It counts nowhere: its sends count under their templates.
        assert timeless(known(polling)) == timeless(fake.truth())
        everything = polling.store.funnel(Filter(sources=("acme",)))
        assert everything[Kind.SENT].total == sum(kind == "sent" for kind, *_ in fake.truth())


def test_totals_that_fall_are_kept_as_they_are(tmp_path):
    with FakeHogsend(11, sends=60) as fake, install(tmp_path, fake) as polling:
        polling.run()
        bounced = [sent for sent in fake.sends if sent.status == "bounced"]
        assert bounced
        before = {s.campaign_id: s.counts[Kind.BOUNCED] for s in totals(polling)}
        for sent in bounced:
            sent.status = "sent"
        polling.until_quiet()
        after = {s.campaign_id: s.counts[Kind.BOUNCED] for s in totals(polling)}
        assert sum(total for total, _ in before.values()) > 0
        assert after == dict.fromkeys(before, (0, 0))
        assert timeless(known(polling)) == timeless(fake.truth())


def totals(polling):
    return [one for one in polling.store.snapshots("acme") if one.list == "metrics/emails"]


def test_an_opt_out_counts_from_its_first_sight_and_is_not_seen_again(tmp_path):
    with FakeHogsend(12) as fake, install(tmp_path, fake) as polling:
        for number in range(250):
            fake.opt_out(f"person{number}@example.com", fake.now())
        polling.run("suppressions")
        first = polling.events()
        assert {(event.clock, event.kind) for event in first} == {(Clock.RECEIVED, Kind.UNSUBSCRIBED)}
        assert len(first) == 250
        fake.opt_out("late@example.com", fake.now())
        polling.until_quiet()
        assert [event for event in polling.events() if event.email != "late@example.com"] == first
        assert len(polling.events()) == 251
        assert {len(polling.store.event(event.id)[1]) for event in polling.events()} == {1}


def test_rows_the_platform_takes_away_stay_known(tmp_path):
    with FakeHogsend(13, sends=40) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        truth = fake.truth()
        fake.sends.clear()
        fake.hits.clear()
        polling.until_quiet()
        assert timeless(known(polling)) == timeless(truth)


def test_half_the_history_read_before_and_half_after_gives_the_same(tmp_path):
    """Law 2: two installations that read at different times know the same in the end."""
    (tmp_path / "early").mkdir()
    (tmp_path / "late").mkdir()
    with (
        FakeHogsend(14, sends=60) as fake,
        install(tmp_path / "early", fake) as early,
        install(tmp_path / "late", fake) as late,
    ):
        early.run("sends", "hits")
        for sent in list(fake.sends):
            fake.move_on(sent, fake.now())
        early.until_quiet()
        late.until_quiet(lane=None)

        def shown(polling):
            return sorted(
                msgspec.json.encode(
                    msgspec.structs.replace(event, id="", number=0, received_at=0, occurred_at=unseen(event))
                )
                for event in polling.events()
            )

        assert shown(early) == shown(late)


def unseen(event):
    return 0 if event.clock is Clock.RECEIVED else event.occurred_at
