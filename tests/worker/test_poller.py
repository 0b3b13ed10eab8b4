from __future__ import annotations

import json
import time
from email.utils import formatdate
from threading import Event, Thread

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.providers import budgets
from aftersend.settings import Settings, Source
from aftersend.storage.contract import FeedRow, Store
from aftersend.vocabulary import ConfigurationError, Door, now
from aftersend.worker import claims, client, failures, normalizer, plan, poller
from aftersend.worker.poller import Outcome
from tests.worker import platform as fakes
from tests.worker.conftest import ids
from tests.worker.platform import KEY, Platform, cut, hang_up, says, status, truncated

PAGES, ONCE, TOTALS = ("acme", "pages", "live"), ("acme", "once", "live"), ("acme", "totals", "live")


@pytest.fixture(autouse=True)
def planned(store: Store, source: Source) -> None:
    plan.ensure(store, source, now())


def poll(store: Store, settings: Settings, key: tuple[str, str, str] = PAGES, **how) -> Outcome:
    return poller.poll(store, settings, key, claims.new_owner(), **how)


def row(store: Store, key: tuple[str, str, str] = PAGES) -> FeedRow:
    return next(row for row in store.feeds() if row.key == key)


def http_date(ahead: int) -> str:
    return formatdate((now() + ahead) / 1000, usegmt=True)


def test_a_feed_is_read_page_by_page_and_stored_as_it_came(platform, store, settings):
    platform.happen(7)
    seen = []
    before = now()
    outcome = poll(store, settings, progress=lambda *what: seen.append(what))
    assert outcome == Outcome(status="done", rows=7, pages=4, problem="", until=None)
    assert seen == [
        ("pages", 3, 1, {"page": 1}),
        ("pages", 6, 2, {"page": 2}),
        ("pages", 7, 3, {"page": 3}),
        ("pages", 7, 4, {"page": 0}),
    ]
    deliveries = list(store.deliveries(1))
    assert [d.context for d in deliveries] == [{"page": str(page)} for page in range(4)]
    assert {(d.source, d.door, d.feed, d.content_type) for d in deliveries} == {
        ("acme", Door.FEED, "pages", "application/json")
    }
    assert [json.loads(d.body)[0]["id"] for d in deliveries[:3]] == [6, 3, 0]
    assert all(before <= d.received_at <= now() for d in deliveries)
    after = row(store)
    assert (after.owner, after.problem, after.failures, after.last_rows) == (None, None, 0, 7)
    assert before + 300_000 <= after.due_at <= now() + 300_000
    assert before <= after.complete_until <= now()
    normalizer.drain(store, settings)
    assert ids(store) == platform.truth


