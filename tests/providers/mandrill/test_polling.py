"""Mandrill polled for real: whatever goes wrong on the way, the store ends up with the truth."""

from __future__ import annotations

import json

import pytest

from aftersend.providers import budgets
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Clock, Kind, Rate, now
from aftersend.worker import plan
from aftersend.worker.client import check
from aftersend.worker.failures import Refused
from aftersend.worker.poller import poll
from tests.fakes import Said, cut, hang_up, html, truncated, unavailable
from tests.providers.mandrill.fake import DAY, HOUR, KEY, FakeMandrill, error
from tests.providers.mandrill.installed import install, known
from tests.providers.mandrill.said import MANDRILL


def searches(fake: FakeMandrill) -> list[dict]:
    return [json.loads(asked.body) for asked in fake.asked if asked.path.endswith("search.json")]


def failing(_fake: FakeMandrill, _said: Said) -> Said:
    return error(500, "GeneralError")


def test_everything_is_read_once(tmp_path):
    with FakeMandrill(1, messages=60) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert [row.problem for row in polling.store.feeds() if row.problem] == []


@pytest.mark.parametrize("seed", range(3))
def test_the_store_equals_the_truth_after_any_mixture_of_faults_and_kills(tmp_path, seed):
    with FakeMandrill(seed, messages=50) as fake, install(tmp_path, fake) as polling:
        fake.lively, fake.rate, fake.most = True, 0.3, 12
        fake.kinds_of_fault = (unavailable, html, cut, hang_up, truncated, failing)
        for round_ in range(3):
            polling.kill_after = 1 + (seed + round_) % 3
            polling.run()
        # Nothing in it is full any more: what was created within a few seconds can't be told apart by windows.
        fake.lively, fake.rate, fake.most = False, 0.0, 1000
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_a_window_that_comes_back_full_is_halved_until_it_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr("aftersend.providers.mandrill.messages.MOST", 10)
    with FakeMandrill(2, messages=45) as fake, install(tmp_path, fake) as polling:
        polling.run("messages")
        polling.until_quiet()
        assert known(polling) == fake.truth()
        assert {asked["limit"] for asked in searches(fake)} == {10}
        assert len({(asked["date_from"], asked["date_to"]) for asked in searches(fake)}) > 5


def test_a_minute_with_more_than_fit_ends_the_halving(tmp_path, monkeypatch):
    monkeypatch.setattr("aftersend.providers.mandrill.messages.MOST", 5)
    with FakeMandrill(2) as fake, install(tmp_path, fake) as polling:
        at = fake.now() - HOUR
        for _ in range(8):
            fake.hand_over(fake.send(at, fate=False))
        assert {outcome.status for outcome in polling.run("messages", lane=plan.LIVE).values()} == {"done"}
        assert len(searches(fake)) < 50
        assert len(known(polling)) >= 5


def test_an_open_that_comes_days_later_is_found_by_the_long_look_back(tmp_path):
    with FakeMandrill(3) as fake, install(tmp_path, fake) as polling:
        sent = fake.send(fake.now() - 12 * DAY, fate=False)
        fake.hand_over(sent)
        polling.until_quiet()
        fake.act(sent, "opened", after=11 * DAY)
        polling.run("messages")
        assert len(known(polling)) == 1
        polling.run("late")
        assert known(polling) == fake.truth()


def test_identical_clicks_of_one_second_are_as_many_as_the_list_shows(tmp_path):
    with FakeMandrill(3) as fake, install(tmp_path, fake) as polling:
        sent = fake.send(fake.now() - HOUR, fate=False)
        fake.hand_over(sent)
        fake.act(sent, "clicked", "https://shop.example.com/b", ip="192.0.2.1")
        sent.clicks.append(dict(sent.clicks[0]))
        fake.facts.append(fake.facts[-1])
        polling.until_quiet()
        assert known(polling) == fake.truth()


