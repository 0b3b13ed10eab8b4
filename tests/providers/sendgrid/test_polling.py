"""SendGrid polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from aftersend.vocabulary import Kind, now
from tests.fakes import SEEDS, Said, busy, cut, hang_up, html, truncated, unavailable
from tests.providers.sendgrid.fake import DAY, HOUR, MINUTE, FakeSendGrid
from tests.providers.sendgrid.installed import EVERY, LISTED, install, known

SUPPRESSIONS = EVERY[:5]


def listed(fake: FakeSendGrid):
    """The part of the truth that suppression lists tell."""
    return [fact for fact in fake.truth() if fact[0] in LISTED and fact[2] != "soft"]


def test_everything_is_read_once_from_lists_and_activity(tmp_path):
    with FakeSendGrid(1, mails=12) as fake, install(tmp_path, fake, feeds=EVERY) as polling:
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert [row.problem for row in polling.store.feeds() if row.problem] == []
        assert {event.external_id for event in polling.events()} == {f"own-{mail.to}" for mail in fake.mails.values()}
        assert polling.store.quarantine() == []


def test_without_the_add_on_the_lists_tell_what_they_know_and_nothing_else_is_asked(tmp_path):
    with FakeSendGrid(2, mails=60) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        assert known(polling) == listed(fake)
        assert {asked.path for asked in fake.asked} == {f"/v3/suppression/{name}" for name in SUPPRESSIONS}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(tmp_path, seed):
    with FakeSendGrid(seed, mails=10) as fake, install(tmp_path, fake, feeds=EVERY) as polling:
        fake.lively, fake.rate = True, 0.2
        fake.kinds_of_fault = (unavailable, busy, html, cut, hang_up, truncated)
        fake.ignores_size = seed % 2 == 1
        for round_ in range(3):
            polling.kill_after = 1 + (seed + round_) % 3
            polling.run()
        fake.lively, fake.rate = False, 0.0
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_page_size_that_is_ignored_loses_no_row(tmp_path):
    with FakeSendGrid(3, mails=4) as fake, install(tmp_path, fake, feeds=EVERY) as polling:
        fake.ignores_size = True
        at = fake.now() - DAY
        for number in range(16):
            mail = fake.mail(at - HOUR)
            fake.bounce(mail, "bounce", at + 3 * number)
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_whole_page_of_one_second_is_got_over(tmp_path):
    with FakeSendGrid(4) as fake, install(tmp_path, fake, feeds=["messages", "activity"]) as polling:
        fake.ignores_size = True
        at = fake.now() - DAY
        for n in range(16):
            mail = fake.mail(at - HOUR)
            mail.moved = at if n < 12 else at - 1 - n
        polling.until_quiet()
        # Of the twelve of one second a page has ten, and nothing can ask for the others (provider file, A).
        assert sum(event.kind is Kind.QUEUED for event in polling.events()) == 14


def test_both_bounds_of_a_window_are_read(tmp_path):
    with FakeSendGrid(5) as fake, install(tmp_path, fake, feeds=["bounces"]) as polling:
        polling.run()
        asked = [one.query for one in fake.asked if one.path == "/v3/suppression/bounces"]
        edges = {int(one[name]) for one in asked for name in ("start_time", "end_time")}
        for number, at in enumerate(sorted(edges)):
            fake.lists["bounces"].append({"created": at, "email": f"edge{number}@example.com", "status": "5.1.1"})
        # Windows that follow on each other leave no second between them.
        spans = sorted({(int(one["start_time"]), int(one["end_time"])) for one in asked})
        assert all(later <= end + 1 for (_, end), (later, _) in pairwise(spans))
        polling.until_quiet()
        reached = [at for at in edges if at >= fake.now() - 2 * DAY]
        assert {event.occurred_at // 1000 for event in polling.events()} >= set(reached)


def test_a_row_that_appears_late_is_found_by_the_next_run(tmp_path):
    with FakeSendGrid(6, mails=5) as fake, install(tmp_path, fake, feeds=["blocks"]) as polling:
        polling.until_quiet()
        fake.lists["blocks"].append({"created": fake.now() - HOUR, "email": "late@example.com", "reason": "550 no"})
        polling.run()
        assert [event.email for event in polling.events(email="late@example.com")] == ["late@example.com"]


def test_an_address_that_was_taken_off_a_list_stays_known(tmp_path):
    with FakeSendGrid(7, mails=60) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        before = polling.events()
        for rows in fake.lists.values():
            rows.clear()
        polling.until_quiet()
        assert (polling.events(), len(before) > 0) == (before, True)


def test_a_message_that_moves_again_is_read_again_and_no_other(tmp_path):
    with FakeSendGrid(8) as fake, install(tmp_path, fake, feeds=["messages", "activity"]) as polling:
        mails = [fake.mail(fake.now() - DAY) for _ in range(5)]
        polling.until_quiet()
        fake.asked.clear()
        polling.run()
        assert Counter(asked.path for asked in fake.asked) == {"/v3/messages": 1}
        fake.happened(mails[2], "open", fake.now(), useragent="Mozilla/5.0")
        fake.asked.clear()
        polling.run()
        assert [asked.path for asked in fake.asked] == ["/v3/messages", f"/v3/messages/{mails[2].id}"]
        assert known(polling) == fake.truth()


def test_what_happens_in_the_second_a_message_was_read_in_is_found(tmp_path):
    with FakeSendGrid(9) as fake, install(tmp_path, fake, feeds=["messages", "activity"]) as polling:
        mail = fake.mail(fake.now() - MINUTE)
        moved = mail.moved
        polling.run()
        fake.happened(mail, "open", moved, useragent="Mozilla/5.0")
        assert mail.moved == moved
        polling.run()
        assert known(polling) == fake.truth()


def test_a_message_whose_history_is_gone_is_asked_for_once(tmp_path):
    with FakeSendGrid(10, mails=4) as fake, install(tmp_path, fake, feeds=["messages", "activity"]) as polling:
        polling.run("messages")
        gone = fake.mails.pop(next(iter(fake.mails)))
        for _ in range(3):
            polling.run("activity")
        assert [asked.path for asked in fake.asked].count(f"/v3/messages/{gone.id}") == 1
        assert polling.store.notes("acme", f"message/{gone.id}") == {}
        assert {event.message_id for event in polling.events()} == set(fake.mails)


def test_a_message_id_with_any_characters_is_asked_for_as_it_is(tmp_path):
    with FakeSendGrid(11) as fake, install(tmp_path, fake, feeds=["messages", "activity"]) as polling:
        mail = fake.mail(fake.now() - DAY)
        odd = "a/b c?d#e%f.filter1.0"
        fake.mails = {odd: mail}
        mail.id = odd
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_key_that_is_refused_stops_the_source_and_a_new_one_goes_on(tmp_path):
    def unauthorized(_fake, _said):
        return Said(status=401, body={"errors": [{"field": None, "message": "authorization required"}]})

    with FakeSendGrid(12, mails=8) as fake, install(tmp_path, fake, feeds=EVERY) as polling:
        fake.faults = [unauthorized]
        assert [outcome.status for outcome in polling.run("bounces", lane="live").values()] == ["stopped"]
        assert "SG." not in repr([row.problem for row in polling.store.feeds()])
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_platform_that_is_busy_is_left_alone_until_its_reset(tmp_path):
    with FakeSendGrid(13, mails=8) as fake, install(tmp_path, fake, feeds=EVERY) as polling:
        fake.limit = 2
        outcomes = polling.run("messages", "activity", lane="live").values()
        (parked,) = [outcome for outcome in outcomes if outcome.status != "done"]
        assert parked.status == "parked"
        assert now() + 40_000 < parked.until < now() + 60_000
        # Those that were under way already, and nothing after them.
        assert len(fake.asked) <= 6
        fake.limit = None
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_redirect_to_another_host_is_not_followed(tmp_path):
    with FakeSendGrid(15) as elsewhere, FakeSendGrid(15, mails=5) as fake, install(tmp_path, fake) as polling:
        away = {"Location": f"{elsewhere.url}/v3/suppression/bounces"}
        fake.faults = [lambda _fake, _said: Said(status=302, headers=away)]
        assert [outcome.status for outcome in polling.run("bounces", lane="live").values()] == ["parked"]
        assert elsewhere.asked == []