def test_the_platform_is_asked_with_our_credentials_and_nothing_else(platform, store, settings, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    poll(store, settings)
    assert platform.headers[0]["X-Key"] == KEY
    assert "Authorization" not in platform.headers[0]


def test_a_feed_that_is_not_due_is_left_alone_unless_forced(platform, store, settings):
    assert poll(store, settings).status == "done"
    assert poll(store, settings) == Outcome(status="busy")
    assert poll(store, settings, force=True).status == "done"


def test_a_poll_asked_to_pause_goes_on_later_where_it_was(platform, store, settings):
    platform.happen(7)
    assert poll(store, settings, pause=lambda: True) == Outcome(status="paused", rows=3, pages=1)
    assert row(store).position == {"page": 1}
    assert poll(store, settings) == Outcome(status="done", rows=4, pages=3)
    assert platform.asked == [f"/pages?page={page}" for page in range(4)]


def test_a_killed_poll_goes_on_from_the_last_stored_page(platform, store, settings, monkeypatch):
    platform.happen(7)
    monkeypatch.setattr(poller, "CLAIM_MS", 0)

    class Killed(BaseException):
        pass

    def die(_feed, _rows, pages, _progress):
        if pages == 2:
            raise Killed

    with pytest.raises(Killed):
        poll(store, settings, progress=die)
    assert row(store).owner is not None
    assert row(store).position == {"page": 2}
    assert poll(store, settings).status == "done"
    # The page that was already asked for when the poll was killed is asked for again.
    assert list(dict.fromkeys(platform.asked)) == [f"/pages?page={page}" for page in range(4)]
    normalizer.drain(store, settings)
    assert ids(store) == platform.truth


def test_the_next_page_is_under_way_while_the_last_is_stored(platform, store, settings, monkeypatch):
    platform.happen(7)
    asked_when_stored = []
    append_page = store.append_page

    def watched(*page):
        deadline = time.monotonic() + 10
        while len(platform.asked) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        asked_when_stored.append(len(platform.asked))
        return append_page(*page)

    monkeypatch.setattr(store, "append_page", watched)
    assert poll(store, settings).status == "done"
    assert asked_when_stored[0] == 2
    assert platform.asked == [f"/pages?page={page}" for page in range(4)]


FAULTS = {
    "500": status(500),
    "503 with a short wait": status(503, Retry_After="0"),
    "429 with a short wait": status(429, Retry_After="0"),
    "429 with a date that has passed": status(429, Retry_After="Fri, 21 Nov 2025 10:00:00 GMT"),
    "429 that says a negative wait": status(429, Retry_After="-5"),
    "429 that says nonsense": status(429, Retry_After="soon, perhaps"),
    "cut connection": cut(),
    "cut connection, chunked": cut(chunked=True),
    "no answer at all": hang_up,
    "truncated JSON": truncated(),
    "HTML with status 200": says(b"<html><body>We are tidying up</body></html>"),
    "a JSON string": says(b'"please come back later"'),
    "an empty body": says(b""),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_passing_fault_costs_nothing_and_leaves_no_trace(name, platform, store, settings):
    platform.happen(7)
    poll(store, settings, pause=lambda: True)
    platform.faults = [FAULTS[name], FAULTS[name]]
    assert poll(store, settings) == Outcome(status="done", rows=4, pages=3)
    assert row(store).problem is None
    normalizer.drain(store, settings)
    assert ids(store) == platform.truth
    assert store.quarantined() == 0


@pytest.mark.parametrize("name", FAULTS)
def test_a_lasting_fault_parks_the_feed_with_what_was_read_saved(name, platform, store, settings):
    platform.happen(7)
    platform.faults = [lambda handler, body: handler.reply(200, body)]
    platform.faults[0].serves = True
    platform.faults += [FAULTS[name]] * 3
    before = now()
    outcome = poll(store, settings)
    assert (outcome.status, outcome.rows, outcome.pages) == ("parked", 3, 1)
    parked = row(store)
    assert parked.position == {"page": 1}
    assert (parked.owner, parked.failures, parked.problem) == (None, 1, outcome.problem)
    assert parked.parked_until == outcome.until
    assert before + 30_000 <= parked.parked_until <= now() + 45_000
    assert "source 'acme'" in parked.problem
    assert KEY not in parked.problem
    assert poll(store, settings).status == "busy"
    assert poll(store, settings, force=True) == Outcome(status="done", rows=4, pages=3)
    assert (row(store).problem, row(store).failures) == (None, 0)
    normalizer.drain(store, settings)
    assert ids(store) == platform.truth


def test_parking_doubles_with_each_failure_up_to_fifteen_minutes(platform, store, settings):
    waits = []
    for _ in range(7):
        platform.faults = [status(500)] * 3
        outcome = poll(store, settings, force=True)
        waits.append((outcome.until - now()) / 1000)
    for wait, low in zip(waits, [30, 60, 120, 240, 480, 900, 900], strict=True):
        assert low - 2 <= wait <= min(900, low * 1.5)


def test_what_the_platform_said_is_kept_but_never_our_key(platform, store, settings):
    platform.faults = [status(500, f"<h1>{KEY} broke it</h1>".encode() + b"x" * 5000)] * 3
    poll(store, settings)
    kept = row(store).problem_body
    assert kept.startswith("<h1>… broke it</h1>xxx")
    assert len(kept) == 2000


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("90", 90),
        ("7.5", 7.5),
        ("999999999999999999999999999", 86_400),
        ("9" * 6000, 86_400),
        (lambda: http_date(3_600_000), 3600),
        (lambda: http_date(90 * 86_400_000), 86_400),
    ],
    ids=["seconds", "a fraction", "absurd", "thousands of digits", "date", "date next season"],
)
@pytest.mark.parametrize("code", [429, 503])
def test_a_long_retry_after_parks_the_feed_at_once_for_at_most_a_day(code, said, seconds, platform, store, settings):
    platform.happen(7)
    poll(store, settings, pause=lambda: True)
    platform.faults = [status(code, Retry_After=said() if callable(said) else said)]
    outcome = poll(store, settings)
    assert outcome.status == "parked"
    assert len(platform.asked) == 2
    assert seconds - 2 <= (outcome.until - now()) / 1000 <= seconds
    assert row(store).parked_until == outcome.until
    poll(store, settings, force=True)
    normalizer.drain(store, settings)
    assert ids(store) == platform.truth