def test_reading_again_what_is_known_leaves_nothing_behind(tmp_path):
    with FakeMandrill(4, messages=30) as fake, install(tmp_path, fake) as polling:
        polling.until_quiet()

        def told():
            return [(event.id, len(polling.store.event(event.id)[1])) for event in polling.events()]

        before = told()
        polling.run()
        assert told() == before


def test_a_bounce_of_the_list_has_its_reason_and_time_but_no_class(tmp_path):
    with FakeMandrill(5) as fake, install(tmp_path, fake) as polling:
        sent = fake.send(fake.now() - HOUR, fate=False)
        fake.hand_over(sent)
        fake.bounce(sent, "soft")
        polling.run("messages")
        (bounced,) = [event for event in polling.events() if event.kind is Kind.BOUNCED]
        assert (bounced.bounce_class, bounced.reason, bounced.smtp_code, bounced.clock) == (
            BounceClass.UNDETERMINED,
            "552 5.2.2 Over quota",
            "552",
            Clock.STATED,
        )


def test_a_backfill_reads_its_range_and_no_more(tmp_path):
    with FakeMandrill(6, messages=10, spread=2 * DAY) as fake, install(tmp_path, fake) as polling:
        old = fake.send(fake.now() - 25 * DAY, fate=False)
        fake.hand_over(old)
        polling.run("messages", lane=plan.LIVE)
        assert old.id not in {fact[1] for fact in known(polling)}
        polling.run("messages")
        assert old.id in {fact[1] for fact in known(polling)}


def test_a_wrong_key_stops_the_source_though_it_is_answered_with_500(tmp_path):
    with FakeMandrill(7, messages=3) as fake, install(tmp_path, fake, api_key="md-wrong-0123456789") as polling:
        outcome = polling.run("messages", lane=plan.LIVE)["messages", plan.LIVE]
        assert outcome.status == "stopped"
        assert "md-wrong" not in outcome.problem
        assert len(fake.asked) == 1
        with pytest.raises(Refused):
            check(polling.store, polling.source)


def test_another_error_with_500_is_for_later(tmp_path):
    with FakeMandrill(7, messages=3) as fake, install(tmp_path, fake) as polling:
        fake.rate, fake.kinds_of_fault = 1.0, (failing,)
        assert {outcome.status for outcome in polling.run("messages").values()} == {"parked"}


def test_after_a_429_everybody_is_silent_for_a_minute(tmp_path):
    with FakeMandrill(8, messages=3) as fake, install(tmp_path, fake) as polling:
        plan.ensure(polling.store, polling.source, now())
        fake.faults = [lambda _fake, _said: error(429, "TooManyRequests")]
        began = now()
        outcomes = [
            poll(polling.store, polling.settings, ("acme", feed, plan.LIVE), feed) for feed in ("messages", "late")
        ]
        assert [outcome.status for outcome in outcomes] == ["parked", "parked"]
        assert all(began + 58_000 < outcome.until < now() + 62_000 for outcome in outcomes)
        assert len(fake.asked) == 1


def test_twenty_requests_a_minute_are_all_there_are_for_a_key():
    source = Source(name="acme", provider="mandrill", api_key=KEY)
    assert budgets.rates(source) == (Rate(20, 60_000),)
    twin, other = (
        Source(name="twin", provider="mandrill", api_key=KEY),
        Source(name="x", provider="mandrill", api_key="k"),
    )
    assert budgets.budget(source) == budgets.budget(twin) != budgets.budget(other)


def test_the_key_is_in_no_header_nor_in_what_is_stored(tmp_path):
    with FakeMandrill(9, messages=3) as fake, install(tmp_path, fake) as polling:
        polling.run()
        assert all(KEY not in json.dumps(asked.headers) + asked.path for asked in fake.asked)
        assert all(KEY not in json.dumps(row.position) for row in polling.store.feeds())
        assert check(polling.store, polling.source) is not None


def test_without_a_key_there_are_webhooks_alone():
    assert MANDRILL.enabled(Source(name="acme", provider="mandrill")) == {}
    assert list(MANDRILL.enabled(Source(name="acme", provider="mandrill", api_key="k"))) == [
        "messages",
        "late",
        "rejects",
    ]
