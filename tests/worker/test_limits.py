"""Limits that a platform states, in numbers, headers or bodies; links it names; pages read at the same time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from functools import partial

import msgspec
import pytest

from aftersend import providers
from aftersend.providers.contract import Answer, Ask, Feed
from aftersend.providers.paging import Each, Item, NextLinks, Page, PageNumbers, Whole
from aftersend.settings import DAY, Source
from aftersend.vocabulary import Heard, Rate, now
from aftersend.worker import client, plan
from aftersend.worker.failures import Unavailable, Unexpected
from aftersend.worker.poller import poll
from tests.fakes import Asked, FakePlatform, Said
from tests.worker.platform import FakeProvider

MINUTE = 60_000


class Linked(FakePlatform):
    """``/v3/list``: numbers by next link, or by page number; ``/v3/totals``: of one campaign."""

    base = "/v3"

    def __init__(self) -> None:
        super().__init__()
        self.headers: dict[str, str] = {}
        self.status = 200
        self.expired: set[str] = set()
        self.next_host = ""
        self.pages = 5
        self.slow_s = 0.0
        self.under_way = self.most_under_way = 0

    def said(self, asked: Asked) -> Said | None:
        with self.lock:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        time.sleep(self.slow_s)
        said = super().said(asked)
        with self.lock:
            self.under_way -= 1
        return said

    def answer(self, asked: Asked) -> Said:
        if self.status != 200:
            return Said(status=self.status, body={"error_key": "throttled"}, headers=self.headers)
        if asked.path == "/v3/totals":
            gone = asked.query["id"] == "gone"
            return Said(body=[], status=404 if gone else 200)
        if asked.path == "/v3/numbered":
            page = int(asked.query["page"])
            rows = [page * 2, page * 2 + 1] if page < self.pages else []
            return Said(body={"rows": rows}, headers=self.headers)
        cursor = asked.query.get("next", "0")
        if cursor in self.expired:
            self.expired.remove(cursor)
            return Said(status=400, body={"error_key": "bad cursor"})
        following = int(cursor) + 1
        href = f"{self.next_host}/v3/list?next={following}" if following < self.pages else None
        return Said(body={"rows": [int(cursor)], "next": href}, headers=self.headers)


def look(answer: Answer) -> Page:
    told = json.loads(answer.body)
    return (
        Page(ids=[str(row) for row in told["rows"]], next=told.get("next")) if isinstance(told, dict) else Page(ids=[])
    )


class LinkedProvider(FakeProvider):
    name = "linked"
    title = "Linked"
    rates = (Rate(1000, MINUTE),)

    def feeds(self, source: Source) -> list[Feed]:
        numbered = partial(PageNumbers, page="page", size="", asked=2)
        return [
            Feed(
                name="list",
                walk=partial(Whole, ask=Ask(path="list", about={"what": "all"}), look=look, family=NextLinks),
            ),
            Feed(name="numbered", walk=partial(Whole, ask=Ask(path="numbered"), look=look, family=numbered)),
            Feed(name="totals", walk=lambda position, context: Each(position, context, items=ITEMS, look=look)),
        ]

    def heard(self, headers: dict[str, str]) -> list[Heard]:
        if "x-left" not in headers:
            return []
        return [Heard(MINUTE, 1000, int(headers["x-left"]), now() + 30_000)]

    def not_before(self, status, headers, body, at):
        return at + 90_000 if b"throttled" in body else None


ITEMS = [Item(key=key, ask=Ask(path="totals", params={"id": key})) for key in ("1", "gone", "2")]


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[Linked]:
    monkeypatch.setitem(providers.PROVIDERS, "linked", LinkedProvider())
    with Linked() as running:
        yield running


@pytest.fixture
def source(platform: Linked) -> Source:
    return Source(name="acme", provider="linked", base_url=platform.url, api_key="k1")


@pytest.fixture
def run(store, settings, source):
    def ran(feed: str, **how):
        plan.ensure(store, source, now())
        return poll(store, settings, ("acme", feed, "live"), f"me{time.monotonic_ns()}", **how)

    return ran


def get(store, source: Source, ask: Ask) -> Answer:
    asking = client.Client(store, source)
    try:
        return asking.get(ask)
    finally:
        asking.close()


LIST = Ask(path="list")


def test_a_list_by_next_links_from_the_hosts_root_is_read_and_told_what_it_is(platform, store, run):
    assert (run("list").status, len(platform.asked)) == ("done", 5)
    (first, *_) = store.deliveries(1)
    assert first.context == {"what": "all"}
    assert [asked.query for asked in platform.asked] == [{}, *({"next": str(n)} for n in range(1, 5))]


def test_a_next_page_on_another_host_is_not_asked_for(platform, store, source, run):
    platform.next_host = "http://203.0.113.9"
    outcome = run("list")
    assert (outcome.status, len(platform.asked)) == ("parked", 1)
    assert outcome.problem == "Linked named a next page on another host, which is not followed (source 'acme')."
    with pytest.raises(Unexpected):
        get(store, source, Ask(path="//203.0.113.9/v3/list"))


def test_a_redirect_is_not_followed(platform, store, source):
    platform.status = 302
    platform.headers = {"Location": "http://203.0.113.9/"}
    with pytest.raises(Unexpected, match=r"redirect \(302\), which is not followed"):
        get(store, source, LIST)


def test_a_link_that_expired_while_parked_sends_the_list_to_its_beginning(platform, store, run):
    pages = iter([False, False, True])
    assert run("list", pause=lambda: next(pages)).status == "paused"
    platform.expired = {"3"}
    asked = len(platform.asked)
    assert run("list").status == "done"
    assert [asked.query.get("next", "0") for asked in platform.asked[asked:]] == ["3", "0", "1", "2", "3", "4"]


def test_a_list_that_is_refused_from_its_beginning_parks(platform, run):
    platform.status = 400
    outcome = run("list")
    assert (outcome.status, outcome.problem) == ("parked", "Linked answered 400 (source 'acme').")


def test_a_campaign_that_is_gone_is_passed_over(platform, run):
    assert run("totals").status == "done"
    assert sorted(asked.query["id"] for asked in platform.asked) == ["1", "2", "gone"]


def test_numbered_pages_are_asked_for_several_at_once_and_stored_in_order(platform, store, run):
    platform.pages, platform.slow_s = 12, 0.02
    assert run("numbered") == run("numbered", force=True)
    bodies = [json.loads(delivery.body)["rows"] for delivery in store.deliveries(1)]
    assert bodies[:12] == [[2 * page, 2 * page + 1] for page in range(12)]
    assert 1 < platform.most_under_way <= client.AT_ONCE


def test_where_the_pace_is_slow_one_request_is_under_way_at_a_time(platform, store, source, settings):
    paced = msgspec.structs.replace(source, max_rate=3.9)
    asking = client.Client(store, paced)
    assert asking.at_once == 1
    asking.close()


class TestBudgets:
    def test_sources_with_one_key_share_what_the_platform_allows(self, platform, store, source):
        limited = msgspec.structs.replace(source, budget="3/hour")
        twin = msgspec.structs.replace(limited, name="twin")
        other = msgspec.structs.replace(limited, name="other", api_key="k2")
        for asker in (limited, twin, limited):
            get(store, asker, LIST)
        with pytest.raises(Unavailable, match="budget of requests to Linked is used up for now") as used_up:
            get(store, twin, LIST)
        assert now() < used_up.value.not_before <= now() + 3_600_000 * 2
        get(store, other, LIST)
        assert len(platform.asked) == 4

    def test_a_feed_without_budget_is_parked_until_there_is_some(self, platform, store, source, settings):
        limited = msgspec.structs.replace(source, budget="2/hour")
        settings = msgspec.structs.replace(settings, sources=[limited])
        plan.ensure(store, limited, now())
        outcome = poll(store, settings, ("acme", "list", "live"), "me")
        assert (outcome.status, outcome.pages, len(platform.asked)) == ("parked", 2, 2)
        assert outcome.until > now() + MINUTE
        (row,) = [row for row in store.feeds() if row.feed == "list"]
        assert row.position["place"]["next"] == "/v3/list?next=2", "what was read is saved"

    def test_what_the_headers_say_is_heeded_by_everyone(self, platform, store, source):
        platform.headers = {"X-Left": "0"}
        get(store, source, LIST)
        with pytest.raises(Unavailable) as used_up:
            get(store, msgspec.structs.replace(source, name="twin"), LIST)
        assert now() + 28_000 < used_up.value.not_before < now() + 32_000
        assert len(platform.asked) == 1

    @pytest.mark.parametrize(
        ("headers", "seconds"), [({"Retry-After": "60"}, 60), ({}, 90), ({"Retry-After": "x"}, 90)]
    )
    def test_a_429_silences_everyone_with_that_key(self, headers, seconds, platform, store, source):
        platform.status, platform.headers = 429, headers
        with pytest.raises(Unavailable) as first:
            get(store, source, LIST)
        assert seconds - 2 <= (first.value.not_before - now()) / 1000 <= seconds
        with pytest.raises(Unavailable, match="used up for now") as second:
            get(store, msgspec.structs.replace(source, name="twin"), LIST)
        assert second.value.not_before == first.value.not_before
        assert len(platform.asked) == 1

    def test_an_operators_run_breaks_the_silence(self, platform, run):
        platform.status = 429
        assert run("list").status == "parked"
        platform.status = 200
        assert run("list", force=True).status == "done"

    def test_a_403_that_says_when_is_no_matter_of_credentials(self, platform, store, run):
        platform.status = 403
        outcome = run("list")
        assert outcome.status == "parked"
        assert not any(row.stopped for row in store.feeds())

    def test_many_workers_at_once_never_take_more_turns_than_there_are(self, platform, store, source):
        limited = msgspec.structs.replace(source, budget="10/day")
        refused: list[Unavailable] = []

        def work() -> None:
            for _ in range(5):
                try:
                    get(store, limited, LIST)
                except Unavailable as unavailable:
                    refused.append(unavailable)

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert (len(platform.asked), len(refused)) == (10, 10)
        assert all(unavailable.not_before % DAY == 0 for unavailable in refused), "the day begins anew at midnight"