@pytest.mark.parametrize("code", [401, 403])
def test_refused_credentials_in_the_middle_stop_the_source_and_say_what_to_do(code, platform, store, settings):
    platform.happen(7)
    poll(store, settings, pause=lambda: True)
    platform.faults = [status(code, b"\"Parameter 'X-API-Key' is invalid.\"")]
    outcome = poll(store, settings)
    assert (outcome.status, outcome.rows) == ("stopped", 0)
    assert len(platform.asked) == 2
    assert "refused the credentials of source 'acme'" in outcome.problem
    assert "`aftersend check acme`" in outcome.problem
    assert all(feed.stopped for feed in store.feeds())
    assert row(store).problem_body == "\"Parameter 'X-API-Key' is invalid.\""
    assert poll(store, settings).status == "busy"
    assert store.due_feeds(now() + 10**9) == []


def test_a_stopped_source_starts_again_when_a_forced_poll_succeeds(platform, store, settings):
    platform.happen(4)
    platform.faults = [status(401)]
    poll(store, settings)
    assert poll(store, settings, force=True).status == "done"
    assert not any(feed.stopped for feed in store.feeds())
    assert {feed.fingerprint for feed in store.feeds()} == {plan.fingerprint(settings.sources[0])}


def test_a_stopped_source_starts_again_with_another_key(platform, store, settings):
    platform.faults = [status(401)]
    poll(store, settings)
    plan.ensure(store, msgspec.structs.replace(settings.sources[0], api_key="another"), now())
    assert not any(feed.stopped for feed in store.feeds())


def test_a_redirect_is_an_error_and_nobody_is_asked_elsewhere(platform, store, settings):
    with Platform() as elsewhere:
        platform.faults = [status(302, Location=elsewhere.url + "/pages")]
        outcome = poll(store, settings)
        assert outcome.status == "parked"
        assert "redirect (302)" in outcome.problem
        assert elsewhere.asked == []
    assert len(platform.asked) == 1


def test_a_next_page_on_another_host_is_not_followed(platform, store, settings, monkeypatch):
    with Platform() as elsewhere:
        monkeypatch.setattr(fakes.Pages, "ask", lambda _walk: fakes.Ask(path=elsewhere.url + "/pages?page=0"))
        outcome = poll(store, settings)
        assert outcome.status == "parked"
        assert "another host" in outcome.problem
        assert elsewhere.asked == []


def test_another_4xx_parks_for_fifteen_minutes(platform, store, settings):
    platform.faults = [status(404, b"not here")]
    outcome = poll(store, settings)
    assert outcome.problem == "Fake answered 404 (source 'acme')."
    assert 890 <= (outcome.until - now()) / 1000 <= 900
    assert row(store).problem_body == "not here"


def test_a_fault_of_ours_parks_only_its_feed(platform, store, settings, monkeypatch):
    def broken(_walk, _answer):
        raise KeyError("no such thing as dana@example.com")

    monkeypatch.setattr(fakes.Pages, "take", broken)
    outcome = poll(store, settings)
    assert outcome.status == "parked"
    assert outcome.problem == "Reading feed 'pages' failed inside Aftersend (KeyError); see the log."
    assert row(store).owner is None
    assert poll(store, settings, ONCE).status == "done"


def test_a_read_once_feed_is_read_until_it_is_empty(platform, store, settings):
    platform.happen(7)
    assert poll(store, settings, ONCE) == Outcome(status="done", rows=7, pages=4)
    platform.happen(2)
    assert poll(store, settings, ONCE, force=True) == Outcome(status="done", rows=2, pages=2)
    normalizer.drain(store, settings)
    assert ids(store) == platform.truth


