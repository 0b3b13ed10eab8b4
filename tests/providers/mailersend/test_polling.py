"""MailerSend polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

import pytest

from aftersend.vocabulary import now
from tests.fakes import Said, busy, busy_until, cut, hang_up, html, truncated, unavailable
from tests.providers.mailersend.fake import DAY, HTML, FakeMailerSend
from tests.providers.mailersend.installed import install, known


def test_everything_is_read_once(tmp_path):
    with FakeMailerSend(1, mails=20) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert [row.problem for row in polling.store.feeds() if row.problem] == []
        assert len({event.metadata["domain_id"] for event in polling.events()}) == 2


@pytest.mark.parametrize("seed", range(3))
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(tmp_path, seed):
    with FakeMailerSend(seed, mails=30) as fake, install(tmp_path, fake) as polling:
        fake.lively, fake.rate, fake.ignores_size = True, 0.25, seed != 1
        fake.kinds_of_fault = (unavailable, busy, busy_until, html, cut, hang_up, truncated)
        for round_ in range(3):
            polling.kill_after = 1 + (seed + round_) % 3
            polling.run()
        fake.lively, fake.rate = False, 0.0
        fake.appear()
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_the_texts_of_emails_are_never_stored(tmp_path):
    with FakeMailerSend(2, mails=10) as fake, install(tmp_path, fake) as polling:
        fake.faults = [lambda _fake, said: said, *[truncated] * 6]
        outcomes = polling.run()
        assert {outcome.status for outcome in outcomes.values()} == {"parked"}
        shown = [row.problem_body or "" for row in polling.store.feeds()]
        assert [text for text in shown if "data" in text]
        assert [text for text in shown if HTML in text] == []
        polling.until_quiet()
        assert known(polling) == fake.truth()
        files = [path for path in tmp_path.iterdir() if path.is_file()]
        assert files
        assert not [path.name for path in files if HTML.encode() in path.read_bytes()]


def test_domains_are_asked_for_once_a_day_and_a_quiet_account_costs_one_request_for_each(tmp_path):
    with FakeMailerSend(3, domains=3) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        paths = [asked.path for asked in fake.asked]
        assert paths.count("/v1/domains") == 1
        fake.asked.clear()
        polling.run(lane="live")
        assert [asked.path for asked in fake.asked] == [f"/v1/activity/{own}" for own in fake.domains]


def test_only_the_domains_that_the_source_names_are_read(tmp_path):
    with FakeMailerSend(4, mails=8, domains=3) as fake, install(tmp_path, fake) as named:
        source = {"options": {"domains": f" {fake.domains[1]} ,{fake.domains[2]}"}}
        (tmp_path / "named").mkdir()
        with install(tmp_path / "named", fake, **source) as polling:
            polling.until_quiet()
            assert {event.metadata["domain_id"] for event in polling.events()} <= set(fake.domains[1:])
            assert "/v1/domains" not in [asked.path for asked in fake.asked]
        named.until_quiet()
        assert known(named) == fake.truth()


@pytest.mark.parametrize("keeps", [1, 3, 8])
def test_a_plan_that_keeps_less_is_found_out_and_remembered(tmp_path, keeps):
    with FakeMailerSend(5, mails=16, spread=9 * DAY) as fake, install(tmp_path, fake) as polling:
        fake.keeps = keeps * DAY
        fake.send(fake.now() - 3600)
        polling.until_quiet()
        least = max(days for days in (1, 3, 7) if days <= keeps) * DAY - 3600
        recent = [one for one in fake.truth() if one[3] > fake.now() - least]
        assert recent
        assert set(recent) <= set(known(polling)) <= set(fake.truth())
        fake.asked.clear()
        outcomes = polling.run(lane="live")
        assert [outcome.status for outcome in outcomes.values()] == ["done"]
        assert len(fake.asked) == len(fake.domains)


def test_a_request_that_is_refused_for_another_reason_parks_the_feed(tmp_path):
    def invalid(_fake, _said):
        return Said(status=422, body={"message": "The given data was invalid."})

    with FakeMailerSend(6, mails=3) as fake, install(tmp_path, fake) as polling:
        fake.faults = [lambda _fake, said: said, *[invalid] * 20]
        (outcome,) = polling.run(lane="live").values()
        assert outcome.status == "parked"
        assert "422" in outcome.problem


def test_a_domain_that_is_gone_is_passed_over(tmp_path):
    with FakeMailerSend(7, mails=12, domains=3) as fake, install(tmp_path, fake) as polling:
        fake.faults = [lambda _fake, said: said]
        polling.kill_after = 1
        polling.run(lane="live")
        gone = fake.domains.pop(0)
        polling.until_quiet()
        assert known(polling) == sorted(
            one for one in fake.truth() if one[1] not in {h.mail.id for h in fake.happened if h.mail.domain == gone}
        )


def test_a_domain_that_is_gone_holds_up_nothing(tmp_path):
    with FakeMailerSend(13, domains=2) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        fake.domains.pop()
        began = now()
        polling.run(lane="live")
        (row,) = [row for row in polling.store.feeds() if row.lane == "live"]
        assert row.complete_until >= began - 360_000


def test_an_account_without_domains_has_nothing_to_be_read(tmp_path):
    with FakeMailerSend(8, domains=0) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        assert known(polling) == []
        (row,) = [row for row in polling.store.feeds() if row.lane == "live"]
        assert row.complete_until is None


def test_reports_are_complete_as_far_as_every_domain_was_read(tmp_path):
    with FakeMailerSend(9, mails=4) as fake, install(tmp_path, fake) as polling:
        began = now()
        polling.run(lane="live")
        (row,) = [row for row in polling.store.feeds() if row.lane == "live"]
        assert began - 360_000 <= row.complete_until <= now() - 360_000


def test_what_appears_late_is_found(tmp_path):
    with FakeMailerSend(10, mails=4) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        fake.happen(fake.mail(fake.now() - 400), "opened", fake.now() - 400)
        polling.run(lane="live")
        assert known(polling) == fake.truth()


def test_a_token_that_is_refused_stops_the_source_and_a_right_one_goes_on(tmp_path):
    def unauthorized(_fake, _said):
        return Said(status=401, body={"message": "Unauthenticated."})

    with FakeMailerSend(11, mails=8) as fake, install(tmp_path, fake) as polling:
        fake.faults = [lambda _fake, said: said, unauthorized]
        (outcome,) = polling.run(lane="live").values()
        assert (outcome.status, outcome.pages) == ("stopped", 1)
        assert "mlsn." not in repr([row.problem for row in polling.store.feeds()])
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_quota_that_is_used_up_is_waited_for(tmp_path):
    def exceeded(fake, _said):
        headers = {"x-apiquota-remaining": "0"}
        return Said(status=429, body={"message": "Too Many Requests"}, headers=headers)

    with FakeMailerSend(12, mails=3) as fake, install(tmp_path, fake) as polling:
        fake.faults = [exceeded] * 3
        before = now()
        (outcome,) = polling.run(lane="live").values()
        assert outcome.status == "parked"
        assert outcome.until in {at - at % 86_400_000 + 86_400_000 for at in (before, now())}