def test_a_read_once_answer_is_on_disk_before_anyone_looks_at_it(platform, store, settings, monkeypatch):
    class Killed(BaseException):
        pass

    def die(_walk, _answer):
        raise Killed

    platform.happen(3)
    with monkeypatch.context() as broken:
        broken.setattr(fakes.Once, "take", die)
        with pytest.raises(Killed):
            poll(store, settings, ONCE)
    normalizer.drain(store, settings)
    assert ids(store) == platform.truth


def test_a_read_once_answer_is_on_disk_before_the_next_request(platform, store, settings):
    platform.happen(7)
    stored = []
    platform.before = lambda _path: stored.append(store.backlog().deliveries)
    poll(store, settings, ONCE)
    assert stored == [0, 1, 2, 3]


@pytest.mark.parametrize("chunked", [False, True], ids=["by length", "chunked"])
def test_what_arrived_of_a_cut_read_once_answer_is_kept(chunked, platform, store, settings):
    platform.happen(7)
    platform.faults = [cut(0.8, chunked=chunked)]
    assert poll(store, settings, ONCE).status == "done"
    first, *others = store.deliveries(1)
    assert first.context == {"cut": "yes"}
    assert [d.context for d in others] == [{}, {}, {}]
    assert platform.headers[0]["Accept-Encoding"] == "identity"
    normalizer.drain(store, settings)
    # The third row was handed out and never arrived whole: it is a problem, and the list by dates brings it.
    assert ids(store) == ["0", "1", "3", "4", "5", "6"]
    assert [item.delivery_id for item in store.quarantine()] == [first.id]
    poll(store, settings)
    normalizer.drain(store, settings)
    assert ids(store) == platform.truth


def test_an_answer_of_a_read_once_feed_that_is_no_list_is_kept_too(platform, store, settings):
    platform.happen(2)
    platform.faults = [truncated()]
    assert poll(store, settings, ONCE).status == "done"
    normalizer.drain(store, settings)
    poll(store, settings)
    normalizer.drain(store, settings)
    assert ids(store) == platform.truth
    assert store.quarantined() == 1


def test_two_readers_of_a_read_once_feed_never_ask_at_the_same_time(platform, store, settings):
    platform.happen(9)
    first_asked, go_on = Event(), Event()

    def wait(_path):
        first_asked.set()
        go_on.wait(10)

    platform.before = wait
    outcomes = []
    reader = Thread(target=lambda: outcomes.append(poll(store, settings, ONCE)))
    reader.start()
    assert first_asked.wait(10)
    assert poll(store, settings, ONCE, force=True) == Outcome(status="busy")
    go_on.set()
    reader.join()
    assert outcomes == [Outcome(status="done", rows=9, pages=4)]
    assert len(platform.asked) == 4


def test_two_sources_with_one_key_share_the_one_reader(platform, store, settings, source):
    twin = msgspec.structs.replace(source, name="acme-twin")
    both = msgspec.structs.replace(settings, sources=[source, twin])
    plan.ensure(store, twin, now())
    assert store.claim(ONCE, "somebody", now() + 60_000, at=now()) is not None
    assert poll(store, both, ("acme-twin", "once", "live")) == Outcome(status="busy")
    assert poll(store, both, ("acme-twin", "pages", "live")).status == "done"


def test_a_worker_whose_claim_was_lost_leaves_quietly_and_doubles_nothing(platform, store, settings, monkeypatch):
    platform.happen(7)
    monkeypatch.setattr(poller, "CLAIM_MS", 0)
    others = []

    def overtake(_path):
        platform.before = lambda _path: None
        others.append(poll(store, settings))

    platform.before = overtake
    assert poll(store, settings) == Outcome(status="lost", rows=0, pages=0)
    assert others == [Outcome(status="done", rows=7, pages=4)]
    assert (row(store).owner, row(store).position) == (None, {})
    normalizer.drain(store, settings)
    assert ids(store) == platform.truth


def test_rows_of_a_read_once_feed_are_kept_even_when_the_claim_was_lost(platform, store, settings, monkeypatch):
    platform.happen(3)
    monkeypatch.setattr(poller, "CLAIM_MS", 0)

    def overtake(_path):
        platform.before = lambda _path: None
        store.claim(ONCE, "somebody", now() + 60_000, at=now(), force=True)

    platform.before = overtake
    assert poll(store, settings, ONCE).status == "lost"
    normalizer.drain(store, settings)
    assert ids(store) == platform.truth


def test_totals_are_read_for_each_campaign_with_activity_lately(platform, store, settings, monkeypatch):
    monkeypatch.setattr(fakes, "T0", now() - 60_000)
    platform.happen(2)
    assert poll(store, settings, TOTALS) == Outcome(status="done")
    poll(store, settings)
    normalizer.drain(store, settings)
    assert poll(store, settings, TOTALS, force=True) == Outcome(status="done", rows=0, pages=1)
    assert platform.asked[-1] == "/totals?campaign=7"


def test_a_backfill_has_a_position_of_its_own_and_ends(platform, store, settings, source):
    platform.happen(7)
    lanes = plan.backfill_rows(source, ["pages"], now() - 86_400_000, now())
    store.ensure_feeds(lanes)
    assert poll(store, settings, lanes[0].key, pause=lambda: True).status == "paused"
    assert row(store).position == {}
    assert row(store, lanes[0].key).position == {"page": 1}
    assert poll(store, settings, lanes[0].key).status == "done"
    assert row(store, lanes[0].key).finished
    assert row(store, lanes[0].key).complete_until is None
    assert poll(store, settings, lanes[0].key).status == "busy"


@given(st.one_of(st.none(), st.text(), st.from_regex(r"-?[0-9]*\.?[0-9]*"), st.datetimes().map(str)))
def test_whatever_a_retry_after_says_the_wait_is_between_nothing_and_a_day(said):
    at = now()
    wait = client.retry_after(said, at)
    assert wait is None or at <= wait <= at + client.DAY_MS


def test_a_cut_answer_of_a_read_once_feed_that_brought_nothing_is_asked_again(platform, store, settings):
    platform.happen(2)
    platform.faults = [hang_up, status(500), lambda handler, _: handler.reply(200, b"[]")]
    assert poll(store, settings, ONCE) == Outcome(status="done", rows=0, pages=1)
    assert len(platform.asked) == 3


def test_requests_of_one_credential_keep_their_distance_whoever_asks(platform, store, source):
    slow = msgspec.structs.replace(source, max_rate=0.01)
    twin = msgspec.structs.replace(slow, name="acme-twin")
    slept: list[float] = []
    for asker in (slow, twin, slow):
        asking = client.Client(store, asker, sleep=slept.append)
        asking.get(fakes.Ask(path="pages", params={"page": "0"}))
        asking.close()
    assert [round(wait, -1) for wait in slept] == [100, 200]


def test_a_turn_reserved_under_a_clock_that_was_wrong_holds_nobody_for_long(platform, store, source):
    slow = msgspec.structs.replace(source, max_rate=1)
    store.reserve(budgets.budget(slow), 1000, now() + 30 * 86_400_000)
    slept: list[float] = []
    asking = client.Client(store, slow, sleep=slept.append)
    asking.get(fakes.Ask(path="pages", params={"page": "0"}))
    asking.close()
    assert slept == []


def test_short_waits_that_a_platform_asks_for_are_kept_in_the_process(platform, store, source):
    slept: list[float] = []
    asking = client.Client(store, source, sleep=slept.append)
    platform.faults = [status(429, Retry_After="4"), status(503, Retry_After="2")]
    asking.patiently(lambda: asking.get(fakes.Ask(path="pages", params={"page": "0"})))
    asking.close()
    assert [round(wait) for wait in slept] == [4, 2]


def test_checking_a_source_asks_its_probe(platform, store, source):
    assert client.check(store, source).body == b"[]"
    assert platform.asked == ["/probe"]
    platform.faults = [status(401, b"no")]
    with pytest.raises(failures.Refused) as refused:
        client.check(store, source)
    assert refused.value.body == "no"
    gone = msgspec.structs.replace(source, base_url="http://127.0.0.1:1")
    with pytest.raises(failures.Unavailable, match=r"Fake could not be reached \(ConnectionError\)"):
        client.check(store, gone)


def test_a_source_that_is_not_configured_is_an_error_that_names_it(store, settings):
    with pytest.raises(ConfigurationError, match="There is no source 'nobody'"):
        poll(store, settings, ("nobody", "pages", "live"))
    with pytest.raises(ConfigurationError, match="no feed 'letters' switched on; it has: pages, once, totals"):
        poll(store, settings, ("acme", "letters", "live"))
